/** Groups of people that a directory provides, kept in step with `people.groups`. Each function runs inside a transaction of the log. */
import { Failure } from '../errors.ts';
import { type GroupId, newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { standOn } from '../versions/index.ts';
import { groupNameOf, markedName } from './name.ts';

/** In one transaction: everything else of the workspace waits for it. */
export const MEMBERS_AT_ONCE = 5_000;
const SHRINK_BY = 1_000;
/** On one record, which has at most 64 KiB. */
const PEOPLE_PER_RECORD = 200;

export interface Actor {
  readonly workspaceId: WorkspaceId;
  readonly actor: string;
  /** The SCIM connection. */
  readonly directory: string;
}

export interface GroupDraft {
  readonly displayName: string;
  readonly externalId: string | null;
}

export interface Group extends GroupDraft {
  readonly id: GroupId;
  /** As it stands in `people.groups`. */
  readonly name: string;
  readonly version: number;
}

/** Locks the group. */
export async function readGroup(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
): Promise<Group | undefined> {
  const { rows } = await client.query<Group>(
    `SELECT id, display_name AS "displayName", external_id AS "externalId", name, version
       FROM directory_groups WHERE workspace_id = $1 AND id = $2 FOR UPDATE`,
    [workspaceId, id],
  );
  return rows[0];
}

/** Throws `group_exists`, `group_kept_by_hand`. */
export async function createGroup(transaction: LoggedTransaction, who: Actor, draft: GroupDraft): Promise<Group> {
  const { client, log } = transaction;
  const id = newId<GroupId>('grp');
  await refuseTaken(transaction, who.workspaceId, draft, id);
  const name = await freeName(transaction, who.workspaceId, draft.displayName, id);
  await client.query(
    `INSERT INTO directory_groups (workspace_id, id, display_name, name, external_id, directory)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [who.workspaceId, id, draft.displayName, name, draft.externalId, who.directory],
  );
  log({ ...about(who, { id, name, ...draft }), change: 'created' });
  return { id, name, version: 1, ...draft };
}

/** What it may do stays with the group: policies name it as they did, whatever it is called now. Throws `group_exists`. */
export async function changeGroup(
  transaction: LoggedTransaction,
  who: Actor,
  group: Group,
  draft: GroupDraft,
): Promise<Group> {
  const { client, log } = transaction;
  const { workspaceId } = who;
  const changes = {
    ...(group.displayName === draft.displayName ? {} : { display_name: [group.displayName, draft.displayName] }),
    ...(group.externalId === draft.externalId ? {} : { external_id: [group.externalId, draft.externalId] }),
  };
  if (Object.keys(changes).length === 0) return group;
  await refuseTaken(transaction, workspaceId, draft, group.id);
  const { rows } = await client.query<{ version: number }>(
    `UPDATE directory_groups SET display_name = $3, external_id = $4, directory = $5, version = version + 1,
            modified_at = clock_timestamp()
      WHERE workspace_id = $1 AND id = $2 RETURNING version`,
    [workspaceId, group.id, draft.displayName, draft.externalId, who.directory],
  );
  const after = { ...group, ...draft, version: rows[0]?.version ?? group.version };
  log({ ...about(who, after), change: 'changed', changes });
  return after;
}

/** Throws `too_many_members` until {@link shrinkGroup} has made it small enough. */
export async function deleteGroup(transaction: LoggedTransaction, who: Actor, group: Group): Promise<void> {
  await removeMembers(transaction, who, group, 'all');
  await transaction.client.query('DELETE FROM directory_groups WHERE workspace_id = $1 AND id = $2', [
    who.workspaceId,
    group.id,
  ]);
  transaction.log({ ...about(who, group), change: 'deleted' });
}

/** Takes some of its members out of a group that is about to go. Resolves with whether more are left than go at once. */
export async function shrinkGroup(transaction: LoggedTransaction, who: Actor, group: Group): Promise<boolean> {
  const { rows } = await transaction.client.query<{ person_id: string }>(
    'SELECT person_id FROM directory_group_members WHERE workspace_id = $1 AND group_id = $2 LIMIT $3',
    [who.workspaceId, group.id, SHRINK_BY],
  );
  await removeMembers(
    transaction,
    who,
    group,
    rows.map(({ person_id }) => person_id),
  );
  return rows.length === SHRINK_BY;
}

/** Those who are in it already stay so. Throws `member_unknown`. Resolves with how many came in. */
export async function addMembers(
  transaction: LoggedTransaction,
  who: Actor,
  group: Group,
  ids: readonly string[],
): Promise<number> {
  if (ids.length === 0) return 0;
  if (ids.length > MEMBERS_AT_ONCE) throw tooManyMembers();
  const { client } = transaction;
  const { rows: unknown } = await client.query<{ id: string }>(
    `SELECT id FROM unnest($2::text[]) AS t(id)
      WHERE NOT EXISTS (SELECT FROM people p WHERE p.workspace_id = $1 AND p.id = t.id AND p.deleted_at IS NULL AND NOT p.break_glass AND NOT p.external) LIMIT 1`,
    [who.workspaceId, ids],
  );
  if (unknown[0] !== undefined)
    throw new Failure(
      400,
      'member_unknown',
      `There is no person ${unknown[0].id}.`,
      'Provide the person first; nothing was changed.',
    );
  const { rows } = await client.query<{ email: string }>(
    `WITH added AS (
       INSERT INTO directory_group_members (workspace_id, group_id, person_id)
       SELECT DISTINCT $1, $2, id FROM unnest($3::text[]) AS t(id) ON CONFLICT DO NOTHING RETURNING person_id)
     UPDATE people p SET groups = ${sorted('p.groups || $4::text')} FROM added
      WHERE p.workspace_id = $1 AND p.id = added.person_id RETURNING p.email`,
    [who.workspaceId, group.id, ids, group.name],
  );
  await moved(transaction, who, group, 'added', rows);
  return rows.length;
}

/** Those who are not in it stay out of it. Throws `too_many_members`. */
export async function removeMembers(
  transaction: LoggedTransaction,
  who: Actor,
  group: Group,
  ids: readonly string[] | 'all',
): Promise<number> {
  if (ids.length === 0) return 0;
  if (ids === 'all') return setMembers(transaction, who, group, []);
  if (ids.length > MEMBERS_AT_ONCE) throw tooManyMembers();
  const { rows } = await transaction.client.query<{ email: string }>(
    `WITH removed AS (
       DELETE FROM directory_group_members
        WHERE workspace_id = $1 AND group_id = $2 AND person_id = ANY($3) RETURNING person_id)
     UPDATE people p SET groups = array_remove(p.groups, $4) FROM removed
      WHERE p.workspace_id = $1 AND p.id = removed.person_id RETURNING p.email`,
    [who.workspaceId, group.id, ids, group.name],
  );
  await moved(transaction, who, group, 'removed', rows);
  return rows.length;
}

/** Exactly these. Throws `too_many_members`, `member_unknown`. */
export async function setMembers(
  transaction: LoggedTransaction,
  who: Actor,
  group: Group,
  ids: readonly string[],
): Promise<number> {
  const { rows } = await transaction.client.query<{ person_id: string }>(
    `SELECT person_id FROM directory_group_members
      WHERE workspace_id = $1 AND group_id = $2 AND person_id <> ALL($3) LIMIT $4`,
    [who.workspaceId, group.id, ids, MEMBERS_AT_ONCE + 1],
  );
  const gone = await removeMembers(
    transaction,
    who,
    group,
    rows.map(({ person_id }) => person_id),
  );
  return gone + (await addMembers(transaction, who, group, ids));
}

/** The person is gone: out of all groups of the directory and those kept by hand. */
export async function leaveAllGroups(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  personId: PersonId,
): Promise<void> {
  await client.query(
    `WITH left_groups AS (
       DELETE FROM directory_group_members WHERE workspace_id = $1 AND person_id = $2 RETURNING group_id)
     UPDATE directory_groups g SET version = version + 1, modified_at = clock_timestamp() FROM left_groups l
      WHERE g.workspace_id = $1 AND g.id = l.group_id`,
    [workspaceId, personId],
  );
  await client.query(`UPDATE people SET groups = '{}' WHERE workspace_id = $1 AND id = $2`, [workspaceId, personId]);
}

/** Of these names, those that a directory decides about. */
export async function namesOfDirectory(
  { client }: Pick<LoggedTransaction, 'client'>,
  workspaceId: WorkspaceId,
  names: readonly string[],
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const { rows } = await client.query<{ name: string }>(
    'SELECT name FROM directory_groups WHERE workspace_id = $1 AND lower(name) = ANY($2) ORDER BY name',
    [workspaceId, names.map((name) => name.toLowerCase())],
  );
  return rows.map(({ name }) => name);
}

function tooManyMembers(): Failure {
  return new Failure(
    413,
    'too_many_members',
    `That would add or remove more than ${MEMBERS_AT_ONCE} members at once.`,
    'Send several requests; a group of any size can be deleted.',
  );
}

/** SQL: without repeats, as people.groups is kept. */
function sorted(expression: string): string {
  return `(SELECT array_agg(DISTINCT g COLLATE "C" ORDER BY g COLLATE "C") FROM unnest(${expression}) AS t(g))`;
}

async function moved(
  transaction: LoggedTransaction,
  who: Actor,
  group: Group,
  which: 'added' | 'removed',
  people: readonly { readonly email: string }[],
): Promise<void> {
  if (people.length === 0) return;
  const { client, log } = transaction;
  standOn(transaction, { kind: 'directory' });
  await client.query(
    `UPDATE directory_groups SET version = version + 1, modified_at = clock_timestamp(), directory = $3
      WHERE workspace_id = $1 AND id = $2`,
    [who.workspaceId, group.id, who.directory],
  );
  for (let from = 0; from < people.length; from += PEOPLE_PER_RECORD) {
    const emails = people.slice(from, from + PEOPLE_PER_RECORD).map(({ email }) => email);
    log({ ...about(who, group), change: 'members', [which]: emails });
  }
}

function about({ actor }: Actor, { id, name, displayName }: Pick<Group, 'id' | 'name' | 'displayName'>) {
  return { kind: 'group.changed', actor, group_id: id, group: name, display_name: displayName } as const;
}

async function refuseTaken(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  { displayName, externalId }: GroupDraft,
  id: GroupId,
): Promise<void> {
  const { rows } = await client.query<{ display_name: string; by_name: boolean }>(
    `SELECT display_name, lower(display_name) = lower($2) AS by_name FROM directory_groups
      WHERE workspace_id = $1 AND id <> $4 AND (lower(display_name) = lower($2) OR external_id = $3) LIMIT 1`,
    [workspaceId, displayName, externalId, id],
  );
  const [taken] = rows;
  if (taken === undefined) return;
  throw new Failure(
    409,
    'group_exists',
    `There already is a group ${taken.by_name ? `named ${taken.display_name}` : `with the externalId ${externalId}`}.`,
    'Change that one.',
  );
}

/**
 * Whoever controls the directory would else take over what a group kept by hand may do; and of two groups that would be
 * called the same, the later one is marked. So is one that only looks like a group that roles come with.
 */
async function freeName(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  displayName: string,
  id: GroupId,
): Promise<string> {
  const name = groupNameOf(displayName);
  const { rows } = await client.query<{ taken: boolean; by_hand: boolean }>(
    `SELECT EXISTS (SELECT FROM directory_groups WHERE workspace_id = $1 AND lower(name) = lower($2) AND id <> $3)
              OR ($4 AND EXISTS (SELECT FROM group_roles WHERE workspace_id = $1 AND "group" = $2)) AS taken,
            EXISTS (SELECT FROM people p, unnest(p.groups) AS t(g)
                     WHERE p.workspace_id = $1 AND p.groups <> '{}' AND lower(g) = lower($2)
                       AND NOT EXISTS (SELECT FROM directory_groups d WHERE d.workspace_id = $1 AND d.name = g)) AS by_hand`,
    [workspaceId, name, id, name !== displayName],
  );
  if (rows[0]?.by_hand === true)
    throw new Failure(
      409,
      'group_kept_by_hand',
      `People are in a group ${name} that is kept by hand.`,
      'Take it from them with PATCH /v1/people/:person first: the directory does not take it over.',
    );
  return rows[0]?.taken === true ? markedName(name, id.slice(-4).toLowerCase()) : name;
}
