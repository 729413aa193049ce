/**
 * Every interleaving of a few processes, each a list of atomic steps. Stateless: a state is reached by walking its
 * schedule again from the beginning, so that the steps may be the real, mutable code; states that look the same are
 * gone on from once.
 */

export interface Process {
  readonly name: string;
  /** Whether its next step can be taken now: a lock may be held, an answer may not be there. */
  canStep(): boolean;
  step(): void;
  readonly isDone: boolean;
}

export interface World {
  readonly processes: readonly Process[];
  /** All that has a bearing on what can follow, as text. */
  fingerprint(): string;
  /** What went wrong, if anything did. */
  violation(): string | undefined;
}

export interface Exploration {
  readonly states: number;
  /** Schedules that ended: nobody could go on. */
  readonly ends: number;
  /** The first violation, with the names of the steps that lead there. */
  readonly violation: { readonly what: string; readonly schedule: readonly string[] } | undefined;
  /** What the ends looked like. */
  readonly outcomes: ReadonlySet<string>;
}

export function explore(make: () => World, outcome: (world: World) => string = () => ''): Exploration {
  const seen = new Set<string>();
  const outcomes = new Set<string>();
  let ends = 0;
  const stack: (readonly number[])[] = [[]];
  for (let schedule = stack.pop(); schedule !== undefined; schedule = stack.pop()) {
    const world = make();
    const names: string[] = [];
    for (const at of schedule) {
      const process = world.processes[at];
      if (process === undefined) throw new Error('there is no such process');
      names.push(process.name);
      process.step();
    }
    const what = world.violation();
    if (what !== undefined) return { states: seen.size, ends, violation: { what, schedule: names }, outcomes };
    const state = world.fingerprint();
    if (seen.has(state)) continue;
    seen.add(state);
    const open = world.processes.flatMap((process, i) => (!process.isDone && process.canStep() ? [i] : []));
    if (open.length === 0) {
      ends += 1;
      outcomes.add(outcome(world));
    }
    for (const next of open) stack.push([...schedule, next]);
  }
  return { states: seen.size, ends, violation: undefined, outcomes };
}
