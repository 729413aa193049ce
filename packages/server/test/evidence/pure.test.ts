/** What evidence is put together with: periods, pages, parts of paths, counts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/errors.ts';
import { endOf, periodOf, population } from '../../src/evidence/index.ts';
import { pathPart } from '../../src/evidence/path-part.ts';
import { previewOf } from '../../src/evidence/preview.ts';
import { Turns } from '../../src/evidence/turns.ts';

const NOW = Date.UTC(2026, 10, 26);

describe('a period', () => {
  it('begins before it ends and before now, and is told in UTC', () => {
    // As far as the route's own check lets dates through.
    const date = fc.date({ noInvalidDate: true, min: new Date('1990-01-01'), max: new Date('9999-12-31') });
    fc.assert(
      fc.property(date, date, (from, to) => {
        const ask = () => periodOf(from.toISOString(), to.toISOString(), NOW);
        const isOne = from < to && from.getTime() <= NOW && from.getTime() >= Date.UTC(2000, 0, 1);
        if (!isOne) {
          expect(ask).toThrow(Failure);
          return;
        }
        const period = ask();
        expect(period).toEqual({ from: from.toISOString(), to: to.toISOString() });
        const asOf = new Date(NOW).toISOString();
        expect(endOf(period, asOf)).toBe(to.getTime() < NOW ? period.to : asOf);
      }),
    );
    expect(periodOf('2026-07-01T02:00:00+02:00', '2026-10-01T00:00:00Z', NOW).from).toBe('2026-07-01T00:00:00.000Z');
  });
});

describe('pages', () => {
  it('of any size have every row once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 9 }), async (count, limit) => {
        const rows = async function* () {
          for (let i = 0; i < count; i += 1) yield [i];
        };
        const seen: unknown[] = [];
        for (let skip: number | undefined = 0; skip !== undefined; ) {
          const page = await previewOf(rows(), skip, limit);
          expect(page.hasMore).toBe(page.next !== undefined);
          seen.push(...page.rows.flat());
          skip = page.next;
        }
        expect(seen).toEqual(Array.from({ length: count }, (_, i) => i));
      }),
    );
  });
});

describe('a part of a path', () => {
  it('is letters, digits, dots, lines, and another one for another name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
        expect(pathPart(one)).toMatch(/^[A-Za-z0-9_-]{1,73}$/);
        expect(pathPart(one) === pathPart(other)).toBe(one === other);
      }),
      { numRuns: 100 },
    );
    expect(pathPart('payments')).toBe('payments');
    expect(pathPart('../../etc/passwd')).toMatch(/^etc-passwd-[0-9a-f]{8}$/);
  });
});

describe('a population', () => {
  const shape = {
    name: 'payments',
    title: 'Payments',
    columns: [
      { name: 'seq', kind: 'integer', about: '' },
      { name: 'amount', kind: 'integer', about: '' },
      { name: 'currency', kind: 'text', about: '' },
    ],
  } as const;
  const read = async (rows: readonly object[], counts: Record<string, number>) => {
    const of = population(shape, rows, {
      count: ['currency'],
      sum: [{ column: 'amount', currency: 'currency' }],
      seq: 'seq',
    });
    for await (const _ of of.rows);
    return of.facts(counts);
  };

  it('is counted as it is read, and says when another source counts otherwise', async () => {
    const rows = [
      { seq: 4, amount: 100, currency: 'USD', more: 'left out' },
      { seq: 2, amount: 20, currency: 'EUR' },
      { seq: 9, amount: 1, currency: 'USD' },
    ];
    expect(await read(rows, { database: 3 })).toMatchObject({
      control_totals: { rows: 3, 'count.currency.USD': 2, 'sum.amount.USD': 101, 'sum.amount.EUR': 20 },
      first_seq: 2,
      last_seq: 9,
      tie_out: 'equal',
    });
    expect((await read(rows, { database: 4 })).tie_out).toEqual({
      difference: -1,
      reason: 'the table has 3 rows, database counts 4',
    });
    expect((await read(rows, {})).tie_out).toMatchObject({ difference: 0 });
  });
});

describe('turns', () => {
  it('are a few at a time, in order, and given on when somebody fails', async () => {
    const turns = new Turns(2);
    const began: number[] = [];
    const ends: (() => void)[] = [];
    const work = (i: number) => () => {
      began.push(i);
      return new Promise<number>((resolve, reject) => ends.push(() => (i === 0 ? reject(new Error('x')) : resolve(i))));
    };
    const all = [0, 1, 2, 3].map((i) => turns.take(work(i)));
    const settled = Promise.allSettled(all);
    for (let ended = 0; ended < 4; ended += 1) {
      await expect.poll(() => ends.length, { interval: 1 }).toBe(Math.min(4, ended + 2));
      ends[ended]?.();
    }
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(began).toEqual([0, 1, 2, 3]);
    expect(await turns.take(async () => 'free')).toBe('free');
  });
});
