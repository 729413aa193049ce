/** A server where changes are reviewed, and the people who draft and approve them. */
import { openWorld as openServer, roleFile, type World } from '../agents/world.ts';
import type { Answer } from '../api/client.ts';

export interface Person {
  readonly id: string;
  readonly email: string;
  /** `hk_live_…`, of this person. */
  readonly key: string;
}

export interface ChangesWorld extends World {
  /** With a key of these roles. */
  person(name: string, roles: readonly string[], change?: object): Promise<Person>;
  keyOf(person: Pick<Person, 'email'>, name: string, roles: readonly string[]): Promise<string>;
  settings(change: object): Promise<Answer>;
  /** Drafts a change of a role that nobody wears. */
  draft(by: Person, change?: object): Promise<Answer['body']>;
  submitted(by: Person, change?: object): Promise<Answer['body']>;
  /** The change, once its preview is made. */
  previewed(change: Pick<Answer['body'], 'id'>): Promise<Answer['body']>;
  approve(by: Pick<Person, 'key'>, change: Answer['body'], more?: object): Promise<Answer>;
  post(by: Pick<Person, 'key'>, change: Answer['body'], what: string, body?: object): Promise<Answer>;
  get(change: Pick<Answer['body'], 'id'>): Promise<Answer['body']>;
  /** Records of the change of that kind, newest first, once there are at least so many. */
  recordsOf(change: Pick<Answer['body'], 'id'>, kind: string, count: number): Promise<Answer['body'][]>;
  /** Codes of what was refused of a change, oldest first. */
  refusals(change: Pick<Answer['body'], 'id'>, count: number): Promise<string[]>;
}

export const REVIEWED = {
  mode: 'reviewed',
  types: null,
  authority: {
    normal: {
      low: { people: 1, groups: [] },
      medium: { people: 1, groups: [] },
      high: { people: 1, groups: [] },
      critical: { people: 1, groups: [] },
    },
    emergency: { people: 1, groups: [] },
  },
  emergency: { alone: false, review_within_minutes: 60, escalate_to: [] },
  rollback: 'reviewed',
  when_frozen: 'wait',
  expire_days: 30,
  replay_days: 0,
  standard: [],
};

let roles = 0;

/** Another role each time, so that no two changes meet. */
export function newRole(allow: readonly string[] = []) {
  roles += 1;
  return { type: 'role', id: `role-${roles}`, document: roleFile(`role-${roles}`, allow) };
}

export async function openChanges(settings?: Parameters<typeof openServer>[0]): Promise<ChangesWorld> {
  const world = await openServer(settings);
  const changes: ChangesWorld = Object.assign(world, {
    keyOf: async ({ email }: Pick<Person, 'email'>, name: string, of: readonly string[]) =>
      (await world.ok('POST', '/v1/keys', { name, person: email, roles: of })).key,
    person: async (name: string, of: readonly string[], change?: object) => {
      const email = `${name}@acme.example`;
      const { id } = await world.ok('POST', '/v1/people', { email });
      if (change !== undefined) await world.ok('PATCH', `/v1/people/${id}`, change);
      return { id, email, key: await changes.keyOf({ email }, name, of) };
    },
    settings: (change: object) => world.call('PUT', '/v1/change-settings', { body: { ...REVIEWED, ...change } }),
    draft: (by: Person, change: object = {}) =>
      world.ok('POST', '/v1/changes', { title: 'a role', operations: [newRole()], ...change }, { key: by.key }),
    submitted: async (by: Person, change: object = {}) => {
      const { id } = await changes.draft(by, change);
      const { status, body } = await changes.post(by, { id }, 'submit');
      if (status >= 300) throw new Error(JSON.stringify(body));
      return changes.previewed({ id });
    },
    previewed: async ({ id }: { readonly id: string }) => {
      for (;;) {
        const change = await changes.get({ id });
        if (change.preview?.state !== 'running') return change;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    approve: (by: Pick<Person, 'key'>, { id, content_hash, preview }: Answer['body'], more: object = {}) =>
      changes.post(by, { id }, 'approve', { content_hash, preview_hash: preview?.hash, ...more }),
    post: ({ key }: Pick<Person, 'key'>, { id }: Answer['body'], what: string, body: object = {}) =>
      world.call('POST', `/v1/changes/${id}/${what}`, { body, key }),
    get: ({ id }: Pick<Answer['body'], 'id'>) => world.ok('GET', `/v1/changes/${id}`),
    recordsOf: async ({ id }: Pick<Answer['body'], 'id'>, kind: string, count: number) => {
      for (;;) {
        const { data } = await world.ok('GET', `/v1/audit/events?kind=${kind}&limit=200`);
        const mine = data.filter((event: { change_id: string }) => event.change_id === id);
        if (mine.length >= count) return mine;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    refusals: async (change: Pick<Answer['body'], 'id'>, count: number) =>
      (await changes.recordsOf(change, 'change.refused', count)).map(({ code }) => code).reverse(),
  });
  return changes;
}
