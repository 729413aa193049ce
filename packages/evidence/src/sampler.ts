/**
 * Drawing a sample that anybody can draw again with a shell. A population is a list of lines `id TAB stratum TAB amount LF` in
 * UTF-8, in the order of its table; its SHA-256 is what a request names before anything is drawn.
 *
 * - The rank of a unit is SHA-256(seed ‖ id) over their UTF-8 bytes, as 64 lower-case hex digits.
 * - `random`: the n units of the lowest ranks, by rank.
 * - `stratified`: n is shared out over the strata by their sizes, and of each its units of the lowest ranks are taken.
 * - `monetary_unit`: of the money in the population, in order, every interval-th minor unit is drawn, beginning at a start that the
 *   seed gives; a unit is drawn for each of its minor units that is.
 *
 * Pure; nothing here needs the population to fit into memory. docs/guides/evidence.md has the commands that repeat it.
 */
import { hash } from 'node:crypto';

/** Safe inside single quotes of a shell, and long enough that nobody picks rows by trying seeds by hand. */
export const SEED = /^[A-Za-z0-9._-]{8,128}$/;
export const MAX_SAMPLE = 1_000;
/** Of the hash of the seed, so that the start fits into the 64-bit arithmetic of a shell. */
const START_DIGITS = 15;

export type SampleMethod = 'random' | 'stratified' | 'monetary_unit';

/** One row of a population. */
export interface Unit {
  /** Unique; without control characters and spaces (`unitText`). */
  readonly id: string;
  /** Empty where the method knows no strata. */
  readonly stratum: string;
  /** Minor units of one currency, not below zero; 0 where the method counts no money. */
  readonly amountMinor: bigint;
}

export interface PopulationSummary {
  readonly count: number;
  /** Of the lines, hex. */
  readonly sha256: string;
  readonly totalMinor: bigint;
  /** stratum → units. */
  readonly strata: ReadonlyMap<string, number>;
}

export interface SampleRequest {
  readonly method: SampleMethod;
  /** 1 to 1,000. */
  readonly size: number;
  readonly seed: string;
}

export interface DrawnUnit<Row> extends Unit {
  readonly rank: string;
  /** How often it was drawn: above 1 only where money is, of a unit larger than the interval. */
  readonly hits: number;
  readonly row: Row;
}

export type SamplePlan =
  | { readonly kind: 'smallest'; readonly take: ReadonlyMap<string, number> }
  | { readonly kind: 'interval'; readonly start: bigint; readonly interval: bigint; readonly hits: number };

/** What stands for a value in a line: control characters, spaces, `%` and `\` in percent-encoding, so that shells read it as it is. */
export function unitText(value: string): string {
  return value.toWellFormed().replace(/[\p{Cc}\p{Z}%\\]/gu, (character) => encodeURIComponent(character));
}

export function populationLine({ id, stratum, amountMinor }: Unit): string {
  return `${id}\t${stratum}\t${amountMinor}\n`;
}

/** SHA-256(seed ‖ id), hex. */
export function rankOf(seed: string, id: string): string {
  return hash('sha256', seed + id);
}

/**
 * How many of each stratum: its share of n by its size, what is left over to the largest remainders, then to the stratum that comes
 * first by its bytes; and at least one of each. Undefined where n is smaller than the number of strata.
 */
export function allocate(strata: ReadonlyMap<string, number>, size: number): ReadonlyMap<string, number> | undefined {
  const named = [...strata].filter(([, count]) => count > 0).sort(([a], [b]) => byBytes(a, b));
  const population = named.reduce((sum, [, count]) => sum + count, 0);
  const wanted = Math.min(size, population);
  if (named.length > wanted) return undefined;
  // One of each first; the rest by the sizes of what is left of them.
  const rest = named.map(([, count]) => count - 1);
  const left = population - named.length;
  const toShare = wanted - named.length;
  const quotas = rest.map((count) => (left === 0 ? 0n : BigInt(toShare) * BigInt(count)));
  const shares = quotas.map((quota) => (left === 0 ? 0 : Number(quota / BigInt(left))));
  const remainders = quotas
    .map((quota, at) => ({ at, remainder: left === 0 ? 0n : quota % BigInt(left) }))
    .sort((a, b) => (a.remainder === b.remainder ? a.at - b.at : a.remainder > b.remainder ? -1 : 1));
  const more = toShare - shares.reduce((sum, share) => sum + share, 0);
  for (const { at } of remainders.slice(0, more)) shares[at] = (shares[at] ?? 0) + 1;
  return new Map(named.map(([stratum], at) => [stratum, 1 + (shares[at] ?? 0)]));
}

/** Undefined where nothing can be drawn: no rows, no money, or fewer than one of each stratum. */
export function planSample(
  { method, size, seed }: SampleRequest,
  population: PopulationSummary,
): SamplePlan | undefined {
  switch (method) {
    case 'random':
      return population.count === 0 ? undefined : { kind: 'smallest', take: new Map([['', size]]) };
    case 'stratified': {
      const take = population.count === 0 ? undefined : allocate(population.strata, size);
      return take && { kind: 'smallest', take };
    }
    case 'monetary_unit': {
      if (population.totalMinor === 0n) return undefined;
      const interval = population.totalMinor / BigInt(size) || 1n;
      const hits = population.totalMinor < BigInt(size) ? Number(population.totalMinor) : size;
      return {
        kind: 'interval',
        start: BigInt(`0x${hash('sha256', seed).slice(0, START_DIGITS)}`) % interval,
        interval,
        hits,
      };
    }
  }
}

/** Reads a population for the first time: counts it and hashes it. */
export class PopulationCounter {
  #count = 0;
  #totalMinor = 0n;
  readonly #strata = new Map<string, number>();
  readonly #digest: Digest;

  /** `digest`: of `createHash('sha256')`. */
  constructor(digest: Digest) {
    this.#digest = digest;
  }

  add(unit: Unit): void {
    this.#count += 1;
    this.#totalMinor += unit.amountMinor;
    this.#strata.set(unit.stratum, (this.#strata.get(unit.stratum) ?? 0) + 1);
    this.#digest.update(populationLine(unit));
  }

  /** Once. */
  summary(): PopulationSummary {
    const sha256 = this.#digest.digest('hex');
    return { count: this.#count, sha256, totalMinor: this.#totalMinor, strata: this.#strata };
  }
}

export interface Digest {
  update(text: string): unknown;
  digest(encoding: 'hex'): string;
}

/** Reads it again, in the same order, and draws. */
export class SampleDraw<Row> {
  readonly #seed: string;
  readonly #plan: SamplePlan;
  readonly #method: SampleMethod;
  /** By stratum, those of the lowest ranks so far. */
  readonly #kept = new Map<string, DrawnUnit<Row>[]>();
  readonly #hit: DrawnUnit<Row>[] = [];
  #before = 0n;
  #drawn = 0;

  constructor({ seed, method }: SampleRequest, plan: SamplePlan) {
    this.#seed = seed;
    this.#plan = plan;
    this.#method = method;
  }

  add(unit: Unit, row: Row): void {
    if (this.#plan.kind === 'interval') this.#addMoney(this.#plan, unit, row);
    else this.#addRanked(this.#plan, unit, row);
  }

  #addRanked({ take }: Extract<SamplePlan, { kind: 'smallest' }>, unit: Unit, row: Row): void {
    const stratum = this.#method === 'stratified' ? unit.stratum : '';
    const size = take.get(stratum) ?? 0;
    const kept = this.#kept.get(stratum) ?? [];
    const rank = rankOf(this.#seed, unit.id);
    const last = kept.at(-1);
    if (kept.length >= size && (last === undefined || rank > last.rank || (rank === last.rank && unit.id > last.id)))
      return;
    let [low, high] = [0, kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = kept[middle];
      if (other !== undefined && (other.rank < rank || (other.rank === rank && other.id < unit.id))) low = middle + 1;
      else high = middle;
    }
    kept.splice(low, 0, { ...unit, rank, hits: 1, row });
    if (kept.length > size) kept.pop();
    this.#kept.set(stratum, kept);
  }

  #addMoney({ start, interval, hits: most }: Extract<SamplePlan, { kind: 'interval' }>, unit: Unit, row: Row): void {
    const end = this.#before + unit.amountMinor;
    let hits = 0;
    while (this.#drawn < most && start + BigInt(this.#drawn) * interval < end) {
      hits += 1;
      this.#drawn += 1;
    }
    this.#before = end;
    if (hits > 0) this.#hit.push({ ...unit, rank: rankOf(this.#seed, unit.id), hits, row });
  }

  /** By stratum and rank; of money, in the order of the population. */
  drawn(): readonly DrawnUnit<Row>[] {
    if (this.#plan.kind === 'interval') return this.#hit;
    return [...this.#kept].sort(([a], [b]) => byBytes(a, b)).flatMap(([, units]) => units);
  }
}

/** SHA-256 over the ids of what was drawn, in its order, a line each: hex. */
export function listHash(units: readonly Pick<Unit, 'id'>[]): string {
  return hash('sha256', units.map(({ id }) => `${id}\n`).join(''));
}

/** As `LC_ALL=C sort` does. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
