/**
 * Loaded before the server (`node --import`), in a process that builds sample data: `Date` is ahead of the real clock by what the
 * parent says, and upkeep comes due by that clock, when the parent asks for it. Upkeep is what nobody waits for: timers of a second
 * and more that were unreferenced. Shorter ones are the pace of work, and can be hurried. Time limits of connections and
 * statements are real.
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
  /** Whether upkeep that is due is done, or the pauses of work under way end. */
  readonly runs: 'upkeep' | 'pauses' | 'nothing';
}

interface Waiting {
  /** By the simulated clock. */
  readonly dueMs: number;
  readonly run: () => void;
}

const UPKEEP_FROM_MS = 1_000;

const RealDate = Date;
let aheadMs = Number(process.env[AHEAD_VARIABLE] ?? 0);
const now = (): number => RealDate.now() + aheadMs;
const upkeep = new Map<NodeJS.Timeout, Waiting>();
const pauses = new Map<NodeJS.Timeout, Waiting>();

type Schedule = (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => NodeJS.Timeout;
type Clear = (timer: NodeJS.Timeout | undefined) => void;

/** Timers that tell when they are unreferenced: from then on, upkeep waits for the parent. */
function followed(schedule: Schedule, clear: Clear, repeats: boolean): Schedule {
  return (callback, ms = 0, ...args) => {
    const timer = schedule(() => {
      if (!repeats) pauses.delete(timer);
      callback(...args);
    }, ms);
    const isUpkeep = ms >= UPKEEP_FROM_MS;
    const wait = (): void => {
      (isUpkeep ? upkeep : pauses).set(timer, { dueMs: now() + ms, run });
    };
    const run = (): void => {
      if (repeats) wait();
      else forget(timer);
      if (!isUpkeep) repeats ? timer.refresh() : clear(timer);
      callback(...args);
    };
    const unref = timer.unref.bind(timer);
    timer.unref = () => {
      wait();
      if (isUpkeep) clear(timer);
      return unref();
    };
    return timer;
  };
}

function forget(timer: NodeJS.Timeout): void {
  upkeep.delete(timer);
  pauses.delete(timer);
}

function runs(what: ClockMove['runs']): void {
  if (what === 'pauses') for (const { run } of [...pauses.values()]) run();
  if (what !== 'upkeep') return;
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
    if (timer !== undefined) forget(timer);
    clear(timer);
  };
  const replaced = {
    setTimeout: Object.assign(
      followed((callback, ms, ...args) => setTimeout(callback, ms, ...args), clear, false),
      { [promisify.custom]: promisify(setTimeout) },
    ),
    setInterval: followed((callback, ms, ...args) => setInterval(callback, ms, ...args), clear, true),
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
    runs(move.runs);
    process.send?.({ move: move.move });
  });
