/**
 * Headers that repeat what the body of a modern request says (MCP revision 2026-07-28, Streamable HTTP). A
 * client that speaks stdio does not send them, so the bridge takes them from the body.
 */
import { isObject } from './message.ts';

/** A parameter that a tool's schema marks with `x-mcp-header`. */
export interface ParamHeader {
  readonly path: readonly string[];
  readonly name: string;
}

const MAX_SCHEMA_DEPTH = 32;
/** Visible ASCII with inner blanks: what a header carries as it is. */
const PLAIN = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
const NAME_SOURCE: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);

function headerText(value: string): string {
  if (PLAIN.test(value) && !value.startsWith('=?')) return value;
  return `=?base64?${Buffer.from(value).toString('base64')}?=`;
}

/** What the definition of a tool declares. */
export function paramHeadersOf(definition: unknown): ParamHeader[] {
  const found: ParamHeader[] = [];
  if (isObject(definition)) collect(definition.inputSchema, [], found);
  return found;
}

function collect(schema: unknown, path: readonly string[], found: ParamHeader[]): void {
  if (!isObject(schema) || path.length > MAX_SCHEMA_DEPTH) return;
  const name = schema['x-mcp-header'];
  if (typeof name === 'string' && name !== '' && path.length > 0) found.push({ path, name });
  if (!isObject(schema.properties)) return;
  for (const [key, child] of Object.entries(schema.properties)) collect(child, [...path, key], found);
}

export function standardHeaders(
  version: string,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const headers: Record<string, string> = { 'mcp-protocol-version': version, 'mcp-method': method };
  const named = params[NAME_SOURCE.get(method) ?? ''];
  if (typeof named === 'string') headers['mcp-name'] = headerText(named);
  return headers;
}

export function paramHeaders(declared: readonly ParamHeader[], args: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { path, name } of declared) {
    let value = args;
    for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      headers[`mcp-param-${name.toLowerCase()}`] = headerText(String(value));
  }
  return headers;
}
