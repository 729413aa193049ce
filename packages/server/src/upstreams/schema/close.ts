/**
 * Closes a schema: members it does not name are refused. A tool opts out by saying something about other
 * members itself (`additionalProperties`, `unevaluatedProperties`). A nested schema that names no members
 * at all is a free-form map and stays one; the arguments as a whole are closed in any case.
 */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { createResolver, isSchemaObject, partsOf, referredBy } from './walk.ts';

const NAMING: readonly string[] = ['properties', 'patternProperties', 'required'];
const OPT_OUT: readonly string[] = ['additionalProperties', 'unevaluatedProperties'];

type Position = 'arguments' | 'value' | 'in place';

/** `root` must have passed `measureSchema`. */
export function closeSchema(root: JsonObject): JsonObject {
  const resolve = createResolver(root);

  /** Schemas that apply to the same value. */
  function inPlace(schema: JsonObject): readonly JsonObject[] {
    const parts = partsOf(schema).flatMap((part) => (part.relation.kind === 'same' ? [part.schema] : []));
    return [...parts, ...referredBy(schema, resolve).filter((each) => each !== undefined)];
  }

  function namesMembers(schema: JsonObject, seen: Set<JsonObject>): boolean {
    if (seen.has(schema)) return false;
    seen.add(schema);
    return (
      NAMING.some((keyword) => schema[keyword] !== undefined) ||
      inPlace(schema).some((each) => namesMembers(each, seen))
    );
  }

  function close(schema: JsonObject, position: Position): JsonObject {
    const copy = withParts(schema, (part, kind) => close(part, kind === 'child' ? 'value' : 'in place'));
    if (position === 'in place' || OPT_OUT.some((keyword) => schema[keyword] !== undefined)) return copy;
    if (position === 'value' && !namesMembers(schema, new Set())) return copy;
    // Members may be named by schemas applied in place, which only the unevaluated keyword sees.
    return { ...copy, [inPlace(schema).length === 0 ? 'additionalProperties' : 'unevaluatedProperties']: false };
  }

  return close(root, 'arguments');
}

function withParts(
  schema: JsonObject,
  change: (part: JsonObject, kind: 'same' | 'definition' | 'child') => JsonObject,
): JsonObject {
  let copy = schema;
  for (const { relation, path, schema: part } of partsOf(schema))
    copy = replaceAt(copy, path, change(part, relation.kind));
  return copy;
}

function replaceAt(schema: JsonObject, [key, ...rest]: readonly string[], value: JsonObject): JsonObject {
  if (key === undefined) return value;
  const member = schema[key];
  const next: JsonValue = Array.isArray(member)
    ? member.map((item: JsonValue, index) => (String(index) === rest[0] ? value : item))
    : replaceAt(isSchemaObject(member) ? member : {}, rest, value);
  return withMember(schema, key, next);
}

/** A copy with one member changed, also one named `__proto__`. */
function withMember(object: JsonObject, key: string, value: JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, old]) => [name, name === key ? value : old]));
}
