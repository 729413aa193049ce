import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from './client.ts';

let server: TestServer;
let call: Client;
beforeAll(async () => {
  server = await startTestServer({ environment: 'staging' });
  call = clientOf(server);
});
afterAll(() => server.close());

describe('the workspace', () => {
  it('is there from the first start, with an empty policy that has its revision and hash', async () => {
    expect((await call('GET', '/v1/workspace')).body).toEqual({
      object: 'workspace',
      id: expect.stringMatching(/^wsp_[0-9A-Za-z]{12}$/),
      name: 'default',
      time_zone: 'UTC',
      environment: 'staging',
      status: 'active',
      policy_revision: expect.any(Number),
      policy_hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      agents: { active: 0, suspended: 0, revoked: 0 },
      created: expect.any(Number),
    });
  });

  it('is renamed, which is on the log; the same name changes nothing', async () => {
    for (const _ of [1, 2])
      expect((await call('PATCH', '/v1/workspace', { body: { name: 'acme-corp' } })).body.name).toBe('acme-corp');
    const changes = async () => (await call('GET', '/v1/audit/events?kind=workspace.changed')).body.data;
    await expect.poll(async () => (await changes()).length).toBe(1);
    expect((await changes())[0]).toMatchObject({ actor: 'key:first', name: 'acme-corp', previous: 'default' });
  });

  it.each(['', ' ', 'x'.repeat(65), 'a\u0000b', 'a\nb'])('is not renamed to %j', async (name) => {
    expect((await call('PATCH', '/v1/workspace', { body: { name } })).body.error.code).toBe('request_invalid');
  });

  it('takes the environment it is started with, which is on the log too', async () => {
    const again = await server.restart({ environment: 'prod' });
    server = again;
    call = clientOf(again);
    expect((await call('GET', '/v1/workspace')).body.environment).toBe('prod');
    const changes = async () => (await call('GET', '/v1/audit/events?kind=workspace.changed&order=desc')).body.data;
    await expect
      .poll(async () => (await changes())[0])
      .toMatchObject({ actor: 'system', change: 'environment', environment: 'prod', previous: 'staging', env: 'prod' });
  });
});
