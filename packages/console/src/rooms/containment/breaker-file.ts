/** From what is typed to a breaker, and back. Pure. */
import type { Breaker } from '../../api/types.ts';

export interface Draft {
  readonly name: string;
  readonly signal: Breaker['signal'];
  /** In percent of calls, or as the API has it: calls, or minor units. */
  readonly limit: number | string;
  readonly windowMinutes: number | string;
  readonly minCalls: number | string;
  readonly unit: string;
  readonly roles: readonly string[];
  readonly action: Breaker['action'];
  /** Of a quarantine: no more than this role grants. */
  readonly role: string | undefined;
  readonly exit: Breaker['exit'];
  readonly cooldownMinutes: number | string;
  readonly trialCalls: number | string;
}

export type BreakerDocument = Omit<Breaker, 'object' | 'name' | 'author' | 'updated_at' | 'agents'>;

export const EMPTY: Draft = {
  name: '',
  signal: 'denials',
  limit: 50,
  windowMinutes: 5,
  minCalls: 10,
  unit: 'usd',
  roles: [],
  action: 'quarantine',
  role: undefined,
  exit: 'reviewed',
  cooldownMinutes: 15,
  trialCalls: 10,
};

export function isPart(signal: Breaker['signal']): boolean {
  return signal === 'denials' || signal === 'errors';
}

export function draftOf(breaker: Breaker): Draft {
  const { name, signal, threshold, window_seconds, min_calls, unit, roles, action, role, exit } = breaker;
  return {
    name,
    signal,
    limit: isPart(signal) ? Math.round(threshold * 10_000) / 100 : threshold,
    windowMinutes: window_seconds / 60,
    minCalls: min_calls,
    unit: unit ?? EMPTY.unit,
    roles: roles ?? [],
    action,
    role,
    exit,
    cooldownMinutes: breaker.cooldown_seconds / 60,
    trialCalls: breaker.trial_calls,
  };
}

/** Undefined while a number is missing. */
export function documentOf(draft: Draft): BreakerDocument | undefined {
  const { signal, unit, roles, action, role, exit } = draft;
  const [limit, window, least, cooldown, trial] = [
    draft.limit,
    draft.windowMinutes,
    draft.minCalls,
    draft.cooldownMinutes,
    draft.trialCalls,
  ].map((value) => (typeof value === 'number' && value > 0 ? value : undefined));
  if (limit === undefined || window === undefined || least === undefined) return undefined;
  if (cooldown === undefined || trial === undefined) return undefined;
  return {
    signal,
    threshold: isPart(signal) ? Math.round(limit * 100) / 10_000 : limit,
    window_seconds: Math.round(window * 60),
    min_calls: least,
    ...(signal === 'spend' ? { unit: unit.trim() } : {}),
    ...(roles.length === 0 ? {} : { roles }),
    ...(action === 'quarantine' && role !== undefined ? { role } : {}),
    action,
    exit: action === 'kill' ? 'reviewed' : exit,
    cooldown_seconds: Math.round(cooldown * 60),
    trial_calls: trial,
  };
}
