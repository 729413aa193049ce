/** Rehearsals as the API shows them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

const milliseconds = z.number().nullable();
/** One that is running longer was lost with its node. */
const LOST_AFTER_SECONDS = 300;

const line = z.object({
  refused: z.boolean(),
  code: z.string().nullable(),
  ms: milliseconds.meta({ description: 'From the order to the refusal.' }),
});

const resultSchema = z.object({
  failure: z.string().nullable().meta({ description: 'Why it did not pass, as a code.' }),
  containment: z.string().nullable().meta({ description: 'The stop of the shadow agent, with its receipt.' }),
  ordered_at: z.string().nullable(),
  commit_ms: milliseconds,
  first_refusal_ms: milliseconds.meta({ description: 'Of the recording transaction.' }),
  call_aborted_ms: milliseconds,
  session_closed_ms: milliseconds,
  slowest_ms: milliseconds.meta({ description: 'The latest of them and of the entrances.' }),
  entrances: z.array(line.extend({ entrance: z.enum(['mcp', 'http', 'actions', 'authzen']) })),
  tools: z.array(
    line.extend({
      capability: z.string(),
      before: z.enum(['allow', 'deny', 'review']).nullable().meta({
        description: 'What a call without arguments would have come to before the stop.',
      }),
    }),
  ),
  call: z.object({ event_id: z.string(), capability: z.string() }).nullable().meta({
    description: 'What was in flight. Null: every tool counts against a budget, and a rehearsal takes none.',
  }),
});

export type RehearsalResult = z.output<typeof resultSchema>;

export const rehearsalSchema = z
  .object({
    id: z.string(),
    object: z.literal('rehearsal'),
    agent: z.string().nullable(),
    agent_id: z.string().nullable(),
    drill: z.string().nullable(),
    actor: z.string(),
    node: z.string(),
    target_ms: z.int(),
    started_at: z.int(),
    ended_at: z.int().nullable(),
    status: z.enum(['running', 'passed', 'failed']),
    result: resultSchema.nullable(),
  })
  .meta({ id: 'Rehearsal' });

type RehearsalView = z.output<typeof rehearsalSchema>;

export interface Rehearsal extends RehearsalView {
  readonly started_us: number;
}

const REHEARSALS = `
SELECT id, 'rehearsal' AS object, agent, agent_id, drill, actor, node, target_ms,
       floor(extract(epoch FROM started_at))::bigint AS started_at, floor(extract(epoch FROM ended_at))::bigint AS ended_at,
       status, result, (extract(epoch FROM started_at) * 1000000)::bigint AS started_us
  FROM rehearsals WHERE workspace_id = $1`;

/** Newest first. */
export async function listRehearsals(
  pool: Pool,
  workspaceId: WorkspaceId,
  drill: string | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<Rehearsal[]> {
  const { rows } = await pool.query<Rehearsal>(
    `${REHEARSALS} AND ($2::text IS NULL OR drill = $2)
   AND ($3::bigint IS NULL OR (rehearsals.started_at, id) < ('epoch'::timestamptz + $3 * interval '1 microsecond', $4))
 ORDER BY rehearsals.started_at DESC, id DESC LIMIT $5`,
    [workspaceId, drill ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `rehearsal_not_found`. */
export async function readRehearsal(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<Rehearsal> {
  const { rows } = await client.query<Rehearsal>(`${REHEARSALS} AND id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'rehearsal_not_found',
    `There is no rehearsal "${id}".`,
    'List them with GET /v1/containments/rehearsals.',
  );
}

/** The newest of each drill. */
export async function lastOfDrills(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<ReadonlyMap<string, Rehearsal>> {
  const { rows } = await client.query<Rehearsal>(
    `SELECT DISTINCT ON (drill) * FROM (${REHEARSALS} AND drill IS NOT NULL) r ORDER BY drill, started_us DESC`,
    [workspaceId],
  );
  return new Map(rows.flatMap((row) => (row.drill === null ? [] : [[row.drill, row] as const])));
}

export async function lostRehearsals(pool: Pool): Promise<{ workspaceId: WorkspaceId; id: string }[]> {
  const { rows } = await pool.query<{ workspaceId: WorkspaceId; id: string }>(
    `SELECT workspace_id AS "workspaceId", id FROM rehearsals
      WHERE status = 'running' AND started_at < clock_timestamp() - make_interval(secs => $1) LIMIT 100`,
    [LOST_AFTER_SECONDS],
  );
  return rows;
}

export function nothingMeasured(failure: string): RehearsalResult {
  return {
    failure,
    containment: null,
    ordered_at: null,
    commit_ms: null,
    first_refusal_ms: null,
    call_aborted_ms: null,
    session_closed_ms: null,
    slowest_ms: null,
    entrances: [],
    tools: [],
    call: null,
  };
}
