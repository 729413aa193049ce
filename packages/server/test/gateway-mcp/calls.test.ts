/** Governed requests in both eras: decision, record, forward, settle, and how each end reads to the client. */

import { createSecretKey } from 'node:crypto';
import type { JsonObject } from '@hivekey/policy';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sealer } from '../../src/gateway/mcp/sealed.ts';
import { isDone } from '../../src/path/index.ts';
import type { UpstreamRequest } from '../../src/upstreams/types.ts';
import { decisionOf, PathDouble, principalOf, resultOf, serverDouble, UpstreamsDouble, WORKSPACE } from './doubles.ts';
import { type Answer, initialize, legacy, modern, open, type Running, run, send } from './wire-client.ts';

const crm = serverDouble('crm', 'modern');
const old = serverDouble('old', 'legacy');
const path = new PathDouble();
const upstreams = new UpstreamsDouble(
  [crm, old],
  [
    {
      kind: 'tool',
      namespace: 'crm',
      name: 'read',
      validate: (args) => (typeof args.id === 'number' ? ['id must be a string'] : []),
    },
    { kind: 'tool', namespace: 'crm', name: 'secret' },
    { kind: 'tool', namespace: 'old', name: 'pay' },
    { kind: 'prompt', namespace: 'crm', name: 'greet' },
    { kind: 'resource', namespace: 'crm', name: 'crm://a' },
    { kind: 'template', namespace: 'crm', name: 'crm://items/{id}' },
    { kind: 'resource', namespace: 'old', name: 'shared://x', capability: 'old.shared' },
    { kind: 'resource', namespace: 'crm', name: 'shared://x', capability: 'crm.shared' },
  ],
);
let running: Running;

beforeAll(async () => {
  path.tokens.set('tok-a', principalOf('alpha', 'a'));
  path.tokens.set('tok-b', principalOf('beta', 'b'));
  running = await run(path, upstreams);
});
afterAll(() => running.close());
beforeEach(() => {
  path.records.length = 0;
  path.outcomes.length = 0;
  path.judge = () => decisionOf('allow');
  path.granting = new Set([
    'crm.read',
    'old.pay',
    'crm.greet',
    'crm.crm://a',
    'crm.crm://items/{id}',
    'old.shared',
    'crm.shared',
  ]);
  path.unavailable = false;
  upstreams.requests.length = 0;
  upstreams.handler = () => resultOf({ content: [{ type: 'text', text: 'ok' }] });
});

const callRead = (args: JsonObject = {}, more?: Parameters<typeof modern>[3]) =>
  send(running.port, modern('tok-a', 'tools/call', { name: 'crm__read', arguments: args }, more));

function textOf(answer: Answer): string {
  const result = answer.json.result as { content?: { text?: string }[] } | undefined;
  return result?.content?.[0]?.text ?? '';
}

describe('a call that is allowed', () => {
  it('is recorded as sent, forwarded under the upstream name and settled once', async () => {
    const answer = await callRead({ b: 2, a: 'x' });
    expect(answer.json).toMatchObject({ result: { content: [{ text: 'ok' }], resultType: 'complete' } });
    expect(path.records).toMatchObject([
      {
        verdict: 'allow',
        action: {
          entrance: 'mcp',
          capability: 'crm.read',
          tool: 'crm__read',
          known: true,
          namespace: 'crm',
          upstreamTool: 'read',
          argumentsJson: '{"a":"x","b":2}',
          definitionPin: expect.stringMatching(/^sha256:/),
          sourceAddress: '127.0.0.1',
        },
      },
    ]);
    expect(upstreams.requests).toMatchObject([
      { method: 'tools/call', params: { name: 'read', arguments: { a: 'x', b: 2 } } },
    ]);
    expect(path.outcomes).toMatchObject([{ outcome: { result: 'success', upstreamCode: 200, bytesIn: 10 } }]);
  });

  it('sends nothing of the client but arguments, a progress token of its own and the log level', async () => {
    await callRead({}, { meta: { progressToken: 'p', 'io.modelcontextprotocol/logLevel': 'error', custom: { x: 1 } } });
    const params = upstreams.requests[0]?.params as { _meta?: JsonObject };
    expect(Object.keys(params._meta ?? {}).sort()).toEqual(['io.modelcontextprotocol/logLevel', 'progressToken']);
    expect(params._meta?.progressToken).not.toBe('p');
  });

  it('keeps trace context and drops what is not one', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await callRead({}, { headers: { traceparent } });
    await callRead({}, { headers: { traceparent: 'x' } });
    expect(upstreams.requests.map((request) => request.traceparent)).toEqual([traceparent, undefined]);
  });

  it('is served unprefixed on the route of its namespace', async () => {
    const request = modern('tok-a', 'tools/call', { name: 'read' });
    expect((await send(running.port, { ...request, path: '/mcp/crm' })).json).toMatchObject({ result: {} });
    expect((await send(running.port, { ...request, path: '/mcp/old' })).json).toMatchObject({
      error: { code: -32602 },
    });
    expect((await send(running.port, request)).json).toMatchObject({ error: { message: 'Unknown tool: read' } });
  });

  it('that the tool answers with an error is settled as one', async () => {
    upstreams.handler = () => resultOf({ content: [], isError: true });
    expect((await callRead()).json).toMatchObject({ result: { isError: true } });
    expect(path.outcomes).toMatchObject([{ outcome: { result: 'error', errorCode: 'tool_error' } }]);
  });
});

describe('hidden and absent', () => {
  it.each([
    ['tools/call', { name: 'crm__secret' }, { name: 'crm__nosuch' }],
    ['prompts/get', { name: 'crm__hidden' }, { name: 'crm__nosuch' }],
    ['resources/read', { uri: 'crm://hidden' }, { uri: 'crm://nosuch' }],
    ['completion/complete', { ref: 'hidden' }, { ref: 'nosuch' }],
  ])('%s answers with the same bytes', async (method, hidden, absent) => {
    upstreams.set(
      [crm, old],
      [
        { kind: 'tool', namespace: 'crm', name: 'read' },
        { kind: 'tool', namespace: 'crm', name: 'secret' },
        { kind: 'prompt', namespace: 'crm', name: 'hidden' },
        { kind: 'resource', namespace: 'crm', name: 'crm://hidden' },
      ],
    );
    const full = (params: JsonObject): JsonObject =>
      'ref' in params
        ? { ref: { type: 'ref/prompt', name: `crm__${String(params.ref)}` }, argument: { name: 'a', value: '' } }
        : params;
    const answers: Answer[] = [];
    for (const params of [hidden, absent])
      answers.push(await send(running.port, modern('tok-a', method, full(params))));
    // The names are of equal length, so even the length of the answer must not differ.
    const [a, b] = answers.map(({ status, headers, text }) => ({
      status,
      headers: { ...headers, date: '' },
      text: text.replaceAll(/hidden|nosuch|secret/g, 'NAME'),
    }));
    expect(a?.text).toContain('-32602');
    expect(a).toEqual(b);
    expect(upstreams.requests).toEqual([]);
    expect(path.records.map(({ verdict, decision, action }) => [verdict, decision.reasonClass, action.known])).toEqual([
      ['deny', 'scope', true],
      ['deny', 'scope', false],
    ]);
    restoreCatalogue();
  });

  it('says the name as sent, and records a long one shortened', async () => {
    const name = `crm__${'x'.repeat(5000)}`;
    const answer = await send(running.port, modern('tok-a', 'tools/call', { name }));
    expect(answer.json).toMatchObject({ error: { code: -32602, message: `Unknown tool: ${name}` } });
    expect(path.records[0]?.action.tool.length).toBeLessThan(300);
  });

  it('a look-alike name is another name', async () => {
    for (const name of ['crm__rеad', 'CRM__read', 'crm__read ', 'crm-_read', 'crm__read\u0000']) {
      const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`;
      const answer = await send(
        running.port,
        modern('tok-a', 'tools/call', { name }, { headers: { 'mcp-name': encoded } }),
      );
      expect(answer.json).toMatchObject({ error: { code: -32602 } });
    }
    expect(upstreams.requests).toEqual([]);
  });

  it('legacy resources answer -32002', async () => {
    const { session } = await initialize(running.port, 'tok-a');
    const answer = await send(
      running.port,
      legacy('tok-a', session, { id: 1, method: 'resources/read', params: { uri: 'no://such' } }),
    );
    expect(answer.json).toMatchObject({ error: { code: -32002, data: { uri: 'no://such' } } });
  });
});

function restoreCatalogue(): void {
  upstreams.set(
    [crm, old],
    [
      {
        kind: 'tool',
        namespace: 'crm',
        name: 'read',
        validate: (args) => (typeof args.id === 'number' ? ['id must be a string'] : []),
      },
      { kind: 'tool', namespace: 'crm', name: 'secret' },
      { kind: 'tool', namespace: 'old', name: 'pay' },
      { kind: 'prompt', namespace: 'crm', name: 'greet' },
      { kind: 'resource', namespace: 'crm', name: 'crm://a' },
      { kind: 'template', namespace: 'crm', name: 'crm://items/{id}' },
      { kind: 'resource', namespace: 'old', name: 'shared://x', capability: 'old.shared' },
      { kind: 'resource', namespace: 'crm', name: 'shared://x', capability: 'crm.shared' },
    ],
  );
}

describe('a call that is not carried out reads to the model as a result', () => {
  it('guard', async () => {
    path.judge = () =>
      decisionOf('deny', { rule: 'R2 · cap', reasonClass: 'cap', remaining: 20, retryAfterSeconds: 90 });
    const answer = await callRead({ amount: 540 });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      result: {
        isError: true,
        resultType: 'complete',
        _meta: {
          'hivekey/verdict': 'deny',
          'hivekey/rule': 'R2 · cap',
          'hivekey/event_id': expect.stringMatching(/^evt_/),
        },
      },
    });
    expect(textOf(answer)).toMatch(/not executed.*amount 540 is over 500.*Left in this window: 20 calls.*90 s/);
    expect(upstreams.requests).toEqual([]);
    expect(path.outcomes).toEqual([]);
  });

  it('held for a person', async () => {
    path.judge = () => decisionOf('review');
    const answer = await callRead();
    expect(answer.json).toMatchObject({ result: { isError: true, _meta: { 'hivekey/verdict': 'review' } } });
    expect(textOf(answer)).toMatch(/person.*NOT executed/);
    expect(upstreams.requests).toEqual([]);
  });

  it('arguments outside the pinned schema', async () => {
    const answer = await callRead({ id: 5 });
    expect(answer.json).toMatchObject({ result: { isError: true, _meta: { 'hivekey/rule': 'input schema' } } });
    expect(textOf(answer)).toContain('id must be a string');
    expect(path.records).toMatchObject([{ verdict: 'deny', action: { refuse: { reasonClass: 'guard' } } }]);
    expect(upstreams.requests).toEqual([]);
  });

  it('legacy results carry no resultType', async () => {
    path.judge = () => decisionOf('deny');
    const { session } = await initialize(running.port, 'tok-a');
    const answer = await send(
      running.port,
      legacy('tok-a', session, { id: 1, method: 'tools/call', params: { name: 'old__pay' } }),
    );
    expect(answer.json.result).not.toHaveProperty('resultType');
    expect(answer.json).toMatchObject({ result: { isError: true } });
    expect(path.records[0]?.action.sessionId).toMatch(/^ses_/);
    expect(path.records[0]?.action.sessionId).not.toBe(session);
  });

  it('methods without an error result say it as an error', async () => {
    path.judge = () => decisionOf('deny');
    const answer = await send(running.port, modern('tok-a', 'resources/read', { uri: 'crm://a' }));
    expect(answer.json).toMatchObject({ error: { code: 1002, data: { 'hivekey/verdict': 'deny' } } });
  });
});

describe('what cannot be decided or recorded', () => {
  it('is 503 and goes nowhere', async () => {
    path.unavailable = true;
    const answer = await callRead();
    expect(answer.status).toBe(503);
    expect(answer.json).toMatchObject({ id: 1, error: { code: 1005, data: { code: 'log_unavailable' } } });
    expect(upstreams.requests).toEqual([]);
  });

  it('includes a catalogue that cannot be read', async () => {
    const original = upstreams.catalogue;
    upstreams.catalogue = () => Promise.reject(new Error('database gone'));
    const answer = await callRead();
    upstreams.catalogue = original;
    expect(answer.status).toBe(503);
  });

  it('a token that died meanwhile is 401', async () => {
    path.dead.set('tok-dies', 'agent_revoked');
    path.tokens.set('tok-dies', principalOf('gamma', 'dies'));
    const authenticate = path.authenticate.bind(path);
    path.authenticate = async () => principalOf('gamma', 'dies');
    const answer = await send(running.port, modern('tok-dies', 'tools/call', { name: 'crm__read' }));
    path.authenticate = authenticate;
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('invalid_token');
  });
});

describe('an upstream that fails', () => {
  it.each([
    [{ kind: 'failed', code: 'upstream_unreachable', began: false }, 'not_attempted', /unavailable.*Nothing was sent/],
    [{ kind: 'failed', code: 'upstream_timeout', began: true }, 'unknown', /not known whether it took effect/],
    [{ kind: 'failed', code: 'upstream_too_large', began: true }, 'unknown', /upstream_too_large/],
  ] as const)('%j', async (failed, outcome, words) => {
    upstreams.handler = () => failed;
    const answer = await callRead();
    expect(answer.json).toMatchObject({ result: { isError: true } });
    expect(textOf(answer)).toMatch(words);
    expect(path.outcomes).toMatchObject([{ outcome: { result: outcome, errorCode: failed.code } }]);
  });

  it('by throwing is a failure like any other', async () => {
    upstreams.handler = (request) => {
      request.onBegin?.();
      throw new Error('bug');
    };
    expect(textOf(await callRead())).toContain('not known');
    expect(path.outcomes).toMatchObject([{ outcome: { result: 'unknown' } }]);
    expect(path.open).toBe(0);
  });

  it('with a JSON-RPC error hands it on, but not what is about our hop', async () => {
    upstreams.handler = () => ({ kind: 'error', error: { code: -32603, message: 'boom', data: { x: 1 } }, bytesIn: 1 });
    expect((await callRead()).json).toMatchObject({ error: { code: -32603, message: 'boom', data: { x: 1 } } });
    upstreams.handler = () => ({ kind: 'error', error: { code: -32020, message: 'headers' }, bytesIn: 1 });
    expect((await callRead()).json).toMatchObject({ result: { isError: true } });
  });
});

describe('results', () => {
  it('of resources are never cacheable for others', async () => {
    upstreams.handler = () => resultOf({ contents: [], ttlMs: 999_999, cacheScope: 'public', resultType: 'complete' });
    const read = await send(running.port, modern('tok-a', 'resources/read', { uri: 'crm://items/5' }));
    expect(read.json).toMatchObject({
      result: {
        ttlMs: 5000,
        cacheScope: 'private',
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'hivekey' } },
      },
    });
  });

  it('of a modern upstream lose what a legacy client does not know', async () => {
    upstreams.handler = () =>
      resultOf({
        content: [],
        structuredContent: [1],
        resultType: 'complete',
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'x', version: '1' } },
      });
    const { session } = await initialize(running.port, 'tok-a');
    const answer = await send(
      running.port,
      legacy('tok-a', session, { id: 1, method: 'tools/call', params: { name: 'crm__read' } }),
    );
    expect(answer.json.result).toEqual({ content: [{ type: 'text', text: '[1]' }] });
  });

  it('cannot speak in the gateway’s name', async () => {
    const _meta = {
      'hivekey/verdict': 'deny',
      'io.modelcontextprotocol/serverInfo': { name: 'x', version: '1' },
      own: 1,
    };
    upstreams.handler = () => resultOf({ content: [], _meta });
    const modernMeta = (await callRead()).json.result;
    expect(modernMeta).toMatchObject({ _meta: { own: 1, 'io.modelcontextprotocol/serverInfo': { name: 'hivekey' } } });
    expect(JSON.stringify(modernMeta)).not.toContain('hivekey/verdict');
    const { session } = await initialize(running.port, 'tok-a');
    const message = legacy('tok-a', session, { id: 1, method: 'tools/call', params: { name: 'old__pay' } });
    expect((await send(running.port, message)).json.result).toEqual({ content: [], _meta: { own: 1 } });
  });

  it('two upstreams with the same URI: the granted one is read', async () => {
    path.granting.delete('old.shared');
    await send(running.port, modern('tok-a', 'resources/read', { uri: 'shared://x' }));
    expect(upstreams.requests[0]?.server.namespace).toBe('crm');
  });
});

describe('what precedes the result', () => {
  const chatty = async (request: UpstreamRequest) => {
    const { progressToken } = (request.params as { _meta?: { progressToken?: string } })._meta ?? {};
    request.onNotification?.({
      method: 'notifications/progress',
      params: { progressToken: progressToken ?? 'none', progress: 1 },
    });
    request.onNotification?.({ method: 'notifications/progress', params: { progressToken: 'another', progress: 2 } });
    request.onNotification?.({ method: 'notifications/message', params: { level: 'info', data: 'quiet' } });
    request.onNotification?.({ method: 'notifications/message', params: { level: 'error', data: 'loud' } });
    request.onNotification?.({ method: 'notifications/tools/list_changed' });
    return resultOf({ content: [] });
  };

  it('is streamed in order before it, as far as the client asked for it', async () => {
    upstreams.handler = chatty;
    const meta = { progressToken: 7, 'io.modelcontextprotocol/logLevel': 'warning' };
    const answer = await callRead({}, { meta });
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.headers['x-accel-buffering']).toBe('no');
    expect(answer.events).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 7, progress: 1 } },
      { method: 'notifications/message', params: { data: 'loud' } },
      { id: 1, result: { content: [] } },
    ]);
  });

  it('is left out, with a JSON answer, for who asked for none of it or takes no stream', async () => {
    upstreams.handler = chatty;
    expect((await callRead()).headers['content-type']).toBe('application/json');
    const json = await callRead({}, { meta: { progressToken: 7 }, headers: { accept: 'application/json' } });
    expect(json.json).toMatchObject({ result: {} });
    for (const accept of ['text/event-stream', 'text/event-stream, application/json']) {
      expect((await callRead({}, { headers: { accept } })).events).toMatchObject([{ id: 1, result: {} }]);
    }
  });

  it('is limited when an upstream floods', async () => {
    upstreams.handler = async (request) => {
      for (let i = 0; i < 5000; i += 1)
        request.onNotification?.({ method: 'notifications/message', params: { level: 'error', data: i } });
      return resultOf({ content: [] });
    };
    const answer = await callRead({}, { meta: { 'io.modelcontextprotocol/logLevel': 'debug' } });
    expect(answer.events.length).toBeLessThan(500);
    expect(answer.events.at(-1)).toMatchObject({ id: 1, result: {} });
  });
});

describe('an end before the result', () => {
  /** An upstream that answers only when it is aborted. */
  const stuck = (request: UpstreamRequest) =>
    new Promise<{ kind: 'failed'; code: 'aborted'; began: boolean }>((resolve) => {
      request.signal.addEventListener('abort', () => resolve({ kind: 'failed', code: 'aborted', began: true }));
    });

  it('the client goes away: the upstream is aborted, the outcome unknown', async () => {
    upstreams.handler = stuck;
    const req = open(running.port, modern('tok-a', 'tools/call', { name: 'crm__read' }), () => undefined);
    req.on('error', () => undefined);
    await vi.waitFor(() => expect(upstreams.requests).toHaveLength(1));
    req.destroy();
    await vi.waitFor(() =>
      expect(path.outcomes).toMatchObject([{ outcome: { result: 'unknown', errorCode: 'aborted_by_client' } }]),
    );
    expect(running.entrance.stats().inFlight).toBe(0);
  });

  it('a legacy client cancels: no result, the upstream is aborted', async () => {
    upstreams.handler = stuck;
    const { session } = await initialize(running.port, 'tok-a');
    const pending = send(
      running.port,
      legacy('tok-a', session, { id: 'c', method: 'tools/call', params: { name: 'old__pay' } }),
    );
    await vi.waitFor(() => expect(upstreams.requests).toHaveLength(1));
    const cancelled = { method: 'notifications/cancelled', params: { requestId: 'c' } };
    expect((await send(running.port, legacy('tok-a', session, cancelled))).status).toBe(202);
    expect(await pending).toMatchObject({ status: 202, text: '' });
    await vi.waitFor(() => expect(path.outcomes).toMatchObject([{ outcome: { errorCode: 'aborted_by_client' } }]));
  });

  it('an operator stops the tool: the model is told', async () => {
    upstreams.handler = stuck;
    const pending = callRead();
    await vi.waitFor(() => expect(upstreams.requests).toHaveLength(1));
    path.abortCalls();
    expect(textOf(await pending)).toMatch(/An operator stopped this call.*not known/);
    expect(path.outcomes).toMatchObject([{ outcome: { result: 'unknown', errorCode: 'aborted_by_stop' } }]);
  });

  it('an operator stops the agent: its sockets are cut', async () => {
    upstreams.handler = stuck;
    const pending = callRead();
    await vi.waitFor(() => expect(upstreams.requests).toHaveLength(1));
    const { sessionsClosed } = await path.stop();
    expect(sessionsClosed).toBeGreaterThan(0);
    await expect(pending).rejects.toThrow();
    await vi.waitFor(() => expect(path.outcomes).toHaveLength(1));
    expect(path.open).toBe(0);
  });

  it('a stop between record and forward: nothing is sent', async () => {
    const authorize = path.authorize.bind(path);
    path.authorize = async (...args) => {
      const authorization = await authorize(...args);
      path.abortCalls();
      return authorization;
    };
    const answer = await callRead();
    path.authorize = authorize;
    expect(textOf(answer)).toContain('Nothing was sent');
    expect(upstreams.requests).toEqual([]);
    expect(path.outcomes).toMatchObject([{ outcome: { result: 'not_attempted', errorCode: 'aborted_by_stop' } }]);
  });
});

describe('input_required of a modern upstream', () => {
  const META = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {}, sampling: {} } };
  const asks = (state?: string) => (request: UpstreamRequest) => {
    const { inputResponses, requestState } = request.params;
    if (inputResponses !== undefined)
      return resultOf({ content: [{ type: 'text', text: `state ${String(requestState)}` }], resultType: 'complete' });
    return resultOf({
      resultType: 'input_required',
      inputRequests: {
        who: {
          method: 'elicitation/create',
          params: {
            message: 'Your name?',
            requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
          },
        },
      },
      ...(state === undefined ? {} : { requestState: state }),
    });
  };
  beforeEach(() => {
    path.granting.add('crm.elicitation');
  });
  const retry = (requestState: unknown, args: JsonObject = {}, token = 'tok-a') =>
    send(
      running.port,
      modern(
        token,
        'tools/call',
        {
          name: 'crm__read',
          arguments: args,
          inputResponses: { who: { action: 'accept', content: { name: 'Dana' } } },
          requestState: requestState as string,
        },
        { meta: META },
      ),
    );

  it('reaches a modern client with its state sealed, and the retry brings it back', async () => {
    upstreams.handler = asks('inner');
    const first = await callRead({ a: 1 }, { meta: META });
    const { requestState, resultType } = first.json.result as { requestState: string; resultType: string };
    expect(resultType).toBe('input_required');
    expect(requestState).not.toBe('inner');
    expect(textOf(await retry(requestState, { a: 1 }))).toBe('state inner');
    expect(path.records.map(({ action }) => action.capability)).toEqual(['crm.read', 'crm.elicitation', 'crm.read']);
    expect(path.open).toBe(0);
    // the first leg did nothing yet: no step was taken, no payee used
    const outcomes = path.outcomes.filter(({ outcome }) => outcome.upstreamMs !== undefined);
    expect(outcomes.map(({ outcome }) => [outcome.result, outcome.errorCode, isDone(outcome)])).toEqual([
      ['success', 'input_required', false],
      ['success', undefined, true],
    ]);
  });

  it('refuses a state that was altered, belongs to another call or another agent', async () => {
    upstreams.handler = asks('inner');
    const first = await callRead({ a: 1 }, { meta: META });
    const { requestState } = first.json.result as { requestState: string };
    const forged = new Sealer(createSecretKey(Buffer.alloc(32, 8)), Date.now).seal(
      { purpose: 'request-state', workspaceId: WORKSPACE, agentId: 'agt_alpha' },
      { call: 'x', state: 'inner' },
      1000,
    );
    const before = upstreams.requests.length;
    const answers = [
      await retry(`${requestState}-TAMPERED`, { a: 1 }),
      await retry(forged, { a: 1 }),
      await retry(requestState, { a: 2 }),
      await retry(requestState, { a: 1 }, 'tok-b'),
      await retry('', { a: 1 }),
      await retry(5, { a: 1 }),
    ];
    for (const answer of answers)
      expect(answer.json).toMatchObject({ error: { code: -32602, message: 'Invalid or expired requestState' } });
    expect(upstreams.requests).toHaveLength(before);
  });

  it('is not passed on where the capability is not granted, and the upstream was not told of it', async () => {
    path.granting.delete('crm.elicitation');
    upstreams.handler = asks();
    const answer = await callRead({}, { meta: META });
    expect(upstreams.requests[0]?.clientCapabilities).toEqual({});
    expect(textOf(answer)).toContain('elicitation/create is not granted');
  });

  it('may not ask for secrets', async () => {
    upstreams.handler = () =>
      resultOf({
        resultType: 'input_required',
        inputRequests: {
          k: {
            method: 'elicitation/create',
            params: { message: 'Key', requestedSchema: { type: 'object', properties: { apiKey: { type: 'string' } } } },
          },
        },
      });
    expect(textOf(await callRead({}, { meta: META }))).toContain('asks for a secret');
  });

  it('is a withheld capability in words when the upstream demands what is not granted', async () => {
    path.granting.delete('crm.elicitation');
    upstreams.handler = () => ({
      kind: 'error',
      error: { code: -32021, message: 'missing', data: { requiredCapabilities: { elicitation: {} } } },
      httpStatus: 400,
      bytesIn: 1,
    });
    expect(textOf(await callRead({}, { meta: META }))).toContain('crm.elicitation is not granted');
    const undeclared = await callRead();
    expect(undeclared.status).toBe(400);
    expect(undeclared.json).toMatchObject({
      error: { code: -32021, data: { requiredCapabilities: { elicitation: {} } } },
    });
  });
});
