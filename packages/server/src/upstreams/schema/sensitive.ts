/** Which arguments are sensitive by the schema: `writeOnly`, or of the format `password`. */
import type { JsonObject } from '@hivekey/policy';
import { createResolver, partsOf, referredBy } from './walk.ts';

/** Deeper arguments are left out of records altogether. */
const MAX_DEPTH = 8;

/** Dotted property paths, `[]` for the items of an array. `root` must have passed `measureSchema`. */
export function sensitivePathsOf(root: JsonObject): readonly string[] {
  const resolve = createResolver(root);
  const found = new Set<string>();
  const seen = new Map<string, Set<JsonObject>>();

  function visit(schema: JsonObject, path: string, depth: number): void {
    const here = seen.get(path) ?? new Set();
    if (here.has(schema) || depth > MAX_DEPTH) return;
    seen.set(path, here.add(schema));
    if (path !== '' && (schema.writeOnly === true || schema.format === 'password')) found.add(path);
    for (const target of referredBy(schema, resolve)) if (target !== undefined) visit(target, path, depth);
    for (const { relation, path: keys, schema: part } of partsOf(schema)) {
      if (relation.kind === 'same') visit(part, path, depth);
      else if (keys[0] === 'properties') visit(part, path === '' ? `${keys[1]}` : `${path}.${keys[1]}`, depth + 1);
      else if (relation.kind === 'child' && relation.selector === 'item') visit(part, `${path}[]`, depth + 1);
    }
  }

  visit(root, '', 0);
  return [...found].sort();
}
