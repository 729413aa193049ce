/** Schemas of OpenAPI as JSON Schema 2020-12, which is what arguments are checked by. Pure. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { isObject, pointerKey } from './json.ts';

const SCHEMA = '#/components/schemas/';
const DEFINITIONS = '#/$defs/';
/** Say nothing of what fits, and may hold anything. */
const ANNOTATIONS: ReadonlySet<string> = new Set(['example', 'examples', 'xml', 'externalDocs', 'discriminator']);
/** Whose values are not schemas. */
const LITERALS: ReadonlySet<string> = new Set(['enum', 'const', 'default']);
/** Whose members are named by the document, and are schemas. */
const MAPS: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'dependentSchemas']);

/** OpenAPI 3.0 has keywords of its own; 3.1 is JSON Schema already. References lead to `$defs`. */
export function jsonSchemaOf(schema: JsonValue, openapi: string): JsonValue {
  const isOld = openapi.startsWith('3.0');

  function convert(value: JsonValue): JsonValue {
    if (Array.isArray(value)) return value.map(convert);
    if (!isObject(value)) return value;
    const { $ref } = value;
    const reference =
      typeof $ref === 'string' && $ref.startsWith(SCHEMA) ? DEFINITIONS + $ref.slice(SCHEMA.length) : undefined;
    // In 3.0 nothing counts beside a reference.
    if (isOld && reference !== undefined) return { $ref: reference };
    const members = Object.entries(value).flatMap(([key, member]): [string, JsonValue][] => {
      if (ANNOTATIONS.has(key)) return [];
      if (LITERALS.has(key)) return [[key, member]];
      if (MAPS.has(key) && isObject(member))
        return [[key, Object.fromEntries(Object.entries(member).map(([name, each]) => [name, convert(each)]))]];
      return [[key, convert(member)]];
    });
    const converted: JsonObject = {
      ...Object.fromEntries(members),
      ...(reference === undefined ? {} : { $ref: reference }),
    };
    return isOld ? nullable(bounds(converted)) : converted;
  }

  return convert(schema);
}

/** `exclusiveMinimum: true` beside `minimum` is `exclusiveMinimum` itself. */
function bounds(schema: JsonObject): JsonObject {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, ...rest } = schema;
  return {
    ...rest,
    ...limit('minimum', 'exclusiveMinimum', minimum, exclusiveMinimum),
    ...limit('maximum', 'exclusiveMaximum', maximum, exclusiveMaximum),
  };
}

function limit(
  name: string,
  exclusiveName: string,
  value: JsonValue | undefined,
  exclusive: JsonValue | undefined,
): JsonObject {
  if (exclusive === true) return value === undefined ? {} : { [exclusiveName]: value };
  return value === undefined ? {} : { [name]: value };
}

function nullable({ nullable: allowed, ...schema }: JsonObject): JsonObject {
  if (allowed !== true) return schema;
  const { enum: values, type } = schema;
  if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] };
  const listed = Array.isArray(values) && !values.includes(null) ? { enum: [...values, null] } : {};
  return { ...schema, type: [type, 'null'], ...listed };
}

/** What a schema refers to, through references alone; itself when it does not. `definitions`: what references lead to. */
export function referred(schema: JsonValue | undefined, definitions: JsonObject): JsonObject | undefined {
  let value = schema;
  for (let hops = 0; hops < 16; hops += 1) {
    if (!isObject(value)) return undefined;
    const { $ref } = value;
    if (typeof $ref !== 'string') return value;
    const name = pointerKey($ref.slice(DEFINITIONS.length));
    value = name !== undefined && Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  }
  return undefined;
}
