/** Lines of a stdio server: bytes until LF. A line that never ends is refused before it fills the memory. */
import { isUtf8 } from 'node:buffer';

const LF = 0x0a;

export class LineReader {
  readonly #maxBytes: number;
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number, onLine: (line: string) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
  }

  /** False when a line is too long or not UTF-8; nothing after it may be read. */
  push(chunk: Buffer): boolean {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      if (!this.#keep(chunk.subarray(start, end))) return false;
      const line = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
      this.#parts = [];
      this.#bytes = 0;
      start = end + 1;
      if (line === undefined || !isUtf8(line)) return false;
      this.#onLine(line.toString('utf8'));
    }
    return this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): boolean {
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) return false;
    this.#parts.push(part);
    return true;
  }
}

const MAX_DIAGNOSTIC_BYTES = 8_192;
const TOO_LONG = '(a line that is too long to show)';

/** Lines of standard error: anything goes, and a line that is too long is left out, since a part of it could not be cleaned. */
export class DiagnosticReader {
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      this.#keep(chunk.subarray(start, end));
      this.end();
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  /** The last line may have no end of its own. */
  end(): void {
    const line = this.#bytes > MAX_DIAGNOSTIC_BYTES ? TOO_LONG : Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    if (line !== '') this.#onLine(line);
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes <= MAX_DIAGNOSTIC_BYTES) this.#parts.push(part);
  }
}
