/** A whole server in this process, on a fresh database, with a temporary data folder. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Config, loadConfig } from '../../packages/server/src/config.ts';
import { startServer } from '../../packages/server/src/server.ts';
import { CLUSTER_VARIABLE } from './cluster.ts';

export interface TestServer {
  /** Origin of its address, e.g. `http://127.0.0.1:41234`. */
  readonly url: string;
  /** `hk_live_…` */
  readonly adminKey: string;
  readonly config: Config;
  /** URL of the role that owns the schema, for what no route does. */
  readonly ownerUrl: string;
  /** Stops the server; the database and the data folder stay, so that `restart` can take them up. */
  stop(): Promise<void>;
  /** Starts again on the same database and data folder; the port may be another. */
  restart(settings?: Partial<Config>): Promise<TestServer>;
  /** Stops the server, drops the database, removes the data folder. */
  close(): Promise<void>;
}

/** `settings` are those of packages/server/src/config.ts, e.g. `{ upstream_allow: ['127.0.0.1'] }`. */
export async function startTestServer(settings: Partial<Config> = {}): Promise<TestServer> {
  const cluster = process.env[CLUSTER_VARIABLE];
  if (cluster === undefined)
    throw new Error(`${CLUSTER_VARIABLE} is not set: run through vitest, whose global set-up starts the cluster`);
  const name = `test_${randomBytes(6).toString('hex')}`;
  const ownerUrl = new URL(`/${name}`, cluster).href;
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-server-'));
  const base = loadConfig({
    HIVEKEY_DATABASE_URL: ownerUrl,
    HIVEKEY_DATA: folder,
    HIVEKEY_PORT: '0',
    HIVEKEY_LOG_LEVEL: 'silent',
    HIVEKEY_CONFIG: '/dev/null',
  });
  const drop = async (): Promise<void> => {
    const admin = new pg.Client({ connectionString: new URL('/postgres', cluster).href });
    await admin.connect();
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.query(`DROP ROLE IF EXISTS hivekey_app_${name}`);
    await admin.end();
    await rm(folder, { recursive: true, force: true });
  };

  async function start(config: Config, knownKey: string | undefined): Promise<TestServer> {
    const server = await startServer(config);
    const adminKey = server.firstAdminKey?.reveal() ?? knownKey ?? '';
    return {
      url: server.localUrl,
      adminKey,
      config,
      ownerUrl,
      stop: server.close,
      restart: async (change = {}) => {
        await server.close();
        return start({ ...config, ...change }, adminKey);
      },
      close: async () => {
        await server.close();
        await drop();
      },
    };
  }
  return start({ ...base, ...settings }, undefined).catch(async (error: unknown) => {
    await drop();
    throw error;
  });
}
