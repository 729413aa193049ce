/** Evidence: what is in a report, that every form of it has the same rows, and that a period that is over stays as it was. */
import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCsv } from '../../../evidence/test/read/csv.ts';
import { readXlsx } from '../../../evidence/test/read/xlsx.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { roleFile } from '../agents/world.ts';
import { entriesOf } from './entries.ts';
import { type EvidenceWorld, openEvidence } from './world.ts';

let world: EvidenceWorld;

beforeAll(async () => {
  world = await openEvidence();
});
afterAll(() => world.server.close());

const REPORTS = ['scope', 'agents', 'roles', 'matrix', 'changes', 'approvals', 'incidents', 'vendors'];

const summary = (report: string) => world.ok('GET', `/v1/evidence/reports/${report}?${world.period}`);

const archives = new Map<string, ReadonlyMap<string, Buffer>>();

/** Made once: the period is over. */
async function archiveOf(report: string): Promise<ReadonlyMap<string, Buffer>> {
  const made = archives.get(report) ?? entriesOf(await world.file(report, 'zip'));
  archives.set(report, made);
  return made;
}

/** Name of a table → its rows, of all tables of these reports. */
async function everything(): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const report of REPORTS)
    for (const { name } of (await summary(report)).tables) found[`${report}/${name}`] = await world.rows(report, name);
  return found;
}

describe('every report', () => {
  it('counts the same in each format, in the API and by queries of its own', async () => {
    for (const report of REPORTS) {
      const { tables } = await summary(report);
      const { sheets } = readXlsx(await world.file(report, 'xlsx'));
      const archive = await archiveOf(report);
      const textOf = (path: string): string => archive.get(path)?.toString() ?? '';
      for (const [place, { name, row_count: count, header }] of tables.entries()) {
        const of = `${report}/${name}`;
        if (header.tie_out !== 'equal')
          expect(header.tie_out, of).toMatchObject({ reason: 'no other source counts these rows' });
        const csv = textOf(`${name}.csv`);
        expect(JSON.parse(textOf(`${name}.ipe.json`)), of).toMatchObject({
          row_count: count,
          sha256: hash('sha256', csv),
          control_totals: header.control_totals,
          source_counts: header.source_counts,
        });
        const rows = (sheets[place + 1]?.rows.length ?? 0) - 1;
        const counts = { csv: readCsv(csv).length - 1, xlsx: rows, api: (await world.rows(report, name)).length };
        expect(counts, of).toEqual({ csv: count, xlsx: count, api: count });
      }
    }
    for (const report of ['agents', 'approvals']) {
      const rows = await world.rows(report);
      expect(JSON.parse((await world.file(report, 'json')).toString())).toEqual(rows);
      const lines = (await world.file(report, 'jsonl')).toString().split('\n').slice(0, -1);
      expect(lines.map((line) => JSON.parse(line))).toEqual(rows);
    }
  });

  it('is on the log with its hash before it is sent, and is noted when it is looked at', async () => {
    const bytes = await world.file('agents', 'csv');
    const sha256 = hash('sha256', bytes);
    const count = (await world.rows('agents')).length;
    await expect
      .poll(async () =>
        (await world.events('kind=evidence.exported&limit=200', 1)).find((record) => record.sha256 === sha256),
      )
      .toMatchObject({ report: 'agents', table: 'agents', format: 'csv', count });
    expect((await world.events('kind=log.read&limit=200', 1)).map(({ read }) => read)).toContain('evidence');
  });

  it('says that a period is not over, and refuses one that has not begun, or is none', async () => {
    const at = (from: string, to: string) => `/v1/evidence/reports/agents?from=${from}&to=${to}`;
    const open = await world.ok('GET', at('2026-01-01T00:00:00Z', '2099-01-01T00:00:00Z'));
    const [{ header }] = open.tables;
    expect(header).toMatchObject({
      period_to: '2099-01-01T00:00:00.000Z',
      gaps: [
        { from: header.as_of, to: '2099-01-01T00:00:00.000Z', reason: 'The period was not over when this was read.' },
      ],
    });
    expect(await world.refused('GET', at('2098-01-01T00:00:00Z', '2099-01-01T00:00:00Z'))).toBe('period_in_future');
    expect(await world.refused('GET', at('2026-02-01T00:00:00Z', '2026-01-01T00:00:00Z'))).toBe('period_invalid');
    expect(await world.refused('GET', at('2026-01-01', '2026-02-01'))).toBe('request_invalid');
    const file = (query: string) => world.refused('GET', `/v1/evidence/reports/agents/file?${world.period}&${query}`);
    expect(await file('table=none')).toBe('table_not_found');
    expect(await file('format=pdf')).toBe('format_unavailable');
    expect(await file('colour=red')).toBe('parameter_invalid');
    expect(await world.refused('GET', `/v1/evidence/reports/none?${world.period}`)).toBe('report_not_found');
    expect(await world.refused('GET', `/v1/evidence/reports/matrix?${world.period}&at=2020-01-01T00:00:00Z`)).toBe(
      'parameter_invalid',
    );
    expect(await world.refused('GET', `/v1/evidence/reports/agents/rows?${world.period}&cursor=x.y`)).toBe(
      'cursor_invalid',
    );
  });

  it('is for every role, and shows nothing of another workspace', async () => {
    for (const role of ['auditor', 'viewer', 'reviewer'])
      await world.rows('agents', undefined, world.period, await world.keyOf(world.erin, `as-${role}`, [role]));
    const stranger = await addWorkspace(world.server);
    const marks = [...Object.values(world.ids), ...Object.values(world.approvals), 'crm-bot', 'lee@acme.example'];
    for (const report of REPORTS)
      for (const { name } of (await summary(report)).tables) {
        const seen = JSON.stringify(await world.rows(report, name, world.period, stranger));
        for (const mark of marks) expect(seen, `${report}/${name}`).not.toContain(mark);
      }
  });

  it('has texts from people as texts, whatever they look like', async () => {
    const csv = (await world.file('agents', 'csv')).toString();
    expect(csv).toContain(`"'=HYPERLINK(""http://evil.example"",""x"")`);
    const ipe = JSON.parse((await world.file('agents', 'ipe')).toString());
    expect(ipe.neutralised_cells).toBeGreaterThan(0);
    const [, sheet] = readXlsx(await world.file('agents', 'xlsx')).sheets;
    expect(sheet?.rows[1]?.get('C')).toMatchObject({ type: 'inlineStr', text: expect.stringMatching(/^=HYPERLINK/) });
    const views = await archiveOf('approvals');
    const html = [...views].filter(([path]) => path.endsWith('.html')).map(([, bytes]) => bytes.toString());
    expect(html.length).toBe(4);
    for (const page of html) {
      expect(page).toContain('&lt;script&gt;');
      expect(page).not.toMatch(/<script|<[^>]+ on[a-z]+=/i);
    }
  });
});

describe('what evidence is refused for', () => {
  it('an inventory has the revoked, the suspended, the unused and who is no agent, each with an owner who is a person', async () => {
    const { crm, pay, gone, asleep, old } = world.ids;
    const rows = await world.rows('agents');
    const of = (id: string) => rows.find(({ agent_id }) => agent_id === id);
    expect(of(gone)).toMatchObject({
      status: 'revoked',
      revoke_reason: expect.stringContaining('=HYPERLINK'),
      last_action_at: null,
    });
    expect(of(asleep)).toMatchObject({ status: 'suspended', suspended_at: expect.any(String) });
    expect(of(crm)).toMatchObject({
      status: 'active',
      model_ids: ['m-1'],
      tool_ids: ['crm'],
      data_classes: ['customer', 'internal'],
      risk_tier: 'low',
      credential_count: 2,
      last_credential_rotation_at: expect.any(String),
      decisions_in_period: 2,
      owner_status: 'active',
    });
    expect(of(pay)).toMatchObject({
      blast_radius_usd_24h: 100_000,
      blast_radius_state: 'bounded',
      role_ids: ['payer'],
    });
    // Revoked before the period, and said so.
    expect(of(old)).toBeUndefined();
    const [{ header }] = (await summary('agents')).tables;
    expect(header.exclusions).toContainEqual({
      what: 'agents that were revoked before the period and stayed so',
      count: 1,
      reason: 'they were not in force in it',
    });
    const seen = await world.rows('agents', 'identities-seen-not-registered');
    expect(rows.filter(({ status }) => status === 'unregistered').map(({ agent_id }) => agent_id)).toEqual(
      seen.map(({ identity_id }) => identity_id),
    );
    expect(seen.length).toBeGreaterThan(0);
    for (const { status, owner_email } of rows) if (status !== 'unregistered') expect(owner_email).toMatch(/@/);
  });

  it('a catalogue has every version of the period, each guard with version and parameters, and no pattern', async () => {
    const rows = await world.rows('roles', 'role-capability-guard');
    const support = rows.filter(({ role_id }) => role_id === 'support');
    expect(support.map(({ version, status, effective_to }) => [version, status, effective_to === null])).toEqual([
      [1, 'replaced', false],
      [2, 'in force', true],
    ]);
    expect(support[1]).toMatchObject({
      approved_by: [world.lee.email],
      change_id: 'CHG-1',
      description: 'reads customers',
    });
    expect(support[0]?.effective_to).toBe(support[1]?.effective_from);
    const pay = rows.filter(({ role_id, capability_id }) => role_id === 'payer' && capability_id === 'payments.pay');
    expect(pay.map(({ guard_id, guard_type, guard_version }) => [guard_id, guard_type, guard_version])).toEqual([
      ['payer/ask', 'approval', 1],
      ['payer/day', 'cap', 1],
    ]);
    for (const { guard_parameters, constraint_json } of pay)
      expect([guard_parameters, constraint_json]).toMatchObject([{ when: {} }, { access: 'write' }]);
    for (const { capability_id } of rows) expect(capability_id).not.toContain('*');
  });

  it('a matrix is what the engine answers, with its limits, and every question beside it', async () => {
    const rows = await world.rows('matrix');
    const cell = (role: string, capability: string) =>
      rows.find((row) => row.role === role && row.capability === capability);
    expect(cell('payer', 'payments.pay')).toMatchObject({ mark: 'A≤', text: expect.stringContaining('1,000') });
    expect(cell('support', 'crm.delete')).toMatchObject({ mark: '—' });
    const { crm } = world.ids;
    expect((await world.rows('matrix', 'matrix-agents')).filter(({ agent_id }) => agent_id === crm)).toMatchObject([
      { capability: 'crm.read', mark: 'A' },
    ]);
    const archive = await archiveOf('matrix');
    const sweep = (archive.get('decision-sweep.jsonl')?.toString() ?? '')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    const asked = rows.reduce((sum, { decisions_asked: n }) => sum + Number(n), 0);
    expect(sweep.length).toBe(asked);
    // At the cap and one beyond it.
    expect(sweep.filter(({ window }) => window?.rule === 'payer/day').map(({ verdict }) => verdict)).toContain('deny');
    expect(archive.get('matrix.svg')?.toString()).toContain('Produced by calling the decision engine');
    expect(archive.get('matrix.pdf')?.subarray(0, 5).toString()).toBe('%PDF-');
    expect((await world.file('matrix', 'pdf')).subarray(0, 5).toString()).toBe('%PDF-');
  });

  it('changes name author and approver, who are two, with prompt and model, differences, and every policy of the log', async () => {
    const rows = await world.rows('changes');
    const role = rows.find(({ change_id, object_type }) => change_id === 'CHG-1' && object_type === 'role');
    expect(role).toMatchObject({
      object_id: 'support',
      from_version: 1,
      to_version: 2,
      change_class: 'normal',
      requested_by: [world.erin.email],
      approved_by: [world.lee.email],
      approver_is_author: false,
      ticket: 'T-1',
    });
    expect(rows.find(({ object_type }) => object_type === 'model')).toMatchObject({
      object_id: world.ids.crm,
      to_version: 1,
    });
    const archive = await archiveOf('changes');
    expect(archive.get(String(role?.diff_uri))?.toString()).toContain('+    "description": "reads customers"');
    for (const { diff_uri } of rows) expect(archive.has(String(diff_uri))).toBe(true);
    const hashes = await world.rows('changes', 'policy-hashes-in-log');
    expect(hashes.map(({ standing }) => standing)).not.toContain('unknown');
    const [{ header }] = (await summary('changes')).tables;
    expect(header.control_totals).toMatchObject({ objects_with_version_gaps: 0 });
  });

  it('approvals have what was refused, expired and cancelled, each by a person, before it ran, and as it was approved', async () => {
    const rows = await world.rows('approvals');
    const { approved, denied, cancelled, pending } = world.approvals;
    const of = (id: string) => rows.find(({ approval_id }) => approval_id === id);
    expect(of(approved)).toMatchObject({
      decision: 'approved',
      decider_email: world.lee.email,
      authority_ok: true,
      decider_authority_limit: 50_000,
      decider_is_requester: false,
      decider_is_agent_owner: false,
      payload_match: true,
      decided_before_executed: true,
      outcome: 'success',
      amount_minor: 10_000,
      currency: 'USD',
      shown_to: [world.lee.email],
    });
    expect(of(denied)).toMatchObject({ decision: 'denied', reason: 'new bank account', executed_at: null });
    expect(of(cancelled)).toMatchObject({ decision: 'cancelled', decider_user_id: null });
    expect(of(pending)).toMatchObject({ decision: 'pending', decided_at: null });
    const archive = await archiveOf('approvals');
    for (const { approval_id, shown_view_sha256 } of rows)
      expect(`sha256:${hash('sha256', archive.get(`views/${approval_id}.json`) ?? '')}`).toBe(shown_view_sha256);
    expect(await world.rows('approvals', 'authority-limits')).toContainEqual(
      expect.objectContaining({ email: world.lee.email, capability: 'payments.*', unit: 'usd', max_units: 50_000 }),
    );
    expect((await world.rows('approvals', 'decisions')).map(({ decision }) => decision)).toEqual(['approve', 'deny']);
  });

  it('what cannot be seen is said, and counted where it can be', async () => {
    const spots = await world.rows('scope', 'coverage-and-blind-spots');
    const of = (id: string) => spots.find((spot) => spot.id === id);
    expect(of('self-reported')).toMatchObject({ covered: false, count: 8 });
    expect(of('other-ways')).toMatchObject({ covered: false, count: null });
    expect((await world.rows('scope', 'responsibilities')).length).toBe(20);
    const keys = await world.rows('scope', 'admin-keys');
    expect(keys).toContainEqual(
      expect.objectContaining({ actor: 'key:lee', person_email: world.lee.email, ended_at: null, replaced_by: null }),
    );
    expect(keys).toContainEqual(expect.objectContaining({ actor: 'key:first', person_email: null }));
    const archive = await archiveOf('scope');
    expect([...archive.keys()]).toContain('policies/role/support_v2.json');
    expect(archive.get('system-boundary.pdf')?.subarray(0, 5).toString()).toBe('%PDF-');
  });
});

describe('a period that is over', () => {
  it('has the same rows whatever happens after it', async () => {
    const before = await everything();
    const { data: keys } = await world.ok('GET', '/v1/keys?limit=100');
    const leesKey = keys.find(({ name }: { name: string }) => name === 'lee');
    await world.ok('POST', `/v1/keys/${leesKey.id}/rotate`, { overlap_seconds: 600 });
    await world.agent('later-bot', { role: 'payer', owner: 'late@acme.example' });
    await world.ok('PATCH', '/v1/agents/crm-bot', {
      description: 'other',
      metadata: {},
      risk_tier: 'high',
      roles: ['payer'],
      owner: world.erin.email,
      attributes: { model: 'm-2' },
    });
    const change = await world.submitted(world.erin, {
      operations: [{ type: 'role', id: 'support', document: roleFile('support') }],
    });
    await world.approve(world.lee, change);
    await world.post(world.erin, change, 'activate');
    await world.capability('payments.pay', { impact: {} });
    const { pending } = world.approvals;
    await world.ok(
      'POST',
      `/v1/approvals/${pending}/decide`,
      { decision: 'deny', reason: 'late' },
      { key: world.lee.key },
    );
    await world.ok('PATCH', `/v1/people/${world.lee.email}`, { label: 'elsewhere', authority: null, active: false });
    await world.ok('PATCH', '/v1/people/dana@acme.example', { active: false });
    await world.ok('POST', '/v1/containments', { scope: 'agent', target: 'pay-bot', reason: 'later' });
    const after = await everything();
    for (const table of Object.keys(before)) expect(after[table], table).toEqual(before[table]);
  });

  it('says what has left the log of it', async () => {
    const [call] = await world.events(`kind=tool.call&agent=${world.ids.crm}`, 2);
    const asked = { events: [call.event_id], fields: ['args'], reason: 'a customer asked' };
    const { id } = await world.ok('POST', '/v1/redactions', asked, { key: world.erin.key });
    const sam = await world.person('sam', ['reviewer']);
    await world.ok('POST', `/v1/retention/requests/${id}/approve`, {}, { key: sam.key });
    await expect
      .poll(async () => (await summary('agents')).tables[0].header.redactions, { interval: 100 })
      .toEqual([
        {
          fields: ['args'],
          count: 1,
          rule: expect.stringMatching(/^two people took them out of a record: log.redacted evt_/),
        },
      ]);
  });
});
