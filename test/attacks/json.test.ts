/** Bodies that two parsers could read differently, on every entrance that takes one: refused, and nothing behind it moves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, modern, type Sent, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { openWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** A body around arguments that are given as bytes. */
type Around = (args: Buffer) => Buffer;
interface Entrance {
  readonly request: () => Sent;
  readonly around: Around;
}

const around =
  (before: string, after: string): Around =>
  (args) =>
    Buffer.concat([Buffer.from(before), args, Buffer.from(after)]);
const META =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}';
const json = (path: string, token: string): Sent => ({
  path,
  headers: { ...bearer(token), 'content-type': 'application/json' },
});
const ENTRANCES: Readonly<Record<string, Entrance>> = {
  '/mcp': {
    request: () => modern(world.token, 'tools/call', { name: 'rec__act' }),
    around: around(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rec__act","arguments":',
      `,${META}}}`,
    ),
  },
  '/v1/actions': {
    request: () => json('/v1/actions', world.token),
    around: around('{"action":"own.act","arguments":', '}'),
  },
  '/access/v1/evaluation': {
    request: () => json('/access/v1/evaluation', world.token),
    around: around(
      '{"subject":{"type":"agent","id":"attacker"},"resource":{"type":"thing","id":"1"},"action":{"name":"own.act","properties":',
      '}}',
    ),
  },
  '/v1/policies/evaluate': {
    request: () => json('/v1/policies/evaluate', world.server.adminKey),
    around: around('{"agent":"attacker","action":"own.act","arguments":', '}'),
  },
};

const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const members = (count: number): string => `{${Array.from({ length: count }, (_, n) => `"k${n}":0`).join(',')}}`;

/** Each beside what it imitates. */
const PAIRS: Readonly<Record<string, readonly [refused: string | Buffer, fine: string]>> = {
  'a repeated key': ['{"a":1,"a":1}', '{"a":1,"A":1}'],
  'a repeated key behind an escape': ['{"amount":1,"\\u0061mount":900}', '{"amount":1,"\\u0062mount":900}'],
  'a repeated key at depth': ['{"o":[{"p":{"q":1,"q":2}}]}', '{"o":[{"p":{"q":1,"r":2}}]}'],
  'a repeated empty key': ['{"":1,"":2}', '{"":1," ":2}'],
  'a half surrogate': ['{"a":"\\ud800"}', '{"a":"\\ud83d\\ude00"}'],
  'surrogates the wrong way round': ['{"a":"\\ude00\\ud83d"}', '{"a":"\\ud83d\\ude00"}'],
  'a half surrogate as a key': ['{"\\udfff":1}', '{"\\ud83d\\ude00":1}'],
  'an integer beyond 2^53': ['{"a":9007199254740993}', '{"a":9007199254740991}'],
  'a negative one': ['{"a":-9007199254740993}', '{"a":-9007199254740991}'],
  'a number beyond every double': ['{"a":1e400}', '{"a":1e4}'],
  'a number below every double': ['{"a":1e-400}', '{"a":1e-4}'],
  'more digits than a double has': ['{"a":0.12345678901234567891}', '{"a":0.12345678901234568}'],
  NaN: ['{"a":NaN}', '{"a":"NaN"}'],
  Infinity: ['{"a":-Infinity}', '{"a":"-Infinity"}'],
  'a leading zero': ['{"a":01}', '{"a":0.1}'],
  hexadecimal: ['{"a":0x10}', '{"a":"0x10"}'],
  'a trailing comma': ['{"a":1,}', '{"a":1}'],
  'a comment': ['{"a":1/*,"b":2*/}', '{"a":"1/*,b:2*/"}'],
  'single quotes': ["{'a':1}", '{"a":"\'"}'],
  'a line break in a string': ['{"a":"\n"}', '{"a":"\\n"}'],
  'an escape that is none': ['{"a":"\\x41"}', '{"a":"\\u0041"}'],
  '65 levels and more': [`{"a":${nested(64)}}`, `{"a":${nested(32)}}`],
  '10,000 levels': [`{"a":${nested(10_000)}}`, '{"a":[]}'],
  '10,000 levels without an end': [`{"a":${'['.repeat(10_000)}`, '{"a":[]}'],
  'more than 10,000 members': [members(10_001), members(2_000)],
  'a string of more than 256 KiB': [`{"a":"${'x'.repeat(256 * 1024 + 1)}"}`, `{"a":"${'x'.repeat(1024)}"}`],
  'a byte that is no UTF-8': [Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]), '{"a":"\u00ff"}'],
  'an overlong slash': [Buffer.from('7b2261223a22c0af227d', 'hex'), '{"a":"/"}'],
  'a surrogate in UTF-8': [Buffer.from('7b2261223a22eda080227d', 'hex'), '{"a":"\ufffd"}'],
};

describe.each(Object.entries(ENTRANCES))('%s', (_path, entrance) => {
  const post = (body: Buffer) => send(world.port, { ...entrance.request(), body });

  it.each(Object.entries(PAIRS))('%s', async (_name, [refused, fine]) => {
    const before = world.recorder.calls.length;
    const bad = await post(entrance.around(Buffer.from(refused)));
    expect([bad.status, world.recorder.calls.length]).toEqual([400, before]);
    const good = await post(entrance.around(Buffer.from(fine)));
    expect(good.status).toBe(200);
    expect(good.text).not.toContain('"error"');
  });

  it('whole documents', async () => {
    const good = entrance.around(Buffer.from('{}'));
    const text = good.toString();
    const bad = [
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), good]),
      Buffer.from(text, 'utf16le'),
      Buffer.from(`${text}{}`),
      Buffer.from(`${text}\0`),
      Buffer.from(`[${text}]`),
      Buffer.from(text.replace('{', '{"a":1,"a":2,')),
      Buffer.from(`${text.slice(0, -1)}`),
      Buffer.from('null'),
      Buffer.from('"text"'),
      Buffer.from('[]'),
    ];
    for (const body of bad)
      expect([body.toString().slice(0, 40), (await post(body)).status]).toEqual([expect.anything(), 400]);
    expect((await post(good)).status).toBe(200);
  });

  it('more bytes than allowed, declared or not', async () => {
    const { headers } = entrance.request();
    const large = entrance.around(Buffer.from(JSON.stringify({ a: Array(5).fill('x'.repeat(250_000)) })));
    expect((await post(large)).status).toBe(413);
    const chunked = await send(world.port, {
      ...entrance.request(),
      headers: { ...headers, 'transfer-encoding': 'chunked' },
      body: large,
    });
    expect(chunked.status).toBe(413);
    expect(
      (await post(entrance.around(Buffer.from(JSON.stringify({ a: Array(3).fill('x'.repeat(250_000)) }))))).status,
    ).toBe(200);
  });

  it('a content encoding', async () => {
    const { headers } = entrance.request();
    const { gzipSync } = await import('node:zlib');
    for (const encoding of ['gzip', 'deflate', 'br', 'GZIP', 'identity, gzip']) {
      const body = gzipSync(entrance.around(Buffer.from('{}')));
      const answer = await send(world.port, {
        ...entrance.request(),
        headers: { ...headers, 'content-encoding': encoding },
        body,
      });
      expect([400, 415]).toContain(answer.status);
    }
  });
});

describe('the envelope of JSON-RPC', () => {
  const fine = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rec__act","arguments":{"n":1},${META}}}`;
  it.each([
    ['a second method', ['"method"', '"method":"ping","method"']],
    ['a second method behind an escape', ['"method"', '"\\u006dethod":"ping","method"']],
    ['a second id', ['"id":1', '"id":1,"id":2']],
    ['second params', ['"params"', '"params":{},"params"']],
    ['a second name', ['"name"', '"name":"rec__hidden","name"']],
    ['a second name behind an escape', ['"name"', '"n\\u0061me":"rec__hidden","name"']],
    ['second arguments', ['"arguments"', '"arguments":{},"arguments"']],
    ['another jsonrpc', ['"2.0"', '2.0']],
    ['an id that is no id', ['"id":1', '"id":null']],
    ['a broken id', ['"id":1', '"id":1.5']],
    ['an id that is an object', ['"id":1', '"id":{"toString":1}']],
    ['an id beyond safe integers', ['"id":1', '"id":9007199254740993']],
    ['a method that is no text', ['"tools/call"', '["tools/call"]']],
    ['a result beside the method', ['"id":1', '"id":1,"result":{}']],
    ['params that are a list', ['"params":{', '"params":[{']],
  ] as const)('%s', async (_name, [part, instead]) => {
    const before = world.recorder.calls.length;
    const request = modern(world.token, 'tools/call', { name: 'rec__act' });
    const bad = await send(world.port, { ...request, body: fine.replace(part, instead) });
    expect([bad.status, world.recorder.calls.length]).toEqual([400, before]);
    expect((await send(world.port, { ...request, body: fine })).status).toBe(200);
    expect(world.recorder.calls.length).toBe(before + 1);
  });
});

it('is named to whoever sent it: a code, a cause and a remedy', async () => {
  const answer = await send(world.port, {
    ...json('/v1/actions', world.token),
    body: '{"action":"own.act","action":"own.hidden"}',
  });
  expect(answer.json).toMatchObject({
    error: {
      code: 'json_duplicate_key',
      cause: expect.any(String),
      remedy: expect.any(String),
      request_id: expect.any(String),
    },
  });
});

it('costs no time out of proportion, whatever the arguments repeat', async () => {
  const hostile = [
    'eyJ-',
    'Bearer ',
    'hk_agt_',
    '://a:',
    '-----BEGIN ',
    'xoxb-',
    'sk-',
    'ghp_',
    '_key',
    '\\"',
    '\u00e9',
    'a@',
  ];
  for (const piece of hostile) {
    const text = piece.repeat(Math.floor(120_000 / Buffer.byteLength(piece)));
    const startedAt = performance.now();
    expect((await world.tool('rec__act', { [text.slice(0, 60_000)]: text, password: text })).status).toBe(200);
    expect([piece, performance.now() - startedAt < 1_000]).toEqual([piece, true]);
  }
});
