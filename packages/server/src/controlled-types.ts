/** Every type of object that is under change control; each folder brings its own. */
import { agentSettingsType, assignmentType } from './agents/index.ts';
import { approvalRemindersType } from './approvals/index.ts';
import { breakerType } from './breakers/index.ts';
import { capabilityType } from './capabilities/index.ts';
import { changeSettingsType } from './changes/index.ts';
import { containmentSettingsType } from './containment/index.ts';
import { freezeType } from './freezes/index.ts';
import { httpApiType, httpDefinitionType } from './http-apis/index.ts';
import { personAuthorityType } from './people/index.ts';
import { roleType, workspaceGuardsType } from './roles/index.ts';
import { sourcesType } from './sources/index.ts';
import { mcpDefinitionType, mcpServerType } from './upstreams/index.ts';
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
    approvalRemindersType,
    agentSettingsType,
    containmentSettingsType,
    changeSettingsType,
  ].map((each) => [each.type, each]),
);
