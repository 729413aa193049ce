/** What can be done with the resources of one type. Each change is one transaction with its records. */
import type { JsonValue } from '@hivekey/policy';
import type { Pool } from 'pg';
import { type LeaveContext, withDepartures } from '../departures/index.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { notFound } from './failure.ts';
import { type Columns, Parameters } from './filter-sql.ts';
import {
  COUNT_GROUPS,
  createScimGroup,
  GROUP_COLUMNS,
  GROUPS,
  type GroupRow,
  groupOf,
  groupPatchOf,
  membersIn,
  patchGroup,
  peopleIn,
  readGroupRow,
  removeGroup,
  replaceGroup,
} from './groups.ts';
import { applyPatch, readPatch } from './patch.ts';
import type { Projection } from './projection.ts';
import type { Provisioner, Scope } from './provisioner.ts';
import { orderOf, type Query, whereOf } from './query.ts';
import type { Resource } from './resource.ts';
import { GROUP, USER } from './resource-types.ts';
import type { ResourceType } from './schema.ts';
import {
  COUNT_USERS,
  changeUser,
  createUser,
  deleteUser,
  readUser,
  USER_COLUMNS,
  USERS,
  type UserRow,
  userAttributes,
} from './users.ts';
import { readResource } from './values.ts';
import type { Precondition } from './version.ts';

interface Page {
  readonly total: number;
  readonly resources: readonly Resource[];
}

export interface Endpoint {
  readonly type: ResourceType;
  readonly scope: Scope;
  list(who: Provisioner, query: Query): Promise<Page>;
  /** Throws 404. */
  read(who: Provisioner, id: string, projection: Projection): Promise<Resource>;
  create(who: Provisioner, body: JsonValue | undefined): Promise<Resource>;
  replace(who: Provisioner, id: string, body: JsonValue | undefined, precondition: Precondition): Promise<Resource>;
  /** Undefined: done, and nothing is read again to answer with. */
  patch(
    who: Provisioner,
    id: string,
    body: JsonValue | undefined,
    precondition: Precondition,
  ): Promise<Resource | undefined>;
  remove(who: Provisioner, id: string, precondition: Precondition): Promise<void>;
}

export interface EndpointContext extends LeaveContext {
  /** Origin and path of the SCIM API, without a slash at the end. */
  readonly base: string;
}

interface Listing {
  /** Of the workspace `$1`. */
  readonly rows: string;
  readonly count: string;
  readonly columns: Columns;
  readonly table: string;
}

/** Two queries with the same condition; a collection is never read to be paged. */
export async function listOf<Row extends object>(
  pool: Pool,
  { workspaceId }: Provisioner,
  query: Query,
  { rows, count, columns, table }: Listing,
): Promise<{ readonly total: number; readonly rows: readonly Row[] }> {
  const counted = new Parameters([workspaceId]);
  const found = await pool.query<{ total: number }>(`${count}${whereOf(query, columns, counted)}`, counted.values);
  const total = found.rows[0]?.total ?? 0;
  if (query.count === 0) return { total, rows: [] };
  const listed = new Parameters([workspaceId]);
  const text = `${rows}${whereOf(query, columns, listed)}${orderOf(query, columns, table, listed)}`;
  const page = await pool.query<Row>(
    `${text} LIMIT ${listed.add(query.count)} OFFSET ${listed.add(query.startIndex - 1)}`,
    listed.values,
  );
  return { total, rows: page.rows };
}

/** Of all groups on a page together. */
const MEMBERS_IN_A_LIST = 100_000;

function userOf(base: string, row: UserRow): Resource {
  const attributes = userAttributes(row);
  if (row.groups.length > 0)
    attributes.set(
      'groups',
      row.groups.map(
        ({ value, display }) =>
          new Map([
            ['value', value],
            ['$ref', `${base}${GROUP.endpoint}/${value}`],
            ['display', display],
            ['type', 'direct'],
          ]),
      ),
    );
  return { ...row, attributes };
}

export function userEndpoint(context: EndpointContext): Endpoint {
  const { pool, base } = context;
  async function written({ client }: LoggedTransaction, who: Provisioner, id: string): Promise<Resource> {
    const row = await readUser(client, who.workspaceId, id);
    if (row === undefined) throw new Error(`the person ${id} was written and is not there`);
    return userOf(base, row);
  }
  return {
    type: USER,
    scope: 'users',
    list: async (who, query) => {
      const { total, rows } = await listOf<UserRow>(pool, who, query, {
        rows: USERS,
        count: COUNT_USERS,
        columns: USER_COLUMNS,
        table: 'p',
      });
      return { total, resources: rows.map((row) => userOf(base, row)) };
    },
    read: async ({ workspaceId }, id) => {
      const row = await readUser(pool, workspaceId, id);
      if (row === undefined) throw notFound('User', id);
      return userOf(base, row);
    },
    create: (who, body) => {
      const user = readResource(USER, body);
      return context.log.transact(who.workspaceId, async (transaction) =>
        written(transaction, who, await createUser(transaction, who, user)),
      );
    },
    replace: (who, id, body, precondition) => {
      const user = readResource(USER, body);
      return withDepartures(context, who.workspaceId, async (transaction, leave) => {
        await changeUser(transaction, leave, who, id, precondition, () => user);
        return written(transaction, who, id);
      });
    },
    patch: (who, id, body, precondition) => {
      const operations = readPatch(USER, body);
      return withDepartures(context, who.workspaceId, async (transaction, leave) => {
        await changeUser(transaction, leave, who, id, precondition, (before) => applyPatch(USER, before, operations));
        return written(transaction, who, id);
      });
    },
    remove: (who, id, precondition) =>
      withDepartures(context, who.workspaceId, (transaction, leave) =>
        deleteUser(transaction, leave, who, id, precondition),
      ),
  };
}

export function groupEndpoint(context: EndpointContext): Endpoint {
  const { pool, base, log } = context;
  /** After a commit: to read a large group takes a while. */
  async function read({ workspaceId }: Provisioner, id: string, withMembers: boolean): Promise<Resource> {
    const row = await readGroupRow(pool, workspaceId, id);
    if (row === undefined) throw notFound('Group', id);
    if (!withMembers) return groupOf(base, row);
    return groupOf(base, row, (await peopleIn(pool, workspaceId, [row], undefined)).get(row.id));
  }
  return {
    type: GROUP,
    scope: 'groups',
    list: async (who, query) => {
      const { total, rows } = await listOf<GroupRow>(pool, who, query, {
        rows: GROUPS,
        count: COUNT_GROUPS,
        columns: GROUP_COLUMNS,
        table: 'g',
      });
      const members = query.projection.shows('members')
        ? await peopleIn(pool, who.workspaceId, rows, MEMBERS_IN_A_LIST)
        : undefined;
      return { total, resources: rows.map((row) => groupOf(base, row, members?.get(row.id))) };
    },
    read: (who, id, projection) => read(who, id, projection.shows('members')),
    create: async (who, body) => {
      const [group, members] = [readResource(GROUP, body), membersIn(body)];
      const id = await log.transact(who.workspaceId, (transaction) =>
        createScimGroup(transaction, who, group, members),
      );
      return read(who, id, true);
    },
    replace: async (who, id, body, precondition) => {
      const [group, members] = [readResource(GROUP, body), membersIn(body)];
      await log.transact(who.workspaceId, (transaction) =>
        replaceGroup(transaction, who, id, precondition, group, members),
      );
      return read(who, id, true);
    },
    patch: async (who, id, body, precondition) => {
      const patch = groupPatchOf(readPatch(GROUP, body));
      await log.transact(who.workspaceId, (transaction) => patchGroup(transaction, who, id, precondition, patch));
      return patch.steps.length > 0 ? undefined : read(who, id, true);
    },
    remove: (who, id, precondition) => removeGroup(log, who, id, precondition),
  };
}
