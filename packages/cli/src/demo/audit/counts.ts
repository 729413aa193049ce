/** What was built, counted in the database, and whether the counts agree with each other. */
import type { SimulatedClock } from './clock.ts';

export interface Counts {
  readonly agents: number;
  readonly active: number;
  readonly suspended: number;
  readonly revoked: number;
  readonly entries: number;
  readonly allow: number;
  readonly deny: number;
  readonly review: number;
  readonly released: number;
  readonly results: number;
  readonly other: number;
  readonly held: number;
  readonly approved: number;
  readonly denied: number;
  readonly expired: number;
  readonly cancelled: number;
  readonly hours: number;
  readonly hours_covered: number;
  readonly changes_normal: number;
  readonly changes_emergency: number;
  readonly reviews: number;
  readonly items: number;
  readonly alerts: number;
  readonly incidents: number;
  readonly revocations: number;
  readonly rehearsals: number;
  readonly payments: number;
}

/** Of the period $1 to $2, and of the agents that were ever in force in it. */
const COUNTS = `
WITH entry AS (SELECT ts, kind, verdict, record FROM actions WHERE ts >= $1 AND ts < $2),
     call AS (SELECT verdict, record::json ->> 'approval_id' AS approval FROM entry WHERE kind = 'tool.call'),
     held AS (SELECT status FROM approvals WHERE requested_at >= $1 AND requested_at < $2)
SELECT (SELECT count(*) FROM agents WHERE rehearsal_id IS NULL)::int AS agents,
       (SELECT count(*) FROM agents a JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
         WHERE rehearsal_id IS NULL AND s.status = 'active')::int AS active,
       (SELECT count(*) FROM agents a JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
         WHERE rehearsal_id IS NULL AND s.status = 'suspended')::int AS suspended,
       (SELECT count(*) FROM agents a JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
         WHERE rehearsal_id IS NULL AND s.status = 'revoked')::int AS revoked,
       (SELECT count(*) FROM entry)::int AS entries,
       (SELECT count(*) FROM call WHERE verdict = 'allow')::int AS allow,
       (SELECT count(*) FROM call WHERE verdict = 'deny')::int AS deny,
       (SELECT count(*) FROM call WHERE verdict = 'review')::int AS review,
       (SELECT count(*) FROM call WHERE verdict = 'allow' AND approval IS NOT NULL)::int AS released,
       (SELECT count(*) FROM entry WHERE kind = 'tool.result')::int AS results,
       (SELECT count(*) FROM entry WHERE kind NOT IN ('tool.call', 'tool.result'))::int AS other,
       (SELECT count(*) FROM held)::int AS held,
       (SELECT count(*) FROM held WHERE status IN ('approved', 'released', 'finished', 'unknown', 'stopped'))::int AS approved,
       (SELECT count(*) FROM held WHERE status = 'denied')::int AS denied,
       (SELECT count(*) FROM held WHERE status = 'expired')::int AS expired,
       (SELECT count(*) FROM held WHERE status IN ('cancelled', 'pending'))::int AS cancelled,
       (extract(epoch FROM $2::timestamptz - $1::timestamptz) / 3600)::int AS hours,
       (SELECT count(DISTINCT date_trunc('hour', ts)) FROM entry)::int AS hours_covered,
       (SELECT count(*) FROM changes WHERE activated_at >= $1 AND activated_at < $2 AND class <> 'emergency')::int AS changes_normal,
       (SELECT count(*) FROM changes WHERE activated_at >= $1 AND activated_at < $2 AND class = 'emergency')::int AS changes_emergency,
       (SELECT count(*) FROM review_campaigns WHERE snapshot_at >= $1 AND snapshot_at < $2)::int AS reviews,
       (SELECT count(*) FROM review_items)::int AS items,
       (SELECT count(*) FROM entry WHERE kind = 'alert.opened')::int AS alerts,
       (SELECT count(*) FROM entry WHERE kind = 'incident.opened')::int AS incidents,
       (SELECT count(*) FROM containments WHERE rehearsal_id IS NULL AND ordered_at >= $1 AND ordered_at < $2)::int AS revocations,
       (SELECT count(*) FROM rehearsals WHERE started_at >= $1 AND started_at < $2)::int AS rehearsals,
       (SELECT count(*) FROM actions WHERE kind = 'tool.result' AND ts >= $1 AND ts < $2 AND action = 'payments.transfer'
                                       AND outcome = 'success')::int AS payments`;

export async function countsOf(clock: SimulatedClock, from: string, to: string): Promise<Counts> {
  const [counts] = await clock.ask<Counts>(COUNTS, [from, to]);
  if (counts === undefined) throw new Error('there is nothing to count');
  for (const [name, sum, parts] of TIES)
    if (counts[sum] !== parts.reduce((all, part) => all + counts[part], 0))
      throw new Error(`${name}: ${counts[sum]} is not the sum of ${parts.map((part) => counts[part]).join(', ')}`);
  return counts;
}

const TIES: readonly (readonly [string, keyof Counts, readonly (keyof Counts)[]])[] = [
  ['agents by status', 'agents', ['active', 'suspended', 'revoked']],
  ['entries by kind', 'entries', ['allow', 'deny', 'review', 'results', 'other']],
  ['held calls by what became of them', 'held', ['approved', 'denied', 'expired', 'cancelled']],
];

/** One line each. */
export function tableOf(counts: Counts): readonly string[] {
  const c = (name: keyof Counts): string => counts[name].toLocaleString('en-US');
  return [
    [
      'agents ever in force',
      `${c('agents')} = ${c('active')} active + ${c('suspended')} suspended + ${c('revoked')} revoked`,
    ],
    [
      'entries of the log',
      `${c('entries')} = ${c('allow')} allow + ${c('deny')} deny + ${c('review')} review + ${c('results')} results + ${c('other')} other`,
    ],
    [
      'held calls',
      `${c('held')} = ${c('approved')} approved + ${c('denied')} denied + ${c('expired')} expired + ${c('cancelled')} cancelled`,
    ],
    ['hours with entries', `${c('hours_covered')} of ${c('hours')}`],
    ['changes in force', `${c('changes_normal')} normal + ${c('changes_emergency')} emergency`],
    ['access reviews', `${c('reviews')}, ${c('items')} items`],
    ['alerts, incidents', `${c('alerts')}, ${c('incidents')}`],
    ['stops, rehearsals', `${c('revocations')}, ${c('rehearsals')}`],
    ['payments that the provider took', c('payments')],
  ].map(([name = '', text]) => `${name.padEnd(34)} ${text}`);
}
