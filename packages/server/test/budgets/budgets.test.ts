import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  eventually,
  settledEvent,
  startSecondNode,
  startWorkspace,
  type TestAgent,
  type Workspace,
} from '../actions/workspace.ts';

let workspace: Workspace;
let other: Workspace;
let pay: TestAgent;
let second: TestAgent;

beforeAll(async () => {
  workspace = await startWorkspace();
  await workspace.capability('payments.pay', { impact: { usd: { field: 'amount', currency: 'USD' } } });
  const allow = { action: 'payments.pay', effect: 'allow' };
  await workspace.role(
    'billing',
    ['payments.pay'],
    [
      { id: 'own', ...allow, when: { field: 'sum(usd, 24h)', lte: 500 } },
      { id: 'team', ...allow, when: { field: 'sum(usd, 24h)', lte: 800, scope: 'role' } },
      { id: 'payee', ...allow, when: { field: 'sum(usd, 24h)', lte: 400, per: 'payee' } },
      { id: 'pace', ...allow, when: { field: 'rate.per_hour', lte: 20, scope: 'owner' } },
    ],
  );
  await workspace.done('PUT', '/v1/workspace/guards', {
    guards: [{ id: 'all', ...allow, when: { field: 'sum(usd, 1h)', lte: 1000, scope: 'workspace' } }],
  });
  pay = await workspace.agent('billing-bot', 'billing');
  second = await workspace.agent('billing-bot-2', 'billing');
  other = await startSecondNode(workspace);
});
afterAll(async () => {
  await other.close();
  await workspace.close();
});

function ask(agent: TestAgent, amount: number, to = 'vendor@acme.com', on = workspace) {
  return on.call('POST', '/v1/actions', {
    key: agent.token,
    body: { action: 'payments.pay', arguments: { amount, payee: to } },
  });
}

interface Shown {
  readonly rule: string;
  readonly subject: string;
  readonly used: number;
  readonly left: number;
  readonly frees_in_seconds: number | null;
  readonly per: { readonly by: string; readonly value: string } | null;
}

async function budgets(query: string): Promise<readonly Shown[]> {
  return (await workspace.done('GET', `/v1/budgets${query}`, undefined)).body.data;
}

describe('budgets', () => {
  it('of an agent are all it is under, with what is left and when more frees up', async () => {
    const before = await budgets('?agent=billing-bot');
    expect(before.map(({ rule, used, left }) => [rule, used, left])).toEqual(
      expect.arrayContaining([
        ['own', 0, 50_000],
        ['team', 0, 80_000],
        ['pace', 0, 20],
        ['all', 0, 100_000],
      ]),
    );
    expect((await ask(pay, 300)).status).toBe(200);
    const after = await budgets('?agent=billing-bot');
    const shown = (rule: string) => after.find((each) => each.rule === rule);
    expect(shown('own')).toMatchObject({ subject: 'billing-bot', used: 30_000, left: 20_000 });
    expect(shown('team')).toMatchObject({ subject: 'billing', used: 30_000, left: 50_000 });
    expect(shown('pace')).toMatchObject({ subject: 'dana@acme.example', used: 1, left: 19 });
    expect(shown('all')).toMatchObject({ subject: '*', used: 30_000, left: 70_000 });
    expect(shown('payee')).toMatchObject({ used: 30_000, left: 10_000, per: { by: 'payee', value: /^[0-9a-f]{32}$/ } });
    expect(shown('own')?.frees_in_seconds).toBeGreaterThan(86_000);
    expect(shown('all')?.frees_in_seconds).toBeLessThanOrEqual(3_600);
  });

  it('of a role, an owner and the workspace are what their agents share', async () => {
    const role = await budgets('?role=billing');
    expect(role.find(({ rule }) => rule === 'team')).toMatchObject({ subject: 'billing', used: 30_000 });
    const own = role.filter(({ rule }) => rule === 'own');
    expect(own.map(({ subject, used }) => [subject, used])).toEqual([
      ['billing-bot', 30_000],
      ['billing-bot-2', 0],
    ]);
    expect(await budgets('?owner=dana@acme.example')).toMatchObject([{ rule: 'pace', used: 1 }]);
    expect(await budgets('')).toMatchObject([{ rule: 'all', used: 30_000 }]);
  });

  it('are refused of nobody, and of two at once', async () => {
    for (const [query, code] of [
      ['?agent=nobody', 'agent_not_found'],
      ['?role=nothing', 'role_not_found'],
      ['?owner=nobody@acme.example', 'person_not_found'],
    ])
      expect(await workspace.call('GET', `/v1/budgets${query}`)).toMatchObject({
        status: 404,
        body: { error: { code } },
      });
    expect((await workspace.call('GET', '/v1/budgets?agent=billing-bot&role=billing')).status).toBe(400);
  });

  it('come in pages', async () => {
    const { body } = await workspace.done('GET', '/v1/budgets?agent=billing-bot&limit=2', undefined);
    expect(body).toMatchObject({ has_more: true, data: { length: 2 } });
    const next = await workspace.done(
      'GET',
      `/v1/budgets?agent=billing-bot&limit=200&cursor=${body.next_cursor}`,
      undefined,
    );
    expect(next.body.data).toHaveLength(3);
  });
});

describe('a refusal', () => {
  it('tells the agent its own use, what is left and of what', async () => {
    const { status, body, headers } = await ask(pay, 201, 'somebody@acme.com');
    expect(status).toBe(403);
    expect(body.decision).toMatchObject({ rule: 'own', reason_class: 'cap', remaining: 20_000, remaining_unit: 'usd' });
    expect(body.decision.reason).toContain('$300.00 used');
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(86_000);
  });

  it('does not tell what others have used, only that it does not fit and when it would', async () => {
    const { body } = await ask(second, 499, 'someone@acme.com');
    // 400 a payee stands before it: so ask for what only the shared cap refuses.
    expect(body.decision.rule).toBe('payee');
    expect((await ask(second, 390, 'third@acme.com')).status).toBe(200);
    const refused = await ask(second, 111, 'fourth@acme.com');
    expect(refused.body.decision).toMatchObject({ verdict: 'deny', rule: 'own' });
    const shared = await ask(pay, 120, 'fifth@acme.com');
    expect(shared.status).toBe(403);
    expect(shared.body.decision).toMatchObject({ rule: 'team', remaining: null, remaining_unit: null });
    expect(shared.body.decision.retry_after_seconds).toBeGreaterThan(0);
    expect(JSON.stringify(shared.body)).not.toMatch(/690|69000|110\.00|\$390/);
    // The record has all of it, for people.
    const { event } = await settledEvent(workspace, shared.body.id);
    expect(event.reason).toContain('$690.00 used + $120.00 > $800.00');
    const dry = await workspace.done('POST', '/v1/policies/evaluate', {
      agent: 'billing-bot',
      action: 'payments.pay',
      arguments: { amount: 120, payee: 'fifth@acme.com' },
    });
    expect(dry.body).toMatchObject({ verdict: 'deny', rule: 'team', remaining: 11_000, remaining_unit: 'usd' });
  });

  it('of what is hidden is the same, whatever windows say', async () => {
    const nobody = await workspace.agent('nobody-bot', 'nothing-at-all').catch(() => undefined);
    expect(nobody).toBeUndefined();
    await workspace.role('empty', []);
    const blind = await workspace.agent('blind-bot', 'empty');
    const hidden = await ask(blind, 5_000);
    const absent = await workspace.call('POST', '/v1/actions', {
      key: blind.token,
      body: { action: 'payments.nothing', arguments: { amount: 5_000, payee: 'vendor@acme.com' } },
    });
    const plain = ({ status, body }: typeof hidden) => ({
      status,
      body: JSON.stringify(body).replaceAll(/(evt|req)_\w+/g, ''),
    });
    expect(plain(hidden)).toEqual(plain(absent));
    expect(hidden.headers.get('retry-after')).toBeNull();
  });
});

describe('what was not spent', () => {
  it('comes back when another node is told that the action never began, and once', async () => {
    const used = async () => (await budgets('')).find(({ rule }) => rule === 'all')?.used;
    const before = await used();
    const { body } = await ask(pay, 10, 'sixth@acme.com');
    expect(await used()).toBe((before ?? 0) + 1_000);
    const report = (result: string) =>
      other.call('POST', `/v1/actions/${body.permit.id}/outcome`, { key: pay.token, body: { result } });
    expect((await report('not_attempted')).status).toBe(200);
    await eventually(async () => ((await used()) === before ? true : undefined));
    expect((await report('not_attempted')).status).toBe(409);
    expect(await used()).toBe(before);
    const { result } = await settledEvent(workspace, body.id);
    expect(result.credits.map(({ amount }: { amount: number }) => amount).sort()).toEqual([1, 1000, 1000, 1000, 1000]);
  });

  it('is not believed of the agent itself', async () => {
    const { body } = await ask(pay, 10, 'seventh@acme.com');
    const report = await workspace.call('POST', `/v1/actions/${body.permit.id}/outcome`, {
      key: pay.token,
      body: { result: 'success', spent: { usd: 0 } },
    });
    expect(report.status).toBe(400);
  });

  it('leaves counters and log in agreement', async () => {
    const { body } = await workspace.done('GET', '/v1/budgets/check', undefined);
    expect(body).toMatchObject({ object: 'budget_check', differences: [] });
    expect(body.entries).toBeGreaterThan(4);
  });
});
