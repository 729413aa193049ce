/**
 * CSV, which is the record: RFC 4180 in UTF-8 without a byte order mark, with LF at the end of each line and a header row.
 *
 * A cell is quoted where it holds a comma, a quote, a semicolon, a tab, CR or LF, or blanks at its ends; CR and LF within a cell
 * stay as they are, so that a line of the file need not be a row. An empty cell is `null`; an empty text is `""`. Cells of text are
 * made neutral (neutral.ts) and counted; numbers, booleans and times have a form that says what they are, and stay, a minus sign
 * included.
 */
import type { Row, TableShape } from '../types.ts';
import { isTextKind, textOf, wrongCellAt } from './cell.ts';
import { neutral } from './neutral.ts';
import { type RowWriter, type Sink, TextSink } from './sink.ts';

/** Most cells: begins with a letter or digit and holds nothing that CSV or a spreadsheet knows. */
const HARMLESS = /^[A-Za-z0-9][\w.:@/-]*$/;
const TO_QUOTE = /[",;\t\r\n]|^\s|\s$/;

export class CsvWriter implements RowWriter {
  readonly #shape: TableShape;
  readonly #out: TextSink;
  #neutralised = 0;

  constructor(shape: TableShape, sink: Sink) {
    this.#shape = shape;
    this.#out = new TextSink(sink);
    this.#out.write(`${shape.columns.map((column) => quoted(column.name)).join(',')}\n`);
  }

  /** Cells so far that are not written as they are. */
  get neutralised(): number {
    return this.#neutralised;
  }

  row(row: Row, rowNumber: number): void {
    const { columns } = this.#shape;
    let line = '';
    for (let i = 0; i < columns.length; i += 1) {
      if (i > 0) line += ',';
      const cell = row[i] ?? null;
      const kind = columns[i]?.kind;
      if (cell === null || kind === undefined) continue;
      try {
        const text = textOf(kind, cell);
        line += isTextKind(kind) ? this.#text(text) : text;
      } catch (error) {
        wrongCellAt(this.#shape, i, rowNumber, error);
      }
    }
    this.#out.write(`${line}\n`);
  }

  end(): void {
    this.#out.flush();
  }

  #text(text: string): string {
    if (HARMLESS.test(text)) return text;
    const safe = neutral(text);
    if (safe !== text) this.#neutralised += 1;
    return quoted(safe);
  }
}

function quoted(text: string): string {
  return text === '' || TO_QUOTE.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
