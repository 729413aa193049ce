/** HTTP that proxies and servers read differently, foreign hosts and pages, and names that only look alike. */
import { connect, type Socket } from 'node:net';
import { canonicalJson } from '@hivekey/action-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, initialize, legacy, modern, raw, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { openWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const BODY = '{"action":"own.act"}';
const SECOND = 'GET /v1/actions/capabilities HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** A POST to /v1/actions of the attacker, with these lines instead of a Content-Length. */
function post(lines: readonly string[], body: string): string {
  const head = ['POST /v1/actions HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${world.token}`, ...lines];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** Status codes of everything that is answered until the server closes. */
async function statuses(bytes: string): Promise<readonly string[]> {
  const text = await raw(world.port, bytes);
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status);
}

const length = (text: string): string => `Content-Length: ${text.length}`;
const CLOSE = 'Connection: close';
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

describe('one request, read one way', () => {
  it('the request that the others imitate', async () => {
    expect(await statuses(post([length(BODY), CLOSE], BODY))).toEqual(['200']);
    expect(await statuses(post(['Transfer-Encoding: chunked', CLOSE], chunk(BODY)))).toEqual(['200']);
  });

  it.each<readonly [name: string, lines: readonly string[], body: string]>([
    ['two lengths', [length(BODY), 'Content-Length: 3'], BODY],
    ['the same length twice', [length(BODY), length(BODY)], BODY],
    ['two lengths in one header', [`Content-Length: ${BODY.length}, 3`], BODY],
    ['length and chunks', [length(BODY), 'Transfer-Encoding: chunked'], chunk(BODY)],
    ['chunks and length', ['Transfer-Encoding: chunked', length(BODY)], chunk(BODY)],
    ['an encoding that is none', ['Transfer-Encoding: xchunked', length(BODY)], BODY],
    ['an encoding after chunked', ['Transfer-Encoding: chunked, identity'], chunk(BODY)],
    ['chunked behind a tab', ['Transfer-Encoding:\tchunked', length(BODY)], chunk(BODY)],
    ['a blank before the colon', ['Content-Length : 20'], BODY],
    ['a folded header', [length(BODY), 'X-A: 1\r\n Transfer-Encoding: chunked'], chunk(BODY)],
    ['a folded encoding', ['Transfer-Encoding:\r\n chunked', length(BODY)], chunk(BODY)],
    ['a signed length', ['Content-Length: +20'], BODY],
    ['a negative length', ['Content-Length: -20'], BODY],
    ['a hexadecimal length', ['Content-Length: 0x14'], BODY],
    ['a length beyond 2^64', ['Content-Length: 18446744073709551636'], BODY],
    ['a bare line feed in the head', [`${length(BODY)}\nX-A: 1`], BODY],
    ['a bare carriage return in the head', [`${length(BODY)}\rX-A: 1`], BODY],
    ['a zero byte in a header', [length(BODY), 'X-A: \0'], BODY],
    ['a header without a name', [length(BODY), ': 1'], BODY],
    ['a second Host', [length(BODY), 'Host: evil.example'], BODY],
    ['a second Authorization', [length(BODY), 'authorization: Bearer other'], BODY],
    ['a second Content-Type', [length(BODY), 'Content-Type: text/plain', 'content-type: application/json'], BODY],
    ['a chunk size with a sign', ['Transfer-Encoding: chunked'], `+14\r\n${BODY}\r\n0\r\n\r\n`],
    ['a chunk size beyond 2^64', ['Transfer-Encoding: chunked'], `10000000000000014\r\n${BODY}\r\n0\r\n\r\n`],
    ['a chunk that is longer than it says', ['Transfer-Encoding: chunked'], `3\r\n${BODY}\r\n0\r\n\r\n`],
    ['chunks that end in bare line feeds', ['Transfer-Encoding: chunked'], `14\n${BODY}\n0\n\n`],
    ['headers of more than 16 KiB', [length(BODY), `X-A: ${'x'.repeat(20_000)}`], BODY],
  ])('%s', async (_name, lines, body) => {
    const answered = await statuses(post(lines, `${body}${SECOND}`));
    expect(answered).toHaveLength(1);
    expect(['400', '431']).toContain(answered[0]);
  });

  it.each([
    ['no Host', 'GET /v1/actions/capabilities HTTP/1.1\r\n\r\n'],
    ['HTTP/0.9', 'GET /v1/actions/capabilities\r\n\r\n'],
    ['HTTP/2 in clear', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a blank in the target', 'GET /v1/actions/capabilities HTTP/1.1 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('%s is no request', async (_name, bytes) => {
    const answered = await statuses(bytes);
    expect(answered.filter((status) => status !== '400' && status !== '403')).toEqual([]);
  });

  it.each([
    'http://localhost/mcp',
    'http://evil.example/v1/agents',
    '//v1/agents',
    '/mcp/../v1/agents',
    '/v1/%61gents/..',
    '/mcp/%2e%2e/v1/agents',
    '/MCP',
    '/mcp/',
    '/mcp/rec/',
    '/mcp/rec%00',
    '/mcp/rec;x',
    '*',
  ])('the target %s leads to nothing', async (target) => {
    const head = `POST ${target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${world.token}\r\n`;
    const [status] = await statuses(
      `${head}Content-Type: application/json\r\n${length(BODY)}\r\n${CLOSE}\r\n\r\n${BODY}`,
    );
    expect(['400', '404']).toContain(status);
  });

  it.each(['HEAD', 'OPTIONS', 'TRACE', 'PUT', 'PATCH', 'PROPFIND', 'CONNECT'])('%s does nothing', async (method) => {
    const before = world.recorder.calls.length;
    for (const path of ['/mcp', '/mcp/rec', '/v1/actions', '/access/v1/evaluation']) {
      const target = method === 'CONNECT' ? 'localhost:443' : path;
      const head = `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${world.token}\r\nOrigin: http://localhost\r\n${CLOSE}\r\n\r\n`;
      const text = await raw(world.port, head);
      expect([method, path, /^$|^HTTP\/1\.1 (404|405|400|403) /.test(text)]).toEqual([method, path, true]);
      expect(text.toLowerCase()).not.toContain('access-control-');
    }
    expect(world.recorder.calls.length).toBe(before);
  });
});

describe('hosts and pages that are not ours', () => {
  const PATHS = [
    '/mcp',
    '/v1/agents',
    '/v1/session',
    '/v1/actions',
    '/access/v1/evaluation',
    '/openapi.json',
    '/docs',
    '/',
  ];
  const get = (path: string, headers: Record<string, string>, method = 'GET') =>
    send(world.port, { method, path, headers }).catch((error: unknown) => ({
      status: 0,
      headers: {},
      text: String(error),
    }));

  it.each(
    [
      'evil.example',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      'evil.example:7420',
      'localhost@evil.example',
      'evil.example#localhost',
      'localhost:80:evil.example',
      'localhost,evil.example',
      '[::ffff:127.0.0.1]',
      '0x7f000001',
      '2130706433',
      '169.254.169.254',
      'localhost.',
      'ﬁocalhost',
    ].map((host) => [host.normalize(), host] as const),
  )('Host: %s', async (_shown, host) => {
    for (const path of PATHS) {
      const headers = { host: Buffer.from(host).toString('latin1'), ...bearer(world.server.adminKey) };
      expect([path, (await get(path, headers)).status]).toEqual([path, 403]);
    }
    expect((await get('/v1/agents', { host: 'localhost', ...bearer(world.server.adminKey) })).status).toBe(200);
  });

  it.each([
    'http://evil.example',
    'null',
    'file://',
    'http://127.0.0.1.evil.example',
    'http://localhost.evil.example:7420',
    'http://evil.example@localhost',
    'http://localhost@evil.example',
    'http://localhost#.evil.example',
    'http://localhost\\.evil.example',
    'http://localhost/evil',
    'chrome-extension://localhost',
    'http://',
    'localhost',
  ])('Origin: %s', async (origin) => {
    const host = `localhost:${world.port}`;
    for (const path of PATHS) {
      const answer = await get(path, { host, origin, ...bearer(world.server.adminKey) });
      expect([path, answer.status]).toEqual([path, 403]);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    expect((await get('/v1/agents', { host, origin: `http://${host}`, ...bearer(world.server.adminKey) })).status).toBe(
      200,
    );
  });

  it('probes answer under any Host, and tell nothing of the workspace', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const text = await raw(world.port, `GET ${path} HTTP/1.1\r\nHost: evil.example\r\n${CLOSE}\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
      expect(text).not.toMatch(/attacker|acme|rec__|own\.act/);
    }
  });
});

describe('names that only look alike', () => {
  const alike = {
    'another alphabet': 'rec__аct',
    'full width': 'rec__\uff41ct',
    'an invisible character': 'rec__a\u200bct',
    'a combining mark': 'rec__a\u0301ct',
    'a soft hyphen': 'rec__a\u00adct',
    'another case': 'REC__act',
    'a zero byte': 'rec__act\0',
    blanks: ' rec__act',
    'a dot': 'rec.act',
    'the other direction': '\u202erec__act',
    'a prototype': '__proto__',
    'a constructor': 'constructor',
    nothing: '',
  };

  it.each(Object.entries(alike))('%s is another tool, which is absent', async (_name, name) => {
    const before = world.recorder.calls.length;
    const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`;
    const { status, json } = await send(
      world.port,
      modern(world.token, 'tools/call', { name, arguments: {} }, { headers: { 'mcp-name': encoded } }),
    );
    expect([status, json.error]).toEqual([200, { code: -32602, message: `Unknown tool: ${name}` }]);
    expect(world.recorder.calls.length).toBe(before);
    expect((await world.tool('rec__act', {})).json).toHaveProperty('result');
  });

  it('is no action either', async () => {
    for (const name of ['own.аct', 'own.a\u200bct', 'OWN.act', 'own.act ', '__proto__', 'constructor', 'own.act\0'])
      expect([name, (await world.ask(name, {})).json]).toMatchObject([name, { error: { code: 'action_unknown' } }]);
    expect((await world.ask('own.act', {})).status).toBe(200);
  });

  it('is no agent', async () => {
    const make = (name: string) =>
      world.call('POST', '/v1/agents', { body: { name, role: 'user', owner: 'dana@acme.example' } });
    for (const name of ['аttacker', 'att\u200backer', 'attacker\0', 'att acker', '../attacker', '__proto__', ''])
      expect([name, (await make(name)).status]).toEqual([name, 400]);
    expect((await make('ATTACKER')).body.error.code).toBe('handle_taken');
    expect((await make('constructor')).status).toBe(201);
    expect((await world.call('GET', '/v1/agents/constructor')).body.name).toBe('constructor');
    expect((await world.call('GET', '/v1/agents/toString')).status).toBe(404);
  });
});

describe('names that objects have anyway', () => {
  it('are members like others in arguments that are forwarded', async () => {
    const args = '{"__proto__":{"admin":true},"constructor":{"prototype":1},"toString":2,"hasOwnProperty":3}';
    const { body } = modern(world.token, 'tools/call', { name: 'rec__act', arguments: { marker: 1 } });
    const bytes = String(body).replace('{"marker":1}', args);
    const answer = await send(world.port, { ...modern(world.token, 'tools/call', { name: 'rec__act' }), body: bytes });
    expect(answer.json).toHaveProperty('result');
    const { params } = JSON.parse(world.recorder.calls.at(-1)?.bytes ?? '');
    expect(canonicalJson(params.arguments)).toBe(canonicalJson(JSON.parse(args)));
    expect(Object.keys(params.arguments)).toContain('__proto__');
  });

  it('__proto__ is refused where a schema would leave it out without a word', async () => {
    const bodies: [method: string, path: string, body: string][] = [
      ['POST', '/v1/actions', '{"action":"own.act","arguments":{"__proto__":{"amount":1}}}'],
      ['POST', '/v1/actions', '{"action":"own.act","arguments":{"a":[{"__pr\\u006fto__":1}]}}'],
      [
        'POST',
        '/access/v1/evaluation',
        '{"subject":{"type":"agent","id":"attacker"},"action":{"name":"own.act","properties":{"__proto__":1}},"resource":{"type":"a","id":"b"}}',
      ],
    ];
    for (const [method, path, body] of bodies) {
      const answer = await world.call(method, path, {
        key: world.token,
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect([answer.status, answer.body.error.code]).toEqual([400, 'json_prototype_key']);
    }
    for (const [method, path, body] of [
      ['PATCH', '/v1/agents/attacker', '{"metadata":{"__proto__":{"a":"b"}}}'],
      ['PUT', '/v1/roles/proto', '{"__proto__":{"kind":"Role"}}'],
      ['PUT', '/v1/mcp/servers/rec/map', '{"namespace":"rec","tools":{"__proto__":{"maps":"rec.act"}}}'],
      ['PUT', '/v1/capabilities/own.act', '{"access":"write","input_schema":{"properties":{"__proto__":{}}}}'],
    ] as const) {
      const answer = await world.call(method, path, { body });
      expect([answer.status, answer.body.error.code]).toEqual([400, 'json_prototype_key']);
    }
    expect((await world.ask('own.act', { constructor: 1, toString: 2 })).status).toBe(200);
    expect(
      (await world.call('PATCH', '/v1/agents/attacker', { body: { metadata: { constructor: 'x' } } })).status,
    ).toBe(200);
  });

  it('are no filters', async () => {
    for (const query of ['__proto__=1', 'constructor=1', '__proto__[a]=1', 'limit=1&limit=2', 'limit[]=1'])
      expect([query, (await world.call('GET', `/v1/agents?${query}`)).status]).toEqual([query, 400]);
    expect((await world.call('GET', '/v1/agents?limit=1')).status).toBe(200);
  });

  it('are no methods', async () => {
    const { session } = await initialize(world.port, world.token);
    for (const method of [
      'constructor',
      '__proto__',
      'toString',
      'hasOwnProperty',
      'tools/call ',
      'TOOLS/CALL',
      'rpc.discover',
    ]) {
      const old = await send(world.port, legacy(world.token, session, { id: 1, method, params: {} }));
      expect(old.json.error).toMatchObject({ code: -32601 });
      const now = await send(world.port, modern(world.token, method));
      expect([method, now.status]).toEqual([method, method.endsWith(' ') ? 400 : 404]);
    }
  });
});

describe('what cannot be stored or read', () => {
  it('is refused in the envelope of all refusals, never as a failure of ours', async () => {
    const AT = [
      'GET /v1/agents/a%00b',
      'GET /v1/agents?q=%00',
      'GET /v1/agents?owner=%00',
      'GET /v1/roles/%00',
      'GET /v1/people/%00',
      'GET /v1/audit/events/%00',
      'GET /v1/audit/events?q=%00',
      'GET /v1/audit/events?agent=%00',
      'GET /v1/containments/%00',
      'GET /v1/mcp/servers/%00',
      'DELETE /v1/webhooks/%00',
      'GET /v1/agents/%FF',
      'GET /v1/agents/%ED%A0%80',
      'GET /v1/agents/%',
    ];
    for (const route of AT) {
      const [method = '', path = ''] = route.split(' ');
      const { status, body } = await world.call(method, path);
      expect([route, status]).toEqual([route, 400]);
      expect(body.error).toMatchObject({
        code: expect.stringMatching(/^(text|request)_invalid$/),
        remedy: expect.any(String),
      });
    }
    const labelled = (label: string) =>
      world.call('POST', '/v1/people', { body: { email: 'kim@acme.example', label } });
    expect((await labelled('a\0')).body.error.code).toBe('text_invalid');
    expect((await labelled('a')).status).toBe(201);
  });

  it('in arguments is recorded, and the log goes on', async () => {
    const { json } = await world.ask('own.act', { note: 'a\0b', '\0': 1 });
    expect(json).toMatchObject({ verdict: 'allow' });
    const shown = await world
      .call('GET', `/v1/audit/events/${String(json.id)}?wait=1`)
      .then(() => world.ask('own.act', {}));
    expect(shown.status).toBe(200);
  });
});

it('half a request of many callers keeps nobody waiting', async () => {
  const sockets: Socket[] = [];
  const head = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${world.token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`;
  for (let n = 0; n < 300; n += 1) {
    const socket = connect(world.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(n % 2 === 0 ? head : 'POST /v1/actions HTTP/1.1\r\nHost: loc');
    sockets.push(socket);
  }
  await Promise.all(
    sockets.map((socket) =>
      socket.connecting ? new Promise((resolve) => socket.once('connect', resolve)) : undefined,
    ),
  );
  const { token } = await world.agent('other', 'user');
  expect((await world.tool('rec__act', {}, token)).json).toHaveProperty('result');
  expect((await world.call('POST', '/v1/agents/other/revoke', { body: {} })).status).toBe(200);
  for (const socket of sockets) socket.destroy();
});
