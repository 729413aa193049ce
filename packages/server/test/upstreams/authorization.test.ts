/** What upstreams are sent to be let in, for MCP servers and REST APIs alike, through the whole server. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTokenEndpoint, type TokenEndpoint } from '../../../../test/setup/token-endpoint.ts';
import { Secret } from '../../src/secret.ts';
import { authorized, withParameter } from '../../src/upstreams/credentials/authorizer.ts';
import { completeInjection, type GivenInjection, injectionProblem } from '../../src/upstreams/injection.ts';
import { eventually, startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';
import { agentOf } from '../gateway-http/client.ts';
import { modern, send } from '../gateway-mcp/wire-client.ts';
import { openHttp, textOf } from './connect.ts';
import { modernScript } from './http-upstream.ts';

const SECRET = 'client-secret-7Qm2Zk9LwX+/=';

interface Seen {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

let workspace: Workspace;
let tokens: TokenEndpoint;
let upstream: { readonly url: string; close(): void };
let agent: TestAgent;
let ask: ReturnType<typeof agentOf>;
const seen: Seen[] = [];
/** Whom the upstream turns away although the token is good. */
let turnsAway: (token: string) => boolean = () => false;

/** Both an MCP server and an API: lets in whom the test says, and repeats what it was sent. */
async function startUpstream(): Promise<typeof upstream> {
  const echo = (req: IncomingMessage): string => JSON.stringify([req.url, req.headers.authorization ?? null]);
  const script = modernScript(
    ({ id }, res, req) => {
      seen.push({ url: req.url ?? '', headers: req.headers });
      const result = { resultType: 'complete', content: [{ type: 'text', text: echo(req) }] };
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    },
    { tools: () => [{ name: 'act', description: 'act', inputSchema: { type: 'object' } }] },
  );
  const refuse = (res: ServerResponse) =>
    res.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"expired"}');
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? '';
    if (turnsAway(token)) {
      seen.push({ url: req.url ?? '', headers: req.headers });
      return refuse(res);
    }
    if (req.url?.startsWith('/mcp') === true) return script(JSON.parse(Buffer.concat(chunks).toString()), res, req);
    seen.push({ url: req.url ?? '', headers: req.headers });
    res.writeHead(200, { 'content-type': 'application/json', 'x-echo': encodeURIComponent(echo(req)) }).end(echo(req));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'API', version: '1' },
  paths: {
    '/items': {
      get: {
        operationId: 'read',
        parameters: ['key', 'q'].map((name) => ({ name, in: 'query', schema: { type: 'string' } })),
      },
    },
  },
};

beforeAll(async () => {
  [tokens, upstream, workspace] = await Promise.all([
    startTokenEndpoint(SECRET),
    startUpstream(),
    startWorkspace({ upstream_allow: ['127.0.0.1'] }),
  ]);
  await workspace.done('PUT', '/v1/secrets/client', { value: SECRET });
  const server = { endpoint: `${upstream.url}/mcp`, default_access: 'read-write', trust_annotations: true };
  const api = { endpoint: upstream.url, default_access: 'read-write', document: DOCUMENT };
  await workspace.done('POST', '/v1/mcp/servers', { namespace: 'm', ...server });
  await workspace.done('POST', '/v1/http/apis', { namespace: 'a', ...api });
  await workspace.role('user', ['m.act', 'a.read']);
  agent = await workspace.agent('bot', 'user');
  ask = agentOf(workspace.server.url, agent.token);
});
afterAll(async () => {
  await workspace.close();
  upstream.close();
  await tokens[Symbol.asyncDispose]();
});
beforeEach(() => {
  seen.length = 0;
  turnsAway = () => false;
  tokens.instead = undefined;
});

/** On both: an MCP server and an API. */
async function inject(injection: object, credential = 'vault://client'): Promise<void> {
  const body = { credential_ref: credential, injection };
  for (const path of ['/v1/mcp/servers/m', '/v1/http/apis/a']) await workspace.done('PATCH', path, body);
  seen.length = 0;
}

async function callTool(): Promise<string> {
  const port = Number(new URL(workspace.server.url).port);
  const { text } = await send(port, modern(agent.token, 'tools/call', { name: 'm__act', arguments: {} }));
  return text;
}
const callApi = (query = '') => ask('GET', `/http/a/items${query}`);

const oauth = (more: object = {}) => ({ oauth: { token_url: tokens.url, client_id: 'basic', ...more } });
const bearerOf = ({ headers }: Seen): string => String(headers.authorization).replace(/^Bearer /, '');

describe('a credential', () => {
  it('goes into the query, in place of what the agent put there', async () => {
    await inject({ query: 'key' });
    expect(await callTool()).toContain('key=[secret]');
    expect((await callApi('?key=mine&q=x')).body[0]).toBe('/items?q=x&key=[secret]');
    expect(seen.map(({ url }) => url)).toEqual([
      `/mcp?key=${encodeURIComponent(SECRET)}`,
      `/items?q=x&key=${encodeURIComponent(SECRET)}`,
    ]);
  });

  it('is the password of basic authentication, or user and password', async () => {
    await inject({ basic: { username: 'hivekey' } });
    expect(await callTool()).toContain('[secret]');
    expect((await callApi()).text).toContain('[secret]');
    const expected = `Basic ${Buffer.from(`hivekey:${SECRET}`).toString('base64')}`;
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([expected, expected]);
    await workspace.done('PUT', '/v1/secrets/pair', { value: `user:${SECRET}` });
    await inject({ basic: {} }, 'vault://pair');
    await callApi();
    expect(seen.at(-1)?.headers.authorization).toBe(`Basic ${Buffer.from(`user:${SECRET}`).toString('base64')}`);
  });

  it('of the agent never goes on', async () => {
    await inject({ header: 'X-Key' });
    await ask('GET', '/http/a/items', {
      headers: { cookie: 'session=mine', 'proxy-authorization': 'Basic bWluZQ==', 'x-key': 'mine' },
    });
    const { headers } = seen.at(-1) ?? { headers: {} };
    expect(headers).toMatchObject({ 'x-key': SECRET });
    for (const name of ['authorization', 'cookie', 'proxy-authorization']) expect(headers).not.toHaveProperty(name);
  });

  it.each<[GivenInjection, 'http' | 'stdio', boolean]>([
    [{ query: 'a b' }, 'http', false],
    [{ query: 'a=b&c' }, 'http', false],
    [{ query: 'key' }, 'stdio', false],
    [{ basic: { username: 'a:b' } }, 'http', false],
    [{ basic: { username: 'a\r\n' } }, 'http', false],
    [{ oauth: { token_url: 'http://idp.acme.example/token', client_id: 'x' } }, 'http', false],
    [{ oauth: { token_url: 'https://u:p@idp.acme.example/token', client_id: 'x' } }, 'http', true],
    [{ oauth: { token_url: 'file:///etc/passwd', client_id: 'x' } }, 'http', true],
    [{ oauth: { token_url: 'https://idp.acme.example/t', client_id: 'x', resource: '/x' } }, 'http', true],
    [{ oauth: { token_url: 'https://idp.acme.example/t', client_id: 'x' } }, 'stdio', true],
  ])('is not taken as %j', (given, transport, allowPrivate) =>
    expect(injectionProblem(completeInjection(given), transport, allowPrivate)).toBeTypeOf('string'),
  );

  it('in a query stands there once, under its name, whatever was there before', () => {
    const pair = fc.tuple(fc.constantFrom('key', 'k%65y', 'q', 'KEY', ''), fc.constantFrom('', '1', 'a%26b'));
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 5 }), fc.boolean(), (pairs, bare) => {
        const query = pairs.map(([name, value]) => (bare ? name : `${name}=${value}`)).join('&');
        const path = withParameter(query === '' ? '/x' : `/x?${query}`, 'key=secret');
        const parameters = new URL(path, 'http://x').searchParams;
        expect(parameters.getAll('key')).toEqual(['secret']);
        expect(parameters.getAll('q')).toHaveLength(pairs.filter(([name]) => name === 'q').length);
      }),
    );
  });

  it('that would break out of its header is not sent', () => {
    expect(() => authorized({ header: 'X', format: '{secret}' }, new Secret('broken\r\nX: 1'))).toThrow(
      expect.objectContaining({ code: 'credential_unavailable' }),
    );
    expect(authorized({ basic: {} }, new Secret('us\u00e9r:broken\r\n')).header?.[1]).toMatch(/^Basic [\w+/=]+$/);
  });
});

describe('an OAuth client', () => {
  it.each([
    ['client_secret_basic', 'basic'],
    ['client_secret_post', 'post'],
    ['private_key_jwt', 'jwt'],
  ])('by %s gets one token for many calls, which upstreams see and agents do not', async (method, client_id) => {
    await workspace.done('PUT', '/v1/secrets/client-key', { value: tokens.privateKey });
    const credential = method === 'private_key_jwt' ? 'vault://client-key' : 'vault://client';
    await inject(oauth({ method, client_id, scope: 'crm.read', resource: 'https://crm.acme.example/' }), credential);
    const before = tokens.asked.count;
    const answers = await Promise.all([callApi(), callApi(), callApi(), callApi()]);
    expect(tokens.asked.count).toBe(before + 1);
    const [first, ...others] = new Set(seen.map(bearerOf));
    expect(others).toEqual([]);
    expect(await tokens.look(first ?? '')).toEqual({
      client: client_id,
      scope: 'crm.read',
      audience: 'https://crm.acme.example/',
    });
    for (const { status, text } of answers) {
      expect([status, text]).toEqual([200, '["/items","Bearer [secret]"]']);
      expect(text).not.toContain(first);
    }
    expect(await callTool()).toContain('Bearer [secret]');
  });

  it('whose token is refused gets another, once, and the call is made again with it', async () => {
    await inject(oauth());
    await Promise.all([callApi(), callTool()]);
    for (const call of [
      async () => (await callApi()).status,
      async () => ((await callTool()).includes('result') ? 200 : 0),
    ]) {
      seen.length = 0;
      expect(await call()).toBe(200);
      const stale = bearerOf(seen[0] ?? { url: '', headers: {} });
      seen.length = 0;
      turnsAway = (token) => token === stale;
      expect(await call()).toBe(200);
      expect(seen).toHaveLength(2);
      expect(seen.map(bearerOf)[0]).toBe(stale);
      turnsAway = () => false;
    }
    // An upstream that refuses all of them costs no more tokens.
    const before = tokens.asked.count;
    turnsAway = () => true;
    seen.length = 0;
    expect((await callApi()).status).toBe(401);
    expect((await callApi()).status).toBe(401);
    expect(await callTool()).toContain('401');
    expect(seen).toHaveLength(3);
    expect(tokens.asked.count).toBe(before);
  });

  it.each([
    ['is repeated while it may begin', false],
    ['is not when it may not begin any more', true],
  ])('whose call was refused with its token %s', async (_what, isOver) => {
    const injection = completeInjection(oauth());
    const opening = { era: 'modern', secret: SECRET, settings: { injection } } as const;
    await using opened = await openHttp(`${upstream.url}/mcp`, opening);
    let stale: string | undefined;
    turnsAway = (token) => {
      stale ??= token;
      return token === stale;
    };
    const stop = new AbortController();
    let begun = 0;
    const onBegin = (): void => {
      begun += 1;
      if (begun === 2 && isOver) stop.abort();
    };
    const answer = await opened.call('act', {}, { signal: stop.signal, onBegin });
    expect([begun, answer.kind, seen.length]).toEqual([2, isOver ? 'failed' : 'result', isOver ? 1 : 2]);
    if (!isOver) expect(textOf(answer)).toContain('[secret]');
  });

  it('that is refused is told of once, sends nothing, is not tried over and over, and works once it is put right', async () => {
    await workspace.done('PUT', '/v1/secrets/wrong', { value: 'this-is-not-the-secret' });
    await inject(oauth(), 'vault://wrong');
    const errors = async () =>
      Promise.all(
        ['/v1/mcp/servers/m', '/v1/http/apis/a'].map(
          async (path) => (await workspace.call('GET', path)).body.credential_error,
        ),
      );
    const before = tokens.asked.count;
    for (let i = 0; i < 3; i += 1) expect((await callApi()).body.code).toBe('credential_unavailable');
    expect(seen).toEqual([]);
    // Once for the API, and once for the MCP server where it is looked at meanwhile.
    expect(tokens.asked.count - before).toBeLessThanOrEqual(2);
    await eventually(async () => ((await errors()).every((each) => each === 'invalid_client') ? true : undefined));
    await workspace.done('PUT', '/v1/secrets/wrong', { value: SECRET });
    expect((await callApi()).status).toBe(200);
    expect(await callTool()).toContain('result');
    await eventually(async () => ((await errors()).every((each) => each === null) ? true : undefined));
    const changes = await eventually(async () => {
      const { body } = await workspace.call('GET', '/v1/audit/events?kind=server.changed&limit=50');
      const told = body.data.filter(
        ({ server, change }: { server?: string; change: string }) => server === 'a' && change.startsWith('credential_'),
      );
      return told.length < 2 ? undefined : told;
    });
    expect(
      changes.map(({ change, error_code }: { change: string; error_code?: string }) => [change, error_code]),
    ).toEqual([
      ['credential_accepted', undefined],
      ['credential_refused', 'invalid_client'],
    ]);
  });

  it.each<[string, (res: ServerResponse) => void]>([
    ['redirects', (res) => res.writeHead(307, { location: `${upstream.url}/stolen` }).end()],
    ['fails', (res) => res.writeHead(500).end('client-secret')],
    ['gives no token', (res) => res.writeHead(200).end('{"token_type":"Bearer"}')],
    [
      'gives one that breaks out',
      (res) => res.writeHead(200).end('{"token_type":"Bearer","access_token":"aaaaaaaa\\r\\nX: 1"}'),
    ],
    [
      'gives one of another type',
      (res) => res.writeHead(200).end('{"token_type":"DPoP","access_token":"aaaaaaaaaaaa"}'),
    ],
    ['gives no JSON', (res) => res.writeHead(200).end('<html>')],
    ['hangs up', (res) => res.destroy()],
    ['gives too much', (res) => res.writeHead(200).end(`"${'x'.repeat(100_000)}"`)],
  ])('whose authorization server %s has no credential; the next call asks again', async (what, instead) => {
    // Another client than before, so that there is no token yet.
    await inject(oauth({ resource: `https://crm.acme.example/${encodeURIComponent(what)}` }));
    tokens.instead = instead;
    expect((await callApi()).body.code).toBe('credential_unavailable');
    expect(seen).toEqual([]);
    tokens.instead = undefined;
    expect((await callApi()).status).toBe(200);
  });

  it('asks no address that is refused', async () => {
    await inject({ oauth: { token_url: 'https://169.254.169.254/token', client_id: 'x' } });
    expect((await callApi()).body.code).toBe('credential_unavailable');
  });
});

describe('about a stored credential', () => {
  it('a test opens a version and shakes hands with it, and what uses it and who reaches it is shown', async () => {
    await inject(oauth());
    await callApi();
    await workspace.done('PUT', '/v1/secrets/client', { value: 'not-the-client-secret', staged: true });
    const [name, staged] = ['client', (await workspace.call('GET', '/v1/secrets/client')).body.versions[0].version];
    const good = await workspace.done('POST', `/v1/secrets/${name}/test`, {});
    expect(good.body).toMatchObject({
      opened: true,
      error: null,
      connections: [
        { kind: 'http_api', name: 'a', state: 'ok', error: null },
        { kind: 'mcp_server', name: 'm', state: 'ok', error: null },
      ],
    });
    const bad = await workspace.done('POST', `/v1/secrets/${name}/test`, { version: staged });
    expect(bad.body.connections.map(({ state }: { state: string }) => state)).toEqual(['failed', 'failed']);
    const none = await workspace.done('POST', `/v1/secrets/${name}/test`, { version: 99 });
    expect(none.body).toMatchObject({ opened: false, error: expect.stringContaining('no secret'), connections: [] });

    const view = await eventually(async () => {
      const { body } = await workspace.call('GET', '/v1/secrets/client');
      return body.agents[0]?.last_call === null ? undefined : body;
    });
    expect(view.used_by.map(({ kind, name: user }: { kind: string; name: string }) => [kind, user])).toEqual([
      ['http_api', 'a'],
      ['mcp_server', 'm'],
    ]);
    expect(view.agents).toEqual([
      { id: agent.id, name: 'bot', status: 'active', capabilities: ['a.read', 'm.act'], last_call: expect.any(Number) },
    ]);
    expect((await workspace.call('DELETE', '/v1/secrets/client')).body.error.code).toBe('secret_in_use');
  });

  it('who holds it is said, and not something that makes no sense', async () => {
    const path = '/v1/http/apis/a';
    expect((await workspace.call('GET', path)).body).toMatchObject({ custody: 'injected', lease_seconds: null });
    const leased = await workspace.done('PATCH', path, { custody: 'leased', lease_seconds: 900 });
    expect(leased.body).toMatchObject({ custody: 'leased', lease_seconds: 900 });
    expect((await workspace.done('PATCH', path, { custody: 'external' })).body).toMatchObject({
      custody: 'external',
      lease_seconds: null,
    });
    for (const body of [{ custody: 'leased' }, { custody: 'external', lease_seconds: 5 }])
      expect((await workspace.call('PATCH', path, { body })).body.error.code).toBe('http_api_invalid');
    const server = await workspace.done('PATCH', '/v1/mcp/servers/m', { custody: 'external' });
    expect(server.body.custody).toBe('external');
  });
});

describe('a stop', () => {
  it('has tokens obtained again, and its receipt says of each connection what is cut and what is only asked for', async () => {
    await inject(oauth({ scope: 'crm.read', resource: 'https://crm.acme.example/stop' }));
    await workspace.done('PATCH', '/v1/http/apis/a', { custody: 'injected' });
    await callApi();
    const before = tokens.asked.count;
    await workspace.role('nobody', []);
    const order = { reason: 'test', scope: 'role', target: 'nobody' };
    await workspace.done('POST', '/v1/containments', order);
    await eventually(async () => {
      expect((await callApi()).status).toBe(200);
      return tokens.asked.count > before ? true : undefined;
    });

    await workspace.done('PATCH', '/v1/http/apis/a', { custody: 'leased', lease_seconds: 900 });
    await workspace.done('PATCH', '/v1/mcp/servers/m', { custody: 'external' });
    const ordered = await workspace.done('POST', '/v1/agents/bot/revoke', { reason: 'test' });
    const id = ordered.body.containment ?? ordered.body.id;
    const { body } = await workspace.call('GET', `/v1/containments/${id}/receipt`);
    expect(body.receipt.connections).toEqual([
      { server: 'a', custody: 'leased', state: 'ends', ends_at: expect.stringMatching(/^\d{4}-/) },
      { server: 'm', custody: 'external', state: 'requested', ends_at: null },
    ]);
    const asked = await eventually(async () => {
      const { body: events } = await workspace.call('GET', '/v1/audit/events?kind=server.changed&limit=20');
      return events.data.find(({ change }: { change: string }) => change === 'rotation_requested');
    });
    expect(asked).toMatchObject({ server: 'm', containment_id: id });
  });
});
