/** Arguments that are written to slip past a guard, each list beside what the guard is there to let through. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from './world.ts';

let world: World;

interface Guarded {
  readonly guard: object;
  readonly fine: readonly unknown[];
  /** Refused, each of them. */
  readonly hostile: readonly unknown[];
}

const allow = (when: object): object => ({ when, effect: 'allow', otherwise: 'deny' });
const forbid = (when: object): object => ({ when, effect: 'deny' });
const nothing = Symbol('no argument');

/** By the argument that the guard reads. */
const GUARDS: Readonly<Record<string, Guarded & { readonly argument: string }>> = {
  'money under a limit': {
    argument: 'amount',
    guard: allow({ field: 'amount', lte: '$100' }),
    fine: [0, 1, 100, 0.01, 99.99, '100', '0.10', '100.00'],
    hostile: [
      ...[
        100.01,
        100.001,
        1e15,
        9007199254740991,
        -1,
        -0.01,
        -1e15,
        1e-7,
        '100.01',
        '1e2',
        '0x10',
        ' 5',
        '5 ',
        '+5',
        '-5',
        '05',
      ],
      ...[
        '5,0',
        '1,000',
        '٥',
        '５',
        'NaN',
        'Infinity',
        '$5',
        '5 USD',
        '',
        '\u00005',
        '5\n',
        '5\u200b',
        '--5',
        '.5',
        '5.',
      ],
      ...[[5], [], { amount: 5 }, { valueOf: 5 }, true, false, null, nothing, '9'.repeat(400), `0.${'0'.repeat(400)}1`],
    ],
  },
  'recipients of one domain': {
    argument: 'to',
    guard: allow({ field: 'to.domain', in: ['acme.com', '*.acme.io'] }),
    fine: ['a@acme.com', 'A <a@acme.com>', ['a@acme.com', 'b@ACME.COM'], 'a@x.acme.io', 'a@acme.com, b@acme.com'],
    hostile: [
      ...[
        'a@evilacme.com',
        'a@acme.com.evil.com',
        'a@acme.com.',
        'a@.acme.com',
        'a@acme.io',
        'a@evilacme.io',
        'a@acme.io.evil.com',
      ],
      ...[
        'a@acme.com@evil.com',
        '"a@acme.com"@evil.com',
        '"x\\"@acme.com"@evil.com',
        'a@acme.com (b@evil.com)',
        'a(@acme.com)@evil.com',
      ],
      ...[
        '<a@acme.com> <b@evil.com>',
        'a@acme.com <b@evil.com>',
        'a@acme.com;b@evil.com',
        'a@acme.com b@evil.com',
        'a@acme.com\nb@evil.com',
      ],
      ...[
        'a@acme.com\r\nBcc: b@evil.com',
        'a%evil.com@acme.com',
        'evil.com!a@acme.com',
        '@evil.com:a@acme.com',
        'a@аcme.com',
        'a@acme。com',
      ],
      ...[
        'a@acme.com\u0000.evil.com',
        'a@acme\u00ad.com',
        'a@[127.0.0.1]',
        'a@127.0.0.1',
        'a@xn--cme-5cd.com',
        'group: a@acme.com;',
        'acme.com',
        '',
      ],
      ...[
        ['a@acme.com', 'b@evil.com'],
        ['a@acme.com', 5],
        ['a@acme.com', ['b@evil.com']],
        [{ email: 'a@acme.com' }],
        { 0: 'a@acme.com' },
      ],
      ...[
        7,
        true,
        null,
        [],
        nothing,
        'a@acme.com, b@evil.com',
        'a@acme.com,,b@evil.com',
        `${'a'.repeat(3_000)}@acme.com`,
      ],
    ],
  },
  'an address on the web': {
    argument: 'url',
    guard: allow({ field: 'url', domainIn: ['acme.com', '*.acme.io'] }),
    fine: ['https://acme.com/x', 'http://acme.com:8080', 'https://a.acme.io?x=1', 'acme.com'],
    hostile: [
      ...[
        'https://acme.com@evil.com',
        'https://acme.com:x@evil.com',
        'https://evil.com/acme.com',
        'https://evil.com#acme.com',
        'https://evil.com?acme.com',
      ],
      ...[
        'https://acme.com.evil.com',
        'https://evilacme.com',
        'https://acme.io',
        'https://acme.com\\@evil.com',
        'https:\\\\acme.com',
        'https:acme.com',
        '//acme.com',
      ],
      ...[
        'https://acme.com%2eevil.com',
        'https://acme.com%00.evil.com',
        'https://аcme.com',
        'https://acme。com',
        'https://ACME.com.',
        'ftp://acme.com',
        'javascript://acme.com/%0aalert(1)',
      ],
      ...[
        'https:// acme.com',
        ' https://acme.com',
        'https://acme.com\n.evil.com',
        'https://acme.com\t/',
        'https://[::ffff:1.2.3.4]',
        'https://0x7f.1',
        'file://acme.com/etc',
        nothing,
        null,
        ['https://acme.com', 'https://evil.com'],
      ],
    ],
  },
  'a path in a folder': {
    argument: 'path',
    guard: allow({ field: 'path', pathUnder: ['/srv/reports'] }),
    fine: ['/srv/reports', '/srv/reports/', '/srv/reports/a/b.txt', '/srv/reports/..a/b', '/srv/reports/é'],
    hostile: [
      ...[
        '/srv/reports/../x',
        '/srv/reports/..',
        '/srv/reports/./x',
        '/srv/reports//x',
        '//srv/reports/x',
        '/srv/reports/%2e%2e/x',
        '/srv/reports/%2E%2e/x',
      ],
      ...[
        '/srv/reports\\..\\x',
        '/srv/reports/..\\x',
        '/srv/reports/\u0000x',
        '/srv/reports/\u202e',
        '/srv/reports-old/x',
        '/srv/report',
        '/SRV/reports/x',
        'srv/reports/x',
      ],
      ...[
        './srv/reports/x',
        '~/srv/reports',
        'file:///srv/reports/x',
        '/srv/reports/x\n',
        ' /srv/reports/x',
        'C:/srv/reports',
        '',
        '/',
        '/etc/passwd',
        ['/srv/reports/a', '/etc/passwd'],
        7,
        null,
        nothing,
      ],
      `/srv/reports/${'a'.repeat(5_000)}`,
    ],
  },
  'one of a list': {
    argument: 'target',
    guard: allow({ field: 'target', in: ['staging', 'test'] }),
    fine: ['staging', ['staging', 'test']],
    hostile: [
      'production',
      'Staging',
      'staging ',
      'stagin\u0261',
      'ｓtaging',
      'staging\u200b',
      ['staging', 'production'],
      [['staging']],
      { toString: 'staging' },
      1,
      true,
      null,
      [],
      nothing,
      '',
    ],
  },
  'none of a list': {
    argument: 'target',
    guard: forbid({ field: 'target', in: ['production'] }),
    fine: ['staging', ['staging', 'test']],
    hostile: [
      'production',
      'Production',
      ' production',
      'production\u200b',
      'ｐroduction',
      'produc\u00adtion',
      ['staging', 'production'],
      ['production'],
      7,
      null,
      [],
      nothing,
      { a: 'production' },
    ],
  },
  'a pattern': {
    argument: 'sql',
    guard: allow({ field: 'sql', matches: '(a+)+b|select [a-z]+' }),
    fine: ['select x', 'aab'],
    hostile: [
      'a'.repeat(4_000),
      `${'a'.repeat(4_000)}!`,
      'select x; drop',
      'select x\n',
      'x select x',
      'SELECT x',
      'a'.repeat(200_000),
      5,
      null,
      ['select x', 'drop'],
      nothing,
    ],
  },
  'a number': {
    argument: 'rows',
    guard: allow({ field: 'rows', between: [1, 100] }),
    fine: [1, 100, 50.5, [1, 100]],
    hostile: [
      0,
      101,
      -1,
      100.0000001,
      '50',
      '1',
      true,
      [50, 101],
      [[50]],
      { rows: 50 },
      null,
      [],
      nothing,
      9007199254740991,
    ],
  },
};

beforeAll(async () => {
  world = await openWorld();
  await world.capability('pay.out', {
    impact: { usd: { field: 'amount', currency: 'USD', currency_field: 'currency' } },
  });
  await world.capability('pay.tip', { impact: { usd: { field: 'amount', currency: 'USD' } } });
});
afterAll(() => world.close());

let agents = 0;
/** An agent that may do `action` under these guards. */
async function agentUnder(action: string, ...guards: readonly object[]): Promise<string> {
  agents += 1;
  const role = `guarded-${agents}`;
  await world.role(
    role,
    [action],
    guards.map((guard, at) => ({ id: `g${at}`, action, ...guard })),
  );
  return (await world.agent(role, role)).token;
}

const verdict = async (token: string, action: string, args: object): Promise<string> => {
  const { status, json } = await world.ask(action, args, token);
  if (status === 400) return `refused at the door: ${JSON.stringify(json)}`;
  const { decision } = json as { decision?: { verdict: string } };
  return decision?.verdict ?? `no decision: ${JSON.stringify(json)}`;
};

describe.each(Object.entries(GUARDS))('%s', (name, { argument, guard, fine, hostile }) => {
  it('lets through what it is for, and nothing that only looks like it', async () => {
    const action = name.startsWith('money') ? 'pay.tip' : 'own.act';
    const token = await agentUnder(action, guard);
    const ask = (value: unknown) => verdict(token, action, value === nothing ? {} : { [argument]: value });
    for (const value of fine) expect([value, await ask(value)]).toEqual([value, 'allow']);
    for (const [at, value] of hostile.entries()) {
      const shown = value === nothing ? 'nothing' : JSON.stringify(value)?.slice(0, 80);
      expect([at, shown, await ask(value)]).toEqual([at, shown, 'deny']);
    }
  });
});

it('recipients are those of every key that a mailer may read', async () => {
  const token = await agentUnder('own.act', allow({ field: 'to.domain', in: ['acme.com'] }));
  const to = 'a@acme.com';
  expect(await verdict(token, 'own.act', { to, cc: [to], BCC: to })).toBe('allow');
  for (const key of ['cc', 'bcc', 'CC', 'Bcc', 'To', 'TO'])
    expect([key, await verdict(token, 'own.act', { to, [key]: 'b@evil.com' })]).toEqual([key, 'deny']);
});

it('money in two currencies is never added up or let through', async () => {
  const token = await agentUnder('pay.out', allow({ field: 'sum(usd, 1h)', lte: '$100' }));
  for (const currency of ['USD', 'usd', null])
    expect([currency, await verdict(token, 'pay.out', { amount: 1, currency })]).toEqual([currency, 'allow']);
  for (const currency of ['EUR', 'JPY', 'eur', 'USDT', 'USD ', 'ＵSD', '$', '', 'XAU', 840, ['USD'], { USD: 1 }, true])
    expect([currency, await verdict(token, 'pay.out', { amount: 1, currency })]).toEqual([currency, 'deny']);
});

it('a window is exact to the last cent, whatever order and spelling the amounts come in', {
  timeout: 60_000,
}, async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: -50, max: 4_000 }), { minLength: 3, maxLength: 6 }), async (cents) => {
      run += 1;
      const token = await agentUnder('pay.tip', allow({ field: 'sum(usd, 1h)', lte: '$60' }));
      let spent = 0;
      const answers = await Promise.all(
        cents.map(async (each, at) => {
          const amount = at % 2 === 0 ? each / 100 : (each / 100).toFixed(2);
          return { each, verdict: await verdict(token, 'pay.tip', { amount }) };
        }),
      );
      for (const { each, verdict: given } of answers) if (given === 'allow') spent += each;
      expect(spent).toBeLessThanOrEqual(6_000);
      expect(answers.filter(({ each, verdict: given }) => each < 0 && given === 'allow')).toEqual([]);
      // What was refused would not have fitted.
      const left = 6_000 - spent;
      expect(
        answers.filter(
          ({ each, verdict: given }) =>
            each >= 0 &&
            each <= left &&
            given !== 'allow' &&
            spent + each <= 6_000 &&
            answers.every((other) => other.verdict === 'allow' || other.each < 0),
        ),
      ).toEqual([]);
    }),
    { numRuns: 12, seed: 7 },
  );
  expect(run).toBeGreaterThanOrEqual(12);
});

it('the edge of a window is where it is said to be, and time that is set back frees nothing', async () => {
  const token = await agentUnder('own.act', allow({ field: 'count(1h)', lte: 2 }));
  expect([await verdict(token, 'own.act', {}), await verdict(token, 'own.act', {})]).toEqual(['allow', 'allow']);
  expect(await verdict(token, 'own.act', {})).toBe('deny');
  /** All entries as if they had been made so much later; a node that remembers the counter has to look again. */
  const shift = async (seconds: number): Promise<void> => {
    await world.sql('UPDATE window_entries SET at_us = at_us + $1 WHERE at_us > 0', [seconds * 1e6]);
    await world.sql('UPDATE window_counters SET last_at_us = last_at_us + $1, version = version + 1', [seconds * 1e6]);
  };
  // As if the clock had been set back: entries of the future still count.
  await shift(30 * 60);
  expect(await verdict(token, 'own.act', {})).toBe('deny');
  await shift(-89 * 60 - 50);
  expect(await verdict(token, 'own.act', {})).toBe('deny');
  await shift(-60);
  expect(await verdict(token, 'own.act', {})).toBe('allow');
});

it('a pattern covers what is below it, and nothing that begins like it', async () => {
  const inside = ['pay.out', 'pay.o', 'pay.out.more'];
  const outside = ['payx.out', 'own.act', 'xpay.out'];
  for (const name of [...inside, ...outside]) if (name !== 'pay.out') await world.capability(name, {});
  const frozen = { id: 'frozen', action: 'pay.*', when: { field: 'args.amount', exists: true }, effect: 'deny' };
  await world.role('frozen', [...inside, ...outside], [frozen]);
  const { token } = await world.agent('frozen', 'frozen');
  const ask = (action: string): Promise<string> => verdict(token, action, { amount: 1 });
  for (const action of inside) expect([action, await ask(action)]).toEqual([action, 'deny']);
  for (const action of outside) expect([action, await ask(action)]).toEqual([action, 'allow']);
  // Neither does a pattern of the caller's cover anything.
  for (const action of ['pay', 'pay.', 'pay.*', '*', 'own.*', 'PAY.out', 'pay..out'])
    expect([action, (await world.ask(action, {}, token)).status]).toEqual([action, 403]);
});
