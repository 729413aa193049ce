/** The auditor's room: who comes in, what they see and do, and that it ends. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PERMISSIONS } from '../../src/api/permissions.ts';
import { ROUTES_OF_FIRMS } from '../../src/engagements/boundary.ts';
import { STEP_IDS } from '../../src/engagements/walkthrough/script.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { type Auditor, type AuditWorld, inDays, openAudit } from './world.ts';

let world: AuditWorld;
let owner: pg.Client;
let engagement: string;
let ada: Auditor;
let token: string;
let calls: { event_id: string; verdict: string; ts: string }[];

beforeAll(async () => {
  world = await openAudit();
  owner = new pg.Client({ connectionString: world.server.ownerUrl });
  await owner.connect();
  await world.capability('mail.send', { access: 'write' });
  await world.capability('crm.read', { access: 'read' });
  await world.role(
    'support',
    ['mail.send'],
    [
      {
        id: 'G1',
        action: 'mail.send',
        when: { field: 'to', endsWith: '@blocked.example' },
        effect: 'deny',
      },
    ],
  );
  await world.agent('mailer');
  token = await world.token('mailer');
  await world.act(token, 'mail.send', { to: 'lee@acme.example', body: { text: 'hello' } });
  await world.act(token, 'mail.send', { to: 'kim@blocked.example' });
  calls = (await world.events('kind=tool.call&order=asc', 2)) as typeof calls;
  engagement = (await world.engagement()).id;
  ada = await world.auditor(engagement, 'ada@ledger.example');
});
afterAll(async () => {
  await owner.end();
  await world.server.close();
});

const path = (what = '', id = engagement) => `/v1/engagements/${id}${what}`;

describe('an engagement', () => {
  const refusal = (change: object) =>
    world.engagement(change).then(
      () => 'opened',
      (error: Error) => /"code":"([^"]+)"/.exec(error.message)?.[1] ?? error.message,
    );

  it('is of a firm that is neither the customer nor a mailbox of anybody, for a time', async () => {
    expect(await refusal({ firm_domain: 'acme.example' })).toBe('engagement_domain_own');
    expect(await refusal({ firm_domain: 'audit.acme.example' })).toBe('engagement_domain_own');
    expect(await refusal({ firm_domain: 'gmail.com' })).toBe('engagement_domain_open');
    expect(await refusal({ period_to: inDays(-31) })).toBe('engagement_period');
    expect(await refusal({ expires_at: inDays(-1) })).toBe('engagement_expiry');
    expect(await refusal({ expires_at: inDays(500) })).toBe('engagement_expiry');
    expect(await refusal({ criteria: ['CC12.1'] })).toBe('request_invalid');
  });

  it('takes a session that was proven not long ago', async () => {
    const { headers, body } = await world.call('POST', '/v1/session', {
      key: null,
      body: { key: world.server.adminKey },
    });
    const cookie = headers.get('set-cookie')?.split(';', 1)[0] ?? '';
    const session = { key: null, headers: { cookie, 'x-csrf-token': body.csrf_token, origin: world.server.url } };
    await owner.query(
      `UPDATE console_sessions SET authenticated_at = clock_timestamp() - interval '16 minutes' WHERE id = $1`,
      [body.id],
    );
    const change = { scope: 'other words', reason: 'x' };
    expect(await world.refused('PATCH', path(), change, session)).toBe('step_up_required');
    expect(await world.ok('PATCH', path(), change)).toMatchObject({ scope: 'other words' });
  });

  it('lets in people of the firm alone, by a passkey, one engagement at a time', async () => {
    const add = (email: string, id = engagement) => world.refused('POST', path('/people', id), { email });
    expect(await add('kim@acme.example')).toBe('engagement_email');
    expect(await add('ada@sub.ledger.example')).toBe('engagement_email');
    expect(await add('ada@ledger.example')).toBe('engagement_person_elsewhere');
    await world.ok('POST', '/v1/people', { email: 'eve@other.example' });
    const other = await world.engagement({ firm: 'Other', firm_domain: 'third.example' });
    expect(await add('ada@ledger.example', other.id)).toBe('engagement_email');
    expect(await refusal({ firm_domain: 'other.example' })).toBe('engagement_domain_own');
    const shown = await world.ok('GET', path());
    expect(shown).toMatchObject({ status: 'open', people: [{ email: ada.email, passkeys: 1 }] });
    const { data } = await world.ok('GET', '/v1/audit/events?kind=break_glass.used');
    expect(data).toEqual([]);
  });

  it('gives its people the role of an auditor, and nothing else ever', async () => {
    expect(await ada.ok('GET', '/v1/session')).toMatchObject({ roles: ['auditor'], method: 'passkey', engagement });
    const change = (body: object) => world.refused('PATCH', `/v1/people/${ada.email}`, body);
    for (const body of [{ roles: ['admin'] }, { groups: ['finance'] }, { authority: [{ capability: '*' }] }])
      expect(await change(body)).toBe('engagement_only');
    expect(await world.refused('POST', '/v1/keys', { name: 'x', person: ada.email, roles: ['auditor'] })).toBe(
      'engagement_only',
    );
    expect(await world.refused('POST', `/v1/people/${ada.email}/invitations`)).toBe('engagement_only');
    expect(await world.refused('POST', '/v1/agents', { name: 'hers', role: 'support', owner: ada.email })).toBe(
      'engagement_only',
    );
    // Nor past the routes: the database holds it, groups give nothing, and a key that is there opens nothing.
    await expect(owner.query(`UPDATE people SET roles = '{admin}' WHERE email = $1`, [ada.email])).rejects.toThrow(
      /external_has_nothing_else/,
    );
    const { key } = await world.ok('POST', '/v1/keys', { name: 'planted' });
    await owner.query(
      `UPDATE admin_keys SET person_id = (SELECT id FROM people WHERE email = $1) WHERE name = 'planted'`,
      [ada.email],
    );
    expect((await world.call('GET', '/v1/engagements', { key })).body.error.code).toBe('key_revoked');
  });
});

describe('somebody of a firm', () => {
  it('calls no route that changes something, but those of the engagement', async () => {
    const fill = (route: string) =>
      route.replace(':id', route.startsWith('/v1/engagements/') ? engagement : 'x').replaceAll(/:[a-z_]+/g, 'x');
    for (const route of Object.keys(PERMISSIONS)) {
      const [method = '', url = ''] = route.split(' ');
      if (method === 'GET' || ROUTES_OF_FIRMS[route] !== undefined) continue;
      const { status, body } = await ada.call(method, fill(url), { body: {} });
      expect([route, status, body.error.code]).toEqual([
        route,
        403,
        expect.stringMatching(/^(role_missing|outside_engagement)$/),
      ]);
    }
  });

  it('reads none of what nobody has thought of, and each route of the table is one', async () => {
    for (const url of [
      '/v1/keys',
      '/v1/people',
      '/v1/audit/stream',
      '/v1/audit/export',
      '/v1/secrets',
      '/v1/approvals',
      '/v1/audit/events/x/proof',
    ])
      expect([url, await ada.refused('GET', url)]).toEqual([
        url,
        expect.stringMatching(/^(role_missing|outside_engagement)$/),
      ]);
    const { paths } = (await world.call('GET', '/openapi.json', { key: null })).body;
    for (const route of Object.keys(ROUTES_OF_FIRMS)) {
      const [method = '', url = ''] = route.split(' ');
      expect([route, paths[url.replaceAll(/:([a-z_]+)/g, '{$1}')]?.[method.toLowerCase()] !== undefined]).toEqual([
        route,
        true,
      ]);
    }
  });

  it('sees the period and no more, and calls with what they carried hidden', async () => {
    const { id } = await world.engagement({
      firm: 'Past',
      firm_domain: 'past.example',
      period_from: inDays(-90),
      period_to: inDays(-60),
    });
    const paul = await world.auditor(id, 'paul@past.example');
    expect((await paul.ok('GET', '/v1/audit/events')).data).toEqual([]);
    expect(await paul.refused('GET', `/v1/audit/events?from=${inDays(-89)}&to=${inDays(-1)}`)).toBe(
      'outside_engagement',
    );
    expect(await paul.refused('GET', `/v1/audit/events?from=2020-01-01T00:00:00Z`)).toBe('outside_engagement');
    expect(await paul.refused('GET', `/v1/audit/events/${calls[0]?.event_id}`)).toBe('event_not_found');
    expect(await paul.refused('GET', `/v1/agents/mailer/authority?at=${inDays(-1)}`)).toBe('outside_engagement');
    for (const form of ['', '/pdf']) {
      const answer = `/v1/agents/mailer/answers/activity${form}`;
      expect(await paul.refused('GET', `${answer}?from=${inDays(-89)}&to=${inDays(-1)}`)).toBe('outside_engagement');
      await paul.ok('GET', `${answer}?from=${inDays(-89)}&to=${inDays(-61)}`);
    }
    expect(await paul.refused('GET', `/v1/evidence/reports/agents?from=${inDays(-89)}&to=${inDays(-1)}`)).toBe(
      'outside_engagement',
    );
    expect(await paul.refused('GET', path())).toBe('engagement_not_found');
    expect((await paul.ok('GET', '/v1/engagements')).data.map((each: { id: string }) => each.id)).toEqual([id]);

    const { event } = await ada.ok('GET', `/v1/audit/events/${calls[0]?.event_id}`);
    expect(event).toMatchObject({ args: { to: '[hidden]', body: { text: '[hidden]' } }, verdict: 'allow' });
    expect(event.masked).toEqual(expect.arrayContaining(['/args/to', '/args/body/text']));
    expect(JSON.stringify(await ada.ok('GET', '/v1/audit/events?kind=tool.call'))).not.toContain('lee@acme.example');
    expect(await ada.refused('GET', '/v1/audit/events?args=lee@acme.example')).toBe('outside_engagement');
    const ask = { event: calls[0]?.event_id, field: '/args/to', reason: 'compare with the mail provider' };
    expect(await ada.ok('POST', path('/unmaskings'), ask)).toMatchObject({ value: 'lee@acme.example' });
    expect(await ada.refused('POST', path('/unmaskings'), { ...ask, field: '/agent' })).toBe('field_not_hidden');
    expect(await ada.refused('POST', path('/unmaskings'), { ...ask, reason: ' ' })).toBe('request_invalid');
    const [record] = await world.events('kind=engagement.unmasked', 1);
    expect(record).toMatchObject({ field: '/args/to', subject_event_id: ask.event, reason: ask.reason });
    expect(JSON.stringify(record)).not.toContain('lee@');
  });

  it('is on the log before they see anything, for the customer to read', async () => {
    const { data } = await world.ok('GET', path('/access'));
    expect(data.map(({ what }: { what: string }) => what)).toEqual(
      expect.arrayContaining([expect.stringContaining(`GET /v1/audit/events/${calls[0]?.event_id}`)]),
    );
    expect(data.every(({ actor }: { actor: string }) => actor !== '')).toBe(true);
    // What they were refused is told too.
    expect(await ada.refused('GET', '/v1/webhooks')).toBe('outside_engagement');
    expect((await world.ok('GET', path('/access'))).data[0]).toMatchObject({
      what: 'GET /v1/webhooks refused: outside_engagement',
      actor: `person:${ada.email}`,
    });
    // Their own session and their notes are nobody else's.
    await ada.ok('POST', path('/notes'), { text: 'ask about the second approver' });
    await ada.ok('GET', path('/notes'));
    const { data: after } = await world.ok('GET', path('/access'));
    expect(after.slice(1)).toEqual(data);
  });
});

describe('a request', () => {
  const acts = (id: string, act: object) => path(`/requests/${id}/acts`) as string & typeof act;

  it('goes from open to provided to returned to accepted to closed, with a clock on each side', async () => {
    const asked = await ada.ok('POST', path('/requests'), {
      title: 'Bank file of August',
      about: 'CC6.1',
      text: 'As CSV.',
    });
    expect(asked).toMatchObject({ number: 1, status: 'open', waits_for: 'customer', firm_seconds: 0 });
    const move = (by: 'firm' | 'customer', body: object) =>
      by === 'firm'
        ? ada.call('POST', acts(asked.id, body), { body })
        : world.call('POST', acts(asked.id, body), { body });
    const code = async (by: 'firm' | 'customer', body: object) => (await move(by, body)).body.error?.code;
    expect(await code('customer', { act: 'accepted' })).toBe('engagement_other_side');
    expect(await code('firm', { act: 'provided', text: 'x' })).toBe('engagement_other_side');
    expect(await code('firm', { act: 'accepted' })).toBe('engagement_request_open');
    expect(await code('customer', { act: 'provided' })).toBe('request_invalid');
    for (const [kind, ref] of [
      ['report', 'absent'],
      ['bundle', 'bdl_x'],
      ['sample', 'smp_x'],
      ['event', 'evt_x'],
    ])
      expect(await code('customer', { act: 'provided', attachments: [{ kind, ref }] })).toBe(
        'engagement_attachment_unknown',
      );
    const given = {
      act: 'provided',
      attachments: [
        { kind: 'report', ref: 'agents' },
        { kind: 'event', ref: calls[0]?.event_id },
      ],
    };
    expect((await move('customer', given)).body).toMatchObject({ status: 'provided', waits_for: 'firm' });
    expect(await code('firm', { act: 'returned' })).toBe('request_invalid');
    expect((await move('firm', { act: 'returned', text: 'of July' })).body).toMatchObject({ waits_for: 'customer' });
    await move('customer', { act: 'provided', text: 'now of August' });
    expect((await move('firm', { act: 'accepted' })).body).toMatchObject({ status: 'accepted', waits_for: null });
    const closed = (await move('firm', { act: 'closed' })).body;
    expect(closed.acts.map(({ act, side }: { act: string; side: string }) => `${side} ${act}`)).toEqual([
      'firm opened',
      'customer provided',
      'firm returned',
      'customer provided',
      'firm accepted',
      'firm closed',
    ]);
    expect(await code('customer', { act: 'commented', text: 'late' })).toBe('engagement_request_closed');
    expect((await world.ok('GET', path())).requests).toMatchObject({ closed: 1, open: 0 });
    // What was said stays, whoever would have it otherwise.
    await expect(owner.query(`UPDATE engagement_request_acts SET text = ''`)).rejects.toThrow();
    await expect(owner.query('DELETE FROM engagement_request_acts')).rejects.toThrow();
  });

  it('is the auditor’s to open, and a state is theirs to say', async () => {
    const { key } = await world.ok('POST', '/v1/keys', { name: 'internal-audit', roles: ['auditor'] });
    expect((await world.call('POST', path('/requests'), { key, body: { title: 'x' } })).body.error.code).toBe(
      'auditor_required',
    );
    expect(await world.refused('POST', path('/states'), { report: 'agents', state: 'accepted', reason: 'x' })).toBe(
      'role_missing',
    );
    expect(await ada.refused('POST', path('/states'), { report: 'x', state: 'accepted', reason: 'x' })).toBe(
      'report_not_found',
    );
    await ada.ok('POST', path('/states'), { report: 'agents', state: 'returned', reason: 'two agents are missing' });
    await ada.ok('POST', path('/states'), { report: 'agents', state: 'accepted', reason: 'they are in now' });
    const { data } = await world.ok('GET', path('/states'));
    expect(data).toMatchObject([
      { state: 'returned', counts: false },
      { state: 'accepted', counts: true },
    ]);
  });
});

describe('notes of the firm', () => {
  it('are read by its people alone, and are not in the database as they were written', async () => {
    const bob = await world.auditor(engagement, 'bob@ledger.example');
    expect((await bob.ok('GET', path('/notes'))).data).toMatchObject([
      { text: 'ask about the second approver', author: `person:${ada.email}` },
    ]);
    expect(await world.refused('GET', path('/notes'))).toBe('role_missing');
    const { key } = await world.ok('POST', '/v1/keys', { name: 'curious', roles: ['auditor'] });
    expect((await world.call('GET', path('/notes'), { key })).body.error.code).toBe('auditor_required');
    expect((await world.call('GET', path('/working-set'), { key })).body.error.code).toBe('auditor_required');
    const other = await world.engagement({ firm: 'B', firm_domain: 'b-audit.example' });
    const ben = await world.auditor(other.id, 'ben@b-audit.example');
    for (const what of ['', '/notes', '/requests', '/access', '/working-set', '/states', '/runs', '/walkthrough'])
      expect([what, await ben.refused('GET', path(what))]).toEqual([what, 'engagement_not_found']);
    expect(await ben.refused('POST', path('/notes'), { text: 'x' })).toBe('engagement_not_found');
    const { rows } = await owner.query<{ row: string }>('SELECT row_to_json(n)::text AS row FROM engagement_notes n');
    expect(rows).toHaveLength(1);
    expect(Buffer.from(rows[0]?.row ?? '').includes('approver')).toBe(false);
    const { rows: records } = await owner.query(`SELECT FROM actions WHERE record::text LIKE '%second approver%'`);
    expect(records).toEqual([]);
    expect(await ada.ok('GET', path('/working-set'))).toMatchObject({
      requests: [{ number: 1 }],
      states: [{}, {}],
      notes: [{ text: 'ask about the second approver' }],
    });
  });
});

describe('a sample', () => {
  it('is drawn in the period, and is its engagement’s alone', async () => {
    const of = { report: 'action-log', method: 'random', size: 2, seed: 'ledger-2026' };
    expect(await ada.refused('POST', '/v1/samples', { ...of, from: '2020-01-01T00:00:00Z' })).toBe(
      'outside_engagement',
    );
    const drawn = await ada.ok('POST', '/v1/samples', of);
    expect(drawn).toMatchObject({ engagement, status: 'drawn' });
    expect((await ada.ok('GET', `/v1/samples/${drawn.id}/items`)).data).toHaveLength(2);
    const other = await world.engagement({ firm: 'C', firm_domain: 'c-audit.example' });
    const cleo = await world.auditor(other.id, 'cleo@c-audit.example');
    for (const what of ['', '/items', '/items/1/pack', '/population'])
      expect([what, await cleo.refused('GET', `/v1/samples/${drawn.id}${what}`)]).toEqual([what, 'sample_not_found']);
    expect((await cleo.ok('GET', '/v1/samples')).data).toEqual([]);
    expect(await cleo.refused('GET', '/v1/evidence/bundles/bdl_x')).toBe('bundle_not_found');
    expect((await world.ok('GET', path('/access'))).data.map(({ what }: { what: string }) => what)).toContain(
      'POST /v1/samples',
    );
  });
});

describe('the walkthrough', () => {
  it('shows each thing, and keeps what it has shown', async () => {
    const { steps } = await ada.ok('GET', path('/walkthrough'));
    expect(steps.map(({ id }: { id: string }) => id)).toEqual([...STEP_IDS]);
    const input = { agent: 'mailer', entry: calls[0]?.event_id, report: 'agents' };
    for (const { id, asks } of steps) {
      const body = Object.fromEntries(asks.map((name: keyof typeof input) => [name, input[name]]));
      const answer = await ada.ok('POST', path(`/walkthrough/${id}`), body);
      expect([id, answer.shown, answer.said]).toEqual([id, true, expect.any(String)]);
    }
    const { data } = await world.ok('GET', path('/runs'));
    expect(data.map(({ step, shown }: { step: string; shown: boolean }) => [step, shown])).toEqual(
      STEP_IDS.map((id) => [id, true]),
    );
    const denied = data.find(({ step }: { step: string }) => step === 'denied_call');
    expect(denied.result.facts).toMatchObject({ capability: 'crm.read', verdict: 'deny' });
    const { event } = await world.ok('GET', `/v1/audit/events/${denied.result.facts.event_id}`);
    expect(event).toMatchObject({ verdict: 'deny', action: 'crm.read' });
    const tamper = data.find(({ step }: { step: string }) => step === 'tamper').result.facts;
    expect(tamper.attempts).toHaveLength(12);
    expect(tamper.attempts.every(({ code }: { code: string }) => code === '42501')).toBe(true);
    const application = tamper.grants.filter((grant: { application: boolean }) => grant.application);
    expect(
      application.every((grant: Record<string, boolean>) => !(grant.update || grant.delete || grant.truncate)),
    ).toBe(true);
    // As evidence, with the same counts.
    const counted: number[] = [];
    for (const id of ['walkthrough', 'engagement-requests', 'engagement-access']) {
      const { tables } = await world.ok('GET', `/v1/evidence/reports/${id}?from=${inDays(-1)}&to=${inDays(1)}`);
      expect([id, tables[0].header.tie_out]).toEqual([id, 'equal']);
      counted.push(tables[0].row_count);
    }
    expect(counted.slice(0, 2)).toEqual([STEP_IDS.length, 6]);
    // The shadow is no agent of anybody's.
    expect((await world.ok('GET', '/v1/agents')).data).toHaveLength(1);
    await expect(owner.query(`UPDATE engagement_runs SET shown = true`)).rejects.toThrow();
  });

  it('says so where something is not as it should be', async () => {
    const { role } = (await ada.ok('POST', path('/walkthrough/tamper'), {})).facts;
    await owner.query(`GRANT DELETE ON log_absences TO ${owner.escapeIdentifier(role)}`);
    const { shown, facts } = await ada.ok('POST', path('/walkthrough/tamper'), {});
    await owner.query(`REVOKE DELETE ON log_absences FROM ${owner.escapeIdentifier(role)}`);
    expect(shown).toBe(false);
    expect(facts.attempts.filter(({ refused }: { refused: boolean }) => !refused)).toMatchObject([
      { statement: expect.stringContaining('DELETE FROM log_absences') },
    ]);
    expect(await ada.refused('POST', path('/walkthrough/kill'), {})).toBe('agent_required');
    expect(await ada.refused('POST', path('/walkthrough/replay'), {})).toBe('entry_required');
    expect(await world.refused('POST', path('/walkthrough/kill'), { agent: 'mailer' })).toBe('role_missing');
  });
});

describe('re-performance', () => {
  it('decides entries again, and says of each whether it matches, differs or cannot be repeated', async () => {
    const admin = (await world.events('kind=agent.created', 1))[0];
    const ids = [...calls.map(({ event_id }) => event_id), admin.event_id, 'evt_absent'];
    const { results } = await ada.ok('POST', path('/reperformances'), { entries: ids });
    expect(results).toMatchObject([
      { result: 'match', recorded: { verdict: 'allow' }, again: { verdict: 'allow' } },
      { result: 'match', recorded: { verdict: 'deny' }, again: { verdict: 'deny' } },
      { result: 'not_repeatable', detail: expect.stringContaining('agent.created') },
      { result: 'not_found' },
    ]);
    expect(
      await ada.refused('POST', path('/reperformances'), {
        entries: Array.from({ length: 101 }, (_, n) => `evt_${n}`),
      }),
    ).toBe('request_invalid');
    const [record] = await world.events('kind=engagement.reperformed', 1);
    expect(record).toMatchObject({ count: 4, match: 2, differs: 0, not_repeatable: 1, not_found: 1 });
  });
});

describe('it ends', () => {
  it('for one, and at its time for all, at once', async () => {
    const { id } = await world.engagement({ firm: 'Short', firm_domain: 'short.example' });
    const [one, two] = [await world.auditor(id, 'one@short.example'), await world.auditor(id, 'two@short.example')];
    await world.ok('DELETE', path('/people/one@short.example', id));
    expect((await one.call('GET', '/v1/session')).status).toBe(401);
    expect((await world.signIn(one.passkey)).status).toBe(403);
    expect((await two.call('GET', path('', id))).status).toBe(200);
    await owner.query(`UPDATE engagements SET expires_at = clock_timestamp() WHERE id = $1`, [id]);
    // Nobody has ended it yet: it is over all the same.
    for (const what of ['/v1/session', path('', id), '/v1/audit/events', '/v1/passkeys'])
      expect([what, (await two.call('GET', what)).status]).toEqual([what, 401]);
    expect((await two.call('POST', path('/requests', id), { body: { title: 'x' } })).status).toBe(401);
    expect((await world.signIn(two.passkey)).status).toBe(403);
    expect(await world.refused('POST', path('/people', id), { email: 'three@short.example' })).toBe('engagement_over');
    await expect
      .poll(async () => (await world.ok('GET', path('', id))).ended_by, { timeout: 10_000, interval: 50 })
      .toBe('system');
    const { people } = await world.ok('GET', path('', id));
    expect(people).toMatchObject([{ passkeys: 0 }, { passkeys: 0 }]);
    expect(await world.ok('GET', '/v1/people/two@short.example')).toMatchObject({ active: false, effective_roles: [] });
    expect(await world.refused('PATCH', '/v1/people/two@short.example', { active: true })).toBe('engagement_only');
    const [record] = await world.events('kind=engagement.ended', 1);
    expect(record).toMatchObject({ engagement_id: id, people: 1, actor: 'system' });
  });

  it('by hand, and whoever comes back begins anew', async () => {
    const { id } = await world.engagement({ firm: 'Again', firm_domain: 'again.example' });
    const una = await world.auditor(id, 'una@again.example');
    await world.ok('POST', path('/end', id), { reason: 'the report is out' });
    expect((await una.call('GET', '/v1/session')).status).toBe(401);
    expect(await world.ok('GET', path('', id))).toMatchObject({ status: 'ended', end_reason: 'the report is out' });
    const next = await world.engagement({ firm: 'Again', firm_domain: 'again.example' });
    const again = await world.auditor(next.id, 'una@again.example');
    expect((await world.signIn(una.passkey)).status).toBe(403);
    expect(await again.refused('GET', path('', id))).toBe('engagement_not_found');
  });

  it('is of its workspace alone', async () => {
    const key = await addWorkspace(world.server);
    for (const what of ['', '/requests', '/access', '/states', '/runs'])
      expect((await world.call('GET', path(what), { key })).body.error.code).toBe('engagement_not_found');
    for (const [method, what, body] of [
      ['PATCH', '', { reason: 'x', scope: 'y' }],
      ['POST', '/end', { reason: 'x' }],
      ['POST', '/people', { email: 'x@ledger.example' }],
      ['DELETE', `/people/${ada.email}`, undefined],
    ] as const)
      expect(
        (await world.call(method, path(what), { key, ...(body === undefined ? {} : { body }) })).body.error.code,
      ).toBe('engagement_not_found');
  });
});
