/** MCP servers and definitions as the API gives them out. */
import { custodyColumns } from './custody.ts';
import { injectionJson } from './injection.ts';
import type { DefinitionStatus, DefinitionView, ServerView } from './management.ts';
import { wireNameOf } from './names.ts';
import { pinOf } from './pins.ts';
import type { DefinitionRow } from './reconcile.ts';
import type { StoredServer } from './servers.ts';

export function serverView(server: StoredServer, definitions: readonly DefinitionRow[]): ServerView {
  const { settings, description } = server;
  const counts: Record<DefinitionStatus, number> = { live: 0, new: 0, changed: 0, off: 0, gone: 0 };
  for (const { status } of definitions) counts[status] += 1;
  return {
    id: server.id,
    object: 'mcp_server',
    namespace: server.namespace,
    transport: settings.transport,
    endpoint: settings.endpoint ?? null,
    command: settings.command ?? null,
    environment: settings.environment,
    credential_ref: settings.credentialRef ?? null,
    injection: settings.injection === undefined ? null : injectionJson(settings.injection),
    default_access: settings.defaultAccess,
    trust_annotations: settings.trustAnnotations,
    allow_private: settings.allowPrivate,
    ...custodyColumns(settings.custody),
    credential_error: server.credentialError?.code ?? null,
    credential_error_at: server.credentialError === undefined ? null : epochSeconds(server.credentialError.since),
    era: description?.era ?? null,
    protocol_version: description?.protocolVersion ?? null,
    status: server.status,
    discovered: definitions.length - counts.gone,
    discovered_at: server.discoveredAt === null ? null : epochSeconds(server.discoveredAt),
    definitions: counts,
    instructions: instructionsView(description?.instructions, server.approvedInstructions),
    last_error: server.lastError,
    created: epochSeconds(server.createdAt),
    created_by: server.createdBy,
  };
}

function instructionsView(text: string | undefined, approved: string | null): ServerView['instructions'] {
  if (text === undefined) return { status: 'none', text: null, pin: null, approved_text: approved };
  const status = approved === null ? 'new' : approved === text ? 'live' : 'changed';
  return { status, text, pin: pinOf(text), approved_text: approved };
}

function epochSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

export function definitionView(namespace: string, row: DefinitionRow): DefinitionView {
  return {
    object: 'mcp_definition',
    capability: row.capability,
    name: row.problem === null ? wireNameOf(namespace, row.kind, row.upstreamName, row.capability) : null,
    kind: row.kind,
    upstream_name: row.upstreamName,
    access: row.access,
    status: row.status,
    pin: row.pin,
    approved_pin: row.approvedPin,
    definition: row.definition,
    approved_definition: row.approvedDefinition,
    problem: row.problem,
  };
}
