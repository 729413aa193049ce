/** The instant and period that controls are tested for. */
import type { Period } from '@hivekey/evidence';
import type { PoolClient } from 'pg';
import type { Alike } from '../blast-radius/index.ts';
import { endOf, fleetAt } from '../evidence/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { TestScope } from './control-test.ts';
import { readParameters } from './parameters.ts';

export interface Instant {
  readonly client: PoolClient;
  readonly workspaceId: WorkspaceId;
  /** ISO 8601 UTC. */
  readonly asOf: string;
}

export async function testScope({ client, workspaceId, asOf }: Instant, period: Period): Promise<TestScope> {
  const to = endOf(period, asOf);
  let fleet: Promise<readonly Alike[]> | undefined;
  return {
    ...{ client, workspaceId, from: period.from, to, asOf },
    parameters: await readParameters(client, workspaceId),
    fleet: () => {
      fleet ??= fleetAt({ client, workspaceId }, to);
      return fleet;
    },
  };
}
