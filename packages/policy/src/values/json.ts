/** JSON values, told apart. */
import type { JsonObject, JsonValue } from '../model.ts';

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** An own member, or undefined: `constructor` and the like are not members. */
export function member(value: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The elements of a list, or the value alone. */
export function itemsOf(value: JsonValue): readonly JsonValue[] {
  return isList(value) ? value : [value];
}
