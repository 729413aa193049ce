/** People as SCIM Users: how they stand in the database, and how a User is read from and written to it. */
import type { ClientBase, Pool } from 'pg';
import { ownerChanged } from '../agents/index.ts';
import { standingOrder } from '../containment/index.ts';
import type { Leave } from '../departures/index.ts';
import { leaveAllGroups } from '../groups/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { emailSchema } from '../people/index.ts';
import { invalidValue, ScimFailure } from './failure.ts';
import { type Columns, jsonColumns, type Parameters } from './filter-sql.ts';
import type { Provisioner } from './provisioner.ts';
import { MANAGER_KEY } from './resource-types.ts';
import type { Reference } from './schema.ts';
import {
  type Attributes,
  attributesOf,
  type Item,
  isItem,
  isItems,
  isPrimary,
  type Stored,
  storedOf,
  type Value,
} from './values.ts';
import { checkVersion, type Precondition } from './version.ts';

const MAX_NAME_CHARACTERS = 200;
const MAX_USER_NAME_CHARACTERS = 254;

export interface UserRow {
  readonly id: PersonId;
  readonly userName: string;
  readonly externalId: string | null;
  readonly displayName: string;
  readonly active: boolean;
  readonly email: string;
  readonly attributes: Stored;
  readonly groups: readonly { readonly value: string; readonly display: string }[];
  readonly version: number;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

/** Accounts for emergencies are no directory's: it neither sees nor changes them. */
const VISIBLE = 'p.workspace_id = $1 AND p.deleted_at IS NULL AND NOT p.break_glass AND NOT p.external';

export const USERS = `
SELECT p.id, p.user_name AS "userName", p.external_id AS "externalId", p.display_name AS "displayName", p.active, p.email,
       p.attributes, p.version, p.created_at AS "createdAt", p.modified_at AS "modifiedAt",
       (SELECT coalesce(jsonb_agg(jsonb_build_object('value', g.id, 'display', g.display_name) ORDER BY g.id), '[]')
          FROM directory_group_members m
          JOIN directory_groups g ON g.workspace_id = m.workspace_id AND g.id = m.group_id
         WHERE m.workspace_id = p.workspace_id AND m.person_id = p.id) AS groups
  FROM people p WHERE ${VISIBLE}`;
export const COUNT_USERS = `SELECT count(*)::int AS total FROM people p WHERE ${VISIBLE}`;

const SINGLE: Readonly<Record<string, string>> = {
  id: 'p.id',
  userName: 'p.user_name',
  externalId: 'p.external_id',
  displayName: `nullif(p.display_name, '')`,
  active: 'p.active',
};

export const USER_COLUMNS: Columns = {
  single: (at: Reference, parameters: Parameters) => SINGLE[at.key] ?? jsonColumns('p', 'User').single(at, parameters),
  several: (at, parameters) =>
    at.key === 'groups'
      ? {
          from: `directory_group_members e JOIN directory_groups g ON g.workspace_id = e.workspace_id AND g.id = e.group_id
                  WHERE e.workspace_id = p.workspace_id AND e.person_id = p.id`,
          part: ({ name }) => (name === 'value' ? 'g.id' : name === 'display' ? 'g.display_name' : 'NULL::text'),
        }
      : jsonColumns('p', 'User').several(at, parameters),
};

/** By id; undefined for nobody, and for somebody who was deleted. */
export async function readUser(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<UserRow | undefined> {
  const { rows } = await client.query<UserRow>(`${USERS} AND p.id = $2`, [workspaceId, id]);
  return rows[0];
}

/** As a client sees and changes it. */
export function userAttributes(row: UserRow): Map<string, Value> {
  return new Map<string, Value>([
    ['id', row.id],
    ...(row.externalId === null ? [] : [['externalId', row.externalId] as const]),
    ['userName', row.userName],
    ...(row.displayName === '' ? [] : [['displayName', row.displayName] as const]),
    ['active', row.active],
    ...attributesOf(row.attributes),
  ]);
}

/** Where a User goes in the database. */
interface UserColumns {
  readonly userName: string;
  readonly externalId: string | null;
  readonly displayName: string;
  readonly email: string;
  readonly active: boolean;
  readonly attributes: Stored;
  /** As it was given: an id of a person, if it is one. */
  readonly manager: string | null;
}

const COLUMN_KEYS: ReadonlySet<string> = new Set(['id', 'userName', 'externalId', 'displayName', 'active']);

/** `wasActive`: what holds where nothing is said. Throws `invalidValue`. */
function columnsOf(user: Attributes, wasActive: boolean): UserColumns {
  const userName = textOf(user, 'userName') ?? '';
  if (userName.length > MAX_USER_NAME_CHARACTERS || userName.trim() !== userName)
    throw invalidValue(
      `userName is longer than ${MAX_USER_NAME_CHARACTERS} characters, or begins or ends with a space.`,
    );
  const displayName = textOf(user, 'displayName') ?? '';
  if (displayName.length > MAX_NAME_CHARACTERS)
    throw invalidValue(`displayName is longer than ${MAX_NAME_CHARACTERS} characters.`);
  const manager = user.get(MANAGER_KEY);
  const managerId = isItem(manager) ? manager.get('value') : undefined;
  return {
    userName,
    displayName,
    externalId: textOf(user, 'externalId') ?? null,
    email: emailOf(user, userName),
    active: user.get('active') !== undefined ? user.get('active') === true : wasActive,
    attributes: storedOf(new Map([...user].filter(([key]) => !COLUMN_KEYS.has(key)))),
    manager: typeof managerId === 'string' ? managerId : null,
  };
}

function textOf(user: Attributes, key: string): string | undefined {
  const value = user.get(key);
  return typeof value === 'string' ? value : undefined;
}

/** The primary address, else the one at work, else the first, else the user name. */
function emailOf(user: Attributes, userName: string): string {
  const emails = user.get('emails');
  const items: readonly Item[] = isItems(emails) ? emails : [];
  const chosen =
    items.find(isPrimary) ?? items.find((item) => String(item.get('type')).toLowerCase() === 'work') ?? items[0];
  const given = chosen === undefined ? userName : chosen.get('value');
  const email = emailSchema.safeParse(given);
  if (email.success) return email.data;
  throw invalidValue(
    `A person is known by an e-mail address in ASCII, and ${chosen === undefined ? 'there is none in emails nor in userName' : 'that in emails is none'}.`,
  );
}

/** Throws `uniqueness`, `invalidValue`. */
export async function createUser(
  transaction: LoggedTransaction,
  who: Provisioner,
  user: Attributes,
): Promise<PersonId> {
  const { client, log } = transaction;
  const { workspaceId, actor, directory } = who;
  const id = newId<PersonId>('per');
  const columns = columnsOf(user, true);
  await refuseTaken(client, workspaceId, id, columns);
  await client.query(
    `INSERT INTO people (workspace_id, id, email, display_name, active, user_name, external_id, attributes, manager_id, directory)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ${MANAGER}, $10)`,
    [
      workspaceId,
      id,
      columns.email,
      columns.displayName,
      columns.active,
      columns.userName,
      columns.externalId,
      columns.attributes,
      columns.manager,
      directory,
    ],
  );
  log({
    kind: 'person.changed',
    actor,
    person_id: id,
    person: columns.email,
    change: 'created',
    user_name: columns.userName,
    external_id: columns.externalId ?? undefined,
    active: columns.active,
  });
  return id;
}

const MANAGER = '(SELECT m.id FROM people m WHERE m.workspace_id = $1 AND m.id = $9 AND m.deleted_at IS NULL)';

/**
 * Whatever `change` makes of it. Deactivating suspends the person's agents and all that goes with it; activating again
 * brings none of that back. Throws `uniqueness`, `invalidValue`, 404, 412.
 */
export async function changeUser(
  transaction: LoggedTransaction,
  leave: Leave,
  who: Provisioner,
  id: string,
  precondition: Precondition,
  change: (before: Map<string, Value>) => Attributes,
): Promise<void> {
  const { client, log } = transaction;
  const { workspaceId, actor, directory } = who;
  const row = await requireUser(client, workspaceId, id, precondition);
  const user = userAttributes(row);
  const before = columnsOf(user, row.active);
  const after = columnsOf(change(user), row.active);
  const changes = changesOf({ ...before, email: row.email }, after);
  if (Object.keys(changes).length === 0) return;
  await refuseTaken(client, workspaceId, row.id, after);
  if (row.email !== after.email) {
    const order = await standingOrder(client, workspaceId, 'owner', row.email);
    if (order !== undefined)
      throw new ScimFailure(
        409,
        undefined,
        `${row.email} is under the stop ${order}; lift it before the address changes.`,
      );
  }
  if (row.active && !after.active) await leave(who, row, 'scim');
  await client.query(
    `UPDATE people SET email = $3, display_name = $4, active = $5, user_name = $6, external_id = $7, attributes = $8,
            manager_id = ${MANAGER}, directory = $10
      WHERE workspace_id = $1 AND id = $2`,
    [
      workspaceId,
      row.id,
      after.email,
      after.displayName,
      after.active,
      after.userName,
      after.externalId,
      after.attributes,
      after.manager,
      directory,
    ],
  );
  if (row.email !== after.email) await ownerChanged(transaction, workspaceId, row.id);
  log({ kind: 'person.changed', actor, person_id: row.id, person: after.email, change: 'changed', changes });
}

/** Gone for the directory: the name can be somebody else's. What the person did, and was, stays on record. */
export async function deleteUser(
  transaction: LoggedTransaction,
  leave: Leave,
  who: Provisioner,
  id: string,
  precondition: Precondition,
): Promise<void> {
  const { client, log, now } = transaction;
  const { workspaceId, actor, directory } = who;
  const row = await requireUser(client, workspaceId, id, precondition);
  if (row.active) await leave(who, row, 'scim');
  await leaveAllGroups(transaction, workspaceId, row.id);
  // The account in Slack may be that of whoever comes back under another id.
  await client.query(
    `UPDATE people SET active = false, deleted_at = $3, directory = $4, slack_team = NULL, slack_user = NULL
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, row.id, now, directory],
  );
  log({
    kind: 'person.changed',
    actor,
    person_id: row.id,
    person: row.email,
    change: 'deleted',
    user_name: row.userName,
    external_id: row.externalId ?? undefined,
  });
}

async function requireUser(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  precondition: Precondition,
): Promise<UserRow> {
  const row = await readUser(client, workspaceId, id);
  if (row === undefined) throw new ScimFailure(404, undefined, `There is no User ${id}.`);
  checkVersion(precondition, row.version);
  return row;
}

async function refuseTaken(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: PersonId,
  { userName, email, externalId }: UserColumns,
): Promise<void> {
  const { rows } = await client.query<{ what: string }>(
    `SELECT what FROM (
       SELECT 'userName' AS what, id FROM people WHERE workspace_id = $1 AND deleted_at IS NULL AND lower(user_name) = lower($3)
        UNION ALL SELECT 'e-mail address', id FROM people WHERE workspace_id = $1 AND deleted_at IS NULL AND email = $4
        UNION ALL SELECT 'externalId', id FROM people WHERE workspace_id = $1 AND deleted_at IS NULL AND external_id = $5) taken
      WHERE id <> $2 LIMIT 1`,
    [workspaceId, id, userName, email, externalId],
  );
  if (rows[0] !== undefined)
    throw new ScimFailure(409, 'uniqueness', `There already is a User with this ${rows[0].what}.`);
}

/** Field → before and after. Of what is not the identity of the person only the names are kept: the log keeps things for ever. */
function changesOf(before: UserColumns, after: UserColumns): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  const note = (field: string, one: unknown, other: unknown): void => {
    if (one !== other) changes[field] = [one, other];
  };
  note('user_name', before.userName, after.userName);
  note('external_id', before.externalId, after.externalId);
  note('email', before.email, after.email);
  note('display_name', before.displayName, after.displayName);
  note('active', before.active, after.active);
  const keys = new Set([...Object.keys(before.attributes), ...Object.keys(after.attributes)]);
  const others = [...keys].filter(
    (key) => JSON.stringify(before.attributes[key]) !== JSON.stringify(after.attributes[key]),
  );
  if (others.length > 0) changes.attributes = others.sort();
  return changes;
}
