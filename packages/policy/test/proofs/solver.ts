/** Z3 in this process, for tests that ask it thousands of small things. */
import { startZ3 } from '../../../cli/src/prove/z3.ts';

export interface TestSolver {
  solve(script: string): Promise<string>;
  close(): void;
}

export async function startSolver(): Promise<TestSolver> {
  const { run, close } = await startZ3({ memoryMb: 1_024, steps: 1_000_000 });
  return { solve: run, close };
}
