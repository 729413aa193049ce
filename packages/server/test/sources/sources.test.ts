/** Marks over HTTP, and a whole session of an MCP client behind them. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from '../api/client.ts';

let server: TestServer;
let call: Client;
let token: string;

const HEAD = { apiVersion: 'policy.hivekey.ai/v1', kind: 'Sources' };
const act = (action: string, more: object = {}) =>
  call('POST', '/v1/actions', { key: token, body: { action, ...more } });

beforeAll(async () => {
  server = await startTestServer();
  call = clientOf(server);
  for (const name of ['web.fetch', 'crm.read', 'mail.send'])
    await call('PUT', `/v1/capabilities/${name}`, { body: { access: 'read', description: '' } });
  const guard = { id: 'trusted', action: 'mail.send', when: { field: 'provenance', eq: 'trusted' }, effect: 'allow' };
  const scope = { allow: ['web.fetch', 'crm.read', 'mail.send'] };
  await call('POST', '/v1/roles', { body: { name: 'worker', scope, guards: [guard] } });
  await call('POST', '/v1/agents', { body: { name: 'bot', role: 'worker', owner: 'dana@acme.example' } });
  ({ token } = (await call('POST', '/v1/tokens', { body: { agent: 'bot' } })).body);
});
afterAll(() => server.close());

test('marks are read, replaced, and on the log; the same ones change nothing', async () => {
  expect((await call('GET', '/v1/workspace/sources')).body).toMatchObject({ revision: 0, unmarked: 'untrusted' });
  const marks = { trusted: ['crm.*', 'mail.*'], untrusted: ['crm.notes'] };
  const put = await call('PUT', '/v1/workspace/sources', { body: { ...HEAD, ...marks } });
  expect(put.body).toMatchObject({ revision: 1, ...marks, unmarked: 'untrusted', author: 'key:first' });
  expect((await call('PUT', '/v1/workspace/sources', { body: { ...HEAD, ...marks } })).body.revision).toBe(1);
  expect((await call('GET', '/v1/policies/current')).body.sources).toMatchObject(marks);
  await vi.waitFor(async () => {
    const { body } = await call('GET', '/v1/audit/events?kind=sources.changed');
    expect(body.data).toMatchObject([{ sources_rev: 1, ...marks, trusted_count: 2 }]);
  });
});

test('marks that contradict each other are refused; a YAML file is told with line and column', async () => {
  const both = await call('PUT', '/v1/workspace/sources', { body: { ...HEAD, trusted: ['a.*'], untrusted: ['a.*'] } });
  expect([both.status, both.body.error.code]).toEqual([422, 'sources_invalid']);
  const headers = { 'content-type': 'application/yaml' };
  const body = 'apiVersion: policy.hivekey.ai/v1\nkind: Sources\ntrusted: [crm.*]\nunmarked: maybe\n';
  const yaml = await call('PUT', '/v1/workspace/sources', { headers, body });
  expect(yaml.body.error.problems[0]).toMatchObject({ code: 'bad_provenance', line: 4 });
});

test('an agent cannot say that it is trusted, and the dry run agrees with the call', async () => {
  const evaluate = async () =>
    (await call('POST', '/v1/policies/evaluate', { body: { agent: 'bot', action: 'mail.send' } })).body.verdict;
  expect((await act('crm.read')).status).toBe(200);
  expect([(await act('mail.send')).status, await evaluate()]).toEqual([200, 'allow']);
  expect((await act('web.fetch')).status).toBe(200);
  expect([(await act('mail.send')).status, await evaluate()]).toEqual([403, 'deny']);
  expect((await act('mail.send', { session_id: 'fresh', arguments: { provenance: 'trusted' } })).status).toBe(403);
  expect((await act('mail.send', { provenance: 'trusted' })).status).toBe(400);
});
