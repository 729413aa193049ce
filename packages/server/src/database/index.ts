/** PostgreSQL: the embedded one or an existing one, migrated, with a pool that connects as the application role. */
import { parseJson } from '@hivekey/action-log';
import pg from 'pg';
import { Failure } from '../errors.ts';
import { applicationRole, migrate } from './migrate.ts';

export { startEmbeddedPostgres } from './embedded.ts';
export { type Listener, listen } from './listener.ts';

const OLDEST_VERSION = 160_000;

// bigint columns are counts and sequence numbers: they stay below 2^53 and are wanted as numbers.
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} exceeds the safe range`);
  return value;
});

pg.types.setTypeParser(pg.types.builtins.JSON, parseJson);
pg.types.setTypeParser(pg.types.builtins.JSONB, parseJson);

export interface Database {
  /** Connects as the application role, which may add to the log and never change it. */
  readonly pool: pg.Pool;
  /** URL of the application role, for connections outside the pool (LISTEN, the log's writer). */
  readonly url: string;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** URL of the role that owns the schema. */
  readonly ownerUrl: string;
  /** Key from which the application role's password is derived; the same on every node. */
  readonly roleKey: Buffer;
  readonly maxConnections?: number;
}

/** Checks the server, migrates, and opens the pool. Each problem is one Failure with a remedy. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const owner = parseUrl(options.ownerUrl);
  const databaseName = await prepareDatabase(owner);
  const role = applicationRole(databaseName, options.roleKey);
  await migrate(options.ownerUrl, role);
  const url = new URL(options.ownerUrl);
  url.username = role.name;
  url.password = role.password;
  const pool = openPool(url.href, options.maxConnections ?? 20);
  return { pool, url: url.href, close: () => pool.end() };
}

/** `url`: of the application role. */
export function openPool(url: string, maxConnections: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
    application_name: 'hivekey',
  });
  // An idle connection that breaks is replaced by the pool; the query that meets the outage reports it.
  pool.on('error', () => undefined);
  // One that breaks while it is handed out, between two queries, has no other listener; without one it ends the process.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  return pool;
}

function parseUrl(text: string): URL {
  try {
    const url = new URL(text);
    if (url.protocol === 'postgres:' || url.protocol === 'postgresql:') return url;
  } catch {
    // told below
  }
  throw new Failure(
    500,
    'database_url_invalid',
    'HIVEKEY_DATABASE_URL is not a postgres:// URL.',
    'Write it as postgres://user:password@host:5432/database.',
  );
}

/** Makes the database where it is missing, checks the version, and returns its name. */
async function prepareDatabase(url: URL): Promise<string> {
  const name = decodeURIComponent(url.pathname.slice(1)) || 'hivekey';
  let client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === '3D000')) throw unreachable(url, error);
    await createDatabase(url, name);
    client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 10_000 });
    await client.connect();
  }
  try {
    const { rows } = await client.query<{ version: number }>(
      "SELECT current_setting('server_version_num')::int AS version",
    );
    const version = rows[0]?.version ?? 0;
    if (version < OLDEST_VERSION) {
      throw new Failure(
        500,
        'database_too_old',
        `PostgreSQL ${Math.floor(version / 10_000)} is too old; HiveKey needs 16 or later.`,
        'Upgrade the server, or leave HIVEKEY_DATABASE_URL unset to use the embedded one.',
      );
    }
    return name;
  } finally {
    await client.end();
  }
}

async function createDatabase(url: URL, name: string): Promise<void> {
  const maintenance = new URL(url.href);
  maintenance.pathname = '/postgres';
  const client = new pg.Client({ connectionString: maintenance.href, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } catch (error) {
    throw unreachable(url, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Says what is wrong without repeating the URL, which may hold a password. */
function unreachable(url: URL, error: unknown): Failure {
  const place = `${url.hostname}:${url.port || '5432'}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '28P01' || code === '28000') {
    return new Failure(
      500,
      'database_login_refused',
      `PostgreSQL at ${place} refused the user or password of HIVEKEY_DATABASE_URL.`,
      'Check user, password and pg_hba.conf.',
    );
  }
  if (code === '42501') {
    return new Failure(
      500,
      'database_permission',
      `The user of HIVEKEY_DATABASE_URL may not create the database at ${place}.`,
      'Create the database, or give the user CREATEDB.',
    );
  }
  return new Failure(
    500,
    'database_unreachable',
    `No PostgreSQL answers at ${place}${code === '' ? '' : ` (${code})`}.`,
    'Check host, port and that the server runs; or leave HIVEKEY_DATABASE_URL unset to use the embedded one.',
  );
}
