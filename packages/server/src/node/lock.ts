/** At most one HiveKey runs as a node: two on one data folder meet on a lock of their database. */
import pg from 'pg';
import { Failure } from '../errors.ts';

const LOCK_SPACE = 7_420_002;

export interface NodeLock {
  release(): Promise<void>;
}

/** Held by a connection of its own until released. Throws `already_running`. */
export async function lockNode(databaseUrl: string, nodeId: string, folder: string): Promise<NodeLock> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'hivekey-node', keepAlive: true });
  // When the database restarts the lock is gone; the log's shards are fenced by themselves.
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, hashtext($2)) AS taken', [
    LOCK_SPACE,
    nodeId,
  ]);
  if (rows[0]?.taken === true) return { release: () => client.end() };
  await client.end();
  throw new Failure(
    500,
    'already_running',
    `Another HiveKey is running on the data folder ${folder}.`,
    'Stop it first, or give this one a data folder and a port of its own.',
  );
}
