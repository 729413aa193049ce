/** Telling people that a call still waits: once, to whom it concerns, on however many nodes. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startSecondNode, type TestAgent } from '../actions/workspace.ts';
import { type Decider, type Office, officeOf, openOffice } from './office.ts';

const ASYNC = { prefer: 'respond-async' };

let office: Office;
let second: Office;
let bot: TestAgent;
let admin: pg.Client;
let erin: Decider;
let sam: Decider;
let payments = 0;

beforeAll(async () => {
  office = await openOffice();
  second = officeOf(await startSecondNode(office));
  admin = new pg.Client({ connectionString: office.server.ownerUrl });
  await admin.connect();
  for (const name of ['payments.pay', 'payments.refund', 'mail.send']) await office.capability(name, {});
  await office.role(
    'billing',
    ['payments.pay', 'payments.refund', 'mail.send'],
    [
      {
        id: 'held',
        action: '*',
        when: { field: 'note', ne: '' },
        effect: 'review',
        approval: { people: 2, groups: ['finance'] },
      },
    ],
  );
  bot = await office.agent('billing-bot', 'billing');
  await office.person('dana');
  erin = await office.person('erin', { groups: ['finance'] });
  sam = await office.person('sam');
  for (const name of ['vera', 'walt']) {
    const email = `${name}@acme.example`;
    await office.done('POST', '/v1/people', { email });
    await office.done('PATCH', `/v1/people/${email}`, { groups: ['security'] });
  }
  await office.done('PATCH', '/v1/people/walt@acme.example', { active: false });
});
afterAll(async () => {
  await admin.end();
  await second.close();
  await office.close();
});

/** Shorter than the API takes, so that nobody waits for a minute here. */
async function rule(capability: string, remind: number | null, escalate: number | null, to: readonly string[] = []) {
  const { body } = await office.call('GET', '/v1/workspace');
  await admin.query(
    `INSERT INTO approval_reminders (workspace_id, capability, remind_after_seconds, escalate_after_seconds, escalate_to)
     VALUES ($1, $2, $3, $4, $5)`,
    [body.id, capability, remind, escalate, to],
  );
}

async function held(action: string): Promise<string> {
  payments += 1;
  const { body } = await office.act(bot.token, action, { note: `invoice ${payments}` }, ASYNC);
  return body.approval.id;
}

interface Told {
  readonly kind: string;
  readonly to: readonly string[];
  readonly [field: string]: unknown;
}

async function told(id: string): Promise<readonly Told[]> {
  const { rows } = await admin.query<{ record: Told }>(
    `SELECT record FROM actions WHERE record ->> 'approval_id' = $1
        AND kind IN ('approval.reminded', 'approval.escalated') ORDER BY seq`,
    [id],
  );
  return rows.map(({ record }) => record);
}

function toldTimes(id: string, count: number): Promise<readonly Told[]> {
  return eventually(async () => {
    const found = await told(id);
    return found.length >= count ? found : undefined;
  });
}

/** Every node has looked again since: a later call was told of. */
async function lookedAgain(action: string): Promise<void> {
  await toldTimes(await held(action), 1);
}

describe('rules', () => {
  it('are written all at once, read, and on the log', async () => {
    const data = [
      { capability: 'payments.*', remind_after_seconds: 900, escalate: null },
      {
        capability: '*',
        remind_after_seconds: null,
        escalate: { after_seconds: 1800, to: ['security', 'vera@acme.example', 'security'] },
      },
    ];
    const { body } = await office.done('PUT', '/v1/approval-reminders', { data });
    expect(body.data).toEqual([
      { ...data[1], escalate: { after_seconds: 1800, to: ['security', 'vera@acme.example'] } },
      data[0],
    ]);
    expect((await office.call('GET', '/v1/approval-reminders')).body.data).toEqual(body.data);
    await office.done('PUT', '/v1/approval-reminders', { data: [] });
    await office.done('PUT', '/v1/approval-reminders', { data: [] });
    const changes = await eventually(async () => {
      const { body: events } = await office.call('GET', '/v1/audit/events?kind=workspace.changed&order=asc');
      const found = events.data.filter(({ change }: { change?: string }) => change === 'reminders');
      return found.length === 2 ? found : undefined;
    });
    expect(changes[1].changes.approval_reminders).toEqual([body.data, []]);
  });

  it.each([
    ['that tell nothing', { capability: '*' }, 400],
    ['sooner than a minute', { capability: '*', remind_after_seconds: 59 }, 400],
    ['of no capability', { capability: 'Pay all', remind_after_seconds: 60 }, 400],
    ['to nobody', { capability: '*', escalate: { after_seconds: 60, to: [] } }, 400],
    ['to somebody unknown', { capability: '*', escalate: { after_seconds: 60, to: ['x@acme.example'] } }, 404],
  ])('%s are refused', async (_, wrong, status) => {
    expect((await office.call('PUT', '/v1/approval-reminders', { body: { data: [wrong] } })).status).toBe(status);
  });

  it('name a capability once', async () => {
    const twice = { capability: '*', remind_after_seconds: 60 };
    expect((await office.call('PUT', '/v1/approval-reminders', { body: { data: [twice, twice] } })).status).toBe(400);
  });
});

describe('a call that waits', () => {
  beforeAll(async () => {
    await rule('*', 3600, null);
    await rule('payments.*', 1, 2, ['security', 'erin@acme.example']);
    await rule('mail.send', 1, null);
  });

  it('is told of once each, by the narrowest rule, on two nodes and after a restart', async () => {
    const id = await held('payments.pay');
    const [reminded, escalated] = await toldTimes(id, 2);
    // the owner alone is barred, and beside another is not
    const deciders = ['dana@acme.example', erin.email, sam.email];
    expect(reminded).toMatchObject({
      kind: 'approval.reminded',
      actor: 'system',
      agent: 'billing-bot',
      to: deciders,
      missing_people: 2,
      missing_groups: ['finance'],
    });
    // who left is told nothing; who may not decide is told, and may not decide
    expect(escalated).toMatchObject({
      kind: 'approval.escalated',
      to: [...deciders, 'vera@acme.example'],
      named: ['security', 'erin@acme.example'],
    });
    const { body } = await office.call('GET', `/v1/approvals/${id}`);
    expect(body.told.map(({ kind }: { kind: string }) => kind)).toEqual(['reminded', 'escalated']);
    expect(body.told[1].event_id).toBe(escalated?.event_id);

    await second.close();
    second = officeOf(await startSecondNode(office));
    await lookedAgain('payments.refund');
    expect(await told(id)).toHaveLength(2);
    await expect(
      admin.query(
        `INSERT INTO approval_notices SELECT workspace_id, approval_id, kind, now(), 'evt_x' FROM approval_notices
          WHERE approval_id = $1`,
        [id],
      ),
    ).rejects.toThrow('approval_notices_pkey');
  });

  it('is told to those who may still decide, delegates among them', async () => {
    const leaving = await office.person('lou', { groups: ['finance'] });
    const { body: delegation } = await leaving.call('POST', '/v1/delegations', {
      body: { to: 'mo@acme.example', ends_at: Math.floor(Date.now() / 1000) + 3600, reason: 'on leave' },
    });
    expect(delegation.error?.code).toBe('person_not_found');
    const mo = await office.person('mo', { authority: [{ capability: 'payments.*' }] });
    const { body: made } = await leaving.call('POST', '/v1/delegations', {
      body: { to: mo.email, ends_at: Math.floor(Date.now() / 1000) + 3600, reason: 'on leave' },
    });
    const id = await held('payments.pay');
    await sam.approve(id);
    const [reminded] = await toldTimes(id, 1);
    // only finance is open: erin, lou, and mo for lou
    expect(reminded).toMatchObject({ to: [erin.email, leaving.email, mo.email], missing_people: 1 });
    await office.done('POST', `/v1/delegations/${made.id}/end`, {});
  });

  it.each([
    ['denied', async (id: string) => erin.deny(id)],
    ['withdrawn', async (id: string) => office.done('POST', `/v1/approvals/${id}/cancel`, {})],
    [
      'approved',
      async (id: string) => {
        await erin.approve(id);
        await sam.approve(id);
      },
    ],
  ])('is not told of after it was %s', async (_, decide) => {
    const id = await held('mail.send');
    await decide(id);
    await lookedAgain('mail.send');
    expect(await told(id)).toEqual([]);
  });

  it('is not told of by a rule that is not for it, nor before its time', async () => {
    await admin.query("DELETE FROM approval_reminders WHERE capability <> '*'");
    const id = await held('mail.send');
    await rule('payments.*', 1, null);
    await lookedAgain('payments.pay');
    expect(await told(id)).toEqual([]);
  });
});
