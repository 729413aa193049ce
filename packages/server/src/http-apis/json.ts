import type { JsonObject } from '@hivekey/policy';

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One part of a JSON pointer in a URI fragment (RFC 6901 section 6); undefined when it is none. */
export function pointerKey(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return undefined;
  }
}
