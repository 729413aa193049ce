/** What docs/reference/api.md says holds for every call. */
import { request } from 'node:http';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from './client.ts';

let server: TestServer;
let call: Client;
beforeAll(async () => {
  server = await startTestServer({ body_limit_bytes: 4096 });
  call = clientOf(server);
});
afterAll(() => server.close());

/** fetch does not let a caller set Host. */
async function withHost(host: string, headers: Record<string, string> = {}): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  request(`${server.url}/v1/workspace`, { headers: { host, authorization: `Bearer ${server.adminKey}`, ...headers } })
    .on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
    .on('error', reject)
    .end();
  return promise;
}

describe('the error envelope', () => {
  it('has code, cause, remedy and the request id', async () => {
    const { status, body, headers } = await call('GET', '/v1/nothing', { headers: { 'x-request-id': 'mine-1' } });
    expect(status).toBe(404);
    expect(body).toEqual({
      error: {
        code: 'route_not_found',
        cause: 'There is no GET /v1/nothing.',
        remedy: expect.any(String),
        request_id: 'mine-1',
      },
    });
    expect(headers.get('x-request-id')).toBe('mine-1');
  });

  it('names each place that does not fit, and no value', async () => {
    const { status, body } = await call('POST', '/v1/keys', { body: { name: 7, hunter2: 'hunter2-value' } });
    expect(status).toBe(400);
    expect(body.error.code).toBe('request_invalid');
    expect(body.error.problems.map(({ path }: { path: string }) => path)).toEqual(['body.name', 'body']);
    expect(JSON.stringify(body)).not.toContain('hunter2-value');
  });

  it.each(['/v1/keys?limit=0', '/v1/keys?limit=201', '/v1/keys?limit=x', '/v1/keys?offset=1', '/v1/keys?cursor='])(
    'refuses %s',
    async (path) => {
      expect((await call('GET', path)).body.error.code).toBe('request_invalid');
    },
  );
});

describe('a bug', () => {
  it('is told without any detail, and is in the log of the server alone', async () => {
    const owner = new pg.Client({ connectionString: server.ownerUrl });
    await owner.connect();
    await owner.query('ALTER TABLE upstream_secrets RENAME TO elsewhere');
    const { status, body } = await call('GET', '/v1/secrets');
    await owner.query('ALTER TABLE elsewhere RENAME TO upstream_secrets');
    await owner.end();
    expect(status).toBe(500);
    expect(body.error).toEqual({
      code: 'internal_error',
      cause: 'HiveKey failed at this request.',
      remedy: expect.any(String),
      request_id: expect.stringMatching(/^req_/),
    });
    expect((await call('GET', '/v1/secrets')).status).toBe(200);
  });
});

describe('request id', () => {
  it('is ours where the caller sends none that is usable', async () => {
    for (const id of [undefined, 'a b', 'x'.repeat(129)]) {
      const { headers } = await call('GET', '/healthz', id === undefined ? {} : { headers: { 'x-request-id': id } });
      expect(headers.get('x-request-id')).toMatch(/^req_[0-9A-Za-z]{12}$/);
    }
  });
});

describe('version', () => {
  it('is served and told', async () => {
    const { status, headers } = await call('GET', '/v1/workspace', { headers: { 'hivekey-version': '2026-04-01' } });
    expect(status).toBe(200);
    expect(headers.get('hivekey-version')).toBe('2026-04-01');
  });

  it('is refused when unknown', async () => {
    const { status, body } = await call('GET', '/v1/workspace', { headers: { 'hivekey-version': '2026-04-02' } });
    expect([status, body.error.code]).toEqual([400, 'version_unknown']);
  });
});

describe('bodies', () => {
  it.each([undefined, 'application/json', 'application/x-www-form-urlencoded', 'text/plain', 'nonsense'])(
    'are JSON when %s is declared',
    async (type) => {
      const headers = type === undefined ? {} : { 'content-type': type };
      const { status } = await call('PATCH', '/v1/workspace', { body: { name: 'acme-corp' }, headers });
      expect(status).toBe(200);
    },
  );

  it.each([
    ['{"name":"a","name":"b"}', 'json_duplicate_key'],
    ['{"name":"a","n\\u0061me":"b"}', 'json_duplicate_key'],
    ['{"name":"a"} x', 'json_syntax'],
    ['name=a', 'json_syntax'],
    ['{"name":12345678901234567890}', 'json_number_unsafe'],
    ['\ufeff{"name":"a"}', 'json_byte_order_mark'],
    ['{"name":"a","color":"red"}', 'request_invalid'],
    ['["name"]', 'request_invalid'],
  ])('refuse %s', async (body, code) => {
    const answer = await call('PATCH', '/v1/workspace', { body });
    expect([answer.status, answer.body.error.code]).toEqual([400, code]);
  });

  it('are limited', async () => {
    const { status, body } = await call('PATCH', '/v1/workspace', { body: { name: 'a'.repeat(5000) } });
    expect([status, body.error.code]).toEqual([413, 'body_too_large']);
  });

  it('are YAML only where a route takes it', async () => {
    const headers = { 'content-type': 'application/yaml' };
    const { status, body } = await call('PATCH', '/v1/workspace', { body: 'name: acme', headers });
    expect([status, body.error.code]).toEqual([415, 'yaml_not_accepted']);
    // This route takes it, and then says what is wrong with the server.
    const map = await call('PUT', '/v1/mcp/servers/crm/map', { body: 'namespace: crm', headers });
    expect([map.status, map.body.error.code]).toEqual([404, 'server_not_found']);
  });
});

describe('who may call', () => {
  it.each(['localhost', '127.0.0.1', '[::1]'])('serves the host %s', async (host) => {
    expect(await withHost(`${host}:1234`)).toBe(200);
  });

  it('serves neither other hosts nor pages of other origins', async () => {
    expect(await withHost('attacker.example')).toBe(403);
    expect(await withHost('127.0.0.1', { origin: 'http://attacker.example' })).toBe(403);
    expect(await withHost('127.0.0.1', { origin: 'null' })).toBe(403);
    expect(await withHost('127.0.0.1', { origin: 'http://localhost:3000' })).toBe(403);
    expect(await withHost('127.0.0.1', { origin: 'http://127.0.0.1' })).toBe(200);
  });

  it('gives no CORS headers', async () => {
    const { status, headers } = await call('OPTIONS', '/v1/workspace', {
      key: null,
      headers: { origin: server.url, 'access-control-request-method': 'GET' },
    });
    expect(status).toBe(404);
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([
    [{ key: null }, 'credential_missing'],
    [{ key: 'hk_live_short' }, 'key_invalid'],
    [{ key: null, headers: { authorization: 'Basic YTpi' } }, 'key_invalid'],
    [{ key: null, headers: { cookie: `hivekey=${'A'.repeat(43)}` } }, 'session_over'],
  ])('refuses %o', async (credential, code) => {
    const { status, body, headers } = await call('GET', '/v1/workspace', credential);
    expect([status, body.error.code]).toEqual([401, code]);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="hivekey"');
  });

  it('checks who calls before it reads a body', async () => {
    const { status } = await call('PATCH', '/v1/workspace', { key: null, body: '{"name":' });
    expect(status).toBe(401);
  });
});

describe('headers of every answer', () => {
  it('close what a browser leaves open', async () => {
    const { headers } = await call('GET', '/v1/workspace');
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
  });
});
