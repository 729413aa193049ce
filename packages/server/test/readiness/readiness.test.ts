/** Runs, the register of deficiencies, exemptions and sets of duties, over the API of a whole server. */
import { createHash } from 'node:crypto';
import { canonicalJson, checkNote, parseVerifierKey } from '@hivekey/action-log';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import {
  type ControlExemption,
  type Deficiency,
  HiveKey,
  HiveKeyError,
  type List,
  type Readiness,
  type ReadinessControl,
  type ReadinessRun,
  type SegregationSet,
  type StoredReadinessRun,
} from '../../../sdk/src/index.ts';
import { addWorkspace } from '../agents/second-workspace.ts';

let server: TestServer;
let admin: HiveKey;
let dana: HiveKey;
let lee: HiveKey;
let owner: pg.Client;

beforeAll(async () => {
  server = await startTestServer();
  admin = new HiveKey({ url: server.url, key: server.adminKey });
  for (const name of ['dana', 'lee'])
    await admin.request('POST', '/v1/people', {
      body: { email: `${name}@acme.example` },
    });
  dana = await keyOf('dana');
  lee = await keyOf('lee');
  owner = new pg.Client({ connectionString: server.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await server.close();
});

async function keyOf(name: string): Promise<HiveKey> {
  const made = await admin.request<{ key: string }>('POST', '/v1/keys', {
    body: { name, person: `${name}@acme.example` },
  });
  return new HiveKey({ url: server.url, key: made.key });
}

/** Stable code of the refusal. */
async function refusal(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => (error instanceof HiveKeyError ? error.code : String(error)),
  );
}

const LAST_DAYS = () => ({
  from: new Date(Date.now() - 2 * 86_400_000).toISOString(),
  to: new Date(Date.now() + 60_000).toISOString(),
});
const makeRun = (period = LAST_DAYS()) =>
  dana.request<StoredReadinessRun>('POST', '/v1/readiness/runs', { body: period });

describe('a fresh install', () => {
  test('shows zero passes, whatever the period', async () => {
    const quarter = await admin.request<Readiness>('GET', '/v1/readiness');
    expect(quarter.counts.pass).toBe(0);
    expect(quarter.id).toBeNull();
    expect(quarter.banner).toBe("Management's self-assessment. Not an auditor's opinion.");
    const { from, to } = LAST_DAYS();
    const days = await admin.request<Readiness>('GET', '/v1/readiness', { query: { from, to } });
    expect(days.controls.filter(({ state }) => state === 'pass')).toEqual([]);
    expect(Object.values(days.counts).reduce((sum, count) => sum + count)).toBe(20);
  });

  test('has no word of an auditor, and every statement has its values', async () => {
    const text = JSON.stringify(await admin.request<Readiness>('GET', '/v1/readiness'));
    expect(text).not.toMatch(/compliant|certified|passed SOC 2|auditor concluded/i);
    expect(text).not.toMatch(/\{[a-z_]+\}/);
  });
});

describe('a parameter', () => {
  test('is the setting that the engine enforces', async () => {
    await admin.request('PUT', '/v1/containment-settings', { body: { target_ms: 2500 } });
    const settings = await admin.request<{ target_ms: number }>('GET', '/v1/containment-settings');
    const control = await admin.request<ReadinessControl>('GET', '/v1/readiness/controls/AG-06');
    expect(control.parameters).toEqual({ stop_target: `${settings.target_ms / 1000} s` });
    expect(control.statement).toContain(`within ${settings.target_ms / 1000} s`);
  });
});

describe('a run', () => {
  test('is signed, on the log, and the same when it is read again', async () => {
    const made = await makeRun();
    const read = await admin.request<StoredReadinessRun>('GET', `/v1/readiness/runs/${made.id}`);
    expect(read).toEqual(made);
    expect(made.sha256).toBe(`sha256:${createHash('sha256').update(canonicalJson(made.run)).digest('hex')}`);
    expect(made.note).toContain(made.sha256);
    const { key: text } = await admin.request<{ key: string }>('GET', '/v1/audit/key');
    const key = parseVerifierKey(text);
    expect(checkNote(made.note, [key]).kind).toBe('verified');
    expect(checkNote(made.note.replace(' pass,', ' passes,'), [key]).kind).not.toBe('verified');
    const recorded = () => admin.request('GET', `/v1/audit/events/${made.event_id}`).catch(() => undefined);
    await expect
      .poll(recorded)
      .toMatchObject({ event: { kind: 'readiness.ran', run_id: made.id, sha256: made.sha256 } });
  });

  test('cannot be changed, removed or emptied, by the schema’s owner neither', async () => {
    for (const text of [
      `UPDATE readiness_runs SET counts = '{}'`,
      'DELETE FROM readiness_runs',
      'TRUNCATE readiness_runs CASCADE',
    ])
      await expect(owner.query(text)).rejects.toThrow('append_only');
  });

  test('is listed, newest first, with the state of each control', async () => {
    const made = await makeRun();
    const { data } = await admin.request<List<ReadinessRun>>('GET', '/v1/readiness/runs');
    expect(data[0]?.id).toBe(made.id);
    expect(Object.keys(data[0]?.states ?? {})).toHaveLength(20);
    expect((await admin.request<Readiness>('GET', '/v1/readiness')).id).toBe(made.id);
    const page = await admin.request<ReadinessControl>('GET', '/v1/readiness/controls/AG-01');
    expect(page.trend.at(-1)?.run).toBe(made.id);
  });

  test('has OSCAL and in-toto files of its own', async () => {
    const { id, run } = await makeRun();
    const oscal = await admin.request<Record<string, unknown>>('GET', `/v1/readiness/runs/${id}/assessment-results`);
    expect(Object.keys(oscal)).toEqual(['assessment-results']);
    expect(await admin.request('GET', '/v1/readiness/component-definition')).toHaveProperty('component-definition');
    const lines = await (await admin.stream('GET', `/v1/readiness/runs/${id}/test-results`)).text();
    expect(lines.trim().split('\n')).toHaveLength(run.controls.length);
  });

  test('is refused for a period that is none', async () => {
    expect(await refusal(makeRun({ from: '2026-10-01', to: '2026-07-01' }))).toBe('period_invalid');
    expect(await refusal(admin.request('GET', '/v1/readiness', { query: { from: '2026-07-01' } }))).toBe(
      'period_invalid',
    );
    expect(await refusal(admin.request('GET', '/v1/readiness/runs/run_none'))).toBe('run_not_found');
    expect(await refusal(admin.request('GET', '/v1/readiness/controls/AG-99'))).toBe('control_not_found');
  });
});

describe('a deficiency', () => {
  /** An agent that nobody else let in: AG-02 fails. */
  async function failing(name: string): Promise<Deficiency> {
    await admin.request('PUT', '/v1/roles/Reader', {
      body: {
        apiVersion: 'policy.hivekey.ai/v1',
        kind: 'Role',
        metadata: { name: 'Reader' },
        scope: { allow: ['crm.read'] },
      },
    });
    await admin.request('POST', '/v1/agents', { body: { name, role: 'Reader', owner: 'dana@acme.example' } });
    await makeRun();
    const { data } = await admin.request<List<Deficiency>>('GET', '/v1/deficiencies', {
      query: { control: 'AG-02', status: 'open' },
    });
    const [found] = data;
    if (found === undefined) throw new Error('no deficiency was opened');
    return found;
  }

  test('is opened by a run that fails, once, with the records', async () => {
    const first = await failing('helpdesk-bot');
    const agent = await admin.request<{ id: string }>('GET', '/v1/agents/helpdesk-bot');
    expect(first.record_ids).toEqual([agent.id]);
    const second = await failing('sales-bot');
    expect(second.id).toBe(first.id);
    expect(second.record_ids).toHaveLength(2);
    const page = await admin.request<ReadinessControl>('GET', '/v1/readiness/controls/AG-02', {
      query: { ...LAST_DAYS(), limit: 1 },
    });
    expect(page.deviations).toHaveLength(1);
    const rest = await admin.request<ReadinessControl>('GET', '/v1/readiness/controls/AG-02', {
      query: { from: page.period_from, to: page.period_to, limit: 1, cursor: page.next_cursor ?? '' },
    });
    expect([...page.deviations, ...rest.deviations].map(({ record_id }) => record_id).toSorted()).toEqual(
      second.record_ids.toSorted(),
    );
  });

  test('takes words that change no state', async () => {
    const [found] = (await admin.request<List<Deficiency>>('GET', '/v1/deficiencies', { query: { control: 'AG-02' } }))
      .data;
    const path = `/v1/deficiencies/${found?.id}`;
    const body = {
      owner: 'lee@acme.example',
      severity: 'high',
      remark: 'is fine',
      compensating: 'reviewed by hand',
      due_at: '2027-01-01T00:00:00Z',
    };
    expect(await dana.request('PATCH', path, { body })).toMatchObject({
      owner: 'lee@acme.example',
      severity: 'high',
      status: 'open',
    });
    expect((await makeRun()).run.controls.find(({ id }) => id === 'AG-02')?.state).toBe('fail');
    expect(
      await refusal(dana.request('PATCH', path, { body: { remediation: { changes: ['chg_none'], incidents: [] } } })),
    ).toBe('link_not_found');
    expect(await refusal(admin.request('PATCH', path, { body: { remark: 'by nobody' } }))).toBe('person_required');
  });

  test('is not closed by a run of a shorter period that leaves out what failed', async () => {
    const before = new Date(Date.now() - 4 * 86_400_000);
    await makeRun({ from: before.toISOString(), to: new Date(before.getTime() + 86_400_000).toISOString() });
    const [found] = (await admin.request<List<Deficiency>>('GET', '/v1/deficiencies', { query: { control: 'AG-02' } }))
      .data;
    expect(found?.status).toBe('open');
  });

  test('closed by a person with a reason stays closed, and is not opened again for the same records', async () => {
    const [found] = (await admin.request<List<Deficiency>>('GET', '/v1/deficiencies', { query: { control: 'AG-02' } }))
      .data;
    const path = `/v1/deficiencies/${found?.id}`;
    const closed = await dana.request<Deficiency>('PATCH', path, {
      body: { close: { reason: 'accepted until the next quarter' } },
    });
    expect(closed).toMatchObject({ status: 'closed', closed_by: 'dana@acme.example' });
    expect(await refusal(dana.request('PATCH', path, { body: { remark: 'later' } }))).toBe('deficiency_closed');
    expect((await makeRun()).run.controls.find(({ id }) => id === 'AG-02')?.state).toBe('fail');
    const open = await admin.request<List<Deficiency>>('GET', '/v1/deficiencies', {
      query: { control: 'AG-02', status: 'open' },
    });
    expect(open.data).toEqual([]);
    await expect(owner.query('DELETE FROM deficiencies')).rejects.toThrow('append_only');
    await expect(owner.query(`UPDATE deficiencies SET close_reason = 'other' WHERE status = 'closed'`)).rejects.toThrow(
      'deficiency_closed',
    );
  });

  test('is closed by a later run that passes', async () => {
    const { rows } = await owner.query<{ id: string; workspace_id: string; period_to: Date }>(
      'SELECT id, workspace_id, period_to FROM readiness_runs ORDER BY made_at LIMIT 1',
    );
    const [run] = rows;
    // As a run of before found it; without an agent that somebody has asked for AG-04 has nothing to test and cannot pass.
    await owner.query(
      `INSERT INTO deficiencies (workspace_id, id, control, severity, record_ids, opened_by_run, opened_at, failed_run, failed_at, updated_at)
       VALUES ($1, 'def_old', 'AG-04', 'low', '{}', $2, now(), $2, now(), now())`,
      [run?.workspace_id, run?.id],
    );
    await admin.request('PUT', '/v1/roles/Payer', {
      body: {
        apiVersion: 'policy.hivekey.ai/v1',
        kind: 'Role',
        metadata: { name: 'Payer' },
        scope: { allow: ['pay.send'] },
      },
    });
    const body = { name: 'read and pay', roles: ['Reader', 'Payer'], reason: 'four eyes' };
    await admin.request('POST', '/v1/segregation', { body });
    const to = new Date(Date.now() + 120_000).toISOString();
    const made = await makeRun({ from: new Date(Date.now() - 3 * 86_400_000).toISOString(), to });
    expect(made.run.controls.find(({ id }) => id === 'AG-04')?.state).toBe('pass');
    const closed = await admin.request<Deficiency>('GET', '/v1/deficiencies/def_old');
    expect(closed).toMatchObject({ status: 'closed', closed_by_run: made.id, closed_by: null });
  });
});

describe('not applicable', () => {
  const ask = (who: HiveKey, expires: string) =>
    who.request<ControlExemption>('POST', '/v1/readiness/not-applicable', {
      body: { control: 'AG-10', reason: 'there is no emergency road', expires_at: expires },
    });
  const soon = () => new Date(Date.now() + 86_400_000).toISOString();

  test('takes a reason, an end, and two people', async () => {
    expect(await refusal(ask(dana, '2020-01-01T00:00:00Z'))).toBe('expiry_invalid');
    expect(await refusal(ask(admin, soon()))).toBe('person_required');
    const asked = await ask(dana, soon());
    expect(await refusal(ask(lee, soon()))).toBe('exemption_waiting');
    expect(await refusal(dana.request('POST', `/v1/readiness/not-applicable/${asked.id}/approve`, { body: {} }))).toBe(
      'own_exemption',
    );
    const approved = await lee.request<ControlExemption>('POST', `/v1/readiness/not-applicable/${asked.id}/approve`, {
      body: {},
    });
    expect(approved).toMatchObject({ status: 'approved', answered_by: 'lee@acme.example' });
    const { from } = LAST_DAYS();
    const now = await admin.request<Readiness>('GET', '/v1/readiness', {
      query: { from, to: new Date().toISOString() },
    });
    expect(now.controls.find(({ id }) => id === 'AG-10')?.state).toBe('not_applicable');
    expect(await refusal(lee.request('POST', `/v1/readiness/not-applicable/${asked.id}/approve`, { body: {} }))).toBe(
      'exemption_over',
    );
    await lee.request('POST', `/v1/readiness/not-applicable/${asked.id}/end`, { body: {} });
    const after = await admin.request<Readiness>('GET', '/v1/readiness', {
      query: { from, to: new Date().toISOString() },
    });
    expect(after.controls.find(({ id }) => id === 'AG-10')?.state).not.toBe('not_applicable');
  });
});

describe('duties that are to be in different hands', () => {
  test('a conflict fails until somebody else than the owner accepts it', async () => {
    const [set] = (await admin.request<List<SegregationSet>>('GET', '/v1/segregation')).data;
    await admin.request('POST', '/v1/agents', {
      body: { name: 'both', roles: ['Reader', 'Payer'], owner: 'dana@acme.example' },
    });
    const state = async () => {
      const now = await admin.request<Readiness>('GET', '/v1/readiness', { query: { ...LAST_DAYS() } });
      return now.controls.find(({ id }) => id === 'AG-04');
    };
    const agent = await admin.request<{ id: string }>('GET', '/v1/agents/both');
    expect(await state()).toMatchObject({
      state: 'fail',
      deviations: [{ record_id: `${agent.id}/${set?.id}`, kind: 'conflict' }],
    });
    const body = { agent: 'both', reason: 'a small team', until: new Date(Date.now() + 86_400_000).toISOString() };
    const path = `/v1/segregation/${set?.id}/acceptances`;
    expect(await refusal(dana.request('POST', path, { body }))).toBe('own_agent');
    // What was in one hand before it was accepted was.
    await lee.request('POST', path, { body });
    expect((await state())?.state).toBe('fail');
  });
});

test('an unknown role in a set is refused', async () => {
  const body = { name: 'none', roles: ['Reader', 'Nobody'], reason: 'x' };
  expect(await refusal(admin.request('POST', '/v1/segregation', { body }))).toBe('role_not_found');
});

test('the crosswalk has its versions', async () => {
  const { data } = await admin.request<List<{ version: string; relation: string }>>('GET', '/v1/readiness/crosswalk');
  expect(data.every(({ version, relation }) => version !== '' && relation === 'supports')).toBe(true);
});

test('another workspace meets nothing of it', async () => {
  const stranger = new HiveKey({ url: server.url, key: await addWorkspace(server) });
  const made = await makeRun();
  const { data: deficiencies } = await admin.request<List<Deficiency>>('GET', '/v1/deficiencies');
  const { data: exemptions } = await admin.request<List<ControlExemption>>('GET', '/v1/readiness/not-applicable');
  const { data: sets } = await admin.request<List<SegregationSet>>('GET', '/v1/segregation');
  expect([deficiencies, exemptions, sets].map(({ length }) => length > 0)).toEqual([true, true, true]);
  for (const path of ['runs', 'not-applicable']) {
    const { data } = await stranger.request<List<unknown>>('GET', `/v1/readiness/${path}`);
    expect(data).toEqual([]);
  }
  for (const path of ['/v1/deficiencies', '/v1/segregation'])
    expect((await stranger.request<List<unknown>>('GET', path)).data).toEqual([]);
  for (const what of ['', '/assessment-results', '/test-results'])
    expect(await refusal(stranger.request('GET', `/v1/readiness/runs/${made.id}${what}`))).toBe('run_not_found');
  expect(await refusal(stranger.request('GET', `/v1/deficiencies/${deficiencies[0]?.id}`))).toBe(
    'deficiency_not_found',
  );
  expect(await refusal(stranger.request('POST', `/v1/segregation/${sets[0]?.id}/end`, { body: {} }))).toBe(
    'segregation_set_not_found',
  );
  expect((await stranger.request<Readiness>('GET', '/v1/readiness')).id).toBeNull();
});

describe('as evidence', () => {
  test('a period that was run is told as it was run, with its files', async () => {
    const { run, sha256 } = await makeRun({ from: '2026-01-01T00:00:00Z', to: '2026-04-01T00:00:00Z' });
    const query = { from: run.period_from, to: run.period_to };
    const summary = await admin.request<{ tables: { name: string; row_count: number }[] }>(
      'GET',
      '/v1/evidence/reports/readiness',
      { query },
    );
    expect(summary.tables.find(({ name }) => name === 'controls')?.row_count).toBe(20);
    const zip = await admin.stream('GET', '/v1/evidence/reports/readiness/file', {
      query: { ...query, format: 'zip' },
    });
    const names = Buffer.from(await zip.arrayBuffer()).toString('latin1');
    for (const file of [
      'readiness.json',
      'readiness.pdf',
      'oscal-assessment-results.json',
      'test-results.intoto.jsonl',
      'deficiencies.csv',
    ])
      expect(names).toContain(file);
    expect(sha256).toMatch(/^sha256:/);
  });
});
