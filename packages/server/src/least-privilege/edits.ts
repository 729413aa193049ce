/** What becomes of documents. Pure. */
import { checkGuards, type Guard, type JsonValue } from '@hivekey/policy';
import { isSameCounter } from './counters.ts';

/** Null: the object is removed. */
export type Edit = (document: JsonValue) => JsonValue | null;

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function withoutGrant(capability: string): Edit {
  return (document) => {
    const scope = isObject(document) ? document.scope : undefined;
    if (!isObject(document) || !isObject(scope) || !isList(scope.allow)) return document;
    return { ...document, scope: { ...scope, allow: scope.allow.filter((each) => each !== capability) } };
  };
}

export function withoutRole(name: string): Edit {
  return (document) =>
    isObject(document) && isList(document.roles)
      ? { ...document, roles: document.roles.filter((each) => each !== name) }
      : document;
}

/** The document with the guard edited; as it was, where it does not come out as the guard with another limit. */
export function withGuard(id: string, edit: Edit, guard: Guard, limit: number): Edit {
  return (document) => {
    if (!isObject(document) || !isList(document.guards)) return document;
    const guards = document.guards.map((each) => (isObject(each) && each.id === id ? (edit(each) ?? each) : each));
    const read = checkGuards(guards, guard.origin);
    const made = read.ok ? read.value.find((each) => each.id === id) : undefined;
    const isRight =
      made !== undefined &&
      'kind' in made.when &&
      'kind' in guard.when &&
      made.when.limit === limit &&
      isSameCounter(made.when, guard.when);
    return isRight ? { ...document, guards } : document;
  };
}
