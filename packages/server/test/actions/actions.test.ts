import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Call } from '../api/client.ts';
import { eventually, settledEvent, startWorkspace, type TestAgent, type Workspace } from './workspace.ts';

let workspace: Workspace;
let billing: TestAgent;
let other: TestAgent;

beforeAll(async () => {
  workspace = await startWorkspace();
  await workspace.capability('payments.pay', {
    description: 'Pays somebody.',
    impact: { usd: { field: 'amount', currency: 'USD' } },
    input_schema: {
      type: 'object',
      properties: {
        to: { type: 'string' },
        amount: { type: 'number' },
        card: { type: 'string', writeOnly: true },
      },
      required: ['to', 'amount'],
    },
  });
  await workspace.capability('mail.send', { description: 'Sends a mail.' });
  await workspace.capability('deploy', { destructive: true });
  await workspace.capability('vault.get', { access: 'read' });
  await workspace.role(
    'billing',
    ['payments.pay', 'deploy', 'mail.send', 'absent.tool'],
    [
      {
        id: 'daily-cap',
        action: 'payments.pay',
        when: { field: 'sum(usd, 24h)', lte: 500 },
        effect: 'allow',
        otherwise: 'deny',
      },
      {
        id: 'by-hand',
        action: 'deploy',
        when: { field: 'target', eq: 'staging' },
        effect: 'allow',
        otherwise: 'review',
      },
      {
        id: 'domains',
        action: 'mail.send',
        when: { field: 'to.domain', in: ['acme.com'] },
        effect: 'allow',
        otherwise: 'deny',
      },
    ],
  );
  await workspace.role('nothing', []);
  billing = await workspace.agent('billing-bot', 'billing');
  other = await workspace.agent('other-bot', 'nothing');
});
afterAll(() => workspace.close());

function ask(agent: TestAgent, body: object, call: Omit<Call, 'body' | 'key'> = {}): Promise<Answer> {
  return workspace.call('POST', '/v1/actions', { body, key: agent.token, ...call });
}

function report(agent: TestAgent, permit: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  return workspace.call('POST', `/v1/actions/${permit}/outcome`, { body, key: agent.token, headers });
}

const MAIL = { action: 'mail.send', arguments: { to: 'ann@acme.com', subject: 'Hello' } };

describe('an allowed action', () => {
  it('comes with a permit, and its outcome ends on the log', async () => {
    const asked = await ask(billing, { ...MAIL, session_id: 'ses-1', run_id: 'run_2a7f' });
    expect(asked.status).toBe(200);
    expect(asked.body).toMatchObject({
      object: 'action',
      verdict: 'allow',
      decision: { object: 'decision', verdict: 'allow', role: 'billing' },
    });
    expect(asked.body.id).toMatch(/^evt_/);
    expect(asked.body.permit.id).toMatch(/^prm_/);
    expect(asked.body.permit.expires_at).toBeGreaterThan(Date.now() / 1000 + 50);

    const ended = await report(billing, asked.body.permit.id, { result: 'error', code: 'smtp_451', duration_ms: 120 });
    expect(ended.status).toBe(200);
    const { event, result } = await settledEvent(workspace, asked.body.id);
    expect(event).toMatchObject({
      kind: 'tool.call',
      entrance: 'actions',
      agent: 'billing-bot',
      owner: 'dana@acme.example',
      action: 'mail.send',
      session_id: 'ses-1',
      run_id: 'run_2a7f',
      verdict: 'allow',
    });
    expect(result).toMatchObject({ outcome: 'error', error_code: 'smtp_451', upstream_ms: 120 });
  });

  it('may be asked for by its underscored name', async () => {
    const { status, body } = await ask(billing, { ...MAIL, action: 'mail_send' });
    expect(status).toBe(200);
    const { event } = await eventually(async () => {
      const found = await workspace.call('GET', `/v1/audit/events/${body.id}`);
      return found.status === 200 ? found.body : undefined;
    });
    expect(event).toMatchObject({ action: 'mail.send', tool: 'mail_send' });
  });

  it('has its sensitive arguments masked on the log', async () => {
    const { body } = await ask(billing, {
      action: 'payments.pay',
      arguments: { to: 'v', amount: 1, card: '4111-1111' },
    });
    await report(billing, body.permit.id, { result: 'success' });
    const { event } = await settledEvent(workspace, body.id);
    expect(event.args).toEqual({ to: 'v', amount: 1, card: '***' });
    expect(event.impact).toEqual({ usd: 100 });
  });
});

describe('a report', () => {
  it('is taken once', async () => {
    const { body } = await ask(billing, MAIL);
    const permit = body.permit.id;
    const headers = { 'idempotency-key': `once-${permit}` };
    expect((await report(billing, permit, { result: 'success' }, headers)).status).toBe(200);
    const again = await report(billing, permit, { result: 'success' }, headers);
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
    expect(await report(billing, permit, { result: 'error' })).toMatchObject({
      status: 409,
      body: { error: { code: 'permit_settled' } },
    });
  });

  it('is that of the agent that holds the permit', async () => {
    const { body } = await ask(billing, MAIL);
    const stranger = await report(other, body.permit.id, { result: 'error' });
    const invented = await report(other, 'prm_000000000000', { result: 'error' });
    expect(stranger.status).toBe(404);
    expect(unlike(stranger)).toEqual(unlike(invented, 'prm_000000000000', body.permit.id));
    expect((await report(billing, body.permit.id, { result: 'success' })).status).toBe(200);
  });

  it('gives back what was reserved when nothing was attempted', async () => {
    const agent = await workspace.agent('refund-bot', 'billing');
    const pay = { action: 'payments.pay', arguments: { to: 'v', amount: 400 } };
    const first = await ask(agent, pay);
    expect((await ask(agent, pay)).status).toBe(403);
    await report(agent, first.body.permit.id, { result: 'not_attempted' });
    await settledEvent(workspace, first.body.id);
    expect((await ask(agent, pay)).status).toBe(200);
  });

  it.each([
    ['an unknown result', { result: 'done' }],
    ['no result', {}],
    ['an unknown member', { result: 'success', note: 'x' }],
    ['a code that is no code', { result: 'error', code: 'no spaces' }],
  ])('with %s is refused', async (_, body) => {
    const asked = await ask(billing, MAIL);
    expect(await report(billing, asked.body.permit.id, body)).toMatchObject({
      status: 400,
      body: { error: { code: 'request_invalid' } },
    });
    expect((await report(billing, asked.body.permit.id, { result: 'success' })).status).toBe(200);
  });
});

describe('a refused action', () => {
  it('names the rule and what is left', async () => {
    const agent = await workspace.agent('spender', 'billing');
    const first = await ask(agent, { action: 'payments.pay', arguments: { to: 'v', amount: 480 } });
    expect(first.status).toBe(200);
    const refused = await ask(agent, { action: 'payments.pay', arguments: { to: 'v', amount: 540 } });
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({
      error: { code: 'action_denied' },
      decision: { verdict: 'deny', reason_class: 'cap', rule: 'daily-cap', remaining: 2000 },
    });
    const { event } = await settledEvent(workspace, refused.body.id);
    expect(event).toMatchObject({ verdict: 'deny', reason_class: 'cap', outcome: 'not_attempted' });
  });

  it('is held for a person where a guard says so', async () => {
    const body = { action: 'deploy', arguments: { target: 'production' } };
    const held = await ask(billing, body, { headers: { prefer: 'respond-async' } });
    expect(held.status).toBe(202);
    expect(held.body).toMatchObject({ verdict: 'review', permit: null, decision: { rule: 'by-hand' } });
    expect((await ask(billing, { action: 'deploy', arguments: { target: 'staging' } })).status).toBe(200);
  });

  it.each([
    ['a wrong type', { to: 'v', amount: '540' }, 'amount'],
    ['a missing argument', { to: 'v' }, 'amount'],
    ['an argument that is not declared', { to: 'v', amount: 1, cc: 'w' }, 'cc'],
  ])('has arguments with %s', async (_, args, place) => {
    const refused = await ask(billing, { action: 'payments.pay', arguments: args });
    expect(refused).toMatchObject({
      status: 403,
      body: { error: { code: 'action_denied' }, decision: { rule: 'input schema' } },
    });
    expect(refused.body.error.cause).toContain(place);
  });

  it('is not even read when its JSON means two things', async () => {
    const answer = await ask(billing, {}, {});
    expect(answer.status).toBe(400);
    const twice = '{"action":"payments.pay","arguments":{"to":"v","amount":1,"amount":900}}';
    expect(await workspace.call('POST', '/v1/actions', { key: billing.token, body: twice })).toMatchObject({
      status: 400,
      body: { error: { code: 'json_duplicate_key' } },
    });
  });
});

describe('what is not granted', () => {
  it('reads like what does not exist, byte for byte', async () => {
    const hidden = await ask(billing, { action: 'vault.get', arguments: { path: 'x' } });
    const absent = await ask(billing, { action: 'vault.gone', arguments: { path: 'x' } });
    const grantedAbsent = await ask(billing, { action: 'absent.tool', arguments: {} });
    const noName = await ask(billing, { action: 'Not A Name', arguments: {} });
    expect(hidden).toMatchObject({
      status: 403,
      body: { error: { code: 'action_unknown' }, decision: { reason_class: 'scope' } },
    });
    for (const each of [absent, grantedAbsent, noName]) expect(unlike(each)).toEqual(unlike(hidden));
  });

  it('is recorded with a scope reason', async () => {
    const { body } = await ask(other, { action: 'payments.pay', arguments: { to: 'v', amount: 1 } });
    const { event } = await settledEvent(workspace, body.id);
    expect(event).toMatchObject({ agent: 'other-bot', action: 'payments.pay', verdict: 'deny', reason_class: 'scope' });
  });

  it('is not on the list', async () => {
    const list = async (agent: TestAgent) => {
      const { body } = await workspace.call('GET', '/v1/actions/capabilities', { key: agent.token });
      return body.data.map(({ name }: { name: string }) => name);
    };
    expect(await list(billing)).toEqual(['deploy', 'mail.send', 'payments.pay']);
    expect(await list(other)).toEqual([]);
  });
});

describe('a credential', () => {
  it.each([
    ['no', null, 'token_missing'],
    ['a mistyped', 'hk_agt_nonsense', 'token_invalid'],
  ])('that is %s token is refused', async (_, key, code) => {
    const answer = await workspace.call('POST', '/v1/actions', { body: MAIL, key });
    expect(answer).toMatchObject({ status: 401, body: { error: { code } } });
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  it('of an administrator opens nothing here', async () => {
    const answer = await workspace.call('POST', '/v1/actions', { body: MAIL });
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 'token_invalid' } } });
  });
});

describe('a repeated request', () => {
  it('with an Idempotency-Key gets the same permit and reserves once', async () => {
    const agent = await workspace.agent('retrying', 'billing');
    const pay = { action: 'payments.pay', arguments: { to: 'v', amount: 300 } };
    const headers = { 'idempotency-key': 'pay-1' };
    const first = await ask(agent, pay, { headers });
    const again = await ask(agent, pay, { headers });
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
    expect(again.body).toEqual(first.body);
    expect((await ask(agent, { ...pay, arguments: { to: 'v', amount: 200 } })).status).toBe(200);
    expect(await ask(agent, { ...MAIL }, { headers })).toMatchObject({
      status: 422,
      body: { error: { code: 'idempotency_key_reused' } },
    });
  });

  it('does the same when both come at once', async () => {
    const agent = await workspace.agent('racing', 'billing');
    const pay = { action: 'payments.pay', arguments: { to: 'v', amount: 400 } };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ask(agent, pay, { headers: { 'idempotency-key': 'pay-2' } })),
    );
    const done = answers.filter(({ status }) => status === 200);
    expect(new Set(done.map(({ body }) => body.permit.id)).size).toBe(1);
    for (const { status, body } of answers)
      if (status !== 200) expect([status, body.error.code]).toEqual([409, 'idempotency_in_progress']);
  });

  it('of another agent is another request', async () => {
    const headers = { 'idempotency-key': 'shared' };
    const one = await ask(billing, MAIL, { headers });
    const two = await ask(await workspace.agent('second', 'billing'), MAIL, { headers });
    expect(one.body.permit.id).not.toBe(two.body.permit.id);
  });
});

describe('a cap', () => {
  it('holds when many ask at once', async () => {
    const agent = await workspace.agent('crowd', 'billing');
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => ask(agent, { action: 'payments.pay', arguments: { to: 'v', amount: 45 } })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(11);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(29);
  });
});

/** What an answer says, without what differs between any two. */
function unlike({ status, headers, body }: Answer, from = '', to = ''): unknown {
  const text = JSON.stringify(body).replaceAll(from === '' ? '\0' : from, to);
  return [
    status,
    [...headers].filter(([name]) => !['date', 'x-request-id', 'content-length'].includes(name)),
    text.replaceAll(/(evt|req)_[0-9A-Za-z]+/g, '$1'),
  ];
}
