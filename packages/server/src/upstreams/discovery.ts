/** Reads all of an upstream's lists, page by page, over the same connection that calls take. */
import { setImmediate } from 'node:timers/promises';
import type { JsonValue } from '@hivekey/policy';
import {
  type Connection,
  type Description,
  GATEWAY_AFFINITY,
  GATEWAY_CAPABILITIES,
  Undescribed,
} from './connections/connection.ts';
import { FAILURES } from './connections/era.ts';
import { type PreparedDefinition, prepareDefinition, readDefinition } from './definitions.ts';
import type { Limits } from './limits.ts';
import type { DefinitionKind } from './types.ts';

export interface Discovered {
  readonly description: Description;
  readonly definitions: readonly PreparedDefinition[];
}

interface List {
  readonly kind: DefinitionKind;
  readonly method: string;
  readonly key: string;
  /** The server capability that says the list exists. */
  readonly capability: string;
}

const LISTS: readonly List[] = [
  { kind: 'tool', method: 'tools/list', key: 'tools', capability: 'tools' },
  { kind: 'resource', method: 'resources/list', key: 'resources', capability: 'resources' },
  { kind: 'template', method: 'resources/templates/list', key: 'resourceTemplates', capability: 'resources' },
  { kind: 'prompt', method: 'prompts/list', key: 'prompts', capability: 'prompts' },
];

const METHOD_NOT_FOUND = -32601;
/** Definitions prepared in one go. */
const AT_ONCE = 16;

/** Rejects with Undescribed: a list that was read in part says nothing about what is gone. */
export async function discover(
  connection: Connection,
  transport: 'http' | 'stdio',
  limits: Limits,
  signal: AbortSignal,
): Promise<Discovered> {
  const description = await connection.describe(signal);
  const definitions: PreparedDefinition[] = [];
  for (const list of LISTS) {
    if (description.capabilities[list.capability] === undefined) continue;
    const seen = new Set<string>();
    for await (const item of walk(connection, description, list, limits, signal)) {
      const found = readDefinition(list.kind, item);
      const prepared = found === undefined ? undefined : prepareDefinition(found, transport);
      if (prepared === undefined) throw new Undescribed(`${list.method} has something that is no definition`);
      if (seen.has(prepared.upstreamName))
        throw new Undescribed(`${list.method} has ${JSON.stringify(prepared.upstreamName.slice(0, 100))} twice`);
      seen.add(prepared.upstreamName);
      if (definitions.length >= limits.definitions)
        throw new Undescribed(`it has more than ${limits.definitions} definitions`);
      definitions.push(prepared);
      // Compiling schemas takes a while; calls of other servers go on in between.
      if (definitions.length % AT_ONCE === 0) await setImmediate();
    }
  }
  return { description, definitions };
}

async function* walk(
  connection: Connection,
  { era, protocolVersion }: Description,
  { method, key }: List,
  limits: Limits,
  signal: AbortSignal,
): AsyncGenerator<JsonValue> {
  const cursors = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < limits.pages; page += 1) {
    const answer = await connection.request({
      era,
      method,
      params: cursor === undefined ? {} : { cursor },
      affinity: GATEWAY_AFFINITY,
      clientCapabilities: GATEWAY_CAPABILITIES,
      ...(era === 'legacy' ? {} : { protocolVersion }),
      signal,
      bounds: { idleMs: 0, totalMs: limits.handshakeMs },
    });
    // Servers with resources need not know templates.
    if (answer.kind === 'error' && answer.error.code === METHOD_NOT_FOUND) return;
    if (answer.kind !== 'result')
      throw new Undescribed(
        `${method}: ${answer.kind === 'failed' ? FAILURES[answer.code] : 'it answered with an error'}`,
      );
    const items = answer.result[key];
    if (!Array.isArray(items)) throw new Undescribed(`${method} gave no list`);
    yield* items as readonly JsonValue[];
    const next = answer.result.nextCursor;
    if (next === undefined || next === null) return;
    if (typeof next !== 'string' || cursors.has(next)) throw new Undescribed(`${method} never ends`);
    cursors.add(next);
    cursor = next;
  }
  throw new Undescribed(`${method} has more than ${limits.pages} pages`);
}
