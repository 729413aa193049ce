/**
 * What one set of grants makes visible of one catalogue on one route: the lists as finished bytes, and a
 * digest of each for telling whether a change concerns an agent. The call check reads the same catalogue.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '@hivekey/policy';
import type { WorkspaceId } from '../../ids.ts';
import type { Catalogue, CatalogueEntry, DefinitionKind, UpstreamServer } from '../../upstreams/index.ts';
import { type ClientEra, isObject } from './wire.ts';

export type ListName = 'tools' | 'resources' | 'resourceTemplates' | 'prompts';
/** What a client can ask to be told about. */
export type ChangeKind = 'tools' | 'resources' | 'prompts';

/** How lists are written. */
export type ListForm = ClientEra | 'legacy with tasks';

const LIST_OF: Readonly<Record<DefinitionKind, ListName>> = {
  tool: 'tools',
  resource: 'resources',
  template: 'resourceTemplates',
  prompt: 'prompts',
};

/** Filtered lists may be kept by the asking agent only, and briefly: enforcement never waits for a refresh. */
export const LIST_TTL_MS = 5000;
/** Finished pages kept in memory, bytes. */
const MAX_CACHED_BYTES = 64 * 1024 * 1024;

interface Item {
  readonly key: string;
  readonly entry: CatalogueEntry;
}

export interface Page {
  /** All of the result but its opening brace and next cursor, with the closing braces of result and message. */
  readonly tail: Buffer;
  /** Key of the last item, when more follow. */
  readonly lastKey?: string;
}

export class Visible {
  readonly servers: readonly UpstreamServer[];
  readonly digests: Readonly<Record<ChangeKind, string>>;
  readonly #items: Record<ListName, Item[]> = { tools: [], resources: [], resourceTemplates: [], prompts: [] };
  readonly #pages = new Map<string, Page>();
  readonly #unprefixed: boolean;
  readonly #grew: (bytes: number) => void;

  /** `namespace`: the route without prefixes. `grew` is told the size of each page made. */
  constructor(
    catalogue: Catalogue,
    granted: ReadonlySet<string>,
    namespace: string | undefined,
    grew: (bytes: number) => void,
  ) {
    this.#unprefixed = namespace !== undefined;
    this.#grew = grew;
    const serverIds = new Set<string>();
    const taken = new Set<string>();
    for (const entry of catalogue.entries) {
      if (!granted.has(entry.capability) || (namespace !== undefined && entry.namespace !== namespace)) continue;
      const list = LIST_OF[entry.kind];
      const key = this.#keyOf(entry);
      // Two upstreams may have the same URI; a read reaches the first that is granted.
      if (taken.has(`${list} ${key}`)) continue;
      taken.add(`${list} ${key}`);
      serverIds.add(entry.serverId);
      this.#items[list].push({ key, entry });
    }
    for (const items of Object.values(this.#items)) items.sort((a, b) => (a.key < b.key ? -1 : 1));
    this.servers = catalogue.servers.filter((server) => serverIds.has(server.id));
    this.digests = {
      tools: digestOf(this.#items.tools),
      resources: digestOf(this.#items.resources, this.#items.resourceTemplates),
      prompts: digestOf(this.#items.prompts),
    };
  }

  has(list: ListName): boolean {
    return this.#items[list].length > 0;
  }

  /** The page after the item with key `after`; the first page without it. */
  page(list: ListName, after: string | undefined, form: ListForm, size: number, serverInfo: JsonObject): Page {
    const items = this.#items[list];
    const found = after === undefined ? 0 : items.findIndex((item) => item.key > after);
    const start = found === -1 ? items.length : found;
    const cacheKey = `${form} ${list} ${start}`;
    const known = this.#pages.get(cacheKey);
    if (known !== undefined) return known;
    const shown = items.slice(start, start + size);
    const definitions = JSON.stringify(shown.map(({ entry }) => this.#definitionOf(entry, form)));
    const tail = Buffer.from(`"${list}":${definitions}${form === 'modern' ? modernTail(serverInfo) : ''}}}`);
    const last = start + size < items.length ? shown.at(-1) : undefined;
    const page = last === undefined ? { tail } : { tail, lastKey: last.key };
    this.#pages.set(cacheKey, page);
    this.#grew(tail.length);
    return page;
  }

  #keyOf(entry: CatalogueEntry): string {
    return entry.kind === 'tool' || entry.kind === 'prompt' ? this.#shownName(entry) : entry.upstreamName;
  }

  #shownName(entry: CatalogueEntry): string {
    const separator = this.#unprefixed ? entry.wireName.indexOf('__') : -1;
    return separator === -1 ? entry.wireName : entry.wireName.slice(separator + 2);
  }

  /** The pinned definition as it is, with the name the agent calls it by. Whether it runs as a task is ours to say. */
  #definitionOf(entry: CatalogueEntry, form: ListForm): JsonObject {
    if (entry.kind !== 'tool' && entry.kind !== 'prompt') return entry.definition;
    const named = { ...entry.definition, name: this.#shownName(entry) };
    if (entry.kind !== 'tool' || form !== 'legacy with tasks') return named;
    const { execution } = entry.definition;
    return { ...named, execution: { ...(isObject(execution) ? execution : {}), taskSupport: 'optional' } };
  }
}

function modernTail(serverInfo: JsonObject): string {
  const rest = {
    ttlMs: LIST_TTL_MS,
    cacheScope: 'private',
    resultType: 'complete',
    _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
  };
  return `,${JSON.stringify(rest).slice(1, -1)}`;
}

function digestOf(...lists: readonly (readonly Item[])[]): string {
  const hash = createHash('sha256');
  for (const items of lists) for (const { key, entry } of items) hash.update(JSON.stringify([key, entry.pin]));
  return hash.digest('base64');
}

const grantDigests = new WeakMap<ReadonlySet<string>, string>();

function grantDigest(granted: ReadonlySet<string>): string {
  const known = grantDigests.get(granted);
  if (known !== undefined) return known;
  const digest = createHash('sha256')
    .update([...granted].sort().join('\n'))
    .digest('base64');
  grantDigests.set(granted, digest);
  return digest;
}

/** Shares one `Visible` among all agents with the same grants. */
export class VisibleCache {
  readonly #views = new Map<string, Visible>();
  #bytes = 0;

  of(
    workspaceId: WorkspaceId,
    catalogue: Catalogue,
    granted: ReadonlySet<string>,
    namespace: string | undefined,
  ): Visible {
    const key = `${workspaceId} ${catalogue.version} ${grantDigest(granted)} ${namespace ?? ''}`;
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const view = new Visible(catalogue, granted, namespace, (bytes) => this.#grew(bytes));
    this.#views.set(key, view);
    return view;
  }

  #grew(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < MAX_CACHED_BYTES) return;
    this.#views.clear();
    this.#bytes = 0;
  }
}
