/** One instant of the database, from which reports are read: what is counted, listed and hashed is one population. */
import type { PoolClient } from 'pg';
import type { ApiContext } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';

export interface Snapshot {
  /** In a REPEATABLE READ READ ONLY transaction. */
  readonly client: PoolClient;
  readonly workspaceId: WorkspaceId;
  /** ISO 8601 UTC: everything committed before it is seen. */
  readonly asOf: string;
  readonly workspace: { readonly name: string; readonly environment: string };
  /** The workspace's data is made up for showing the product. */
  readonly isSampleData: boolean;
  /** Of the log, as far as it is sealed and projected: nothing where it is empty. */
  readonly log: {
    readonly size: number;
    /** Link of the last entry, `sha256:<hex>`. */
    readonly head: string | null;
    /** `<tree size> sha256:<root>` of the newest signed checkpoint. */
    readonly checkpoint: string | null;
  };
}

/** A reader that is slow is not the database's fault, and one that hangs does not keep it from cleaning up for ever. */
const SLOWEST_STATEMENT_MS = 600_000;
const ROWS_AT_ONCE = 500;

/** The log is caught up first, so that what happened before the instant is in it. */
export async function inSnapshot<T>(
  { pool, log }: Pick<ApiContext, 'pool' | 'log'>,
  workspaceId: WorkspaceId,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  await log.catchUp(workspaceId);
  const client = await pool.connect();
  try {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query(
      `SET LOCAL statement_timeout = ${SLOWEST_STATEMENT_MS}; SET LOCAL idle_in_transaction_session_timeout = ${SLOWEST_STATEMENT_MS}`,
    );
    const made = await work(await readSnapshot(client, workspaceId));
    await client.query('COMMIT');
    client.release();
    return made;
  } catch (error) {
    // Whatever state the transaction is in, its connection ends with it.
    client.release(true);
    throw error;
  }
}

interface Row {
  as_of: Date;
  name: string;
  environment: string;
  sample_data: boolean;
  size: number;
  head: string | null;
  checkpoint: string | null;
}

async function readSnapshot(client: PoolClient, workspaceId: WorkspaceId): Promise<Snapshot> {
  const { rows } = await client.query<Row>(
    `SELECT clock_timestamp() AS as_of, w.name, w.environment, w.sample_data, coalesce(p.next_seq - 1, 0) AS size,
            (SELECT 'sha256:' || encode(a.hash, 'hex') FROM actions a
              WHERE a.workspace_id = w.id AND a.seq = (SELECT max(seq) FROM actions WHERE workspace_id = w.id)) AS head,
            (SELECT c.tree_size || ' sha256:' || encode(c.root, 'hex') FROM log_checkpoints c
              WHERE c.workspace_id = w.id ORDER BY c.id DESC LIMIT 1) AS checkpoint
       FROM workspaces w LEFT JOIN projection_cursor p ON p.workspace_id = w.id WHERE w.id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  const { name, environment, size, head, checkpoint } = row;
  return {
    client,
    workspaceId,
    asOf: row.as_of.toISOString(),
    workspace: { name, environment },
    isSampleData: row.sample_data,
    log: { size, head, checkpoint },
  };
}

let cursors = 0;

/** Rows of a query as they are asked for, a few hundred in memory at a time. Inside a transaction. */
export async function* streamRows<Found extends object>(
  client: PoolClient,
  sql: string,
  values: readonly unknown[],
): AsyncGenerator<Found, void, undefined> {
  cursors += 1;
  const name = `evidence_${cursors}`;
  await client.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${sql}`, [...values]);
  try {
    for (;;) {
      const { rows } = await client.query<Found>(`FETCH ${ROWS_AT_ONCE} FROM ${name}`);
      yield* rows;
      if (rows.length < ROWS_AT_ONCE) return;
    }
  } finally {
    // Of a transaction that has failed it is closed already.
    await client.query(`CLOSE ${name}`).catch(() => undefined);
  }
}
