/** All live definitions of a workspace, ready to be looked up. Pure: stored rows in, a frozen catalogue out. */
import type { JsonObject } from '@hivekey/policy';
import { argumentsValidator, sensitivePathsFor } from './definitions.ts';
import { injectionJson } from './injection.ts';
import { linearRegExp } from './linear-regexp.ts';
import { unprefixed, wireNameOf } from './names.ts';
import { pinOf } from './pins.ts';
import type { StoredDefinition, StoredServer } from './servers.ts';
import type { Catalogue, CatalogueEntry, UpstreamServer } from './types.ts';
import { type UriMatcher, uriMatcher } from './uri-template.ts';

/** What a request to one of the catalogue's servers takes. */
export interface ServerTools {
  readonly stored: StoredServer;
  /** A live tool, by its upstream name. */
  tool(upstreamName: string): { readonly definition: JsonObject; readonly pin: string } | undefined;
}

export interface BuiltCatalogue {
  readonly catalogue: Catalogue;
  readonly behind: ReadonlyMap<UpstreamServer, ServerTools>;
}

interface Template {
  readonly entry: CatalogueEntry;
  readonly matches: UriMatcher;
}

/** URIs of one namespace. */
interface UriTable {
  readonly resources: Map<string, CatalogueEntry>;
  /** Resources that are not live: no template may stand in for them. */
  readonly withheld: Set<string>;
  readonly templates: Template[];
}

/** `definitions` in the order in which they are to be listed. */
export function buildCatalogue(
  version: string,
  servers: readonly StoredServer[],
  definitions: readonly StoredDefinition[],
): BuiltCatalogue {
  const active = servers.filter(({ status, description }) => status === 'active' && description !== undefined);
  const namespaces = new Map(active.map(({ id, namespace }) => [id, namespace]));
  const entries: CatalogueEntry[] = [];
  const byWireName = new Map<string, CatalogueEntry>();
  const byCapability = new Map<string, CatalogueEntry>();
  const uris = new Map<string, UriTable>(
    active.map(({ namespace }) => [namespace, { resources: new Map(), withheld: new Set(), templates: [] }]),
  );
  for (const row of definitions) {
    const namespace = namespaces.get(row.serverId);
    if (namespace === undefined) continue;
    const table = uris.get(namespace);
    if (row.status !== 'live') {
      if (row.kind === 'resource' && row.status !== 'gone') table?.withheld.add(row.upstreamName);
      continue;
    }
    const entry = entryOf(namespace, row);
    entries.push(entry);
    byCapability.set(entry.capability, entry);
    if (entry.kind === 'tool' || entry.kind === 'prompt') byWireName.set(`${entry.kind} ${entry.wireName}`, entry);
    else if (entry.kind === 'resource') table?.resources.set(entry.upstreamName, entry);
    else {
      const matches = uriMatcher(entry.upstreamName, linearRegExp);
      if (matches !== undefined) table?.templates.push({ entry, matches });
    }
  }
  const byNamespaceName = new Map(
    [...byWireName.values()].map((entry) => [
      `${entry.namespace} ${entry.kind} ${unprefixed(entry.namespace, entry.wireName)}`,
      entry,
    ]),
  );
  const behind = behindServers(active, entries);
  const catalogue: Catalogue = Object.freeze({
    version,
    entries: Object.freeze(entries),
    servers: Object.freeze([...behind.keys()]),
    byWireName: (kind: 'tool' | 'prompt', name: string) => byWireName.get(`${kind} ${name}`),
    byNamespaceName: (namespace: string, kind: 'tool' | 'prompt', name: string) =>
      byNamespaceName.get(`${namespace} ${kind} ${name}`),
    byUri: (uri: string, namespace?: string) => {
      for (const table of namespace === undefined ? uris.values() : [uris.get(namespace)]) {
        const entry = table && atUri(table, uri);
        if (entry !== undefined) return entry;
      }
      return undefined;
    },
    byCapability: (capability: string) => byCapability.get(capability),
  });
  return { catalogue, behind };
}

function atUri({ resources, withheld, templates }: UriTable, uri: string): CatalogueEntry | undefined {
  const exact = resources.get(uri);
  if (exact !== undefined || withheld.has(uri)) return exact;
  return templates.find(({ matches }) => matches(uri))?.entry;
}

/** What is live is what was approved: definition and pin are those. */
function entryOf(namespace: string, row: StoredDefinition): CatalogueEntry {
  const { serverId, kind, upstreamName, capability, access, definition, pin } = row;
  return Object.freeze({
    serverId,
    namespace,
    kind,
    upstreamName,
    capability,
    wireName: wireNameOf(namespace, kind, upstreamName, capability),
    access,
    definition,
    pin,
    validate: argumentsValidator(kind, definition, pin),
    sensitivePaths: sensitivePathsFor(kind, definition, pin),
  });
}

function behindServers(
  servers: readonly StoredServer[],
  entries: readonly CatalogueEntry[],
): ReadonlyMap<UpstreamServer, ServerTools> {
  const tools = new Map<string, Map<string, CatalogueEntry>>(servers.map(({ id }) => [id, new Map()]));
  for (const entry of entries) if (entry.kind === 'tool') tools.get(entry.serverId)?.set(entry.upstreamName, entry);
  return new Map(
    servers.flatMap((stored) => {
      const server = upstreamServerOf(stored);
      if (server === undefined) return [];
      return [[server, { stored, tool: (name: string) => tools.get(stored.id)?.get(name) }]];
    }),
  );
}

/** What a connection is made of. */
function settingsContent({ injection, custody: _custody, ...settings }: StoredServer['settings']): JsonObject {
  return {
    ...settings,
    command: settings.command ?? null,
    injection: injection === undefined ? null : injectionJson(injection),
  };
}

/** Undefined while nothing is known of it. */
export function upstreamServerOf({
  id,
  namespace,
  settings,
  description,
  approvedInstructions,
}: StoredServer): UpstreamServer | undefined {
  if (description === undefined) return undefined;
  // Text for models is shown only as it was approved, and not at all once it is another.
  const approved = approvedInstructions !== null && approvedInstructions === description.instructions;
  return Object.freeze({
    id,
    namespace,
    transport: settings.transport,
    era: description.era,
    capabilities: description.capabilities,
    ...(approved ? { instructions: approvedInstructions } : {}),
    target: { credential: settings.credentialRef ?? null, settings: pinOf(settingsContent(settings)) },
  });
}
