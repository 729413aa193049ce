/** Groups as SCIM Groups. Members are changed in their table alone: a group of any size is never read to add one. */
import type { JsonValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import {
  type Actor,
  addMembers,
  changeGroup,
  createGroup,
  deleteGroup,
  type Group,
  MEMBERS_AT_ONCE,
  readGroup,
  removeMembers,
  setMembers,
  shrinkGroup,
} from '../groups/index.ts';
import type { GroupId, WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { invalidPath, invalidValue, notFound, ScimFailure } from './failure.ts';
import type { Filter } from './filter.ts';
import { type Columns, jsonColumns } from './filter-sql.ts';
import { applyPatch, type Operation } from './patch.ts';
import { locationOf, type Resource } from './resource.ts';
import { GROUP, USER } from './resource-types.ts';
import { type Attributes, isList, isObject, membersOf, type Value } from './values.ts';
import { checkVersion, type Precondition } from './version.ts';

const MAX_NAME_CHARACTERS = 256;

export interface GroupRow {
  readonly id: GroupId;
  readonly displayName: string;
  readonly externalId: string | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

export const GROUPS = `
SELECT g.id, g.display_name AS "displayName", g.external_id AS "externalId", g.version, g.created_at AS "createdAt",
       g.modified_at AS "modifiedAt"
  FROM directory_groups g WHERE g.workspace_id = $1`;
export const COUNT_GROUPS = 'SELECT count(*)::int AS total FROM directory_groups g WHERE g.workspace_id = $1';

const SINGLE: Readonly<Record<string, string>> = {
  id: 'g.id',
  displayName: 'g.display_name',
  externalId: 'g.external_id',
};
const META = jsonColumns('g', 'Group');

export const GROUP_COLUMNS: Columns = {
  single: (at, parameters) => SINGLE[at.key] ?? META.single(at, parameters),
  several: () => ({
    from: 'directory_group_members e WHERE e.workspace_id = g.workspace_id AND e.group_id = g.id',
    part: ({ name }) => (name === 'value' ? 'e.person_id' : 'NULL::text'),
  }),
};

export async function readGroupRow(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<GroupRow | undefined> {
  const { rows } = await client.query<GroupRow>(`${GROUPS} AND g.id = $2`, [workspaceId, id]);
  return rows[0];
}

/** Ids of people by group. A list of groups with more than `most` members in all is refused (`tooMany`). */
export async function peopleIn(
  pool: Pool,
  workspaceId: WorkspaceId,
  groups: readonly GroupRow[],
  most: number | undefined,
): Promise<ReadonlyMap<GroupId, readonly string[]>> {
  const { rows } = await pool.query<{ id: GroupId; members: string[] }>(
    `SELECT group_id AS id, array_agg(person_id ORDER BY person_id) AS members
       FROM (SELECT group_id, person_id FROM directory_group_members
              WHERE workspace_id = $1 AND group_id = ANY($2) LIMIT $3) m GROUP BY group_id`,
    [workspaceId, groups.map(({ id }) => id), most === undefined ? null : most + 1],
  );
  if (most !== undefined && rows.reduce((total, { members }) => total + members.length, 0) > most)
    throw new ScimFailure(
      400,
      'tooMany',
      `These groups have more than ${most} members: ask with excludedAttributes=members, or for fewer at once.`,
    );
  return new Map(rows.map(({ id, members }) => [id, members]));
}

export function groupOf(base: string, row: GroupRow, members: readonly string[] = []): Resource {
  const attributes = new Map<string, Value>([
    ['id', row.id],
    ...(row.externalId === null ? [] : [['externalId', row.externalId] as const]),
    ['displayName', row.displayName],
  ]);
  if (members.length > 0)
    attributes.set(
      'members',
      members.map(
        (value) =>
          new Map([
            ['value', value],
            ['$ref', locationOf(base, USER, value)],
          ]),
      ),
    );
  return { ...row, attributes };
}

/** Of a resource that was read: members stand in the body, since they are no attribute that is kept. */
export async function createScimGroup(
  transaction: LoggedTransaction,
  who: Actor,
  attributes: Attributes,
  members: readonly string[],
): Promise<GroupId> {
  const group = await createGroup(transaction, who, draftOf(attributes));
  await addMembers(transaction, who, group, members);
  return group.id;
}

export async function replaceGroup(
  transaction: LoggedTransaction,
  who: Actor,
  id: string,
  precondition: Precondition,
  attributes: Attributes,
  members: readonly string[],
): Promise<void> {
  const group = await requireGroup(transaction, who.workspaceId, id, precondition);
  const after = await changeGroup(transaction, who, group, draftOf(attributes));
  await setMembers(transaction, who, after, members);
}

export async function patchGroup(
  transaction: LoggedTransaction,
  who: Actor,
  id: string,
  precondition: Precondition,
  { steps, rest }: GroupPatch,
): Promise<void> {
  const group = await requireGroup(transaction, who.workspaceId, id, precondition);
  const current = new Map<string, Value>([
    ['id', group.id],
    ['displayName', group.displayName],
  ]);
  if (group.externalId !== null) current.set('externalId', group.externalId);
  const after = await changeGroup(transaction, who, group, draftOf(applyPatch(GROUP, current, rest)));
  for (const { kind, ids } of steps) {
    if (kind === 'add') await addMembers(transaction, who, after, ids);
    else if (kind === 'set') await setMembers(transaction, who, after, ids);
    else await removeMembers(transaction, who, after, ids);
  }
}

/**
 * A large group goes in several transactions, each of which leaves a smaller one: whoever had something by it loses it
 * bit by bit, and nothing else waits for long. When it is interrupted the rest is still there to be deleted.
 */
export async function removeGroup(log: ActionLog, who: Actor, id: string, precondition: Precondition): Promise<void> {
  let isGone = false;
  for (let expected = precondition; !isGone; expected = { ifMatch: undefined })
    isGone = await log.transact(who.workspaceId, async (transaction) => {
      const group = await requireGroup(transaction, who.workspaceId, id, expected);
      if (await shrinkGroup(transaction, who, group)) return false;
      await deleteGroup(transaction, who, group);
      return true;
    });
}

async function requireGroup(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
  precondition: Precondition,
): Promise<Group> {
  const group = await readGroup(transaction, workspaceId, id);
  if (group === undefined) throw notFound('Group', id);
  checkVersion(precondition, group.version);
  return group;
}

function draftOf(attributes: Attributes) {
  const displayName = attributes.get('displayName');
  const externalId = attributes.get('externalId');
  if (typeof displayName !== 'string' || displayName.trim() === '' || displayName.length > MAX_NAME_CHARACTERS)
    throw invalidValue(`displayName is empty, or longer than ${MAX_NAME_CHARACTERS} characters.`);
  return { displayName, externalId: typeof externalId === 'string' ? externalId : null };
}

/** What is done to the members, in order. */
type Step =
  | { readonly kind: 'add' | 'set'; readonly ids: readonly string[] }
  | { readonly kind: 'remove'; readonly ids: readonly string[] | 'all' };

export interface GroupPatch {
  readonly steps: readonly Step[];
  /** About anything else. */
  readonly rest: readonly Operation[];
}

export function groupPatchOf(operations: readonly Operation[]): GroupPatch {
  const steps: Step[] = [];
  const rest: Operation[] = [];
  for (const operation of operations) {
    const { path } = operation;
    if (path.kind === 'attribute' && path.at.key === 'members') steps.push(stepOf(operation, path));
    else rest.push(operation);
  }
  return { steps, rest };
}

function stepOf({ op, value }: Operation, { at, filter }: Extract<Operation['path'], { kind: 'attribute' }>): Step {
  if (at.sub !== undefined) throw new ScimFailure(400, 'mutability', 'Parts of a member cannot be changed.');
  if (filter !== undefined) {
    if (op !== 'remove') throw invalidPath('Members are added by value, without a filter.');
    return { kind: 'remove', ids: idsIn(filter) };
  }
  if (op === 'remove') return { kind: 'remove', ids: value === undefined ? 'all' : memberIds(value) };
  // Microsoft Entra empties a group so.
  if (value === null && op === 'replace') return { kind: 'set', ids: [] };
  return { kind: op === 'add' ? 'add' : 'set', ids: memberIds(value ?? null) };
}

/** The ids that `value eq "…"`, alone or joined by `or`, names. */
function idsIn(filter: Filter): readonly string[] {
  if (filter.kind === 'or') return filter.filters.flatMap(idsIn);
  if (
    filter.kind === 'compare' &&
    filter.operator === 'eq' &&
    filter.at.sub?.name === 'value' &&
    typeof filter.value === 'string'
  )
    return [filter.value];
  throw invalidPath('Members are chosen by value eq "…" alone.');
}

/** A member is `{"value": id}`, or the id. What is anything else is refused: it is never read as everybody. */
function memberIds(given: JsonValue): readonly string[] {
  const list = isList(given) ? given : [given];
  if (list.length > MEMBERS_AT_ONCE)
    throw new ScimFailure(413, undefined, `More than ${MEMBERS_AT_ONCE} members in one request.`);
  const ids = list.map((member) => {
    const id = isObject(member) ? membersOf(member).get('value') : member;
    if (typeof id !== 'string' || id === '') throw invalidValue('A member has no value.');
    return id;
  });
  return [...new Set(ids)];
}

/** Members in the body of POST and PUT; nobody where it has none. */
export function membersIn(body: JsonValue | undefined): readonly string[] {
  const members = isObject(body) ? membersOf(body).get('members') : undefined;
  return members === undefined || members === null ? [] : memberIds(members);
}
