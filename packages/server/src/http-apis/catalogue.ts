/** The APIs of a workspace, ready to be looked up. Pure: stored rows in, a frozen catalogue out. */
import { injectionJson, pinOf } from '../upstreams/index.ts';
import type { Method } from './operation.ts';
import { definitionOf } from './operations.ts';
import { PathTable, parseTemplate } from './path-template.ts';
import { type Prepared, prepare } from './prepared.ts';
import type { StoredApi, StoredOperation } from './store.ts';

/** One approved operation, as agents may call it once granted. */
export interface Operation {
  readonly name: string;
  readonly capability: string;
  readonly method: Method;
  readonly path: string;
  readonly access: 'read' | 'write';
  readonly destructive: boolean;
  readonly pin: string;
  readonly definition: StoredOperation['definition'];
  /** Compiled at its first use. */
  prepared(): Prepared;
}

interface MatchedOperation {
  readonly operation: Operation;
  readonly pathValues: readonly string[];
}

export interface Api {
  readonly stored: StoredApi;
  readonly namespace: string;
  /** Where calls go: reference of the credential, and digest of all settings. What people approve is bound to it. */
  readonly target: { readonly credential: string | null; readonly settings: string };
  /** By capability. */
  readonly operations: readonly Operation[];
  /** What a request is for: undefined as well when that is not live. */
  match(method: string, path: readonly string[]): MatchedOperation | undefined;
}

export interface ApiCatalogue {
  readonly version: string;
  /** Active ones, by namespace. */
  readonly apis: ReadonlyMap<string, Api>;
}

export function buildCatalogue(
  version: string,
  apis: readonly StoredApi[],
  operations: readonly StoredOperation[],
): ApiCatalogue {
  const active = apis.filter(({ status }) => status === 'active');
  return Object.freeze({
    version,
    apis: new Map(
      active.map((stored) => [
        stored.namespace,
        apiOf(
          stored,
          operations.filter(({ apiId }) => apiId === stored.id),
        ),
      ]),
    ),
  });
}

function apiOf(stored: StoredApi, rows: readonly StoredOperation[]): Api {
  const { injection, custody: _custody, ...settings } = stored.settings;
  // An operation that is not live keeps its path: no other may stand in for it.
  const byPath = new Map<string, { readonly path: string; readonly methods: Map<string, Operation | undefined> }>();
  const operations: Operation[] = [];
  for (const row of rows) {
    if (row.status === 'gone') continue;
    const { method, path } = definitionOf(row.definition);
    const operation = row.status === 'live' ? operationOf(row) : undefined;
    if (operation !== undefined) operations.push(operation);
    const key = path.replaceAll(/\{[^{}]*\}/g, '{}');
    const known = byPath.get(key) ?? { path, methods: new Map() };
    // Two templates that differ in names only: nobody can tell which is meant.
    known.methods.set(method, known.methods.has(method) ? undefined : operation);
    byPath.set(key, known);
  }
  const table = new PathTable<ReadonlyMap<string, Operation | undefined>>();
  for (const { path, methods } of byPath.values()) {
    const template = parseTemplate(path);
    if (typeof template !== 'string') table.add(template, methods);
  }
  return Object.freeze({
    stored,
    namespace: stored.namespace,
    target: {
      credential: settings.credentialRef ?? null,
      settings: pinOf({ ...settings, injection: injection === undefined ? null : injectionJson(injection) }),
    },
    operations: Object.freeze(operations),
    match: (method: string, path: readonly string[]) => {
      const found = table.find(path);
      const operation = found?.of.get(method);
      return found === undefined || operation === undefined ? undefined : { operation, pathValues: found.values };
    },
  });
}

function operationOf({ upstreamName, capability, access, pin, definition }: StoredOperation): Operation {
  const known = definitionOf(definition);
  const { method, path } = known;
  return Object.freeze({
    name: upstreamName,
    capability,
    method,
    path,
    access,
    destructive: access === 'write' && method === 'DELETE',
    pin,
    definition,
    prepared: () => prepare(known, pin),
  });
}
