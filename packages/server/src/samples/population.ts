/** The rows of a table of evidence as units that a sample is drawn from. */
import { type Cell, type Row, type SampleMethod, type TableShape, type Unit, unitText } from '@hivekey/evidence';
import { Failure } from '../errors.ts';

/** What a method looks at beside the id. */
export interface Selection {
  readonly method: SampleMethod;
  /** A column, or `day` for the date of the first column with a time. */
  readonly stratifyBy?: string | undefined;
  /** The column with the amount in minor units, and the currency that is counted. */
  readonly amount?: string | undefined;
  readonly currency?: string | undefined;
}

/** Tables whose first columns of this name tell every row from the others, so that nothing is kept to tell doubles apart. */
const UNIQUE: ReadonlyMap<string, string> = new Map([['entries', 'entry_id']]);
/** A day of a time that prints as ISO 8601. */
const DAY_LENGTH = 10;

/** Throws `sample_column_invalid`. The function makes units of rows, which come in the order of the table. */
export function unitsOf(table: TableShape, { method, stratifyBy, amount, currency }: Selection): (row: Row) => Unit {
  const { columns } = table;
  const unique = UNIQUE.get(table.name);
  const idAt = columns.findIndex(({ name }) => name === unique);
  const stratumAt = method === 'stratified' ? columnOf(table, stratifyBy ?? '') : -1;
  const amountAt = method === 'monetary_unit' ? amountOf(table, amount ?? '') : -1;
  const currencyAt = method === 'monetary_unit' ? columns.findIndex(({ name }) => name === 'currency') : -1;
  const isDay = stratifyBy === 'day' && columns[stratumAt]?.kind === 'time';
  const seen = new Map<string, number>();

  function idOf(row: Row): string {
    if (idAt >= 0) return unitText(text(row[idAt] ?? null));
    const id = unitText(text(row[0] ?? null));
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    return count === 1 ? id : `${id}#${count}`;
  }

  return (row) => {
    const stratum = stratumAt < 0 ? '' : text(row[stratumAt] ?? null);
    const value = amountAt < 0 ? null : (row[amountAt] ?? null);
    const counts = amountAt >= 0 && (currencyAt < 0 || row[currencyAt] === currency);
    return {
      id: idOf(row),
      stratum: unitText(isDay ? stratum.slice(0, DAY_LENGTH) : stratum),
      amountMinor: counts ? minorOf(value) : 0n,
    };
  };
}

function columnOf(table: TableShape, name: string): number {
  const at =
    name === 'day' && !table.columns.some((column) => column.name === 'day')
      ? table.columns.findIndex(({ kind }) => kind === 'time')
      : table.columns.findIndex((column) => column.name === name);
  if (at >= 0) return at;
  throw invalid(
    table,
    name,
    'it is no column of the table',
    table.columns.map((column) => column.name),
  );
}

function amountOf(table: TableShape, name: string): number {
  const at = table.columns.findIndex((column) => column.name === name);
  if (table.columns[at]?.kind === 'integer') return at;
  throw invalid(
    table,
    name,
    'it is no column of the table with whole numbers',
    table.columns.filter(({ kind }) => kind === 'integer').map((column) => column.name),
  );
}

function invalid({ name }: TableShape, column: string, why: string, known: readonly string[]): Failure {
  return new Failure(
    422,
    'sample_column_invalid',
    `${name} cannot be sampled by "${column}": ${why}.`,
    `Use one of ${known.join(', ') || 'another table'}.`,
  );
}

/** What is not an amount, or below zero, is no money to draw from. */
function minorOf(cell: Cell): bigint {
  if (typeof cell === 'bigint') return cell > 0n ? cell : 0n;
  if (typeof cell === 'number') return Number.isSafeInteger(cell) && cell > 0 ? BigInt(cell) : 0n;
  if (typeof cell === 'string' && /^[0-9]{1,30}$/.test(cell)) return BigInt(cell);
  return 0n;
}

function text(cell: Cell): string {
  if (cell === null) return 'none';
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}
