import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, roleFile, type World } from '../agents/world.ts';

let world: World;

const PAY = {
  description: 'Pays an invoice',
  access: 'write',
  impact: { usd: { field: 'amount', currency: 'USD' } },
  input_schema: {
    type: 'object',
    properties: { amount: { type: 'number' }, to: { type: 'string' } },
    required: ['amount'],
  },
};
const CAP = {
  id: 'daily-cap',
  action: 'payments.pay',
  when: { field: 'sum(usd, 24h)', lte: 500 },
  effect: 'allow',
  otherwise: 'deny',
};

beforeAll(async () => {
  world = await openWorld();
  await world.capability('payments.pay', PAY);
  await world.role('billing', ['payments.pay'], [CAP]);
  await world.agent('billing-bot', { role: 'billing' });
});
afterAll(() => world.server.close());

const evaluate = (body: object) => world.ok('POST', '/v1/policies/evaluate', body);

/** Of a decision, what does not count seconds. */
const timeless = ({ retry_after_seconds: _, ...decision }: Record<string, unknown>) => decision;

describe('a dry run', () => {
  it('agrees with the live decision on the same state, and records nothing', async () => {
    const token = await world.token('billing-bot');
    const asked = async (amount: number) => {
      const dry = await evaluate({ agent: 'billing-bot', action: 'payments_pay', arguments: { amount } });
      const live = (await world.act(token, 'payments.pay', { amount })).body.decision;
      return { dry, live };
    };
    for (const amount of [480, 540, 20, 1]) {
      const { dry, live } = await asked(amount);
      // A second may pass between the two.
      expect(timeless(dry)).toEqual(timeless(live));
    }
    const refused = await evaluate({ agent: 'billing-bot', action: 'payments.pay', arguments: { amount: 1 } });
    expect(refused).toMatchObject({
      object: 'decision',
      verdict: 'deny',
      reason_class: 'cap',
      rule: expect.any(String),
    });
    expect(await world.events('agent=billing-bot&kind=tool.call', 4)).toHaveLength(4);
  });

  it('asks about roles, whose windows are empty', async () => {
    const decision = await evaluate({ roles: ['billing'], action: 'payments.pay', arguments: { amount: 500 } });
    expect(decision).toMatchObject({ verdict: 'allow', role: 'billing', impact: { usd: 50_000 } });
    expect(await evaluate({ roles: ['billing'], action: 'payments.pay', arguments: { amount: 501 } })).toMatchObject({
      verdict: 'deny',
    });
  });

  it.each([
    ['what is not granted', { action: 'mail.send' }, { verdict: 'deny', reason_class: 'scope' }],
    [
      'arguments that do not fit',
      { arguments: { amount: 'much' } },
      { verdict: 'deny', reason_class: 'guard', rule: 'input schema' },
    ],
    ['arguments nobody declared', { arguments: { amount: 1, memo: 'x' } }, { verdict: 'deny', rule: 'input schema' }],
  ])('refuses %s', async (_what, change, expected) => {
    expect(await evaluate({ roles: ['billing'], action: 'payments.pay', ...change })).toMatchObject(expected);
  });

  it('refuses whatever a stopped agent asks', async () => {
    await world.agent('stopped-bot', { role: 'billing' });
    await world.ok('POST', '/v1/agents/stopped-bot/revoke');
    const decision = await evaluate({ agent: 'stopped-bot', action: 'payments.pay', arguments: { amount: 1 } });
    expect(decision).toMatchObject({ verdict: 'deny', reason_class: 'containment' });
  });

  it.each([
    [{ action: 'payments.pay' }, 'request_invalid'],
    [{ agent: 'billing-bot', roles: ['billing'], action: 'payments.pay' }, 'request_invalid'],
    [{ agent: 'nobody', action: 'payments.pay' }, 'agent_not_found'],
    [{ roles: ['nobody'], action: 'payments.pay' }, 'role_not_found'],
  ])('%j is no question', async (body, code) => {
    expect(await world.refused('POST', '/v1/policies/evaluate', body)).toBe(code);
  });
});

describe('the policy in force', () => {
  it('can be produced as it was at any decision: by its revision, by its hash', async () => {
    const token = await world.token('billing-bot');
    const { body } = await world.act(token, 'payments.pay', { amount: 0 });
    const { policy: hash, policy_revision: revision } = body.decision;
    const then = await world.ok('GET', `/v1/policies/${revision}`);
    expect(then).toMatchObject({ object: 'policy', revision, hash, until: null, author: 'key:first' });
    expect(then.roles.find(({ name }: { name: string }) => name === 'billing')).toMatchObject({
      revision: 1,
      allow: ['payments.pay'],
    });
    expect(await world.ok('GET', '/v1/policies/current')).toEqual(then);
    await world.role('later');
    const before = await world.ok('GET', `/v1/policies/${encodeURIComponent(hash)}`);
    expect(before).toEqual({ ...then, until: expect.any(Number) });
    expect((await world.ok('GET', '/v1/policies/current')).revision).toBe(revision + 1);
    for (const unknown of ['999999', `sha256:${'0'.repeat(64)}`, 'yesterday', '0', '-1'])
      expect(await world.refused('GET', `/v1/policies/${unknown}`)).toBe('policy_not_found');
  });
});

describe('checking documents', () => {
  const check = (document: unknown) => world.call('POST', '/v1/policies/check', { body: { document } });

  it('takes files of several documents, and documents', async () => {
    const file = `${JSON.stringify(roleFile('one', ['payments.pay']))}\n---\n${JSON.stringify(roleFile('two'))}`;
    expect((await check(file)).body).toEqual({
      object: 'policy_check',
      valid: true,
      documents: [
        { kind: 'Role', name: 'one', guards: [] },
        { kind: 'Role', name: 'two', guards: [] },
      ],
      findings: [],
    });
    const { documents } = (await check(roleFile('one', [], [CAP]))).body;
    expect(documents[0].guards).toEqual([expect.stringContaining('payments.pay: at most')]);
  });

  it('names every problem with its place', async () => {
    const { status, body } = await check(
      'apiVersion: policy.hivekey.ai/v1\nkind: Role\nmetadata: {name: x}\nscope: {allow: ["*"]}\nextra: 1\n',
    );
    expect([status, body.error.code]).toEqual([422, 'document_invalid']);
    expect(body.error.problems.map(({ path, line }: { path: string; line: number }) => [path, line])).toEqual(
      expect.arrayContaining([
        ['scope.allow[0]', 4],
        ['extra', 5],
      ]),
    );
  });

  it('checks guards against the capabilities they are for', async () => {
    const guard = { id: 'g', action: 'payments.pay', when: { field: 'recipient_iban', eq: 'DE' }, effect: 'allow' };
    const { body } = await check(roleFile('x', ['payments.pay'], [guard]));
    expect(body.error.problems).toMatchObject([{ code: 'unknown_argument', path: 'guards[0].when.field' }]);
    expect(body.error.problems[0]).not.toHaveProperty('line');
  });

  it('tells what a valid document does not do, with its place, seen together with the policy in force', async () => {
    const guard = { id: 'never', action: 'payments.pay', when: { field: 'amount', lt: 0 }, effect: 'review' };
    const text = JSON.stringify(roleFile('lax', ['payments.pay'], [guard]), null, 1);
    const found = { code: 'never_holds', level: 'error', origin: 'lax', guard: 'never', path: 'guards[0].when' };
    const [asText] = (await check(text)).body.findings;
    expect(asText).toMatchObject({ ...found, line: expect.any(Number) });
    const [asValue] = (await check(JSON.parse(text))).body.findings;
    expect(asValue).toMatchObject(found);
    expect(asValue).not.toHaveProperty('line');

    await world.role('lax');
    const preview = await world.ok('POST', '/v1/roles/lax/preview', {
      scope: { allow: ['payments.pay'] },
      guards: [guard],
    });
    expect(preview.findings[0]).toMatchObject(found);
  });

  it('hands out the schemas', async () => {
    for (const name of ['role', 'guards', 'capability', 'tests'])
      expect(await world.ok('GET', `/v1/policies/schemas/${name}`)).toMatchObject({ $schema: expect.any(String) });
    expect(await world.refused('GET', '/v1/policies/schemas/other')).toBe('request_invalid');
  });
});

describe('capabilities', () => {
  it('are declared, read and listed', async () => {
    const declared = await world.ok('PUT', '/v1/capabilities/crm.delete', {
      access: 'write',
      destructive: true,
      description: 'Deletes a contact',
    });
    expect(declared).toMatchObject({
      object: 'capability',
      name: 'crm.delete',
      access: 'write',
      destructive: true,
      impact: {},
      input_schema: null,
      source: 'declared',
      roles: [],
      stopped: false,
      change: 'created',
    });
    const { change: _, ...view } = declared;
    expect(await world.ok('GET', '/v1/capabilities/crm.delete')).toEqual(view);
    expect((await world.ok('GET', '/v1/capabilities')).data).toContainEqual(view);
    expect(await world.ok('GET', '/v1/capabilities/payments.pay')).toMatchObject({ roles: ['billing'] });
    expect(await world.ok('PUT', '/v1/capabilities/payments.pay', PAY)).toMatchObject({ change: 'unchanged' });
  });

  it('are refused when they are none', async () => {
    expect(await world.refused('PUT', '/v1/capabilities/crm.delete', { access: 'sometimes' })).toBe(
      'capability_invalid',
    );
    expect(await world.refused('PUT', '/v1/capabilities/crm.delete', { name: 'crm.other', access: 'read' })).toBe(
      'capability_name_differs',
    );
    expect(await world.refused('GET', '/v1/capabilities/none')).toBe('capability_not_found');
  });

  it('are not changed under a guard that needs them as they are', async () => {
    await world.capability('bulk.send', { impact: { messages: { length: 'to' } } });
    await world.role(
      'bulk',
      ['bulk.send'],
      [{ ...CAP, id: 'messages', action: 'bulk.send', when: { field: 'sum(messages, 24h)', lte: 5 } }],
    );
    const { status, body } = await world.call('PUT', '/v1/capabilities/bulk.send', { body: { access: 'write' } });
    expect([status, body.error.code]).toEqual([409, 'capability_breaks_guards']);
    expect(body.error.problems).toMatchObject([{ code: 'unknown_unit', origin: 'bulk', path: 'guards[0].when.field' }]);
    expect(await world.ok('GET', '/v1/capabilities/bulk.send')).toMatchObject({
      impact: { messages: expect.anything() },
    });
    expect(
      await world.refused('PATCH', '/v1/roles/billing', { guards: [{ ...CAP, when: { field: 'iban', eq: 'DE' } }] }),
    ).toBe('guards_invalid');
    expect(await world.ok('GET', '/v1/roles/billing')).toMatchObject({ revision: 1 });
  });

  it('are removed only when no role grants them', async () => {
    expect(await world.refused('DELETE', '/v1/capabilities/payments.pay')).toBe('capability_granted');
    expect(await world.ok('DELETE', '/v1/capabilities/crm.delete')).toMatchObject({ name: 'crm.delete' });
    expect(await world.refused('GET', '/v1/capabilities/crm.delete')).toBe('capability_not_found');
    expect(await world.refused('DELETE', '/v1/capabilities/crm.delete')).toBe('capability_not_found');
  });
});
