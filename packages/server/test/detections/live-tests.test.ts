/** Live tests: through the real path, followed to sink and alert, and known to nothing else. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkNote, parseVerifierKey } from '@hivekey/action-log';
import { loadRules, reportNote, SAMPLES, shippedRules, testReport, testRule } from '@hivekey/detections';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startWorkspace, type Workspace } from '../actions/workspace.ts';
import { addWorkspace } from '../agents/second-workspace.ts';

let workspace: Workspace;
let files: string;
/** Of somebody who administers. */
let key: string;
let client: pg.Client;

beforeAll(async () => {
  files = mkdtempSync(join(tmpdir(), 'hivekey-live-tests-'));
  workspace = await startWorkspace({ sink_files: files });
  client = new pg.Client({ connectionString: workspace.server.ownerUrl });
  await client.connect();
  await workspace.capability('crm.read', { access: 'read' });
  await workspace.role('Support', ['crm.read']);
  await workspace.done('POST', '/v1/people', { email: 'lee@acme.example' });
  await workspace.done('PATCH', '/v1/people/lee@acme.example', { roles: ['admin'] });
  ({ key } = (await workspace.done('POST', '/v1/keys', { name: 'lee', person: 'lee@acme.example' })).body);
});
afterAll(async () => {
  await client.end();
  await workspace.close();
  rmSync(files, { recursive: true });
});

const get = async (path: string) => (await workspace.done('GET', path, undefined)).body;

interface LiveTest {
  readonly id: string;
  readonly status: string;
  readonly failure: string | null;
  readonly finding_id: string | null;
  readonly alert_id: string | null;
  readonly injected_event_ids: readonly string[];
  readonly injected_at: string;
  readonly arrived_at: string;
  readonly alerted_at: string;
  readonly arrivals: Readonly<Record<string, string>>;
}

const begin = (rule: string, body: object = {}, by = key) =>
  workspace.call('POST', `/v1/detections/${rule}/live-tests`, { key: by, body });

async function fire(rule: string, body: object = {}): Promise<LiveTest> {
  const begun = await begin(rule, body);
  expect({ rule, status: begun.status, error: begun.body.error?.cause }).toEqual({
    rule,
    status: 201,
    error: undefined,
  });
  return eventually(async () => {
    const test: LiveTest = await get(`/v1/detections/live-tests/${begun.body.id}`);
    return ['passed', 'failed'].includes(test.status) ? test : undefined;
  });
}

const event = async (id: string) => (await get(`/v1/audit/events/${id}`)).event;

/** Routes that read without naming anything, and whose answers count or list what there is. */
async function populations(): Promise<ReadonlyMap<string, string>> {
  const { paths } = await get('/openapi.json');
  const routes = Object.keys(paths).filter(
    (path) => path.startsWith('/v1/') && paths[path].get !== undefined && !path.includes('{'),
  );
  const found = new Map<string, string>();
  for (const route of routes.sort()) {
    if (SHOWS_TESTS.some((shown) => route.startsWith(shown))) continue;
    const { status, body } = await workspace.call('GET', route, { key });
    if (status === 200)
      found.set(
        route,
        JSON.stringify(body, (name, value) => (VOLATILE.has(name) ? undefined : value)),
      );
  }
  return found;
}

/** Decisions as metrics count them. */
async function decided(): Promise<string> {
  const { body } = await workspace.call('GET', '/metrics', { key });
  return String(body)
    .split('\n')
    .filter((line) => line.startsWith('hivekey_decisions_total'))
    .join('\n');
}

/** The log and what tells of it, where tests stand marked; streams; and files. */
const SHOWS_TESTS = [
  '/v1/audit/',
  '/v1/alerts',
  '/v1/alert-cases',
  '/v1/detections',
  '/v1/log-',
  '/v1/retention',
  '/v1/sinks',
  // Told as of the moment, with times and sizes in its sentences; that it leaves tests out is tested with it.
  '/v1/readiness',
  '/v1/siem',
  '/v1/session',
  '/v1/system',
  '/v1/channel-messages',
  // Asked with an admin key, routes of agents note it; and a picture of what is compared as a table.
  '/v1/unregistered-identities',
  '/v1/matrix.svg',
  // What the last look of many was.
  '/v1/drift',
];
/** Times and counters of the system, not of the population. */
const VOLATILE = new Set([
  'next_cursor',
  'last_used_at',
  'last_seen_at',
  'at',
  'as_of',
  'now',
  'checked_at',
  'computed_at',
  'generated_at',
  'measured_at',
  'taken_at',
  'updated_at',
  'head_seq',
  'tree_size',
  'period',
  'took_ms',
]);

describe('a live test', () => {
  it('goes through the real path to the sink and the alert, and keeps its times', async () => {
    await workspace.done('POST', '/v1/siem/sinks', { name: 'copy', kind: 'file', settings: { path: 'copy.ndjson' } });
    const test = await fire('D01');
    expect(test).toMatchObject({ status: 'passed', failure: null, alert_id: expect.stringMatching(/^alr_/) });
    expect(Object.keys(test.arrivals)).toHaveLength(1);
    for (const later of [test.arrived_at, test.alerted_at]) expect(later >= test.injected_at).toBe(true);
    const [first] = test.injected_event_ids;
    const call = await event(first ?? '');
    expect(call).toMatchObject({ kind: 'tool.call', verdict: 'deny', synthetic: true, run_id: test.id, agent_seq: 1 });
    expect(call.entry_hash).toMatch(/^sha256:/);
    const sent = readFileSync(join(files, 'copy.ndjson'), 'utf8');
    for (const id of test.injected_event_ids) expect(sent).toContain(id);
    const alert = await get(`/v1/alerts/${test.alert_id}`);
    expect(alert).toMatchObject({ synthetic: true, rule: 'D01' });
    expect(await get(`/v1/detections/findings/${test.finding_id}`)).toMatchObject({
      synthetic: true,
      live_test: test.id,
      acted: null,
    });
    expect((await get('/v1/detections/findings')).data).toEqual([]);
  });

  it('is known to no population, count, budget or history', async () => {
    await workspace.done('PUT', '/v1/breakers/prober', { signal: 'probes', threshold: 2, window_seconds: 300 });
    const counted = await decided();
    const before = await populations();
    expect(before.size).toBeGreaterThan(40);
    const tests = [await fire('D01'), await fire('D02'), await fire('D05'), await fire('D12')];
    expect(tests.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed', 'passed']);
    // What looks at the log by itself has passed the last of it.
    const { rows: heads } = await client.query("SELECT max(seq) AS head FROM actions WHERE record ? 'synthetic'");
    for (const cursor of ['breaker_cursors', 'use_cursors'])
      await eventually(async () => {
        const { rows } = await client.query(`SELECT next_seq FROM ${cursor}`);
        return Number(rows[0]?.next_seq) > Number(heads[0].head) ? true : undefined;
      });
    const after = await populations();
    expect([...before].filter(([route, was]) => after.get(route) !== was)).toEqual([]);
    expect(await decided()).toBe(counted);
    for (const [route, text] of after)
      for (const { id } of tests) expect({ route, leaks: text.includes(id) }).toEqual({ route, leaks: false });

    const count = async (table: string, column = 'agent_id') =>
      (
        await client.query(
          `SELECT count(*)::int AS n FROM ${table} WHERE ${column} IN (SELECT id FROM agents WHERE synthetic)`,
        )
      ).rows[0].n;
    expect(await count('capability_use')).toBe(0);
    expect(await count('breaker_states')).toBe(0);
    expect(await count('quarantines')).toBe(0);
    expect(await count('agent_tokens')).toBe(0);
    expect((await client.query(`SELECT count(*)::int AS n FROM window_entries`)).rows[0].n).toBe(0);
    // The policy that a test made up is not the one that was published.
    const agent = await workspace.agent('real-bot', 'Support');
    const answer = await workspace.call('POST', '/v1/actions', {
      key: agent.token,
      body: { action: 'crm.read', arguments: {} },
    });
    expect(answer.status).toBe(200);
  });

  it('of what is none raises nothing', async () => {
    expect(await fire('D01', { kind: 'benign' })).toMatchObject({ status: 'passed', alert_id: null });
  });

  it('tests rules of many kinds within seconds', async () => {
    const rules = ['D04', 'D06', 'D07', 'D08', 'D09', 'D11', 'D13', 'D15', 'D16', 'D17', 'D19', 'D20', 'D22'];
    const tests = await Promise.all(rules.map(async (rule) => ({ rule, ...(await fire(rule)) })));
    expect(tests.filter(({ status }) => status !== 'passed').map(({ rule, failure }) => ({ rule, failure }))).toEqual(
      [],
    );
  });

  it.each(['D03', 'D10', 'D18'])('is refused where it would be no proof: %s', async (rule) => {
    expect((await begin(rule)).body.error.code).toBe('live_test_impossible');
  });

  it('takes a person, and runs once at a time', async () => {
    const unowned = await workspace.call('POST', '/v1/detections/D01/live-tests', { body: {} });
    expect(unowned.body.error.code).toBe('person_required');
    const [one, two] = await Promise.all([begin('D02'), begin('D02')]);
    expect([one.body.error?.code, two.body.error?.code].sort()).toEqual(['live_test_running', undefined]);
    expect((await begin('nothing')).body.error.code).toBe('detection_not_found');
  });

  it('makes no record up that HiveKey itself would believe', async () => {
    const events = [{ kind: 'hold.released', ts: '2026-11-26T10:00:00.000Z', event_id: 'evt_1' }];
    expect((await begin('D01', { events })).body.error.code).toBe('live_test_impossible');
  });

  it('fails where its alert does not come', async () => {
    await workspace.call('PUT', '/v1/detections/late', {
      key,
      body: {
        sigma: `title: Late\nid: 6b0c9d6e-8a31-4c43-9f0a-0e6b4b5d0002\nlogsource: { product: hivekey, service: action }
detection:\n  selection: { kind: tool.call, latency_ms: 1.4 }\n  condition: selection\nlevel: low\n`,
      },
    });
    const call = {
      kind: 'tool.call',
      ts: '2026-11-26T10:00:00.000Z',
      event_id: 'evt_1',
      agent_id: 'agt_x',
      agent: 'x',
      action: 'a.b',
      verdict: 'deny',
      latency_ms: 1.4,
    };
    const begun = await begin('late', { events: [call] });
    const test = await eventually(async () => {
      const found: LiveTest = await get(`/v1/detections/live-tests/${begun.body.id}`);
      return found.status === 'failed' ? found : undefined;
    });
    expect(test).toMatchObject({ failure: 'not_found', alert_id: null });
  });
});

describe('evidence', () => {
  it('has what the SIEM made of a test, once', async () => {
    const { id } = await fire('D13');
    const path = `/v1/detections/live-tests/${id}/siem-alert`;
    const confirmed = await workspace.call('POST', path, { key, body: { alert_id: 'NOTABLE-77' } });
    expect(confirmed.body).toMatchObject({
      siem_alert_id: 'NOTABLE-77',
      siem_reported_how: 'webhook',
      siem_reported_by: 'key:lee',
    });
    expect((await workspace.call('POST', path, { key, body: { alert_id: 'X' } })).body.error.code).toBe(
      'siem_alert_known',
    );
    const stranger = await addWorkspace(workspace.server);
    for (const [method, of] of [
      ['GET', path.replace('/siem-alert', '')],
      ['POST', path],
    ] as const)
      expect(
        (await workspace.call(method, of, { key: stranger, ...(method === 'POST' ? { body: { alert_id: 'X' } } : {}) }))
          .status,
      ).toBe(404);
  });

  it('has reports of samples, signed with the key of the log, and what a quarter still wants', async () => {
    const duties = async () =>
      (await get('/v1/detections/test-duties')).rules.find(
        ({ detection }: { detection: string }) => detection === 'D03',
      );
    expect(await duties()).toMatchObject({ is_done: false });
    const folder = new URL('../../../detections/rules/', import.meta.url);
    const rule = loadRules(shippedRules()).rules.find(({ document }) => document.ref === 'D03');
    if (rule === undefined) throw new Error('D03 is shipped');
    const text = (name: string) => readFileSync(new URL(`${rule.file}/${name}`, folder), 'utf8');
    const [attack, near, benign] = SAMPLES.map((name) => text(`${name}.ndjson`));
    const samples = { attack: attack ?? '', 'near-miss': near ?? '', benign: benign ?? '' };
    const test = testRule(rule, { expected: text('expected.yaml'), samples }, () => 0);
    const report = testReport([test], 'dana@acme.example', new Date().toISOString());
    const stored = await workspace.call('POST', '/v1/detections/test-reports', { key, body: report });
    expect(stored.status).toBe(201);
    const { key: verifier } = await get('/v1/audit/key');
    const note = checkNote(stored.body.note, [parseVerifierKey(verifier)]);
    expect(note).toMatchObject({ kind: 'verified', note: { text: reportNote(report) } });
    expect((await get(`/v1/detections/test-reports/${stored.body.id}`)).report).toEqual(report);
    expect(await duties()).toMatchObject({ is_done: true });

    const wrong = await workspace.call('POST', '/v1/detections/test-reports', { key, body: { ...report, passed: 5 } });
    expect(wrong.body.error.code).toBe('test_report_invalid');
    const old = await workspace.call('POST', '/v1/detections/test-reports', {
      key,
      body: { ...report, made_at: '2020-01-01T00:00:00.000Z' },
    });
    expect(old.body.error.code).toBe('test_report_invalid');
  });

  it('is a table of tests with its columns, and a catalogue', async () => {
    const { data } = await get('/v1/detections/tests');
    expect(data).toContainEqual(
      expect.objectContaining({
        detection: 'D01',
        method: 'live',
        kind: 'attack',
        result: 'passed',
        notified: expect.any(Array),
      }),
    );
    expect(data).toContainEqual(
      expect.objectContaining({ detection: 'D03', method: 'samples', kind: 'near-miss', result: 'passed' }),
    );
    const { body: csv } = await workspace.call('GET', '/v1/detections/tests.csv', { key });
    expect(String(csv).split('\r\n')[0]).toMatch(
      /^test_id,rule_version,injected_event_ids,injected_at,arrived_at,alerted_at,alert_id,notified,acknowledged_by,acknowledged_at,closed_at,result,/,
    );
    const catalogue = (await get('/v1/detections/catalogue')).data;
    expect(catalogue.find(({ name }: { name: string }) => name === 'D01')).toMatchObject({
      enabled: true,
      enabled_from: expect.any(String),
      enabled_to: null,
      data_needed: expect.arrayContaining(['verdict']),
      maps_to: { soc2: expect.arrayContaining(['CC7.2']) },
    });
  });
});
