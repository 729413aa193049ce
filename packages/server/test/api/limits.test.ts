import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from './client.ts';

const PER_MINUTE = 100;

let server: TestServer;
let call: Client;
beforeAll(async () => {
  server = await startTestServer({ requests_per_minute: PER_MINUTE });
  call = clientOf(server);
});
afterAll(() => server.close());

describe('requests', () => {
  it('are limited for each credential, with a time to come back', async () => {
    const { body: other } = await call('POST', '/v1/keys', { body: { name: 'other' } });
    const statuses: number[] = [];
    for (let made = 1; made <= PER_MINUTE; made += 1) statuses.push((await call('GET', '/v1/keys')).status);
    // One request made the other key.
    expect(statuses.filter((status) => status === 200)).toHaveLength(PER_MINUTE - 1);
    const { status, body, headers } = await call('GET', '/v1/keys');
    expect([status, body.error.code]).toEqual([429, 'too_many_requests']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect((await call('GET', '/v1/keys', { key: other.key })).status).toBe(200);
  });

  it('of probes are not', async () => {
    for (let made = 0; made <= PER_MINUTE; made += 1) expect((await call('GET', '/healthz')).status).toBe(200);
  });
});

describe('failed logins', () => {
  it('are limited for each address; a right credential is not turned away', async () => {
    const codes = new Set<string>();
    for (let made = 0; made < 61; made += 1) {
      const { body } = await call('POST', '/v1/session', { key: null, body: { key: `hk_live_${made}` } });
      codes.add(body.error.code);
    }
    expect([...codes]).toEqual(['key_invalid', 'too_many_failed_logins']);
    const { status, headers } = await call('GET', '/v1/keys', { key: 'hk_live_wrong' });
    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    const right = await call('POST', '/v1/session', { key: null, body: { key: server.adminKey } });
    expect(right.status).toBe(201);
  });
});
