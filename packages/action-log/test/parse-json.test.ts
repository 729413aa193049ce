import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../src/index.ts';

/** Every character of every key and string as an escape. */
function escapedText(value: unknown): string {
  const text = (each: string): string =>
    `"${Array.from({ length: each.length }, (_, i) => `\\u${each.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`;
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[ ${value.map(escapedText).join(' ,')} ]`;
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${text(key)}\n: ${escapedText(each)}`)
      .join(',')} }`;
  return JSON.stringify(value);
}

describe('JSON', () => {
  it.each([
    ['\\\\', '\\u0041', 'A'],
    ['\\\\', '\\"', '"'],
    ['\\\\', '\\n', '\n'],
    ['am\\\\u00', 'am\\u006funt', 'amount'],
    ['to\\\\', 'to\\u0073', 'tos'],
  ])('whose key was %s before, and is %s now, has the key that is written', (before, now, key) => {
    parseJson(`{"x":0,"${before}":0}`);
    const read = parseJson(`{"x":0,"${now}":1}`);
    expect(Object.keys(Object(read))).toEqual(['x', key]);
  });

  it('is read as it is written, however its keys are escaped and whatever was read before', () => {
    const json = fc.jsonValue({ maxDepth: 4, stringUnit: fc.constantFrom('\\', 'u', '0', 'a', '"', '\u202e', '\n') });
    fc.assert(
      fc.property(json, json, (before, value) => {
        parseJson(JSON.stringify(before));
        expect(parseJson(JSON.stringify(value))).toEqual(value);
        expect(parseJson(escapedText(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('gives the last of repeated members, and `__proto__` as a member', () => {
    expect(parseJson('{"\\u0061":1,"a":2}')).toEqual({ a: 2 });
    const read = parseJson('{"\\u005f_proto__":{"x":1}}');
    expect(Object.keys(Object(read))).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  it.each(['', '{"\\u0061":}', '{"\\u0061":1,}', '["\\u00"]', '{"a\\"', '01', '{"\\u0061":1}}'])(
    '%j is refused as it always was',
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    },
  );
});
