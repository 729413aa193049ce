/**
 * `Mcp-Param-*` headers (revision 2026-07-28, SEP-2243): parameters that a tool's schema marks with
 * `x-mcp-header` are repeated as headers. They are compared with the body and never decide anything.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { isObject } from './wire.ts';

export interface ParamHeader {
  /** Property names from the root of the arguments. */
  readonly path: readonly string[];
  /** Lower case, as Node gives header names. */
  readonly header: string;
  readonly numeric: boolean;
}

const NONE: readonly ParamHeader[] = [];
const MAX_SCHEMA_DEPTH = 32;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DECIMAL = /^-?\d+(\.\d+)?$/;
const byDefinition = new WeakMap<JsonObject, readonly ParamHeader[]>();

/** What the definition declares; only properties reached through `properties` alone count. */
export function paramHeadersOf(definition: JsonObject): readonly ParamHeader[] {
  const known = byDefinition.get(definition);
  if (known !== undefined) return known;
  const found: ParamHeader[] = [];
  collect(definition.inputSchema, [], found);
  const declared = found.length === 0 ? NONE : found;
  byDefinition.set(definition, declared);
  return declared;
}

function collect(schema: JsonValue | undefined, path: readonly string[], found: ParamHeader[]): void {
  if (!isObject(schema) || path.length > MAX_SCHEMA_DEPTH) return;
  const name = schema['x-mcp-header'];
  if (typeof name === 'string' && name !== '' && path.length > 0) {
    found.push({
      path,
      header: `mcp-param-${name.toLowerCase()}`,
      numeric: schema.type === 'integer' || schema.type === 'number',
    });
  }
  if (!isObject(schema.properties)) return;
  for (const [key, child] of Object.entries(schema.properties)) collect(child, [...path, key], found);
}

/** The value of a header that may be Base64 in `=?base64?…?=`; undefined when that is not canonical UTF-8. */
export function decodeHeaderValue(value: string): string | undefined {
  if (!value.startsWith('=?base64?') || !value.endsWith('?=')) return value;
  const encoded = value.slice('=?base64?'.length, -2);
  if (!BASE64.test(encoded)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}

function valueAt(root: JsonValue, path: readonly string[]): JsonValue | undefined {
  let node: JsonValue | undefined = root;
  for (const key of path) node = isObject(node) && Object.hasOwn(node, key) ? node[key] : undefined;
  return node;
}

/** How headers and arguments disagree, in words; undefined when they agree. Values are not repeated: they may be sensitive. */
export function paramHeaderProblem(
  declared: readonly ParamHeader[],
  args: JsonObject,
  headers: IncomingHttpHeaders,
): string | undefined {
  for (const { path, header, numeric } of declared) {
    const value = valueAt(args, path);
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue;
    const where = path.join('.');
    const sent = headers[header];
    if (typeof sent !== 'string') return `the body carries ${where} but the ${header} header is absent`;
    const decoded = decodeHeaderValue(sent.trim());
    if (decoded === undefined) return `the ${header} header carries an invalid Base64 value`;
    const equal =
      numeric && typeof value === 'number' && DECIMAL.test(decoded)
        ? Number(decoded) === value
        : decoded === String(value);
    if (!equal) return `the ${header} header does not repeat ${where}`;
  }
  return undefined;
}
