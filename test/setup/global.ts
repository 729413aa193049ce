import { startCluster } from './cluster.ts';

export default async function setup(): Promise<() => Promise<void>> {
  return startCluster();
}
