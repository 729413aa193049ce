/** The population of the log, samples of it with their evidence, stops and streams: as evidence of one company. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { entryHash, formatHash, parseVerifierKey, verifyExport, verifyProof } from '@hivekey/action-log';
import { rankOf } from '@hivekey/evidence';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Vault } from '../../src/approvals/vault.ts';
import { Worlds } from '../../src/blast-radius/index.ts';
import { openPool } from '../../src/database/index.ts';
import { inSnapshot, readReport, reportOf, scopeOf } from '../../src/evidence/index.ts';
import { loadServerKeys } from '../../src/identity/keys.ts';
import { openLogForReading } from '../../src/log/index.ts';
import { startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import type { Answer } from '../api/client.ts';

const SEED = 'auditor-2026-Q3';
const PAID = 24;

let workspace: Workspace;
let bot: TestAgent;
let folder: string;
let period: { readonly from: string; readonly to: string };

async function act(agent: TestAgent, action: string, args: object): Promise<Answer> {
  return workspace.call('POST', '/v1/actions', {
    key: agent.token,
    headers: { prefer: 'respond-async' },
    body: { action, arguments: args },
  });
}

const query = () => `from=${period.from}&to=${period.to}`;

async function rows(report: string, table: string, more = ''): Promise<Record<string, never>[]> {
  const { status, body } = await workspace.call(
    'GET',
    `/v1/evidence/reports/${report}/rows?${query()}&table=${table}&limit=200${more}`,
  );
  expect(status, JSON.stringify(body)).toBe(200);
  return body.rows.map((row: unknown[]) => Object.fromEntries(row.map((cell, at) => [body.columns[at], cell])));
}

const drawn = (change: object = {}) =>
  workspace.call('POST', '/v1/samples', {
    body: { report: 'action-log', ...period, parameters: { kind: 'tool.call' }, size: 5, seed: SEED, ...change },
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hivekey-samples-'));
  workspace = await startWorkspace({ sink_files: folder });
  const from = new Date(Date.now() - 60_000).toISOString();
  await workspace.done('POST', '/v1/siem/sinks', {
    name: 'copy',
    kind: 'file',
    settings: { path: 'copy.ndjson' },
    start: { seq: 1 },
  });
  await workspace.capability('payments.pay', {
    impact: { usd: { field: 'amount', currency: 'USD' } },
    about: { payee: 'to' },
    reference: 'id',
  });
  await workspace.role(
    'payer',
    ['payments.pay'],
    [{ id: 'big', action: 'payments.pay', when: { field: 'amount', gte: 500 }, effect: 'review' }],
  );
  bot = await workspace.agent('pay-bot', 'payer');
  for (let n = 1; n <= PAID; n += 1) {
    const { body } = await act(bot, 'payments.pay', { amount: n, to: `V-${n}` });
    await workspace.call('POST', `/v1/actions/${body.permit.id}/outcome`, {
      key: bot.token,
      body: { result: 'success', reference: `ch_${n}` },
    });
  }
  await act(bot, 'payments.refund', { amount: 1 });
  await act(bot, 'payments.pay', { amount: 900, to: 'V-900' });
  await workspace.done('POST', '/v1/containments/rehearsals', { agent: 'pay-bot' });
  await workspace.done('POST', '/v1/agents/pay-bot/revoke', { reason: 'key seen elsewhere' });
  expect((await act(bot, 'payments.pay', { amount: 1, to: 'V-1' })).status).toBe(401);
  const sink = () => workspace.call('GET', '/v1/siem/sinks/copy');
  const head = (await sink()).body.head_seq;
  await vi.waitFor(async () => expect((await sink()).body.cursor_seq).toBeGreaterThanOrEqual(head), 10_000);
  period = { from, to: new Date().toISOString() };
}, 60_000);
afterAll(async () => {
  await workspace.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the population', () => {
  it('has every entry in the order of the log, with who, what, when, verdict and the tool’s own reference', async () => {
    const entries = await rows('action-log', 'entries');
    const seqs = entries.map(({ seq }) => Number(seq));
    expect(seqs).toEqual(seqs.map((_, at) => at + 1));
    const paid = entries.find(({ target, kind }) => target === 'V-7' && kind === 'tool.call');
    expect(paid).toMatchObject({
      agent_id: bot.id,
      owner_email: 'dana@acme.example',
      owner_user_id: expect.stringMatching(/^per_/),
      capability: 'payments.pay',
      args_redacted: { amount: 7, to: 'V-7' },
      amount_minor: 700,
      currency: 'USD',
      verdict: 'allow',
      outcome: 'success',
      tool_reference: 'ch_7',
      payload: 'present',
    });
    expect(entries.filter(({ verdict }) => verdict === 'deny').length).toBeGreaterThanOrEqual(1);
    expect(entries.filter(({ verdict }) => verdict === 'review')).toHaveLength(1);
  });

  it('ties out with sources of its own, in every table of the three items', async () => {
    for (const report of ['action-log', 'siem', 'revocations', 'samples', 'tool-tie-out']) {
      const { status, body } = await workspace.call('GET', `/v1/evidence/reports/${report}?${query()}`);
      expect(status, JSON.stringify(body)).toBe(200);
      for (const { name, row_count: count, header } of body.tables) {
        // Some are counted by nothing but themselves, and say so.
        const difference = header.tie_out === 'equal' ? 0 : header.tie_out.difference;
        expect([report, name, difference]).toEqual([report, name, 0]);
        expect(header.control_totals.rows).toBe(count);
      }
    }
    const { body } = await workspace.call('GET', `/v1/evidence/reports/action-log?${query()}`);
    const [entries, index, days] = body.tables;
    expect(index.row_count).toBe(entries.row_count);
    expect(entries.header.control_totals).toMatchObject({
      'count.verdict.allow': PAID,
      'sum.amount_minor.allow.USD': (100 * PAID * (PAID + 1)) / 2,
      'sum.amount_minor.review.USD': 90_000,
    });
    expect(entries.header.gaps).toEqual([]);
    const counted = await rows('action-log', 'daily-counts');
    expect(counted.reduce((sum, { entries: of }) => sum + Number(of), 0)).toBe(entries.row_count);
    expect(days.row_count).toBe(counted.length);
  });

  it('is given out as the exact bytes that were hashed, cut at months, with what binds them to a checkpoint', async () => {
    const files = await filesOf('action-log');
    const month = period.from.slice(0, 7);
    const packed = files.get(`entries/${month}.jsonl.gz`) ?? Buffer.alloc(0);
    expect([...packed.subarray(4, 10)]).toEqual([0, 0, 0, 0, packed[8], 255]);
    const lines = gunzipSync(packed);
    const index = await rows('action-log', 'chain_index');
    const shown = lines.toString().trimEnd().split('\n');
    expect(shown).toHaveLength(index.length);
    shown.forEach((line, n) => {
      const { entry_hash: hash } = JSON.parse(line);
      const record = line.slice(line.indexOf('"record":') + 9, line.lastIndexOf(',"seq":'));
      expect(hash).toBe(`sha256:${index[n]?.entry_hash}`);
      expect(formatHash(entryHash(record))).toBe(hash);
    });
    const parts = new Map(
      [...files].flatMap(([path, bytes]) =>
        path.startsWith('log/') ? [[path.slice('log/'.length), bytes] as const] : [],
      ),
    );
    parts.set('entries.jsonl', lines);
    const report = await verifyExport(
      {
        size: async (path) => parts.get(path)?.length,
        async *read(path, start, end) {
          yield parts.get(path)?.subarray(start, end) ?? Buffer.alloc(0);
        },
      },
      { trustedKey: parseVerifierKey(String(parts.get('verifier.key')).trim()) },
    );
    expect(report.findings.filter(({ fatal }) => fatal)).toEqual([]);
    expect(report.isVerified).toBe(true);
  });
});

describe('a draw', () => {
  it('is asked for on the log before a row is chosen, and the same seed chooses the same rows', async () => {
    const calls = (await rows('action-log', 'entries', '&kind=tool.call')).length;
    expect(calls).toBeGreaterThan(PAID);
    const { status, body: sample } = await drawn();
    expect(status).toBe(201);
    expect(sample).toMatchObject({
      status: 'drawn',
      count: 5,
      draw: 1,
      population: { count: calls },
      method: 'random',
    });
    const { body: items } = await workspace.call('GET', `/v1/samples/${sample.id}/items`);
    const { body: population } = await workspace.call('GET', `/v1/samples/${sample.id}/population`);
    expect(createHash('sha256').update(population).digest('hex')).toBe(sample.population.sha256);
    const ids = population
      .trimEnd()
      .split('\n')
      .map((line: string) => line.split('\t')[0]);
    const expected = ids.sort((a: string, b: string) => (rankOf(SEED, a) < rankOf(SEED, b) ? -1 : 1)).slice(0, 5);
    const chosen = items.data.map(({ unit_id: id }: { unit_id: string }) => id);
    expect(chosen).toEqual(expected);
    expect(sample.list_sha256).toBe(
      createHash('sha256')
        .update(chosen.map((id: string) => `${id}\n`).join(''))
        .digest('hex'),
    );
    const requested = await event(sample.requested_event_id);
    const told = await event(sample.drawn_event_id);
    expect(requested).toMatchObject({
      kind: 'sample.requested',
      seed: SEED,
      size: 5,
      population_sha256: sample.population.sha256,
    });
    expect(told).toMatchObject({ kind: 'sample.drawn', count: 5, list_sha256: sample.list_sha256 });
    const again = await drawn();
    expect(again.body).toMatchObject({ draw: 2, list_sha256: sample.list_sha256, population: sample.population });
    expect(await event(again.body.requested_event_id)).toMatchObject({ draw: 2, earlier: [sample.id] });
    expect((await drawn({ seed: 'another-seed' })).body).toMatchObject({ draw: 3 });
  });

  it('shares itself out over strata, and finds money in proportion', async () => {
    const { body: strata } = await drawn({ method: 'stratified', stratify_by: 'verdict', size: 6 });
    const of = Object.fromEntries(
      strata.strata.map(({ stratum, drawn: n }: { stratum: string; drawn: number }) => [stratum, n]),
    );
    expect(of).toMatchObject({ allow: expect.any(Number), deny: expect.any(Number), review: 1 });
    expect(Object.values(of).reduce((sum: number, n) => sum + Number(n), 0)).toBe(6);
    expect((await drawn({ method: 'stratified', stratify_by: 'day', size: 3 })).status).toBe(201);
    const { body: money } = await drawn({ method: 'monetary_unit', currency: 'USD', size: 4 });
    const { body: items } = await workspace.call('GET', `/v1/samples/${money.id}/items`);
    // Three quarters of it is the one call that was held.
    expect(
      items.data.find(({ row }: { row: { target: string } }) => row.target === 'V-900').hits,
    ).toBeGreaterThanOrEqual(2);
  });

  it.each([
    ['sample_incomplete', { method: 'stratified' }],
    ['sample_incomplete', { stratify_by: 'verdict' }],
    ['sample_incomplete', { method: 'monetary_unit' }],
    ['sample_column_invalid', { method: 'stratified', stratify_by: 'nothing' }],
    ['sample_column_invalid', { method: 'monetary_unit', currency: 'USD', amount: 'verdict' }],
    ['sample_too_small', { method: 'stratified', stratify_by: 'target', size: 2 }],
    ['population_empty', { parameters: { kind: 'nothing' } }],
    ['parameter_invalid', { parameters: { nothing: 'x' } }],
    ['report_not_found', { report: 'nothing' }],
    ['request_invalid', { seed: "x'; rm -rf /" }],
  ])('is refused as %s', async (code, change) => {
    const before = (await workspace.call('GET', '/v1/samples?limit=200')).body.data.length;
    const { body } = await drawn(change);
    expect(body.error?.code).toBe(code);
    expect((await workspace.call('GET', '/v1/samples?limit=200')).body.data.length).toBe(before);
  });

  it('is for auditors, reviewers and administrators, of their own workspace', async () => {
    const keyOf = async (role: string) =>
      (await workspace.done('POST', '/v1/keys', { name: `only-${role}`, roles: [role] })).body.key;
    const [auditor, operator] = [await keyOf('auditor'), await keyOf('operator')];
    const body = { report: 'agents', ...period, size: 1, seed: SEED };
    const mine = await workspace.call('POST', '/v1/samples', { key: auditor, body });
    expect(mine.status).toBe(201);
    expect((await workspace.call('POST', '/v1/samples', { key: operator, body })).body.error.code).toBe('role_missing');
    expect((await workspace.call('GET', `/v1/samples/${mine.body.id}/items`, { key: operator })).status).toBe(403);
    const other = await addWorkspace(workspace.server);
    expect((await workspace.call('GET', `/v1/samples/${mine.body.id}/items`, { key: other })).body.error.code).toBe(
      'sample_not_found',
    );
  });

  it('is never changed or taken back, whoever tries', async () => {
    for (const statement of [
      'DELETE FROM sample_items',
      'DELETE FROM samples',
      "UPDATE samples SET seed = 'better-one'",
      "UPDATE sample_items SET unit_id = 'x'",
      'TRUNCATE samples CASCADE',
    ])
      await expect(owner(statement)).rejects.toThrow(/append_only/);
  });
});

describe('the pack of a row', () => {
  it('has call, result, approval with what was shown, policy, owner, reference and proofs that hold', async () => {
    const { body: sample } = await drawn({ size: 100 });
    const { body: items } = await workspace.call('GET', `/v1/samples/${sample.id}/items`);
    const numberOf = (target: string) =>
      items.data.find(({ row }: { row: { target: string } }) => row.target === target).n as number;
    const { body: paid } = await workspace.call('GET', `/v1/samples/${sample.id}/items/${numberOf('V-3')}/pack`);
    expect(paid).toMatchObject({
      owner_at_time: 'dana@acme.example',
      tool_reference: 'ch_3',
      no_record: [],
      approval: null,
      action: { kind: 'tool.call', record: { action: 'payments.pay' } },
      result: { kind: 'tool.result', record: { outcome: 'success' } },
      policy: { role: 'payer', activated: { kind: 'policy.changed' } },
    });
    const { body: key } = await workspace.call('GET', '/v1/audit/key');
    for (const { proof } of [paid.action, paid.result, paid.policy.activated])
      expect(verifyProof(proof, parseVerifierKey(key.key)).isVerified).toBe(true);
    const { body: held } = await workspace.call('GET', `/v1/samples/${sample.id}/items/${numberOf('V-900')}/pack`);
    expect(held.approval).toMatchObject({ view_sha256: expect.stringMatching(/^sha256:/), view: expect.any(Object) });
    expect(held.approval.records[0].kind).toBe('approval.requested');
    const zip = await fetch(`${workspace.server.url}/v1/samples/${sample.id}/items/1/pack?format=folder`, {
      headers: { authorization: `Bearer ${workspace.server.adminKey}` },
    });
    expect(
      Buffer.from(await zip.arrayBuffer())
        .subarray(0, 2)
        .toString(),
    ).toBe('PK');
  });
});

describe('stops', () => {
  it('are drawn, and told on one page', async () => {
    const files = await filesOf('revocations');
    expect(files.get('timeline.svg')?.toString()).toMatch(/^<svg/);
    expect(files.get('report.pdf')?.subarray(0, 5).toString()).toBe('%PDF-');
    const siem = await filesOf('siem');
    expect(JSON.parse(String(siem.get('pipeline.json')))).toMatchObject([{ name: 'copy', kind: 'file' }]);
    expect([...siem.keys()].filter((path) => path.startsWith('rules/')).length).toBeGreaterThan(20);
  });

  it('have a row for each tool with its own clock, and what the log says before and after', async () => {
    const [real] = await rows('revocations', 'revocations');
    expect(real).toMatchObject({
      kind: 'production',
      agent_id: bot.id,
      trigger: 'key seen elsewhere',
      tool: 'payments.pay',
      probe_result: 'refused',
      later_successes: 0,
      evidence_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const at = (name: string) => Date.parse(String(real?.[name]));
    expect(at('last_success_before')).toBeLessThanOrEqual(at('requested_at'));
    expect(at('first_denied_after')).toBeGreaterThanOrEqual(at('propagation_started_at'));
    expect(at('effective_at')).toBeGreaterThanOrEqual(at('requested_at'));
    const [drill] = await rows('revocations', 'drills');
    expect(drill).toMatchObject({ kind: 'drill', agent_id: bot.id, status: 'passed', tool: 'payments.pay' });
    expect(await rows('revocations', 'per-tool-probes')).toHaveLength(2);
  });
});

describe('streams', () => {
  it('show what was produced and accepted each day, how they are set, and the rules', async () => {
    const days = await rows('siem', 'delivery-ledger');
    const day = days.at(-1);
    expect(Number(day?.produced)).toBe(Number(day?.accepted));
    expect(Number(day?.in_log)).toBe(Number(day?.produced) + Number(day?.left_out) + Number(day?.open));
    const [pipe] = await rows('siem', 'pipeline');
    expect(pipe).toMatchObject({ name: 'copy', kind: 'file', status: 'active', owner: 'key:first' });
    const rules = await rows('siem', 'rules');
    expect(rules.length).toBeGreaterThan(10);
    expect(rules.every(({ logic_text: words }) => String(words).length > 10)).toBe(true);
  });
});

/** What goes along with the tables, as a bundle has it. */
async function filesOf(id: string): Promise<ReadonlyMap<string, Buffer>> {
  const { config, ownerUrl, url } = workspace.server;
  const pool = openPool(ownerUrl, 4);
  const keys = loadServerKeys(config.data, undefined);
  const log = openLogForReading({ pool, connectionString: ownerUrl, nodeId: 'reader', signingKey: keys.signing });
  const vault = new Vault(keys.envelope);
  const context = { pool, log, config, version: '0', url, worlds: new Worlds(pool), approvals: { vault } };
  try {
    const { rows: workspaces } = await pool.query("SELECT id FROM workspaces WHERE name = 'default'");
    return await inSnapshot(context, workspaces[0].id, async (snapshot) => {
      const report = reportOf(id);
      const content = await readReport(report, scopeOf(context, snapshot, { report, period, parameters: {} }));
      const found = new Map<string, Buffer>();
      for await (const { path, bytes } of content.attachments?.() ?? []) found.set(path, await wholeOf(bytes));
      return found;
    });
  } finally {
    await log.close();
    await pool.end();
  }
}

async function wholeOf(bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<Buffer> {
  if (bytes instanceof Uint8Array) return Buffer.from(bytes);
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A record, when it is sealed and projected. */
async function event(id: string): Promise<Record<string, unknown>> {
  return vi.waitFor(async () => {
    const { status, body } = await workspace.call('GET', `/v1/audit/events/${id}`);
    expect(status).toBe(200);
    return body.event;
  }, 10_000);
}

// biome-ignore lint/suspicious/noExplicitAny: rows of whatever is asked
async function owner(sql: string): Promise<{ rows: any[] }> {
  const client = new pg.Client({ connectionString: workspace.server.ownerUrl });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}
