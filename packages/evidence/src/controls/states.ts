/** The five states of a control, how one is come to, and how many are counted together. Unknown is never green. */
import { upperBound } from './bound.ts';

/** The worst first. */
export const STATES = ['fail', 'not_enough_data', 'did_not_occur', 'pass', 'not_applicable'] as const;
export type ControlState = (typeof STATES)[number];

export interface Deviation {
  /** Id of the record that deviates: of an event, an agent, a change, … */
  readonly record_id: string;
  /** What is wrong, in one word that stays, e.g. `late`. */
  readonly kind: string;
  readonly sentence: string;
  /** Path of the console where the record is. */
  readonly href: string;
}

/** What a test rests on. */
export interface Source {
  readonly name: string;
  /** What it is, and for one that is off, what is missing. */
  readonly about: string;
  readonly enabled: boolean;
  /** ISO 8601 UTC: when it last said something before the end of the period; null: never. */
  readonly last_seen: string | null;
  /** Silent for so long that what it says is not to be relied upon. */
  readonly stale: boolean;
}

/** A test of a control over the whole population of a period. */
export interface Tested {
  readonly population: number;
  /** All that deviate; `deviations` has the first of them. */
  readonly deviating: number;
  readonly deviations: readonly Deviation[];
  readonly sources: readonly Source[];
  /** Why there is too little to say that it passes; null: there is enough. */
  readonly missing: string | null;
  /** Why nothing is known: the query failed. */
  readonly error: string | null;
}

export interface Exemption {
  readonly id: string;
  readonly reason: string;
  readonly requested_by: string;
  readonly approved_by: string;
  /** ISO 8601 UTC. */
  readonly expires_at: string;
}

export interface Verdict {
  readonly state: ControlState;
  /** Why it is not PASS, or what PASS rests on: one sentence. */
  readonly reason: string;
  readonly enough: boolean;
  readonly occurred: boolean;
  /** Deviating ÷ population; null where nothing was tested. */
  readonly rate: number | null;
  /** Exact one-sided 90 % bound of the rate. */
  readonly upper_90: number | null;
}

/** Nothing that people say comes before what was found: a deviation is FAIL whatever is missing, and whatever was declared. */
export function verdictOf(tested: Tested, exemption: Exemption | null = null): Verdict {
  const { population, deviating, error } = tested;
  const missing = error === null ? (missingSource(tested.sources) ?? tested.missing) : `The test failed: ${error}`;
  const numbers = {
    enough: missing === null,
    occurred: population > 0,
    rate: population === 0 || error !== null ? null : deviating / population,
    upper_90: population === 0 || error !== null ? null : upperBound(population, deviating),
  };
  const say = (state: ControlState, reason: string): Verdict => ({ state, reason, ...numbers });
  if (deviating > 0) return say('fail', `${deviating} of ${population} tested deviate.`);
  if (exemption !== null)
    return say(
      'not_applicable',
      `${exemption.reason} (approved by ${exemption.approved_by} until ${exemption.expires_at})`,
    );
  if (missing !== null) return say('not_enough_data', missing);
  if (population === 0) return say('did_not_occur', 'There was no occasion in the period: operation was not tested.');
  return say('pass', `${population} tested, none deviates.`);
}

function missingSource(sources: readonly Source[]): string | null {
  const off = sources.find(({ enabled }) => !enabled);
  if (off !== undefined) return `Missing: ${off.name}; ${off.about}`;
  const stale = sources.find((source) => source.stale);
  return stale === undefined ? null : `Silent since ${stale.last_seen ?? 'ever'}: ${stale.name}; ${stale.about}`;
}

export type Counts = Readonly<Record<ControlState, number>>;

export function countStates(states: readonly ControlState[]): Counts {
  const counts = { pass: 0, fail: 0, not_enough_data: 0, did_not_occur: 0, not_applicable: 0 };
  for (const state of states) counts[state] += 1;
  return counts;
}

/** "11 pass, 2 fail, 5 not enough data, 2 did not occur, 0 n/a": counts, and no percentage. */
export function headlineOf(counts: Counts): string {
  const { pass, fail, not_enough_data, did_not_occur, not_applicable } = counts;
  return `${pass} pass, ${fail} fail, ${not_enough_data} not enough data, ${did_not_occur} did not occur, ${not_applicable} n/a`;
}

export interface Fraction {
  readonly of: number;
  readonly count: number;
}

/** Two numbers that are never blended: what is covered, and what of that is clean. */
export function coverageOf(counts: Counts): { readonly coverage: Fraction; readonly clean: Fraction } {
  const covered = counts.pass + counts.fail;
  const applicable = covered + counts.not_enough_data;
  return { coverage: { count: covered, of: applicable }, clean: { count: counts.pass, of: covered } };
}

/** A criterion is as its worst control. Throws where there is none. */
export function worstOf(states: readonly ControlState[]): ControlState {
  const worst = STATES.find((state) => states.includes(state));
  if (worst === undefined) throw new RangeError('of no states none is the worst');
  return worst;
}
