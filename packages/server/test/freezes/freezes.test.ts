/** Freezes over HTTP: writing them, what they stop, and lifting them with two people. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from '../api/client.ts';

const HOUR = 3_600_000;

let server: TestServer;
let call: Client;
let token: string;
/** Keys of two people. */
let dana: string;
let lee: string;

const wall = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString().slice(0, 19);

function document(name: string, change: object = {}) {
  return {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Freeze',
    metadata: { name },
    time_zone: 'UTC',
    starts: wall(-1),
    ends: wall(2),
    scope: { classes: ['destructive'] },
    ...change,
  };
}

const put = (name: string, change: object = {}) => call('PUT', `/v1/freezes/${name}`, { body: document(name, change) });
const act = (action: string) => call('POST', '/v1/actions', { key: token, body: { action } });

async function keyOf(name: string, keyName = name): Promise<string> {
  const body = { name: keyName, person: `${name}@acme.example` };
  return (await call('POST', '/v1/keys', { body })).body.key;
}

beforeAll(async () => {
  server = await startTestServer();
  call = clientOf(server);
  const head = { access: 'write', description: '' };
  await call('PUT', '/v1/capabilities/crm.delete', { body: { ...head, destructive: true } });
  await call('PUT', '/v1/capabilities/crm.update', { body: head });
  const scope = { allow: ['crm.delete', 'crm.update'] };
  await call('POST', '/v1/roles', { body: { name: 'ops', scope, guards: [] } });
  await call('POST', '/v1/agents', { body: { name: 'ops-bot', role: 'ops', owner: 'dana@acme.example' } });
  ({ token } = (await call('POST', '/v1/tokens', { body: { agent: 'ops-bot' } })).body);
  await call('POST', '/v1/people', { body: { email: 'lee@acme.example' } });
  [dana, lee] = [await keyOf('dana'), await keyOf('lee')];
});
afterAll(() => server.close());

describe('a freeze in force', () => {
  test('stops what is destructive, names itself and its end, and lets the rest through', async () => {
    const made = await put('audit');
    expect(made.body).toMatchObject({ object: 'freeze', name: 'audit', in_force: true, next: null, change: 'created' });
    expect(made.body.until - Date.now() / 1000).toBeGreaterThan(7_000);

    const refused = await act('crm.delete');
    expect(refused.status).toBe(403);
    expect(refused.body.error.cause).toContain('freeze: audit is in force until');
    expect(refused.body.decision).toMatchObject({ reason_class: 'freeze', rule: 'freeze audit' });
    expect(refused.body.decision.retry_after_seconds).toBeGreaterThan(7_000);
    expect((await act('crm.update')).status).toBe(200);

    const dry = await call('POST', '/v1/policies/evaluate', { body: { agent: 'ops-bot', action: 'crm.delete' } });
    expect(dry.body).toMatchObject({ verdict: 'deny', reason_class: 'freeze' });
  });

  test('is written again as it is, and neither changed nor removed', async () => {
    const { body: freeze } = await call('GET', '/v1/freezes/audit');
    const same = await call('PUT', '/v1/freezes/audit', { body: freeze.document });
    expect(same.body.change).toBe('unchanged');
    const shorter = await put('audit', { ends: wall(1) });
    expect([shorter.status, shorter.body.error.code]).toEqual([409, 'freeze_in_force']);
    const removed = await call('DELETE', '/v1/freezes/audit');
    expect([removed.status, removed.body.error.code]).toEqual([409, 'freeze_in_force']);
  });

  test('is lifted for a time by two people, and binds again at the end', async () => {
    const ask = { reason: 'the shop is down', minutes: 30 };
    const anonymous = await call('POST', '/v1/freezes/audit/overrides', { body: ask });
    expect([anonymous.status, anonymous.body.error.code]).toEqual([403, 'person_required']);
    const asked = await call('POST', '/v1/freezes/audit/overrides', { body: ask, key: dana });
    expect(asked.status).toBe(201);
    expect(asked.body).toMatchObject({
      status: 'requested',
      requested_by: 'key:dana',
      requested_by_person: 'dana@acme.example',
      starts_at: null,
    });
    expect((await act('crm.delete')).status).toBe(403);

    const path = `/v1/freezes/audit/overrides/${asked.body.id}`;
    const own = await call('POST', `${path}/approve`, { key: dana });
    expect([own.status, own.body.error.code]).toEqual([403, 'override_own']);
    // another key of hers is she herself, and a key of nobody is nobody
    const other = await call('POST', `${path}/approve`, { key: await keyOf('dana', 'dana-too') });
    expect([other.status, other.body.error.code]).toEqual([403, 'override_own']);
    const nobody = await call('POST', `${path}/approve`);
    expect([nobody.status, nobody.body.error.code]).toEqual([403, 'person_required']);
    await call('PATCH', '/v1/people/lee@acme.example', { body: { active: false } });
    const left = await call('POST', `${path}/approve`, { key: lee });
    expect([left.status, left.body.error.code]).toEqual([401, 'key_revoked']);
    await call('PATCH', '/v1/people/lee@acme.example', { body: { active: true } });
    lee = await keyOf('lee', 'lee-back');
    expect((await act('crm.delete')).status).toBe(403);

    const approved = await call('POST', `${path}/approve`, { key: lee });
    expect(approved.body).toMatchObject({
      status: 'active',
      approved_by: 'key:lee-back',
      approved_by_person: 'lee@acme.example',
    });
    expect(approved.body.ends_at - approved.body.starts_at).toBe(1_800);
    const again = await call('POST', `${path}/approve`, { key: lee });
    expect([again.status, again.body.error.code]).toEqual([409, 'override_closed']);

    const allowed = await act('crm.delete');
    expect(allowed.status).toBe(200);
    expect(allowed.body.decision.trace).toMatchObject([{ rule: 'freeze audit', result: 'allow' }]);
    expect((await call('GET', '/v1/freezes/audit')).body).toMatchObject({
      in_force: false,
      override: { id: asked.body.id },
    });

    const ended = await call('POST', `${path}/end`);
    expect(ended.body).toMatchObject({ status: 'ended', ended_by: 'key:first' });
    expect((await act('crm.delete')).status).toBe(403);
    const list = await call('GET', '/v1/freezes/audit/overrides');
    expect(list.body.data).toMatchObject([{ id: asked.body.id, status: 'ended', reason: 'the shop is down' }]);
  });

  test('a request that was withdrawn cannot be agreed to', async () => {
    const asked = await call('POST', '/v1/freezes/audit/overrides', {
      body: { reason: 'a mistake', minutes: 5 },
      key: dana,
    });
    const path = `/v1/freezes/audit/overrides/${asked.body.id}`;
    expect((await call('POST', `${path}/end`)).body.status).toBe('unanswered');
    expect((await call('POST', `${path}/approve`, { key: lee })).body.error.code).toBe('override_closed');
  });

  test('can be removed while it is lifted; its overrides do not pass to the next of its name', async () => {
    const asked = await call('POST', '/v1/freezes/audit/overrides', {
      body: { reason: 'it is over', minutes: 60 },
      key: dana,
    });
    await call('POST', `/v1/freezes/audit/overrides/${asked.body.id}/approve`, { key: lee });
    expect((await call('DELETE', '/v1/freezes/audit')).status).toBe(200);
    expect((await act('crm.delete')).status).toBe(200);
    await put('audit');
    expect((await act('crm.delete')).status).toBe(403);
  });

  test('all of it is on the log', async () => {
    await vi.waitFor(async () => {
      const { body } = await call('GET', '/v1/audit/events?kind=freeze.override&order=asc');
      expect(body.data.map((event: { change: string }) => event.change)).toEqual([
        'requested',
        'approved',
        'ended',
        'requested',
        'ended',
        'requested',
        'approved',
      ]);
    });
    await vi.waitFor(async () => {
      const changes = await call('GET', '/v1/audit/events?kind=freeze.changed&order=asc');
      expect(changes.body.data).toMatchObject([
        { change: 'created', freeze: 'audit', scope: { classes: ['destructive'] } },
        { change: 'removed' },
        { change: 'created' },
      ]);
    });
  });
});

describe('a freeze to come', () => {
  test('stops nothing, says when it comes, and may be changed and removed', async () => {
    const later = { starts: wall(24), ends: wall(48), scope: { actions: ['crm.update'] } };
    const made = await put('later', later);
    expect(made.body).toMatchObject({ in_force: false, until: null });
    expect(made.body.next * 1000).toBe(Date.parse(`${later.starts}Z`));
    expect((await act('crm.update')).status).toBe(200);
    expect((await put('later', { ...later, ends: wall(47) })).body.change).toBe('updated');
    expect((await call('DELETE', '/v1/freezes/later')).status).toBe(200);
    expect((await call('GET', '/v1/freezes/later')).body.error.code).toBe('freeze_not_found');
  });

  test('is refused with its problems; a YAML file is told with line and column', async () => {
    const wrong = await put('later', { time_zone: 'Mars/Olympus' });
    expect([wrong.status, wrong.body.error.code]).toEqual([422, 'freeze_invalid']);
    const yaml = 'apiVersion: policy.hivekey.ai/v1\nkind: Freeze\nmetadata: { name: later }\ntime_zone: UTC\n';
    const headers = { 'content-type': 'application/yaml' };
    const text = await call('PUT', '/v1/freezes/later', { headers, body: `${yaml}starts: soon\nends: later\n` });
    expect(text.body.error.problems[0]).toMatchObject({ code: 'bad_time', line: 5 });
    expect((await put('other', { metadata: { name: 'later' } })).body.error.code).toBe('freeze_name_differs');
    const asked = await call('POST', '/v1/freezes/none/overrides', {
      body: { reason: 'x', minutes: 5 },
      key: dana,
    });
    expect(asked.body.error.code).toBe('freeze_not_found');
  });
});

test('a freeze of another environment does not bind, until the server runs in that one', async () => {
  await put('staging-only', { scope: { actions: ['crm.update'], environments: ['staging'] } });
  expect((await act('crm.update')).status).toBe(200);
  server = await server.restart({ environment: 'staging' });
  call = clientOf(server);
  expect((await act('crm.update')).body.decision).toMatchObject({ rule: 'freeze staging-only' });
});
