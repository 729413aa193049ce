/** Changes and calls on several nodes at once, in random order: a stale decision never becomes a record. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TokenId } from '../../src/ids.ts';
import type { RunningLog } from '../../src/log/index.ts';
import type { Principal } from '../../src/path/types.ts';
import { audit, type StoredRecord } from './audit.ts';
import { createFixture, evaluation, type Fixture, intent, spending } from './fixture.ts';

let fixture: Fixture;
let logs: RunningLog[];
let agents: Principal[];

beforeAll(async () => {
  fixture = await createFixture();
  logs = [];
  for (const nodeId of ['one', 'two', 'three']) logs.push(await fixture.open({ nodeId }));
  agents = await Promise.all(['a', 'b', 'c'].map((handle) => fixture.addAgent(handle)));
});
afterAll(() => fixture.close());

interface State {
  agents: { revision: number; status: 'active' | 'revoked' }[];
  policy: number;
  status: 'active' | 'stopped';
}

/** What a caller last heard; it may be out of date by any number of changes. */
async function look(): Promise<State> {
  const { pool } = fixture.database;
  const workspace = await pool.query<{ status: State['status']; policy: number }>(
    'SELECT status, policy_revision AS policy FROM workspace_state',
  );
  const states = await pool.query<{ agent_id: string; revision: number; status: 'active' | 'revoked' }>(
    'SELECT agent_id, revision, status FROM agent_state',
  );
  const row = workspace.rows[0];
  if (row === undefined) throw new Error('the workspace has no state');
  return {
    ...row,
    agents: agents.map(({ agentId }) => {
      const found = states.rows.find(({ agent_id }) => agent_id === agentId);
      return { revision: found?.revision ?? 0, status: found?.status ?? 'revoked' };
    }),
  };
}

/** The agent's revision stands on the record as the token, to be checked afterwards. */
function call(of: number, seen: State, withWindow: boolean) {
  const agent = agents[of];
  const state = seen.agents[of];
  if (agent === undefined || state === undefined) throw new Error('no such agent');
  const { revision } = state;
  const decided = withWindow
    ? spending(`agent/${agent.agentId}/usd`, 1, 1e9, 3600)
    : evaluation({ verdict: revision % 2 === 0 ? 'allow' : 'deny' });
  return intent(
    { ...agent, agentRevision: revision, tokenId: `rev_${revision}` as TokenId },
    { evaluation: { ...decided, policyRevision: seen.policy } },
  );
}

type Change = 'agent' | 'policy' | 'revoke' | 'stop';
const SQL: Readonly<Record<Change, string>> = {
  agent: 'UPDATE agent_state SET revision = revision + 1 WHERE agent_id = $1',
  revoke: `UPDATE agent_state SET revision = revision + 1, status = CASE status WHEN 'active' THEN 'revoked' ELSE 'active' END WHERE agent_id = $1`,
  policy: 'UPDATE workspace_state SET policy_revision = policy_revision + 1 WHERE $1::text IS NOT NULL',
  stop: `UPDATE workspace_state SET status = CASE status WHEN 'active' THEN 'stopped' ELSE 'active' END WHERE $1::text IS NOT NULL`,
};

/** A change, and on its record the state it left behind. */
async function change(what: Change, node: number, of: number): Promise<void> {
  await logs[node]?.transact(fixture.workspaceId, async ({ client, log }) => {
    await client.query(SQL[what], [agents[of]?.agentId]);
    const { rows: agentStates } = await client.query(
      'SELECT agent_id, revision, status FROM agent_state ORDER BY agent_id',
    );
    const { rows: workspace } = await client.query('SELECT status, policy_revision AS policy FROM workspace_state');
    log({ kind: 'policy.changed', agents: agentStates, state: workspace[0] });
  });
}

/** Walks the log in its order and finds records that the state before them did not allow. */
function staleRecords(records: readonly StoredRecord[]): StoredRecord[] {
  let policy = 1;
  let status = 'active';
  let states = new Map<unknown, { revision: number; status: string }>();
  return records.filter((record) => {
    if (record.kind === 'policy.changed') {
      const left = record as unknown as {
        agents: { agent_id: string; revision: number; status: string }[];
        state: { policy: number; status: string };
      };
      ({ policy, status } = left.state);
      states = new Map(left.agents.map((each) => [each.agent_id, each]));
      return false;
    }
    const agent = states.get(record.agent_id) ?? { revision: 1, status: 'active' };
    return !(
      status === 'active' &&
      agent.status === 'active' &&
      record.policy_revision === policy &&
      record.token_id === `rev_${agent.revision}`
    );
  });
}

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      node: fc.nat({ max: 2 }),
      of: fc.nat({ max: 2 }),
      withWindow: fc.boolean(),
      afresh: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom<Change>('agent', 'policy', 'revoke', 'stop'),
      node: fc.nat({ max: 2 }),
      of: fc.nat({ max: 2 }),
    }),
  },
);

test('whatever the order of changes and calls on three nodes', async () => {
  let seen = await look();
  let recorded = 0;
  let sentBack = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { maxLength: 8 }), async (rounds) => {
      for (const round of rounds) {
        // All of a round at once; what callers know is from the round before, or the one before that.
        const before = seen;
        seen = await look();
        await Promise.all(
          round.map(async (each) => {
            if (each.kind !== 'call') return change(each.kind, each.node, each.of);
            const log = logs[each.node];
            const result = await log?.recordIntent(call(each.of, each.afresh ? seen : before, each.withWindow));
            if (result?.kind === 'recorded') recorded += 1;
            else sentBack += 1;
          }),
        );
      }
    }),
    { numRuns: 100 },
  );
  await logs[0]?.catchUp(fixture.workspaceId);
  const { rows } = await fixture.database.pool.query<{ record: StoredRecord }>(
    'SELECT record FROM actions ORDER BY seq',
  );
  const records = rows.map(({ record }) => record);
  const inBlocks = await audit(fixture.database.pool, fixture.workspaceId);
  expect(inBlocks.problems).toEqual([]);
  expect(inBlocks.records.filter(({ kind }) => kind === 'tool.call')).toHaveLength(recorded);
  expect(records.filter(({ kind }) => kind === 'tool.call')).toHaveLength(recorded);
  expect(staleRecords(records)).toEqual([]);
  // The test has looked at both.
  expect(Math.min(recorded, sentBack)).toBeGreaterThan(50);
});

test('a stop on any node lets no call through on any node once it has returned', async () => {
  const agent = await fixture.addAgent('stopped-everywhere');
  const { pool } = fixture.database;
  await pool.query(`UPDATE workspace_state SET status = 'active', policy_revision = 1`);
  let isStopped = false;
  const late: string[] = [];
  const callers = logs.flatMap((log) =>
    Array.from({ length: 10 }, async () => {
      for (;;) {
        const wasStopped = isStopped;
        const { kind } = await log.recordIntent(intent(agent));
        if (kind === 'stale') return;
        if (wasStopped) late.push(kind);
      }
    }),
  );
  await logs[1]?.recordIntent(intent(agent));
  // Two nodes stop it at the same time.
  await Promise.all(
    [logs[0], logs[2]].map((log) =>
      log?.transact(fixture.workspaceId, async ({ client, log: note }) => {
        await client.query(`UPDATE agent_state SET status = 'revoked', revision = revision + 1 WHERE agent_id = $1`, [
          agent.agentId,
        ]);
        note({ kind: 'agent.revoked', agent_id: agent.agentId });
      }),
    ),
  );
  isStopped = true;
  await Promise.all(callers);
  expect(late).toEqual([]);
  const { problems } = await audit(pool, fixture.workspaceId);
  expect(problems).toEqual([]);
});

test.each([
  ['known to the writer', true],
  ['new to it', false],
])('a token that runs out while the record waits for a lock is sent back; the agent is %s', async (_what, isKnown) => {
  const agent = await fixture.addAgent(`waiting-${isKnown}`);
  const { pool } = fixture.database;
  const [log] = logs;
  if (log === undefined) throw new Error('there is no log');
  for (let i = 0; i < (isKnown ? 20 : 0); i += 1) await log.recordIntent(intent(agent));
  const holder = await pool.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM agent_state WHERE agent_id = $1 FOR UPDATE', [agent.agentId]);
  const expiresAtMs = Date.now() + 100;
  const spend = spending(`agent/${agent.agentId}/usd`, 1, 10, 60);
  const waiting = log.recordIntent(intent({ ...agent, tokenExpiresAtMs: expiresAtMs }));
  const withWindow = logs[1]?.recordIntent(intent({ ...agent, tokenExpiresAtMs: expiresAtMs }, { evaluation: spend }));
  await holder.query('SELECT pg_sleep(greatest(0, extract(epoch FROM to_timestamp($1) - clock_timestamp())))', [
    expiresAtMs / 1000,
  ]);
  await holder.query('COMMIT');
  holder.release();
  expect(await waiting).toEqual({ kind: 'stale', what: 'agent' });
  expect(await withWindow).toEqual({ kind: 'stale', what: 'agent' });
});
