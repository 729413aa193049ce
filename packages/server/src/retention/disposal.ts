/** Disposals as they are kept, and reading them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { REASONS } from './due.ts';
import { storedPeriods } from './settings.ts';

const keptSchema = z.object({
  reasons: z.partialRecord(z.enum(REASONS), z.int()),
  holds: z.array(z.object({ id: z.string(), matter: z.string(), entries: z.int() })),
  behind: z
    .array(z.object({ what: z.string(), name: z.string(), through: z.int() }))
    .meta({ description: 'Readers of the log that have not come so far; nothing behind them goes.' }),
});
export type Kept = z.output<typeof keptSchema>;

export const disposalSchema = z
  .object({
    object: z.literal('disposal'),
    id: z.string(),
    actor: z.string(),
    status: z.enum(['running', 'done']),
    periods: storedPeriods,
    started_at: z.int(),
    ended_at: z.int().nullable(),
    records: z
      .array(z.object({ event_id: z.string(), seq: z.int().nullable(), removed: z.int(), is_done: z.boolean() }))
      .meta({ description: 'The `log.pruned` of the log by which payloads went.' }),
    removed: z.int().meta({ description: 'Payloads that went.' }),
    kept: keptSchema.nullable().meta({ description: 'What had outlived its period and stayed; null while it runs.' }),
    has_certificate: z.boolean(),
  })
  .meta({ id: 'Disposal' });
export type Disposal = z.output<typeof disposalSchema>;

interface Row {
  id: string;
  actor: string;
  periods: unknown;
  started_at: number;
  started_us: number;
  ended_at: number | null;
  kept: unknown;
  records: Disposal['records'];
}

const DISPOSALS = `
SELECT d.id, d.actor, d.policy -> 'periods' AS periods, floor(extract(epoch FROM d.started_at))::bigint AS started_at,
       (extract(epoch FROM d.started_at) * 1000000)::bigint AS started_us,
       floor(extract(epoch FROM d.ended_at))::bigint AS ended_at, d.kept,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('event_id', w.event_id, 'seq', w.seq, 'removed', w.removed, 'is_done',
                                                     w.done_at IS NOT NULL) ORDER BY w.recorded_at, w.event_id), '[]')
          FROM retention_work w WHERE w.workspace_id = d.workspace_id AND w.disposal_id = d.id) AS records
  FROM disposals d WHERE d.workspace_id = $1`;

function disposalOf({ id, actor, periods, started_at, ended_at, kept, records }: Row): Disposal {
  return {
    object: 'disposal',
    id,
    actor,
    status: ended_at === null ? 'running' : 'done',
    periods: storedPeriods.parse(periods),
    started_at,
    ended_at,
    records,
    removed: records.reduce((sum, { removed }) => sum + removed, 0),
    kept: ended_at === null ? null : keptSchema.parse(kept),
    has_certificate: ended_at !== null,
  };
}

/** Throws `disposal_not_found`. */
export async function readDisposal(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Disposal> {
  const { rows } = await client.query<Row>(`${DISPOSALS} AND d.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return disposalOf(rows[0]);
  throw notFound(id);
}

/** Newest first. */
export async function listDisposals(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly { readonly disposal: Disposal; readonly position: TimePosition }[]> {
  const { rows } = await pool.query<Row>(
    `SELECT * FROM (${DISPOSALS}) AS disposals WHERE ($2::bigint IS NULL OR (started_us, id) < ($2, $3))
      ORDER BY started_us DESC, id DESC LIMIT $4`,
    [workspaceId, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map((row) => ({ disposal: disposalOf(row), position: { atUs: row.started_us, id: row.id } }));
}

/** The signed text. Throws `disposal_not_found`, `certificate_not_there`. */
export async function readCertificate(pool: Pool, workspaceId: WorkspaceId, id: string): Promise<string> {
  const { rows } = await pool.query<{ certificate: string | null }>(
    'SELECT certificate FROM disposals WHERE workspace_id = $1 AND id = $2',
    [workspaceId, id],
  );
  const [row] = rows;
  if (row === undefined) throw notFound(id);
  if (row.certificate !== null) return row.certificate;
  throw new Failure(
    409,
    'certificate_not_there',
    `The disposal "${id}" is still running.`,
    'Try again when it is done.',
  );
}

function notFound(id: string): Failure {
  return new Failure(404, 'disposal_not_found', `There is no disposal "${id}".`, 'List them with GET /v1/disposals.');
}

export async function unfinishedDisposal(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<{ readonly id: string; readonly actor: string } | undefined> {
  const { rows } = await client.query<{ id: string; actor: string }>(
    'SELECT id, actor FROM disposals WHERE workspace_id = $1 AND ended_at IS NULL ORDER BY started_at LIMIT 1',
    [workspaceId],
  );
  return rows[0];
}
