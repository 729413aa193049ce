import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Database, openDatabase } from '../../packages/server/src/database/index.ts';
import { CLUSTER_VARIABLE } from './cluster.ts';

export interface TestDatabase extends Database {
  /** URL of the role that owns the schema: what an intruder with the owner's rights has. */
  readonly ownerUrl: string;
}

/** The URL of a database that is not there yet: whoever opens it first makes it. `drop` removes it with its role. */
export function newDatabase(): { readonly url: string; drop(): Promise<void> } {
  const cluster = process.env[CLUSTER_VARIABLE];
  if (cluster === undefined)
    throw new Error(`${CLUSTER_VARIABLE} is not set: run through vitest, whose global set-up starts the cluster`);
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
  const { url, drop } = newDatabase();
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
