/** Money, domains, paths, durations and windows. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WindowDemand } from '../src/index.ts';
import { MemoryWindows } from '../src/testing/memory-windows.ts';
import { domainMatcher, domainOf, domainPattern } from '../src/values/domain.ts';
import { durationInWords, parseDuration } from '../src/values/duration.ts';
import { currencyOf, exponentOf, formatMoney, parseMoney, toMinor } from '../src/values/money.ts';
import { isCleanPath, isUnder } from '../src/values/path.ts';

const currency = fc.constantFrom('USD', 'EUR', 'JPY', 'KWD', 'CLF', 'GBP');
const minor = fc.maxSafeNat();

/** Exact, by big integers. */
function decimal(amount: number, exponent: number): string {
  const unit = 10n ** BigInt(exponent);
  const fraction = (BigInt(amount) % unit).toString().padStart(exponent, '0');
  return `${BigInt(amount) / unit}${exponent === 0 ? '' : `.${fraction}`}`;
}

describe('money', () => {
  it('reads a decimal text exactly, up to 2^53 - 1', () => {
    fc.assert(
      fc.property(minor, currency, (amount, code) => {
        const exponent = exponentOf(code) ?? 0;
        expect(toMinor(decimal(amount, exponent), exponent)).toBe(amount);
      }),
    );
  });

  it('reads a number as it is written', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10_000_000_000 }), currency, (amount, code) => {
        const exponent = exponentOf(code) ?? 0;
        expect(toMinor(Number(decimal(amount, exponent)), exponent)).toBe(amount);
      }),
    );
  });

  it('says of text and number the same', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: 0, max: 1e15 }), currency, (amount, code) => {
        const exponent = exponentOf(code) ?? 0;
        if (!String(amount).includes('e')) expect(toMinor(String(amount), exponent)).toBe(toMinor(amount, exponent));
      }),
    );
  });

  it('prints what it reads', () => {
    fc.assert(
      fc.property(minor, currency, (amount, code) => {
        expect(parseMoney(formatMoney(amount, code))).toEqual({ currency: code, minor: amount });
      }),
    );
  });

  it('is never negative, never beyond 2^53 - 1, never a fraction', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double(), fc.string(), fc.bigInt().map(String)),
        fc.integer({ min: 0, max: 4 }),
        (given, exponent) => {
          const amount = toMinor(given, exponent);
          if (typeof amount === 'number')
            expect(Number.isSafeInteger(amount) && !Object.is(amount, -0) && amount >= 0).toBe(true);
        },
      ),
    );
  });

  it.each([
    [-1, 'negative'],
    ['-1', 'negative'],
    [1.001, 'too_precise'],
    [1e-7, 'too_precise'],
    ['1.001', 'too_precise'],
    [2 ** 53, 'overflow'],
    ['90071992547409.92', 'overflow'],
    ['99999999999999999999', 'overflow'],
    [Number.NaN, 'not_a_number'],
    [Number.POSITIVE_INFINITY, 'not_a_number'],
    ['', 'not_a_number'],
    ['01', 'not_a_number'],
    ['.5', 'not_a_number'],
    ['5.', 'not_a_number'],
    ['+5', 'not_a_number'],
    [' 5', 'not_a_number'],
    ['5\n', 'not_a_number'],
    ['1,000', 'not_a_number'],
    ['1e3', 'not_a_number'],
    ['0x10', 'not_a_number'],
    ['٥', 'not_a_number'],
    ['５', 'not_a_number'],
  ])('refuses %j in cents as %s', (given, fault) => {
    expect(toMinor(given, 2)).toBe(fault);
  });

  it.each([
    ['$500', 'USD', 50_000],
    ['$5,000.50', 'USD', 500_050],
    ['€ 9.5', 'EUR', 950],
    ['£1', 'GBP', 100],
    ['500 JPY', 'JPY', 500],
    ['KWD 1.005', 'KWD', 1_005],
  ])('reads the limit %s', (text, code, amount) => {
    expect(parseMoney(text)).toEqual({ currency: code, minor: amount });
  });

  it.each(['500', '$', '$-5', '-$5', '$5,00', '$1,0000', '¥5', 'usd 5', '5 usd', '$5 USD', 'USD5', '$5k'])(
    'does not take %s for money',
    (text) => {
      expect(typeof parseMoney(text)).not.toBe('object');
    },
  );

  it('knows a unit of money by its currency', () => {
    expect(currencyOf('usd')).toBe('USD');
    expect(currencyOf('USD')).toBeUndefined();
    expect(currencyOf('records_read')).toBeUndefined();
    expect(exponentOf('constructor')).toBeUndefined();
  });
});

describe('domains', () => {
  it('match as a suffix at a dot, and not otherwise', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
    const name = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(
        fc.array(name, { minLength: 1, maxLength: 4 }),
        fc.array(name, { maxLength: 4 }),
        name,
        (exact, below, asked) => {
          const matches = domainMatcher([...exact, ...below.map((each) => `*.${each}`)]);
          expect(matches(asked)).toBe(exact.includes(asked) || below.some((each) => asked.endsWith(`.${each}`)));
        },
      ),
    );
  });

  it('are ASCII host names in small letters, whatever is given', () => {
    fc.assert(
      fc.property(
        fc
          .array(
            fc.oneof(
              fc.string({ maxLength: 3 }),
              fc.constantFrom('https://', 'Acme.com', '@', '.', '/', 'a', '-', ':80'),
            ),
            { maxLength: 6 },
          )
          .map((parts) => parts.join('')),
        (text) => {
          const domain = domainOf(text);
          if (domain !== undefined) {
            expect(domain).toMatch(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+$/);
            expect(text.toLowerCase()).toContain(domain);
            expect(domainPattern(domain)).toBe(domain);
          }
        },
      ),
    );
  });

  it('are what the platform takes a web address to lead to', () => {
    const odd = fc.constantFrom(
      '',
      '@',
      ':',
      '/',
      '\\',
      '#',
      '?',
      '%40',
      '%2e',
      '\t',
      '.',
      '。',
      'evil.example',
      'acme.com',
    );
    fc.assert(
      fc.property(fc.array(odd, { maxLength: 6 }), (parts) => {
        const text = `https://${parts.join('')}`;
        const domain = domainOf(text);
        if (domain !== undefined) expect(new URL(text).hostname).toBe(domain);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('paths', () => {
  it('are under a folder only where every program would look there', () => {
    const part = fc.constantFrom('srv', 'reports', '..', '.', '', 'etc', '%2e%2e', 'a\\b', 'ä', '...');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const path = `/${parts.join('/')}`;
        if (!isCleanPath(path)) return;
        const resolved = new URL(`file://${encodeURI(path)}`).pathname;
        expect(decodeURI(resolved)).toBe(path);
        expect(isUnder(path, '/srv')).toBe(path === '/srv' || path.startsWith('/srv/'));
      }),
    );
  });
});

describe('durations', () => {
  it.each([
    ['90s', 90],
    ['15m', 900],
    ['24h', 86_400],
    ['7d', 604_800],
    ['2w', 1_209_600],
  ])('%s', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['0s', '1', 's', '1.5h', '-1h', '1 h', '367d', '999999999w', '1h30m'])('refuses %s', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each([
    [1, 'second'],
    [60, 'minute'],
    [90, '90 seconds'],
    [3_600, 'hour'],
    [86_400, '24 hours'],
    [604_800, '7 days'],
  ])('%i reads as %s', (seconds, words) => {
    expect(durationInWords(seconds)).toBe(words);
  });
});

describe('windows in memory', () => {
  it('never hold more than the limit, in any window at any instant, and say when there is room', () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 40 }), amount: fc.integer({ min: 1, max: 6 }) });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 60 }),
        (steps, limit, windowSeconds) => {
          const windows = new MemoryWindows();
          const allowed: { readonly at: number; readonly amount: number }[] = [];
          let now = 0;
          for (const { wait, amount } of steps) {
            now += wait;
            const demand: WindowDemand = {
              key: 'k',
              guardId: 'g',
              origin: 'r',
              sentence: '',
              kind: 'sum',
              windowSeconds,
              limit,
              amount,
              effect: 'allow',
              otherwise: 'deny',
            };
            const { used, freesInSeconds } = windows.usage(demand, now);
            if (used + amount <= limit) {
              windows.charge([{ key: 'k', amount, keepSeconds: windowSeconds }], now);
              allowed.push({ at: now, amount });
            } else if (amount <= limit) {
              const after = freesInSeconds ?? 0;
              expect(windows.usage(demand, now + after).used + amount).toBeLessThanOrEqual(limit);
              expect(windows.usage(demand, now + after - 1).used + amount).toBeGreaterThan(limit);
            } else expect(freesInSeconds).toBeUndefined();
          }
          for (const { at } of allowed) {
            const inside = allowed.filter((each) => each.at > at - windowSeconds && each.at <= at);
            expect(inside.reduce((sum, each) => sum + each.amount, 0)).toBeLessThanOrEqual(limit);
          }
        },
      ),
    );
  });
});
