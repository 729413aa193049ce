/** Several servers on one database, with the same keys, each a process of its own. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { CLUSTER_VARIABLE } from '../setup/cluster.ts';
import { freePort, killAll, type ServerProcess, startProcess } from './process.ts';

const SHARED_KEYS = ['secret.key', 'log.key', 'admin.key'];

export interface Fleet {
  readonly nodes: readonly ServerProcess[];
  node(i: number): ServerProcess;
  /** Starts the one that is gone, on its own data, with another port. */
  restart(i: number): Promise<ServerProcess>;
  /** Stops them, and takes the database and the folders away. */
  close(): Promise<void>;
}

/** `name` is that of the database, one for each file. */
export async function startFleet(name: string, size: number): Promise<Fleet> {
  const database = `test_${name}_${process.pid}`;
  const cluster = new URL(process.env[CLUSTER_VARIABLE] ?? 'postgres://unset');
  const settings = { HIVEKEY_DATABASE_URL: new URL(`/${database}`, cluster).href };
  const folders = Array.from({ length: size }, () => mkdtempSync(join(tmpdir(), 'hivekey-faults-')));
  const nodes: ServerProcess[] = [];
  const start = async (i: number): Promise<ServerProcess> => {
    const node = await startProcess(folderAt(i), await freePort(), settings);
    nodes[i] = node;
    return node;
  };
  const folderAt = (i: number): string => {
    const folder = folders[i];
    if (folder === undefined) throw new Error(`there is no node ${i}`);
    return folder;
  };
  for (let i = 0; i < size; i += 1) {
    if (i > 0) for (const key of SHARED_KEYS) cpSync(join(folderAt(0), key), join(folderAt(i), key));
    await start(i);
  }
  return {
    nodes,
    node: (i) => {
      const node = nodes[i];
      if (node === undefined) throw new Error(`there is no node ${i}`);
      return node;
    },
    restart: start,
    close: async () => {
      await Promise.all(nodes.map((node) => node.kill('SIGTERM')));
      killAll();
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
      const admin = new pg.Client({ connectionString: new URL('/postgres', cluster).href });
      await admin.connect();
      await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
      await admin.query(`DROP ROLE IF EXISTS hivekey_app_${database}`);
      await admin.end();
    },
  };
}
