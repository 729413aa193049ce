/** An upstream's result as a client of either era expects it. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { LIST_TTL_MS } from './visible.ts';
import { type ClientEra, isObject, META } from './wire.ts';

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
  shaped._meta = { ...(isObject(result._meta) ? result._meta : {}), [META.serverInfo]: serverInfo };
  return shaped;
}

function legacyResult(result: JsonObject, method: string): JsonObject {
  const modern = result.resultType !== undefined;
  if (!modern) return result;
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, ...rest } = result;
  const shaped: Record<string, JsonValue> = { ...rest };
  if (isObject(rest._meta) && META.serverInfo in rest._meta) {
    const { [META.serverInfo]: _info, ...meta } = rest._meta;
    if (Object.keys(meta).length > 0) shaped._meta = meta;
    else delete shaped._meta;
  }
  // Before 2026-07-28 structured content is an object; anything else is told as text.
  if (method === 'tools/call' && rest.structuredContent !== undefined && !isObject(rest.structuredContent)) {
    delete shaped.structuredContent;
    const content = Array.isArray(rest.content) ? rest.content : [];
    const told = content.some((block: JsonValue) => isObject(block) && block.type === 'text');
    if (!told) shaped.content = [...content, { type: 'text', text: JSON.stringify(rest.structuredContent) }];
  }
  return shaped;
}
