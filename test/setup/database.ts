import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Database, openDatabase } from '../../packages/server/src/database/index.ts';
import { CLUSTER_VARIABLE } from './cluster.ts';

export interface TestDatabase extends Database {
  /** URL of the role that owns the schema: what an intruder with the owner's rights has. */
  readonly ownerUrl: string;
}

const TEMPLATE = 'hivekey_test_template';

/**
 * Rights are given to the application role by name, and each copy has another one: in copies, everybody has the rights that
 * it has, and no more. A right that it must not have is still refused to it.
 */
const TO_EVERYBODY = `
DO $$ DECLARE statement text; BEGIN
  FOR statement IN
    SELECT format('GRANT %s ON TABLE %s TO PUBLIC', a.privilege_type, c.oid::regclass)
      FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee = 'hivekey_app_${TEMPLATE}'::regrole AND c.relkind <> 'S'
    UNION ALL SELECT format('GRANT %s ON SEQUENCE %s TO PUBLIC', a.privilege_type, c.oid::regclass)
      FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee = 'hivekey_app_${TEMPLATE}'::regrole AND c.relkind = 'S'
    UNION ALL SELECT format('GRANT %s (%I) ON TABLE %s TO PUBLIC', a.privilege_type, t.attname, t.attrelid::regclass)
      FROM pg_attribute t, aclexplode(t.attacl) a WHERE a.grantee = 'hivekey_app_${TEMPLATE}'::regrole
    UNION ALL SELECT format('GRANT %s ON FUNCTION %s TO PUBLIC', a.privilege_type, p.oid::regprocedure)
      FROM pg_proc p, aclexplode(p.proacl) a WHERE a.grantee = 'hivekey_app_${TEMPLATE}'::regrole
    UNION ALL SELECT format('GRANT %s ON SCHEMA %s TO PUBLIC', a.privilege_type, n.oid::regnamespace)
      FROM pg_namespace n, aclexplode(n.nspacl) a WHERE a.grantee = 'hivekey_app_${TEMPLATE}'::regrole
  LOOP EXECUTE statement; END LOOP;
END $$`;

/** The migrated database that others are copies of: a copy takes a fraction of the time. */
export async function makeTemplate(): Promise<void> {
  const ownerUrl = new URL(`/${TEMPLATE}`, clusterUrl()).href;
  await (await openDatabase({ ownerUrl, roleKey: randomBytes(32), maxConnections: 1 })).close();
  await asOwner(ownerUrl, TO_EVERYBODY);
}

/** As `newDatabase`, already migrated. */
export async function migratedDatabase(): Promise<ReturnType<typeof newDatabase>> {
  const database = newDatabase();
  const name = new URL(database.url).pathname.slice(1);
  await asOwner(new URL('/postgres', database.url).href, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  return database;
}

async function asOwner(url: string, sql: string): Promise<void> {
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  await owner.query(sql);
  await owner.end();
}

/** The URL of a database that is not there yet: whoever opens it first makes it. `drop` removes it with its role. */
export function newDatabase(): { readonly url: string; drop(): Promise<void> } {
  const cluster = clusterUrl();
  const name = `test_${randomBytes(6).toString('hex')}`;
  return {
    url: new URL(`/${name}`, cluster).href,
    drop: async () => {
      const admin = new pg.Client({ connectionString: new URL('/postgres', cluster).href });
      await admin.connect();
      await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await admin.query(`DROP ROLE IF EXISTS hivekey_app_${name}`);
      await admin.end();
    },
  };
}

/** A migrated database of its own, with the pool of the application role. `close` drops it. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { url, drop } = await migratedDatabase();
  const database = await openDatabase({ ownerUrl: url, roleKey: randomBytes(32), maxConnections: 10 });
  return {
    ...database,
    ownerUrl: url,
    close: async () => {
      await database.close();
      await drop();
    },
  };
}

function clusterUrl(): string {
  const url = process.env[CLUSTER_VARIABLE];
  if (url !== undefined) return url;
  throw new Error(`${CLUSTER_VARIABLE} is not set: run through vitest, whose global set-up starts the cluster`);
}
