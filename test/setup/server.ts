/** A whole server in this process, on a fresh database, with a temporary data folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig } from '../../packages/server/src/config.ts';
import { startServer } from '../../packages/server/src/server.ts';
import { migratedDatabase } from './database.ts';

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
  const database = await migratedDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-server-'));
  const base = loadConfig({
    HIVEKEY_DATABASE_URL: database.url,
    HIVEKEY_DATA: folder,
    HIVEKEY_PORT: '0',
    HIVEKEY_LOG_LEVEL: 'silent',
    HIVEKEY_CONFIG: '/dev/null',
  });
  const clear = async (): Promise<void> => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };

  async function start(config: Config, knownKey: string | undefined): Promise<TestServer> {
    const server = await startServer(config);
    const adminKey = server.newAdminKey?.reveal() ?? knownKey ?? '';
    return {
      url: server.localUrl,
      adminKey,
      config,
      ownerUrl: database.url,
      stop: server.close,
      restart: async (change = {}) => {
        await server.close();
        return start({ ...config, ...change }, adminKey);
      },
      close: async () => {
        await server.close();
        await clear();
      },
    };
  }
  return start({ ...base, ...settings }, undefined).catch(async (error: unknown) => {
    await clear();
    throw error;
  });
}
