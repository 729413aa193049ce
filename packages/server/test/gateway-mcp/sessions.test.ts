/** Legacy sessions, lists, streams of changes, and what upstreams ask of clients. */
import type { IncomingMessage } from 'node:http';
import type { JsonObject } from '@hivekey/policy';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { McpEntranceConfig } from '../../src/gateway/mcp/index.ts';
import { type DefinitionDouble, PathDouble, principalOf, resultOf, serverDouble, UpstreamsDouble } from './doubles.ts';
import {
  bearer,
  eventsIn,
  initialize,
  legacy,
  modern,
  open,
  type Running,
  run,
  type Sent,
  send,
} from './wire-client.ts';

const crm = serverDouble('crm', 'legacy');
const ops = serverDouble('ops', 'modern', { tools: {} });
const definitions: readonly DefinitionDouble[] = [
  { kind: 'tool', namespace: 'ops', name: 'zap' },
  {
    kind: 'tool',
    namespace: 'crm',
    name: 'read',
    definition: { title: 'Read', annotations: { readOnlyHint: true }, _meta: { x: 1 } },
  },
  { kind: 'tool', namespace: 'crm', name: 'hidden' },
  { kind: 'resource', namespace: 'crm', name: 'crm://a' },
  { kind: 'template', namespace: 'crm', name: 'crm://items/{id}' },
  { kind: 'prompt', namespace: 'crm', name: 'greet' },
];

let path: PathDouble;
let upstreams: UpstreamsDouble;
let running: Running;
let streams: IncomingMessage[];

async function start(config: Partial<McpEntranceConfig> = {}): Promise<void> {
  path = new PathDouble();
  path.tokens.set('tok-a', principalOf('alpha', 'a'));
  path.tokens.set('tok-a2', principalOf('alpha', 'a2'));
  path.tokens.set('tok-b', principalOf('beta', 'b'));
  path.granting = new Set(['ops.zap', 'crm.read', 'crm.crm://a', 'crm.crm://items/{id}', 'crm.greet']);
  upstreams = new UpstreamsDouble([crm, ops], definitions);
  streams = [];
  running = await run(path, upstreams, config);
}

beforeEach(() => start());
afterEach(async () => {
  for (const stream of streams) stream.destroy();
  await running.close();
});

const list = async (session: string, method: string, params: JsonObject = {}) =>
  (await send(running.port, legacy('tok-a', session, { id: 1, method, params }))).json;

interface OpenStream {
  readonly res: IncomingMessage;
  readonly events: JsonObject[];
  text(): string;
  closed: boolean;
}

/** Opens a stream and collects its events. */
function stream(sent: Sent): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const req = open(running.port, sent, (res) => {
      let text = '';
      const opened: OpenStream = { res, events: [], text: () => text, closed: false };
      streams.push(res);
      res.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        opened.events.splice(0, opened.events.length, ...eventsIn(text));
      });
      res.on('error', () => undefined);
      res.on('close', () => {
        opened.closed = true;
      });
      resolve(opened);
    });
    req.on('error', reject);
  });
}

const getStream = (session: string, token = 'tok-a') =>
  stream({ method: 'GET', headers: { ...bearer(token), 'mcp-session-id': session, accept: 'text/event-stream' } });

const listen = (notifications: JsonObject, id: string | number = 'sub-1') =>
  stream(modern('tok-a', 'subscriptions/listen', { notifications }, { id }));

describe('initialize', () => {
  it.each([
    ['2025-11-25', '2025-11-25'],
    ['2025-06-18', '2025-06-18'],
    ['2025-03-26', '2025-03-26'],
    ['2024-11-05', '2024-11-05'],
    ['2023-01-01', '2025-11-25'],
    ['2026-07-28', '2025-11-25'],
  ])('%s is answered with %s', async (asked, given) => {
    const { session, result } = await initialize(running.port, 'tok-a', { version: asked });
    expect(session).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(result).toMatchObject({ protocolVersion: given, serverInfo: { name: 'hivekey' } });
  });

  it('offers what the agent may see, and no more', async () => {
    const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } };
    expect((await initialize(running.port, 'tok-a')).result.capabilities).toEqual({
      tools: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
      prompts: { listChanged: true },
      completions: {},
      logging: {},
      tasks,
    });
    path.granting = new Set(['ops.zap']);
    const { session, result } = await initialize(running.port, 'tok-a');
    expect(result.capabilities).toEqual({ tools: { listChanged: true }, tasks });
    expect(await list(session, 'prompts/list')).toMatchObject({ error: { code: -32601 } });
    expect(await list(session, 'resources/list')).toMatchObject({ error: { code: -32601 } });
  });

  it('without its parameters opens nothing', async () => {
    const answer = await send(running.port, legacy('tok-a', undefined, { id: 1, method: 'initialize', params: {} }));
    expect(answer.json).toMatchObject({ error: { code: -32602 } });
    expect(running.entrance.stats().sessions).toBe(0);
  });
});

describe('a session', () => {
  const ping = (session: string, token = 'tok-a', route = '/mcp') =>
    send(running.port, { ...legacy(token, session, { id: 1, method: 'ping' }), path: route });

  it('belongs to agent, token and route', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    expect((await ping(session)).json).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
    expect((await ping(session, 'tok-b')).status).toBe(404);
    expect((await ping(session, 'tok-a2')).status).toBe(404);
    expect((await ping(session, 'tok-a', '/mcp/crm')).status).toBe(404);
    expect(running.errors).toHaveLength(3);
  });

  it('ends with DELETE, and its upstream sessions with it', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const get = await getStream(session);
    const gone = await send(running.port, {
      method: 'DELETE',
      headers: { ...bearer('tok-a'), 'mcp-session-id': session },
    });
    expect(gone.status).toBe(200);
    await vi.waitFor(() => expect(get.closed).toBe(true));
    expect((await ping(session)).status).toBe(404);
    expect(upstreams.ended).toHaveLength(1);
    expect(path.registered).toBe(0);
  });

  it('of a revoked agent answers 401, not 404', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const get = await getStream(session);
    path.dead.set('tok-a', 'agent_revoked');
    const { sessionsClosed } = await path.stop();
    expect(sessionsClosed).toBe(2);
    await vi.waitFor(() => expect(get.closed).toBe(true));
    expect((await ping(session)).status).toBe(401);
    expect(running.entrance.stats()).toEqual({ sessions: 0, streams: 0, inFlight: 0 });
  });

  it('makes room for a new one when the agent has too many', async () => {
    await running.close();
    let now = 1000;
    await start({ maxSessionsPerAgent: 2, clock: () => now });
    const opened: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      opened.push((await initialize(running.port, 'tok-a')).session);
      now += 1000;
    }
    const statuses = await Promise.all(opened.map(async (session) => (await ping(session)).status));
    expect(statuses).toEqual([404, 200, 200]);
  });

  it('ends when it has been idle, unless a stream is open', async () => {
    await running.close();
    let now = 1_000_000;
    await start({ sessionIdleMs: 1000, keepAliveMs: 20, clock: () => now });
    const [idle, listening] = [await initialize(running.port, 'tok-a'), await initialize(running.port, 'tok-a')];
    await getStream(listening.session);
    now += 5000;
    await vi.waitFor(() => expect(running.entrance.stats().sessions).toBe(1));
    expect((await ping(idle.session)).status).toBe(404);
    expect((await ping(listening.session)).status).toBe(200);
  });

  it('answers one request of an id at a time', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const { promise, resolve } = Promise.withResolvers<void>();
    upstreams.handler = async () => {
      await promise;
      return resultOf({ content: [] });
    };
    const message = legacy('tok-a', session, { id: 9, method: 'tools/call', params: { name: 'crm__read' } });
    const first = send(running.port, message);
    await vi.waitFor(() => expect(upstreams.requests).toHaveLength(1));
    expect((await send(running.port, message)).status).toBe(400);
    resolve();
    expect((await first).json).toMatchObject({ id: 9, result: {} });
  });
});

describe('limits of an agent', () => {
  it('requests at once', async () => {
    await running.close();
    await start({ maxConcurrentPerAgent: 1 });
    const { promise, resolve } = Promise.withResolvers<void>();
    upstreams.handler = async () => {
      await promise;
      return resultOf({ content: [] });
    };
    const call = modern('tok-a', 'tools/call', { name: 'crm__read' });
    const first = send(running.port, call);
    await vi.waitFor(() => expect(upstreams.requests).toHaveLength(1));
    const second = await send(running.port, call);
    expect(second.status).toBe(429);
    expect(second.headers['retry-after']).toBe('1');
    expect((await send(running.port, modern('tok-b', 'tools/list'))).status).toBe(200);
    resolve();
    expect((await first).status).toBe(200);
    expect((await send(running.port, call)).status).toBe(200);
  });

  it('requests in a minute', async () => {
    await running.close();
    let now = 0;
    await start({ requestsPerMinute: 12, clock: () => now });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await send(running.port, modern('tok-a', 'tools/list'))).status);
    now += 5000;
    statuses.push((await send(running.port, modern('tok-a', 'tools/list'))).status);
    expect(statuses).toEqual([200, 200, 429, 200]);
  });

  it('open streams', async () => {
    await running.close();
    await start({ maxStreamsPerAgent: 1 });
    const first = await listen({ toolsListChanged: true });
    expect((await listen({ toolsListChanged: true })).res.statusCode).toBe(429);
    first.res.destroy();
    await vi.waitFor(() => expect(running.entrance.stats().streams).toBe(0));
    expect((await listen({ toolsListChanged: true })).res.statusCode).toBe(200);
  });
});

describe('lists', () => {
  it('show granted definitions in order of name, unchanged but for the name and for running as a task', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const { result } = await list(session, 'tools/list');
    expect(result).toEqual({
      tools: [
        {
          inputSchema: { type: 'object' },
          name: 'crm__read',
          title: 'Read',
          annotations: { readOnlyHint: true },
          _meta: { x: 1 },
          execution: { taskSupport: 'optional' },
        },
        { inputSchema: { type: 'object' }, name: 'ops__zap', execution: { taskSupport: 'optional' } },
      ],
    });
    expect(await list(session, 'resources/list')).toMatchObject({ result: { resources: [{ uri: 'crm://a' }] } });
    expect(await list(session, 'resources/templates/list')).toMatchObject({
      result: { resourceTemplates: [{ uriTemplate: 'crm://items/{id}' }] },
    });
    expect(await list(session, 'prompts/list')).toMatchObject({ result: { prompts: [{ name: 'crm__greet' }] } });
  });

  it('carry no prefix on the route of a namespace, whether or not it exists', async () => {
    const on = async (route: string) =>
      (await send(running.port, { ...modern('tok-a', 'tools/list'), path: route })).json;
    expect(await on('/mcp/crm')).toMatchObject({ result: { tools: [{ name: 'read' }] } });
    expect(await on('/mcp/nosuch')).toMatchObject({ result: { tools: [] } });
  });

  it('are private and short-lived for modern clients', async () => {
    const { json } = await send(running.port, modern('tok-a', 'tools/list'));
    expect(json).toMatchObject({
      result: {
        cacheScope: 'private',
        ttlMs: 5000,
        resultType: 'complete',
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'hivekey' } },
      },
    });
    const discovered = await send(running.port, modern('tok-a', 'server/discover'));
    expect(discovered.json).toMatchObject({ result: { supportedVersions: ['2026-07-28'], cacheScope: 'private' } });
  });

  it('are paged by a cursor that only its agent can use, on the same list', async () => {
    await running.close();
    await start({ pageSize: 1 });
    const page = async (token: string, cursor: unknown, method = 'tools/list', route = '/mcp') => {
      const params = cursor === undefined ? {} : { cursor: cursor as string };
      return (await send(running.port, { ...modern(token, method, params), path: route })).json;
    };
    const first = (await page('tok-a', undefined)) as { result: { tools: JsonObject[]; nextCursor: string } };
    expect(first.result.tools).toMatchObject([{ name: 'crm__read' }]);
    const { nextCursor } = first.result;
    const second = await page('tok-a', nextCursor);
    expect(second).toMatchObject({ result: { tools: [{ name: 'ops__zap' }] } });
    expect(second.result).not.toHaveProperty('nextCursor');
    const refused = { error: { code: -32602, message: 'Invalid cursor' } };
    expect(await page('tok-b', nextCursor)).toMatchObject(refused);
    expect(await page('tok-a', nextCursor, 'prompts/list')).toMatchObject(refused);
    expect(await page('tok-a', nextCursor, 'tools/list', '/mcp/crm')).toMatchObject(refused);
    expect(await page('tok-a', `${nextCursor}x`)).toMatchObject(refused);
    expect(await page('tok-a', 'x')).toMatchObject(refused);
    expect(await page('tok-a', 5)).toMatchObject(refused);
  });
});

describe('changes are told to the agents they concern', () => {
  it('on the GET stream of a session', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const get = await getStream(session);
    expect(get.res.headers['content-type']).toBe('text/event-stream');
    path.granting.add('crm.hidden');
    path.granting = new Set(path.granting);
    path.invalidate();
    await vi.waitFor(() => expect(get.events).toMatchObject([{ method: 'notifications/tools/list_changed' }]));
    path.granting = new Set([...path.granting, 'something.else']);
    path.invalidate();
    upstreams.set(
      [crm, ops],
      definitions.filter(({ kind }) => kind !== 'prompt'),
    );
    await vi.waitFor(() =>
      expect(get.events.map(({ method }) => method)).toEqual([
        'notifications/tools/list_changed',
        'notifications/prompts/list_changed',
      ]),
    );
  });

  it('on a listen stream: acknowledged first, only what was asked for, each stamped', async () => {
    const both = await listen({ toolsListChanged: true, promptsListChanged: true });
    const prompts = await listen({ promptsListChanged: true, toolsListChanged: false }, 2);
    const stamp = { 'io.modelcontextprotocol/subscriptionId': 'sub-1' };
    await vi.waitFor(() => expect(prompts.events).toHaveLength(1));
    expect(both.events[0]).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true, promptsListChanged: true }, _meta: stamp },
    });
    expect(prompts.events[0]).toMatchObject({ params: { notifications: { promptsListChanged: true } } });
    upstreams.set([crm, ops], [...definitions, { kind: 'tool', namespace: 'crm', name: 'new' }]);
    path.granting = new Set([...path.granting, 'crm.new']);
    path.invalidate();
    await vi.waitFor(() =>
      expect(both.events[1]).toMatchObject({ method: 'notifications/tools/list_changed', params: { _meta: stamp } }),
    );
    expect(prompts.events).toHaveLength(1);
  });

  it('a listen stream without anything to hear ends at once, and a wrong filter opens none', async () => {
    const nothing = await listen({ resourceSubscriptions: ['no://such'] });
    await vi.waitFor(() => expect(nothing.closed).toBe(true));
    expect(nothing.events).toMatchObject([
      { method: 'notifications/subscriptions/acknowledged', params: { notifications: {} } },
      { id: 'sub-1', result: { resultType: 'complete' } },
    ]);
    expect(path.records).toMatchObject([{ verdict: 'deny', action: { tool: 'no://such' } }]);
    for (const wrong of [undefined, [], { toolsListChanged: 'yes' }, { resourceSubscriptions: [1] }]) {
      const params: JsonObject = wrong === undefined ? {} : { notifications: wrong as JsonObject };
      const answer = await send(running.port, modern('tok-a', 'subscriptions/listen', params));
      expect(answer.json).toMatchObject({ error: { code: -32602 } });
    }
  });

  it('a stopped agent’s streams are cut, and a shut-down server says goodbye', async () => {
    const cut = await listen({ toolsListChanged: true });
    await path.stop();
    await vi.waitFor(() => expect(cut.closed).toBe(true));
    expect(cut.events).toHaveLength(1);
    const ended = await listen({ toolsListChanged: true });
    await vi.waitFor(() => expect(ended.events).toHaveLength(1));
    await running.entrance.close();
    await vi.waitFor(() => expect(ended.closed).toBe(true));
    expect(ended.events[1]).toMatchObject({ id: 'sub-1', result: { resultType: 'complete' } });
    expect((await send(running.port, modern('tok-a', 'tools/list'))).status).toBe(503);
  });

  it('a token that stops being valid loses its streams with the next change', async () => {
    const open = await listen({ toolsListChanged: true });
    path.dead.set('tok-a', 'token_revoked');
    path.invalidate();
    await vi.waitFor(() => expect(open.closed).toBe(true));
  });

  it('an agent stopped while its stream is being opened gets none', async () => {
    const authenticate = path.authenticate.bind(path);
    path.authenticate = async (token, attempt) => {
      const principal = await authenticate(token, attempt);
      path.dead.set('tok-a', 'agent_revoked');
      return principal;
    };
    expect((await listen({ toolsListChanged: true })).res.statusCode).toBe(401);
    expect(path.registered).toBe(0);
    expect(running.entrance.stats().streams).toBe(0);
  });

  it('closeSessionsOf counts what it closes', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const streams = [await getStream(session), await listen({ toolsListChanged: true })];
    const { workspaceId, agentId } = principalOf('alpha', 'a');
    expect(running.entrance.closeSessionsOf(workspaceId, agentId)).toBe(3);
    await vi.waitFor(() => expect(streams.map(({ closed }) => closed)).toEqual([true, true]));
  });

  it('silent streams are kept alive', async () => {
    await running.close();
    await start({ keepAliveMs: 20 });
    const open = await listen({ toolsListChanged: true });
    await vi.waitFor(() => expect(open.text()).toContain(': keepalive'));
  });

  it('a slow call becomes a stream that is kept alive', async () => {
    await running.close();
    await start({ keepAliveMs: 20 });
    const { promise, resolve } = Promise.withResolvers<void>();
    upstreams.handler = async () => {
      await promise;
      return resultOf({ content: [] });
    };
    const slow = await stream(modern('tok-a', 'tools/call', { name: 'crm__read' }));
    await vi.waitFor(() => expect(slow.text()).toContain(': keepalive'));
    resolve();
    await vi.waitFor(() => expect(slow.events).toMatchObject([{ id: 1, result: { content: [] } }]));
  });
});

describe('watched resources', () => {
  it('are governed when a session subscribes, and updates reach only who watches and may still see', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const get = await getStream(session);
    const updated = { method: 'notifications/resources/updated', params: { uri: 'crm://a' } };
    upstreams.say(crm, updated);
    upstreams.handler = () => resultOf({});
    expect(await list(session, 'resources/subscribe', { uri: 'crm://a' })).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {},
    });
    expect(path.records).toMatchObject([{ action: { capability: 'crm.crm://a', arguments: { uri: 'crm://a' } } }]);
    upstreams.say(crm, updated);
    await vi.waitFor(() => expect(get.events).toEqual([{ jsonrpc: '2.0', ...updated }]));
    upstreams.say(crm, { method: 'notifications/resources/updated', params: { uri: 'crm://other' } });
    await list(session, 'resources/unsubscribe', { uri: 'crm://a' });
    upstreams.say(crm, updated);
    expect(await list(session, 'resources/subscribe', { uri: 'no://such' })).toMatchObject({ error: { code: -32002 } });
    expect(get.events).toHaveLength(1);
  });

  it('are governed when a modern client listens', async () => {
    upstreams.handler = () => resultOf({});
    const open = await listen({ resourceSubscriptions: ['crm://a', 'no://such'] });
    await vi.waitFor(() =>
      expect(open.events).toMatchObject([{ params: { notifications: { resourceSubscriptions: ['crm://a'] } } }]),
    );
    upstreams.say(crm, { method: 'notifications/resources/updated', params: { uri: 'crm://a' } });
    await vi.waitFor(() =>
      expect(open.events[1]).toEqual({
        jsonrpc: '2.0',
        method: 'notifications/resources/updated',
        params: { uri: 'crm://a', _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub-1' } },
      }),
    );
    path.granting = new Set();
    upstreams.say(crm, { method: 'notifications/resources/updated', params: { uri: 'crm://a' } });
    open.res.destroy();
    await vi.waitFor(() => expect(upstreams.ended).toHaveLength(1));
    expect(open.events).toHaveLength(2);
  });
});

describe('log messages outside a call', () => {
  it('pass the level the session asked for', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const get = await getStream(session);
    const say = (level: string) =>
      upstreams.say(crm, { method: 'notifications/message', params: { level, data: level } });
    say('debug');
    expect(await list(session, 'logging/setLevel', { level: 'error' })).toMatchObject({ result: {} });
    expect(await list(session, 'logging/setLevel', { level: 'loud' })).toMatchObject({ error: { code: -32602 } });
    say('info');
    say('critical');
    await vi.waitFor(() =>
      expect(get.events).toMatchObject([{ params: { level: 'debug' } }, { params: { level: 'critical' } }]),
    );
  });
});

describe('what a legacy upstream asks of the client', () => {
  const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
  const params = { messages: [], maxTokens: 1 };

  async function callAsking(
    session: string,
    method = 'sampling/createMessage',
    asked: JsonObject = params,
  ): Promise<OpenStream> {
    upstreams.handler = async (request) => {
      try {
        const answer = await request.onRequest?.({ jsonrpc: '2.0', id: 'up-1', method, params: asked });
        return resultOf({ content: [{ type: 'text', text: JSON.stringify(answer) }] });
      } catch (error) {
        const { code, message } = error as { code: number; message: string };
        return resultOf({ content: [{ type: 'text', text: `${code} ${message}` }] });
      }
    };
    return stream(legacy('tok-a', session, { id: 5, method: 'tools/call', params: { name: 'crm__read' } }));
  }

  const answerTo = (session: string, id: unknown, answer: JsonObject, token = 'tok-a') =>
    send(running.port, legacy(token, session, { id: id as string, ...answer }));

  it('is decided, recorded, sent on the stream of the call and answered by a POST', async () => {
    path.granting.add('crm.sampling');
    const { session } = await initialize(running.port, 'tok-a', { capabilities });
    const call = await callAsking(session);
    await vi.waitFor(() => expect(call.events).toMatchObject([{ method: 'sampling/createMessage', params }]));
    const id = call.events[0]?.id;
    const stranger = await initialize(running.port, 'tok-b', { capabilities });
    await answerTo(stranger.session, id, { result: { stolen: true } }, 'tok-b');
    expect((await answerTo(session, id, { result: { role: 'assistant' } })).status).toBe(202);
    await vi.waitFor(() =>
      expect(call.events[1]).toMatchObject({ id: 5, result: { content: [{ text: '{"role":"assistant"}' }] } }),
    );
    expect(path.records.map(({ action }) => action.capability)).toEqual(['crm.read', 'crm.sampling']);
    expect(path.outcomes.map(({ outcome }) => outcome.result)).toEqual(['success', 'success']);
    expect(upstreams.requests[0]?.clientCapabilities).toEqual({ sampling: {} });
  });

  it('is refused where it is not granted, not declared, or unknown', async () => {
    const { session } = await initialize(running.port, 'tok-a', { capabilities });
    for (const method of ['sampling/createMessage', 'roots/list', 'tools/list', 'no/such']) {
      const call = await callAsking(session, method);
      await vi.waitFor(() => expect(call.events.length + (call.text() === '' ? 0 : 1)).toBeGreaterThan(0));
      expect(call.text()).toContain('-32601');
    }
    expect(upstreams.requests[0]?.clientCapabilities).toEqual({});
    path.granting.add('crm.sampling');
    const bare = await initialize(running.port, 'tok-a');
    expect((await callAsking(bare.session)).res.statusCode).toBe(200);
    expect(path.records.map(({ action }) => action.capability)).not.toContain('crm.sampling');
  });

  it('an error of the client, and a call that ends first, reach the upstream as errors', async () => {
    path.granting.add('crm.elicitation');
    const { session } = await initialize(running.port, 'tok-a', { capabilities });
    const form = { message: 'Name?', requestedSchema: { type: 'object', properties: {} } };
    const call = await callAsking(session, 'elicitation/create', form);
    await vi.waitFor(() => expect(call.events).toHaveLength(1));
    await answerTo(session, call.events[0]?.id, { error: { code: -1, message: 'declined' } });
    await vi.waitFor(() => expect(call.text()).toContain('-1 declined'));
    const gone = await callAsking(session, 'elicitation/create', form);
    await vi.waitFor(() => expect(gone.events).toHaveLength(1));
    gone.res.destroy();
    await vi.waitFor(() => expect(path.outcomes.map(({ outcome }) => outcome.result)).toContain('unknown'));
    await vi.waitFor(() => expect(path.open).toBe(0));
  });

  it('an upstream’s change of mind cancels the question', async () => {
    path.granting.add('crm.roots');
    const { session } = await initialize(running.port, 'tok-a', { capabilities });
    upstreams.handler = async (request) => {
      const asked = request.onRequest?.({ jsonrpc: '2.0', id: 'up-9', method: 'roots/list' });
      request.onNotification?.({ method: 'notifications/cancelled', params: { requestId: 'up-9' } });
      await asked?.catch(() => undefined);
      return resultOf({ content: [] });
    };
    const answer = await send(
      running.port,
      legacy('tok-a', session, { id: 5, method: 'tools/call', params: { name: 'crm__read' } }),
    );
    expect(answer.json.result ?? answer.events.at(-1)?.result).toEqual({ content: [] });
    expect(path.open).toBe(0);
  });

  it('notifications of the client reach only the upstream they are about', async () => {
    path.granting.add('crm.roots');
    const { session } = await initialize(running.port, 'tok-a', { capabilities });
    const tell = (method: string, told: JsonObject = {}) =>
      send(running.port, legacy('tok-a', session, { method, params: told }));
    await tell('notifications/initialized');
    await tell('notifications/roots/list_changed');
    await tell('notifications/progress', { progressToken: 'unknown', progress: 1 });
    await tell('notifications/made/up');
    expect(upstreams.notifications.map(({ method }) => method)).toEqual(['notifications/roots/list_changed']);
  });
});

describe('a modern client before a legacy upstream', () => {
  const call = (meta: JsonObject = {}) =>
    send(running.port, modern('tok-a', 'tools/call', { name: 'crm__read' }, { meta }));

  it('has one upstream session for each agent, which ends with a stop', async () => {
    await call();
    await call();
    await send(running.port, modern('tok-b', 'tools/call', { name: 'crm__read' }));
    const [first, second, other] = upstreams.requests.map(({ affinity }) => affinity);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
    await path.stop();
    expect(upstreams.ended).toEqual([first, other]);
  });

  it('cannot be called back, and the upstream is not told otherwise', async () => {
    path.granting.add('crm.sampling');
    upstreams.handler = async (request) => {
      const refused = await request
        .onRequest?.({ id: 1, method: 'sampling/createMessage', params: {} })
        .catch((error: unknown) => error);
      return resultOf({ content: [{ type: 'text', text: String((refused as { code: number }).code) }] });
    };
    const answer = await call({ 'io.modelcontextprotocol/clientCapabilities': { sampling: {} } });
    expect(answer.text).toContain('-32601');
    expect(upstreams.requests[0]?.clientCapabilities).toEqual({});
  });
});

describe('an upstream that asks without end', () => {
  it('is refused after a while', async () => {
    path.granting.add('crm.roots');
    const { session } = await initialize(running.port, 'tok-a', { capabilities: { roots: {} } });
    upstreams.handler = async (request) => {
      const answers = await Promise.allSettled(
        Array.from({ length: 40 }, (_, id) => request.onRequest?.({ id, method: 'tools/list' })),
      );
      const reasons = answers.map((answer) =>
        answer.status === 'rejected' ? String(answer.reason.message) : 'answered',
      );
      return resultOf({
        content: [{ type: 'text', text: String(reasons.filter((reason) => reason.startsWith('More than')).length) }],
      });
    };
    const answer = await send(
      running.port,
      legacy('tok-a', session, { id: 1, method: 'tools/call', params: { name: 'crm__read' } }),
    );
    expect(answer.json).toMatchObject({ result: { content: [{ text: '8' }] } });
  });
});

describe('a legacy client before a modern upstream', () => {
  it('is asked on its stream, and the call is repeated with the answers', async () => {
    path.granting.add('ops.elicitation');
    const { session } = await initialize(running.port, 'tok-a', { capabilities: { elicitation: {} } });
    const form = { message: 'Name?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } };
    upstreams.handler = ({ params }) =>
      params.inputResponses === undefined
        ? resultOf({
            resultType: 'input_required',
            inputRequests: { who: { method: 'elicitation/create', params: form } },
            requestState: 's1',
          })
        : resultOf({
            resultType: 'complete',
            content: [{ type: 'text', text: JSON.stringify([params.inputResponses, params.requestState]) }],
          });
    const call = await stream(legacy('tok-a', session, { id: 5, method: 'tools/call', params: { name: 'ops__zap' } }));
    await vi.waitFor(() => expect(call.events).toHaveLength(1));
    await send(
      running.port,
      legacy('tok-a', session, {
        id: call.events[0]?.id as string,
        result: { action: 'accept', content: { name: 'Dana' } },
      }),
    );
    await vi.waitFor(() => expect(call.events).toHaveLength(2));
    expect(call.events[1]).toMatchObject({
      id: 5,
      result: { content: [{ text: '[{"who":{"action":"accept","content":{"name":"Dana"}}},"s1"]' }] },
    });
    expect(path.records.map(({ action }) => action.capability)).toEqual(['ops.zap', 'ops.elicitation']);
    expect(path.outcomes).toHaveLength(2);
  });

  it('that cannot be asked gets the reason', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    upstreams.handler = () =>
      resultOf({ resultType: 'input_required', inputRequests: { r: { method: 'roots/list' } } });
    const call = await send(
      running.port,
      legacy('tok-a', session, { id: 5, method: 'tools/call', params: { name: 'ops__zap' } }),
    );
    expect(call.text).toContain('roots/list is not granted');
    expect(path.open).toBe(0);
  });

  it('is not asked without end', async () => {
    path.granting.add('ops.roots');
    const { session } = await initialize(running.port, 'tok-a', { capabilities: { roots: {} } });
    upstreams.handler = () =>
      resultOf({ resultType: 'input_required', inputRequests: { r: { method: 'roots/list' } } });
    const call = await stream(legacy('tok-a', session, { id: 5, method: 'tools/call', params: { name: 'ops__zap' } }));
    for (let round = 1; round <= 8; round += 1) {
      await vi.waitFor(() => expect(call.events).toHaveLength(round));
      const { id } = call.events[round - 1] ?? {};
      await send(running.port, legacy('tok-a', session, { id: id as string, result: { roots: [] } }));
    }
    await vi.waitFor(() => expect(call.events).toHaveLength(9));
    expect(call.text()).toContain('asked more than 8 times');
  });
});
