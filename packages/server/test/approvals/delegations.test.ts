/** Deciding for somebody else: making and ending delegations, what they allow, and when they stop allowing it. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type TestAgent } from '../actions/workspace.ts';
import { type Decider, type Office, openOffice } from './office.ts';

const ASYNC = { prefer: 'respond-async' };
const DAY = 86_400;

let office: Office;
let bot: TestAgent;
let admin: pg.Client;
/** In finance, and away; lee decides for her. */
let erin: Decider;
let lee: Decider;
let sam: Decider;
let payments = 0;

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

beforeAll(async () => {
  office = await openOffice();
  admin = new pg.Client({ connectionString: office.server.ownerUrl });
  await admin.connect();
  await office.capability('payments.pay', { impact: { usd: { field: 'amount', currency: 'USD' } } });
  await office.role(
    'billing',
    ['payments.pay'],
    [
      {
        id: 'any',
        action: 'payments.pay',
        when: { field: 'amount', gte: 1 },
        effect: 'review',
        approval: { groups: ['finance'] },
      },
      {
        id: 'large',
        action: 'payments.pay',
        when: { field: 'amount', gte: 1000 },
        effect: 'review',
        approval: { people: 2, groups: ['finance'] },
      },
    ],
  );
  bot = await office.agent('billing-bot', 'billing');
  erin = await office.person('erin', { groups: ['finance'] });
  lee = await office.person('lee');
  sam = await office.person('sam');
});
afterAll(async () => {
  await admin.end();
  await office.close();
});

async function delegate(from: Decider, to: Decider, change: object = {}): Promise<string> {
  const body = { to: to.email, ends_at: inSeconds(DAY), reason: 'on leave', ...change };
  const answer = await from.call('POST', '/v1/delegations', { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body.id;
}

async function held(amount: number): Promise<{ readonly id: string; readonly args: object }> {
  payments += 1;
  const args = { to: 'vendor@acme.example', amount, note: `invoice ${payments}` };
  const { body } = await office.act(bot.token, 'payments.pay', args, ASYNC);
  return { id: body.approval.id, args };
}

async function end(...ids: readonly string[]): Promise<void> {
  for (const id of ids) await office.call('POST', `/v1/delegations/${id}/end`);
}

const codeOf = async (answer: Promise<{ body: { error?: { code: string } } }>) => (await answer).body.error?.code;

function recordsOf(field: string, id: string, count: number) {
  return eventually(async () => {
    const { rows } = await admin.query<{ record: { kind: string; [field: string]: unknown } }>(
      'SELECT record FROM actions WHERE record ->> $1 = $2 ORDER BY seq',
      [field, id],
    );
    return rows.length >= count ? rows.map(({ record }) => record) : undefined;
  });
}

describe('a delegation', () => {
  it('is made by whose say it is, shown, ended by the delegate, and on the log', async () => {
    const id = await delegate(erin, lee, { capabilities: ['payments.*'], ends_at: inSeconds(7 * DAY) });
    const { body } = await office.call('GET', `/v1/delegations/${id}`);
    expect(body).toMatchObject({
      object: 'delegation',
      status: 'in_force',
      from: erin.email,
      to: lee.email,
      capabilities: ['payments.*'],
      reason: 'on leave',
      ended_at: null,
    });
    const later = await delegate(erin, sam, { starts_at: inSeconds(DAY), ends_at: inSeconds(2 * DAY) });
    const listed = (query: string) =>
      office.call('GET', `/v1/delegations?${query}`).then(({ body: list }) => list.data);
    expect(await listed('open=true')).toMatchObject([{ id: later, status: 'to_come' }, { id }]);
    expect(await listed(`person=${lee.email}`)).toMatchObject([{ id }]);
    expect(await listed('limit=1')).toHaveLength(1);

    const ended = await lee.call('POST', `/v1/delegations/${id}/end`, { body: { reason: 'back already' } });
    expect(ended.body).toMatchObject({ status: 'over', ended_reason: 'back already' });
    expect(await codeOf(lee.call('POST', `/v1/delegations/${id}/end`))).toBe('delegation_over');
    await end(later);
    expect(await listed('open=true')).toEqual([]);
    expect(await recordsOf('delegation_id', id, 2)).toMatchObject([
      { kind: 'delegation.created', from: erin.email, to: lee.email, capabilities: ['payments.*'], reason: 'on leave' },
      { kind: 'delegation.ended', from: erin.email, to: lee.email, reason: 'back already' },
    ]);
  });

  it.each([
    ['over before it begins', () => ({ ends_at: inSeconds(-10) }), 422, 'delegation_times'],
    ['of more than 30 days', () => ({ ends_at: inSeconds(30 * DAY + 60) }), 422, 'delegation_times'],
    ['begun in the past', () => ({ starts_at: inSeconds(-DAY) }), 422, 'delegation_times'],
    [
      'too far ahead',
      () => ({ starts_at: inSeconds(91 * DAY), ends_at: inSeconds(92 * DAY) }),
      422,
      'delegation_times',
    ],
    ['to oneself', () => ({ to: erin.email }), 409, 'delegation_to_self'],
    ['to nobody known', () => ({ to: 'nobody@acme.example' }), 404, 'person_not_found'],
    ['of no calls', () => ({ capabilities: [] }), 400, 'request_invalid'],
    ['of what is no capability', () => ({ capabilities: ['Payments Pay'] }), 400, 'request_invalid'],
    ['without a reason', () => ({ reason: ' ' }), 400, 'request_invalid'],
    ['from somebody else', () => ({ from: sam.email }), 400, 'request_invalid'],
  ])('%s is refused', async (_, change, status, code) => {
    const body = { to: lee.email, ends_at: inSeconds(DAY), reason: 'on leave', ...change() };
    const refused = await erin.call('POST', '/v1/delegations', { body });
    expect([refused.status, refused.body.error.code]).toEqual([status, code]);
  });

  it('is not made with a key of nobody, nor changed in the database', async () => {
    const body = { to: lee.email, ends_at: inSeconds(DAY), reason: 'on leave' };
    expect(await codeOf(office.call('POST', '/v1/delegations', { body }))).toBe('person_required');
    const id = await delegate(erin, lee);
    const change = (sql: string) => admin.query(`UPDATE delegations SET ${sql} WHERE id = $1`, [id]);
    await expect(change("ends_at = ends_at + interval '1 day'")).rejects.toThrow('delegation_fixed');
    await expect(change('capabilities = NULL, to_id = from_id')).rejects.toThrow('delegation_fixed');
    await end(id);
    await expect(change('ended_at = NULL, ended_by = NULL')).rejects.toThrow('delegation_fixed');
  });
});

describe('a delegate', () => {
  it('approves with the groups of whom it is for, recorded with both', async () => {
    const delegation = await delegate(erin, lee);
    const { id, args } = await held(10);
    expect(await codeOf(lee.approve(id))).toBe('approver_not_needed');
    const { body: read } = await lee.call('GET', `/v1/approvals/${id}`);
    expect(read.you).toEqual({
      person: lee.email,
      may: false,
      why_not: 'approver_not_needed',
      on_behalf_of: [{ person: erin.email, may: true, why_not: null }],
    });
    expect(read.deciders).toContainEqual({ person: lee.email, on_behalf_of: erin.email, may: true, why_not: null });
    const approved = await lee.approve(id, { on_behalf_of: erin.email });
    expect(approved.body).toMatchObject({
      status: 'approved',
      decisions: [{ person: lee.email, on_behalf_of: erin.email, groups: ['finance'] }],
    });
    const run = await office.act(bot.token, 'payments.pay', args);
    expect(run.body.decision.reason).toBe(`approved by ${lee.email} for ${erin.email}`);
    const records = await recordsOf('approval_id', id, 6);
    expect(records.find(({ kind }) => kind === 'approval.decided')).toMatchObject({
      person: lee.email,
      on_behalf_of: erin.email,
      delegation_id: delegation,
      person_groups: ['finance'],
    });
    await end(delegation);
  });

  it('is one person with whom it is for, whoever comes first', async () => {
    const delegation = await delegate(erin, lee);
    const first = await held(1000);
    expect((await lee.approve(first.id, { on_behalf_of: erin.email })).body.status).toBe('pending');
    expect(await codeOf(erin.approve(first.id))).toBe('approver_same_person');
    expect(await codeOf(lee.approve(first.id))).toBe('approver_decided_before');
    expect((await sam.approve(first.id)).body.status).toBe('approved');

    const second = await held(1001);
    await erin.approve(second.id);
    expect(await codeOf(lee.approve(second.id, { on_behalf_of: erin.email }))).toBe('approver_same_person');
    // while it stands they are one in their own names, too
    expect(await codeOf(lee.approve(second.id))).toBe('approver_same_person');
    await end(delegation);
    // and two people again when it is over
    expect((await lee.approve(second.id)).body.status).toBe('approved');
    const refused = (await recordsOf('approval_id', second.id, 5)).filter(({ kind }) => kind === 'approval.refused');
    expect(refused).toMatchObject([{ on_behalf_of: erin.email, code: 'approver_same_person' }, { person: lee.email }]);
  });

  it('stays one with whom it was for after the delegation is over', async () => {
    const delegation = await delegate(erin, lee);
    const { id } = await held(1002);
    await lee.approve(id, { on_behalf_of: erin.email });
    await end(delegation);
    expect(await codeOf(erin.approve(id))).toBe('approver_same_person');
    // the database says so by itself
    await expect(
      admin.query(
        `INSERT INTO approval_decisions (workspace_id, approval_id, person_id, person, groups, decision, reason, key_id,
                                         key_name, channel, authenticated_at, decided_at, event_id)
         SELECT a.workspace_id, a.id, p.id, p.email, '{finance}', 'approve', '', 'key_x', 'x', 'api', now(), now(), 'evt_x'
           FROM approvals a JOIN people p USING (workspace_id) WHERE a.id = $1 AND p.email = $2`,
        [id, erin.email],
      ),
    ).rejects.toThrow('approval_one_voice');
    // a denial is safe, so that whose say it was can still stop it
    expect((await erin.deny(id)).body.status).toBe('denied');
  });

  it('decides only about what was handed over, and hands nothing on', async () => {
    const narrow = await delegate(erin, lee, { capabilities: ['mail.*', 'deploy'] });
    const { id } = await held(11);
    expect(await codeOf(lee.approve(id, { on_behalf_of: erin.email }))).toBe('approver_without_delegation');
    await end(narrow);
    const [one, two] = [await delegate(erin, lee), await delegate(lee, sam)];
    expect(await codeOf(sam.approve(id, { on_behalf_of: erin.email }))).toBe('approver_without_delegation');
    expect(await codeOf(sam.approve(id, { on_behalf_of: lee.email }))).toBe('approver_not_needed');
    expect((await lee.approve(id, { on_behalf_of: erin.email })).body.status).toBe('approved');
    await end(one, two);
  });

  it('stays within both authorities', async () => {
    const id = await delegate(erin, lee);
    const change = (who: Decider, authority: object[] | null) =>
      office.done('PATCH', `/v1/people/${who.email}`, { authority });
    const limit = [{ capability: 'payments.*', max: { usd: 2_000 } }];
    for (const who of [erin, lee]) {
      await change(who, limit);
      const over = await held(21);
      expect(await codeOf(lee.approve(over.id, { on_behalf_of: erin.email }))).toBe('approver_over_authority');
      const within = await held(19);
      expect((await lee.approve(within.id, { on_behalf_of: erin.email })).body.status).toBe('approved');
      await change(who, null);
    }
    await end(id);
  });

  it('is refused where either of the two is barred', async () => {
    const dana = await office.person('dana', { groups: ['finance'] });
    const [forOwner, byOwner] = [await delegate(dana, lee), await delegate(erin, dana)];
    const { id } = await held(12);
    expect(await codeOf(lee.approve(id, { on_behalf_of: dana.email }))).toBe('approver_is_owner');
    expect(await codeOf(dana.approve(id, { on_behalf_of: erin.email }))).toBe('approver_is_owner');
    await end(forOwner, byOwner);
  });

  it.each([
    ['is ended', async (delegation: string) => end(delegation)],
    [
      'runs out',
      async (delegation: string) => {
        await eventually(async () => {
          const { body } = await office.call('GET', `/v1/delegations/${delegation}`);
          return body.status === 'over' ? true : undefined;
        });
      },
    ],
    ['loses the group of whom it is for', async () => office.done('PATCH', `/v1/people/${erin.email}`, { groups: [] })],
    [
      'is of somebody who left',
      async (delegation: string) => {
        await office.done('PATCH', `/v1/people/${erin.email}`, { active: false });
        expect((await recordsOf('delegation_id', delegation, 3)).at(-1)).toMatchObject({
          kind: 'delegation.ended',
          reason: `${erin.email} was deactivated`,
        });
        await office.done('PATCH', `/v1/people/${erin.email}`, { active: true });
      },
    ],
    ['was to somebody who left', async () => office.done('PATCH', `/v1/people/${lee.email}`, { active: false })],
  ])('takes its approval along when it %s before the call runs', async (_, change) => {
    const delegation = await delegate(erin, lee, { ends_at: inSeconds(2) });
    const { id, args } = await held(13);
    expect((await lee.approve(id, { on_behalf_of: erin.email })).body.status).toBe('approved');
    await change(delegation);
    const stopped = await office.act(bot.token, 'payments.pay', args);
    expect(stopped.status).toBe(403);
    expect((await office.call('GET', `/v1/approvals/${id}`)).body).toMatchObject({
      status: 'stopped',
      stop_code: 'approver_changed',
    });
    await office.done('PATCH', `/v1/people/${erin.email}`, { groups: ['finance'], active: true });
    await office.done('PATCH', `/v1/people/${lee.email}`, { active: true });
    // Whoever came back has none of the keys of before.
    [erin, lee] = [await office.person('erin'), await office.person('lee')];
    expect((await office.call('GET', `/v1/delegations/${delegation}`)).body.status).toMatch(/over|in_force/);
    await end(delegation);
  });

  it('that came back has none of it', async () => {
    const delegation = await delegate(erin, lee);
    await office.done('PATCH', `/v1/people/${lee.email}`, { active: false });
    await office.done('PATCH', `/v1/people/${lee.email}`, { active: true });
    lee = await office.person('lee');
    expect((await office.call('GET', `/v1/delegations/${delegation}`)).body).toMatchObject({
      status: 'over',
      ended_reason: `${lee.email} was deactivated`,
    });
    const { id } = await held(14);
    expect(await codeOf(lee.approve(id, { on_behalf_of: erin.email }))).toBe('approver_without_delegation');
  });

  it('decides in bulk', async () => {
    const delegation = await delegate(erin, lee);
    const ids = [(await held(15)).id, (await held(16)).id];
    const read = await Promise.all(ids.map(async (id) => (await lee.call('GET', `/v1/approvals/${id}`)).body));
    const body = {
      decision: 'approve',
      on_behalf_of: erin.email,
      approvals: read.map(({ id, hash }) => ({ id, hash })),
    };
    const { body: answer } = await lee.call('POST', '/v1/approvals/decide', { body });
    expect(answer.data.map((each: { decided: boolean }) => each.decided)).toEqual([true, true]);
    expect(answer.data[0].approval.decisions).toMatchObject([{ on_behalf_of: erin.email, bulk: 2 }]);
    await end(delegation);
  });
});

describe('what was asked before', () => {
  it('is told of the payee, in whatever spelling, by any agent', async () => {
    const other = await office.agent('refund-bot', 'billing');
    const pay = (token: string, to: string) =>
      office.act(token, 'payments.pay', { to, amount: 0.5 }).then(({ body }) => body.id);
    const calls = [await pay(bot.token, 'Shop <SHOP@acme.example>'), await pay(other.token, 'shop@acme.example')];
    await pay(bot.token, 'another@acme.example');
    const { body } = await office.act(bot.token, 'payments.pay', { to: 'shop@acme.example', amount: 17 }, ASYNC);
    const found = await eventually(async () => {
      const { body: read } = await office.call('GET', `/v1/approvals/${body.approval.id}`);
      return read.history.payee.calls.length === 2 ? read.history.payee : undefined;
    });
    expect(found).toMatchObject({
      payees: ['shop@acme.example'],
      complete: true,
      calls: [
        { agent: 'refund-bot', event_id: calls[1], verdict: 'allow', impact: { usd: 50 } },
        { agent: 'billing-bot', event_id: calls[0] },
      ],
    });
  });
});
