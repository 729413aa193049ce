/** Server-sent events (WHATWG HTML, section 9.2), read from bytes as they come. */
import { isUtf8 } from 'node:buffer';

export interface SseHandler {
  /** The data of one event of the default type. */
  onData(data: string): void;
  /** The last event id so far; for resuming. */
  onId?(id: string): void;
  /** Milliseconds to wait before reconnecting. */
  onRetry?(ms: number): void;
}

/** The stream is not UTF-8, or one event is larger than allowed. */
export class SseRefused extends Error {
  readonly code: 'upstream_protocol_error' | 'upstream_too_large';

  constructor(code: 'upstream_protocol_error' | 'upstream_too_large') {
    super(code);
    this.code = code;
  }
}

const LF = 0x0a;
const CR = 0x0d;

export class SseReader {
  readonly #handler: SseHandler;
  readonly #maxEventBytes: number;
  /** Parts of the line that has not ended yet. */
  #line: Buffer[] = [];
  #eventBytes = 0;
  #afterCr = false;
  #first = true;
  #data: string[] = [];
  #type = '';

  constructor(handler: SseHandler, maxEventBytes: number) {
    this.#handler = handler;
    this.#maxEventBytes = maxEventBytes;
  }

  /** Throws SseRefused. */
  push(chunk: Buffer): void {
    let start = this.#afterCr && chunk[0] === LF ? 1 : 0;
    if (chunk.length > 0) this.#afterCr = false;
    let lf = chunk.indexOf(LF, start);
    let cr = chunk.indexOf(CR, start);
    while (lf !== -1 || cr !== -1) {
      const byCr = cr !== -1 && (lf === -1 || cr < lf);
      const end = byCr ? cr : lf;
      this.#keep(chunk.subarray(start, end));
      this.#endLine();
      start = byCr && lf === end + 1 ? end + 2 : end + 1;
      this.#afterCr = byCr && start === chunk.length && lf !== end + 1;
      if (lf !== -1 && lf < start) lf = chunk.indexOf(LF, start);
      if (cr !== -1 && cr < start) cr = chunk.indexOf(CR, start);
    }
    this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    this.#eventBytes += part.length;
    if (this.#eventBytes > this.#maxEventBytes) throw new SseRefused('upstream_too_large');
    if (part.length > 0) this.#line.push(part);
  }

  #endLine(): void {
    const [only] = this.#line;
    const bytes = this.#line.length === 1 && only !== undefined ? only : Buffer.concat(this.#line);
    this.#line = [];
    if (!isUtf8(bytes)) throw new SseRefused('upstream_protocol_error');
    const text = bytes.toString('utf8');
    const line = this.#first && text.startsWith('\ufeff') ? text.slice(1) : text;
    this.#first = false;
    if (line === '') this.#dispatch();
    else if (!line.startsWith(':')) this.#field(line);
    // Comments keep a stream alive and must not fill an event.
    else this.#eventBytes -= bytes.length;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    const rest = colon === -1 ? '' : line.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) this.#handler.onId?.(value);
    else if (name === 'retry' && /^\d{1,9}$/.test(value)) this.#handler.onRetry?.(Number(value));
  }

  #dispatch(): void {
    const data = this.#data;
    const type = this.#type;
    this.#data = [];
    this.#type = '';
    this.#eventBytes = 0;
    if (data.length > 0 && (type === '' || type === 'message')) this.#handler.onData(data.join('\n'));
  }
}
