/**
 * JSON Lines and JSON. Each row is an object with every column, in the form of RFC 8785 (names in UTF-16 order), so that its bytes can
 * be hashed; JSON is an array of the same objects, one a line. Nothing is neutralised. A whole number beyond ±(2⁵³−1), and a
 * decimal that came as a string, is a string (RFC 7493 section 2.2): readers that take numbers for doubles would change it.
 * Lone surrogates, which have no UTF-8 form, are U+FFFD.
 */
import { canonicalJson } from '@hivekey/action-log';
import type { Cell, CellKind, Json, Row, TableShape } from '../types.ts';
import { textOf, wellFormed, wrongCellAt } from './cell.ts';
import { type RowWriter, type Sink, TextSink } from './sink.ts';

/** Lays rows out as canonical objects: the order of the names is found once. */
class RowObject {
  readonly #shape: TableShape;
  readonly #places: readonly { readonly at: number; readonly kind: CellKind; readonly before: string }[];

  constructor(shape: TableShape) {
    this.#shape = shape;
    this.#places = shape.columns
      .map(({ name, kind }, at) => ({ at, kind, name }))
      // Code units, as RFC 8785 section 3.2.3 has it.
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ at, kind, name }, i) => ({ at, kind, before: `${i === 0 ? '{' : ','}${canonicalJson(name)}:` }));
  }

  of(row: Row, rowNumber: number): string {
    let text = '';
    for (const { at, kind, before } of this.#places) {
      try {
        text += before + jsonOf(kind, row[at] ?? null);
      } catch (error) {
        wrongCellAt(this.#shape, at, rowNumber, error);
      }
    }
    return `${text}}`;
  }
}

export class JsonLinesWriter implements RowWriter {
  readonly #object: RowObject;
  readonly #out: TextSink;

  constructor(shape: TableShape, sink: Sink) {
    this.#object = new RowObject(shape);
    this.#out = new TextSink(sink);
  }

  row(row: Row, rowNumber: number): void {
    this.#out.write(`${this.#object.of(row, rowNumber)}\n`);
  }

  end(): void {
    this.#out.flush();
  }
}

export class JsonWriter implements RowWriter {
  readonly #object: RowObject;
  readonly #out: TextSink;
  #before = '[\n';

  constructor(shape: TableShape, sink: Sink) {
    this.#object = new RowObject(shape);
    this.#out = new TextSink(sink);
  }

  row(row: Row, rowNumber: number): void {
    this.#out.write(this.#before + this.#object.of(row, rowNumber));
    this.#before = ',\n';
  }

  end(): void {
    this.#out.write(this.#before === '[\n' ? '[]\n' : '\n]\n');
    this.#out.flush();
  }
}

function jsonOf(kind: CellKind, cell: Cell): string {
  if (cell === null) return 'null';
  // Also says whether the column takes the value.
  const text = textOf(kind, cell);
  switch (kind) {
    case 'integer':
      return Number.isSafeInteger(Number(text)) ? canonicalJson(Number(text)) : `"${text}"`;
    case 'number':
      return typeof cell === 'number' ? text : `"${text}"`;
    case 'boolean':
    case 'json':
      return text;
    case 'list':
      return canonicalJson(wellFormed(listOf(cell)));
    default:
      return canonicalJson(text.toWellFormed());
  }
}

function listOf(cell: Cell): readonly Json[] {
  return Array.isArray(cell) ? cell : [];
}
