/** Held actions of an agent's own tools over HTTP: the way through, and each way of getting round it. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startSecondNode, type TestAgent } from '../actions/workspace.ts';
import { type Decider, type Office, officeOf, openOffice } from './office.ts';

let office: Office;
let bot: TestAgent;
let erin: Decider;
let finn: Decider;
let sam: Decider;
let admin: pg.Client;
let payments = 0;

const ASYNC = { prefer: 'respond-async' };

beforeAll(async () => {
  office = await openOffice();
  admin = new pg.Client({ connectionString: office.server.ownerUrl });
  await admin.connect();
  await office.capability('payments.pay', {
    impact: { usd: { field: 'amount', currency: 'USD' } },
    input_schema: {
      type: 'object',
      properties: {
        to: { type: 'string' },
        amount: { type: 'number' },
        note: { type: 'string' },
        pin: { type: 'string', writeOnly: true },
      },
    },
  });
  await office.capability('deploy', { destructive: true });
  await billing();
  bot = await office.agent('billing-bot', 'billing');
  erin = await office.person('erin');
  finn = await office.person('finn', { groups: ['finance'] });
  sam = await office.person('sam', { groups: ['finance', 'security'] });
});
afterAll(async () => {
  await admin.end();
  await office.close();
});

/** $200 and more takes a person, $1,000 and more two of finance and security; $5,000 is never paid. */
async function billing(more: readonly object[] = []): Promise<void> {
  await office.role(
    'billing',
    ['payments.pay', 'deploy'],
    [
      { id: 'review', action: 'payments.pay', when: { field: 'amount', gte: 200 }, effect: 'review' },
      {
        id: 'large',
        action: 'payments.pay',
        when: { field: 'amount', gte: 1000 },
        effect: 'review',
        approval: { people: 2, groups: ['finance', 'security'], within: '2h' },
      },
      { id: 'never', action: 'payments.pay', when: { field: 'amount', gte: 5000 }, effect: 'deny' },
      { id: 'deploys', action: 'deploy', when: { field: 'target', eq: 'production' }, effect: 'review' },
      ...more,
    ],
  );
}

/** A payment that no other test makes. */
function payment(amount = 300): { to: string; amount: number; note: string; pin: string } {
  payments += 1;
  return { to: 'vendor@acme.example', amount, note: `invoice ${payments}`, pin: '1234' };
}

async function held(args: object, action = 'payments.pay'): Promise<string> {
  const { status, body } = await office.act(bot.token, action, args, ASYNC);
  expect(status).toBe(202);
  return body.approval.id;
}

async function statusOf(id: string): Promise<string> {
  return (await office.call('GET', `/v1/approvals/${id}`)).body.status;
}

interface Recorded {
  readonly kind: string;
  readonly verdict?: string;
  readonly code?: string;
  readonly [field: string]: unknown;
}

/** Records that name the approval, in order, once there are `count` of them. */
function recordsOf(id: string, count = 1): Promise<readonly Recorded[]> {
  return eventually(async () => {
    const { rows } = await admin.query<{ record: Recorded }>(
      "SELECT record FROM actions WHERE record ->> 'approval_id' = $1 ORDER BY seq",
      [id],
    );
    return rows.length >= count ? rows.map(({ record }) => record) : undefined;
  });
}

/** A pending approval that was not there before. */
async function nextHeld(before: ReadonlySet<string>): Promise<string> {
  return eventually(async () => {
    const { body } = await office.call('GET', '/v1/approvals?status=pending&limit=200');
    return body.data.find(({ id }: { id: string }) => !before.has(id))?.id;
  });
}

async function pending(): Promise<ReadonlySet<string>> {
  const { body } = await office.call('GET', '/v1/approvals?status=pending&limit=200');
  return new Set(body.data.map(({ id }: { id: string }) => id));
}

/** Codes of the refusals on the log, once there are `count` of them. */
async function refusals(id: string, count = 1): Promise<readonly (string | undefined)[]> {
  return eventually(async () => {
    const codes = (await recordsOf(id)).filter(({ kind }) => kind === 'approval.refused').map(({ code }) => code);
    return codes.length >= count ? codes : undefined;
  });
}

describe('a held action', () => {
  it('of many at once is held, each for itself', async () => {
    const fresh = await office.agent('hasty-bot', 'billing');
    const calls = Array.from({ length: 60 }, () => payment());
    const answers = await Promise.all(calls.map((args) => office.act(fresh.token, 'payments.pay', args, ASYNC)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.approval.id)).size).toBe(calls.length);
  });

  it('answers 202 with where to look, and runs once when it is approved', async () => {
    const args = payment();
    const first = await office.act(bot.token, 'payments.pay', args, ASYNC);
    expect(first.status).toBe(202);
    const { approval } = first.body;
    expect(first.body).toMatchObject({ verdict: 'review', permit: null, approval: { status: 'pending' } });
    expect(first.headers.get('location')).toBe(`/v1/actions/approvals/${approval.id}`);
    expect(Number(first.headers.get('retry-after'))).toBeGreaterThan(0);
    const look = async () => (await office.call('GET', approval.url, { key: bot.token })).body;
    expect(await look()).toMatchObject({ object: 'action_approval', status: 'pending', action: 'payments.pay' });

    // the repeat attaches
    const again = await office.act(bot.token, 'payments.pay', args, ASYNC);
    expect(again.body.approval.id).toBe(approval.id);

    expect((await erin.approve(approval.id)).body).toMatchObject({ status: 'approved', missing: { people: 0 } });
    expect(await look()).toMatchObject({ status: 'approved' });
    const run = await office.act(bot.token, 'payments.pay', args, ASYNC);
    expect(run.status).toBe(200);
    expect(run.body).toMatchObject({ verdict: 'allow', permit: { id: expect.stringMatching(/^prm_/) } });
    expect(run.body.decision.reason).toBe('approved by erin@acme.example');
    // the result can be collected again, and is the same permit
    expect((await office.act(bot.token, 'payments.pay', args, ASYNC)).body).toEqual(run.body);
    await office.call('POST', `/v1/actions/${run.body.permit.id}/outcome`, {
      key: bot.token,
      body: { result: 'success' },
    });
    await eventually(async () => ((await statusOf(approval.id)) === 'finished' ? true : undefined));
    expect(await look()).toMatchObject({ status: 'finished', outcome: 'success' });

    const records = await recordsOf(approval.id, 10);
    expect(records.map(({ kind, verdict }) => verdict ?? kind)).toEqual([
      'review',
      'approval.requested',
      'review',
      'approval.decided',
      'approval.granted',
      // the repeat, and what it released
      'review',
      'allow',
      'approval.released',
      'review',
      'approval.finished',
    ]);
    expect(records.find(({ kind }) => kind === 'approval.decided')).toMatchObject({
      person: erin.email,
      decision: 'approve',
      channel: 'api',
      authenticated_at: expect.stringMatching(/Z$/),
      key_id: expect.stringMatching(/^key_/),
    });
  });

  it('waits for the decision as long as its caller likes', async () => {
    const args = payment();
    const before = await pending();
    const waiting = office.act(bot.token, 'payments.pay', args, { prefer: 'wait=20' });
    await erin.approve(await nextHeld(before));
    expect((await waiting).body).toMatchObject({ verdict: 'allow', id: expect.stringMatching(/^evt_/) });
  });

  it('that was denied never runs, and asking again within the time does not ask people again', async () => {
    const args = payment();
    const id = await held(args);
    await erin.deny(id, 'unknown payee');
    const told = await office.act(bot.token, 'payments.pay', args);
    expect(told.status).toBe(403);
    expect(told.body).toMatchObject({
      error: { code: 'approval_denied', cause: `erin@acme.example denied ${id}: unknown payee.` },
      approval: { id, status: 'denied' },
    });
    expect((await sam.approve(id)).body.error.code).toBe('approval_denied');
  });

  it('is shown whole, but for what the schema calls sensitive; what is stored is encrypted', async () => {
    const args = { ...payment(), note: 'Bearer abcdef, key: x' };
    const id = await held(args);
    const { body } = await office.call('GET', `/v1/approvals/${id}`);
    expect(body.view.arguments).toEqual({ ...args, pin: '***' });
    expect(body).toMatchObject({
      status: 'pending',
      impact: { usd: 30_000 },
      requirement: { people: 1, groups: [] },
      you: { person: null, may: false, why_not: 'person_required' },
      binding: { v: 1, approval: id, action: 'payments.pay', view: expect.stringMatching(/^sha256:/) },
    });
    expect(body.deciders).toContainEqual({ person: erin.email, on_behalf_of: null, may: true, why_not: null });
    expect(body.history.approvals.length).toBeGreaterThan(0);
    const { rows } = await admin.query('SELECT a::text AS text FROM approvals a WHERE id = $1', [id]);
    expect(rows[0].text).not.toContain('1234');
    expect(rows[0].text).not.toContain('vendor');
  });

  it('takes several people, of the groups that are asked', async () => {
    const id = await held(payment(1500));
    expect((await office.call('GET', `/v1/approvals/${id}`)).body).toMatchObject({
      requirement: { people: 2, groups: ['finance', 'security'] },
      missing: { people: 2, groups: ['finance', 'security'] },
    });
    // nobody of these groups: no place to fill
    expect((await erin.approve(id)).body.error.code).toBe('approver_not_needed');
    // sam could speak for both, and speaks for the one that is left
    expect((await sam.approve(id)).body).toMatchObject({ status: 'pending', missing: { people: 1 } });
    expect((await finn.approve(id)).body).toMatchObject({ status: 'approved', missing: { people: 0, groups: [] } });
  });

  it('is listed and filtered, in pages', async () => {
    const { body: all } = await office.call('GET', '/v1/approvals?limit=200');
    const { body: first } = await office.call('GET', '/v1/approvals?limit=2');
    const { body: second } = await office.call('GET', `/v1/approvals?limit=2&cursor=${first.next_cursor}`);
    expect([...first.data, ...second.data]).toEqual(all.data.slice(0, 4));
    const { body: denied } = await office.call('GET', '/v1/approvals?status=denied');
    expect(denied.data.map(({ status }: { status: string }) => status)).toEqual(['denied']);
    expect((await office.call('GET', '/v1/approvals?agent=nobody')).body.data).toEqual([]);
  });

  it('is decided in bulk only where one person is enough, and marked', async () => {
    const ids = [await held(payment()), await held(payment()), await held(payment(1500))];
    const read = await Promise.all(ids.map(async (id) => (await office.call('GET', `/v1/approvals/${id}`)).body));
    const body = { decision: 'approve', approvals: read.map(({ id, hash }) => ({ id, hash })) };
    const { body: answer } = await sam.call('POST', '/v1/approvals/decide', { body });
    expect(answer.data.map((each: { decided: boolean }) => each.decided)).toEqual([true, true, false]);
    expect(answer.data[2].error.code).toBe('approval_not_in_bulk');
    expect(answer.data[0].approval.decisions).toMatchObject([{ bulk: 3 }]);
    const other = await held({ target: 'production' }, 'deploy');
    const mixed = { decision: 'deny', approvals: [{ id: ids[2] }, { id: other }] };
    expect((await sam.call('POST', '/v1/approvals/decide', { body: mixed })).body.error.code).toBe('bulk_mixed');
  });

  it('is collected under one Idempotency-Key as well', async () => {
    const args = payment();
    const headers = { ...ASYNC, 'idempotency-key': 'pay-once' };
    const first = await office.act(bot.token, 'payments.pay', args, headers);
    await erin.approve(first.body.approval.id);
    const run = await office.act(bot.token, 'payments.pay', args, headers);
    expect(run.body.verdict).toBe('allow');
    expect((await office.act(bot.token, 'payments.pay', args, headers)).body).toEqual(run.body);
  });

  it('holds anew when the approval was cancelled', async () => {
    const args = payment();
    const id = await held(args);
    expect(
      (await office.call('POST', `/v1/approvals/${id}/cancel`, { body: { reason: 'not needed' } })).body.status,
    ).toBe('cancelled');
    expect(await held(args)).not.toBe(id);
    expect((await office.call('POST', `/v1/approvals/${id}/cancel`)).body.error.code).toBe('approval_cancelled');
  });
});

describe('a held AuthZEN evaluation', () => {
  it('names the approval, and is true once', async () => {
    const properties = payment();
    const evaluate = async () =>
      (
        await office.call('POST', '/access/v1/evaluation', {
          key: bot.token,
          headers: { 'content-type': 'application/json' },
          body: {
            subject: { type: 'agent', id: 'billing-bot' },
            action: { name: 'payments.pay', properties },
            resource: { type: 'account', id: 'main' },
          },
        })
      ).body;
    const first = await evaluate();
    expect(first).toMatchObject({
      decision: false,
      context: { code: 'approval_required', approval: { id: expect.stringMatching(/^apr_/), status: 'pending' } },
    });
    const { id } = first.context.approval;
    await erin.approve(id);
    const answers = await Promise.all([evaluate(), evaluate(), evaluate()]);
    expect(answers.filter(({ decision }) => decision).length).toBe(1);
    expect(await evaluate()).toMatchObject({ decision: false, context: { code: 'approval_used' } });
    await eventually(async () => ((await statusOf(id)) === 'unknown' ? true : undefined));
  });
});

describe('attacks on an approval are refused and recorded', () => {
  it('a changed argument is another call', async () => {
    const args = payment();
    const id = await held(args);
    await erin.approve(id);
    const other = await office.act(bot.token, 'payments.pay', { ...args, to: 'mallory@evil.example' }, ASYNC);
    expect(other.status).toBe(202);
    expect(other.body.approval.id).not.toBe(id);
    expect(await statusOf(id)).toBe('approved');
  });

  it('a changed policy stops it', async () => {
    const args = payment();
    const id = await held(args);
    await erin.approve(id);
    await billing([{ id: 'new', action: 'deploy', when: { field: 'target', eq: 'moon' }, effect: 'deny' }]);
    const answer = await office.act(bot.token, 'payments.pay', args);
    expect(answer.status).toBe(403);
    expect(answer.body.decision).toMatchObject({ verdict: 'deny', rule: 'approval' });
    expect((await office.call('GET', `/v1/approvals/${id}`)).body).toMatchObject({
      status: 'stopped',
      stop_code: 'policy_changed',
    });
    expect((await recordsOf(id, 6)).at(-1)).toMatchObject({ kind: 'approval.stopped', stop_code: 'policy_changed' });
    await billing();
  });

  it('a policy that does not concern the agent stops nothing', async () => {
    const args = payment();
    const id = await held(args);
    await erin.approve(id);
    await office.role('other', ['deploy']);
    expect((await office.act(bot.token, 'payments.pay', args)).body.verdict).toBe('allow');
  });

  it('a changed definition of the tool stops it', async () => {
    const args = { target: 'production' };
    const id = await held(args, 'deploy');
    await erin.approve(id);
    await office.capability('deploy', {
      destructive: true,
      input_schema: { type: 'object', properties: { target: { type: 'string' }, force: { type: 'boolean' } } },
    });
    expect((await office.act(bot.token, 'deploy', args)).status).toBe(403);
    expect((await office.call('GET', `/v1/approvals/${id}`)).body).toMatchObject({
      status: 'stopped',
      stop_code: 'policy_changed',
    });
    await office.capability('deploy', { destructive: true });
  });

  it('it is used once: replays collect, and what is decided again is nothing', async () => {
    const args = payment();
    const id = await held(args);
    await erin.approve(id);
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => office.act(bot.token, 'payments.pay', args)));
    expect(new Set(answers.map(({ body }) => body.permit.id)).size).toBe(1);
    const { rows } = await admin.query(
      'SELECT count(*) FROM permits WHERE event_id = (SELECT call_event_id FROM approvals WHERE id = $1)',
      [id],
    );
    expect(Number(rows[0].count)).toBe(1);
    expect((await sam.approve(id)).body.error.code).toBe('approval_released');
    expect(await refusals(id)).toEqual(['approval_released']);
  });

  it('time that is over ends it, approved or not', async () => {
    const args = payment();
    const id = await held(args);
    await erin.approve(id);
    const late = await held(payment());
    // Time passes for these two alone: what is bound cannot be changed, not even by the owner of the tables.
    await admin.query('ALTER TABLE approvals DISABLE TRIGGER approval_moves');
    await admin.query("UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = ANY($1)", [[id, late]]);
    await admin.query('ALTER TABLE approvals ENABLE TRIGGER approval_moves');
    expect((await erin.approve(late)).body.error.code).toBe('approval_expired');
    const again = await office.act(bot.token, 'payments.pay', args, ASYNC);
    expect(again.status).toBe(202);
    expect(again.body.approval.id).not.toBe(id);
    const records = await recordsOf(late, 4);
    expect(records.map(({ kind }) => kind)).toContain('approval.expired');
    const { rows } = await admin.query('SELECT DISTINCT status FROM approvals WHERE id = ANY($1)', [[id, late]]);
    expect(rows).toEqual([{ status: 'expired' }]);
  });

  it('nobody approves their own: the owner alone, the requester, the author, a key without a person, an agent', async () => {
    const dana = await office.person('dana');
    const id = await held(payment());
    expect((await dana.approve(id)).body.error.code).toBe('approver_is_owner');

    const { body: minted } = await sam.call('POST', '/v1/tokens', { body: { agent: 'billing-bot' } });
    const { body: by } = await office.act(minted.token, 'payments.pay', payment(), ASYNC);
    expect((await sam.approve(by.approval.id)).body.error.code).toBe('approver_is_requester');
    expect((await erin.approve(by.approval.id)).status).toBe(200);

    const anonymous = await office.call('GET', `/v1/approvals/${id}`);
    const decision = { decision: 'approve', hash: anonymous.body.hash };
    const path = `/v1/approvals/${id}/decide`;
    expect((await office.call('POST', path, { body: decision })).body.error.code).toBe('person_required');
    expect((await office.call('POST', path, { body: decision, key: bot.token })).status).toBe(401);
    expect(await refusals(id, 2)).toEqual(['approver_is_owner', 'person_required']);

    const { body: role } = await office.call('GET', '/v1/roles/billing');
    const change = { description: 'by finn', guards: role.document.guards };
    expect((await finn.call('PATCH', '/v1/roles/billing', { body: change })).status).toBe(200);
    const written = await held(payment());
    expect((await finn.approve(written)).body.error.code).toBe('approver_is_author');
    // somebody else publishing afterwards does not make it another's
    await office.role('other', ['deploy', 'payments.pay']);
    expect((await finn.approve(await held(payment()))).body.error.code).toBe('approver_is_author');
    await billing();
  });

  it('the owner may be one of two', async () => {
    const dana = await office.person('dana', { groups: ['finance'] });
    const id = await held(payment(1500));
    expect((await dana.approve(id)).body.status).toBe('pending');
    expect((await sam.approve(id)).body.status).toBe('approved');
  });

  it('nobody approves beyond their authority', async () => {
    const jo = await office.person('jo', { authority: [{ capability: 'payments.*', max: { usd: 25_000 } }] });
    const small = await held(payment(250));
    const large = await held(payment(250.01));
    expect((await jo.approve(large)).body.error.code).toBe('approver_over_authority');
    expect(await refusals(large)).toEqual(['approver_over_authority']);
    expect((await jo.approve(small)).body.status).toBe('approved');
    expect((await jo.approve(await held({ target: 'production', n: 1 }, 'deploy'))).body.error.code).toBe(
      'approver_over_authority',
    );
  });

  it('an authority that was taken away since takes its approval with it', async () => {
    const jo = await office.person('jo', { authority: null });
    const args = payment(400);
    const id = await held(args);
    await jo.approve(id);
    await office.done('PATCH', '/v1/people/jo@acme.example', { authority: [] });
    expect((await office.act(bot.token, 'payments.pay', args)).status).toBe(403);
    expect((await office.call('GET', `/v1/approvals/${id}`)).body.stop_code).toBe('approver_changed');
  });

  it('two approvers who are one person are one', async () => {
    const id = await held(payment(1500));
    const other = await office.person('sam');
    expect((await sam.approve(id)).body.status).toBe('pending');
    expect((await other.approve(id)).body.error.code).toBe('approver_decided_before');
    expect(await refusals(id)).toEqual(['approver_decided_before']);
    expect(await statusOf(id)).toBe('pending');
  });

  it('a double click counts once', async () => {
    const id = await held(payment());
    const answers = await Promise.all([erin.approve(id), erin.approve(id), erin.approve(id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect(await refusals(id, 2)).toEqual(['approver_decided_before', 'approver_decided_before']);
  });

  it('what was not read is not approved', async () => {
    const id = await held(payment());
    const wrong = `sha256:${'0'.repeat(64)}`;
    expect((await erin.approve(id, { hash: wrong })).body.error.code).toBe('approval_hash_differs');
    expect((await erin.approve(id, { hash: undefined })).body.error.code).toBe('approval_hash_differs');
    expect(await statusOf(id)).toBe('pending');
  });

  it('the database refuses what the rows are not made for', async () => {
    const id = await held(payment());
    const change = (sql: string) => admin.query(`UPDATE approvals SET ${sql} WHERE id = $1`, [id]);
    await expect(change("status = 'released', call_event_id = 'evt_x'")).rejects.toThrow(
      'pending does not become released',
    );
    await expect(change("hash = 'sha256:0'")).rejects.toThrow('approval_bound');
    await expect(change("expires_at = now() + interval '1 day'")).rejects.toThrow('approval_bound');
    await erin.approve(id);
    await expect(admin.query('DELETE FROM approval_decisions WHERE approval_id = $1', [id])).rejects.toThrow(
      'append_only',
    );
  });

  it('a budget that is used up in between stops it', async () => {
    await office.role(
      'capped',
      ['payments.pay'],
      [
        { id: 'ask', action: 'payments.pay', when: { field: 'amount', gte: 50 }, effect: 'review' },
        { id: 'cap', action: 'payments.pay', when: { field: 'sum(usd, 24h)', lte: 100 }, effect: 'allow' },
      ],
    );
    const capped = await office.agent('capped-bot', 'capped');
    const [one, two] = [payment(80), payment(60)];
    const first = (await office.act(capped.token, 'payments.pay', one, ASYNC)).body.approval.id;
    const before = await pending();
    const waiting = office.act(capped.token, 'payments.pay', two, { prefer: 'wait=20' });
    const second = await nextHeld(before);
    await erin.approve(first);
    expect((await office.act(capped.token, 'payments.pay', one)).body.verdict).toBe('allow');
    await erin.approve(second);
    const over = await waiting;
    expect(over.body.decision).toMatchObject({ verdict: 'deny', reason_class: 'cap', remaining: 2000 });
    expect((await office.call('GET', `/v1/approvals/${second}`)).body).toMatchObject({
      status: 'stopped',
      stop_code: 'denied_now',
    });
  });

  it('a window that asks for a review is passed by the approval, and counts it', async () => {
    await office.role(
      'gated',
      ['payments.pay'],
      [
        {
          id: 'gate',
          action: 'payments.pay',
          when: { field: 'sum(usd, 24h)', lte: 100 },
          effect: 'allow',
          otherwise: 'review',
        },
      ],
    );
    const gated = await office.agent('gated-bot', 'gated');
    expect((await office.act(gated.token, 'payments.pay', payment(90))).body.verdict).toBe('allow');
    const args = payment(40);
    const { body } = await office.act(gated.token, 'payments.pay', args, ASYNC);
    await erin.approve(body.approval.id);
    expect((await office.act(gated.token, 'payments.pay', args)).body.verdict).toBe('allow');
    expect((await office.act(gated.token, 'payments.pay', payment(1), ASYNC)).status).toBe(202);
  });

  it('a stop cancels what its agents have waiting, approved or not', async () => {
    const doomed = await office.agent('doomed-bot', 'billing');
    const [one, two] = [payment(), payment()];
    const ids = await Promise.all(
      [one, two].map(async (args) => (await office.act(doomed.token, 'payments.pay', args, ASYNC)).body.approval.id),
    );
    await erin.approve(ids[0]);
    await office.done('POST', '/v1/agents/doomed-bot/revoke', { reason: 'odd' });
    expect(await Promise.all(ids.map(statusOf))).toEqual(['cancelled', 'cancelled']);
    expect((await office.act(doomed.token, 'payments.pay', one)).status).toBe(401);
    expect((await erin.approve(ids[1])).body.error.code).toBe('approval_cancelled');
    const cancelled = (await recordsOf(ids[0], 5)).find(({ kind }) => kind === 'approval.cancelled');
    expect(cancelled).toMatchObject({ containment_id: expect.stringMatching(/^stop_/) });

    const id = await held(payment());
    const { body: stop } = await office.done('POST', '/v1/containments', { scope: 'tool', target: 'payments.pay' });
    expect(await statusOf(id)).toBe('cancelled');
    await office.done('POST', `/v1/containments/${stop.id}/lift`, {});
  });

  it('another agent can neither see nor collect it', async () => {
    const args = payment();
    const id = await held(args);
    await erin.approve(id);
    const other = await office.agent('other-bot', 'billing');
    expect((await office.call('GET', `/v1/actions/approvals/${id}`, { key: other.token })).status).toBe(404);
    const theirs = await office.act(other.token, 'payments.pay', args, ASYNC);
    expect(theirs.body.approval.id).not.toBe(id);
  });

  it('two nodes that release at once release once', async () => {
    const second = officeOf(await startSecondNode(office));
    try {
      for (let round = 0; round < 5; round += 1) {
        const args = payment();
        const id = await held(args);
        await erin.approve(id);
        const nodes = [office, second, office, second, office, second];
        const answers = await Promise.all(nodes.map((node) => node.act(bot.token, 'payments.pay', args)));
        expect(answers.map(({ body }) => body.verdict)).toEqual(nodes.map(() => 'allow'));
        expect(new Set(answers.map(({ body }) => body.permit.id)).size).toBe(1);
      }
      // and a call that waits on one node hears of a decision made on the other
      const args = payment();
      const before = await pending();
      const waiting = second.act(bot.token, 'payments.pay', args, { prefer: 'wait=20' });
      await erin.approve(await nextHeld(before));
      expect((await waiting).body.verdict).toBe('allow');
    } finally {
      await second.close();
    }
  });
});
