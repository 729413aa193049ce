/** What cannot be in the database, whoever writes to it as the application: tried with its own role, in plain SQL. */
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';

const PEOPLE = ['per_a', 'per_b', 'per_c'] as const;
const AGENTS = ['agt_1', 'agt_2'] as const;
const LEVELS = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const;

let database: TestDatabase;
/** Two sessions of the application that do not see what the other has not committed. */
let sessions: readonly pg.Client[];

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool } = database;
  await pool.query("INSERT INTO workspaces (id, name) VALUES ('wsp', 'acme')");
  for (const id of PEOPLE)
    await pool.query("INSERT INTO people (workspace_id, id, email) VALUES ('wsp', $1, $1 || '@acme.example')", [id]);
  for (const id of AGENTS) {
    await pool.query(
      "INSERT INTO agents (workspace_id, id, handle, owner_id, created_by) VALUES ('wsp', $1, $1, 'per_a', 'key:ops')",
      [id],
    );
    await pool.query("INSERT INTO agent_state (workspace_id, agent_id) VALUES ('wsp', $1)", [id]);
  }
  sessions = await Promise.all(
    [1, 2].map(async () => {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      // One that waits for the other is as good as refused.
      await client.query("SET lock_timeout = '30ms'");
      return client;
    }),
  );
});
afterAll(async () => {
  for (const client of sessions) await client.end();
  await database.close();
});

/** Everybody is there and active, and the agents are the first one's. */
async function reset(): Promise<void> {
  for (const text of [
    "INSERT INTO people (workspace_id, id, email) SELECT 'wsp', id, id || '@acme.example' FROM unnest($1::text[]) AS id ON CONFLICT DO NOTHING",
    'UPDATE people SET active = true WHERE id = ANY($1)',
    'UPDATE agents SET owner_id = ($1::text[])[1]',
    "INSERT INTO agent_state (workspace_id, agent_id) SELECT 'wsp', id FROM agents WHERE $1::text[] IS NOT NULL ON CONFLICT DO NOTHING",
    "UPDATE agent_state SET status = 'active' WHERE $1::text[] IS NOT NULL",
  ])
    await database.pool.query(text, [PEOPLE]);
}

type Statement = readonly [text: string, ...values: string[]];

const person = fc.constantFrom(...PEOPLE);
const agent = fc.constantFrom(...AGENTS);
const statement: fc.Arbitrary<Statement> = fc.oneof(
  person.map((id): Statement => ['UPDATE people SET active = false WHERE id = $1', id]),
  person.map((id): Statement => ['UPDATE people SET active = true WHERE id = $1', id]),
  person.map((id): Statement => ['DELETE FROM people WHERE id = $1', id]),
  agent.map((id): Statement => ["UPDATE agent_state SET status = 'active' WHERE agent_id = $1", id]),
  agent.map((id): Statement => ["UPDATE agent_state SET status = 'suspended' WHERE agent_id = $1", id]),
  fc.tuple(agent, person).map((ids): Statement => ['UPDATE agents SET owner_id = $2 WHERE id = $1', ...ids]),
  fc.tuple(agent, person).map((ids): Statement => ['UPDATE agent_state SET owner_id = $2 WHERE agent_id = $1', ...ids]),
  agent.map((id): Statement => ['DELETE FROM agent_state WHERE agent_id = $1', id]),
  agent.map((id): Statement => ["INSERT INTO agent_state (workspace_id, agent_id) VALUES ('wsp', $1)", id]),
  agent.map((id): Statement => ['UPDATE agent_state SET authz_epoch = authz_epoch - 1 WHERE agent_id = $1', id]),
);

/** Which session does what; a transaction ends with `COMMIT`. */
const run = fc.record({
  levels: fc.tuple(fc.constantFrom(...LEVELS), fc.constantFrom(...LEVELS)),
  steps: fc.array(
    fc.tuple(
      fc.nat(1),
      fc.oneof({ weight: 4, arbitrary: statement }, { weight: 1, arbitrary: fc.constant(['COMMIT'] as const) }),
    ),
    { minLength: 4, maxLength: 24 },
  ),
});

async function attempt(client: pg.Client, [text, ...values]: Statement): Promise<void> {
  await client.query(text, values).catch(async (error: unknown) => {
    if (!(error instanceof pg.DatabaseError)) throw error;
    await client.query('ROLLBACK');
  });
}

it('an active agent without an active owner is not among them', async () => {
  await fc.assert(
    fc.asyncProperty(run, async ({ levels, steps }) => {
      await reset();
      const isOpen = [false, false];
      for (const [which, step] of steps) {
        const client = sessions[which];
        if (client === undefined) throw new Error('there are two sessions');
        if (isOpen[which] !== true) await client.query(`BEGIN ISOLATION LEVEL ${levels[which]}`);
        isOpen[which] = true;
        await attempt(client, step);
        if (step[0] === 'COMMIT') isOpen[which] = false;
        else
          isOpen[which] = (await client.query('SELECT now() <> statement_timestamp() AS open')).rows[0]?.open === true;
        const { rows } = await database.pool.query(
          `SELECT a.id FROM agents a JOIN agent_state s ON s.agent_id = a.id JOIN people p ON p.id = a.owner_id
            WHERE (s.status = 'active' AND NOT p.active) OR s.owner_id <> a.owner_id OR s.authz_epoch < 1`,
        );
        expect(rows).toEqual([]);
      }
      for (const client of sessions) await client.query('ROLLBACK');
    }),
    { numRuns: 40 },
  );
});

describe('refused in plain SQL, beside what is not', () => {
  const refused = async (text: string): Promise<string | undefined> => {
    const [client] = sessions;
    await client?.query('BEGIN');
    const error = await client?.query(text).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    await client?.query('ROLLBACK');
    return error instanceof pg.DatabaseError ? (error.constraint ?? error.message) : undefined;
  };

  beforeAll(async () => {
    await reset();
    await database.pool.query("UPDATE people SET active = false WHERE id = 'per_b'");
  });

  it.each([
    ["UPDATE people SET active = false WHERE id = 'per_a'", 'agent_owner_active'],
    ["UPDATE agents SET owner_id = 'per_b' WHERE id = 'agt_1'", 'agent_owner_active'],
    ["UPDATE agent_state SET owner_id = 'per_c' WHERE agent_id = 'agt_1'", 'agent_state_owner'],
    [
      "UPDATE agent_state SET authz_epoch = 0 WHERE agent_id = 'agt_1'",
      'agent_epoch: epoch and cutoff of an agent only grow',
    ],
    ['UPDATE ownership_history SET accepted_at = now()', 'permission denied for table ownership_history'],
    ['DELETE FROM ownership_history', 'permission denied for table ownership_history'],
    ["UPDATE agent_state SET status = 'suspended' WHERE agent_id = 'agt_1'", undefined],
    ["UPDATE agents SET owner_id = 'per_c' WHERE id = 'agt_1'", undefined],
    ["UPDATE people SET active = false WHERE id = 'per_c'", undefined],
    ['UPDATE agent_state SET authz_epoch = authz_epoch + 1, authz_cutoff = clock_timestamp()', undefined],
  ])('%s', async (text, constraint) => {
    expect(await refused(text)).toBe(constraint);
  });
});
