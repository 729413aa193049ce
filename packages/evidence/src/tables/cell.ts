/** One cell as text, before any format has its say. */
import { canonicalJson } from '@hivekey/action-log';
import type { Cell, CellKind, Json, TableShape } from '../types.ts';

/** A report gave a value that its column does not take: a mistake of ours, never of the data. */
export class WrongCell extends Error {
  readonly code = 'wrong_cell';
}

const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z$/;
/** What a reader joined by can be taken apart by: no id of ours holds it. */
const LIST_SEPARATOR = '; ';

/** Kinds whose text comes from people or machines outside, so that a spreadsheet might take it for something else. */
export function isTextKind(kind: CellKind): boolean {
  return kind === 'id' || kind === 'text' || kind === 'list' || kind === 'json';
}

/**
 * The text of a cell; `null` is empty. Integers and numbers may come as decimal strings, as databases give what a double cannot
 * hold, and keep every digit. Throws {@link WrongCell}.
 */
export function textOf(kind: CellKind, cell: Cell): string {
  if (cell === null) return '';
  switch (kind) {
    case 'id':
    case 'text':
      if (typeof cell === 'string') return cell;
      break;
    case 'integer':
      if (typeof cell === 'bigint' || (typeof cell === 'number' && Number.isSafeInteger(cell))) return String(cell);
      if (typeof cell === 'string' && INTEGER.test(cell)) return cell;
      break;
    case 'number':
      if (typeof cell === 'bigint' || (typeof cell === 'number' && Number.isFinite(cell))) return String(cell);
      if (typeof cell === 'string' && DECIMAL.test(cell)) return cell;
      break;
    case 'boolean':
      if (typeof cell === 'boolean') return cell ? 'true' : 'false';
      break;
    case 'time':
      if (typeof cell === 'string' && TIME.test(cell)) return cell;
      break;
    case 'list':
      if (Array.isArray(cell)) return cell.map(elementOf).join(LIST_SEPARATOR);
      break;
    case 'json':
      if (typeof cell !== 'bigint') return canonicalJson(wellFormed(cell));
      break;
  }
  throw new WrongCell(`${typeof cell === 'object' ? 'an object' : `the ${typeof cell} ${cell}`} is no ${kind}`);
}

/** Tells a mistake's place: which table, column and row. Throws {@link WrongCell}. */
export function wrongCellAt(shape: TableShape, column: number, rowNumber: number, cause: unknown): never {
  if (!(cause instanceof WrongCell)) throw cause;
  const name = shape.columns[column]?.name ?? `column ${column}`;
  throw new WrongCell(`${shape.name}.${name}, row ${rowNumber}: ${cause.message}`);
}

function elementOf(element: Json): string {
  if (typeof element === 'string') return element;
  return canonicalJson(wellFormed(element));
}

/** Without lone surrogates, which have no UTF-8 form: each becomes U+FFFD. */
export function wellFormed(value: Json): Json {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (isArray(value)) return value.map(wellFormed);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name.toWellFormed(), wellFormed(each)]));
}

/** `Array.isArray` that knows read-only arrays. */
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
