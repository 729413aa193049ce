/** "Y before X" in the path: kept with the record of Y, used up with the record of X, on every node. */
import type { Decision } from '@hivekey/policy';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Action, ActionPath, Authorization, Permit, Principal } from '../../src/path/index.ts';
import { actionOf, createPathFixture, type PathFixture } from '../path/fixture.ts';

let fixture: PathFixture;
let other: ActionPath;
let token: string;
let principal: Principal;
let sessions = 0;
let session: string;

beforeAll(async () => {
  fixture = await createPathFixture();
  for (const name of ['tests.run', 'deploy', 'announce']) await fixture.declare(name, 'write');
  const when = { field: 'done(tests.run)', within: '4h', bind: ['build'] };
  await fixture.setRole(
    'ops',
    ['tests.run', 'deploy', 'announce'],
    [
      { id: 'tested', action: 'deploy', when, effect: 'allow' },
      { id: 'tested-at-all', action: 'announce', when: { field: 'done(tests.run)', within: '1h' }, effect: 'allow' },
      { id: 'twice', action: 'deploy', when: { field: 'rate.per_day', lte: 1_000 }, effect: 'allow' },
    ],
  );
  ({ token, principal } = await fixture.addBot('ops-bot', ['ops']));
  other = (await fixture.node()).path;
});
afterAll(() => fixture.close());
beforeEach(() => {
  sessions += 1;
  session = `session-${sessions}`;
});

function call(capability: string, build: number, change: Partial<Action> = {}): Action {
  return actionOf(capability, { build }, { entrance: 'mcp', sessionId: session, ...change });
}

async function ask(action: Action, path: ActionPath = fixture.path): Promise<Authorization> {
  const who = await path.authenticate(token, { tool: action.tool });
  if ('kind' in who) throw new Error(who.kind);
  return path.authorize(token, who, async () => action);
}

async function permit(action: Action, path?: ActionPath): Promise<Permit> {
  const answer = await ask(action, path);
  if (answer.kind !== 'permit')
    throw new Error(`${answer.kind}: ${'decision' in answer ? answer.decision.reason : ''}`);
  return answer;
}

async function carryOut(action: Action, result: 'success' | 'error' | 'unknown' = 'success', path = fixture.path) {
  await path.settle(await permit(action, path), { result });
}

describe('a call that needs another before it', () => {
  test('is refused, then allowed once, then refused again', async () => {
    expect(await ask(call('deploy', 42))).toMatchObject({ kind: 'refused', decision: { rule: 'tested' } });
    await carryOut(call('tests.run', 42));
    const dry = (await fixture.path.dryRun(principal, call('deploy', 42))) as Decision;
    expect(dry.verdict).toBe('allow');
    const deployed = await permit(call('deploy', 42));
    expect(await ask(call('deploy', 42))).toMatchObject({ kind: 'refused', decision: { rule: 'tested' } });
    await fixture.log.catchUp(fixture.workspaceId);
    const { event } = (await fixture.log.find(fixture.workspaceId, deployed.eventId)) ?? {};
    expect(event?.record).toMatchObject({ state: { prerequisites: [{ event_id: expect.stringMatching(/^evt_/) }] } });
  });

  test('finds what was done on another node at once', async () => {
    await carryOut(call('tests.run', 1), 'success', other);
    await permit(call('deploy', 1));
  });

  test.each<[string, () => Promise<unknown>]>([
    ['for another build', () => carryOut(call('tests.run', 41))],
    ['in another session', () => carryOut(call('tests.run', 42, { sessionId: 'elsewhere' }))],
    ['and failed', () => carryOut(call('tests.run', 42), 'error')],
    ['and it is not known how it ended', () => carryOut(call('tests.run', 42), 'unknown')],
    [
      'and asked for input',
      async () =>
        fixture.path.settle(await permit(call('tests.run', 42)), { result: 'success', errorCode: 'input_required' }),
    ],
    ['and has not ended', () => permit(call('tests.run', 42))],
    ['by the word of the agent alone', () => carryOut(call('tests.run', 42, { entrance: 'actions' }))],
  ])('is refused when that was done %s', async (_, before) => {
    await before();
    expect((await ask(call('deploy', 42))).kind).toBe('refused');
  });

  test('is refused when it was done too long ago, by the clock of the database', async () => {
    await carryOut(call('tests.run', 42));
    await fixture.database.pool.query(
      "UPDATE prerequisites SET done_at = now() - interval '4 hours' WHERE used_by IS NULL",
    );
    expect((await ask(call('deploy', 42))).kind).toBe('refused');
    const { path: late } = await fixture.node({ clock: () => Date.now() - 2 * 3_600_000 });
    expect((await ask(call('deploy', 42), late)).kind).toBe('refused');
  });

  test('does not use it up when it is refused for another reason', async () => {
    await carryOut(call('tests.run', 42));
    const refuse = { reasonClass: 'guard', reason: 'schema', rule: 'input schema' } as const;
    expect((await ask(call('deploy', 42, { refuse }))).kind).toBe('refused');
    await permit(call('deploy', 42));
  });

  test('uses it up under every key: one run of the tests is good for one thing', async () => {
    await carryOut(call('tests.run', 42));
    await permit(call('announce', 42));
    expect((await ask(call('deploy', 42))).kind).toBe('refused');
  });
});

test('of fifty calls at once on two nodes, exactly as many are allowed as there were runs', async () => {
  for (let run = 0; run < 3; run += 1) await carryOut(call('tests.run', 7));
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      ask(call(i % 3 === 0 ? 'announce' : 'deploy', 7), i % 2 === 0 ? fixture.path : other),
    ),
  );
  const kinds = answers.map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'permit')).toHaveLength(3);
  expect(kinds.filter((kind) => kind === 'refused')).toHaveLength(47);
  const { rows } = await fixture.database.pool.query(
    'SELECT count(DISTINCT used_by) AS users, count(DISTINCT event_id) AS runs FROM prerequisites WHERE used_by IS NOT NULL AND event_id IN (SELECT event_id FROM prerequisites WHERE key LIKE $1)',
    [`session/${principal.agentId}/${session}/%`],
  );
  expect(rows[0]).toEqual({ users: 3, runs: 3 });
});
