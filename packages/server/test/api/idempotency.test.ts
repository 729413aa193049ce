import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from './client.ts';

let server: TestServer;
let call: Client;
let owner: pg.Client;
beforeAll(async () => {
  server = await startTestServer();
  call = clientOf(server);
  owner = new pg.Client({ connectionString: server.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await server.close();
});

const withKey = (key: string) => ({ headers: { 'idempotency-key': key } });
const rename = (name: string, key: string) => call('PATCH', '/v1/workspace', { body: { name }, ...withKey(key) });

async function renames(name: string): Promise<number> {
  const { body } = await call('GET', '/v1/audit/events?kind=workspace.changed');
  return body.data.filter((event: { name?: string }) => event.name === name).length;
}

describe('Idempotency-Key', () => {
  it('answers the same request as the first time, although the state has moved on', async () => {
    const first = await rename('one', 'k1');
    await rename('two', 'k2');
    const again = await rename('one', 'k1');
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect((await call('GET', '/v1/workspace')).body.name).toBe('two');
  });

  it('keeps refusals of the handler too', async () => {
    const first = await call('POST', '/v1/keys/key_none/revoke', withKey('k3'));
    const again = await call('POST', '/v1/keys/key_none/revoke', withKey('k3'));
    expect([first.status, again.status]).toEqual([404, 404]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
  });

  it.each(['', 'ü', 'a b', 'x'.repeat(256)])('refuses the key "%s"', async (key) => {
    const { status } = await rename('three', key).catch(() => ({ status: 400 }));
    expect(status).toBe(400);
  });

  it('is refused with another request', async () => {
    await rename('four', 'k4');
    const { status, body } = await rename('five', 'k4');
    expect([status, body.error.code]).toEqual([422, 'idempotency_key_reused']);
    expect((await call('POST', '/v1/keys', { body: { name: 'x' }, ...withKey('k4') })).status).toBe(422);
  });

  it('does not begin with a request that does not fit', async () => {
    expect((await call('PATCH', '/v1/workspace', { body: {}, ...withKey('k5') })).status).toBe(400);
    expect((await rename('six', 'k5')).status).toBe(200);
  });

  it('never keeps a credential', async () => {
    const make = () => call('POST', '/v1/keys', { body: { name: 'once' }, ...withKey('k6') });
    const first = await make();
    expect(first.body.key).toMatch(/^hk_live_/);
    const again = await make();
    expect([again.status, again.body.error.code]).toEqual([409, 'idempotency_secret_shown']);
    const { rows } = await owner.query("SELECT response FROM idempotency_keys WHERE key = 'k6'");
    expect(rows).toEqual([{ response: null }]);
  });

  it('keeps the refusal of a request that would have shown one', async () => {
    const make = () => call('POST', '/v1/keys', { body: { name: 'once' }, ...withKey('k6b') });
    for (const replayed of [null, 'true']) {
      const { status, body, headers } = await make();
      expect([status, body.error.code, headers.get('idempotency-replayed')]).toEqual([409, 'key_name_taken', replayed]);
    }
  });

  it('answers without a body when the first answer had none', async () => {
    const hook = { url: 'https://hooks.acme.example/', events: ['*'] };
    const { body } = await call('POST', '/v1/webhooks', { body: hook });
    for (const replayed of [null, 'true']) {
      const answer = await call('DELETE', `/v1/webhooks/${body.id}`, withKey('k6c'));
      expect([answer.status, answer.body, answer.headers.get('idempotency-replayed')]).toEqual([204, '', replayed]);
    }
  });

  it('runs once when the same key comes many times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => rename('seven', 'k7')));
    const statuses = answers.map(({ status, body }) => (status === 200 ? 200 : body.error.code));
    expect(statuses.filter((status) => status !== 200 && status !== 'idempotency_in_progress')).toEqual([]);
    expect(statuses).toContain(200);
    await expect.poll(() => renames('seven')).toBe(1);
    expect((await rename('seven', 'k7')).headers.get('idempotency-replayed')).toBe('true');
  });

  it('says so when the first answer was lost', async () => {
    await rename('eight', 'k8');
    await owner.query("UPDATE idempotency_keys SET status = NULL, response = NULL WHERE key = 'k8'");
    expect((await rename('eight', 'k8')).body.error.code).toBe('idempotency_in_progress');
    await owner.query("UPDATE idempotency_keys SET created_at = now() - interval '2 minutes' WHERE key = 'k8'");
    expect((await rename('eight', 'k8')).body.error.code).toBe('idempotency_outcome_unknown');
  });

  it('is over after 24 hours', async () => {
    await rename('nine', 'k9');
    await owner.query("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'k9'");
    const { status, headers } = await rename('ten', 'k9');
    expect([status, headers.get('idempotency-replayed')]).toEqual([200, null]);
  });

  it("is each caller's own", async () => {
    const { body: other } = await call('POST', '/v1/keys', { body: { name: 'other' } });
    await rename('eleven', 'k10');
    const { status, headers } = await call('PATCH', '/v1/workspace', {
      body: { name: 'twelve' },
      key: other.key,
      ...withKey('k10'),
    });
    expect([status, headers.get('idempotency-replayed')]).toEqual([200, null]);
  });
});
