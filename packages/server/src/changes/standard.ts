/** What needs nobody, because the pattern of it was approved before. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '@hivekey/policy';
import type { ChangedObject } from './assess.ts';
import { isNeverAlone } from './authority.ts';
import type { StandardPattern } from './settings.ts';

/**
 * Names of the patterns, one for each object; undefined as soon as one fits none. `narrowsAlone`: whether this object's
 * change, by itself, only takes away.
 */
export function standardFor(
  objects: readonly ChangedObject[],
  patterns: readonly StandardPattern[],
  narrowsAlone: (object: ChangedObject) => boolean,
): readonly string[] | undefined {
  const names = objects.map((object) => patterns.find((pattern) => fits(pattern, object, narrowsAlone))?.name);
  const found = names.filter((name) => name !== undefined);
  return objects.length > 0 && found.length === objects.length ? [...new Set(found)] : undefined;
}

function fits(
  { types, ids, allows }: StandardPattern,
  object: ChangedObject,
  narrowsAlone: (object: ChangedObject) => boolean,
): boolean {
  if (isNeverAlone([object])) return false;
  if (!types.includes(object.type) || ids?.includes(object.id) === false) return false;
  return allows === 'narrowing' ? narrowsAlone(object) : addsOnly(object, allows.roles_added);
}

/** Of an assignment: these roles are added behind those there are, and nothing else changes. */
function addsOnly({ type, before, after }: ChangedObject, allowed: readonly string[]): boolean {
  if (type !== 'assignment') return false;
  const had = rolesOf(before);
  const has = rolesOf(after);
  return (
    had !== undefined &&
    has !== undefined &&
    isDeepStrictEqual(has.slice(0, had.length), had) &&
    has.slice(had.length).every((role) => allowed.includes(role))
  );
}

/** Undefined for a document that has anything else in it. */
function rolesOf(document: JsonValue | null): readonly string[] | undefined {
  if (document === null) return [];
  if (typeof document !== 'object' || !('roles' in document) || Object.keys(document).length !== 1) return undefined;
  const { roles } = document;
  return Array.isArray(roles) && roles.every((role: JsonValue) => typeof role === 'string') ? roles : undefined;
}
