/** Sampling: bounds, shares and money as properties, and the commands of docs/guides/evidence.md under sh. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  listHash,
  PopulationCounter,
  planSample,
  populationLine,
  rankOf,
  SampleDraw,
  type SampleRequest,
  type Unit,
  unitText,
} from '../src/index.ts';
import { allocate } from '../src/sampler.ts';

function draw(request: SampleRequest, units: readonly Unit[]): readonly Unit[] | undefined {
  const counter = new PopulationCounter(createHash('sha256'));
  for (const unit of units) counter.add(unit);
  const plan = planSample(request, counter.summary());
  if (plan === undefined) return undefined;
  const drawing = new SampleDraw<number>(request, plan);
  units.forEach((unit, at) => {
    drawing.add(unit, at);
  });
  return drawing.drawn();
}

const seed = fc.stringMatching(/^[A-Za-z0-9._-]{8,20}$/);
const population = fc
  .array(
    fc.record({
      stratum: fc.constantFrom('allow', 'deny', 'review'),
      amountMinor: fc.integer({ min: 0, max: 5_000 }).map(BigInt),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((units) => units.map((unit, at): Unit => ({ ...unit, id: `evt_${at}` })));

describe('a draw', () => {
  it('is the lowest ranks, however the population is ordered', () => {
    fc.assert(
      fc.property(seed, population, fc.integer({ min: 1, max: 80 }), (given, units, size) => {
        const request = { method: 'random', size, seed: given } as const;
        const drawn = draw(request, units);
        const byRank = units.map(({ id }) => id).sort((a, b) => (rankOf(given, a) < rankOf(given, b) ? -1 : 1));
        expect(drawn?.map(({ id }) => id)).toEqual(byRank.slice(0, size));
        expect(draw(request, units.toReversed())?.map(({ id }) => id)).toEqual(drawn?.map(({ id }) => id));
      }),
    );
  });

  it('has its share of each stratum, and at least one', () => {
    fc.assert(
      fc.property(seed, population, fc.integer({ min: 3, max: 80 }), (given, units, size) => {
        const strata = Map.groupBy(units, ({ stratum }) => stratum);
        const shares = allocate(new Map([...strata].map(([name, of]) => [name, of.length])), size);
        const wanted = Math.min(size, units.length);
        if (strata.size > wanted) return expect(shares).toBeUndefined();
        const drawn = draw({ method: 'stratified', size, seed: given }, units) ?? [];
        expect(drawn.length).toBe(wanted);
        for (const [name, of] of strata) {
          const count = drawn.filter(({ stratum }) => stratum === name).length;
          expect(count).toBe(shares?.get(name));
          expect(count).toBeGreaterThanOrEqual(1);
          expect(count).toBeLessThanOrEqual(of.length);
        }
      }),
    );
  });

  it('of money hits every interval once, and what is larger than it for certain', () => {
    fc.assert(
      fc.property(seed, population, fc.integer({ min: 1, max: 20 }), (given, units, size) => {
        const total = units.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
        const drawn = draw({ method: 'monetary_unit', size, seed: given }, units);
        if (total === 0n) return expect(drawn).toBeUndefined();
        const interval = total / BigInt(size) || 1n;
        const hits = (drawn ?? []).reduce((sum, unit) => sum + ('hits' in unit ? Number(unit.hits) : 0), 0);
        expect(hits).toBe(Number(total < BigInt(size) ? total : BigInt(size)));
        for (const { id, amountMinor } of units)
          if (amountMinor >= 2n * interval) expect(drawn?.map((unit) => unit.id)).toContain(id);
        for (const { amountMinor } of drawn ?? []) expect(amountMinor).toBeGreaterThan(0n);
      }),
    );
  });

  it('stands in one line, whatever an id is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (id) => {
        const text = unitText(id);
        expect(text).not.toMatch(/[\s\\]/u);
        expect(decodeURIComponent(text)).toBe(id.toWellFormed());
      }),
    );
  });
});

describe('in a shell', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hivekey-sampler-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const units = Array.from(
    { length: 40 },
    (_, at): Unit => ({
      id: unitText(`evt ${at}%\\ü`),
      stratum: ['allow', 'deny', 'review'][at % 3] ?? '',
      amountMinor: BigInt((at * 37) % 91),
    }),
  );
  const file = join(folder, 'population.tsv');
  const sh = (script: string): string[] =>
    execFileSync('/bin/sh', ['-c', script], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, SEED: 'auditor-2026-Q3', N: '7', FILE: file },
    })
      .split('\n')
      .filter((line) => line !== '');
  const ranked = `while read -r id; do printf '%s%s' "$SEED" "$id" | sha256sum | cut -c1-64 | tr '\\n' ' '; printf '%s\\n' "$id"; done | LC_ALL=C sort | head -n "$N" | cut -d' ' -f2`;
  writeFileSync(file, units.map(populationLine).join(''));
  const drawn = (method: SampleRequest['method'], of = units, size = 7) =>
    draw({ method, size, seed: 'auditor-2026-Q3' }, of)?.map(({ id }) => id);

  it('the population has the hash that the request names', () => {
    const counter = new PopulationCounter(createHash('sha256'));
    for (const unit of units) counter.add(unit);
    expect(sh('sha256sum < "$FILE" | cut -c1-64')).toEqual([counter.summary().sha256]);
  });

  it('a random sample is repeated', () => {
    const list = sh(`cut -f1 "$FILE" | ${ranked}`);
    expect(list).toEqual(drawn('random'));
    expect(sh(`cut -f1 "$FILE" | ${ranked} | sha256sum | cut -c1-64`)).toEqual([listHash(list.map((id) => ({ id })))]);
  });

  it('a stratum is repeated', () => {
    const shares = allocate(
      new Map(
        ['allow', 'deny', 'review'].map((name) => [name, units.filter(({ stratum }) => stratum === name).length]),
      ),
      7,
    );
    const list = [...(shares ?? [])].flatMap(([stratum, n]) =>
      sh(`N=${n}; awk -F'\\t' -v s='${stratum}' '$2 == s { print $1 }' "$FILE" | ${ranked}`),
    );
    expect(list).toEqual(drawn('stratified'));
  });

  it('a monetary unit sample is repeated', () => {
    const list = sh(`
      TOTAL=$(awk -F'\\t' '{ t += $3 } END { printf "%d", t }' "$FILE"); INTERVAL=$((TOTAL / N))
      START=$(( 0x$(printf '%s' "$SEED" | sha256sum | cut -c1-15) % INTERVAL ))
      awk -F'\\t' -v next_unit="$START" -v interval="$INTERVAL" -v n="$N" \\
        '{ sum += $3; hit = 0; while (n > 0 && next_unit < sum) { hit = 1; next_unit += interval; n-- } if (hit) print $1 }' "$FILE"`);
    expect(list).toEqual(drawn('monetary_unit'));
  });
});
