import type { Row } from '../types.ts';

/** Takes bytes as they come; the bytes are not changed afterwards. */
export type Sink = (bytes: Uint8Array) => void;

/** Writes a table row by row into a sink. `rowNumber` counts from 1 and is said in errors. */
export interface RowWriter {
  row(row: Row, rowNumber: number): void;
  end(): void;
}

/** Text is gathered to about this many UTF-16 units before it is encoded: one call for many small pieces. */
const GATHERED = 65_536;

/** Text → UTF-8, in pieces of a size that is worth a call. */
export class TextSink {
  #text = '';
  readonly #sink: Sink;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length >= GATHERED) this.flush();
  }

  flush(): void {
    if (this.#text === '') return;
    this.#sink(Buffer.from(this.#text, 'utf8'));
    this.#text = '';
  }
}
