/** The hot reader of records may refuse what it does not know; what it accepts, the reader by the book accepts too, with the same fields. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/index.ts';
import { readRecord } from '../../src/verify/read-record.ts';
import { emptySpan, scanRecord } from '../../src/verify/scan-record.ts';

const POSITIONS = {
  v: 1,
  ts: '2026-06-16T14:02:04.123Z',
  shard: 'shd_0',
  shard_seq: 7,
  agent_id: 'agt_5Kd0pNa81kQz',
  agent_seq: 3,
};

/** What the hot reader says, in the terms of the other. */
function scanned(text: string | Uint8Array) {
  const bytes = Buffer.concat([Buffer.from(text), Buffer.from('\n')]);
  const span = emptySpan();
  const end = scanRecord(bytes, 0, span);
  if (end !== bytes.length - 1) return undefined;
  return {
    shard: bytes.toString('utf8', span.shardStart, span.shardEnd),
    shardSeq: span.shardSeq,
    agentId: span.agentStart < 0 ? undefined : bytes.toString('utf8', span.agentStart, span.agentEnd),
    agentSeq: span.agentSeq < 0 ? undefined : span.agentSeq,
    time: span.time,
    isHold: span.isHold,
  };
}

const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }).map((value) => JSON.parse(JSON.stringify(value)));

describe('the hot reader', () => {
  it('reads every ordinary record, with the same fields', () => {
    const key = fc.stringMatching(/^[a-z_][a-z0-9_]{0,12}$/);
    const number = fc.oneof(
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(1e21, 1e-7, 5e-324, -0),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        number,
        fc.array(tie('any')),
        fc.dictionary(key, tie('any')),
      ),
    })).any;
    fc.assert(
      fc.property(
        fc.dictionary(key, value),
        fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
        (fields, date) => {
          const text = canonicalJson({ ...fields, ...POSITIONS, ts: date.toISOString() });
          const read = readRecord(Buffer.from(text));
          expect(read).toMatchObject({ shard: 'shd_0', shardSeq: 7, agentSeq: 3, time: date.getTime() });
          expect(scanned(text)).toEqual(read);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never accepts what the other refuses, nor reads it differently', () => {
    const records = fc
      .tuple(
        json,
        fc.dictionary(fc.constantFrom(...Object.keys(POSITIONS), 'a', '�', 'ü'), json),
        fc.constantFrom('hold.placed', 'tool.call', 7),
      )
      .map(([args, fields, kind]) => canonicalJson({ ...POSITIONS, args, kind, ...fields }));
    const snippet = fc.constantFrom(
      ' ',
      '"',
      '\\',
      '\\u0041',
      '\\/',
      '00',
      '.0',
      'e5',
      '-0',
      '1E5',
      ',',
      ':',
      '{',
      '}',
      '[',
      ']',
      'null',
      '\u0007',
      '\\u001F',
      'ü',
      '"a":1,',
      '9007199254740993',
    );
    fc.assert(
      fc.property(records, fc.array(fc.tuple(fc.nat(), fc.nat(3), snippet), { maxLength: 3 }), (record, edits) => {
        let text = record;
        for (const [place, cut, insert] of edits) {
          const at = place % text.length;
          text = text.slice(0, at) + insert + text.slice(at + cut);
        }
        const fast = scanned(text);
        if (fast !== undefined) expect(readRecord(Buffer.from(text))).toEqual(fast);
      }),
      { numRuns: 3_000 },
    );
  });

  const refused: readonly [string, string][] = [
    ['duplicate keys', '{"a":1,"a":1}'],
    ['keys out of order', '{"b":1,"a":1}'],
    ['white space', '{"a": 1}'],
    ['an escape that is not the shortest', '{"a":"\\u0041"}'],
    ['upper-case hex', '{"a":"\\u001F"}'],
    ['an escaped line feed as hex', '{"a":"\\u000a"}'],
    ['a leading zero', '{"a":01}'],
    ['minus zero', '{"a":-0}'],
    ['a needless fraction', '{"a":1.0}'],
    ['a bare control character', '{"a":"\u0001"}'],
    ['a trailing comma', '{"a":1,}'],
    ['a number out of range', '{"a":1e999}'],
  ];
  it.each(refused)('refuses, as the other does, %s', (_name, fragment) => {
    const rest = canonicalJson(POSITIONS).slice(1);
    const text = `${fragment.slice(0, -1)},${rest}`;
    expect(scanned(text)).toBeUndefined();
    expect(readRecord(Buffer.from(text))).toEqual(expect.any(String));
    expect(scanned(`{"a":1,${rest}`)).toBeDefined();
  });

  it('leaves to the other what it cannot order or bound', () => {
    for (const fields of [
      { ü: 1 },
      { shard_seq: 2 ** 53 - 1 },
      { deep: JSON.parse(`${'['.repeat(60)}1${']'.repeat(60)}`) },
    ]) {
      const text = canonicalJson({ ...POSITIONS, ...fields });
      expect(scanned(text)).toBeUndefined();
      expect(readRecord(Buffer.from(text))).toMatchObject({ shard: 'shd_0' });
    }
  });

  it('is not fooled by bytes that are not UTF-8, which the other refuses', () => {
    const bytes = Buffer.from(canonicalJson({ ...POSITIONS, a: 'xy' }));
    bytes[bytes.indexOf('xy')] = 0xff;
    expect(readRecord(bytes)).toBe('is not valid UTF-8');
  });
});
