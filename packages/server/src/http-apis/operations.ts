/** Operations as definitions: what reading a document again means for those that are held. Pure. */
import { setImmediate } from 'node:timers/promises';
import type { Capability, JsonObject } from '@hivekey/policy';
import {
  approve,
  type ChangedRow,
  type DefinitionRow,
  type NamingRules,
  type PreparedDefinition,
  reclassify,
  reconcile,
} from '../upstreams/index.ts';
import { type FoundOperation, invalidDocument } from './document.ts';
import type { ApiSettings } from './input.ts';
import type { OperationDefinition } from './operation.ts';
import { accessOf, descriptionOf, impactOf, jsonOf, pinOfOperation, prepare, problemOf } from './prepared.ts';
import type { StoredApi } from './store.ts';

/** Only what `jsonOf` made is stored. */
export function definitionOf(stored: JsonObject): OperationDefinition {
  return stored as unknown as OperationDefinition;
}

function rulesOf(namespace: string, { defaultAccess }: Pick<ApiSettings, 'defaultAccess'>): NamingRules {
  // What reads is told by the method, which the gateway sends itself.
  return { namespace, renameMap: {}, defaultAccess, trustAnnotations: true };
}

/**
 * Before a transaction, because it takes long: each schema is compiled to see that it can be. Others have their turn
 * in between. Throws `openapi_invalid`.
 */
export async function prepareAll(found: readonly FoundOperation[]): Promise<readonly PreparedDefinition[]> {
  const prepared: PreparedDefinition[] = [];
  for (const operation of found) {
    prepared.push(preparedOf(operation, problemOf(operation)));
    await setImmediate();
  }
  return prepared;
}

function preparedOf({ definition, name }: FoundOperation, problem: string | undefined): PreparedDefinition {
  const pin = pinOfOperation(definition);
  if (pin === undefined) throw invalidDocument(`${definition.method} ${definition.path} has no canonical form`);
  return {
    kind: 'tool',
    upstreamName: name,
    definition: jsonOf(definition),
    pin,
    description: descriptionOf(definition),
    readOnlyHint: accessOf(definition.method) === 'read',
    destructiveHint: definition.method === 'DELETE',
    openWorldHint: undefined,
    ...(problem === undefined ? {} : { problem }),
  };
}

/** The rows that differ after the document was read. */
export function imported(
  { namespace, settings, document }: StoredApi,
  rows: readonly DefinitionRow[],
  found: readonly PreparedDefinition[],
): readonly ChangedRow[] {
  return reconcile(rows, found, rulesOf(namespace, settings), document === undefined);
}

/** The rows that differ after the default access was changed. */
export function reclassed(
  { namespace, settings }: StoredApi,
  rows: readonly DefinitionRow[],
  next: ApiSettings,
): readonly ChangedRow[] {
  const prepared = (row: DefinitionRow): PreparedDefinition =>
    preparedOf({ name: row.upstreamName, definition: definitionOf(row.definition) }, row.problem ?? undefined);
  return reclassify(rows, prepared, rulesOf(namespace, settings), rulesOf(namespace, next));
}

/** As last seen. A class that was given for another method does not carry over. */
export function approved(row: DefinitionRow, access: 'read' | 'write' | undefined): ChangedRow {
  const { method } = definitionOf(row.definition);
  const isSame = row.approvedDefinition !== null && definitionOf(row.approvedDefinition).method === method;
  return approve(row, access ?? (isSame ? row.access : accessOf(method)));
}

/** What can be granted, by name. Nothing of an API that is disabled. */
export function capabilitiesOf(
  { status }: Pick<StoredApi, 'status'>,
  rows: readonly DefinitionRow[],
): ReadonlyMap<string, Capability> {
  if (status !== 'active') return new Map();
  return new Map(rows.flatMap((row) => (row.status === 'live' ? [[row.capability, capabilityOf(row)] as const] : [])));
}

function capabilityOf({ capability, access, definition: stored, pin }: DefinitionRow): Capability {
  const definition = definitionOf(stored);
  const impact = impactOf(definition);
  return {
    name: capability,
    description: descriptionOf(definition),
    access,
    destructive: access === 'write' && definition.method === 'DELETE',
    impact: typeof impact === 'string' ? {} : impact,
    inputSchema: prepare(definition, pin).plan.inputSchema,
  };
}
