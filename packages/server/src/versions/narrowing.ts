/** Changes that only take away. They never wait for anybody: whoever stops something does it now. */
import { checkGuards, countsByRole, type JsonObject, type JsonValue } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { contentHash, type ObjectType } from './object.ts';
import type { ControlledTypes, Touched } from './touched.ts';

/** As `isNarrowing`, with a look at what the roles bring that an agent loses. */
export async function onlyTakesAway(
  client: ClientBase,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  { type, before, after }: Touched,
): Promise<boolean> {
  if (isNarrowing(type, before, after)) {
    const of = controlled.get(type);
    if (of?.setsFree === undefined || before === undefined || after === undefined) return true;
    return !(await of.setsFree(client, workspaceId, before, after));
  }
  const [had, has] = [membersOf(before).roles, membersOf(after).roles];
  if (type !== 'assignment' || !isPartOf(has, had) || !Array.isArray(had) || !Array.isArray(has)) return false;
  for (const role of had.filter((each: JsonValue) => !has.includes(each))) {
    const document = await controlled.get('role')?.read(client, workspaceId, String(role));
    if (!isPartOf(membersOf(document).guards, [])) return false;
  }
  const workspace = await controlled.get('workspace_guards')?.read(client, workspaceId, '*');
  const guards = checkGuards(membersOf(workspace).guards ?? [], 'workspace');
  return guards.ok && !guards.value.some(countsByRole);
}

/** `after` undefined: it is removed. Pure. */
export function isNarrowing(type: ObjectType, before: JsonValue | undefined, after: JsonValue | undefined): boolean {
  const had = membersOf(before);
  const has = membersOf(after);
  switch (type) {
    case 'assignment':
      // A role takes its guards along, and those may be all that held back another one: what it brings is not known here.
      return isPartOf(has.roles, []) || (isPartOf(has.roles, had.roles) && isPartOf(had.roles, has.roles));
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
