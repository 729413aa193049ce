/** Everything an agent did in a time, in numbers; the list itself is the list of events with `about`. */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { countsBy, countsOf, type Period, readFor, TookTooLong } from '../log/index.ts';
import { DAY_MS, periodOf, SCAN_MS, wholeBuckets } from './scope.ts';

const tally = z.record(z.string(), z.int());

export const activitySchema = z
  .object({
    object: z.literal('agent_activity'),
    agent: z.string(),
    agent_id: z.string(),
    from: z.int(),
    to: z.int().meta({ description: 'Exclusive. Whole days, UTC.' }),
    entries: z.int().meta({ description: 'Of which the agent is the subject.' }),
    kinds: tally,
    verdicts: tally,
    days: z.array(z.object({ at: z.int(), allow: z.int(), deny: z.int(), review: z.int() })),
    calls: z
      .object({
        first_seq: z.int(),
        last_seq: z.int(),
        first_event: z.string(),
        last_event: z.string(),
        decisions: z.int(),
        missing: z.int().meta({ description: 'Numbers of its decisions that are not there: pruned, or lost.' }),
        actions: z.array(z.object({ action: z.string(), allow: z.int(), deny: z.int(), review: z.int() })),
        units: tally.meta({ description: 'What allowed calls were to spend; money in minor units.' }),
        owners: z.array(z.object({ owner: z.string(), from: z.int(), to: z.int() })),
        tokens: z.int().meta({ description: 'How many credentials it used.' }),
        on_behalf: z.int().meta({ description: 'Calls that it made for another agent.' }),
      })
      .nullable()
      .meta({ description: 'Counted row by row; null where it made none, or `complete` is false.' }),
    complete: z.boolean().meta({ description: 'False: it made too many calls in that time to look at each.' }),
    checkpoint: z
      .object({ tree_size: z.int(), at: z.int() })
      .nullable()
      .meta({ description: 'The newest signed one.' }),
  })
  .meta({ id: 'AgentActivity' });
type Activity = z.output<typeof activitySchema>;

/** Throws `agent_not_found`, `period_invalid`. */
export async function activityOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  agent: string,
  asked: Partial<Period>,
  nowMs: number,
): Promise<Activity> {
  const { id, name } = await readAgent(pool, workspaceId, agent);
  const to = asked.to ?? new Date(nowMs);
  const period = wholeBuckets(
    periodOf({ from: asked.from ?? new Date(to.getTime() - 90 * DAY_MS), to }, nowMs),
    DAY_MS,
  );
  const filter = { dimension: 'agent', value: id } as const;
  const [kinds, days, checkpoint, calls] = await Promise.all([
    countsBy(pool, workspaceId, 'kind', filter, period),
    countsOf(pool, workspaceId, 'day', { ...filter, kind: 'tool.call' }, period, DAY_MS / 1000),
    newestCheckpoint(pool, workspaceId),
    readFor(pool, SCAN_MS, (client) => callsOf(client, workspaceId, id, period)).catch((error: unknown) => {
      if (error instanceof TookTooLong) return undefined;
      throw error;
    }),
  ]);
  const byDay = new Map<number, Activity['days'][number]>();
  const verdicts: Record<string, number> = {};
  for (const { at, verdict, n } of days) {
    verdicts[verdict] = (verdicts[verdict] ?? 0) + n;
    const day = byDay.get(at) ?? { at, allow: 0, deny: 0, review: 0 };
    byDay.set(at, { ...day, [verdict]: n });
  }
  return {
    object: 'agent_activity',
    agent: name,
    agent_id: id,
    from: period.from.getTime() / 1000,
    to: period.to.getTime() / 1000,
    entries: kinds.reduce((sum, { n }) => sum + n, 0),
    kinds: Object.fromEntries(kinds.map(({ value, n }) => [value, n])),
    verdicts,
    days: [...byDay.values()],
    calls: calls ?? null,
    complete: calls !== undefined,
    checkpoint,
  };
}

// The agent's calls of the period, once; everything else is made of them.
const CALLS = `
WITH calls AS MATERIALIZED (
  SELECT seq, ts, event_id, action, verdict, owner, agent_seq, record -> 'impact' AS impact, record ->> 'token_id' AS token,
         record ? 'chain' AS is_chained
    FROM actions WHERE workspace_id = $1 AND agent_id = $2 AND ts >= $3 AND ts < $4 AND kind = 'tool.call')
SELECT (SELECT json_build_object('first_seq', min(seq), 'last_seq', max(seq), 'decisions', count(*),
                 'first_event', (array_agg(event_id ORDER BY seq))[1], 'last_event', (array_agg(event_id ORDER BY seq DESC))[1],
                 'missing', max(agent_seq) - min(agent_seq) + 1 - count(*), 'tokens', count(DISTINCT token),
                 'on_behalf', count(*) FILTER (WHERE is_chained)) FROM calls) AS span,
       (SELECT coalesce(json_agg(a ORDER BY a.allow + a.deny + a.review DESC, a.action), '[]') FROM (
          SELECT action, count(*) FILTER (WHERE verdict = 'allow') AS allow, count(*) FILTER (WHERE verdict = 'deny') AS deny,
                 count(*) FILTER (WHERE verdict = 'review') AS review FROM calls GROUP BY action) a) AS actions,
       (SELECT coalesce(json_object_agg(unit, amount), '{}') FROM (
          SELECT key AS unit, sum(value::numeric)::bigint AS amount FROM calls CROSS JOIN LATERAL jsonb_each_text(impact)
           WHERE verdict = 'allow' AND jsonb_typeof(impact) = 'object' GROUP BY key) u) AS units,
       (SELECT coalesce(json_agg(o ORDER BY o."from"), '[]') FROM (
          SELECT owner, floor(extract(epoch FROM min(ts)))::bigint AS "from", floor(extract(epoch FROM max(ts)))::bigint AS "to"
            FROM calls WHERE owner IS NOT NULL GROUP BY owner) o) AS owners`;

type Calls = NonNullable<Activity['calls']>;
interface CallsRow extends Pick<Calls, 'actions' | 'units' | 'owners'> {
  readonly span: Omit<Calls, 'actions' | 'units' | 'owners'>;
}

async function callsOf(
  client: PoolClient,
  workspaceId: WorkspaceId,
  agentId: string,
  { from, to }: Period,
): Promise<Calls | null> {
  const { rows } = await client.query<CallsRow>(CALLS, [workspaceId, agentId, from, to]);
  const [row] = rows;
  if (row === undefined || row.span.decisions === 0) return null;
  const { span, ...rest } = row;
  return { ...span, ...rest };
}

async function newestCheckpoint(pool: Pool, workspaceId: WorkspaceId): Promise<Activity['checkpoint']> {
  const { rows } = await pool.query<{ tree_size: number; at: number }>(
    `SELECT tree_size, floor(extract(epoch FROM created_at))::bigint AS at FROM log_checkpoints
      WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1`,
    [workspaceId],
  );
  return rows[0] ?? null;
}
