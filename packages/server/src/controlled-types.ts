/** What is under change control: each folder brings its own types of objects. */
import { agentSettingsType, assignmentType } from './agents/index.ts';
import { approvalRemindersType } from './approvals/index.ts';
import { breakerType } from './breakers/index.ts';
import { capabilityType } from './capabilities/index.ts';
import { changeSettingsType } from './changes/index.ts';
import { containmentSettingsType } from './containment/index.ts';
import { detectionType } from './detections/index.ts';
import { freezeType } from './freezes/index.ts';
import { discoveredBy as discoveredByApis, httpApiType, httpDefinitionType } from './http-apis/index.ts';
import type { WorkspaceId } from './ids.ts';
import type { LoggedTransaction } from './log/index.ts';
import { personAuthorityType } from './people/index.ts';
import { roleType, upsertCapability, workspaceGuardsType } from './roles/index.ts';
import { sourcesType } from './sources/index.ts';
import { discoveredBy, mcpDefinitionType, mcpServerType } from './upstreams/index.ts';
import type { ControlledType, ObjectType } from './versions/index.ts';

/** A capability belongs to one server, of either kind. */
const definitionType: ControlledType = {
  type: 'definition',
  isPolicy: false,
  parse: (id, document) => sourceOf(document).parse(id, document),
  list: async (client, workspaceId) =>
    new Map([
      ...(await mcpDefinitionType.list(client, workspaceId)),
      ...(await httpDefinitionType.list(client, workspaceId)),
    ]),
  read: async (client, workspaceId, id) =>
    (await mcpDefinitionType.read(client, workspaceId, id)) ?? (await httpDefinitionType.read(client, workspaceId, id)),
  async apply(transaction, who, id, document) {
    if (document !== null) return sourceOf(document).apply(transaction, who, id, document);
    const isMcp = (await mcpDefinitionType.read(transaction.client, who.workspaceId, id)) !== undefined;
    return (isMcp ? mcpDefinitionType : httpDefinitionType).apply(transaction, who, id, null);
  },
};

function sourceOf(document: unknown): ControlledType {
  const isHttp =
    typeof document === 'object' && document !== null && 'source' in document && document.source === 'http';
  return isHttp ? httpDefinitionType : mcpDefinitionType;
}

export const CONTROLLED_TYPES: ReadonlyMap<ObjectType, ControlledType> = new Map(
  [
    roleType,
    workspaceGuardsType,
    capabilityType,
    freezeType,
    sourcesType,
    assignmentType,
    mcpServerType,
    httpApiType,
    definitionType,
    personAuthorityType,
    breakerType,
    detectionType,
    approvalRemindersType,
    agentSettingsType,
    containmentSettingsType,
    changeSettingsType,
  ].map((each) => [each.type, each]),
);

/** Capabilities that come from servers are no objects: they follow from definitions, and are made from these again. */
export async function renewCapabilities(transaction: LoggedTransaction, workspaceId: WorkspaceId): Promise<void> {
  const { client } = transaction;
  const discovered = [
    ...(await discoveredBy(client, workspaceId)).values(),
    ...(await discoveredByApis(client, workspaceId)).values(),
  ];
  await client.query(`DELETE FROM capabilities WHERE workspace_id = $1 AND source = 'discovered' AND name <> ALL($2)`, [
    workspaceId,
    discovered.map(({ name }) => name),
  ]);
  for (const capability of discovered) await upsertCapability(transaction, workspaceId, capability, 'discovered');
}
