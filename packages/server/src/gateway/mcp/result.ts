/** An upstream's result as a client of either era expects it. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { LIST_TTL_MS } from './visible.ts';
import { type ClientEra, isObject, META } from './wire.ts';

const NOTHING: JsonObject = Object.freeze({});

/**
 * Modern results say their type and who served them, and what was read for one agent is never cacheable
 * for others. Legacy results must not carry what only modern clients know.
 */
export function resultFor(result: JsonObject, method: string, era: ClientEra, serverInfo: JsonObject): JsonObject {
  if (era === 'legacy') return legacyResult(result, method);
  const shaped: Record<string, JsonValue> = { ...result };
  shaped.resultType ??= 'complete';
  if (method === 'resources/read' && shaped.resultType === 'complete') {
    const { ttlMs } = result;
    shaped.ttlMs =
      typeof ttlMs === 'number' && Number.isInteger(ttlMs) && ttlMs >= 0 ? Math.min(ttlMs, LIST_TTL_MS) : 0;
    shaped.cacheScope = 'private';
  }
  shaped._meta = { ...upstreamMeta(result), [META.serverInfo]: serverInfo };
  return shaped;
}

function legacyResult(result: JsonObject, method: string): JsonObject {
  if (result.resultType === undefined && result._meta === undefined) return result;
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, _meta, ...rest } = result;
  const shaped: Record<string, JsonValue> = { ...rest };
  const meta = upstreamMeta(result);
  if (Object.keys(meta).length > 0) shaped._meta = meta;
  // Before 2026-07-28 structured content is an object; anything else is told as text.
  if (method === 'tools/call' && rest.structuredContent !== undefined && !isObject(rest.structuredContent)) {
    delete shaped.structuredContent;
    const content = Array.isArray(rest.content) ? rest.content : [];
    const told = content.some((block: JsonValue) => isObject(block) && block.type === 'text');
    if (!told) shaped.content = [...content, { type: 'text', text: JSON.stringify(rest.structuredContent) }];
  }
  return shaped;
}

/** The upstream's `_meta` without what only the gateway may say. */
function upstreamMeta({ _meta }: JsonObject): JsonObject {
  if (!isObject(_meta)) return NOTHING;
  const ours = (key: string): boolean => key === META.serverInfo || key.startsWith('hivekey/');
  return Object.fromEntries(Object.entries(_meta).filter(([key]) => !ours(key)));
}
