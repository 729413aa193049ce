import { parseJson } from '@hivekey/action-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson, type StrictJsonCode } from '../../src/gateway/strict-json.ts';

const parse = (text: string | Buffer) => parseStrictJson(typeof text === 'string' ? Buffer.from(text) : text);

/** Values a strict document may hold: numbers within the safe range, any well-formed string. */
const value = fc.jsonValue({ stringUnit: 'binary', depthSize: 'medium' }).filter((candidate) => parsable(candidate));

function parsable(candidate: unknown): boolean {
  if (typeof candidate === 'number') return Math.abs(candidate) <= Number.MAX_SAFE_INTEGER;
  if (Array.isArray(candidate)) return candidate.every(parsable);
  return typeof candidate !== 'object' || candidate === null || Object.values(candidate).every(parsable);
}

/** Writes every character of every string as \uXXXX: the most escaped form of the same document. */
function escapeAll(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"/g, (token) => {
    const units = JSON.parse(token).split('');
    return `"${units.map((unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
  });
}

describe('a valid document', () => {
  it('reads as JSON.parse reads it', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, '\t'), (document, indent) => {
        const text = JSON.stringify(document, null, indent);
        expect(parse(text)).toEqual({ ok: true, value: parseJson(text) });
      }),
    );
  });

  // A bug of V8 gave the second document the key of the first (action-log/src/parse-json.ts).
  it('has the keys that it is written with, whatever was sent before', () => {
    parse('{"to":0,"am\\\\u00":1}');
    expect(parse('{"to":0,"am\\u006funt":1}')).toEqual({ ok: true, value: { to: 0, amount: 1 } });
    parse('{"to":0,"\\\\":1}');
    expect(parse('{"to":0,"\\"":1}')).toEqual({ ok: true, value: { to: 0, '"': 1 } });
  });

  it('reads the same with every character escaped', () => {
    fc.assert(
      fc.property(value, (document) => {
        const text = JSON.stringify(document);
        expect(parse(escapeAll(text))).toEqual({ ok: true, value: parseJson(text) });
      }),
    );
  });

  it('keeps every double in the safe range', () => {
    const double = fc.double({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, noNaN: true });
    fc.assert(
      fc.property(double, (number) => {
        const text = `[${JSON.stringify(number)},${number.toExponential()}]`;
        expect(parse(text)).toEqual({ ok: true, value: parseJson(text) });
      }),
    );
  });

  it.each([
    '0',
    '-0',
    '1.0',
    '1.50',
    '100e-2',
    '1E2',
    '1e+2',
    '0.1',
    '9007199254740991',
    '-9007199254740991',
    '0e999',
    '123456789012345.5',
  ])('accepts the number %s', (text) => {
    expect(parse(text)).toEqual({ ok: true, value: parseJson(text) });
  });

  it('gives __proto__ no power', () => {
    const result = parse('{"__proto__":{"polluted":true},"a":1}');
    if (!result.ok || typeof result.value !== 'object' || result.value === null) throw new Error('expected an object');
    expect(Object.getPrototypeOf(result.value)).toBe(Object.prototype);
    expect(Object.hasOwn(result.value, '__proto__')).toBe(true);
    expect('polluted' in {}).toBe(false);
    expect(Reflect.get(result.value, 'polluted')).toBeUndefined();
  });
});

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

const refusals: readonly (readonly [string, string | Buffer, StrictJsonCode])[] = [
  ['nothing', '', 'json_syntax'],
  ['blank', ' \n', 'json_syntax'],
  ['trailing data', '{} {}', 'json_syntax'],
  ['a trailing comma', '[1,]', 'json_syntax'],
  ['a comment', '{/*x*/}', 'json_syntax'],
  ['NaN', '[NaN]', 'json_syntax'],
  ['an open string', '["abc', 'json_syntax'],
  ['an open escape', '["abc\\', 'json_syntax'],
  ['a bad escape', '["\\x41"]', 'json_syntax'],
  ['a short unicode escape', '["\\u12"]', 'json_syntax'],
  ['a raw control character', '["\u0001"]', 'json_syntax'],
  ['a leading zero', '[01]', 'json_syntax'],
  ['a leading plus', '[+1]', 'json_syntax'],
  ['a NUL byte after the value', '{}\u0000', 'json_syntax'],
  ['a byte order mark', Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), 'json_byte_order_mark'],
  ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'json_syntax'],
  ['a broken sequence', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'json_invalid_utf8'],
  ['an overlong quote', Buffer.from([0x22, 0xc0, 0xa2, 0x22]), 'json_invalid_utf8'],
  ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'json_invalid_utf8'],
  ['a repeated key', '{"a":1,"a":1}', 'json_duplicate_key'],
  ['a repeated key behind an escape', '{"name":1,"n\\u0061me":2}', 'json_duplicate_key'],
  ['a repeated key in the depth', '[{"a":[{"b":1,"c":2,"b":3}]}]', 'json_duplicate_key'],
  ['a repeated __proto__', '{"__proto__":1,"__proto__":2}', 'json_duplicate_key'],
  ['a repeated index key', '{"1":1,"\\u0031":2}', 'json_duplicate_key'],
  ['depth 65', nested(65), 'json_too_deep'],
  ['depth 300,000', nested(300_000), 'json_too_deep'],
  ['an integer beyond the safe range', '[9007199254740992]', 'json_number_unsafe'],
  ['a negative integer beyond the safe range', '[-9007199254740992]', 'json_number_unsafe'],
  ['a safe value written as an unsafe integer', '[9007199254740993]', 'json_number_unsafe'],
  ['an infinite number', '[1e400]', 'json_number_unsafe'],
  ['a large exponent', '[1e16]', 'json_number_unsafe'],
  ['a number that vanishes', '[1e-400]', 'json_number_unsafe'],
  ['a number with too many digits', '[0.1234567890123456789]', 'json_number_unsafe'],
  ['a fraction that is rounded away', '[4503599627370496.25]', 'json_number_unsafe'],
  ['a lone high surrogate', '["\\ud800"]', 'json_lone_surrogate'],
  ['a lone low surrogate', '["\\udc00"]', 'json_lone_surrogate'],
  ['a high surrogate before a letter', '["\\ud800a"]', 'json_lone_surrogate'],
  ['two high surrogates', '["\\ud800\\ud800"]', 'json_lone_surrogate'],
  ['a lone surrogate in a key', '{"\\ud800":1}', 'json_lone_surrogate'],
  ['a long string', `"${'x'.repeat(256 * 1024 + 1)}"`, 'json_string_too_long'],
  ['many keys', `{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":0`).join()}}`, 'json_too_many_keys'],
  ['a large document', `[${' '.repeat(1024 * 1024)}]`, 'json_too_large'],
];

describe('a document that is refused', () => {
  it.each(refusals)('%s', (_name, text, code) => {
    const result = parse(text);
    expect(result).toMatchObject({ ok: false, code });
    if (!result.ok) expect(result.cause.length > 0 && result.remedy.length > 0).toBe(true);
  });

  it('accepts what stands exactly at each limit', () => {
    expect(parse(nested(64)).ok).toBe(true);
    expect(parse(`"${'x'.repeat(256 * 1024)}"`).ok).toBe(true);
    expect(parse(`{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":0`).join()}}`).ok).toBe(true);
    expect(parse(`[${' '.repeat(1024 * 1024 - 2)}]`).ok).toBe(true);
  });

  it('names the place of a repeated key', () => {
    expect(parse('{"a":{"x":1},"b":{"x":1,"x":2}}')).toMatchObject({ offset: 24 });
  });

  it('refuses any object that repeats one of its keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value, { minKeys: 1 }), fc.nat(), value, (object, pick, extra) => {
        const keys = Object.keys(object);
        const key = JSON.stringify(keys[pick % keys.length]);
        const text = `${JSON.stringify(object).slice(0, -1)},${escapeAll(key)}:${JSON.stringify(extra)}}`;
        expect(parse(text)).toMatchObject({ ok: false, code: 'json_duplicate_key' });
      }),
    );
  });

  it('never accepts what JSON.parse refuses, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().chain((text) => fc.nat(text.length).map((at) => text.slice(0, at))),
        ),
        (text) => {
          if (!parse(text).ok) return;
          expect(() => JSON.parse(text)).not.toThrow();
        },
      ),
    );
  });

  it('answers for arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(typeof parse(Buffer.from(bytes)).ok).toBe('boolean');
      }),
    );
  });
});
