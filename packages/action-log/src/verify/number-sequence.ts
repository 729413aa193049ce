/** Follows the numbers of entries and says what is wrong where they do not follow one another. */
import type { Findings } from './findings.ts';

/** What is remembered of a scrambled file is bounded. */
const MAX_REMEMBERED = 100;

export class NumberSequence {
  readonly #findings: Findings;
  #next: number | undefined;
  /** Lines since `next` that could not be read; they may have been its entries. */
  #unreadable = 0;
  /** A number that does not follow. What follows it tells whether only this entry is out of place or a part is missing. */
  #odd: number | undefined;
  readonly #gaps: { from: number; to: number }[] = [];
  readonly #strays: number[] = [];

  /** `first` is the number to begin with; without it, whatever comes first. */
  constructor(first: number | undefined, findings: Findings) {
    this.#next = first;
    this.#findings = findings;
  }

  /** The number that would follow; undefined before the first. */
  get next(): number | undefined {
    return this.#next === undefined ? undefined : this.#next + this.#unreadable;
  }

  /** Whether the number follows the one before it. */
  take(seq: number): boolean {
    if (this.#odd !== undefined) this.#settleOdd(seq);
    const expected = this.next ?? seq;
    const follows = seq === expected && this.#unreadable === 0;
    this.#unreadable = 0;
    if (seq === expected) this.#next = seq + 1;
    else if (seq === expected + 1) {
      this.#gap(expected, expected);
      this.#next = seq + 1;
    } else {
      this.#next = expected;
      this.#odd = seq;
    }
    return follows;
  }

  passOver(): void {
    if (this.#odd !== undefined) this.#settleOdd(undefined);
    this.#unreadable += 1;
  }

  /** Reports what did not turn up. */
  end(): void {
    if (this.#odd !== undefined) this.#settleOdd(undefined);
    for (const stray of this.#strays) this.#fill(stray);
    for (const { from, to } of this.#gaps) this.#missing(from, to);
  }

  #settleOdd(following: number | undefined): void {
    const odd = this.#odd ?? 0;
    const expected = this.#next ?? 1;
    this.#odd = undefined;
    const isAlone = following === expected || following === expected + 1;
    if (isAlone && following === expected + 1) {
      this.#gap(expected, expected);
      this.#next = expected + 1;
    }
    if (odd > expected && !isAlone) {
      this.#gap(expected, odd - 1);
      this.#next = odd + 1;
    } else if (this.#fill(odd))
      this.#findings.fatal('entry_reordered', `seq ${odd}`, `The entry ${odd} stands behind later ones.`);
    else if (odd < expected)
      this.#findings.fatal(
        'entry_inserted',
        `seq ${odd}`,
        `An entry numbered ${odd} stands where ${expected} should be; that number was there before.`,
      );
    else {
      if (this.#strays.length < MAX_REMEMBERED) this.#strays.push(odd);
      this.#findings.fatal(
        'entry_reordered',
        `seq ${odd}`,
        `An entry numbered ${odd} stands where ${expected} should be.`,
      );
    }
  }

  #gap(from: number, to: number): void {
    if (this.#gaps.length < MAX_REMEMBERED) this.#gaps.push({ from, to });
    else this.#missing(from, to);
  }

  /** Whether the number was missing. It is no more. */
  #fill(seq: number): boolean {
    const index = this.#gaps.findIndex(({ from, to }) => from <= seq && seq <= to);
    const gap = this.#gaps[index];
    if (gap === undefined) return false;
    const front = { from: gap.from, to: seq - 1 };
    const back = { from: seq + 1, to: gap.to };
    const rest = [front, back].filter(({ from, to }) => from <= to);
    if (rest.length === 2 && this.#gaps.length >= MAX_REMEMBERED) {
      this.#missing(front.from, front.to);
      rest.shift();
    }
    this.#gaps.splice(index, 1, ...rest);
    return true;
  }

  #missing(from: number, to: number): void {
    if (from === to) this.#findings.fatal('entry_missing', `seq ${from}`, `The entry ${from} is missing.`);
    else this.#findings.fatal('entry_missing', `seq ${from} to ${to}`, `The entries ${from} to ${to} are missing.`);
  }
}
