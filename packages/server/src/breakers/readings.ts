/** How near each agent is to tripping a breaker, by what the breaker itself counts. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { AgentId, WorkspaceId } from '../ids.ts';
import { type Activity, measure } from './judge.ts';
import { readBreaker } from './store.ts';

const MOST_READINGS = 100;

export const readingSchema = z
  .object({
    object: z.literal('breaker_reading'),
    agent: z.string(),
    agent_id: z.string(),
    state: z.enum(['open', 'half_open', 'closed']),
    value: z.number().meta({ description: 'What is compared with the threshold, in its unit.' }),
    counted: z.int().meta({
      description: 'denials: calls in the window. errors: finished ones. Below `min_calls` nothing is judged.',
    }),
    is_judged: z.boolean().meta({ description: 'Whether so many are counted that the value may trip it.' }),
  })
  .meta({ id: 'BreakerReading' });

type Reading = z.output<typeof readingSchema>;

/** As `ACTIVITY` of store.ts counts, for all agents at once: what was before the last change of a breaker is not held against an agent. */
const READINGS = `
SELECT a.handle AS agent, c.agent_id, coalesce(s.state, 'closed') AS state,
       count(*)::int AS calls, (count(*) FILTER (WHERE c.verdict = 'deny'))::int AS denied,
       (count(*) FILTER (WHERE c.verdict = 'deny' AND c.reason_class = 'scope'))::int AS probed,
       (count(*) FILTER (WHERE c.outcome IN ('success', 'error')))::int AS ended,
       (count(*) FILTER (WHERE c.outcome = 'error'))::int AS failed,
       coalesce(sum((c.record -> 'impact' ->> $4)::numeric) FILTER (WHERE c.verdict = 'allow'), 0)::float8 AS spent
  FROM actions c
  JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.agent_id AND NOT a.synthetic
  LEFT JOIN breaker_states s ON s.workspace_id = c.workspace_id AND s.breaker = $2 AND s.agent_id = c.agent_id
  LEFT JOIN actions r ON r.workspace_id = c.workspace_id AND r.event_id = s.event_id
 WHERE c.workspace_id = $1 AND c.kind = 'tool.call' AND c.ts > now() - make_interval(secs => $3)
   AND c.reason_class NOT IN ('containment', 'credential')
   AND (s.event_id IS NULL OR c.seq > r.seq)
   AND ($5::text[] IS NULL OR EXISTS (
         SELECT FROM agent_roles g WHERE g.workspace_id = c.workspace_id AND g.agent_id = c.agent_id AND g.role = ANY($5)))
 GROUP BY a.handle, c.agent_id, s.state`;

type Row = Activity & { readonly agent: string; readonly agent_id: AgentId; readonly state: Reading['state'] };

/** Of the agents that did something within its window the hundred nearest to tripping, nearest first. Throws `breaker_not_found`. */
export async function readReadings(pool: Pool, workspaceId: WorkspaceId, name: string): Promise<Reading[]> {
  const breaker = await readBreaker(pool, workspaceId, name);
  const { window_seconds: seconds, unit, roles } = breaker;
  const values = [workspaceId, name, seconds, unit ?? '', roles ?? null];
  const { rows } = await pool.query<Row>(READINGS, values);
  return rows
    .map((row): Reading => {
      const { value, counted, isJudged } = measure(breaker, row);
      const { agent, agent_id, state } = row;
      return { object: 'breaker_reading', agent, agent_id, state, value, counted, is_judged: isJudged };
    })
    .sort((a, b) => b.value - a.value || a.agent.localeCompare(b.agent))
    .slice(0, MOST_READINGS);
}
