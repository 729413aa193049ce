/** Ways round the proxy: another path, another method, another header, another address; and what comes back. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type TestAgent } from '../actions/workspace.ts';
import { type Office, openOffice } from '../approvals/office.ts';
import { type Handler, type Service, startService } from '../http-apis/shop.ts';
import { agentOf, raw } from './client.ts';

const KEY = 'probe/key+9Zq8Lm3Kd7Xw';

/** Everything is granted but the secret operations. */
const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Probe', version: '1' },
  servers: [{ url: 'http://169.254.169.254/latest/meta-data' }],
  paths: {
    '/files/{name}': { get: operation('getFile', [path('name')]), delete: operation('deleteFile', [path('name')]) },
    '/files/secret': { get: operation('getSecret') },
    '/{a}/fixed': { get: operation('byName', [path('a')]) },
    '/fixed/{b}': { get: operation('byFixed', [path('b')]) },
    '/echo': { get: operation('echo', [{ name: 'X-Region', in: 'header', schema: { type: 'string' } }]) },
    '/leak': { get: operation('leak', [{ name: 'how', in: 'query', required: true, schema: { type: 'string' } }]) },
    '/move': { get: operation('move', [{ name: 'to', in: 'query', required: true, schema: { type: 'string' } }]) },
    '/form': {
      post: {
        operationId: 'postForm',
        requestBody: {
          content: {
            'application/x-www-form-urlencoded': {
              schema: {
                type: 'object',
                properties: { amount: { type: 'number' }, tags: { type: 'array', items: { type: 'string' } } },
                required: ['amount'],
              },
            },
          },
        },
      },
    },
    '/upload': { put: { operationId: 'upload', requestBody: { required: true, content: { 'image/*': {} } } } },
    '/large': { get: operation('large') },
    '/zipped': { get: operation('zipped') },
    '/broken': { get: operation('broken') },
  },
};

function operation(operationId: string, parameters: readonly object[] = []): object {
  return { operationId, parameters };
}

function path(name: string): object {
  return { name, in: 'path', required: true, schema: { type: 'string' } };
}

const FORMS: Readonly<Record<string, (secret: string) => string>> = {
  plain: (secret) => secret,
  base64: (secret) => Buffer.from(`x${secret}`).toString('base64'),
  base64url: (secret) => Buffer.from(secret).toString('base64url'),
  percent: encodeURIComponent,
  hex: (secret) => Buffer.from(secret).toString('hex'),
  json: (secret) => JSON.stringify(secret).replaceAll('/', '\\/'),
};

const answer: Handler = (req, res) => {
  const url = new URL(req.url ?? '', 'http://probe');
  switch (url.pathname) {
    case '/api/leak': {
      const text = FORMS[url.searchParams.get('how') ?? '']?.(KEY) ?? '';
      res.writeHead(200, { 'content-type': 'text/plain', 'x-leak': text.slice(0, 200), 'set-cookie': KEY });
      // In pieces, so that no chunk has all of it.
      for (const character of `before ${text} after`) res.write(character);
      res.end();
      return;
    }
    case '/api/move':
      res.writeHead(302, { location: url.searchParams.get('to') ?? '' }).end();
      return;
    case '/api/large':
      res.writeHead(200, { 'content-type': 'text/plain' });
      for (let count = 0; count < 64; count += 1) res.write('x'.repeat(4096));
      res.end();
      return;
    case '/api/zipped':
      res.writeHead(200, { 'content-encoding': 'gzip' }).end('not looked through');
      return;
    case '/api/broken':
      res.writeHead(200, { 'content-length': '100' });
      res.write('half', () => res.destroy());
      return;
    default:
      res.writeHead(200, {
        'content-type': 'application/json',
        connection: 'x-hop',
        'x-hop': '1',
        'access-control-allow-origin': '*',
        'www-authenticate': 'Basic',
      });
      res.end(JSON.stringify({ url: req.url, headers: req.headers }));
  }
};

let office: Office;
let probe: Service;
let bot: TestAgent;
let ask: ReturnType<typeof agentOf>;

beforeAll(async () => {
  probe = await startService(answer);
  office = await openOffice({ upstream_allow: ['127.0.0.1'] });
  await office.done('PUT', '/v1/secrets/probe-key', { value: KEY });
  await office.done('POST', '/v1/http/apis', {
    namespace: 'probe',
    endpoint: probe.endpoint,
    credential_ref: 'vault://probe-key',
    injection: { header: 'X-Api-Key' },
    default_access: 'read-write',
    max_request_bytes: 10_000,
    max_response_bytes: 100_000,
    document: DOCUMENT,
  });
  const { body } = await office.call('GET', '/v1/http/apis/probe/operations?limit=100');
  const names: string[] = body.data.map(({ capability }: { capability: string }) => capability);
  await office.role(
    'prober',
    names.filter((name) => !/Secret|deleteFile/.test(name)),
  );
  bot = await office.agent('prober-bot', 'prober');
  ask = agentOf(office.server.url, bot.token);
});
afterAll(async () => {
  await office.close();
  await probe.close();
});

describe('another path than the one that was decided about', () => {
  it.each([
    ['/http/probe/files/../files/secret', 400],
    ['/http/probe/files/%2e%2e/files/secret', 400],
    ['/http/probe/files/..%2fsecret', 400],
    ['/http/probe/files/x%2F..%2Fsecret', 400],
    ['/http/probe/files/x%5csecret', 400],
    ['/http/probe/files/x\\secret', 400],
    ['/http/probe/files/%252e%252e', 400],
    ['/http/probe/files/s%65cret', 400],
    ['/http/probe/files//secret', 400],
    ['/http/probe//files/secret', 400],
    ['/http/probe/files/./secret', 400],
    ['/http/probe/files/secret;x=1', 400],
    ['/http/probe/files/secret%00', 400],
    ['/http/probe/files/a%0d%0ax', 400],
    ['/http/probe/files/%ff', 400],
    ['/http/probe/files/%zz', 400],
    ['/http/probe/files/%', 400],
    ['/http/probe/files/x#y', 400],
    ['/http/%70robe/files/x', 400],
    ['/http/../http/probe/files/x', 400],
    ['/http/PROBE/files/x', 400],
    ['/http/probe/files/secret', 404],
    ['/http/probe/files/secret/', 404],
    ['/http/probe/FILES/x', 404],
    // Two templates fit, and none is the more concrete one.
    ['/http/probe/fixed/fixed', 404],
    ['/http/probe', 404, 'POST'],
    ['/http/probe/files/secret', 404, 'DELETE'],
  ])('%s is %i', async (target, status, method = 'GET') => {
    const before = probe.seen.length;
    expect((await ask(method, target)).status).toBe(status);
    expect(probe.seen).toHaveLength(before);
  });

  it.each([
    ['/http/probe/files/a%20b', '/api/files/a%20b'],
    ['/http/probe/files/a:b@c', '/api/files/a%3Ab%40c'],
    ['/http/probe/files/100%25', '/api/files/100%25'],
    ['/http/probe/files/%C3%A9', '/api/files/%C3%A9'],
    ['/http/probe/files/a%3Fb%23c', '/api/files/a%3Fb%23c'],
    ['/http/probe/files/..a', '/api/files/..a'],
    ['/http/probe/x/fixed', '/api/x/fixed'],
    ['/http/probe/fixed/x', '/api/fixed/x'],
  ])('%s goes out as %s', async (target, url) => {
    expect((await ask('GET', target)).status).toBe(200);
    expect(probe.seen.at(-1)?.url).toBe(url);
  });
});

describe('another request than the one that was decided about', () => {
  const head = (line: string, more = ''): string =>
    `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${bot.token}\r\nConnection: close\r\n${more}\r\n`;

  it.each([
    ['both lengths', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', 400],
    ['two lengths', 'Content-Length: 4\r\nContent-Length: 5\r\n', 400],
    ['an odd coding', 'Transfer-Encoding: xchunked\r\n', 400],
    ['two hosts', 'Host: evil.example\r\n', 400],
    ['two tokens', 'Authorization: Bearer x\r\n', 400],
    ['a folded header', 'X-Region: a\r\n b\r\n', 400],
    ['a method override', 'X-HTTP-Method-Override: DELETE\r\n', 400],
    ['another override', 'X-Method-Override: DELETE\r\n', 400],
    ['an upgrade', 'Connection: Upgrade\r\nUpgrade: websocket\r\n', 400],
    ['an origin of another site', 'Origin: https://evil.example\r\n', 403],
    ['a header given twice', 'X-Region: a\r\nX-Region: b\r\n', 400],
  ])('%s is refused', async (_what, more, status) => {
    const before = probe.seen.length;
    const text = await raw(office.server.url, head('GET /http/probe/echo', more));
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(probe.seen).toHaveLength(before);
  });

  it('CONNECT and absolute targets reach nothing', async () => {
    const before = probe.seen.length;
    expect(await raw(office.server.url, head(`CONNECT 127.0.0.1:${probe.port}`))).not.toMatch(/ 200 /);
    expect(await raw(office.server.url, head(`GET http://127.0.0.1:${probe.port}/api/echo`))).toMatch(
      /^HTTP\/1.1 400 /,
    );
    expect(await raw(office.server.url, head('GET /http/probe/echo', 'Upgrade: h2c\r\nHTTP2-Settings: x\r\n'))).toMatch(
      / 400 /,
    );
    expect(probe.seen).toHaveLength(before);
  });

  it('passes on what is declared and nothing else', async () => {
    const headers = {
      'x-region': 'eu',
      cookie: 'a=b',
      host: 'localhost',
      forwarded: 'for=1.2.3.4',
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-host': 'evil.example',
      'x-original-url': '/api/files/secret',
      'x-api-key': 'mine',
      'proxy-authorization': 'Basic x',
      te: 'trailers',
      'x-undeclared': '1',
      'accept-encoding': 'gzip',
    };
    const { body } = await ask('GET', '/http/probe/echo', { headers });
    expect(body.headers).toEqual({
      host: `127.0.0.1:${probe.port}`,
      connection: 'keep-alive',
      'user-agent': expect.stringContaining('hivekey'),
      'accept-encoding': 'identity',
      'x-region': 'eu',
      'x-api-key': '[secret]',
    });
    expect(probe.seen.at(-1)?.headers['x-api-key']).toBe(KEY);
    const dropped = await ask('GET', '/http/probe/echo', { headers: { 'x-region': 'eu', connection: 'x-region' } });
    expect(dropped.body.headers['x-region']).toBeUndefined();
  });

  it.each([
    ['amount=1&amount=2'],
    ['amount=1;amount=2'],
    ['amount=1&role=admin'],
    ['amount=1&_method=DELETE'],
    ['amount'],
    ['amount=%zz'],
    ['amount=1&&tags=a'],
    ['amount=\u00e9'],
  ])('the form %s is refused', async (body) => {
    const before = probe.seen.length;
    const answer = await ask('POST', '/http/probe/form', {
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.body).toMatchObject({ status: 400, code: 'arguments_invalid' });
    expect(probe.seen).toHaveLength(before);
  });

  it('a form goes out as it came', async () => {
    const body = 'amount=12.50&tags=a+b&tags=c%26d';
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' };
    expect((await ask('POST', '/http/probe/form', { body, headers })).status).toBe(200);
    expect(probe.seen.at(-1)?.body).toBe(body);
    expect((await ask('POST', '/http/probe/form', { body: '{"amount":1}' })).status).toBe(400);
  });

  it('bytes go out as they came, where they are declared, up to the limit', async () => {
    const body = Buffer.from([0, 255, 13, 10]);
    expect((await ask('PUT', '/http/probe/upload', { body, headers: { 'content-type': 'image/png' } })).status).toBe(
      200,
    );
    expect(Buffer.from(probe.seen.at(-1)?.body ?? '', 'latin1')).toEqual(body);
    expect((await ask('PUT', '/http/probe/upload', { body, headers: { 'content-type': 'text/html' } })).status).toBe(
      400,
    );
    const before = probe.seen.length;
    const large = await ask('PUT', '/http/probe/upload', {
      body: Buffer.alloc(20_000),
      headers: { 'content-type': 'image/png' },
    });
    expect(large.body).toMatchObject({ status: 413, code: 'request_too_large' });
    await eventually(async () => {
      const { body: log } = await office.call('GET', '/v1/audit/events?agent=prober-bot&limit=5');
      return JSON.stringify(log).includes('more than 10000 bytes') ? log : undefined;
    });
    const packed = await ask('PUT', '/http/probe/upload', {
      body,
      headers: { 'content-type': 'image/png', 'content-encoding': 'gzip' },
    });
    expect(packed.status).toBe(415);
    expect(probe.seen).toHaveLength(before);
  });

  it('a stranger learns nothing, and a body of nobody is not read', async () => {
    const stranger = await agentOf(office.server.url, 'hk_agt_nobody')('GET', '/http/probe/echo');
    expect(stranger.status).toBe(401);
    const text = await raw(office.server.url, 'GET /http/probe/echo HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 401 /);
    expect((await agentOf(office.server.url, office.server.adminKey)('GET', '/http/probe/echo')).status).toBe(401);
  });
});

describe('what comes back', () => {
  it.each(Object.keys(FORMS))('has the credential taken out: %s', async (how) => {
    const { text, headers } = await ask('GET', `/http/probe/leak?how=${how}`);
    expect(text).toMatch(/^before .*\[secret\].* after$/);
    expect(JSON.stringify(headers)).not.toContain(FORMS[how]?.(KEY).slice(4, 24));
    expect(text).not.toContain(FORMS[how]?.(KEY).slice(4, 24));
  });

  it('has no header of the hop or of the origin', async () => {
    const { headers } = await ask('GET', '/http/probe/echo');
    for (const name of ['x-hop', 'access-control-allow-origin', 'www-authenticate', 'set-cookie'])
      expect(headers[name]).toBeUndefined();
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });

  it.each([
    ['/api/echo?x=1', '/http/probe/echo?x=1'],
    ['echo', '/http/probe/echo'],
    ['https://evil.example/', undefined],
    ['//evil.example/api/echo', undefined],
    ['/elsewhere', undefined],
    ['/apix', undefined],
  ])('is not followed to %s', async (to, location) => {
    const before = probe.seen.length;
    const found = await ask('GET', `/http/probe/move?to=${encodeURIComponent(to)}`);
    expect(found.status).toBe(302);
    expect(found.headers.location).toBe(location);
    expect(probe.seen).toHaveLength(before + 1);
  });

  it('is cut at its limit, and refused where it cannot be looked through', async () => {
    await expect(ask('GET', '/http/probe/large')).rejects.toThrow();
    await expect(ask('GET', '/http/probe/broken')).rejects.toThrow();
    expect((await ask('GET', '/http/probe/zipped')).body).toMatchObject({
      status: 502,
      code: 'upstream_protocol_error',
      began: true,
    });
  });
});

describe('the credential', () => {
  it('is on no record, in no list and in no problem', async () => {
    await ask('GET', '/http/probe/leak?how=plain');
    await ask('GET', `/http/probe/files/${encodeURIComponent(KEY).replaceAll('%2F', '-')}`);
    for (const path of [
      '/v1/audit/events?limit=200',
      '/v1/http/apis',
      '/v1/http/apis/probe/operations?limit=100',
      '/v1/secrets',
      '/metrics',
    ])
      expect(JSON.stringify((await office.call('GET', path)).body)).not.toContain(KEY);
  });
});

describe('addresses', () => {
  const simple = {
    openapi: '3.1.0',
    info: { title: 'x', version: '1' },
    paths: { '/x': { get: { operationId: 'x' } } },
  };

  it.each([
    ['metadata', 'http://169.254.169.254/latest'],
    ['private', 'http://10.0.0.1/'],
    ['mapped', 'http://[::ffff:169.254.169.254]/'],
    ['hexadecimal', 'http://0xa9fea9fe/'],
  ])('%s is not connected to', async (namespace, endpoint) => {
    await office.done('POST', '/v1/http/apis', { namespace, endpoint, default_access: 'read-only', document: simple });
    await office.role('prober-2', [`${namespace}.x`]);
    const agent = await office.agent(`bot-${namespace}`, 'prober-2');
    const refused = await agentOf(office.server.url, agent.token)('GET', `/http/${namespace}/x`);
    expect(refused.body).toMatchObject({ status: 502, code: 'address_refused', began: false });
  });

  it.each([
    ['a user name', 'http://a:b@127.0.0.1/'],
    ['a query', 'http://127.0.0.1/?x=1'],
    ['another scheme', 'file:///etc/passwd'],
  ])('with %s is not registered', async (_what, endpoint) => {
    const { status } = await office.call('POST', '/v1/http/apis', { body: { namespace: 'odd', endpoint } });
    expect(status).toBe(400);
  });
});
