import type { JsonObject } from '@hivekey/policy';
import { describe, expect, it, vi } from 'vitest';
import { parseAllowList } from '../../src/upstreams/address-guard.ts';
import { discover } from '../../src/upstreams/discovery.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/upstreams/limits.ts';
import { openHttp, textOf } from './connect.ts';
import {
  events,
  json,
  legacyScript,
  modernScript,
  type Script,
  startEverything,
  startFixture,
  startScripted,
} from './http-upstream.ts';

const never = new AbortController().signal;
const SECRET = 'sk-http-credential-0123';
const OK = { content: [{ type: 'text', text: 'ok' }] };

const succeed: Script = ({ id }, res) => json(res, { jsonrpc: '2.0', id, result: OK });

describe('real servers', () => {
  it.each([
    ['modern', []],
    ['legacy', ['--legacy']],
  ] as const)('the conformance fixture, %s', async (era, options) => {
    await using upstream = await startFixture(...options);
    await using opened = await openHttp(upstream.url, { era });
    const { description, definitions } = await discover(opened.connection, 'http', DEFAULT_LIMITS, never);
    expect(description.era).toBe(era);
    expect(definitions.length).toBeGreaterThan(25);
    expect(definitions.filter(({ problem }) => problem !== undefined)).toEqual([]);
    const notified: JsonObject[] = [];
    const answer = await opened.connection.request({
      era,
      method: 'tools/call',
      params: { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: 'hk1' } },
      affinity: 'ses_one',
      clientCapabilities: {},
      signal: never,
      onNotification: (message) => notified.push(message),
    });
    expect(answer.kind).toBe('result');
    expect(notified.map(({ method }) => method)).toContain('notifications/progress');
  });

  it('everything over Streamable HTTP, one session for each agent session', async () => {
    await using upstream = await startEverything();
    await using opened = await openHttp(upstream.url);
    const { description, definitions } = await discover(opened.connection, 'http', DEFAULT_LIMITS, never);
    expect(description.era).toBe('legacy');
    expect(definitions.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(textOf(await opened.call('echo', { message: 'a' }))).toBe('Echo: a');
    expect(textOf(await opened.call('echo', { message: 'b' }, { affinity: 'ses_two' }))).toBe('Echo: b');
  });

  it('hears of changed lists in both eras', async () => {
    await using upstream = await startFixture();
    for (const era of ['modern', 'legacy'] as const) {
      await using opened = await openHttp(upstream.url, { era });
      if (era === 'modern') opened.connection.watch(await opened.connection.describe(never));
      else {
        // The fixture speaks both, so its sessions are asked for by hand.
        await opened.call('test_simple_text', {}, { affinity: ' gateway' });
        opened.connection.watch({ era, protocolVersion: '2025-11-25', capabilities: { tools: { listChanged: true } } });
      }
      await vi.waitFor(async () => {
        await opened.call('test_trigger_tool_change');
        expect(opened.outdated).toBeGreaterThan(0);
      }, 5_000);
    }
  });
});

describe('sessions of an upstream', () => {
  it('are one for each agent session, opened once, ended with it', async () => {
    await using upstream = await startScripted(legacyScript(succeed));
    await using opened = await openHttp(upstream.url);
    await Promise.all([opened.call('a'), opened.call('a'), opened.call('a', {}, { affinity: 'ses_two' })]);
    const calls = upstream.received.filter(({ body }) => body.method === 'tools/call');
    expect(calls.map(({ headers }) => headers['mcp-session-id']).sort()).toEqual([
      'session-1',
      'session-1',
      'session-2',
    ]);
    expect(upstream.received.filter(({ body }) => body.method === 'initialize')).toHaveLength(2);
    await opened.connection.endAffinity('ses_one');
    const ended = upstream.received.filter(({ method }) => method === 'DELETE');
    expect(ended).toHaveLength(1);
    expect(calls.slice(0, 2).map(({ headers }) => headers['mcp-session-id'])).toContain(
      ended[0]?.headers['mcp-session-id'],
    );
  });

  it('are opened again when the upstream has forgotten them, and the call is made once more only then', async () => {
    let forgotten = false;
    await using upstream = await startScripted(
      legacyScript((message, res) => {
        if (forgotten) return succeed(message, res, res.req);
        forgotten = true;
        json(res, { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } }, 404);
      }),
    );
    await using opened = await openHttp(upstream.url);
    await opened.connection.request({
      era: 'legacy',
      method: 'tools/list',
      params: {},
      affinity: 'ses_one',
      clientCapabilities: {},
      signal: never,
    });
    expect(textOf(await opened.call('a'))).toBe('ok');
    expect(upstream.received.filter(({ body }) => body.method === 'initialize')).toHaveLength(2);
  });

  it('a stream that breaks goes on where it ended', async () => {
    await using upstream = await startScripted((message, res, req) => {
      const resumed = req.headers['last-event-id'];
      if (req.method === 'GET' && resumed !== undefined) {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.end(
          `data: ${JSON.stringify({ jsonrpc: '2.0', id: 2, result: { content: [{ type: 'text', text: resumed }] } })}\n\n`,
        );
        return;
      }
      legacyScript((_call, stream) => {
        stream.writeHead(200, { 'content-type': 'text/event-stream' });
        stream.end('id: event-7\nretry: 10\ndata: \n\n');
      })(message, res, req);
    });
    await using opened = await openHttp(upstream.url);
    expect(textOf(await opened.call('a'))).toBe('event-7');
  });

  it('requests of the upstream are answered by whoever is behind the call', async () => {
    let answered: ((body: JsonObject) => void) | undefined;
    await using upstream = await startScripted((message, res, req) => {
      if (message.method === undefined && message.id === 'q1') {
        json(res, '', 202);
        answered?.(message);
        return;
      }
      legacyScript(({ id }, stream) => {
        events(stream, { id: 'q1', method: 'roots/list' });
        answered = ({ result }) => {
          events(stream, { id, result: { content: [{ type: 'text', text: JSON.stringify(result) }] } });
          stream.end();
        };
      })(message, res, req);
    });
    await using opened = await openHttp(upstream.url);
    const answer = await opened.call(
      'a',
      {},
      { clientCapabilities: { roots: {} }, onRequest: async () => ({ roots: [] }) },
    );
    expect(textOf(answer)).toBe('{"roots":[]}');
  });
});

describe('the credential', () => {
  it('goes into its header at the last step, and nothing else of ours goes along', async () => {
    await using upstream = await startScripted(modernScript(succeed));
    await using opened = await openHttp(upstream.url, {
      era: 'modern',
      settings: { injection: { header: 'X-Api-Key', format: 'key {secret}' } },
      secret: SECRET,
    });
    expect(textOf(await opened.call('a'))).toBe('ok');
    const { headers = {} } = upstream.received.at(-1) ?? {};
    expect(headers['x-api-key']).toBe(`key ${SECRET}`);
    expect(Object.keys(headers).sort()).toEqual([
      ...[
        'accept',
        'accept-encoding',
        'connection',
        'content-length',
        'content-type',
        'host',
        'mcp-method',
        'mcp-name',
      ],
      ...['mcp-protocol-version', 'user-agent', 'x-api-key'],
    ]);
  });

  it.each<[string, Script]>([
    [
      'a result',
      ({ id }, res, req) =>
        json(res, { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: req.headers.authorization }] } }),
    ],
    [
      'an error',
      ({ id }, res, req) =>
        json(res, {
          jsonrpc: '2.0',
          id,
          error: { code: 1, message: `no: ${req.headers.authorization}`, data: [req.headers] },
        }),
    ],
    ['a name', ({ id }, res) => json(res, { jsonrpc: '2.0', id, result: { content: [], [SECRET]: 1 } })],
    [
      'a URL',
      ({ id }, res) =>
        json(res, { jsonrpc: '2.0', id, result: { content: [], url: `https://x/?t=${encodeURIComponent(SECRET)}` } }),
    ],
    [
      'escapes',
      ({ id }, res) =>
        json(
          res,
          `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"t":"${[...SECRET].map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"}}`,
        ),
    ],
    [
      'Base64',
      ({ id }, res) =>
        json(res, { jsonrpc: '2.0', id, result: { content: [], t: Buffer.from(`x:${SECRET}`).toString('base64') } }),
    ],
    [
      'a notification',
      ({ id }, res) => {
        events(
          res,
          { method: 'notifications/message', params: { level: 'info', data: { headers: SECRET } } },
          { id, result: OK },
        );
        res.end();
      },
    ],
  ])('is taken out of %s', async (_what, call) => {
    await using upstream = await startScripted(modernScript(call));
    await using opened = await openHttp(upstream.url, {
      era: 'modern',
      settings: { injection: { header: 'Authorization', format: 'Bearer {secret}' } },
      secret: SECRET,
    });
    const notified: JsonObject[] = [];
    const answer = await opened.call('a', {}, { onNotification: (message) => notified.push(message) });
    expect(answer.kind).toMatch(/result|error/);
    const seen = JSON.stringify([answer, notified]);
    expect(seen).toMatch(/\[secret\]/);
    for (const form of [SECRET, Buffer.from(SECRET).toString('base64').slice(4, -4)]) expect(seen).not.toContain(form);
  });

  it('that the upstream refuses is told as that', async () => {
    await using upstream = await startScripted((_message, res) =>
      json(res, { error: SECRET }, 401, { 'www-authenticate': SECRET }),
    );
    await using opened = await openHttp(upstream.url, {
      era: 'modern',
      secret: SECRET,
      settings: { injection: { header: 'Authorization', format: 'Bearer {secret}' } },
    });
    const answer = await opened.call('a');
    expect(answer).toMatchObject({ kind: 'error', error: { message: expect.stringContaining('refused') } });
    expect(JSON.stringify(answer)).not.toContain(SECRET);
    await expect(opened.connection.describe(never)).rejects.toThrow('credential');
  });
});

describe('a hostile upstream', () => {
  const bounded: Partial<Limits> = {
    idleMs: 400,
    totalMs: 1_500,
    messageBytes: 64 * 1024,
    callBytes: 256 * 1024,
    callMessages: 100,
  };
  const until = (res: Parameters<Script>[1], write: () => boolean): void => {
    const more = (): void => {
      while (!res.destroyed && write());
      if (!res.destroyed) res.once('drain', more);
    };
    more();
  };

  it.each<[string, Script, string]>([
    ['never answers', () => undefined, 'upstream_timeout'],
    [
      'sends headers and nothing more',
      (_message, res) => res.writeHead(200, { 'content-type': 'application/json' }).flushHeaders(),
      'upstream_timeout',
    ],
    [
      'drips comments',
      (_message, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        const timer = setInterval(() => res.write(': still here\n'), 50);
        res.on('close', () => clearInterval(timer));
      },
      'upstream_timeout',
    ],
    [
      'sends a body without end',
      (_message, res) => {
        res.writeHead(200, { 'content-type': 'application/json' });
        until(res, () => res.write(' '.repeat(16 * 1024)));
      },
      'upstream_too_large',
    ],
    [
      'sends an event without end',
      (_message, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        until(res, () => res.write(`data: ${'x'.repeat(8 * 1024)}\n`));
      },
      'upstream_too_large',
    ],
    [
      'floods with notifications',
      (_message, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        until(res, () => res.write('data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n'));
      },
      'upstream_too_large',
    ],
    [
      'floods with comments',
      (_message, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        until(res, () => res.write(`: ${'x'.repeat(1_000)}\n`));
      },
      'upstream_too_large',
    ],
    [
      'answers for another id',
      ({ id }, res) => json(res, { jsonrpc: '2.0', id: Number(id) + 1, result: OK }),
      'upstream_protocol_error',
    ],
    [
      'answers with a batch',
      ({ id }, res) => json(res, [{ jsonrpc: '2.0', id, result: OK }]),
      'upstream_protocol_error',
    ],
    [
      'answers in HTML',
      (_message, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'upstream_protocol_error',
    ],
    ['answers nothing', (_message, res) => json(res, ''), 'upstream_protocol_error'],
    [
      'answers compressed',
      (_message, res) => json(res, 'x', 200, { 'content-encoding': 'gzip' }),
      'upstream_protocol_error',
    ],
    [
      'nests without end',
      ({ id }, res) =>
        json(res, `{"jsonrpc":"2.0","id":${id},"result":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`),
      'upstream_protocol_error',
    ],
    [
      'asks on a modern stream',
      (_message, res) => events(res, { id: 'q', method: 'roots/list' }),
      'upstream_protocol_error',
    ],
    [
      'answers with an unknown type',
      ({ id }, res) => json(res, { jsonrpc: '2.0', id, result: { resultType: 'task' } }),
      'upstream_protocol_error',
    ],
    ['hangs up', (_message, res) => res.destroy(), 'upstream_unreachable'],
    [
      'hangs up in the middle',
      (_message, res) => {
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        res.write('{"jsonrpc"', () => res.destroy());
      },
      'upstream_unreachable',
    ],
    [
      'sends headers without end',
      (_message, res) => {
        res.socket?.write('HTTP/1.1 200 OK\r\n');
        until(res, () => res.socket?.write(`X-${'y'.repeat(100)}: ${'x'.repeat(1_000)}\r\n`) ?? false);
      },
      'upstream_too_large',
    ],
    ['speaks no HTTP', (_message, res) => res.socket?.end('SSH-2.0-OpenSSH_9.9\r\n'), 'upstream_protocol_error'],
  ])('%s', async (_what, call, code) => {
    await using upstream = await startScripted(modernScript(call));
    await using opened = await openHttp(upstream.url, { era: 'modern', limits: bounded });
    expect(await opened.call('a')).toEqual({ kind: 'failed', code, began: true });
  });

  it.each([301, 302, 303, 307, 308])('that redirects with %i is not followed', async (status) => {
    await using elsewhere = await startScripted(modernScript(succeed));
    await using upstream = await startScripted(
      modernScript((_message, res) => json(res, '', status, { location: elsewhere.url })),
    );
    await using opened = await openHttp(upstream.url, { era: 'modern' });
    expect(await opened.call('a')).toMatchObject({ kind: 'failed', code: 'upstream_protocol_error' });
    expect(elsewhere.received).toEqual([]);
  });

  it('with the same key twice is read once', async () => {
    await using upstream = await startScripted(
      modernScript(({ id }, res) =>
        json(
          res,
          `{"jsonrpc":"2.0","id":${id},"id":${id},"result":{"content":[{"type":"text","text":"a","text":"b"}]}}`,
        ),
      ),
    );
    await using opened = await openHttp(upstream.url, { era: 'modern' });
    expect(textOf(await opened.call('a'))).toBe('b');
  });

  it('that is slow keeps no other call waiting', async () => {
    await using upstream = await startScripted(
      modernScript((message, res, req) => {
        if (req.headers['mcp-name'] !== 'slow') succeed(message, res, req);
      }),
    );
    await using opened = await openHttp(upstream.url, { era: 'modern', limits: { connections: 8, idleMs: 2_000 } });
    const stop = new AbortController();
    const slow = Array.from({ length: 7 }, () => opened.call('slow', {}, { signal: stop.signal }));
    expect(textOf(await opened.call('fast'))).toBe('ok');
    stop.abort();
    for (const answer of await Promise.all(slow))
      expect(answer).toEqual({ kind: 'failed', code: 'aborted', began: true });
  });

  it('has its request cancelled by the closed connection', async () => {
    let closed = false;
    await using upstream = await startScripted(
      modernScript((_message, res) => {
        res.on('close', () => {
          closed = true;
        });
      }),
    );
    await using opened = await openHttp(upstream.url, { era: 'modern' });
    const stop = new AbortController();
    const call = opened.call('a', {}, { signal: stop.signal, onBegin: () => setTimeout(() => stop.abort(), 50) });
    expect(await call).toEqual({ kind: 'failed', code: 'aborted', began: true });
    await vi.waitFor(() => expect(closed).toBe(true));
  });

  it.each<[string, (page: number) => object]>([
    [
      'a list without end',
      (page) => ({ tools: [{ name: `t${page}`, inputSchema: { type: 'object' } }], nextCursor: `c${page}` }),
    ],
    ['the same page for ever', () => ({ tools: [], nextCursor: 'again' })],
    ['one tool twice', () => ({ tools: [1, 2].map(() => ({ name: 't', inputSchema: { type: 'object' } })) })],
    [
      'more tools than anybody has',
      () => ({ tools: Array.from({ length: 300 }, (_, n) => ({ name: `t${n}`, inputSchema: { type: 'object' } })) }),
    ],
    ['something that is no tool', () => ({ tools: ['t'] })],
    ['no list', () => ({})],
  ])('lists %s', async (_what, page) => {
    let pages = 0;
    await using upstream = await startScripted((message, res, req) => {
      if (message.method !== 'tools/list') return modernScript(succeed)(message, res, req);
      pages += 1;
      json(res, { jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', ...page(pages) } });
    });
    await using opened = await openHttp(upstream.url, { era: 'modern' });
    const limits = { ...DEFAULT_LIMITS, pages: 20, definitions: 200 };
    await expect(discover(opened.connection, 'http', limits, never)).rejects.toThrow();
    expect(pages).toBeLessThanOrEqual(20);
  });
});

describe('addresses', () => {
  it('a loopback address is refused before anything is sent', async () => {
    await using upstream = await startScripted(modernScript(succeed));
    await using opened = await openHttp(upstream.url, { era: 'modern', rules: { allowPrivate: false } });
    expect(await opened.call('a')).toEqual({ kind: 'failed', code: 'address_refused', began: false });
    expect(upstream.received).toEqual([]);
  });

  it('a name that turns to a private address later is refused on the next connection', async () => {
    await using upstream = await startScripted(
      modernScript((message, res, req) => {
        res.setHeader('connection', 'close');
        succeed(message, res, req);
      }),
    );
    const answers = ['127.0.0.1', '169.254.169.254', '10.0.0.1', '127.0.0.1'];
    const asked: string[] = [];
    await using opened = await openHttp(`http://mcp.acme.example:${upstream.port}/mcp`, {
      era: 'modern',
      rules: {
        allowPrivate: false,
        // Stands for a public address: only this one is allowed.
        allow: parseAllowList(['127.0.0.1/32']),
        resolve: (host, done) => {
          asked.push(host);
          done(null, [{ address: answers.shift() ?? '127.0.0.1', family: 4 }]);
        },
      },
    });
    expect(textOf(await opened.call('a'))).toBe('ok');
    expect(await opened.call('a')).toEqual({ kind: 'failed', code: 'address_refused', began: false });
    expect(await opened.call('a')).toEqual({ kind: 'failed', code: 'address_refused', began: false });
    expect(textOf(await opened.call('a'))).toBe('ok');
    expect(asked).toEqual(Array.from({ length: 4 }, () => 'mcp.acme.example'));
    expect(upstream.received).toHaveLength(2);
  });

  it('nobody listens there: told at once, as not begun', async () => {
    const upstream = await startScripted(succeed);
    await upstream[Symbol.asyncDispose]();
    await using opened = await openHttp(upstream.url, { era: 'modern' });
    expect(await opened.call('a')).toEqual({ kind: 'failed', code: 'upstream_unreachable', began: false });
  });
});
