/** Alerts: one population, how they are joined and held back, what people do with them, and who is told. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addWorkspace } from '../agents/second-workspace.ts';
import { type ChangesWorld, openChanges, type Person } from '../changes/world.ts';
import { type Relay, startRelay } from '../channels/relay.ts';
import { openRaiser, type Raiser } from './raising.ts';

let world: ChangesWorld;
let raiser: Raiser;
let relay: Relay;
let erin: Person;
let sam: Person;
let dana: Person;
let agentId: string;

beforeAll(async () => {
  relay = await startRelay({ security: 'none' });
  world = await openChanges({ upstream_allow: ['127.0.0.0/8', 'localhost'] });
  await world.capability('crm.read', { access: 'read' });
  await world.role('support', ['crm.read']);
  dana = await world.person('dana', ['operator']);
  ({ id: agentId } = await world.agent('crm-bot', { owner: dana.email }));
  erin = await world.person('erin', ['operator', 'reviewer']);
  sam = await world.person('sam', ['admin']);
  raiser = await openRaiser(world.server);
});
afterAll(async () => {
  await raiser.close();
  await world.server.close();
  await relay.close();
});

const alert = (id: string) => world.ok('GET', `/v1/alerts/${id}`);
const step = (by: Person, id: string, what: string, body: object = {}) =>
  world.call('POST', `/v1/alerts/${id}/${what}`, { key: by.key, body });
const did = async (by: Person, id: string, what: string, body: object = {}) => {
  const { status, body: answer } = await step(by, id, what, body);
  if (status >= 300) throw new Error(JSON.stringify(answer));
  return answer;
};
const code = async (by: Person, id: string, what: string, body: object = {}) =>
  (await step(by, id, what, body)).body.error?.code;
const about = (name: string) => ({ kind: 'agent', id: `agt_${name}`, name });
/** Kinds of the alert's records, once there are so many. */
const kindsOf = async (id: string, count: number): Promise<readonly string[]> => {
  const { history } = await expect
    .poll(() => alert(id), { timeout: 10_000, interval: 20 })
    .toMatchObject({
      history: { length: count },
    })
    .then(() => alert(id));
  return history.map(({ kind }: { kind: string }) => kind);
};

describe('an alert', () => {
  it('stands in the population with its record, its evidence cut to a hundred and its true count', async () => {
    const eventIds = Array.from({ length: 120 }, (_, at) => `evt_${at}`);
    const from = new Date('2026-11-01T10:00:00Z');
    const to = new Date('2026-11-01T10:05:00Z');
    const id = await raiser.raised({
      subject: about('a'),
      evidence: { eventIds, count: 4_711 },
      window: { from, to },
      facts: { threshold: 10 },
      link: '/log?agent=a',
    });
    const shown = await alert(id);
    expect(shown).toMatchObject({
      object: 'alert',
      rule: 'D01',
      severity: 'medium',
      status: 'open',
      evidence_count: 4_711,
      window_from: from.getTime() / 1000,
      window_to: to.getTime() / 1000,
      synthetic: false,
      case: null,
      facts: { threshold: 10 },
      overdue: null,
    });
    expect(shown.evidence).toEqual(eventIds.slice(0, 100));
    expect(shown.acknowledge_due_at - shown.opened_at).toBe(480 * 60);
    const [record] = await world.events(`kind=alert.opened&limit=200`, 1);
    expect(record).toMatchObject({
      kind: 'alert.opened',
      alert_id: id,
      event_id: shown.event_id,
      evidence_count: 4_711,
    });
  });

  it('joins those of its key in a case while one of them is not closed, and those of a test never', async () => {
    const one = await raiser.raise({ subject: about('b'), groupKey: 'run b', title: 'the first' });
    const two = await raiser.raise({ subject: about('b'), groupKey: 'run b', severity: 'high', rule: 'D02' });
    const test = await raiser.raise({ subject: about('b'), groupKey: 'run b', synthetic: true });
    if (one.kind !== 'raised' || two.kind !== 'raised' || test.kind !== 'raised') throw new Error('suppressed');
    expect(two.caseId).toBe(one.caseId);
    expect(test.caseId).not.toBe(one.caseId);
    expect(await world.ok('GET', `/v1/alert-cases/${one.caseId}`)).toMatchObject({
      title: 'the first',
      severity: 'high',
      alerts: 2,
      unclosed: 2,
      members: [{ rule: 'D02' }, { rule: 'D01' }],
    });
    const judged = await world.call('POST', `/v1/alert-cases/${one.caseId}/triage`, {
      key: erin.key,
      body: { disposition: 'benign', reason: 'a load test', close: true },
    });
    expect(judged.body).toMatchObject({ alerts: 2, unclosed: 0 });
    const three = await raiser.raise({ subject: about('b'), groupKey: 'run b' });
    expect(three.kind === 'raised' && three.caseId).not.toBe(one.caseId);
    const { data } = await world.ok('GET', '/v1/alert-cases?unclosed=true');
    expect(data.map(({ id }: { id: string }) => id)).not.toContain(one.caseId);
  });

  it('is counted on the one that suppresses it, for so long and for its key alone', async () => {
    const suppress = { key: 'c', seconds: 600 };
    const first = await raiser.raised({ subject: about('c'), suppress });
    expect(await raiser.raise({ subject: about('c'), suppress })).toEqual({ kind: 'suppressed', alertId: first });
    await raiser.raised({ subject: about('c'), suppress: { key: 'other', seconds: 600 } });
    await raiser.raised({ subject: about('c'), suppress, rule: 'D02' });
    await raiser.raised({ subject: about('c'), suppress, synthetic: true });
    expect(await alert(first)).toMatchObject({ repeats: 1 });
    await raiser.sql(`UPDATE alerts SET opened_at = opened_at - interval '601 seconds' WHERE id = $1`, [first]);
    await raiser.raised({ subject: about('c'), suppress });
  });

  it('is at least as severe as a floor says, and nobody grades it below', async () => {
    const settings = await world.ok('GET', '/v1/alert-settings');
    await world.ok('PUT', '/v1/alert-settings', { ...settings, floors: [{ rule: 'D77', at_least: 'high' }] });
    const id = await raiser.raised({ subject: about('d'), rule: 'D77', severity: 'low' });
    expect(await alert(id)).toMatchObject({ severity: 'high', severity_floor: 'high' });
    const grade = (severity: string) => code(erin, id, 'severity', { severity, reason: 'it is not so bad' });
    expect(await grade('medium')).toBe('alert_severity_floor');
    expect(await did(erin, id, 'severity', { severity: 'critical', reason: 'it is worse' })).toMatchObject({
      severity: 'critical',
    });
    await world.ok('PUT', '/v1/alert-settings', settings);
    const [record] = await world.events('kind=alert.settings', 2);
    expect(record.changes.floors).toEqual([[{ rule: 'D77', at_least: 'high' }], []]);
  });

  it('tells when what it is about is over, and waits for people all the same', async () => {
    const subject = { kind: 'sink', id: 'snk_1', name: 'splunk' };
    const id = await raiser.raised({ source: 'sink', rule: 'sink.silent', subject });
    await raiser.over({ source: 'sink', rule: 'sink.silent', subject });
    const shown = await alert(id);
    expect(shown).toMatchObject({ status: 'open' });
    expect(shown.over_at).not.toBeNull();
  });

  it('is made of the records that were alerts before, in their transaction', async () => {
    await raiser.sql(`UPDATE capabilities SET access = 'write' WHERE name = 'crm.read'`);
    await world.ok('POST', '/v1/drift/check');
    const { data } = await world.ok('GET', '/v1/alerts?source=drift');
    // The policy that follows from it differs too.
    const about = data.find(({ subject }: { subject: { kind: string } }) => subject.kind === 'capability');
    expect(about).toMatchObject({
      rule: 'drift.found',
      severity: 'high',
      subject: { kind: 'capability', id: 'crm.read' },
      evidence_count: 1,
    });
    const [found] = await world.events('kind=drift.found', 1);
    expect(data.map(({ evidence }: { evidence: string[] }) => evidence[0])).toContain(found.event_id);
    await world.ok('POST', '/v1/drift/restore', { reason: 'put back' });
    expect((await alert(about.id)).over_at).not.toBeNull();
  });
});

describe('people', () => {
  it('acknowledge, judge, close and reopen, each step with person and reason on the log', async () => {
    const id = await raiser.raised({ subject: about('e') });
    expect(await code(erin, id, 'close', { reason: 'done' })).toBe('alert_not_triaged');
    expect(await did(erin, id, 'acknowledge', { reason: 'looking' })).toMatchObject({
      status: 'acknowledged',
      assignee: erin.email,
      acknowledged_by: erin.email,
    });
    expect(await did(erin, id, 'assign', { person: sam.email })).toMatchObject({ assignee: sam.email });
    expect(await code(sam, id, 'triage', { disposition: 'benign' })).toBe('request_invalid');
    expect(await did(sam, id, 'triage', { disposition: 'true_positive', reason: 'it was so' })).toMatchObject({
      status: 'triaged',
      disposition: 'true_positive',
      triaged_by: sam.email,
    });
    expect(await did(sam, id, 'close', { reason: 'the key was rotated' })).toMatchObject({ status: 'closed' });
    for (const what of ['acknowledge', 'assign', 'triage', 'severity'])
      expect(
        await code(sam, id, what, {
          ...(what === 'assign' ? { person: sam.email } : {}),
          ...(what === 'triage' ? { disposition: 'benign' } : {}),
          ...(what === 'severity' ? { severity: 'low' } : {}),
          reason: 'again',
        }),
      ).toBe('alert_closed');
    expect(await did(erin, id, 'reopen', { reason: 'it came back' })).toMatchObject({
      status: 'open',
      disposition: null,
      reopened: 1,
      closed_at: null,
    });
    expect(await kindsOf(id, 6)).toEqual([
      'alert.opened',
      'alert.acknowledged',
      'alert.assigned',
      'alert.triaged',
      'alert.closed',
      'alert.reopened',
    ]);
    const { history } = await alert(id);
    for (const record of history.slice(1)) expect(record).toHaveProperty('person');
    expect(history[4]).toMatchObject({ reason: 'the key was rotated', disposition: 'true_positive' });
  });

  it('answer for it as themselves, and only those who may', async () => {
    const id = await raiser.raised({ subject: about('f') });
    const triage = { disposition: 'benign', reason: 'fine' };
    expect(await world.refused('POST', `/v1/alerts/${id}/triage`, triage)).toBe('person_required');
    const viewer = await world.person('victor', ['viewer']);
    expect(await code(viewer, id, 'triage', triage)).toBe('role_missing');
    expect(await world.refused('PUT', '/v1/alert-settings', {}, { key: erin.key })).toBe('role_missing');
    expect(await code(erin, 'alr_absent', 'triage', triage)).toBe('alert_not_found');
  });

  it('do not judge grave alerts about themselves or their agents, unless the workspace says so', async () => {
    const own = { subject: { kind: 'agent', id: agentId, name: 'crm-bot' }, severity: 'high' as const };
    const judge = { disposition: 'benign', reason: 'my bot does that', close: true };
    const id = await raiser.raised(own);
    await did(dana, id, 'acknowledge');
    const danaReviews: Person = { ...dana, key: await world.keyOf(dana, 'dana-2', ['reviewer']) };
    expect(await code(danaReviews, id, 'triage', judge)).toBe('own_alert');
    expect(await code(danaReviews, id, 'severity', { severity: 'low', reason: 'then it is mine' })).toBe('own_alert');
    const person = await raiser.raised({
      severity: 'critical',
      subject: { kind: 'person', id: erin.id, name: 'erin' },
    });
    expect(await code(erin, person, 'triage', judge)).toBe('own_alert');
    expect(await did(sam, person, 'triage', judge)).toMatchObject({ status: 'closed' });
    const small = await raiser.raised({ ...own, severity: 'medium' });
    expect(await did(danaReviews, small, 'triage', judge)).toMatchObject({ status: 'closed' });
    const settings = await world.ok('GET', '/v1/alert-settings');
    await world.ok('PUT', '/v1/alert-settings', { ...settings, separate_duties: false });
    expect(await did(danaReviews, id, 'triage', judge)).toMatchObject({ status: 'closed' });
    await world.ok('PUT', '/v1/alert-settings', settings);
  });

  it('keep what a test made out of what happened, and duplicates behind a first one', async () => {
    const test = await raiser.raised({ subject: about('g'), synthetic: true });
    const one = await raiser.raised({ subject: about('g') });
    const two = await raiser.raised({ subject: about('g') });
    const judge = (id: string, disposition: string, of?: string) =>
      code(erin, id, 'triage', { disposition, reason: 'so', ...(of === undefined ? {} : { duplicate_of: of }) });
    expect(await judge(test, 'true_positive')).toBe('alert_disposition_refused');
    expect(await judge(one, 'duplicate')).toBe('request_invalid');
    expect(await judge(one, 'duplicate', one)).toBe('alert_disposition_refused');
    expect(await judge(one, 'duplicate', test)).toBe('alert_disposition_refused');
    expect(await judge(two, 'duplicate', one)).toBeUndefined();
    expect(await judge(one, 'duplicate', two)).toBe('alert_disposition_refused');
    expect(await judge(test, 'test')).toBeUndefined();
    const before = await world.ok('GET', '/v1/alerts/summary');
    await raiser.raised({ subject: about('g'), synthetic: true, severity: 'critical' });
    const after = await world.ok('GET', '/v1/alerts/summary');
    expect(after).toMatchObject({ unclosed: before.unclosed, opened: before.opened });
    expect(after.synthetic_unclosed).toBe(before.synthetic_unclosed + 1);
    const { data } = await world.ok('GET', '/v1/alerts?limit=200');
    expect(data.some(({ synthetic }: { synthetic: boolean }) => synthetic)).toBe(false);
  });

  it('quarantine, stop and raise risk from it, and both sides name each other', async () => {
    const id = await raiser.raised({ subject: { kind: 'agent', id: agentId, name: 'crm-bot' } });
    const quarantine = await did(erin, id, 'quarantine', { reason: 'hold it' });
    expect(quarantine).toMatchObject({ object: 'quarantine', agent: 'crm-bot', reason: `${id}: hold it` });
    expect(await did(erin, id, 'risk', { level: 'high', reason: 'odd' })).toMatchObject({ level: 'high' });
    expect(await did(erin, id, 'stop', { reason: 'stop it' })).toMatchObject({ object: 'containment', scope: 'agent' });
    expect(await kindsOf(id, 4)).toEqual(['alert.opened', 'alert.acted', 'alert.acted', 'alert.acted']);
    const { history } = await alert(id);
    expect(history[1]).toMatchObject({ action: 'quarantine', quarantine_id: quarantine.id, person: erin.email });
    const unfit = await raiser.raised({ subject: { kind: 'sink', id: 'snk_2', name: 'elastic' } });
    for (const what of ['quarantine', 'stop', 'risk'])
      expect(await code(erin, unfit, what, { reason: 'x', ...(what === 'risk' ? { level: 'low' } : {}) })).toBe(
        'alert_action_unfit',
      );
  });

  it('are told once when nobody does it in time', async () => {
    const settings = await world.ok('GET', '/v1/alert-settings');
    await world.ok('PUT', '/v1/alert-settings', { ...settings, escalate_to: [sam.email] });
    const id = await raiser.raised({ subject: about('h') });
    await raiser.sql(
      `UPDATE alerts SET acknowledge_due_at = now() - interval '1 second', close_due_at = now() - interval '1 second' WHERE id = $1`,
      [id],
    );
    expect(await alert(id)).toMatchObject({ overdue: 'close' });
    expect(await kindsOf(id, 3)).toEqual(['alert.opened', 'alert.escalated', 'alert.escalated']);
    const { history } = await alert(id);
    expect(history[1]).toMatchObject({ missed: 'acknowledge', to: expect.arrayContaining([sam.email]) });
    expect(history[2]).toMatchObject({ missed: 'close' });
    await world.ok('PUT', '/v1/alert-settings', settings);
  }, 15_000);
});

describe('channels', () => {
  it('bring alerts as severe as is set, with evidence and link, unless they are muted; critical ones always', async () => {
    const settings = await world.ok('GET', '/v1/alert-settings');
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const email = { min_severity: 'medium', mutes: [{ rule: 'D50', until, reason: 'known' }] };
    await world.ok('PUT', '/v1/alert-settings', {
      ...settings,
      notify: [sam.email],
      channels: { ...settings.channels, email },
    });
    const { port } = relay;
    await world.ok('PUT', '/v1/channels/email', { host: '127.0.0.1', port, security: 'none', from: 'hk@acme.example' });
    await raiser.raised({ subject: about('i'), rule: 'D48', severity: 'low' });
    await raiser.raised({ subject: about('i'), rule: 'D50', severity: 'high' });
    const muted = await raiser.raised({ subject: about('i'), rule: 'D50', severity: 'critical' });
    const told = await raiser.raised({
      subject: about('i'),
      rule: 'D49',
      severity: 'medium',
      title: 'Ten\nSubject: x',
    });
    await did(erin, told, 'assign', { person: erin.email });
    await did(erin, told, 'assign', { person: dana.email });
    await expect.poll(() => relay.mails.length, { timeout: 10_000, interval: 20 }).toBe(3);
    const of = (id: string) => relay.mails.filter(({ text }) => text.includes(id));
    expect(of(muted)).toHaveLength(1);
    expect(of(told).map(({ to }) => to[0])).toEqual([sam.email, dana.email]);
    const [first] = of(told);
    expect(first?.text).toContain('10 records: evt_00000000000000000000000001');
    expect(first?.text).toContain(`/alerts/${told}`);
    expect(first?.headers.get('subject')).toBe('Alert, medium.');
    await expect
      .poll(async () => (await alert(told)).told, { timeout: 5_000, interval: 20 })
      .toMatchObject([{ channel: 'email', destination: sam.email, status: 'delivered' }, { destination: dana.email }]);
    await world.ok('DELETE', '/v1/channels/email');
    await world.ok('PUT', '/v1/alert-settings', settings);
  });
});

describe('the population', () => {
  it('is a table of all of a period, those of tests marked, nothing of it a formula, and its export on the log', async () => {
    const id = await raiser.raised({ subject: about('j'), title: '=HYPERLINK("x"), "quoted"' });
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const { body, headers } = await world.call('GET', `/v1/alerts/population?from=${encodeURIComponent(from)}`);
    expect(headers.get('content-type')).toContain('text/csv');
    const lines = body.split('\r\n');
    expect(lines[0]).toMatch(/^alert_id,rule,severity,opened,assigned,triaged,disposition,incident_id,closed,/);
    expect(lines.find((line: string) => line.startsWith(id))).toContain(`"'=HYPERLINK(""x""), ""quoted"""`);
    const all = await world.ok('GET', '/v1/alerts?synthetic=include&limit=200');
    expect(lines).toHaveLength(all.data.length + 2);
    expect(await world.events('kind=alert.exported', 1)).toMatchObject([{ selection: { from } }]);
  });

  it('is found by words of its title, and by the name of what it is about', async () => {
    const id = await raiser.raised({
      subject: { kind: 'agent', id: 'agt_9', name: 'Event-Invites' },
      title: 'Odd mails',
    });
    for (const q of ['odd mail', 'event-inv'])
      expect((await world.ok('GET', `/v1/alerts?q=${q}`)).data).toMatchObject([{ id }]);
    expect((await world.ok('GET', '/v1/alerts?q=agt_9')).data).toEqual([]);
  });

  it('is listed in pages that do not move when alerts come', async () => {
    const first = await world.ok('GET', '/v1/alerts?limit=3');
    await raiser.raised({ subject: about('k') });
    const second = await world.ok('GET', `/v1/alerts?limit=3&cursor=${encodeURIComponent(first.next_cursor)}`);
    const ids = [...first.data, ...second.data].map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(6);
    expect(
      await world.refused('GET', `/v1/alerts?limit=3&rule=D01&cursor=${encodeURIComponent(first.next_cursor)}`),
    ).toBe('cursor_invalid');
  });

  it('is of its workspace alone', async () => {
    const stranger = await addWorkspace(world.server);
    const raised = await raiser.raise({ subject: about('l'), groupKey: 'l' });
    if (raised.kind !== 'raised') throw new Error('suppressed');
    const { alertId: id, caseId } = raised;
    const key = { key: stranger };
    expect((await world.ok('GET', '/v1/alerts?synthetic=include', undefined, key)).data).toEqual([]);
    expect((await world.ok('GET', '/v1/alert-cases?synthetic=include', undefined, key)).data).toEqual([]);
    expect((await world.ok('GET', '/v1/alerts/summary', undefined, key)).opened).toBe(0);
    expect((await world.ok('GET', '/v1/alerts/population', undefined, key)).split('\r\n')).toHaveLength(2);
    expect(await world.refused('GET', `/v1/alerts/${id}`, undefined, key)).toBe('alert_not_found');
    expect(await world.refused('GET', `/v1/alert-cases/${caseId}`, undefined, key)).toBe('alert_case_not_found');
    const bodies: readonly (readonly [string, object])[] = [
      ['acknowledge', {}],
      ['assign', { person: erin.email }],
      ['triage', { disposition: 'benign', reason: 'x' }],
      ['close', { reason: 'x' }],
      ['reopen', { reason: 'x' }],
      ['severity', { severity: 'low', reason: 'x' }],
      ['quarantine', { reason: 'x' }],
      ['stop', { reason: 'x' }],
      ['risk', { level: 'low', reason: 'x' }],
    ];
    for (const [what, body] of bodies)
      expect(await world.refused('POST', `/v1/alerts/${id}/${what}`, body, key)).toBe('alert_not_found');
    expect(
      await world.refused('POST', `/v1/alert-cases/${caseId}/triage`, { disposition: 'benign', reason: 'x' }, key),
    ).toBe('alert_case_not_found');
  });
});
