/** The writer's own connection: one session that holds the shard's lock and sends statements without waiting for replies. */
import pg from 'pg';

export interface ConnectionOptions {
  readonly connectionString: string;
  /** Longest wait for a connection, a lock or a statement. */
  readonly timeoutMs: number;
}

const GRACE_MS = 1_000;

// synchronous_commit: what is acknowledged is on disk, whatever the server's default. A custom plan would cost
// more than the statement it is for.
const SESSION = ['synchronous_commit=on', 'plan_cache_mode=force_generic_plan'];

/** A pool of exactly one connection, so that the client handed out is a pool client like any other. */
export function connectionOf(options: ConnectionOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: 1,
    pipeline: true,
    keepAlive: true,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: options.timeoutMs,
    statement_timeout: options.timeoutMs,
    lock_timeout: options.timeoutMs,
    // For a server that does not answer at all: in a pipeline it ends the connection, and every query on it.
    query_timeout: 2 * options.timeoutMs + GRACE_MS,
    idle_in_transaction_session_timeout: 2 * options.timeoutMs,
    application_name: 'hivekey-log',
    options: SESSION.map((setting) => `-c ${setting}`).join(' '),
  });
  pool.on('error', () => undefined);
  // Until the writer has its own listener on it, a client that breaks must not end the process.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  return pool;
}

/**
 * The database answers and cannot write: no space, no memory, a file it cannot reach, read-only after a failover.
 * Doing it again at once is of no use. What ends only the session, or lies in the data, is none of these.
 */
export function cannotWrite(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(25006|53|58|XX)/.test(error.code ?? '');
}

/** The transaction was rolled back for the sake of another one; doing it again is right. */
export function isRetryable(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '40P01' || error.code === '40001');
}
