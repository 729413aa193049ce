/** What reviews are called, and how their numbers read. Pure. */
import type { ReviewFacts, ReviewItem, ReviewItemType, ReviewSummary, ReviewTier } from '@hivekey/sdk';
import { count, impactWords, plural } from '../../ui/format.ts';

export const TYPE_WORDS: Readonly<Record<ReviewItemType, string>> = {
  assignment: 'role of an agent',
  role: 'role definition',
  credential: 'credential',
  delegation: 'delegation',
  grant: 'what a person may do',
  standing_approval: 'standing approval',
  break_glass: 'account for emergencies',
  temporary_grant: 'temporary exception',
};

const TIERS: readonly ReviewTier[] = ['critical', 'high', 'medium', 'low'];

export const DECISION_WORDS: Readonly<Record<string, string>> = {
  keep: 'Keep',
  modify: 'Modify',
  revoke: 'Revoke',
  escalate: 'Escalate',
};

export const FLAG_WORDS: Readonly<Record<string, string>> = {
  owner_left: 'owner has left',
  agent_suspended: 'agent is suspended',
  unused_90d: 'not used in 90 days',
  never_used: 'never used',
  unworn: 'no agent wears it',
  nobodys_key: 'belongs to nobody',
  role_unreadable: 'cannot be read',
};

const EVENT_WORDS: Readonly<Record<string, string>> = {
  owner_moved: 'an agent changed hands',
  role_widened: 'a role was widened',
  blast_radius_up: 'a blast radius rose by more than half',
  unused: 'a role was not used for 90 days',
};

export function causageWords({ kind, cause }: Pick<ReviewSummary, 'kind' | 'cause'>): string {
  if (kind === 'scheduled') return `by schedule, for ${String(cause.slot ?? '')}`;
  if (kind === 'manual') return `by hand: ${String(cause.reason ?? '')}`;
  return `${EVENT_WORDS[String(cause.event)] ?? 'by an event'}: ${String(cause.detail ?? '')}`;
}

export function usageWords({
  use_count_90d: calls,
  refused_90d: refused,
  last_used_at: last,
  use_known_from: from,
}: ReviewFacts): string {
  if (calls === null) return last === null ? 'never used, as far as is known' : 'used';
  if (from === null) return 'nothing is known of its use';
  const denied = refused === null || refused === 0 ? '' : `, ${count(refused)} refused by guards`;
  const isCovered = Date.parse(from) <= Date.now() - 90 * 86_400_000;
  return isCovered
    ? `${plural(calls, 'call')} in 90 days${denied}`
    : `${plural(calls, 'call')} since ${from.slice(0, 10)}, when the log begins${denied}`;
}

export function radiusWords({ blast_radius: kind, blast_radius_usd_24h: cents }: ReviewFacts): string {
  if (kind === null) return 'not computed';
  if (cents === null) return kind.toUpperCase();
  return cents === 0 ? 'no money' : `${impactWords('usd', cents)} in 24 h`;
}

/** What changed first, then what can do most. */
export function byUrgency(a: ReviewItem, b: ReviewItem): number {
  const tier = TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier);
  const changed = Number(b.facts.changes.length > 0) - Number(a.facts.changes.length > 0);
  const done = Number(a.own?.decision != null) - Number(b.own?.decision != null);
  return done || changed || tier || (a.id < b.id ? -1 : 1);
}
