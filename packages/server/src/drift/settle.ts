/** What differs becomes a finding with its record, once; and one that is put right is closed with one. */
import type { ClientBase, Pool } from 'pg';
import type { ApiContext } from '../api/route.ts';
import { administratorsOf } from '../identity/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Drift } from './find.ts';

type Context = Pick<ApiContext, 'pool' | 'log' | 'nodeId'>;

interface Open extends Drift {
  readonly finding: string;
}

async function readOpen(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<readonly Open[]> {
  const { rows } = await client.query<Open>(
    `SELECT id AS finding, what, object_type AS type, object_id AS id, expected, found
       FROM drift_findings WHERE workspace_id = $1 AND resolved_at IS NULL`,
    [workspaceId],
  );
  return rows;
}

const textOf = ({ what, type, id, expected, found }: Drift): string =>
  JSON.stringify([what, type, id, expected, found]);

/** In one transaction, and in none where all of it is known. Another content of the same thing is another finding. */
export async function settleDrift(
  { pool, log, nodeId }: Context,
  workspaceId: WorkspaceId,
  drift: readonly Drift[],
): Promise<void> {
  const now = new Set(drift.map(textOf));
  const known = await readOpen(pool, workspaceId);
  if (known.length === now.size && known.every((each) => now.has(textOf(each)))) return;
  await log.transact(workspaceId, async (transaction) => {
    const open = await readOpen(transaction.client, workspaceId);
    const gone = open.filter((each) => !now.has(textOf(each)));
    const wasOpen = new Set(open.map(textOf));
    await resolve(transaction, workspaceId, gone);
    const to = await administratorsOf(transaction.client, workspaceId);
    for (const each of drift) if (!wasOpen.has(textOf(each))) await find(transaction, workspaceId, nodeId, each, to);
  });
}

async function resolve(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  findings: readonly Open[],
): Promise<void> {
  if (findings.length === 0) return;
  await client.query(
    'UPDATE drift_findings SET resolved_at = clock_timestamp() WHERE workspace_id = $1 AND id = ANY($2)',
    [workspaceId, findings.map(({ finding }) => finding)],
  );
  for (const { finding, what, type, id } of findings)
    log({ kind: 'drift.resolved', actor: 'system', finding_id: finding, what, object_type: type, object_id: id });
}

async function find(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  node: string,
  { what, type, id, expected, found }: Drift,
  to: readonly string[],
): Promise<void> {
  const finding = newId('drf');
  const eventId = log({
    kind: 'drift.found',
    actor: 'system',
    finding_id: finding,
    what,
    object_type: type,
    object_id: id,
    expected,
    found,
    holds: holdsOf({ what, type }),
    node,
    to,
  });
  await client.query(
    `INSERT INTO drift_findings (workspace_id, id, what, object_type, object_id, expected, found, node, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [workspaceId, finding, what, type, id, expected, found, node, eventId],
  );
}

export const HOLDS = ['approved', 'denied', 'gate', 'told'] as const;

/**
 * What holds meanwhile. `approved`: what was approved is enforced, or nothing is allowed where it is not kept. `denied`:
 * whatever it is about is refused. `gate`: it is read from the approved version anyway. `told`: nothing but that it was
 * found.
 */
export function holdsOf({ what, type }: Pick<Drift, 'what' | 'type'>): (typeof HOLDS)[number] {
  if (what === 'policy' || what === 'archive') return 'approved';
  switch (type) {
    case 'assignment':
    case 'definition':
    case 'mcp_server':
    case 'http_api':
      return 'denied';
    case 'role':
    case 'workspace_guards':
    case 'capability':
    case 'freeze':
    case 'sources':
      return what === 'object' ? 'approved' : 'told';
    case 'change_settings':
      return 'gate';
    default:
      return 'told';
  }
}

/** That it was looked at, at most once an hour, so that the log shows it. */
export async function noteCheck(
  { pool, log, nodeId }: Context,
  workspaceId: WorkspaceId,
  { objects, tookMs, findings }: { readonly objects: number; readonly tookMs: number; readonly findings: number },
): Promise<void> {
  const { rows } = await pool.query<{ is_due: boolean }>(
    `INSERT INTO drift_checks AS c (workspace_id, checked_at, node, objects, took_ms)
     VALUES ($1, clock_timestamp(), $2, $3, $4)
     ON CONFLICT (workspace_id) DO UPDATE SET checked_at = excluded.checked_at, node = excluded.node, objects = excluded.objects,
       took_ms = excluded.took_ms
     RETURNING coalesce(c.recorded_at < clock_timestamp() - interval '1 hour', true) AS is_due`,
    [workspaceId, nodeId, objects, tookMs],
  );
  if (rows[0]?.is_due !== true) return;
  await log.transact(workspaceId, async ({ client, log: record }) => {
    const { rowCount } = await client.query(
      `UPDATE drift_checks SET recorded_at = clock_timestamp()
        WHERE workspace_id = $1 AND coalesce(recorded_at < clock_timestamp() - interval '1 hour', true)`,
      [workspaceId],
    );
    if (rowCount === 0) return;
    record({ kind: 'drift.checked', actor: 'system', node: nodeId, objects, findings, took_ms: tookMs });
  });
}
