/** What servers make available to be granted: each live definition is a capability of the policy. */
import type { Capability } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { publishPolicy, upsertCapability } from '../roles/index.ts';
import { prepareDefinition } from './definitions.ts';
import type { DefinitionRow } from './reconcile.ts';
import { listServers, raiseCatalogueVersion, readDefinitions, type StoredServer } from './servers.ts';

/** By name. Nothing of a server that is disabled. */
export function capabilitiesOf(
  { status, settings }: Pick<StoredServer, 'status' | 'settings'>,
  rows: readonly DefinitionRow[],
): ReadonlyMap<string, Capability> {
  if (status !== 'active') return new Map();
  return new Map(
    rows.flatMap((row) => (row.status === 'live' ? [[row.capability, capabilityOf(row, settings)] as const] : [])),
  );
}

function capabilityOf(row: DefinitionRow, settings: StoredServer['settings']): Capability {
  const prepared = prepareDefinition(row, settings.transport);
  const harmless = settings.trustAnnotations && prepared?.destructiveHint === false;
  // That it reaches outside makes detections look closer, so that is believed of everybody; that it does not, is not.
  const { openWorldHint: external } = prepared ?? {};
  const reach = external === true || (external === false && settings.trustAnnotations) ? { external } : {};
  return {
    name: row.capability,
    description: prepared?.description ?? '',
    access: row.access,
    // The protocol's own default for what may write; a server that says otherwise is believed only where the operator does.
    destructive: row.kind === 'tool' && row.access === 'write' && !harmless,
    impact: {},
    ...reach,
    ...(prepared?.inputSchema === undefined ? {} : { inputSchema: prepared.inputSchema }),
  };
}

/**
 * Puts what is available now in place of what was, as a new catalogue and a new policy revision: no call that
 * was decided under the older one is recorded after this commits. Call once, last in the transaction.
 */
export async function publishCatalogue(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  before: ReadonlyMap<string, Capability>,
  after: ReadonlyMap<string, Capability>,
  actor: string,
): Promise<void> {
  const withdrawn = [...before.keys()].filter((name) => !after.has(name));
  if (withdrawn.length > 0)
    await transaction.client.query(
      "DELETE FROM capabilities WHERE workspace_id = $1 AND source = 'discovered' AND name = ANY($2)",
      [workspaceId, withdrawn],
    );
  for (const capability of after.values()) {
    if (!same(before.get(capability.name), capability))
      await upsertCapability(transaction, workspaceId, capability, 'discovered');
  }
  await raiseCatalogueVersion(transaction.client, workspaceId);
  publishPolicy(transaction, workspaceId, actor);
}

/** What the servers of the workspace make available now. */
export async function discoveredBy(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<ReadonlyMap<string, Capability>> {
  const definitions = Map.groupBy(await readDefinitions(client, workspaceId), ({ serverId }) => serverId);
  const servers = await listServers(client, workspaceId);
  return new Map(servers.flatMap((server) => [...capabilitiesOf(server, definitions.get(server.id) ?? [])]));
}

function same(one: Capability | undefined, other: Capability): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
