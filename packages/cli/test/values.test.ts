import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printable } from '../src/output.ts';
import { duration, jsonObject, moment, pair, wholeNumber } from '../src/values.ts';

describe('durations', () => {
  test.each([
    ['45s', 45],
    ['30m', 1800],
    ['12h', 43_200],
    ['90d', 7_776_000],
    ['2w', 1_209_600],
  ])('%s is %i seconds', (text, seconds) => expect(duration(text)).toBe(seconds));

  test.each(['', '90', 'd', '1.5h', '-1h', '1y', '1h30m', '9999999999s'])('%s is refused', (text) =>
    expect(() => duration(text)).toThrow(),
  );
});

describe('moments', () => {
  test('a date is midnight UTC', () => expect(moment('2026-04-01')).toBe('2026-04-01T00:00:00.000Z'));
  test('a duration is that long ago', () => {
    const then = Date.parse(moment('24h'));
    const ago = Date.now() - then;
    expect(ago).toBeGreaterThanOrEqual(86_400_000);
    expect(ago).toBeLessThan(86_460_000);
  });
  test.each(['', 'yesterday', '1', '2026-13-01', '01/02/2026'])('%s is refused', (text) =>
    expect(() => moment(text)).toThrow(),
  );
});

test('whole numbers are whole and exact', () => {
  expect(wholeNumber('50')).toBe(50);
  for (const text of ['', '-1', '1.5', '1e3', '9007199254740993', 'x']) expect(() => wholeNumber(text)).toThrow();
});

test('pairs keep what follows the first equals sign', () => {
  expect(pair('A=b=c', { Z: 'y' })).toEqual({ Z: 'y', A: 'b=c' });
  for (const text of ['A', '=b', '']) expect(() => pair(text)).toThrow();
});

test('arguments are a JSON object', () => {
  expect(jsonObject('{"amount": 40}')).toEqual({ amount: 40 });
  for (const text of ['', '[]', '1', 'null', '{']) expect(() => jsonObject(text)).toThrow();
});

test('whatever a server or an agent is named, it cannot steer the terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }),
  );
  expect(printable('\u001b[31mred\u202egnp.exe')).toBe('·[31mred·gnp.exe');
});
