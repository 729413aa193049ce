/** Held calls by e-mail: who is told, what stands in it, and how the relay is spoken to. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type TestAgent } from '../actions/workspace.ts';
import { roleFile } from '../agents/world.ts';
import { type Decider, type Office, openOffice } from '../approvals/office.ts';
import { REVIEWED } from '../changes/world.ts';
import { CERTIFICATE, type Mail, PASSWORD, type Relay, startRelay, USER } from './relay.ts';

let relay: Relay;
let office: Office;
let bot: TestAgent;
let erin: Decider;
let sam: Decider;
let owner: pg.Client;
let payments = 0;

const SYSTEM = getCACertificates('default');

beforeAll(async () => {
  setDefaultCACertificates([...SYSTEM, CERTIFICATE]);
  relay = await startRelay();
  office = await openOffice({ upstream_allow: ['127.0.0.0/8', 'localhost'] });
  owner = new pg.Client({ connectionString: office.server.ownerUrl });
  await owner.connect();
  await office.capability('payments.pay', {
    impact: { usd: { field: 'amount', currency: 'USD' } },
    input_schema: {
      type: 'object',
      properties: { to: { type: 'string' }, amount: { type: 'number' }, pin: { type: 'string', writeOnly: true } },
    },
  });
  await office.capability('notes.write', {});
  await office.role(
    'billing',
    ['payments.pay', 'notes.write'],
    [
      { id: 'review', action: 'payments.pay', when: { field: 'amount', gte: 200 }, effect: 'review' },
      {
        id: 'large',
        action: 'payments.pay',
        when: { field: 'amount', gte: 1000 },
        effect: 'review',
        approval: { people: 2, groups: ['finance', 'security'] },
      },
      { id: 'notes', action: 'notes.write', when: { field: 'action', eq: 'notes.write' }, effect: 'review' },
    ],
  );
  bot = await office.agent('billing-bot', 'billing');
  await office.person('dana');
  erin = await office.person('erin', { groups: ['finance'] });
  sam = await office.person('sam', { groups: ['security'] });
  await office.person('kim', { authority: [{ capability: 'crm.*' }] });
  await office.done('PUT', '/v1/secrets/smtp', { value: PASSWORD });
  await office.done('PUT', '/v1/channels/email', settings());
});
afterAll(async () => {
  setDefaultCACertificates(SYSTEM);
  await owner.end();
  await office.close();
  await relay.close();
});
afterEach(() => {
  relay.refuse = () => undefined;
});

const settings = (change: object = {}) => ({
  host: 'localhost',
  port: relay.port,
  username: USER,
  password_ref: 'vault://smtp',
  from: 'hivekey@acme.example',
  ...change,
});

async function held(amount = 300, action = 'payments.pay'): Promise<string> {
  payments += 1;
  const args = { to: `vendor-${payments}@payee.example`, amount, pin: 'secret-1234' };
  const { body } = await office.act(bot.token, action, action === 'payments.pay' ? args : { n: payments }, {
    prefer: 'respond-async',
  });
  return body.approval.id;
}

const mailsOf = (id: string, from: Relay = relay): Mail[] => from.mails.filter(({ text }) => text.includes(id));
const mailed = (id: string, count: number, from: Relay = relay): Promise<Mail[]> =>
  eventually(async () => (mailsOf(id, from).length >= count ? mailsOf(id, from) : undefined));
const messagesOf = async (id: string) => (await office.call('GET', `/v1/channel-messages?approval=${id}`)).body.data;
const settled = (id: string, status: string): Promise<{ destination: string; last_error: string | null }[]> =>
  eventually(async () => {
    const found = await messagesOf(id);
    const is = found.length > 0 && found.every((each: { status: string }) => each.status === status);
    return is ? found : undefined;
  });

describe('a held call', () => {
  it('is told to those who may decide, each by a mail of their own, over TLS and a login', async () => {
    const id = await held();
    const mails = await mailed(id, 2);
    await settled(id, 'delivered');
    // Neither dana, who owns the agent, nor kim, who has no authority for payments.
    expect(mails.map(({ to }) => to).sort()).toEqual([[erin.email], [sam.email]]);
    for (const mail of mails) {
      expect(mail).toMatchObject({ from: 'hivekey@acme.example', secure: true, user: USER });
      expect(mail.headers.get('to')).toBe(mail.to[0]);
      expect(mail.headers.get('subject')).toBe('Approval needed: billing-bot asks for payments.pay');
      expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    }
  });

  it('shows who asks for what and where to decide, no argument, and nothing that decides', async () => {
    const id = await held();
    const [mail] = await mailed(id, 1);
    const { hash } = (await office.call('GET', `/v1/approvals/${id}`)).body;
    const link = `${office.server.url}/approvals/${id}`;
    for (const part of [mail?.text, mail?.html]) {
      for (const words of ['billing-bot', 'dana@acme.example', 'payments.pay', '30000 usd', '1 more of 1', hash])
        expect(part).toContain(words);
      expect(part).not.toMatch(/payee\.example|secret-1234|\*\*\*/);
      expect(part?.match(/https?:\/\/[^\s"<]+/g)).toEqual([link]);
      expect(part).not.toMatch(/<form|<script|<img|\/decide/i);
    }
  });

  it('is told to the people of the groups that must be spoken for', async () => {
    const lee = await office.person('lee', { groups: ['legal'] });
    const id = await held(1500);
    const mails = await mailed(id, 2);
    await settled(id, 'delivered');
    expect(mails.map(({ to }) => to[0]).sort()).toEqual([erin.email, sam.email]);
    expect(mails[0]?.text).toContain('2 more of 2, one of finance, one of security');
    await office.done('PATCH', `/v1/people/${lee.email}`, { active: false });
  });

  it('is not told when it was decided before the mail could be sent', async () => {
    relay.refuse = () => ({ status: 451, text: 'later' });
    const id = await held();
    await eventually(async () => ((await messagesOf(id))[0]?.failures > 0 ? true : undefined));
    await erin.deny(id);
    relay.refuse = () => undefined;
    await owner.query("UPDATE channel_messages SET due_at = now() WHERE status = 'waiting' AND failures > 0");
    const failed = await settled(id, 'failed');
    expect(failed.map(({ last_error }) => last_error)).toContain('the relay answered 451 (EENVELOPE)');
    expect(mailsOf(id)).toEqual([]);
  });

  it('is told again, once, when it waits for long; and to those who are named, when for longer', async () => {
    await owner.query(
      `INSERT INTO approval_reminders (workspace_id, capability, remind_after_seconds, escalate_after_seconds, escalate_to)
       SELECT id, 'notes.write', 1, 1, '{kim@acme.example}' FROM workspaces`,
    );
    const id = await held(0, 'notes.write');
    const subjects = await eventually(async () => {
      const found = mailsOf(id).map(({ headers, to }) => `${headers.get('subject')?.split(':')[0]}: ${to[0]}`);
      return found.length >= 7 ? found.sort() : undefined;
    });
    await owner.query('DELETE FROM approval_reminders');
    expect(subjects).toEqual([
      `Approval needed: ${erin.email}`,
      `Approval needed: ${sam.email}`,
      `Escalated: ${erin.email}`,
      'Escalated: kim@acme.example',
      `Escalated: ${sam.email}`,
      `Still waiting for approval: ${erin.email}`,
      `Still waiting for approval: ${sam.email}`,
    ]);
  });
});

describe('what a leaver leaves behind', () => {
  it('is told to deputies, who are asked one by one to take it over', async () => {
    const left = await office.person('omar');
    await office.done('POST', '/v1/agents', { name: 'payroll-bot', role: 'billing', owner: left.email });
    await office.done('PUT', '/v1/agents/payroll-bot/deputies', { deputies: [sam.email] });
    await office.done('PATCH', `/v1/people/${left.email}`, { active: false });
    const { body: tasks } = await office.call('GET', `/v1/transfer-tasks?person=${left.email}`);
    const { id } = tasks.data[0];
    const mail = await eventually(async () => mailsOf(id).find(({ to }) => to[0] === sam.email));
    expect(mail?.headers.get('subject')).toBe('Somebody has left: their agents are suspended and need another owner.');
    for (const words of [left.email, 'payroll-bot', `${office.server.url}/transfers/${id}`])
      expect(mail?.text).toContain(words);

    const offer = { to: erin.email, reason: 'pays\nthe\u202e salaries' };
    const { body: offered } = await office.call('POST', '/v1/agents/payroll-bot/ownership-transfers', { body: offer });
    const mails = await mailed(offered.id, 1);
    expect(mails.map(({ to }) => to)).toEqual([[erin.email]]);
    expect(mails[0]?.headers.get('subject')).toBe('You are asked to take over an agent.');
    expect(mails[0]?.text).toContain(`${office.server.url}/agents?tab=transfers`);
    expect(mails[0]?.text).toContain('reason     pays\u{fffd}the\u{fffd} salaries');
  });
});

describe('a delegation', () => {
  it('is told to both', async () => {
    const ends_at = Math.floor(Date.now() / 1000) + 3600;
    const { status } = await erin.call('POST', '/v1/delegations', {
      body: { to: sam.email, ends_at, reason: 'away <b>today</b>' },
    });
    expect(status).toBe(201);
    const mails = await eventually(async () => {
      const found = relay.mails.filter(({ headers }) => headers.get('subject') === 'Approvals are delegated.');
      return found.length >= 2 ? found : undefined;
    });
    expect(mails.map(({ to }) => to[0]).sort()).toEqual([erin.email, sam.email]);
    expect(mails[0]?.html).toContain('away &lt;b&gt;today&lt;/b&gt;');
  });
});

describe('an account for emergencies', () => {
  it('is told of to administrators', async () => {
    await office.done('PATCH', `/v1/people/${sam.email}`, { roles: ['admin'] });
    await office.done('POST', '/v1/break-glass', { email: 'emergency@acme.example' });
    const mail = await eventually(async () =>
      relay.mails.find(({ headers }) => headers.get('subject') === 'An account for emergencies was changed.'),
    );
    expect(mail.to).toEqual([sam.email]);
    expect(mail.text).toContain('emergency@acme.example');
    await office.done('PATCH', `/v1/people/${sam.email}`, { roles: ['approver', 'admin'] });
  });
});

describe('a change of what decides', () => {
  it('is told of to those who may review it, with a link and nothing to decide by', async () => {
    await office.done('PUT', '/v1/change-settings', { ...REVIEWED, types: ['role'] });
    const operations = [{ type: 'role', id: 'told', document: roleFile('told', ['notes.write']) }];
    const { body: draft } = await erin.call('POST', '/v1/changes', {
      body: { title: 'let <b>it</b> write', operations },
    });
    await erin.call('POST', `/v1/changes/${draft.id}/submit`, { body: {} });
    const subject = 'A change of what decides waits for a reviewer.';
    const mails = await eventually(async () => {
      const found = relay.mails.filter(({ headers }) => headers.get('subject') === subject);
      return found.length >= 2 ? found : undefined;
    });
    const told = mails.flatMap(({ to }) => to);
    expect(told).toContain('kim@acme.example');
    expect(told).not.toContain(erin.email);
    expect(mails[0]?.text).toContain(`${office.server.url}/changes/${draft.name}`);
    expect(mails[0]?.html).toContain('let &lt;b&gt;it&lt;/b&gt; write');
    await erin.call('POST', `/v1/changes/${draft.id}/withdraw`, { body: {} });
  });
});

describe('the relay', () => {
  it('that refuses a recipient for good has that mail shown as failed, and the others sent', async () => {
    relay.refuse = (recipient) =>
      recipient === sam.email ? { status: 550, text: 'gone; password hunter2' } : undefined;
    const id = await held();
    await mailed(id, 1);
    const failed = await eventually(async () => {
      const { body } = await office.call('GET', `/v1/channel-messages?status=failed&approval=${id}`);
      return body.data[0];
    });
    expect(failed).toMatchObject({ destination: sam.email, last_error: 'the relay answered 550 (EENVELOPE)' });
    relay.refuse = () => undefined;
    await office.done('POST', `/v1/channel-messages/${failed.id}/retry`, {});
    await mailed(id, 2);
  });

  it.each([
    ['with a password that is wrong', {}, 'wrong password of nobody', 'the relay answered 535 (EAUTH)'],
    [
      'of another name than its certificate',
      { host: '127.0.0.1' },
      PASSWORD,
      /^the relay cannot be used \((ESOCKET|ETLS|EDNS|ECONNECTION)\)$/,
    ],
  ])('%s gets nothing', async (_, change, password, error) => {
    await office.done('PUT', '/v1/secrets/smtp-other', { value: password });
    await office.done('PUT', '/v1/channels/email', settings({ password_ref: 'vault://smtp-other', ...change }));
    const before = relay.mails.length;
    const { body } = await office.done('POST', '/v1/channels/email/test', { to: sam.email });
    expect(body.delivered).toBe(false);
    expect(body.error).toMatch(error);
    expect(relay.mails.length).toBe(before);
    await office.done('PUT', '/v1/channels/email', settings());
  });

  it('that offers no TLS is told neither password nor mail', async () => {
    const open = await startRelay({ security: 'none' });
    try {
      await office.done('PUT', '/v1/channels/email', settings({ port: open.port }));
      const { body } = await office.done('POST', '/v1/channels/email/test', { to: sam.email });
      expect(body).toMatchObject({ delivered: false, error: expect.stringMatching(/ETLS|50\d/) });
      expect([open.logins, open.mails]).toEqual([[], []]);
      // On this machine it may be spoken to openly, where that is set.
      const plain = settings({ port: open.port, security: 'none', username: null, password_ref: null });
      await office.done('PUT', '/v1/channels/email', plain);
      const again = await office.done('POST', '/v1/channels/email/test', { to: sam.email });
      expect(again.body).toMatchObject({ delivered: true });
      expect(open.mails).toMatchObject([{ secure: false, user: undefined, to: [sam.email] }]);
    } finally {
      await office.done('PUT', '/v1/channels/email', settings());
      await open.close();
    }
  });

  it('can be spoken to by TLS from the beginning', async () => {
    const tls = await startRelay({ security: 'tls' });
    try {
      await office.done('PUT', '/v1/channels/email', settings({ port: tls.port, security: 'tls' }));
      expect((await office.done('POST', '/v1/channels/email/test', { to: sam.email })).body.delivered).toBe(true);
      expect(tls.mails).toMatchObject([{ secure: true, user: USER }]);
    } finally {
      await office.done('PUT', '/v1/channels/email', settings());
      await tls.close();
    }
  });

  it('whose certificate nobody vouches for is told nothing', async () => {
    setDefaultCACertificates(SYSTEM);
    const { logins } = relay;
    const before = logins.length;
    const { body } = await office.done('POST', '/v1/channels/email/test', { to: sam.email });
    setDefaultCACertificates([...SYSTEM, CERTIFICATE]);
    expect(body).toMatchObject({ delivered: false, error: expect.stringMatching(/ESOCKET|ETLS/) });
    expect(logins.length).toBe(before);
  });

  it.each([
    ['without TLS elsewhere than here', { host: 'mail.acme.example', security: 'none' }],
    ['with a user and no password', { password_ref: null }],
    ['from two addresses', { from: 'a@acme.example, b@acme.example' }],
    ['from an address with a header behind it', { from: 'a@acme.example\r\nBcc: b@evil.example' }],
    ['at a host with a port in it', { host: 'mail.acme.example:25' }],
    ['at no port', { port: 0 }],
  ])('is not set %s', async (_, change) => {
    expect((await office.call('PUT', '/v1/channels/email', { body: settings(change) })).status).toBe(400);
  });

  it.each(['169.254.169.254', '10.0.0.1', '::ffff:10.0.0.1'])('is not set at %s', async (host) => {
    const { status, body } = await office.call('PUT', '/v1/channels/email', { body: settings({ host }) });
    expect([status, body.error.code]).toEqual([400, 'email_host_refused']);
  });

  it('is tried with a mail to whoever asks, and to nobody where that is not known', async () => {
    const before = relay.mails.length;
    expect((await sam.call('POST', '/v1/channels/email/test', { body: {} })).body.delivered).toBe(true);
    expect(relay.mails[before]?.to).toEqual([sam.email]);
    const { status, body } = await office.call('POST', '/v1/channels/email/test', { body: {} });
    expect([status, body.error.code]).toEqual([400, 'test_address_missing']);
    const injected = await office.call('POST', '/v1/channels/email/test', {
      body: { to: 'a@b.example\r\nBcc: c@d.example' },
    });
    expect(injected.status).toBe(400);
  });

  it('is forgotten with its channel, and what waited is not sent', async () => {
    relay.refuse = () => ({ status: 451, text: 'later' });
    const id = await held();
    await eventually(async () => ((await messagesOf(id)).length >= 2 ? true : undefined));
    expect((await office.call('DELETE', '/v1/channels/email')).status).toBe(204);
    await eventually(async () =>
      (await messagesOf(id)).every(({ status }: { status: string }) => status !== 'waiting') ? true : undefined,
    );
    expect((await office.call('DELETE', '/v1/channels/email')).body.error.code).toBe('channel_not_set');
    expect((await office.call('POST', '/v1/channels/email/test', { body: {} })).body.error.code).toBe(
      'channel_not_set',
    );
  });
});
