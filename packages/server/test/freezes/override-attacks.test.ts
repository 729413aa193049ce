/** Two people lift a freeze while both are there. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from '../api/client.ts';

let server: TestServer;
let call: Client;

beforeAll(async () => {
  server = await startTestServer();
  call = clientOf(server);
});
afterAll(() => server.close());

async function keyOf(name: string): Promise<string> {
  const person = `${name}@acme.example`;
  await call('POST', '/v1/people', { body: { email: person } });
  return (await call('POST', '/v1/keys', { body: { name, person } })).body.key;
}

test('who has left since they asked for an override is no second person', async () => {
  const [zoe, lee] = [await keyOf('zoe'), await keyOf('lee')];
  const wall = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 19);
  const freeze = {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Freeze',
    metadata: { name: 'audit' },
    time_zone: 'UTC',
    starts: wall(-1),
    ends: wall(2),
    scope: { classes: ['destructive'] },
  };
  expect((await call('PUT', '/v1/freezes/audit', { body: freeze })).status).toBe(200);
  const ask = { reason: 'the shop is down', minutes: 30 };
  const { body: asked } = await call('POST', '/v1/freezes/audit/overrides', { body: ask, key: zoe });
  const approve = () => call('POST', `/v1/freezes/audit/overrides/${asked.id}/approve`, { key: lee });

  const left = await call('PATCH', '/v1/people/zoe@acme.example', { body: { active: false } });
  expect([left.status, left.body.active]).toEqual([200, false]);
  const gone = await approve();
  expect([gone.status, gone.body.error?.code]).toEqual([409, 'requester_inactive']);
  expect((await call('GET', '/v1/freezes/audit')).body).toMatchObject({ in_force: true });

  await call('PATCH', '/v1/people/zoe@acme.example', { body: { active: true } });
  expect((await approve()).body).toMatchObject({ status: 'active', approved_by_person: 'lee@acme.example' });
});
