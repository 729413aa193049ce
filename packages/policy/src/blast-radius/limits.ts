/**
 * What bounds a measure: sources of it, and limits over some of the sources.
 *
 * In any interval `[t, t + H)` lie at most ⌈H / W⌉ sliding windows of W seconds end to end, and of each at most the
 * limit gets through, as the call that would pass it sees all of the window that came before. Calendar windows begin
 * at times of their own, so that one more of them is touched.
 */
import { spendingOf } from '../decide/measure.ts';
import type { Capability, Guard, WindowCondition } from '../model.ts';
import type { AgentClass } from './fleet.ts';
import type { Ground, Hat } from './ground.ts';
import { countersOf } from './keys.ts';
import { type GuardedLine, windowLimits } from './passing.ts';
import { callsOf, type Spend } from './spending.ts';
import type { Binding } from './types.ts';

/** Calls of one capability by agents that are alike. */
export interface Source {
  readonly capability: string;
  readonly spend: Exclude<Spend, { readonly kind: 'none' }>;
}

/** A limit over sources: on the measure itself, or on their calls. */
export interface Limit {
  readonly rule: Omit<Binding, 'windows' | 'counters' | 'value' | 'capabilities' | 'perCall'>;
  /** Of the calendar. */
  readonly isFixed: boolean;
  readonly counters: number;
  /** What one window of one counter lets through. */
  readonly limit: number;
  readonly measures: 'amount' | 'calls';
  /** Place of a source → what one of its calls takes of a limit on calls. */
  readonly over: ReadonlyMap<number, number>;
}

/** Windows of the limit that an interval touches. */
export function windowsIn({ rule, isFixed }: Limit, horizonSeconds: number): number {
  const endToEnd = Math.ceil(horizonSeconds / rule.windowSeconds);
  return isFixed ? endToEnd + 1 : endToEnd;
}

export interface Problem {
  readonly sources: readonly Source[];
  readonly limits: readonly Limit[];
}

interface Draft {
  readonly guard: Guard;
  readonly window: WindowCondition;
  readonly agents: number;
  readonly measures: 'amount' | 'calls';
  readonly over: Map<number, number>;
  /** Of a window that is kept apart. */
  readonly values: Set<string>;
}

/** Sources and limits of a unit, as the gateway keeps them. */
export function guardedProblem(
  ground: Ground,
  classes: readonly AgentClass[],
  line: GuardedLine,
  unit: string,
): Problem {
  const sources: Source[] = [];
  const drafts = new Map<string, Draft>();
  classes.forEach((each, place) => {
    for (const hat of each.hats)
      for (const capability of hat.granted) {
        const { spend, guards, declared } = readCalls(ground, hat, capability, line, unit);
        if (spend.kind === 'none') continue;
        sources.push({ capability, spend });
        if (spend.kind !== 'most') continue;
        for (const guard of guards) {
          const { when } = guard;
          if (!('kind' in when) || !windowLimits(guard, line)) continue;
          // What a person approved is left out of it: it says nothing of what gets through with one.
          if (when.unattended === true && line !== 'alone') continue;
          const part = partOf(when, unit, capability, declared, ground);
          const values = valuesOf(when, guards, line);
          if (part === undefined || values === undefined) continue;
          const apart = when.per === 'action' ? capability : '';
          for (const sharers of sharersOf(guard, when, each, place, hat, capability)) {
            const key = JSON.stringify([guard.origin, guard.id, sharers, apart]);
            const draft = drafts.get(key) ?? {
              guard,
              window: when,
              agents: when.scope === 'agent' ? each.agents : 1,
              measures: part.measures,
              over: new Map<number, number>(),
              values: new Set<string>(),
            };
            draft.over.set(sources.length - 1, part.takes);
            for (const value of values) draft.values.add(value);
            drafts.set(key, draft);
          }
        }
      }
  });
  return { sources, limits: [...drafts.values()].map((draft) => limitFrom(draft, sources)) };
}

function readCalls(ground: Ground, hat: Hat, capability: string, line: GuardedLine, unit: string) {
  const calls = callsOf(ground, hat, capability, line);
  return { spend: calls.spend(unit), guards: calls.guards, declared: calls.declared };
}

/** How a call counts in the window for the measure; undefined where it may not count at all. */
function partOf(
  window: WindowCondition,
  unit: string,
  capability: string,
  declared: Capability | undefined,
  ground: Ground,
): { readonly measures: 'amount' | 'calls'; readonly takes: number } | undefined {
  if (window.unit === undefined) return { measures: 'calls', takes: 1 };
  if (spendingOf(window.unit, capability, declared, window.over, ground.index) !== 'declared') return undefined;
  if (window.unit === unit) return { measures: 'amount', takes: 1 };
  const rule = declared?.impact[window.unit];
  // What an answer can give back says nothing of how many calls there were.
  if (rule?.kind !== 'constant' || rule.settle !== undefined || rule.amount === 0) return undefined;
  return { measures: 'calls', takes: rule.amount };
}

/** Values that have a counter of their own; undefined where they can be made up. */
function valuesOf(
  { per }: WindowCondition,
  guards: readonly Guard[],
  line: GuardedLine,
): readonly string[] | undefined {
  return per === undefined || per === 'action' ? [''] : countersOf(per, guards, line);
}

/** Names of who shares the window's counters. */
function sharersOf(
  { origin }: Guard,
  { scope }: WindowCondition,
  { ownerId }: AgentClass,
  place: number,
  { worn }: Hat,
  capability: string,
): readonly string[] {
  switch (scope) {
    case 'agent':
      return [`agent ${place}`];
    case 'owner':
      return [`owner ${ownerId}`];
    case 'workspace':
      return ['workspace'];
    case 'role': {
      if (origin !== 'workspace') return [`role ${origin}`];
      const granting = worn.filter(({ allow }) => allow.has(capability));
      return granting.map(({ role }) => `role ${role.name}`);
    }
  }
}

function limitFrom({ guard, window, agents, measures, over, values }: Draft, sources: readonly Source[]): Limit {
  const { kind, unit, limit, windowSeconds, scope } = window;
  const { id, origin, sentence } = guard;
  return {
    rule: { rule: id, origin, sentence, kind, ...(unit === undefined ? {} : { unit }), limit, windowSeconds, scope },
    isFixed: false,
    counters: agents * values.size,
    limit: reachable(limit, measures, over, sources),
    measures,
    over,
  };
}

/** The most of the limit that calls can add up to: of calls that each have 7, a limit of 20 lets 14 through. */
function reachable(
  limit: number,
  measures: 'amount' | 'calls',
  over: ReadonlyMap<number, number>,
  sources: readonly Source[],
): number {
  let step = 0;
  for (const [place, takes] of over) {
    const spend = sources[place]?.spend;
    if (measures === 'calls') step = greatestCommonDivisor(step, takes);
    else if (spend?.kind === 'most' && spend.isConstant) step = greatestCommonDivisor(step, spend.perCall);
    else return limit;
  }
  return step === 0 ? limit : Math.floor(limit / step) * step;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
