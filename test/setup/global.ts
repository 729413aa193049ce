import { startCluster } from './cluster.ts';
import { makeTemplate } from './database.ts';

export default async function setup(): Promise<() => Promise<void>> {
  const stop = await startCluster();
  await makeTemplate();
  return stop;
}
