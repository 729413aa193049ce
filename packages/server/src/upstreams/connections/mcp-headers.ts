/** Headers of revision 2026-07-28 that repeat parts of the body: `Mcp-Method`, `Mcp-Name`, `Mcp-Param-*`. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { isSchemaObject, partsOf } from '../schema/walk.ts';

interface ParamHeader {
  /** Property names from the root of the arguments. */
  readonly path: readonly string[];
  readonly header: string;
}

/** RFC 9110 token. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const PRIMITIVES: readonly JsonValue[] = ['string', 'integer', 'boolean'];
const NAME_SOURCE: Readonly<Record<string, 'name' | 'uri'>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/** Why the schema's `x-mcp-header` annotations make the tool unusable over HTTP, in words; undefined when they do not. */
export function paramHeaderProblem(inputSchema: JsonValue | undefined): string | undefined {
  if (!isSchemaObject(inputSchema)) return undefined;
  const names = new Set<string>();
  const pending = [{ schema: inputSchema, reachable: true, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { schema, reachable, depth } = next;
    const name = schema['x-mcp-header'];
    if (name !== undefined) {
      if (typeof name !== 'string' || !TOKEN.test(name)) return 'x-mcp-header is not a header name';
      if (!reachable || depth === 0) return `x-mcp-header ${name} is on no plain property`;
      if (!PRIMITIVES.includes(schema.type ?? null)) return `x-mcp-header ${name} is on no string, integer or boolean`;
      if (names.has(name.toLowerCase())) return `x-mcp-header ${name} is used twice`;
      names.add(name.toLowerCase());
    }
    for (const part of partsOf(schema))
      pending.push({ schema: part.schema, reachable: reachable && part.path[0] === 'properties', depth: depth + 1 });
  }
  return undefined;
}

const byDefinition = new WeakMap<JsonObject, readonly ParamHeader[]>();

function paramHeadersOf(definition: JsonObject): readonly ParamHeader[] {
  const known = byDefinition.get(definition);
  if (known !== undefined) return known;
  const found: ParamHeader[] = [];
  collect(definition.inputSchema, [], found);
  byDefinition.set(definition, found);
  return found;
}

function collect(schema: JsonValue | undefined, path: readonly string[], found: ParamHeader[]): void {
  if (!isSchemaObject(schema)) return;
  const name = schema['x-mcp-header'];
  if (typeof name === 'string' && path.length > 0) found.push({ path, header: `mcp-param-${name.toLowerCase()}` });
  if (!isSchemaObject(schema.properties)) return;
  for (const [key, part] of Object.entries(schema.properties)) collect(part, [...path, key], found);
}

/** A value as a header carries it: plain where that is safe and unambiguous, Base64 in a marker otherwise. */
export function encodeHeaderValue(value: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/.test(value);
  return plain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

function valueAt(root: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let node = root;
  for (const key of path) node = isSchemaObject(node) && Object.hasOwn(node, key) ? node[key] : undefined;
  return node;
}

/** Names and values, alternating. */
export function modernHeaders(
  version: string,
  method: string,
  params: JsonObject,
  definition: JsonObject | undefined,
): readonly string[] {
  const headers = ['mcp-protocol-version', version, 'mcp-method', method];
  const source = NAME_SOURCE[method];
  const name = source === undefined ? undefined : params[source];
  if (typeof name === 'string') headers.push('mcp-name', encodeHeaderValue(name));
  if (definition === undefined || method !== 'tools/call') return headers;
  for (const { path, header } of paramHeadersOf(definition)) {
    const value = valueAt(params.arguments, path);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      headers.push(header, encodeHeaderValue(String(value)));
  }
  return headers;
}
