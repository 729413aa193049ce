/** What has outlived its period goes, what is held stays, and whoever has an export can tell which is which. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseVerifierKey, verifyDisposal } from '@hivekey/action-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../cli/test/run-cli.ts';
import { eventually, settledEvent, startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { download, type ExportedEntry, entriesOf, type Files, verify } from '../audit/archive.ts';
import { age, asOwner } from './old-log.ts';

const SECRET = 'DE02 1203 0000 0000 2020 51';

let workspace: Workspace;
let bot: TestAgent;
let held: TestAgent;
let dana: string;
let lee: string;
beforeAll(async () => {
  workspace = await startWorkspace({ environment: 'dev', log_level: 'error' });
  await workspace.capability('own.act', {});
  await workspace.capability('own.ask', {});
  await workspace.role(
    'user',
    ['own.act', 'own.ask'],
    [{ id: 'ask', action: 'own.ask', when: { field: 'iban', exists: true }, effect: 'review' }],
  );
  dana = await keyOf('dana@acme.example');
  lee = await keyOf('lee@acme.example');
  bot = await workspace.agent('bot', 'user');
  held = await workspace.agent('held', 'user');
});
afterAll(() => workspace.close());

async function keyOf(person: string): Promise<string> {
  await workspace.call('POST', '/v1/people', { body: { email: person } });
  const { body } = await workspace.done('POST', '/v1/keys', { name: person.split('@')[0], person });
  return body.key;
}

async function ok(key: string, method: string, path: string, body?: object) {
  const answer = await workspace.call(method, path, { key, ...(body === undefined ? {} : { body }) });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function refused(key: string, method: string, path: string, body?: object): Promise<string> {
  const answer = await workspace.call(method, path, { key, ...(body === undefined ? {} : { body }) });
  return answer.status < 400 ? `${answer.status}` : answer.body.error.code;
}

/** A call that ran, and its result. */
async function act(by: TestAgent): Promise<string> {
  const args = { iban: SECRET, note: 'rent' };
  const { status, body } = await workspace.call('POST', '/v1/actions', {
    key: by.token,
    body: { action: 'own.act', arguments: args, session_id: 'ses-1' },
  });
  expect(status).toBe(200);
  const report = { key: by.token, body: { result: 'success' } };
  expect((await workspace.call('POST', `/v1/actions/${body.permit.id}/outcome`, report)).status).toBe(200);
  await settledEvent(workspace, body.decision.event_id ?? body.id);
  return body.decision.event_id ?? body.id;
}

/** Rules have been evaluated over all there is. */
async function caughtUp(): Promise<void> {
  await asOwner(
    workspace.server,
    'UPDATE detection_evaluators SET next_seq = (SELECT next_seq FROM projection_cursor)',
  );
}

/** Everything is in the log; what its export says to a verifier. */
async function exported() {
  const { body } = await workspace.call('GET', '/v1/audit/key');
  const files = await download(workspace.server.url, workspace.server.adminKey);
  return { files, report: await verify(files, body.key), key: body.key };
}

async function verified() {
  const { report, files, key } = await exported();
  expect(report.findings).toEqual([]);
  expect(report.isVerified).toBe(true);
  return { report, files, key };
}

/** Those whose payload is there. */
function recordsOf(files: Files): ExportedEntry['record'][] {
  return entriesOf(files).flatMap(({ record }) => (record === null ? [] : [record]));
}

const PERIODS = {
  calls: 40,
  results: 40,
  approvals: 40,
  policy: 40,
  security: 40,
  administrative: 40,
  reads: 40,
  system: 40,
};

describe('periods', () => {
  it('are kept for ever unless somebody says otherwise, and longer is one person’s word', async () => {
    const settings = await ok(dana, 'GET', '/v1/retention');
    expect(settings).toMatchObject({ periods: { calls: null, system: null }, floors: { calls: 35 }, author: null });
    expect(await refused(dana, 'POST', '/v1/disposals', {})).toBe('nothing_due');
    expect(await refused(dana, 'PUT', '/v1/retention', { periods: { calls: 34, results: 34 }, reason: 'x' })).toBe(
      'retention_too_short',
    );
    expect(await refused(dana, 'PUT', '/v1/retention', { periods: { results: 50 }, reason: 'x' })).toBe(
      'retention_too_short',
    );
    expect(
      await refused(workspace.server.adminKey, 'PUT', '/v1/retention', { periods: { reads: 40 }, reason: 'x' }),
    ).toBe('person_required');
  });

  it('become shorter when two people say so', async () => {
    const request = await ok(dana, 'PUT', '/v1/retention', { periods: PERIODS, reason: 'policy of 2026' });
    expect(request).toMatchObject({ object: 'retention_request', status: 'requested', periods: PERIODS });
    expect((await ok(dana, 'GET', '/v1/retention')).periods.calls).toBe(null);
    const approve = `/v1/retention/requests/${request.id}/approve`;
    expect(await refused(dana, 'POST', approve, {})).toBe('retention_request_own');
    expect(await ok(lee, 'POST', approve, {})).toMatchObject({
      status: 'approved',
      answered_by_person: 'lee@acme.example',
    });
    expect(await refused(lee, 'POST', approve, {})).toBe('retention_request_closed');
    expect((await ok(dana, 'GET', '/v1/retention')).periods).toEqual(PERIODS);
    expect(await ok(dana, 'PUT', '/v1/retention', { periods: { policy: 400 }, reason: 'audit' })).toMatchObject({
      object: 'retention_settings',
      periods: { policy: 400 },
    });
  });
});

describe('a disposal', () => {
  let disposal: { id: string; removed: number };

  it('lets go what is old enough, and nothing that is held, young, open or in force', async () => {
    for (let n = 0; n < 6; n += 1) await act(n % 2 === 0 ? bot : held);
    const hold = await ok(dana, 'POST', '/v1/legal-holds', {
      matter: 'Acme v. Bolt',
      reason: 'a claim',
      scope: { agent: 'held' },
    });
    await workspace.call('GET', '/v1/audit/events');
    await exported();
    await age(workspace.server, 100);
    await caughtUp();
    const young = await act(bot);
    const preview = await ok(dana, 'GET', '/v1/retention/preview');
    const calls = preview.classes.find((each: { class: string }) => each.class === 'calls');
    expect(calls).toMatchObject({ due: 3, stays: { held: 3 } });
    disposal = await ok(dana, 'POST', '/v1/disposals', {});
    expect(disposal).toMatchObject({
      status: 'done',
      has_certificate: true,
      kept: { reasons: { held: expect.any(Number) } },
    });
    const { report, files } = await verified();
    expect(report.entries?.absent).toBe(disposal.removed);
    const kept = recordsOf(files).filter(({ kind }) => kind === 'tool.call');
    expect(kept.map(({ agent }) => agent)).toEqual(['held', 'held', 'held', 'bot']);
    expect(kept.at(-1)?.event_id).toBe(young);
    expect(recordsOf(files).some(({ kind }) => kind === 'policy.changed')).toBe(true);
    expect((await ok(dana, 'GET', `/v1/legal-holds/${hold.id}`)).entries).toBeGreaterThanOrEqual(6);
  });

  it('is certified', async () => {
    const path = `/v1/disposals/${disposal.id}/certificate`;
    const { body: key } = await workspace.call('GET', '/v1/audit/key');
    const text = await (
      await fetch(`${workspace.server.url}${path}`, { headers: { authorization: `Bearer ${dana}` } })
    ).text();
    const trusted = parseVerifierKey(key.key);
    expect(verifyDisposal(text, trusted)).toMatchObject({
      isVerified: true,
      disposal: { id: disposal.id, removed: disposal.removed, count: disposal.removed },
    });
    expect(verifyDisposal(text.replace('"removed":', '"removed":1'), trusted).isVerified).toBe(false);
  });

  it('goes no further than whoever reads the log has come, and says so', async () => {
    await asOwner(workspace.server, 'UPDATE detection_evaluators SET next_seq = 3');
    await age(workspace.server, 100);
    expect(await ok(dana, 'GET', '/v1/retention/preview')).toMatchObject({
      through: 2,
      behind: [{ what: 'detections', through: 2 }],
    });
    await caughtUp();
    await asOwner(
      workspace.server,
      `WITH sink AS (
         INSERT INTO sinks (workspace_id, id, name, kind, format, settings, raw, compact, required, objective_seconds, created_at, created_by, updated_at, updated_by)
         SELECT id, 'snk_1', 'splunk', 'file', 'native', '{}', true, false, true, 60, now(), 'x', now(), 'x' FROM workspaces RETURNING workspace_id)
       INSERT INTO sink_streams (workspace_id, id, sink_id, purpose, from_seq, cursor_seq, created_at, created_by)
       SELECT workspace_id, 'str_1', 'snk_1', 'live', 1, 1, now(), 'x' FROM sink`,
    );
    expect(await ok(dana, 'GET', '/v1/retention/preview')).toMatchObject({
      through: 1,
      behind: [{ what: 'sink', name: 'splunk', through: 1 }],
    });
    await asOwner(workspace.server, `UPDATE sinks SET required = false`);
  });

  it('is nothing to another workspace', async () => {
    const stranger = await addWorkspace(workspace.server);
    const { data: holds } = await ok(dana, 'GET', '/v1/legal-holds');
    const { data: requests } = await ok(dana, 'GET', '/v1/retention/requests');
    for (const [method, path, code] of [
      ['GET', `/v1/disposals/${disposal.id}`, 'disposal_not_found'],
      ['GET', `/v1/disposals/${disposal.id}/certificate`, 'disposal_not_found'],
      ['GET', `/v1/legal-holds/${holds[0].id}`, 'legal_hold_not_found'],
      ['POST', `/v1/legal-holds/${holds[0].id}/release`, 'legal_hold_not_found'],
      ['GET', `/v1/retention/requests/${requests[0].id}`, 'retention_request_not_found'],
      ['POST', `/v1/retention/requests/${requests[0].id}/approve`, 'retention_request_not_found'],
      ['POST', `/v1/retention/requests/${requests[0].id}/withdraw`, 'retention_request_not_found'],
      ['GET', '/v1/people/dana@acme.example/erasure-report', 'person_not_found'],
    ] as const)
      expect([
        path,
        await refused(
          stranger,
          method,
          path,
          path.endsWith('release') ? { reason: 'x' } : method === 'POST' ? {} : undefined,
        ),
      ]).toEqual([path, code]);
    for (const list of ['disposals', 'legal-holds', 'retention/requests'])
      expect((await ok(stranger, 'GET', `/v1/${list}`)).data).toEqual([]);
    const { data } = await ok(dana, 'GET', '/v1/audit/events?kind=tool.call&order=desc&limit=1');
    expect(
      await refused(stranger, 'POST', '/v1/redactions', { events: [data[0].event_id], fields: ['args'], reason: 'x' }),
    ).toBe('event_not_found');
  });
});

describe('a hold', () => {
  it('is released by somebody else than placed it', async () => {
    const { data } = await ok(lee, 'GET', '/v1/legal-holds');
    const path = `/v1/legal-holds/${data[0].id}/release`;
    expect(await refused(dana, 'POST', path, { reason: 'over' })).toBe('legal_hold_own');
    expect(await ok(lee, 'POST', path, { reason: 'over' })).toMatchObject({
      status: 'released',
      released_by_person: 'lee@acme.example',
    });
    expect(await refused(lee, 'POST', path, { reason: 'over' })).toBe('legal_hold_closed');
    await verified();
  });
});

describe('a redaction', () => {
  it('takes fields out of a record that stays in the chain, when two people say so', async () => {
    const id = await act(bot);
    const request = await ok(dana, 'POST', '/v1/redactions', {
      events: [id],
      fields: ['args'],
      reason: 'an account number',
    });
    expect(JSON.stringify(request)).not.toContain(SECRET);
    expect(await refused(dana, 'POST', `/v1/retention/requests/${request.id}/approve`, {})).toBe(
      'retention_request_own',
    );
    await ok(lee, 'POST', `/v1/retention/requests/${request.id}/approve`, {});
    const { event } = await ok(dana, 'GET', `/v1/audit/events/${id}`);
    expect(event).toMatchObject({
      kind: 'tool.call',
      agent: 'bot',
      outcome: 'success',
      redacted: { fields: ['args'] },
    });
    expect(event).not.toHaveProperty('args');
    const { report, files } = await verified();
    expect(report.absences.at(-1)).toMatchObject({ kind: 'redacted', count: 1, removed: ['args'] });
    expect(recordsOf(files).some(({ event_id }) => event_id === id)).toBe(false);
    expect(await refused(dana, 'GET', `/v1/audit/events/${id}/proof`)).toBe('payload_absent');
    // Once more: what was left of it loses more.
    const again = await ok(lee, 'POST', '/v1/redactions', { events: [id], fields: ['reason'], reason: 'a name' });
    await ok(dana, 'POST', `/v1/retention/requests/${again.id}/approve`, {});
    const later = await ok(dana, 'GET', `/v1/audit/events/${id}`);
    expect(later.event).toMatchObject({ redacted: { fields: ['args', 'reason'] } });
    expect(later.event).not.toHaveProperty('reason');
    expect((await verified()).report.absences.at(-1)).toMatchObject({ kind: 'redacted', count: 2 });
  });

  it('is refused for what is held, for what proves what was in force, and for what a record is found by', async () => {
    const id = await act(bot);
    const ask = (fields: string[], events = [id]) =>
      refused(dana, 'POST', '/v1/redactions', { events, fields, reason: 'x' });
    expect(await ask(['verdict'])).toBe('fields_invalid');
    expect(await ask(['args'], ['evt_none'])).toBe('event_not_found');
    const { data } = await ok(dana, 'GET', '/v1/audit/events?kind=policy.changed&limit=1');
    expect(await ask(['policy_words'], [data[0].event_id])).toBe('not_redactable');
    const hold = await ok(dana, 'POST', '/v1/legal-holds', { matter: 'm', reason: 'r', scope: { session: 'ses-1' } });
    expect(await ask(['args'])).toBe('redaction_held');
    await ok(lee, 'POST', `/v1/legal-holds/${hold.id}/release`, { reason: 'over' });
    expect(await ask(['args'])).toBe('202');
  });

  it('takes what a held call asked for out of its approval, once that is over', async () => {
    const { body } = await workspace.call('POST', '/v1/actions', {
      key: bot.token,
      headers: { prefer: 'respond-async' },
      body: { action: 'own.ask', arguments: { iban: SECRET } },
    });
    const approval = `/v1/approvals/${body.approval.id}`;
    const { event_id: id } = await eventually(async () => {
      const found = await workspace.call('GET', approval);
      return found.status === 200 ? found.body : undefined;
    });
    await settledEvent(workspace, id);
    const document = { events: [id], fields: ['args', 'reason'], reason: 'an account number' };
    expect(await refused(dana, 'POST', '/v1/redactions', document)).toBe('not_redactable');
    await ok(dana, 'POST', `${approval}/cancel`, { reason: 'no more' });
    const request = await ok(dana, 'POST', '/v1/redactions', document);
    await ok(lee, 'POST', `/v1/retention/requests/${request.id}/approve`, {});
    expect(await ok(dana, 'GET', approval)).toMatchObject({ view: { redacted: true }, reason: '[redacted]' });
    const [row] = await asOwner(workspace.server, 'SELECT ciphertext, wrapped_key FROM approvals WHERE event_id = $1', [
      id,
    ]);
    expect(row).toEqual({ ciphertext: Buffer.alloc(0), wrapped_key: Buffer.alloc(0) });
    await verified();
  });

  it('says where copies went that only the customer can remove', async () => {
    await fetch(`${workspace.server.url}/v1/audit/events/export?format=csv`, {
      headers: { authorization: `Bearer ${dana}` },
    });
    const { data } = await ok(dana, 'GET', '/v1/redactions/outside');
    expect(data.map(({ place }: { place: string }) => place)).toEqual(expect.arrayContaining(['export', 'backup']));
  });
});

it('what is kept of a person is told, with the reason and the end of it', async () => {
  const report = await ok(dana, 'GET', '/v1/people/dana@acme.example/erasure-report');
  expect(report.records).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ class: 'calls', as: 'owner', kept_days: 40, why: expect.any(String) }),
    ]),
  );
  expect(report.elsewhere.length).toBeGreaterThan(0);
});

describe('from the command line', () => {
  const hivekey = (...args: string[]) =>
    runCli(args, { env: { HIVEKEY_URL: workspace.server.url, HIVEKEY_KEY: dana, HOME: workspace.server.config.data } });

  it('a log that was pruned and redacted verifies live, and says what is absent and why', async () => {
    const { key, report } = await verified();
    const { code, out } = await hivekey('verify', '--live', '--key', key);
    expect([code, out]).toEqual([0, expect.stringContaining('VERIFIED')]);
    expect(out).toMatch(/absent +\d+ payloads; their hashes are part of what was checked/);
    expect(out).toContain(`${report.absences[0]?.count} pruned`);
    expect(out).toMatch(/1 redacted of args/);
  });

  it('a certificate of disposal is checked, and a changed one refused', async () => {
    const { data } = await ok(dana, 'GET', '/v1/disposals');
    const file = join(workspace.server.config.data, 'disposal.json');
    const { key } = await verified();
    expect((await hivekey('retention', 'certificate', data[0].id, '-o', file)).code).toBe(0);
    const good = await hivekey('verify', file, '--key', key);
    expect([good.code, good.out]).toEqual([0, expect.stringContaining(`let go    ${data[0].removed} payloads`)]);
    await writeFile(file, (await readFile(file, 'utf8')).replace(data[0].id, 'dsp_another00000'));
    expect((await hivekey('verify', file, '--key', key)).code).toBe(3);
  });

  it('holds are placed and listed', async () => {
    const placed = await hivekey(
      'holds',
      'place',
      '--matter',
      'SOC 2 2026',
      '--reason',
      'audit',
      '--evidence',
      '--from',
      '2026-01-01',
    );
    expect([placed.code, placed.out]).toEqual([0, expect.stringContaining('holds from 2026-01-01')]);
    expect((await hivekey('holds')).out).toContain('SOC 2 2026 (evidence)');
    expect((await hivekey('retention')).out).toMatch(/policy +400 days +35 days/);
    expect((await hivekey('retention', 'set', 'calls=never', '--reason', 'x')).code).toBe(2);
  });
});
