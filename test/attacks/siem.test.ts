/** Whoever administers, or shares a server, and wants the stream, its receivers or its alerts to be quiet, or to give something away. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine, loadRules, shippedRules } from '../../packages/detections/src/index.ts';
import { eventually } from '../../packages/server/test/actions/workspace.ts';
import { addWorkspace } from '../../packages/server/test/agents/second-workspace.ts';
import { type Call, clientOf } from '../../packages/server/test/api/client.ts';
import { type Decider, type Office, openOffice } from '../../packages/server/test/approvals/office.ts';
import { startSlack } from '../../packages/server/test/channels/slack.ts';

let office: Office;
let folder: string;
let outside: string;
let dana: Decider;
let lee: Decider;
let stranger: ReturnType<typeof clientOf>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hivekey-siem-'));
  outside = mkdtempSync(join(tmpdir(), 'hivekey-outside-'));
  office = await openOffice({ sink_files: folder, upstream_allow: ['127.0.0.0/8'] });
  [dana, lee] = await Promise.all([office.person('dana'), office.person('lee')]);
  stranger = clientOf({ url: office.server.url, adminKey: await addWorkspace(office.server) });
});
afterAll(async () => {
  await office.close();
  for (const each of [folder, outside]) rmSync(each, { recursive: true, force: true });
});

const file = (name: string, path: string, more: object = {}) => ({ name, kind: 'file', settings: { path, ...more } });

async function codeOf(who: Pick<Office, 'call'>, path: string, body: object, method = 'POST'): Promise<string> {
  const call: Call = { body };
  return (await who.call(method, path, call)).body.error?.code;
}

describe('files of a sink', () => {
  it('are no other one’s to write to, put aside or delete, in no workspace', async () => {
    await office.done('POST', '/v1/siem/sinks', file('first', 'siem/log.ndjson', {}));
    await eventually(async () => (readdirSync(folder).includes('siem') ? true : undefined));
    const taken = ['siem/log.ndjson', 'siem//log.ndjson', 'SIEM/log.ndjson', 'siem/log.00000001.ndjson'];
    for (const path of taken)
      for (const who of [office, { call: stranger }]) {
        const wanted = file('mine', path, { rotate_bytes: 1_048_576, keep_files: 1 });
        expect(await codeOf(who, '/v1/siem/sinks', wanted)).toBe('sink_path_taken');
        expect(await codeOf(who, '/v1/siem/sinks/test', wanted)).toBe('sink_path_taken');
      }
    expect((await stranger('POST', '/v1/siem/sinks', { body: file('other', 'siem/other.ndjson') })).status).toBe(201);
    const change = { settings: { path: 'siem/log.ndjson' } };
    expect(await codeOf({ call: stranger }, '/v1/siem/sinks/other', change, 'PATCH')).toBe('sink_path_taken');
    // A sink keeps its own path, and one's own deleted sink gives it back; to nobody else.
    expect((await office.call('PATCH', '/v1/siem/sinks/first', { body: { objective_seconds: 90 } })).status).toBe(200);
    await office.call('DELETE', '/v1/siem/sinks/first?reason=moved');
    expect(await codeOf({ call: stranger }, '/v1/siem/sinks', file('mine', 'siem/log.ndjson'))).toBe('sink_path_taken');
    expect((await office.call('POST', '/v1/siem/sinks', { body: file('again', 'siem/log.ndjson') })).status).toBe(201);
  });

  it('are not what a link in their place leads to', async () => {
    const target = join(outside, 'target.ndjson');
    writeFileSync(target, 'kept\n');
    symlinkSync(target, join(folder, 'link.ndjson'));
    const { body } = await office.call('POST', '/v1/siem/sinks/test', { body: file('link', 'link.ndjson') });
    expect(body).toMatchObject({ delivered: false, code: 'file_not_written' });
    expect(readFileSync(target, 'utf8')).toBe('kept\n');
  });
});

describe('credentials', () => {
  it('of Slack are sent to no receiver, not even to try it, and those of a sink do not become Slack’s', async () => {
    const slack = await startSlack();
    await office.done('PUT', '/v1/secrets/slack-bot', { value: slack.token });
    for (const name of ['slack-sign', 'siem-sign'])
      await office.done('PUT', `/v1/secrets/${name}`, { value: `whsec_${Buffer.alloc(32, name).toString('base64')}` });
    const hook = (name: string) => ({
      name: 'hook',
      kind: 'webhook',
      settings: { url: 'http://127.0.0.1:9/', signing_secret_refs: [`vault://${name}`] },
    });
    await office.done('POST', '/v1/siem/sinks', hook('siem-sign'));
    const settings = {
      bot_token_ref: 'vault://slack-bot',
      signing_secret_ref: 'vault://slack-sign',
      channel: 'C0COMMON',
      api_url: slack.apiUrl,
    };
    const shared = { ...settings, signing_secret_ref: 'vault://siem-sign' };
    expect(await codeOf(office, '/v1/channels/slack', shared, 'PUT')).toBe('credential_of_slack');
    await office.done('PUT', '/v1/channels/slack', settings);
    expect(await codeOf(office, '/v1/siem/sinks/test', hook('slack-sign'))).toBe('credential_of_slack');
    expect(await codeOf(office, '/v1/siem/sinks', { ...hook('slack-sign'), name: 'two' })).toBe('credential_of_slack');
    await slack.close();
    const { body } = await office.call('GET', '/v1/secrets/siem-sign');
    expect(body.used_by).toEqual([expect.objectContaining({ kind: 'sink', name: 'hook' })]);
  });

  it('that a receiver says back are in no answer, alert, record or page', async () => {
    const token = '5f0c7b1e-1111-4222-8333-abcdefabcdef';
    const said = `no ${token}\u0007\nfor Splunk ${token}`;
    const receiver: Server = createServer((request, response) => {
      request.resume();
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ text: said, code: 4 }));
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as AddressInfo;
    await office.done('PUT', '/v1/secrets/hec', { value: token });
    const splunk = {
      name: 'splunk',
      kind: 'splunk',
      settings: { url: `http://127.0.0.1:${port}`, token_ref: 'vault://hec' },
    };
    const tried = await office.call('POST', '/v1/siem/sinks/test', { body: splunk });
    const made = await office.call('POST', '/v1/siem/sinks', { body: splunk });
    const texts = [JSON.stringify(tried.body), JSON.stringify(made.body)];
    if (made.status === 201)
      texts.push(
        JSON.stringify(
          await eventually(async () => {
            const { body } = await office.call('GET', '/v1/siem/sinks/splunk');
            return body.state === 'holding' ? body : undefined;
          }),
        ),
      );
    const { body } = await office.call('GET', '/v1/audit/events?limit=100');
    texts.push(JSON.stringify(body));
    receiver.close();
    for (const text of texts) expect(text).not.toContain(token);
    expect(texts[0]).toContain('403');
  });
});

describe('an alert', () => {
  it('about what a person did is not that person’s to judge, by whichever key', async () => {
    await dana.call('POST', '/v1/siem/sinks/again/pause', { body: { reason: 'maintenance' } });
    const alert = await eventually(async () => {
      const { body } = await office.call('GET', '/v1/alerts?limit=100');
      return body.data.find(
        ({ rule, facts }: { rule: string; facts: { group?: { kind?: string } } }) =>
          rule === 'D20' && facts.group?.kind === 'sink.paused',
      );
    });
    expect(alert.severity).toBe('high');
    const verdict = { disposition: 'benign', reason: 'it was announced', close: true };
    const another = await office.person('dana');
    for (const who of [dana, another])
      expect(await codeOf(who, `/v1/alerts/${alert.id}/triage`, verdict)).toBe('own_alert');
    expect(await codeOf(dana, `/v1/alerts/${alert.id}/severity`, { severity: 'low', reason: 'small' })).toBe(
      'own_alert',
    );
    expect((await lee.call('POST', `/v1/alerts/${alert.id}/triage`, { body: verdict })).body.status).toBe('closed');
    // It is of its workspace.
    expect((await stranger('GET', `/v1/alerts/${alert.id}`)).status).toBe(404);
    expect((await stranger('POST', `/v1/alerts/${alert.id}/reopen`, { body: { reason: 'x' } })).status).toBe(404);
  });

  it('about the stream is not kept back by an alert about something small', async () => {
    await lee.call('PATCH', '/v1/siem/sinks/hook', { body: { objective_seconds: 45 } });
    await lee.call('DELETE', '/v1/siem/sinks/hook?reason=gone');
    const told = await eventually(async () => {
      const { body } = await office.call('GET', '/v1/alerts?limit=100');
      const own = body.data.filter(
        ({ rule, facts }: { rule: string; facts: { group?: { kind?: string; actor?: string } } }) =>
          rule === 'D20' && facts.group?.kind === 'sink.changed' && facts.group.actor?.includes('lee'),
      );
      return own.length === 2 ? own : undefined;
    });
    expect(told.map(({ severity }: { severity: string }) => severity)).toEqual(['high', 'high']);
  });
});

describe('an agent', () => {
  it('does not leave a rule about its run by naming none', () => {
    const rules = loadRules(shippedRules()).rules.filter(({ document }) => document.ref === 'D15');
    const call = { kind: 'tool.call', agent_id: 'agt_1', agent: 'bot', verdict: 'allow', provenance: 'untrusted' };
    const read = { ...call, event_id: 'evt_1', ts: '2026-06-16T14:00:00.000Z', access: 'read', tool: 'web_fetch' };
    const write = { ...call, event_id: 'evt_2', ts: '2026-06-16T14:00:01.000Z', access: 'write', tool: 'send' };
    for (const run of [{}, { session_id: 'ses_1' }, { run_id: 'run_1' }]) {
      const engine = createEngine(rules);
      expect(engine.take({ ...read, ...run, seq: 1 }).findings).toEqual([]);
      expect(engine.take({ ...write, ...run, seq: 2 }).findings).toMatchObject([
        { ref: 'D15', group: { agent_id: 'agt_1', ...run }, evidence: ['evt_1', 'evt_2'] },
      ]);
    }
  });
});
