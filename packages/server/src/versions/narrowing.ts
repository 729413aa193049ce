/** Changes that only take away. They never wait for anybody: whoever stops something does it now. Pure. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { contentHash, type ObjectType } from './object.ts';

/** `after` undefined: it is removed. */
export function isNarrowing(type: ObjectType, before: JsonValue | undefined, after: JsonValue | undefined): boolean {
  const had = membersOf(before);
  const has = membersOf(after);
  switch (type) {
    case 'assignment':
      return isPartOf(has.roles, had.roles);
    case 'person_authority':
      return (
        isPartOf(has.groups, had.groups) &&
        isPartOf(has.roles, had.roles) &&
        (before === undefined || after === undefined || same(had.authority, has.authority))
      );
    case 'definition':
      return after === undefined || (has.status !== 'live' && before !== undefined && sameBut('status', had, has));
    case 'mcp_server':
    case 'http_api':
      return after === undefined || (has.status !== 'active' && before !== undefined && sameBut('status', had, has));
    default:
      return false;
  }
}

function membersOf(document: JsonValue | undefined): JsonObject {
  return typeof document === 'object' && document !== null && !Array.isArray(document) ? (document as JsonObject) : {};
}

function isPartOf(part: JsonValue | undefined, whole: JsonValue | undefined): boolean {
  const all = new Set(Array.isArray(whole) ? whole : []);
  return !Array.isArray(part) || part.every((each) => all.has(each));
}

function sameBut(member: string, one: JsonObject, other: JsonObject): boolean {
  return same({ ...one, [member]: null }, { ...other, [member]: null });
}

function same(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  return contentHash(one ?? null) === contentHash(other ?? null);
}
