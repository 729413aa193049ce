/** A company whose access is reviewed: who owns agents, who reviews them, and who stands outside. */
import pg from 'pg';
import type { Answer } from '../api/client.ts';
import { type ChangesWorld, openChanges, type Person } from '../changes/world.ts';

export interface ReviewWorld extends ChangesWorld {
  /** Owns the agents. */
  readonly dana: Person;
  /** Manages dana, by the map. */
  readonly erin: Person;
  /** Answers for reviews. */
  readonly olga: Person;
  /** May let agents in, and is a fallback. */
  readonly sam: Person;
  /** Stands outside. */
  readonly zoe: Person;
  /** As the owner of the schema: what no route does. */
  sql(text: string, values?: readonly unknown[]): Promise<pg.QueryResult>;
  launch(body?: object): Promise<Answer['body']>;
  items(review: string): Promise<Answer['body'][]>;
  review(review: string): Promise<Answer['body']>;
  decide(by: Person, item: Answer['body'], decision: object): Promise<Answer>;
  submit(by: Person, review: string, body?: object): Promise<Answer['body']>;
  remediations(review: string): Promise<Answer['body'][]>;
  /** Keeps and submits whatever is undecided, as whoever reviews it. */
  keepRest(review: string): Promise<void>;
  closeSql(): Promise<void>;
}

export const POLICY = {
  text: 'Access is reviewed each quarter.',
  owner: 'olga@acme.example',
  superior: 'sue@acme.example',
  cycle: null,
  types: ['assignment', 'role'],
  events: { owner_moved: false, role_widened: false, blast_radius_up: false, unused: false, due_days: 7 },
  recheck_share: 0.5,
  bulk_cap: 2,
  reviewers: {
    managers: [{ of: { person: 'dana@acme.example' }, reviewer: 'erin@acme.example' }],
    role_owners: [],
    data_owners: [],
    fallbacks: ['sam@acme.example'],
  },
};

export async function openReviews(): Promise<ReviewWorld> {
  const world = await openChanges();
  const dana = await world.person('dana', ['operator']);
  const erin = await world.person('erin', ['approver']);
  const olga = await world.person('olga', ['admin']);
  const sam = await world.person('sam', ['reviewer']);
  const zoe = await world.person('zoe', ['reviewer']);
  await world.person('sue', ['viewer']);
  await world.ok('PUT', '/v1/review-policy', { ...POLICY, reason: 'begin' });
  const owner = new pg.Client({ connectionString: world.server.ownerUrl });
  await owner.connect();
  const people = new Map([dana, erin, olga, sam, zoe].map((person) => [person.email, person]));
  const reviews: ReviewWorld = Object.assign(world, {
    dana,
    erin,
    olga,
    sam,
    zoe,
    sql: (text: string, values: readonly unknown[] = []) => owner.query(text, [...values]),
    closeSql: () => owner.end(),
    launch: (body: object = {}) => world.ok('POST', '/v1/reviews', { reason: 'a test', ...body }, { key: olga.key }),
    items: async (review: string) => (await world.ok('GET', `/v1/reviews/${review}/items?limit=100`)).data,
    review: (review: string) => world.ok('GET', `/v1/reviews/${review}`),
    decide: (by: Person, item: Answer['body'], decision: object) =>
      world.call('POST', `/v1/reviews/${item.review}/items/${item.id}/decide`, { body: decision, key: by.key }),
    submit: (by: Person, review: string, body: object = {}) =>
      world.ok('POST', `/v1/reviews/${review}/submit`, body, { key: by.key }),
    remediations: async (review: string) => (await world.ok('GET', `/v1/reviews/${review}/remediations`)).data,
    keepRest: async (review: string) => {
      const by = new Set<Person>();
      for (const item of await reviews.items(review)) {
        if (item.decision !== null) continue;
        for (const { reviewer } of item.reviewers) {
          const person = people.get(reviewer);
          if (person === undefined) throw new Error(`nobody here is ${reviewer}`);
          const { status, body } = await reviews.decide(person, item, { decision: 'keep', reason: 'it is used' });
          if (status !== 200) throw new Error(JSON.stringify(body));
          by.add(person);
        }
      }
      for (const person of by) await reviews.submit(person, review);
    },
  });
  return reviews;
}
