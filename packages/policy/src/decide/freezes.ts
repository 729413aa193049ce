/** Change freezes: which of them can concern a capability, and what they say of a call at a time. */
import { covers } from '../documents/names.ts';
import { Calendar, type Interval, momentInWords, secondsUntil } from '../freezes/calendar.ts';
import type { Capability, Freeze, FreezeClass, TraceStep, Verdict } from '../model.ts';

export class PlannedFreeze {
  readonly #freeze: Freeze;
  readonly #calendar: Calendar;
  readonly #rule: string;

  constructor(freeze: Freeze) {
    this.#freeze = freeze;
    this.#calendar = new Calendar(freeze);
    this.#rule = `freeze ${freeze.name}`;
  }

  /** Whether it stops calls of the capability. One that nobody declared may be of any class. */
  concerns(name: string, capability: Capability | undefined): boolean {
    const { actions, classes } = this.#freeze.scope;
    if (!stopsActions(this.#freeze)) return false;
    if (actions.length > 0 && !actions.some((pattern) => covers(pattern, name))) return false;
    return classes.length === 0 || capability === undefined || classes.some((each) => isOf(capability, each));
  }

  concernsWearer(roles: readonly string[]): boolean {
    const { scope } = this.#freeze;
    return scope.roles.length === 0 || scope.roles.some((role) => roles.includes(role));
  }

  /** What it says at that time, and how long it goes on saying it. */
  at(atMs: number | undefined): FreezeAnswer {
    const { timeZone } = this.#freeze;
    if (atMs === undefined) return { step: this.#step('deny', 'the time is not known'), ...ALWAYS };
    const { inForce, fromMs, untilMs } = this.#calendar.at(atMs);
    if (!inForce) return { step: undefined, fromMs, untilMs };
    const override = this.#overrideAt(atMs);
    if (override !== undefined) {
      const detail = `lifted until ${momentInWords(override.untilMs, timeZone)} by ${override.id}`;
      return {
        step: this.#step('allow', detail),
        fromMs: Math.max(fromMs, override.fromMs),
        untilMs: Math.min(untilMs, override.untilMs),
      };
    }
    const detail = `${this.#freeze.name} is in force until ${momentInWords(untilMs, timeZone)}`;
    const { overrides } = this.#freeze;
    return {
      step: this.#step('deny', detail),
      fromMs: Math.max(fromMs, ...overrides.flatMap((each) => (each.untilMs <= atMs ? [each.untilMs] : []))),
      untilMs: Math.min(untilMs, ...overrides.flatMap((each) => (each.fromMs > atMs ? [each.fromMs] : []))),
      retryAfterSeconds: secondsUntil(untilMs, atMs),
    };
  }

  #overrideAt(atMs: number) {
    return this.#freeze.overrides.find(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs);
  }

  #step(result: Verdict, detail: string): TraceStep {
    return { rule: this.#rule, origin: 'freeze', sentence: this.#freeze.sentence, result, detail };
  }
}

/** One that names changes of policy and nothing of actions stops none. */
export function stopsActions({ scope: { actions, classes, roles, changes = [] } }: Freeze): boolean {
  return changes.length === 0 || actions.length + classes.length + roles.length > 0;
}

export interface FreezeAnswer extends Interval {
  /** Undefined while it is not in force. */
  readonly step: TraceStep | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

const ALWAYS: Interval = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };

function isOf({ access, destructive }: Capability, each: FreezeClass): boolean {
  return each === 'destructive' ? destructive : access === each;
}
