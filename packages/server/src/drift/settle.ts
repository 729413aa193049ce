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

/** Findings in one transaction, which everybody else of the workspace waits for; each becomes an alert too. */
const BATCH = 50;
/** Findings of one look; the next one goes on with what still is so then. */
const MOST = 1_000;

/** Those open; of these objects alone where `ids` says so. */
async function readOpen(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  ids: readonly string[] | null = null,
): Promise<readonly Open[]> {
  const { rows } = await client.query<Open>(
    `SELECT id AS finding, what, object_type AS type, object_id AS id, expected, found
       FROM drift_findings WHERE workspace_id = $1 AND resolved_at IS NULL AND ($2::text[] IS NULL OR object_id = ANY($2))`,
    [workspaceId, ids],
  );
  return rows;
}

const keyOf = ({ what, type, id }: Drift): string => JSON.stringify([what, type, id]);

const textOf = ({ what, type, id, expected, found }: Drift): string =>
  JSON.stringify([what, type, id, expected, found]);

/**
 * In few transactions, and in none where all of it is known. Another content of the same thing is another finding. An
 * edit of a whole table holds nobody up.
 */
export async function settleDrift(context: Context, workspaceId: WorkspaceId, drift: readonly Drift[]): Promise<void> {
  const { pool, log } = context;
  const now = new Set(drift.map(textOf));
  const open = await readOpen(pool, workspaceId);
  const gone = open.filter((each) => !now.has(textOf(each)));
  for (let at = 0; at < gone.length; at += BATCH)
    await log.transact(workspaceId, (transaction) => resolve(transaction, workspaceId, gone.slice(at, at + BATCH)));
  const wasOpen = new Set(open.map(textOf));
  const news = drift.filter((each) => !wasOpen.has(textOf(each))).slice(0, MOST);
  for (let at = 0; at < news.length; at += BATCH)
    await log.transact(workspaceId, (transaction) =>
      find(transaction, workspaceId, context.nodeId, news.slice(at, at + BATCH)),
    );
}

/** Those that no other node has resolved meanwhile. */
async function resolve(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  findings: readonly Open[],
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `UPDATE drift_findings SET resolved_at = clock_timestamp()
      WHERE workspace_id = $1 AND id = ANY($2) AND resolved_at IS NULL RETURNING id`,
    [workspaceId, findings.map(({ finding }) => finding)],
  );
  const resolved = new Set(rows.map(({ id }) => id));
  for (const { finding, what, type, id } of findings)
    if (resolved.has(finding))
      log({ kind: 'drift.resolved', actor: 'system', finding_id: finding, what, object_type: type, object_id: id });
}

/** Those of things about which no other node has found anything meanwhile: of one thing one finding is open. */
async function find(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  node: string,
  drift: readonly Drift[],
): Promise<void> {
  const ids = drift.map(({ id }) => id);
  const wasOpen = new Set((await readOpen(client, workspaceId, ids)).map(keyOf));
  const to = await administratorsOf(client, workspaceId);
  const findings = drift
    .filter((each) => !wasOpen.has(keyOf(each)))
    .map(({ what, type, id, expected, found }) => {
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
      return { id: finding, what, object_type: type, object_id: id, expected, found, event_id: eventId };
    });
  await client.query(
    `INSERT INTO drift_findings (workspace_id, id, what, object_type, object_id, expected, found, node, event_id)
     SELECT $1, id, what, object_type, object_id, expected, found, $2, event_id
       FROM jsonb_to_recordset($3) AS t(id text, what text, object_type text, object_id text, expected text, found text,
         event_id text)`,
    [workspaceId, node, JSON.stringify(findings)],
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

const THIS_HOUR = `date_trunc('hour', clock_timestamp(), 'UTC')`;

/** That it was looked at, once in each hour of the clock, so that the log shows it. */
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
     RETURNING coalesce(c.recorded_at < ${THIS_HOUR}, true) AS is_due`,
    [workspaceId, nodeId, objects, tookMs],
  );
  if (rows[0]?.is_due !== true) return;
  await log.transact(workspaceId, async ({ client, log: record }) => {
    const { rowCount } = await client.query(
      `UPDATE drift_checks SET recorded_at = clock_timestamp()
        WHERE workspace_id = $1 AND coalesce(recorded_at < ${THIS_HOUR}, true)`,
      [workspaceId],
    );
    if (rowCount === 0) return;
    record({ kind: 'drift.checked', actor: 'system', node: nodeId, objects, findings, took_ms: tookMs });
  });
}
