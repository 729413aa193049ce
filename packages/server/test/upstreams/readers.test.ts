import type { JsonObject } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/upstreams/connections/backoff.ts';
import { Breaker } from '../../src/upstreams/connections/breaker.ts';
import { eraVerdict } from '../../src/upstreams/connections/era.ts';
import { readMessage } from '../../src/upstreams/connections/json-rpc.ts';
import { DiagnosticReader, LineReader } from '../../src/upstreams/connections/lines.ts';
import { encodeHeaderValue, modernHeaders, paramHeaderProblem } from '../../src/upstreams/connections/mcp-headers.ts';
import { SseReader, SseRefused } from '../../src/upstreams/connections/sse.ts';

/** Cuts the bytes wherever the sizes say. */
function chunks(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

describe('lines of a stdio server', () => {
  function read(bytes: Buffer, max: number, cuts: readonly number[]): { lines: string[]; ok: boolean } {
    const lines: string[] = [];
    const reader = new LineReader(max, (line) => lines.push(line));
    const ok = chunks(bytes, cuts).every((chunk) => reader.push(chunk));
    return { lines, ok };
  }

  it('come out as they went in, however the bytes are cut', () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .filter((text) => !text.includes('\n') && text.isWellFormed());
    fc.assert(
      fc.property(fc.array(line), sizes, (all, cuts) => {
        const bytes = Buffer.from(all.map((each) => `${each}\n`).join(''));
        expect(read(bytes, 1_000, cuts)).toEqual({ lines: all, ok: true });
      }),
    );
  });

  it('are refused one byte over the limit, with an end or without', () => {
    expect(read(Buffer.from(`${'x'.repeat(10)}\n`), 10, [3]).ok).toBe(true);
    expect(read(Buffer.from(`${'x'.repeat(11)}\n`), 10, [3]).ok).toBe(false);
    expect(read(Buffer.from('x'.repeat(11)), 10, [3]).ok).toBe(false);
  });

  it('are refused when they are not UTF-8', () => {
    expect(read(Buffer.from([0xff, 0x0a]), 10, [1]).ok).toBe(false);
  });

  it('of standard error are never refused, and shown whole or not at all', () => {
    const lines: string[] = [];
    const reader = new DiagnosticReader((line) => lines.push(line));
    for (const chunk of chunks(Buffer.from(`one\n\n${'x'.repeat(9_000)}\ntwo`), [7])) reader.push(chunk);
    reader.end();
    expect(lines).toEqual(['one', '(a line that is too long to show)', 'two']);
  });
});

describe('server-sent events', () => {
  function read(
    text: string,
    cuts: readonly number[],
    max = 1_000,
  ): { data: string[]; ids: string[]; retry: number[] } {
    const seen = { data: [] as string[], ids: [] as string[], retry: [] as number[] };
    const reader = new SseReader(
      {
        onData: (data) => seen.data.push(data),
        onId: (id) => seen.ids.push(id),
        onRetry: (ms) => seen.retry.push(ms),
      },
      max,
    );
    for (const chunk of chunks(Buffer.from(text), cuts)) reader.push(chunk);
    return seen;
  }

  it.each([
    ['\n', [5]],
    ['\r\n', [1]],
    ['\r', [2]],
    ['\r\n', [3]],
  ])('lines end with %j', (end, cuts) => {
    const text = [
      '\ufeff: hello',
      'id: 7',
      'retry: 250',
      'data: a',
      'data:b',
      '',
      'event: ping',
      'data: no',
      '',
      'data',
      '',
      '',
    ].join(end);
    expect(read(text, cuts)).toEqual({ data: ['a\nb', ''], ids: ['7'], retry: [250] });
  });

  it('come out as they went in, however the bytes are cut', () => {
    const data = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .filter((text) => !/[\r\n]/.test(text) && text.isWellFormed());
    fc.assert(
      fc.property(fc.array(data), sizes, fc.constantFrom('\n', '\r\n', '\r'), (all, cuts, end) => {
        const text = all.map((each) => `data: ${each}${end}${end}`).join('');
        expect(read(text, cuts).data).toEqual(all);
      }),
    );
  });

  it('an event over the limit is refused, comments without end are not', () => {
    expect(() => read(`data: ${'x'.repeat(2_000)}\n\n`, [64])).toThrow(SseRefused);
    expect(() => read('data: x\n'.repeat(300), [64])).toThrow(SseRefused);
    expect(read(`${': keep\n'.repeat(5_000)}data: a\n\n`, [64]).data).toEqual(['a']);
  });

  it('an event that never ends is no event', () => {
    expect(read('data: a\n', [3]).data).toEqual([]);
  });

  it('bytes that are not UTF-8 are refused', () => {
    const reader = new SseReader({ onData: () => undefined }, 100);
    expect(() => reader.push(Buffer.from([0x64, 0xff, 0x0a]))).toThrow(SseRefused);
  });
});

describe('messages of an upstream', () => {
  it.each<[string, string]>([
    ['{"jsonrpc":"2.0","id":1,"result":{}}', 'result'],
    ['{"jsonrpc":"2.0","id":"a","error":{"code":-1,"message":"x"}}', 'error'],
    ['{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"x"}}', 'error'],
    ['{"jsonrpc":"2.0","id":1,"method":"ping"}', 'request'],
    ['{"jsonrpc":"2.0","method":"notifications/progress","params":{}}', 'notification'],
  ])('%s is a %s', (text, kind) => expect(readMessage(text, undefined)?.kind).toBe(kind));

  it.each([
    ...['', 'x', '1', 'null', '[]', '[{"jsonrpc":"2.0","id":1,"result":{}}]', '{}', '{"id":1,"result":{}}'],
    '{"jsonrpc":"1.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":1.5,"result":{}}',
    '{"jsonrpc":"2.0","id":1,"result":[]}',
    '{"jsonrpc":"2.0","result":{}}',
    '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"x"}}',
    '{"jsonrpc":"2.0","id":1,"method":"x","result":{}}',
    '{"jsonrpc":"2.0","id":{},"method":"x"}',
    '{"jsonrpc":"2.0","method":"x","params":[]}',
    '{"jsonrpc":"2.0","id":1,"result":{}} {}',
  ])('%s is none', (text) => expect(readMessage(text, undefined)).toBeUndefined());

  it('are refused beyond a depth, brackets in strings aside', () => {
    const nested = (depth: number): string =>
      `{"jsonrpc":"2.0","id":1,"result":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
    expect(readMessage(nested(126), undefined)).toBeDefined();
    expect(readMessage(nested(127), undefined)).toBeUndefined();
    expect(readMessage(nested(1_000_000), undefined)).toBeUndefined();
    expect(readMessage(`{"jsonrpc":"2.0","id":1,"result":{"a":"\\"${'['.repeat(500)}"}}`, undefined)).toBeDefined();
  });

  it('the last of two equal keys is what is read, and nothing of the first is passed on', () => {
    const read = readMessage('{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}', undefined);
    expect(read).toEqual({ kind: 'result', id: 1, result: { a: 2 } });
  });

  it('anything at all is read or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        readMessage(text, undefined);
      }),
    );
  });
});

describe('which era an answer shows', () => {
  const failed = (code: 'upstream_timeout' | 'upstream_unreachable', began: boolean) =>
    ({ kind: 'failed', code, began }) as const;
  const error = (code: number, httpStatus?: number, data?: unknown) =>
    ({
      kind: 'error',
      error: { code, message: '', data },
      bytesIn: 0,
      ...(httpStatus === undefined ? {} : { httpStatus }),
    }) as const;
  const result = (body: JsonObject) => ({ kind: 'result', result: body, bytesIn: 0 }) as const;

  it.each([
    ['modern', result({ supportedVersions: ['2026-07-28'], capabilities: {} }), 'http'],
    ['legacy', result({}), 'http'],
    ['legacy', error(-32601, 200), 'http'],
    ['legacy', error(1004, 404), 'http'],
    ['legacy', error(1004, 400), 'http'],
    ['legacy', error(-32022, 400, { supported: ['2025-11-25'] }), 'http'],
    ['unknown', error(-32022, 400, { supported: ['2027-01-01'] }), 'http'],
    ['unknown', error(1004, 401), 'http'],
    ['unknown', error(1004, 403), 'http'],
    ['unknown', error(-32603, 500), 'http'],
    ['unknown', failed('upstream_timeout', true), 'http'],
    ['unknown', failed('upstream_unreachable', false), 'http'],
    ['legacy', failed('upstream_timeout', true), 'stdio'],
    ['legacy', failed('upstream_unreachable', true), 'stdio'],
    ['unknown', failed('upstream_unreachable', false), 'stdio'],
  ] as const)('%s', (kind, answer, transport) => expect(eraVerdict(answer, transport).kind).toBe(kind));
});

describe('pauses', () => {
  it('double up to the longest, a quarter of them random', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (random) => {
        const backoff = new Backoff([100, 1_000], () => random);
        for (const whole of [100, 200, 400, 800, 1_000, 1_000]) {
          const pause = backoff.failed();
          expect(pause).toBeGreaterThanOrEqual(whole * 0.75 - 1);
          expect(pause).toBeLessThanOrEqual(whole);
        }
        backoff.succeeded();
        expect(backoff.failed()).toBeLessThanOrEqual(100);
      }),
    );
  });

  it('a server that is down is tried by one call at a time, and by all once it is up', () => {
    let now = 0;
    const breaker = new Breaker([100, 1_000], () => now);
    expect(breaker.admits()).toBe(true);
    expect(breaker.admits()).toBe(true);
    breaker.saw('down');
    breaker.saw('down');
    expect(breaker.admits()).toBe(false);
    now = 100;
    expect(breaker.admits()).toBe(true);
    expect(breaker.admits()).toBe(false);
    breaker.saw('down');
    now = 190;
    expect(breaker.admits()).toBe(false);
    now = 400;
    expect(breaker.admits()).toBe(true);
    breaker.saw('unknown');
    expect(breaker.admits()).toBe(true);
    breaker.saw('up');
    expect([breaker.admits(), breaker.admits()]).toEqual([true, true]);
  });
});

describe('headers that repeat the body', () => {
  const schema: JsonObject = {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      nested: { type: 'object', properties: { count: { type: 'integer', 'x-mcp-header': 'Count' } } },
    },
  };

  it('are made from the arguments', () => {
    const params = { name: 'deploy', arguments: { region: 'eu-1', nested: { count: 3 } } };
    expect(modernHeaders('2026-07-28', 'tools/call', params, { inputSchema: schema })).toEqual([
      ...['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-name', 'deploy'],
      ...['mcp-param-region', 'eu-1', 'mcp-param-count', '3'],
    ]);
  });

  it('never break out of their place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const value = encodeHeaderValue(text);
        expect(value).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/);
        const coded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
        expect(coded === undefined ? value : Buffer.from(coded, 'base64').toString()).toBe(text.toWellFormed());
      }),
    );
  });

  it.each<[string, JsonObject]>([
    ['a name that is none', { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'a b' } } }],
    [
      'one name twice',
      {
        type: 'object',
        properties: { a: { type: 'string', 'x-mcp-header': 'a' }, b: { type: 'string', 'x-mcp-header': 'A' } },
      },
    ],
    ['something that is no text', { type: 'object', properties: { a: { type: 'object', 'x-mcp-header': 'a' } } }],
    [
      'an item',
      { type: 'object', properties: { a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'a' } } } },
    ],
    ['the whole', { type: 'string', 'x-mcp-header': 'a' }],
  ])('are refused on %s', (_what, inputSchema) => expect(paramHeaderProblem(inputSchema)).toBeTypeOf('string'));
});
