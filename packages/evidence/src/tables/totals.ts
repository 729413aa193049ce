/** Control totals: counts and sums over the rows that are written, which a reader computes again from the file. */
import type { Row, TableShape } from '../types.ts';
import { textOf } from './cell.ts';

export interface TotalsWanted {
  /** Columns of which each value is counted, as `count.<column>.<value>`; an empty cell is `(none)`. */
  readonly count?: readonly string[];
  /** Integer columns that are summed, as `sum.<column>.<currency>`, or `sum.<column>` where no currency column is named. */
  readonly sum?: readonly { readonly column: string; readonly currency?: string }[];
}

/** Other values of a column are counted together as `(other)`: a total is there to be compared by a person. */
const MOST_VALUES = 200;

/** Filled row by row; the result is `Facts.control_totals`. */
export class Totals {
  readonly #shape: TableShape;
  readonly #counts: readonly { readonly name: string; readonly at: number; readonly by: Map<string, number> }[];
  readonly #sums: readonly {
    readonly name: string;
    readonly at: number;
    readonly currencyAt: number | undefined;
    readonly by: Map<string, bigint>;
  }[];

  /** Throws where a column is named that the table does not have. */
  constructor(shape: TableShape, { count = [], sum = [] }: TotalsWanted) {
    this.#shape = shape;
    this.#counts = count.map((name) => ({ name, at: this.#place(name), by: new Map() }));
    this.#sums = sum.map(({ column, currency }) => ({
      name: column,
      at: this.#place(column),
      currencyAt: currency === undefined ? undefined : this.#place(currency),
      by: new Map(),
    }));
  }

  add(row: Row): void {
    for (const { at, by } of this.#counts) {
      const value = this.#text(row, at) || '(none)';
      const key = by.has(value) || by.size < MOST_VALUES ? value : '(other)';
      by.set(key, (by.get(key) ?? 0) + 1);
    }
    for (const { at, currencyAt, by } of this.#sums) {
      const amount = this.#text(row, at);
      if (amount === '') continue;
      const currency = currencyAt === undefined ? '' : this.#text(row, currencyAt) || '(none)';
      const key = by.has(currency) || by.size < MOST_VALUES ? currency : '(other)';
      by.set(key, (by.get(key) ?? 0n) + BigInt(amount));
    }
  }

  /** In the order of their names. A sum beyond ±(2⁵³−1) is a decimal string. */
  result(): Readonly<Record<string, number | string>> {
    const found: [string, number | string][] = [];
    for (const { name, by } of this.#counts) for (const [value, n] of by) found.push([`count.${name}.${value}`, n]);
    for (const { name, by } of this.#sums) {
      for (const [currency, sum] of by)
        found.push([currency === '' ? `sum.${name}` : `sum.${name}.${currency}`, exact(sum)]);
    }
    return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #text(row: Row, at: number): string {
    const kind = this.#shape.columns[at]?.kind;
    return kind === undefined ? '' : textOf(kind, row[at] ?? null).toWellFormed();
  }

  #place(name: string): number {
    const at = this.#shape.columns.findIndex((column) => column.name === name);
    if (at < 0) throw new Error(`the table ${this.#shape.name} has no column ${name}`);
    return at;
  }
}

function exact(sum: bigint): number | string {
  const number = Number(sum);
  return Number.isSafeInteger(number) ? number : String(sum);
}
