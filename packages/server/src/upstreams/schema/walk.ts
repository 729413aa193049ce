/** The parts of a JSON Schema, and how each applies: to the same value, to a part of it, or only where referred to. */
import type { JsonObject, JsonValue } from '@hivekey/policy';

/**
 * `same`: applies to the value itself. `child`: applies to members or items; parts with overlapping
 * selectors may meet on one of them. `definition`: applies where a reference says so.
 */
type Relation = { readonly kind: 'same' | 'definition' } | { readonly kind: 'child'; readonly selector: string };

export interface Part {
  readonly relation: Relation;
  /** Keys from the schema to the part. */
  readonly path: readonly string[];
  readonly schema: JsonObject;
}

const SAME: Relation = { kind: 'same' };
const DEFINITION: Relation = { kind: 'definition' };
/** Any member, whatever its name. */
const ANY_MEMBER: Relation = { kind: 'child', selector: 'member' };
const ITEM: Relation = { kind: 'child', selector: 'item' };
const KEY: Relation = { kind: 'child', selector: 'key' };

/** Keywords whose value is a schema or a list of schemas. */
const SCHEMAS: Readonly<Record<string, Relation>> = {
  not: SAME,
  if: SAME,
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: SAME,
  else: SAME,
  allOf: SAME,
  anyOf: SAME,
  oneOf: SAME,
  additionalProperties: ANY_MEMBER,
  unevaluatedProperties: ANY_MEMBER,
  items: ITEM,
  prefixItems: ITEM,
  additionalItems: ITEM,
  unevaluatedItems: ITEM,
  contains: ITEM,
  propertyNames: KEY,
};

/** Keywords whose value maps names to schemas. */
const MAPS: Readonly<Record<string, (name: string) => Relation>> = {
  properties: (name) => ({ kind: 'child', selector: `member ${name}` }),
  patternProperties: () => ANY_MEMBER,
  dependentSchemas: () => SAME,
  dependencies: () => SAME,
  $defs: () => DEFINITION,
  definitions: () => DEFINITION,
};

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

export function isSchemaObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The schemas directly inside a schema. `true` and `false` are schemas without parts and are left out. */
export function partsOf(schema: JsonObject): readonly Part[] {
  const parts: Part[] = [];
  for (const [keyword, value] of Object.entries(schema)) {
    const relation = own(SCHEMAS, keyword);
    if (relation !== undefined) {
      if (isSchemaObject(value)) parts.push({ relation, path: [keyword], schema: value });
      else if (Array.isArray(value))
        value.forEach((item: JsonValue, index) => {
          if (isSchemaObject(item)) parts.push({ relation, path: [keyword, String(index)], schema: item });
        });
      continue;
    }
    const map = own(MAPS, keyword);
    if (map === undefined || !isSchemaObject(value)) continue;
    for (const [name, item] of Object.entries(value))
      if (isSchemaObject(item)) parts.push({ relation: map(name), path: [keyword, name], schema: item });
  }
  return parts;
}

/** Keywords that refer to another schema for the same value. */
export const REFERENCES: readonly string[] = ['$ref', '$dynamicRef', '$recursiveRef'];

/** Where a reference inside `root` leads. Only references into the document itself are followed. */
export function createResolver(root: JsonObject): (reference: string) => JsonObject | undefined {
  const anchors = new Map<string, JsonObject>();
  const pending = [root];
  for (let schema = pending.pop(); schema !== undefined; schema = pending.pop()) {
    for (const keyword of ['$anchor', '$dynamicAnchor']) {
      const name = schema[keyword];
      if (typeof name === 'string') anchors.set(name, schema);
    }
    for (const part of partsOf(schema)) pending.push(part.schema);
  }
  return (reference) => {
    if (reference === '#') return root;
    if (!reference.startsWith('#')) return undefined;
    let fragment: string;
    try {
      fragment = decodeURIComponent(reference.slice(1));
    } catch {
      return undefined;
    }
    return fragment.startsWith('/') ? atPointer(root, fragment) : anchors.get(fragment);
  };
}

/** RFC 6901. */
function atPointer(root: JsonObject, pointer: string): JsonObject | undefined {
  let node: JsonValue | undefined = root;
  for (const token of pointer.slice(1).split('/')) {
    if (typeof node !== 'object' || node === null) return undefined;
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    node = Object.hasOwn(node, key) ? (node as { readonly [name: string]: JsonValue })[key] : undefined;
  }
  return isSchemaObject(node) ? node : undefined;
}

/** Schemas that a schema refers to. Undefined stands for a reference that leads nowhere in the document. */
export function referredBy(
  schema: JsonObject,
  resolve: (reference: string) => JsonObject | undefined,
): readonly (JsonObject | undefined)[] {
  return REFERENCES.flatMap((keyword) => {
    const reference = schema[keyword];
    return typeof reference === 'string' ? [resolve(reference)] : [];
  });
}
