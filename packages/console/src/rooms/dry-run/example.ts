import { isRecord } from '../../api/problem.ts';
import type { Json, JsonObject } from '../../api/types.ts';

const MAX_DEPTH = 6;

/** A value to start from: every required property of a JSON Schema, with its default, first choice or an empty value. Pure. */
export function exampleOf(schema: JsonObject): Json {
  return exampleAt(schema, 0);
}

function exampleAt(schema: unknown, depth: number): Json {
  if (!isRecord(schema) || depth > MAX_DEPTH) return null;
  if (schema.default !== undefined) return schema.default as Json;
  if (schema.const !== undefined) return schema.const as Json;
  if (Array.isArray(schema.enum)) return (schema.enum[0] ?? null) as Json;
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'string':
      return '';
    case 'number':
    case 'integer':
      return typeof schema.minimum === 'number' ? schema.minimum : 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    case 'object': {
      const properties = isRecord(schema.properties) ? schema.properties : {};
      const required = Array.isArray(schema.required) ? schema.required : [];
      return Object.fromEntries(
        Object.entries(properties)
          .filter(([name]) => required.includes(name))
          .map(([name, property]) => [name, exampleAt(property, depth + 1)]),
      );
    }
    default:
      return null;
  }
}
