/** Computes where it holds nobody up: of few agents here, of many in a thread. */
import { Failure } from '../errors.ts';
import { inThread } from '../in-thread.ts';
import { perform, type RadiusTask, type ResultOf } from './tasks.ts';

/** So many are done in a few tens of milliseconds, which is what a thread takes to begin. */
const FEW_AGENTS = 50;
const LIMITS = { heapMb: 1_024, giveUpAfterMs: 300_000 };

/** Throws `blast_radius_failed` where it takes too long or too much memory. */
export function compute<Task extends RadiusTask>(task: Task): Promise<ResultOf<Task>> {
  const isSmall = task.kind !== 'sweep' && task.world.agents.length <= FEW_AGENTS;
  // What a task of a kind gives is of that kind.
  return (
    isSmall
      ? Promise.resolve(perform(task))
      : inThread(new URL('./radius-thread.ts', import.meta.url), task, LIMITS, failed)
  ) as Promise<ResultOf<Task>>;
}

function failed(why: string): Failure {
  return new Failure(
    500,
    'blast_radius_failed',
    `Computing blast radii ${why}.`,
    'Ask for fewer agents at once; the log of the server says more.',
  );
}
