/** Incidents: what is part of one, what its timeline is made of, and what closing it takes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addWorkspace } from '../agents/second-workspace.ts';
import { openRaiser, type Raiser } from '../alerts/raising.ts';
import { type ChangesWorld, newRole, openChanges, type Person } from '../changes/world.ts';

let world: ChangesWorld;
let raiser: Raiser;
let erin: Person;
let sam: Person;
let agentId: string;
let token: string;

beforeAll(async () => {
  world = await openChanges();
  await world.capability('crm.read', { access: 'read' });
  await world.role('support', ['crm.read']);
  ({ id: agentId } = await world.agent('crm-bot'));
  token = await world.token('crm-bot');
  erin = await world.person('erin', ['operator', 'author']);
  sam = await world.person('sam', ['reviewer', 'admin']);
  raiser = await openRaiser(world.server);
});
afterAll(async () => {
  await raiser.close();
  await world.server.close();
});

const path = (id: string, what = '') => `/v1/incidents/${id}${what}`;
const as = (by: Person) => ({ key: by.key });
const open = (body: object, by = erin) =>
  world.ok('POST', '/v1/incidents', { title: 'Odd reads', reason: 'x', ...body }, as(by));
const subject = () => ({ kind: 'agent', id: agentId, name: 'crm-bot' });
const judge = (id: string) =>
  world.ok('POST', `/v1/alerts/${id}/triage`, { disposition: 'true_positive', reason: 'so', close: true }, as(sam));

describe('an incident', () => {
  it('takes severity, lead and beginning from its alerts, and has each alert alone', async () => {
    const window = { from: new Date('2026-11-01T10:00:00Z'), to: new Date('2026-11-01T10:05:00Z') };
    const one = await raiser.raised({ subject: subject(), severity: 'high', window });
    const two = await raiser.raised({ subject: subject(), severity: 'low' });
    const test = await raiser.raised({ subject: subject(), synthetic: true });
    const incident = await open({ alerts: [one, two] });
    expect(incident).toMatchObject({
      severity: 'high',
      status: 'open',
      lead: erin.email,
      began_at: window.from.getTime() / 1000,
      alerts: 2,
      members: [{ id: two, incident: incident.id }, { id: one }],
    });
    const other = await open({ severity: 'low' });
    const link = (ref: string, to = other.id) =>
      world.refused('POST', path(to, '/links'), { kind: 'alert', ref, reason: 'x' }, as(erin));
    expect(await link(one)).toBe('alert_of_incident');
    expect(await link(test)).toBe('alert_of_incident');
    expect(await link('alr_absent')).toBe('alert_not_found');
    const unlinked = await world.ok(
      'POST',
      path(incident.id, '/unlink'),
      { kind: 'alert', ref: two, reason: 'x' },
      as(erin),
    );
    expect(unlinked).toMatchObject({ alerts: 1 });
    await world.ok('POST', path(other.id, '/links'), { kind: 'alert', ref: two, reason: 'x' }, as(erin));
    const exercise = await open({ alerts: [test], synthetic: true });
    const { data } = await world.ok('GET', '/v1/incidents');
    expect(data.map(({ id }: { id: string }) => id)).not.toContain(exercise.id);
  });

  it('finds its timeline in the log: evidence, steps, stops and changes in order, and notes where they belong', async () => {
    await world.act(token, 'crm.read');
    const [call] = await world.events('kind=tool.call', 1);
    const eventIds = [call.event_id];
    const alert = await raiser.raised({ subject: subject(), severity: 'high', evidence: { eventIds, count: 1 } });
    const incident = await open({ alerts: [alert] });
    const { id } = incident;
    await world.ok('POST', `/v1/alerts/${alert}/stop`, { reason: 'hold it' }, as(erin));
    await judge(alert);
    const change = await world.draft(erin, { title: 'narrow crm', operations: [newRole()] });
    const followUp = await world.ok(
      'POST',
      path(id, '/follow-ups'),
      { title: 'narrow the role', owner: sam.email, due_at: '2027-01-31T00:00:00Z', change: change.id, reason: 'x' },
      as(erin),
    );
    expect(followUp).toMatchObject({ status: 'open', overdue: false, change: { id: change.id, status: 'draft' } });
    const early = '2026-11-01T09:00:00.000Z';
    await world.ok('POST', path(id, '/notes'), { text: 'The vendor | had <b>called</b>', at: early }, as(sam));
    expect(await world.refused('POST', path(id, '/notes'), { text: 'x', at: '2099-01-01T00:00:00Z' }, as(sam))).toBe(
      'note_in_future',
    );
    const timeline = () => world.ok('GET', path(id, '/timeline'));
    // The last of its records: all others are there by then.
    await expect
      .poll(async () => (await timeline()).entries.map(({ kind }: { kind: string }) => kind), { interval: 20 })
      .toContain('incident.follow_up');
    const { entries, complete } = await timeline();
    expect(complete).toBe(true);
    expect(entries[0]).toMatchObject({ at: early, kind: 'note', why: 'note', actor: `person:${sam.email}` });
    expect(entries.map(({ at }: { at: string }) => at)).toEqual(entries.map(({ at }: { at: string }) => at).toSorted());
    const kinds = new Set(entries.map(({ kind }: { kind: string }) => kind));
    for (const kind of [
      'tool.call',
      'alert.opened',
      'incident.opened',
      'alert.acted',
      'containment.ordered',
      'agent.revoked',
      'alert.triaged',
      'change.drafted',
      'incident.follow_up',
    ])
      expect(kinds).toContain(kind);
    // As one document, where what people wrote is text.
    const { body: markdown, headers } = await world.call('GET', path(id, '/document?format=markdown'));
    expect(headers.get('content-type')).toContain('text/markdown');
    expect(markdown).toContain('The vendor \\| had &lt;b>called&lt;/b>');
    expect(markdown).toContain('narrow the role');
    const document = JSON.parse(
      await (
        await fetch(`${world.server.url}${path(id, '/document')}`, { headers: { authorization: `Bearer ${sam.key}` } })
      ).text(),
    );
    expect(document).toMatchObject({
      object: 'incident_document',
      incident: { id },
      alerts: [{ id: alert }],
      follow_ups: [{ id: followUp.id }],
    });
    expect(await world.events('kind=incident.exported', 2)).toMatchObject([{ incident_id: id }, { incident_id: id }]);
  });

  it('is closed with a decision, a root cause, judged alerts, and follow-ups that are settled or answered for', async () => {
    const alert = await raiser.raised({ subject: { kind: 'sink', id: 'snk_1', name: 'splunk' } });
    const { id } = await open({ alerts: [alert] });
    const close = (body: object = {}, by = sam) =>
      world.call('POST', path(id, '/close'), { ...as(by), body: { reason: 'done', ...body } });
    const refusal = async (body: object = {}, by = sam) => (await close(body, by)).body.error?.code;
    const change = (body: object) => world.ok('PATCH', path(id), { reason: 'known now', ...body }, as(erin));
    expect(await refusal({}, erin)).toBe('role_missing');
    expect(await refusal()).toBe('incident_undecided');
    expect(await change({ decision: 'An incident; nobody outside is told.', status: 'contained' })).toMatchObject({
      status: 'contained',
      decided_by: erin.email,
    });
    expect(await refusal()).toBe('incident_undecided');
    await change({ root_cause: 'The token had expired.' });
    expect(await refusal()).toBe('incident_alerts_open');
    await judge(alert);
    const followUp = await world.ok(
      'POST',
      path(id, '/follow-ups'),
      { title: 'alarm before it expires', owner: erin.email, due_at: '2020-01-31T00:00:00Z', reason: 'x' },
      as(erin),
    );
    expect(followUp).toMatchObject({ overdue: true });
    expect(await refusal()).toBe('incident_follow_ups_open');
    const closed = (await close({ open_follow_ups_reason: 'planned for January, erin sees to it' })).body;
    expect(closed).toMatchObject({ status: 'closed', closed_by: sam.email, open_follow_ups: 1 });
    const [record] = await world.events('kind=incident.closed', 1);
    expect(record).toMatchObject({
      incident_id: id,
      open_follow_ups: [followUp.id],
      open_follow_ups_reason: 'planned for January, erin sees to it',
      root_cause: 'The token had expired.',
    });
    // What follows goes on; the rest is closed.
    expect(await world.refused('PATCH', path(id), { title: 'other', reason: 'x' }, as(erin))).toBe('incident_closed');
    const settle = { status: 'done', reason: 'the alarm is set' };
    expect(await world.ok('PATCH', path(id, `/follow-ups/${followUp.id}`), settle, as(erin))).toMatchObject({
      status: 'done',
      settled_by: erin.email,
    });
    expect(await world.ok('POST', path(id, '/reopen'), { reason: 'it came back' }, as(erin))).toMatchObject({
      status: 'open',
      reopened: 1,
      closed_at: null,
    });
  });

  it('has a follow-up done when its change is in force', async () => {
    expect((await world.settings({})).status).toBe(200);
    const { id } = await open({});
    const change = await world.submitted(erin);
    const wanted = {
      title: 'a role',
      owner: sam.email,
      due_at: '2027-01-31T00:00:00Z',
      change: change.id,
      reason: 'x',
    };
    await world.ok('POST', path(id, '/follow-ups'), wanted, as(erin));
    expect(await world.refused('POST', path(id, '/follow-ups'), { ...wanted, change: 'CHG-999' }, as(erin))).toBe(
      'change_not_found',
    );
    expect((await world.approve(sam, change)).status).toBe(200);
    expect((await world.post(sam, change, 'activate')).status).toBe(200);
    expect(await world.ok('GET', path(id))).toMatchObject({
      open_follow_ups: 0,
      follow_ups: [{ status: 'done', settled_by: sam.email, change: { status: 'activated' } }],
    });
  });

  it('takes people, of its workspace alone', async () => {
    const { id } = await open({});
    expect(await world.refused('POST', '/v1/incidents', { title: 'x', reason: 'x' })).toBe('person_required');
    const followUp = await world.ok(
      'POST',
      path(id, '/follow-ups'),
      { title: 'x', owner: erin.email, due_at: '2027-01-31T00:00:00Z', reason: 'x' },
      as(erin),
    );
    const stranger = { key: await addWorkspace(world.server) };
    expect((await world.ok('GET', '/v1/incidents?synthetic=include', undefined, stranger)).data).toEqual([]);
    const calls: readonly (readonly [string, string, object?])[] = [
      ['GET', ''],
      ['GET', '/timeline'],
      ['GET', '/document'],
      ['PATCH', '', { reason: 'x' }],
      ['POST', '/notes', { text: 'x' }],
      ['POST', '/links', { kind: 'agent', ref: agentId, reason: 'x' }],
      ['POST', '/unlink', { kind: 'agent', ref: agentId, reason: 'x' }],
      [
        'POST',
        '/follow-ups',
        { title: 'x', owner: 'stranger@second.example', due_at: '2027-01-31T00:00:00Z', reason: 'x' },
      ],
      ['PATCH', `/follow-ups/${followUp.id}`, { reason: 'x' }],
      ['POST', '/close', { reason: 'x' }],
      ['POST', '/reopen', { reason: 'x' }],
    ];
    for (const [method, what, body] of calls)
      expect(await world.refused(method, path(id, what), body, stranger), `${method} ${what}`).toBe(
        'incident_not_found',
      );
    const mine = await world.ok('POST', '/v1/incidents', { title: 'mine', reason: 'x' }, stranger);
    for (const [kind, ref] of [
      ['agent', agentId],
      ['event', (await world.events('kind=agent.created', 1))[0].event_id],
    ])
      expect(await world.refused('POST', path(mine.id, '/links'), { kind, ref, reason: 'x' }, stranger)).toBe(
        'link_target_not_found',
      );
    const alert = await raiser.raised({});
    expect(
      await world.refused('POST', path(mine.id, '/links'), { kind: 'alert', ref: alert, reason: 'x' }, stranger),
    ).toBe('alert_not_found');
  });
});
