/** Rows that are counted while they are read: what a file holds and what its header says of it are one reading. */
import { type Cell, type Facts, type Row, type TableShape, Totals, type TotalsWanted } from '@hivekey/evidence';

export interface PopulationTotals extends TotalsWanted {
  /** Column with the global number of the log. */
  readonly seq?: string;
}

export interface Population {
  readonly rows: AsyncIterable<Row>;
  /**
   * After the rows were read to their end. `sourceCounts`: rows as queries of their own count them; where one is not the number
   * of rows, the tie-out says so. `more` goes along, and before what is known here.
   */
  readonly facts: (sourceCounts: Readonly<Record<string, number>>, more?: MoreFacts) => Facts;
}

type MoreFacts = Partial<Omit<Facts, 'source_counts'>>;

/** `found`: an object per row, with a member for each column; what is absent is empty, times become ISO 8601, others are left out. */
export function population(
  shape: TableShape,
  found: AsyncIterable<object> | Iterable<object>,
  { seq, ...wanted }: PopulationTotals = {},
): Population {
  const totals = new Totals(shape, wanted);
  const seqAt = shape.columns.findIndex(({ name }) => name === seq);
  const seen: { first: number | null; last: number | null } = { first: null, last: null };
  let rowCount = 0;

  async function* rows(): AsyncGenerator<Row, void, undefined> {
    for await (const each of found) {
      const row = rowOf(shape, each);
      totals.add(row);
      rowCount += 1;
      const at = row[seqAt];
      if (typeof at === 'number') {
        seen.first = Math.min(seen.first ?? at, at);
        seen.last = Math.max(seen.last ?? at, at);
      }
      yield row;
    }
  }

  return {
    rows: { [Symbol.asyncIterator]: rows },
    facts: (sourceCounts, more = {}) => ({
      source_counts: sourceCounts,
      control_totals: { rows: rowCount, ...totals.result(), ...more.control_totals },
      first_seq: more.first_seq ?? seen.first,
      last_seq: more.last_seq ?? seen.last,
      gaps: more.gaps ?? [],
      filters: more.filters ?? [],
      exclusions: more.exclusions ?? [],
      redactions: more.redactions ?? [],
      tie_out: more.tie_out ?? tieOut(rowCount, sourceCounts),
    }),
  };
}

/** Cells in the order of the columns. */
function rowOf({ name, columns }: TableShape, found: object): Row {
  return columns.map((column): Cell => {
    const value: unknown = Reflect.get(found, column.name);
    if (value === undefined || value === null) return null;
    if (value instanceof Date) return value.toISOString();
    if (isCell(value)) return value;
    throw new TypeError(`${name}.${column.name} is no cell: ${typeof value}`);
  });
}

/** Objects are what JSON gave, or arrays of texts. */
function isCell(value: unknown): value is Cell {
  return ['string', 'number', 'bigint', 'boolean', 'object'].includes(typeof value);
}

function tieOut(rowCount: number, sourceCounts: Readonly<Record<string, number>>): Facts['tie_out'] {
  if (Object.keys(sourceCounts).length === 0) return { difference: 0, reason: 'no other source counts these rows' };
  const differing = Object.entries(sourceCounts).find(([, count]) => count !== rowCount);
  if (differing === undefined) return 'equal';
  const [source, count] = differing;
  return { difference: rowCount - count, reason: `the table has ${rowCount} rows, ${source} counts ${count}` };
}
