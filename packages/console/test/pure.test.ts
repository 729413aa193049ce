/** Small pure parts of the console. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogEvent, Matrix } from '../src/api/types.ts';
import { fromBase64, fromHex, toHex } from '../src/proof/bytes.ts';
import { exampleOf } from '../src/rooms/dry-run/example.ts';
import { jsonFault } from '../src/rooms/dry-run/json-fault.ts';
import { matches } from '../src/rooms/log/matches.ts';
import { csvOf, gridOf, wordsOf } from '../src/rooms/matrix/model.ts';
import { freeId, parseGuards, templatesFor, writeGuards } from '../src/rooms/roles/guards-text.ts';
import { impactWords, relativeTime, verdictLabel } from '../src/ui/format.ts';

describe('bytes', () => {
  it('have one hex and one base64 text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
        const copy = Uint8Array.from(bytes);
        expect(fromHex(toHex(copy), copy.length)).toEqual(copy);
        expect(fromBase64(Buffer.from(copy).toString('base64'))).toEqual(copy);
      }),
    );
    for (const text of ['0', 'zz', 'AB', '']) expect(fromHex(text, 1)).toBeUndefined();
    for (const text of ['YQ', 'YR==', 'Y Q==', '*']) expect(fromBase64(text)).toBeUndefined();
  });
});

describe('labels', () => {
  it.each([
    ['allow', 'granted', 'allow'],
    ['allow', undefined, 'allow'],
    ['deny', 'cap', 'deny · cap'],
    ['deny', 'guard', 'deny · guard'],
    ['deny', 'scope', 'deny · scope'],
    ['review', 'guard', 'review · guard'],
  ])('%s by %s is "%s"', (verdict, reason, label) => {
    expect(verdictLabel(verdict, reason)).toBe(label);
  });

  it.each([
    ['usd', 30_000, '$300.00'],
    ['jpy', 300, '¥300'],
    ['records_read', 1_200, '1,200 records_read'],
    ['abc', 5, '5 abc'],
  ])('%s %d is "%s"', (unit, amount, words) => {
    expect(impactWords(unit, amount)).toBe(words);
  });

  it.each([
    [0, 'just now'],
    [-120, 'in 2 min'],
    [60, '1 min ago'],
    [3_600, '1 h ago'],
    [90_000, '1 d ago'],
    [-90 * 86_400, 'in 90 d'],
  ])('%d seconds ago is "%s"', (seconds, words) => {
    expect(relativeTime(new Date(1_000_000_000_000), 1_000_000_000_000 + seconds * 1000)).toBe(words);
  });
});

describe('the matrix', () => {
  const matrix: Matrix = {
    roles: [
      {
        name: 'billing',
        revision: 2,
        agents: 1,
        allow: ['pay.send', 'deploy'],
        guarded: { 'pay.send': ['only small'] },
      },
      { name: 'reader', revision: 1, agents: 0, allow: ['crm.read'], guarded: {} },
    ],
    capabilities: [
      { name: 'pay.send', description: 'Sends money', access: 'write', destructive: false, stopped: false },
      { name: 'deploy', description: '', access: 'write', destructive: true, stopped: true },
      { name: 'crm.read', description: 'Reads', access: 'read', destructive: false, stopped: false },
      { name: 'crm.list', description: 'Lists', access: 'read', destructive: false, stopped: false },
    ],
  };

  it('stands in order of namespaces', () => {
    const { columns, groups } = gridOf(matrix, {});
    expect(columns.map(({ name }) => name)).toEqual(['deploy', 'crm.list', 'crm.read', 'pay.send']);
    expect(groups).toEqual([
      { namespace: '', start: 0, length: 1 },
      { namespace: 'crm', start: 1, length: 2 },
      { namespace: 'pay', start: 3, length: 1 },
    ]);
  });

  it.each([
    [{ q: 'MONEY' }, ['pay.send'], 2],
    [{ show: 'read' as const }, ['crm.list', 'crm.read'], 2],
    [{ show: 'granted' as const, role: 'read' }, ['crm.read'], 1],
  ])('filtered by %o', (filter, names, roles) => {
    const grid = gridOf(matrix, filter);
    expect(grid.columns.map(({ name }) => name)).toEqual(names);
    expect(grid.roles).toHaveLength(roles);
  });

  it('says a cell in words, and is a table for a file', () => {
    const grid = gridOf(matrix, {});
    const [billing] = matrix.roles;
    const [pay, deploy, read] = matrix.capabilities;
    if (billing === undefined || pay === undefined || deploy === undefined || read === undefined) throw new Error();
    expect(wordsOf(billing, pay, grid.cell(billing, pay))).toBe('billing may use pay.send (write), guarded.');
    expect(wordsOf(billing, deploy, grid.cell(billing, deploy))).toContain('stopped everywhere');
    expect(wordsOf(billing, read, grid.cell(billing, read))).toContain('may not use crm.read');
    expect(csvOf(grid).split('\r\n')).toEqual([
      '"role","revision","agents","deploy","crm.list","crm.read","pay.send"',
      '"billing","2","1","write","","","write (guarded)"',
      '"reader","1","0","","","read",""',
    ]);
  });
});

describe('the stream', () => {
  const event: LogEvent = {
    seq: 1,
    event_id: 'evt_1',
    kind: 'tool.call',
    ts: '2026-06-16T14:02:04.000Z',
    verdict: 'deny',
    reason: 'scope: capability not granted',
    entry_hash: '',
    prev_hash: '',
    hash: '',
  };
  it.each([
    [{}, true],
    [{ kind: 'tool.call', verdict: 'deny', q: 'NOT granted' }, true],
    [{ verdict: 'allow' }, false],
    [{ kind: 'tool.result' }, false],
    [{ q: 'rate' }, false],
    [{ from: '2026-06-16T14:02:04Z' }, true],
    [{ to: '2026-06-16T14:02:04Z' }, false],
  ])('filtered by %o shows it: %s', (filter, shown) => {
    expect(matches(event, filter)).toBe(shown);
  });
});

describe('rules as text', () => {
  it('come back as they were written, in both notations', () => {
    const guards = templatesFor('payments.pay').map(({ guard }) => guard);
    for (const format of ['yaml', 'json'] as const)
      expect(parseGuards(writeGuards(guards, format), format)).toEqual({ ok: true, guards });
  });

  it.each([
    ['yaml', '', true],
    ['json', ' ', true],
    ['yaml', 'id: x', false],
    ['yaml', '- id: [', false],
    ['json', '[', false],
    ['json', '{}', false],
  ] as const)('%s "%s" is a list: %s', (format, text, ok) => {
    expect(parseGuards(text, format).ok).toBe(ok);
  });

  it('get an id that is free', () => {
    expect(freeId('cap', [])).toBe('cap');
    expect(freeId('cap', [{ id: 'cap' }, 'R1', { id: 'cap-2' }, null])).toBe('cap-3');
  });
});

describe('arguments', () => {
  it('are a JSON object, or the place of what is wrong is told', () => {
    expect(jsonFault('{"a": 1}')).toEqual({ ok: true, value: { a: 1 } });
    expect(jsonFault('[1]')).toMatchObject({ ok: false, problem: { line: 1 } });
    expect(jsonFault('{"a": 1,\n "b" 2}')).toMatchObject({ ok: false, problem: { line: 2 } });
  });

  it('begin with what the schema requires', () => {
    const schema = {
      type: 'object',
      required: ['to', 'amount', 'mode', 'items', 'deep'],
      properties: {
        to: { type: 'string' },
        amount: { type: 'number', minimum: 1 },
        mode: { enum: ['a', 'b'] },
        items: { type: 'array' },
        deep: { type: 'object', required: ['x'], properties: { x: { type: 'boolean' }, y: { type: 'string' } } },
        optional: { type: 'string' },
      },
    };
    expect(exampleOf(schema)).toEqual({ to: '', amount: 1, mode: 'a', items: [], deep: { x: false } });
  });
});
