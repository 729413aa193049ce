/** Two documents of one object: the smallest places that differ. Pure. */
import type { JsonObject, JsonValue } from '@hivekey/policy';

export interface FieldDifference {
  /** `guards[cap].when.lte`. Members of a list that have an id or a name are found by it, and others by their place. */
  readonly path: string;
  /** Absent where it comes in. */
  readonly before?: JsonValue;
  /** Absent where it goes. */
  readonly after?: JsonValue;
}

export function documentDiff(before: JsonValue | null, after: JsonValue | null): readonly FieldDifference[] {
  if (before === null || after === null) {
    const whole = before ?? after;
    if (whole === null) return [];
    return [before === null ? { path: '', after: whole } : { path: '', before: whole }];
  }
  return differences('', before, after);
}

function differences(
  path: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): readonly FieldDifference[] {
  if (before === undefined) return after === undefined ? [] : [{ path, after }];
  if (after === undefined) return [{ path, before }];
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => differences(path === '' ? name : `${path}.${name}`, before[name], after[name]));
  }
  if (isList(before) && isList(after)) return listDifferences(path, before, after);
  return same(before, after) ? [] : [{ path, before, after }];
}

function listDifferences(
  path: string,
  before: readonly JsonValue[],
  after: readonly JsonValue[],
): readonly FieldDifference[] {
  const [old, now] = [keyed(before), keyed(after)];
  if (old === undefined || now === undefined) return same(before, after) ? [] : [{ path, before, after }];
  const keys = [...new Set([...old.keys(), ...now.keys()])];
  const found = keys.flatMap((key) => differences(`${path}[${key}]`, old.get(key), now.get(key)));
  const isMoved = found.length === 0 && !same(before, after);
  return isMoved ? [{ path, before, after }] : found;
}

/** Undefined where something in it cannot be told apart from the rest. */
function keyed(items: readonly JsonValue[]): ReadonlyMap<string, JsonValue> | undefined {
  const found = new Map<string, JsonValue>();
  for (const item of items) {
    const key = typeof item === 'string' ? item : isObject(item) ? (item.id ?? item.name) : undefined;
    if (typeof key !== 'string' || found.has(key)) return undefined;
    found.set(key, item);
  }
  return found;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function same(a: JsonValue, b: JsonValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
