/** Everything the entrance refuses at the door, beside the request that passes. Nothing refused reaches path or upstream. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PathDouble, principalOf, serverDouble, UpstreamsDouble } from './doubles.ts';
import { bearer, initialize, legacy, modern, type Running, raw, run, type Sent, send, VERSION } from './wire-client.ts';

const path = new PathDouble();
const upstreams = new UpstreamsDouble(
  [serverDouble('crm', 'modern')],
  [
    { kind: 'tool', namespace: 'crm', name: 'read' },
    {
      kind: 'tool',
      namespace: 'crm',
      name: 'routed',
      definition: {
        inputSchema: {
          type: 'object',
          properties: {
            region: { type: 'string', 'x-mcp-header': 'Region' },
            count: { type: 'integer', 'x-mcp-header': 'Count' },
          },
        },
      },
    },
  ],
);
let running: Running;

beforeAll(async () => {
  path.tokens.set('tok-a', principalOf('alpha', 'a'));
  path.dead.set('tok-revoked', 'agent_revoked');
  path.granting = new Set(['crm.read', 'crm.routed']);
  running = await run(path, upstreams, { maxBodyBytes: 64 * 1024, allowedHosts: ['gateway.acme.example'] });
});
afterAll(() => running.close());
beforeEach(() => {
  path.records.length = 0;
  upstreams.requests.length = 0;
});

const call = (more: Parameters<typeof modern>[3] = {}) =>
  modern('tok-a', 'tools/call', { name: 'crm__read', arguments: {} }, more);

function withBody(body: string | Buffer): Sent {
  return { ...call(), body };
}

async function expectNothingHappened(): Promise<void> {
  expect(path.records).toEqual([]);
  expect(upstreams.requests).toEqual([]);
}

it('passes the well-formed request', async () => {
  const answer = await send(running.port, call());
  expect(answer.status).toBe(200);
  expect(answer.json).toMatchObject({
    id: 1,
    result: { content: [{ type: 'text', text: 'ok' }], resultType: 'complete' },
  });
  expect(upstreams.requests).toHaveLength(1);
});

describe('a body that is not one unambiguous message', () => {
  const deep = `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`;
  const valid = String(call().body);
  const cases: readonly (readonly [string, string | Buffer, number, number])[] = [
    ['nothing', '', 400, -32700],
    ['not JSON', 'hello', 400, -32700],
    ['trailing data', `${valid}{}`, 400, -32700],
    ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(valid)]), 400, -32700],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, -32700],
    ['UTF-16', Buffer.from(valid, 'utf16le'), 400, -32700],
    ['a repeated key', valid.replace('"arguments":{}', '"arguments":{},"arguments":{"a":1}'), 400, -32600],
    ['an escaped repeated key', valid.replace('"arguments":{}', '"arguments":{},"argument\\u0073":{}'), 400, -32600],
    ['depth', valid.replace('"arguments":{}', `"arguments":${deep}`), 400, -32600],
    ['an unsafe number', valid.replace('"arguments":{}', '"arguments":{"n":9007199254740993}'), 400, -32600],
    ['an infinite number', valid.replace('"arguments":{}', '"arguments":{"n":1e999}'), 400, -32600],
    ['a lone surrogate', valid.replace('"arguments":{}', '"arguments":{"s":"\\ud800"}'), 400, -32700],
    ['a batch', `[${valid}]`, 400, -32600],
    ['an empty batch', '[]', 400, -32600],
    ['a string', '"tools/call"', 400, -32600],
    ['null', 'null', 400, -32600],
    ['no jsonrpc', '{"id":1,"method":"ping"}', 400, -32600],
    ['another jsonrpc', '{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, -32600],
    ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32600],
    ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 400, -32600],
    ['an object as id', '{"jsonrpc":"2.0","id":{},"method":"ping"}', 400, -32600],
    ['params as a list', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', 400, -32600],
    ['a method that is no string', '{"jsonrpc":"2.0","id":1,"method":{}}', 400, -32600],
    ['request and response in one', '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', 400, -32600],
    ['neither of them', '{"jsonrpc":"2.0","id":1}', 400, -32600],
  ];
  it.each(cases)('%s', async (_name, body, status, code) => {
    const answer = await send(running.port, withBody(body));
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ jsonrpc: '2.0', error: { code } });
    await expectNothingHappened();
  });

  it('carries no id where no single request can be told', async () => {
    for (const body of ['hello', `[${valid}]`, 'null']) {
      expect((await send(running.port, withBody(body))).json).not.toHaveProperty('id');
    }
  });

  it('a body over the limit, declared or not', async () => {
    const declared = await send(running.port, withBody(`"${'x'.repeat(70 * 1024)}"`));
    expect(declared.status).toBe(413);
    const head = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer tok-a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const answer = await raw(running.port, `${head}${chunk}${chunk}`);
    expect(answer).toContain('HTTP/1.1 413');
    await expectNothingHappened();
  });
});

describe('the credential', () => {
  const headers = (authorization: string | undefined) => ({ ...call().headers, authorization });
  it.each([
    ['missing', undefined, 'token_missing'],
    ['empty', '', 'token_missing'],
    ['another scheme', 'Basic dXNlcjpwYXNz', 'token_invalid'],
    ['a bearer without a token', 'Bearer', 'token_invalid'],
    ['a token with blanks', 'Bearer a b', 'token_invalid'],
    ['unknown', 'Bearer tok-unknown', 'token_invalid'],
    ['revoked', 'Bearer tok-revoked', 'agent_revoked'],
  ])('%s', async (_name, authorization, code) => {
    const answer = await send(running.port, { ...call(), headers: headers(authorization) });
    expect(answer.status).toBe(401);
    expect(answer.json).toMatchObject({
      error: { code: 1001, data: { code: authorization === '' ? expect.anything() : code } },
    });
    const challenge = String(answer.headers['www-authenticate']);
    expect(challenge).toMatch(/^Bearer /);
    if (code !== 'token_missing') expect(challenge).toContain('error="invalid_token"');
    await expectNothingHappened();
  });

  it('comes before the body: a stranger learns nothing about it', async () => {
    const answer = await send(running.port, { ...withBody('hello'), headers: headers('Bearer tok-unknown') });
    expect(answer.status).toBe(401);
  });

  it('is asked of GET and DELETE, too', async () => {
    for (const method of ['GET', 'DELETE']) expect((await send(running.port, { method })).status).toBe(401);
  });

  it('hands the attempted tool to the record of a dead token', async () => {
    await send(running.port, { ...call(), headers: headers('Bearer tok-revoked') });
    expect(path.attempts.at(-1)).toMatchObject({ tool: 'crm__read', sourceAddress: '127.0.0.1' });
  });
});

describe('the HTTP request', () => {
  it.each([
    ['another host', { host: 'evil.example.com' }, 403],
    ['a host that only ends well', { host: 'notlocalhost:80' }, 403],
    ['another origin', { origin: 'https://evil.example.com' }, 403],
    ['a null origin', { origin: 'null' }, 403],
    ['an origin with userinfo', { origin: 'http://localhost@evil.example.com' }, 403],
    ['a text body', { 'content-type': 'text/plain' }, 415],
    ['no content type', { 'content-type': undefined }, 415],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['a JSON-like type', { 'content-type': 'application/json-patch+json' }, 415],
    ['another charset', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['a compressed body', { 'content-encoding': 'gzip' }, 415],
    ['an answer type we do not have', { accept: 'text/html' }, 406],
  ])('%s', async (_name, headers, status) => {
    const answer = await send(running.port, call({ headers }));
    expect(answer.status).toBe(status);
    await expectNothingHappened();
  });

  it.each([
    ['localhost', { host: 'localhost:7420' }],
    ['IPv6 loopback', { host: '[::1]:7420' }],
    ['a configured host', { host: 'gateway.acme.example' }],
    ['a configured origin', { origin: 'https://gateway.acme.example' }],
    ['a charset', { 'content-type': 'application/json; charset=UTF-8' }],
    ['any answer type', { accept: '*/*' }],
    ['no accept header', { accept: undefined }],
  ])('passes %s', async (_name, headers) => {
    expect((await send(running.port, call({ headers }))).status).toBe(200);
  });

  it.each(['PUT', 'PATCH', 'OPTIONS'])('%s is not allowed', async (method) => {
    const answer = await send(running.port, { method, headers: bearer('tok-a') });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('POST, GET, DELETE');
  });

  it('GET without a session is not allowed', async () => {
    const answer = await send(running.port, {
      method: 'GET',
      headers: { ...bearer('tok-a'), accept: 'text/event-stream' },
    });
    expect(answer.status).toBe(405);
  });

  it.each(['/mcp/', '/mcp/a/b', '/mcpx', '/mcp/%63rm', '/mcp/..', '/'])('%s is no route', async (route) => {
    expect((await send(running.port, { ...call(), path: route })).status).toBe(404);
  });

  it('an absolute target is no route, and a request without Host is refused by the parser', async () => {
    const head = (line: string) => `${line}\r\nAuthorization: Bearer tok-a\r\nConnection: close\r\n`;
    expect(await raw(running.port, `${head('GET http://localhost/mcp HTTP/1.1')}Host: localhost\r\n\r\n`)).toContain(
      ' 404 ',
    );
    expect(await raw(running.port, `${head('GET /mcp HTTP/1.1')}\r\n`)).toContain(' 400 ');
  });
});

describe('modern headers and envelope', () => {
  it.each([
    ['no MCP-Protocol-Version', { 'mcp-protocol-version': undefined }, -32020],
    ['another MCP-Protocol-Version', { 'mcp-protocol-version': '2025-11-25' }, -32020],
    ['no Mcp-Method', { 'mcp-method': undefined }, -32020],
    ['another Mcp-Method', { 'mcp-method': 'tools/list' }, -32020],
    ['Mcp-Method in other letters', { 'mcp-method': 'TOOLS/CALL' }, -32020],
    ['no Mcp-Name', { 'mcp-name': undefined }, -32020],
    ['another Mcp-Name', { 'mcp-name': 'crm__delete' }, -32020],
    ['Mcp-Name in broken Base64', { 'mcp-name': '=?base64?SGVsbG8?=' }, -32020],
  ])('%s', async (_name, headers, code) => {
    const answer = await send(running.port, call({ headers }));
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ id: 1, error: { code } });
    await expectNothingHappened();
  });

  it('accepts Mcp-Name with blanks around it, and in Base64', async () => {
    const encoded = `=?base64?${Buffer.from('crm__read').toString('base64')}?=`;
    for (const name of ['  crm__read  ', encoded])
      expect((await send(running.port, call({ headers: { 'mcp-name': name } }))).status).toBe(200);
  });

  const META = 'io.modelcontextprotocol/';
  it.each([
    ['no client capabilities', { [`${META}clientCapabilities`]: null }, -32602],
    ['capabilities that are a list', { [`${META}clientCapabilities`]: [] }, -32602],
    ['a version that is no string', { [`${META}protocolVersion`]: 1 }, -32602],
    ['client info without a version', { [`${META}clientInfo`]: { name: 'x' } }, -32602],
    ['an unknown log level', { [`${META}logLevel`]: 'loud' }, -32602],
    ['a progress token that is an object', { progressToken: {} }, -32602],
  ])('%s', async (_name, meta, code) => {
    const answer = await send(running.port, call({ meta }));
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ id: 1, error: { code } });
    await expectNothingHappened();
  });

  it('a modern header without an envelope', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/list', params: {} });
    const answer = await send(running.port, { ...modern('tok-a', 'tools/list'), body });
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ id: 7, error: { code: -32602, data: { envelope: { missing: ['_meta'] } } } });
  });

  it('an unsupported version, with the supported ones', async () => {
    const version = '2099-01-01';
    const request = modern(
      'tok-a',
      'tools/list',
      {},
      {
        headers: { 'mcp-protocol-version': version },
        meta: { 'io.modelcontextprotocol/protocolVersion': version },
      },
    );
    const answer = await send(running.port, request);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({
      id: 1,
      error: { code: -32022, data: { supported: [VERSION], requested: version } },
    });
  });

  it.each([
    'initialize',
    'ping',
    'logging/setLevel',
    'resources/subscribe',
    'resources/unsubscribe',
    'tasks/result',
    'tasks/list',
    'sampling/createMessage',
    'no/such',
    '__proto__',
  ])('the method %s does not exist', async (method) => {
    const answer = await send(running.port, modern('tok-a', method));
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({ id: 1, error: { code: -32601 } });
    await expectNothingHappened();
  });
});

describe('Mcp-Param headers', () => {
  const routed = (args: object, headers: Sent['headers']) =>
    modern('tok-a', 'tools/call', { name: 'crm__routed', arguments: { ...args } }, { headers: headers ?? {} });
  it.each([
    ['the same value', { region: 'eu' }, { 'mcp-param-region': 'eu' }],
    ['Base64', { region: 'Zürich' }, { 'mcp-param-region': `=?base64?${Buffer.from('Zürich').toString('base64')}?=` }],
    ['a number written otherwise', { count: 42 }, { 'mcp-param-count': '42.0' }],
    ['no value, no header', {}, {}],
    ['no value, but a header', {}, { 'mcp-param-region': 'eu' }],
  ])('passes %s', async (_name, args, headers) => {
    expect((await send(running.port, routed(args, headers))).json).toMatchObject({ result: {} });
    expect(upstreams.requests).toHaveLength(1);
  });
  it.each([
    ['a missing header', { region: 'eu' }, {}],
    ['another value', { region: 'eu' }, { 'mcp-param-region': 'us' }],
    ['broken Base64', { region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVs!!!bG8=?=' }],
    ['another number', { count: 42 }, { 'mcp-param-count': '43' }],
  ])('refuses %s', async (_name, args, headers) => {
    const answer = await send(running.port, routed(args, headers));
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ id: 1, error: { code: -32020 } });
    expect(upstreams.requests).toEqual([]);
  });
  it('tells nothing about a tool that is not granted', async () => {
    path.granting.delete('crm.routed');
    const hidden = await send(running.port, routed({ region: 'eu' }, {}));
    path.granting.add('crm.routed');
    expect(hidden).toMatchObject({
      status: 200,
      json: { error: { code: -32602, message: 'Unknown tool: crm__routed' } },
    });
  });
});

describe('legacy sessions', () => {
  it('need a session id, a live one, and a revision we speak', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const list = { id: 1, method: 'tools/list' };
    expect((await send(running.port, legacy('tok-a', session, list))).status).toBe(200);
    expect((await send(running.port, legacy('tok-a', undefined, list))).status).toBe(400);
    expect((await send(running.port, legacy('tok-a', 'unknown', list))).status).toBe(404);
    const headers = { 'mcp-protocol-version': '2024-01-01' };
    expect((await send(running.port, legacy('tok-a', session, list, headers))).status).toBe(400);
  });

  it('need both answer types', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const message = legacy('tok-a', session, { id: 1, method: 'ping' }, { accept: 'application/json' });
    expect((await send(running.port, message)).status).toBe(406);
  });

  it('do not serve what is no method', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    for (const method of ['tasks/update', 'server/discover', 'no/such', 'constructor']) {
      const answer = await send(running.port, legacy('tok-a', session, { id: 1, method }));
      expect(answer.status).toBe(200);
      expect(answer.json).toMatchObject({ id: 1, error: { code: -32601 } });
    }
    await expectNothingHappened();
  });
});
