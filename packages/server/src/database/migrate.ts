import { createHash, createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { Failure } from '../errors.ts';

const FOLDER = new URL('./migrations/', import.meta.url);
/** Any two processes that migrate the same database meet on this advisory lock. */
const MIGRATION_LOCK = 7_420_001;

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

async function readMigrations(): Promise<readonly Migration[]> {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (name) => {
      const sql = await readFile(new URL(name, FOLDER), 'utf8');
      return { version: Number(name.slice(0, 4)), name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

export interface ApplicationRole {
  readonly name: string;
  readonly password: string;
}

/** The application role of a database: one for each database, its password derived so that all nodes agree on it. */
export function applicationRole(databaseName: string, key: Buffer): ApplicationRole {
  const name = `hivekey_app_${databaseName.replaceAll(/[^a-z0-9_]/g, '_')}`.slice(0, 63);
  return { name, password: createHmac('sha256', key).update(`database role ${name}`).digest('base64url') };
}

/**
 * Brings the schema to this code's version. Fails with `schema_newer` when the database has been used by
 * a later release, and with `migration_changed` when an applied file no longer reads as it did.
 */
export async function migrate(ownerUrl: string, role: ApplicationRole): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await appliedMigrations(client);
    const migrations = await readMigrations();
    const newest = migrations.at(-1)?.version ?? 0;
    const ahead = Math.max(0, ...applied.keys());
    if (ahead > newest) {
      throw new Failure(
        500,
        'schema_newer',
        `The database is at schema version ${ahead}; this HiveKey knows only up to ${newest}.`,
        'Start the newer HiveKey that made this database, or restore a backup from before the upgrade.',
      );
    }
    await ensureRole(client, ownerUrl, role, applied.size > 0);
    await client.query(
      'CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    await client.query(`GRANT SELECT ON schema_migrations TO ${client.escapeIdentifier(role.name)}`);
    for (const migration of migrations) {
      const sha256 = applied.get(migration.version);
      if (sha256 === undefined) await apply(client, migration, role);
      else if (sha256 !== migration.sha256) {
        throw new Failure(
          500,
          'migration_changed',
          `Migration ${migration.name} differs from the one this database was made with.`,
          'Use the files of the release; changes belong into a new migration.',
        );
      }
    }
  } finally {
    await client.end();
  }
}

async function apply(client: pg.Client, migration: Migration, role: ApplicationRole): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(migration.sql.replaceAll(/\bhivekey_app\b/g, client.escapeIdentifier(role.name)));
    await client.query('INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)', [
      migration.version,
      migration.name,
      migration.sha256,
    ]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

/** Version → hash of what has been applied; empty for a database that is new. */
async function appliedMigrations(client: pg.Client): Promise<ReadonlyMap<number, string>> {
  const { rows: tables } = await client.query<{ found: boolean }>(
    "SELECT to_regclass('schema_migrations') IS NOT NULL AS found",
  );
  if (tables[0]?.found !== true) return new Map();
  const { rows } = await client.query<{ version: number; sha256: string }>(
    'SELECT version, sha256 FROM schema_migrations',
  );
  return new Map(rows.map((row) => [row.version, row.sha256]));
}

/**
 * `isInUse`: the database has been migrated before. Its role's password then comes from the secret key that its
 * credentials and secrets were made with; a node with another key would lock the others out and could read nothing.
 */
async function ensureRole(client: pg.Client, ownerUrl: string, role: ApplicationRole, isInUse: boolean): Promise<void> {
  const name = client.escapeIdentifier(role.name);
  const password = client.escapeLiteral(role.password);
  const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role.name]);
  if (isInUse && rowCount !== 0 && (await isPasswordRefused(ownerUrl, role)))
    throw new Failure(
      500,
      'secret_key_differs',
      'The database was made with another secret key than this node has.',
      'Give every node the same HIVEKEY_SECRET_KEY, or restore secret.key of the data folder.',
    );
  try {
    await client.query(
      rowCount === 0
        ? `CREATE ROLE ${name} LOGIN PASSWORD ${password}`
        : `ALTER ROLE ${name} LOGIN PASSWORD ${password}`,
    );
  } catch {
    throw new Failure(
      500,
      'database_role_refused',
      `The user of HIVEKEY_DATABASE_URL may not create the application role ${role.name}.`,
      'Give it CREATEROLE: the running system uses a role of its own that cannot rewrite the log.',
    );
  }
}

async function isPasswordRefused(ownerUrl: string, role: ApplicationRole): Promise<boolean> {
  const url = new URL(ownerUrl);
  url.username = role.name;
  url.password = role.password;
  const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    await client.end();
    return false;
  } catch (error) {
    return error instanceof pg.DatabaseError && error.code === '28P01';
  }
}
