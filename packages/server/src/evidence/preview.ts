/** A page of a table for the screen. What is further down is in the file. */
import type { Cell, Row } from '@hivekey/evidence';

/** Rows are passed over one by one. */
const DEEPEST = 10_000;

export interface Page {
  readonly rows: readonly (readonly ShownCell[])[];
  readonly hasMore: boolean;
  /** Rows before the next page; undefined where there is none, or none is shown. */
  readonly next: number | undefined;
}

/** As JSON has it: what a number cannot hold is a text. */
type ShownCell = Exclude<Cell, bigint>;

export async function previewOf(rows: AsyncIterable<Row>, skip: number, limit: number): Promise<Page> {
  const shown: (readonly ShownCell[])[] = [];
  let at = 0;
  for await (const row of rows) {
    at += 1;
    if (at <= skip) continue;
    if (shown.length === limit) return { rows: shown, hasMore: true, next: at - 1 < DEEPEST ? at - 1 : undefined };
    shown.push(row.map((cell) => (typeof cell === 'bigint' ? String(cell) : cell)));
  }
  return { rows: shown, hasMore: false, next: undefined };
}
