/** How an agent is stopped right now, and how long that has taken: from stops and rehearsals, not from hopes. */
import type { Pool } from 'pg';
import { readAgent } from '../agents/index.ts';
import { readReach } from '../containment/index.ts';
import { peopleBehindKeys } from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Period } from '../log/index.ts';
import { type Answer, ASKED, type Claim, computed, recorded, unrecorded } from './answer.ts';

const STOPS = `
SELECT k.id, 'stop' AS kind, k.scope, k.target, k.reason, k.actor, k.ordered_at AS at, k.event_id,
       greatest(k.first_refusal_ms, extract(epoch FROM k.effective_at - k.ordered_at) * 1000)::float8 AS ms,
       (SELECT count(*)::int FROM containment_tools t WHERE t.workspace_id = k.workspace_id AND t.containment_id = k.id) AS tools,
       EXISTS (SELECT FROM containment_agents c WHERE c.workspace_id = k.workspace_id AND c.containment_id = k.id
                  AND c.agent_id = $4) AS is_own
  FROM containments k
 WHERE k.workspace_id = $1 AND k.ordered_at >= $2 AND k.ordered_at < $3 AND k.rehearsal_id IS NULL
 ORDER BY k.ordered_at, k.id`;

const REHEARSALS = `
SELECT r.id, 'rehearsal' AS kind, 'agent' AS scope, coalesce(r.agent, '') AS target, r.status AS reason, r.actor, r.started_at AS at,
       (SELECT a.event_id FROM actions a WHERE a.workspace_id = r.workspace_id AND a.kind NOT IN ('tool.call', 'tool.result')
           AND a.kind = 'rehearsal.ended' AND a.record ->> 'rehearsal' = r.id LIMIT 1) AS event_id,
       (r.result ->> 'slowest_ms')::float8 AS ms, jsonb_array_length(r.result -> 'tools') AS tools, r.agent_id = $4 AS is_own
  FROM rehearsals r
 WHERE r.workspace_id = $1 AND r.started_at >= $2 AND r.started_at < $3 AND r.ended_at IS NOT NULL
 ORDER BY r.started_at, r.id`;

interface Measured {
  readonly id: string;
  readonly kind: 'stop' | 'rehearsal';
  readonly scope: string;
  readonly target: string;
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
  readonly event_id: string | null;
  readonly ms: number | null;
  readonly tools: number | null;
  readonly is_own: boolean | null;
}

/** Throws `agent_not_found`. */
export async function revocationAnswer(
  pool: Pool,
  workspaceId: WorkspaceId,
  agentOrId: string,
  { from, to }: Period,
  nowMs: number,
): Promise<Answer> {
  const agent = await readAgent(pool, workspaceId, agentOrId);
  const values = [workspaceId, from, to, agent.id];
  const [reach, stops, rehearsals, named] = await Promise.all([
    readReach(pool, workspaceId, 'agent', agent.id),
    pool.query<Measured>(STOPS, values),
    pool.query<Measured>(REHEARSALS, values),
    peopleBehindKeys(pool, workspaceId),
  ]);
  const measured = [...stops.rows, ...rehearsals.rows].map((each) => ({ ...each, actor: named(each.actor) }));
  const times = measured.flatMap(({ ms }) => (ms === null ? [] : [ms])).sort((a, b) => a - b);
  return {
    object: 'answer',
    question: 'revocation',
    asked: ASKED.revocation,
    agent: agent.name,
    agent_id: agent.id,
    as_of: new Date(nowMs).toISOString(),
    period: { from: from.toISOString(), to: to.toISOString() },
    sentence: sentenceOf(agent.name, agent.status, times),
    claims: [
      computed(
        'Now',
        `A stop would end ${reach.calls} ${reach.calls === 1 ? 'call' : 'calls'} in flight and cancel ${reach.approvals} held ${reach.approvals === 1 ? 'call' : 'calls'}.`,
        'agents, open calls and held calls as they are now',
        { at: new Date(nowMs).toISOString() },
      ),
      ...ownClaims(agent.name, measured),
    ],
    tables: [
      {
        name: 'times',
        title: 'Stops and rehearsals of the period',
        columns: ['kind', 'scope', 'target', 'ordered at', 'by', 'milliseconds', 'tools', 'record'],
        rows: measured.map(({ kind, scope, target, at, actor, ms, tools, event_id: event }) => [
          kind,
          scope,
          target,
          at.toISOString(),
          actor,
          ms,
          tools,
          event,
        ]),
      },
    ],
    not_covered: [
      'Credentials of the same tools that HiveKey does not hold: they are not stopped by it.',
      'What a tool had accepted before the stop.',
    ],
  };
}

function sentenceOf(name: string, status: string, times: readonly number[]): string {
  const how =
    status === 'revoked'
      ? `${name} is stopped for good: every call is refused and its credentials are dead.`
      : `One order stops ${name} on every tool at once: a person presses Kill, or calls POST /v1/agents/${name}/revoke.`;
  if (times.length === 0) return `${how} Nothing has measured in this period how long that takes.`;
  const quantile = (share: number): number =>
    Math.round(times[Math.min(times.length - 1, Math.ceil(times.length * share) - 1)] ?? 0);
  return `${how} Of ${times.length} stops and rehearsals in this period half took at most ${quantile(0.5)} ms, and 99 of 100 at most ${quantile(0.99)} ms.`;
}

function ownClaims(name: string, measured: readonly Measured[]): readonly Claim[] {
  const own = measured.filter(({ is_own }) => is_own === true);
  if (own.length === 0) return [unrecorded('Shown', `No stop or rehearsal of ${name} itself in this period.`)];
  return own.map(({ kind, reason, actor, at, ms, event_id: event }) =>
    recorded(
      kind === 'stop' ? 'Stop' : 'Rehearsal',
      `${ms === null ? 'Not measured' : `Refused after ${Math.round(ms)} ms`}${reason === '' ? '' : ` (${reason})`}.`,
      event,
      { at: at.toISOString(), by: actor },
    ),
  );
}
