/** What the rooms about people and their ways in read. Keys as in queries.ts. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import { at, get, getAll } from './client.ts';
import type {
  BreakGlass,
  Group,
  GroupMember,
  GroupRoles,
  Identity,
  IdentityProvider,
  Invitation,
  OpenSession,
  Passkey,
  Person,
  PersonSource,
  ScimConnection,
  SignInSettings,
  SignInWays,
  TransferTask,
} from './identity-types.ts';
import type { List, LogEvent } from './types.ts';

const nextPage = <T>(page: List<T>): string | undefined =>
  page.has_more ? (page.next_cursor ?? undefined) : undefined;
/** Of lists that are given in one piece. */
const whole = async <T>(...question: Parameters<typeof get>): Promise<readonly T[]> =>
  (await get<List<T>>(...question)).data;
const fromTheStart = undefined as string | undefined;

export interface PeopleFilter {
  readonly q?: string | undefined;
  readonly group?: string | undefined;
  readonly active?: boolean | undefined;
  readonly source?: PersonSource | undefined;
}

export function peopleListQuery(filter: PeopleFilter) {
  return infiniteQueryOptions({
    queryKey: ['people', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      get<List<Person>>('/v1/people', { ...filter, limit: 100, cursor: pageParam }, signal),
    initialPageParam: fromTheStart,
    getNextPageParam: nextPage,
    placeholderData: keepPreviousData,
  });
}

/** For pickers: the first people who match what was typed. */
export function peopleSearchQuery(q: string, limit = 20) {
  return queryOptions({
    queryKey: ['people', 'search', q, limit],
    queryFn: ({ signal }) => get<List<Person>>('/v1/people', { q, limit }, signal),
    placeholderData: keepPreviousData,
  });
}

export function personQuery(person: string) {
  return queryOptions({
    queryKey: ['people', 'one', person],
    queryFn: ({ signal }) => get<Person>(at`/v1/people/${person}`, {}, signal),
  });
}

export const groupsQuery = infiniteQueryOptions({
  queryKey: ['people', 'groups'],
  queryFn: ({ pageParam, signal }) => get<List<Group>>('/v1/groups', { limit: 100, cursor: pageParam }, signal),
  initialPageParam: fromTheStart,
  getNextPageParam: nextPage,
});

/** With their source. */
export function groupsOfQuery(person: string) {
  return queryOptions({
    queryKey: ['people', 'groups of', person],
    queryFn: ({ signal }) => getAll<Group>('/v1/groups', { person }, signal),
  });
}

/** A page at a time: a group may have tens of thousands. */
export function membersQuery(group: string) {
  return infiniteQueryOptions({
    queryKey: ['people', 'members', group],
    queryFn: ({ pageParam, signal }) =>
      get<List<GroupMember>>(at`/v1/groups/${group}/members`, { limit: 100, cursor: pageParam }, signal),
    initialPageParam: fromTheStart,
    getNextPageParam: nextPage,
  });
}

/** Shown tells the newest records of people who left; the log is some moments behind what it records. */
const NEWEST_LEAVERS = 200;

/** The record of the person's last leaving; null while the log does not have it, or has it no more among the newest. */
export function leftQuery(personId: string) {
  return queryOptions({
    queryKey: ['people', 'left', personId],
    queryFn: async ({ signal }): Promise<LogEvent | null> => {
      const { data } = await get<List<LogEvent>>(
        '/v1/audit/events',
        { kind: 'person.left', order: 'desc', limit: NEWEST_LEAVERS },
        signal,
      );
      return data.find(({ person_id }) => person_id === personId) ?? null;
    },
    refetchInterval: (query) => (query.state.data === null && query.state.dataUpdateCount < 10 ? 1_000 : false),
  });
}

/** What the person has left behind, with the times of the stop; null for who owned no agent. */
export function leftBehindQuery(personId: string) {
  return queryOptions({
    queryKey: ['people', 'left behind', personId],
    queryFn: async ({ signal }): Promise<TransferTask | null> => {
      const { data } = await get<List<{ id: string }>>('/v1/transfer-tasks', { person: personId, limit: 1 }, signal);
      const [newest] = data;
      return newest === undefined ? null : get<TransferTask>(at`/v1/transfer-tasks/${newest.id}`, {}, signal);
    },
    // The stop is confirmed after the person has left.
    refetchInterval: ({ state: { data, dataUpdateCount } }) => {
      const isAwaited = data === null ? dataUpdateCount < 10 : data?.receipt.effective_at === null;
      return isAwaited ? 1_000 : false;
    },
  });
}

export const scimConnectionsQuery = queryOptions({
  queryKey: ['scim'],
  queryFn: ({ signal }) => whole<ScimConnection>('/v1/scim-connections', {}, signal),
  refetchInterval: whileAttended(10_000),
});

/** Of everybody for administrators, else one's own; of one person where it is named. */
export function openSessionsQuery(person?: string) {
  return infiniteQueryOptions({
    queryKey: ['sessions', person ?? ''],
    queryFn: ({ pageParam, signal }) =>
      get<List<OpenSession>>('/v1/sessions', { person, limit: 100, cursor: pageParam }, signal),
    initialPageParam: fromTheStart,
    getNextPageParam: nextPage,
  });
}

export function identitiesQuery(person: string) {
  return queryOptions({
    queryKey: ['identities', person],
    queryFn: ({ signal }) => whole<Identity>(at`/v1/people/${person}/identities`, {}, signal),
  });
}

/** The newest. */
export const invitationsQuery = queryOptions({
  queryKey: ['invitations'],
  queryFn: async ({ signal }) => (await get<List<Invitation>>('/v1/invitations', { limit: 200 }, signal)).data,
});

export const providersQuery = queryOptions({
  queryKey: ['providers', 'list'],
  queryFn: ({ signal }) => whole<IdentityProvider>('/v1/identity-providers', {}, signal),
});

/** Newest refused sign-ins, each with the id of its provider. */
export const refusedSignInsQuery = queryOptions({
  queryKey: ['providers', 'refused'],
  queryFn: async ({ signal }) =>
    (await get<List<LogEvent>>('/v1/audit/events', { kind: 'sign_in.refused', order: 'desc', limit: 100 }, signal))
      .data,
  refetchInterval: whileAttended(15_000),
});

export const signInSettingsQuery = queryOptions({
  queryKey: ['providers', 'settings'],
  queryFn: ({ signal }) => get<SignInSettings>('/v1/sign-in-settings', {}, signal),
});

export const signInWaysQuery = queryOptions({
  queryKey: ['sign-in ways'],
  queryFn: ({ signal }) => get<SignInWays>('/v1/sign-in', {}, signal),
});

export const groupRolesQuery = queryOptions({
  queryKey: ['people', 'group roles'],
  queryFn: ({ signal }) => get<GroupRoles>('/v1/group-roles', {}, signal),
});

/** One's own; with `person`, for administrators, those of somebody else. Also those that were revoked. */
export function passkeysQuery(person?: string) {
  return queryOptions({
    queryKey: ['passkeys', person ?? ''],
    queryFn: ({ signal }) => whole<Passkey>('/v1/passkeys', { person }, signal),
  });
}

export const breakGlassQuery = queryOptions({
  queryKey: ['break-glass'],
  queryFn: ({ signal }) => get<BreakGlass>('/v1/break-glass', {}, signal),
});
