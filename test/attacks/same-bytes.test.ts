/** What a guard decides on, what the log's digest covers and what the upstream receives are the same bytes. */
import { createHmac } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { JsonValue } from '@hivekey/policy';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadServerKeys } from '../../packages/server/src/identity/keys.ts';
import { eventually } from '../../packages/server/test/actions/workspace.ts';
import { initialize, legacy, modern, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { openWorld, type World } from './world.ts';

const LIMIT = 100;
let world: World;
let session: string;
beforeAll(async () => {
  world = await openWorld();
  const small = {
    id: 'small',
    action: 'rec.act',
    when: { field: 'amount', lte: LIMIT },
    effect: 'allow',
    otherwise: 'deny',
  };
  await world.role('user', ['rec.act', 'rec.note', 'own.act'], [small]);
  ({ session } = await initialize(world.port, world.token));
});
afterAll(() => world.close());

/** Picks one of several spellings, from a list that fast-check made. */
type Pick = (options: number) => number;

function pickFrom(choices: readonly number[]): Pick {
  let at = 0;
  return (options) => {
    at += 1;
    return (choices[at % choices.length] ?? 0) % options;
  };
}

const SHORT: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '\b': '\\b',
  '\f': '\\f',
  '"': '\\"',
  '\\': '\\\\',
};

function spellText(text: string, pick: Pick): string {
  const units = Array.from({ length: text.length }, (_, n) => text.charAt(n));
  const isPlain = (unit: string): boolean => /[\x20-\x7e]/.test(unit) && SHORT[unit] === undefined;
  const spelled = units.map((unit) => {
    const code = unit.charCodeAt(0).toString(16).padStart(4, '0');
    if (pick(3) === 0) return `\\u${pick(2) === 0 ? code : code.toUpperCase()}`;
    if (unit === '/') return pick(2) === 0 ? '/' : '\\/';
    return isPlain(unit) ? unit : (SHORT[unit] ?? `\\u${code}`);
  });
  return `"${spelled.join('')}"`;
}

function spellNumber(value: number, pick: Pick): string {
  const plain = Object.is(value, -0) ? '-0' : String(value);
  if (plain.includes('e')) return pick(2) === 0 ? plain : plain.replace('e', 'E');
  switch (pick(4)) {
    case 0:
      return plain.includes('.') ? `${plain}0` : `${plain}.0`;
    case 1:
      return `${plain}e0`;
    case 2:
      return `${plain}E+00`;
    default:
      return plain;
  }
}

/** One of the many ways to write a value as JSON. */
function spell(value: JsonValue, pick: Pick): string {
  const blank = ['', ' ', '\n', '\t\r\n '][pick(4)] ?? '';
  if (typeof value === 'string') return spellText(value, pick) + blank;
  if (typeof value === 'number') return spellNumber(value, pick) + blank;
  if (value === null || typeof value === 'boolean') return `${blank}${value}`;
  if (Array.isArray(value)) return `[${blank}${value.map((item) => spell(item, pick)).join(`,${blank}`)}]`;
  const members = Object.entries(value).sort(() => pick(3) - 1);
  return `{${blank}${members.map(([name, item]) => `${spellText(name, pick)}${blank}:${spell(item, pick)}`).join(',')}}`;
}

const text = fc.string({ unit: 'binary', maxLength: 12 });
const number = fc.oneof(
  fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
);
const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '1', '10', '9')), tie('value'), {
      maxKeys: 4,
    }),
  ),
}));
const cases = fc.record({
  amount: fc.oneof(number, fc.integer({ min: 0, max: 2 * LIMIT }), anyValue),
  rest: fc.dictionary(text, anyValue, { maxKeys: 4 }),
  choices: fc.array(fc.nat(), { minLength: 1, maxLength: 40 }),
  isLegacy: fc.boolean(),
});

it('holds for every spelling of every argument, in both eras', { timeout: 60_000 }, async () => {
  const digestKey = loadServerKeys(world.server.config.data, undefined).digest;
  const [row] = await world.sql('SELECT id FROM workspaces');
  const digestOf = (json: string): string =>
    `hmac-sha256:${createHmac('sha256', digestKey).update(String(row?.id)).update('\0').update(json).digest('hex')}`;
  const expected: string[] = [];

  await fc.assert(
    fc.asyncProperty(cases, async ({ amount, rest, choices, isLegacy }) => {
      const args: { [name: string]: JsonValue } = { ...rest, amount };
      const spelled = spell(args, pickFrom(choices));
      const request = isLegacy
        ? legacy(world.token, session, {
            id: 1,
            method: 'tools/call',
            params: { name: 'rec__act', arguments: { here: 1 } },
          })
        : modern(world.token, 'tools/call', { name: 'rec__act', arguments: { here: 1 } });
      const before = world.recorder.calls.length;
      const answer = await send(world.port, {
        ...request,
        body: String(request.body).replace('{"here":1}', () => spelled),
      });
      expect(answer.status).toBe(200);

      const sent: { [name: string]: JsonValue } = JSON.parse(spelled);
      const canonical = canonicalJson(sent);
      expected.push(digestOf(canonical));
      // What is no amount, or too large a one, is never forwarded.
      const isSmall = typeof sent.amount === 'number' && sent.amount >= 0 && sent.amount <= LIMIT;
      expect(world.recorder.calls.length - before).toBe(isSmall ? 1 : 0);
      if (isSmall) expect(world.recorder.calls.at(-1)?.bytes).toContain(`"arguments":${canonical}`);
    }),
    { numRuns: 150, seed: 20_261_125 },
  );

  const recorded = await eventually(async () => {
    const rows = await world.sql(
      `SELECT record ->> 'args_digest' AS digest FROM actions WHERE kind = 'tool.call' AND action = 'rec.act' ORDER BY agent_seq`,
    );
    return rows.length === expected.length ? rows.map(({ digest }) => digest) : undefined;
  });
  expect(recorded).toEqual(expected);
});

it('nothing else of the request reaches the upstream', async () => {
  const request = modern(
    world.token,
    'tools/call',
    {
      name: 'rec__act',
      arguments: { amount: 1 },
      extra: 'smuggled-1',
      task: { ttl: 1 },
      inputResponses: { a: { content: 'smuggled-9' } },
    },
    {
      meta: {
        progressToken: 'smuggled-2',
        'acme/secret': 'smuggled-3',
        'io.modelcontextprotocol/clientInfo': { name: 'smuggled-4', version: '1' },
      },
    },
  );
  const headers = {
    ...request.headers,
    'x-forwarded-for': 'smuggled-5',
    cookie: 'a=smuggled-6',
    'user-agent': 'smuggled-7',
    'mcp-session-id': 'smuggled-8',
  };
  expect((await send(world.port, { ...request, headers })).json).toHaveProperty('result');
  const arrived = world.recorder.calls.at(-1);
  const all = JSON.stringify([arrived?.bytes, arrived?.headers]);
  expect(all.match(/smuggled-[1-8]/g)).toBeNull();
  expect(all).not.toContain(world.token);
  expect(all).toContain('"amount');
});
