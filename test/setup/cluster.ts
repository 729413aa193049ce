/** One PostgreSQL for the whole suite; each test file makes databases of its own in it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../packages/server/src/database/index.ts';

export const CLUSTER_VARIABLE = 'HIVEKEY_TEST_CLUSTER';

/** Starts a throw-away cluster (or uses the one named in the environment) and returns its stopper. */
export async function startCluster(): Promise<() => Promise<void>> {
  if (process.env[CLUSTER_VARIABLE] !== undefined) return async () => undefined;
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-test-'));
  const postgres = await startEmbeddedPostgres(folder);
  process.env[CLUSTER_VARIABLE] = postgres.url;
  return async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
