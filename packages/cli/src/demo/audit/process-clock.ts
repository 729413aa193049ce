/**
 * Loaded before the server (`node --import`), in a process that builds sample data: `Date` runs ahead of the real clock by what
 * the parent says, and upkeep that would have come due in the time that was skipped comes due. Upkeep is what nobody waits for:
 * timers that were unreferenced. Time limits of connections and statements are real.
 */
import { promisify } from 'node:util';
import { isMainThread } from 'node:worker_threads';

/** Where the clock stands before the parent says so. */
export const AHEAD_VARIABLE = 'SIMULATED_CLOCK_AHEAD_MS';

/** From the parent. Answered with the same `move`. */
export interface ClockMove {
  readonly move: number;
  /** Milliseconds by which the clock is ahead of the real one; negative for a clock that is behind. */
  readonly aheadMs: number;
  /** Whether upkeep follows. */
  readonly upkeep: boolean;
}

interface Upkeep {
  /** By the simulated clock. */
  dueMs: number;
  readonly run: () => void;
}

/** Shorter pauses are the pace of work under way. */
const UPKEEP_FROM_MS = 50;

const RealDate = Date;
let aheadMs = Number(process.env[AHEAD_VARIABLE] ?? 0);
const now = (): number => RealDate.now() + aheadMs;
const upkeep = new Map<NodeJS.Timeout, Upkeep>();

type Schedule = (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => NodeJS.Timeout;

function followed(schedule: Schedule, repeats: boolean): Schedule {
  return (callback, ms = 0, ...args) => {
    const call = (): void => callback(...args);
    const timer = schedule(() => {
      const due = upkeep.get(timer);
      if (due !== undefined && repeats) due.dueMs = now() + ms;
      else upkeep.delete(timer);
      call();
    }, ms);
    const unref = timer.unref.bind(timer);
    timer.unref = () => {
      if (ms >= UPKEEP_FROM_MS) upkeep.set(timer, { dueMs: now() + ms, run: () => run(timer) });
      return unref();
    };
    const run = (due: NodeJS.Timeout): void => {
      if (repeats) {
        due.refresh();
        upkeep.set(due, { dueMs: now() + ms, run: () => run(due) });
      } else clearTimeout(due);
      call();
    };
    return timer;
  };
}

function runUpkeep(): void {
  const due = [...upkeep.values()].filter(({ dueMs }) => dueMs <= now()).sort((a, b) => a.dueMs - b.dueMs);
  for (const { run } of due) run();
}

/** Once `now` is replaced, everything that is loaded after this sees the simulated clock. */
function install(): void {
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  });
  const { setTimeout, setInterval, clearTimeout: clear } = globalThis;
  const clearFollowed = (timer: NodeJS.Timeout | undefined): void => {
    if (timer !== undefined) upkeep.delete(timer);
    clear(timer);
  };
  const replaced = {
    setTimeout: Object.assign(
      followed((callback, ms, ...args) => setTimeout(callback, ms, ...args), false),
      { [promisify.custom]: promisify(setTimeout) },
    ),
    setInterval: followed((callback, ms, ...args) => setInterval(callback, ms, ...args), true),
    clearTimeout: clearFollowed,
    clearInterval: clearFollowed,
  };
  for (const [name, value] of Object.entries(replaced))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

install();
if (isMainThread)
  process.on('message', (move: ClockMove) => {
    aheadMs = move.aheadMs;
    if (move.upkeep) runUpkeep();
    process.send?.({ move: move.move });
  });
