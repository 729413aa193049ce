/** First use of a payee in the path: written with the record of the result, true until it is over, on every node. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Action, ActionPath, Authorization, Outcome, Permit } from '../../src/path/index.ts';
import { actionOf, createPathFixture, type PathFixture } from './fixture.ts';

let fixture: PathFixture;
let other: ActionPath;
let token: string;
let agentId: string;
let payees = 0;
let payee: string;

beforeAll(async () => {
  fixture = await createPathFixture();
  for (const name of ['payments.pay', 'payments.refund', 'crm.note']) await fixture.declare(name, 'write');
  const when = { field: 'first_use(payee)', within: '90d', over: ['payments.*', 'crm.note'] };
  await fixture.setRole(
    'billing',
    ['payments.pay', 'payments.refund', 'crm.note'],
    [
      { id: 'new-payee', action: 'payments.pay', when, effect: 'deny' },
      { id: 'count', action: 'payments.pay', when: { field: 'rate.per_day', lte: 1_000 }, effect: 'allow' },
    ],
  );
  const bot = await fixture.addBot('billing-bot', ['billing']);
  token = bot.token;
  agentId = bot.principal.agentId;
  other = (await fixture.node()).path;
});
afterAll(() => fixture.close());
beforeEach(() => {
  payees += 1;
  payee = `vendor-${payees}`;
});

function call(capability: string, to: string | readonly string[] = payee, change: Partial<Action> = {}): Action {
  return actionOf(capability, { payee: to }, { entrance: 'mcp', ...change });
}

async function ask(action: Action, path: ActionPath = fixture.path): Promise<Authorization> {
  const who = await path.authenticate(token, { tool: action.tool });
  if ('kind' in who) throw new Error(who.kind);
  return path.authorize(token, who, async () => action);
}

async function permit(action: Action, path?: ActionPath): Promise<Permit> {
  const answer = await ask(action, path);
  if (answer.kind !== 'permit') throw new Error(answer.kind);
  return answer;
}

async function carryOut(action: Action, outcome: Outcome = { result: 'success' }, path = fixture.path): Promise<void> {
  await path.settle(await permit(action, path), outcome);
}

async function age(interval: string): Promise<void> {
  await fixture.database.pool.query(`UPDATE used_values SET used_at = used_at - interval '${interval}'`);
}

describe('a payee', () => {
  test('is refused at its first use, and known on every node once a call with it was carried out', async () => {
    expect(await ask(call('payments.pay'))).toMatchObject({ kind: 'refused', decision: { rule: 'new-payee' } });
    // a refused call leaves nothing, and another tool of those that count makes it known
    expect((await ask(call('payments.pay'))).kind).toBe('refused');
    await carryOut(call('crm.note'));
    const { eventId } = await permit(call('payments.pay'));
    await permit(call('payments.pay'), other);
    const who = await fixture.path.authenticate(token, { tool: 'payments.pay' });
    if ('kind' in who) throw new Error(who.kind);
    expect(await fixture.path.dryRun(who, call('payments.pay'))).toMatchObject({ verdict: 'allow' });
    await fixture.log.catchUp(fixture.workspaceId);
    const { event } = (await fixture.log.find(fixture.workspaceId, eventId)) ?? {};
    expect(event?.record).toMatchObject({
      state: {
        at: expect.stringMatching(/Z$/),
        used: [
          { key: expect.stringMatching(/^agent\/.*\/payee:[0-9a-f]{32}$/), event_id: expect.stringMatching(/^evt_/) },
        ],
      },
    });
    // the record tells no payee where arguments are masked
    expect(JSON.stringify(event?.record.state)).not.toContain(payee);
  });

  test.each<[string, (to: string) => Promise<unknown>]>([
    ['failed', (to) => carryOut(call('crm.note', to), { result: 'error' })],
    ['ended nobody knows how', (to) => carryOut(call('crm.note', to), { result: 'unknown' })],
    ['asked for input', (to) => carryOut(call('crm.note', to), { result: 'success', errorCode: 'input_required' })],
    ['never began', (to) => carryOut(call('crm.note', to), { result: 'not_attempted' })],
    ['has not ended', (to) => permit(call('crm.note', to))],
    ['was with another', () => carryOut(call('crm.note', 'somebody else'))],
    ['was with a look-alike', (to) => carryOut(call('crm.note', to.toUpperCase()))],
    ['succeeded by the word of the agent alone', (to) => carryOut(call('crm.note', to, { entrance: 'actions' }))],
  ])('stays new when the call before it %s', async (_, before) => {
    await before(payee);
    expect((await ask(call('payments.pay'))).kind).toBe('refused');
    expect((await ask(call('payments.pay'), other)).kind).toBe('refused');
  });

  test('of several is new as long as one of them is', async () => {
    await carryOut(call('crm.note'));
    expect((await ask(call('payments.pay', [payee, `${payee}-b`]))).kind).toBe('refused');
    await carryOut(call('crm.note', `${payee}-b`));
    await permit(call('payments.pay', [payee, `${payee}-b`]));
  });

  test('is new again once its last use is over, by the clock of the database and to the second', async () => {
    await carryOut(call('crm.note'));
    await age('89 days 23:59:30');
    await permit(call('payments.pay'));
    await age('30 seconds');
    expect((await ask(call('payments.pay'))).kind).toBe('refused');
    // a node whose clock is behind decides by the time of the transaction all the same
    const { path: late } = await fixture.node({ clock: () => Date.now() - 3_600_000 });
    expect((await ask(call('payments.pay'), late)).kind).toBe('refused');
    // a new use makes it known anew
    await carryOut(call('crm.note'));
    await permit(call('payments.pay'), late);
  });

  test('is known at once to the next call on the node that saw it succeed, and is used when the log says so', async () => {
    const before = await permit(call('crm.note'));
    const settled = fixture.path.settle(before, { result: 'success' });
    await permit(call('payments.pay'));
    await settled;
    const { rows } = await fixture.database.pool.query('SELECT key FROM used_values WHERE event_id = $1', [
      before.eventId,
    ]);
    expect(rows).toEqual([{ key: expect.stringContaining(`agent/${agentId}/use/crm.note,payments.*/payee:`) }]);
  });
});

test('of many at once on two nodes each is a first use until one has succeeded', async () => {
  const permits = await Promise.all(
    Array.from({ length: 20 }, (_, i) => permit(call('crm.note'), i % 2 === 0 ? fixture.path : other)),
  );
  const early = await Promise.all(
    Array.from({ length: 10 }, (_, i) => ask(call('payments.pay'), i % 2 === 0 ? fixture.path : other)),
  );
  expect(new Set(early.map(({ kind }) => kind))).toEqual(new Set(['refused']));
  // settled on both nodes together, with other values between them: nobody waits in a circle
  const more = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      permit(
        call('crm.note', [`${payee}-${i % 4}`, payee, `${payee}-${(i * 3) % 5}`]),
        i % 2 === 0 ? other : fixture.path,
      ),
    ),
  );
  await Promise.all([
    ...permits.map((each, i) => (i % 2 === 0 ? fixture.path : other).settle(each, { result: 'success' })),
    ...more.map((each, i) => (i % 2 === 0 ? other : fixture.path).settle(each, { result: 'success' })),
  ]);
  await permit(call('payments.pay'));
  await permit(call('payments.pay', [payee, `${payee}-1`]), other);
});
