/**
 * A ZIP archive, written as its entries come (APPNOTE 6.3.10, sizes after the data). The same entries give the same bytes on every
 * machine: deflate is fflate's, as zlib's output depends on its build, and each entry is of 1980-01-01 00:00, so that neither clock
 * nor time zone has a say.
 */
import { crc32 } from 'node:zlib';
import { Deflate } from 'fflate';
import type { Sink } from './sink.ts';

/** An entry or the archive reaches 4 GiB, where readers of this form end. */
export class ZipTooLarge extends Error {
  readonly code = 'zip_too_large';
}

/** Bytes of an entry, and of the archive. */
const LIMIT = 0xffff_ffff;
const VERSION = 20;
/** Sizes follow the data; names are UTF-8. */
const FLAGS = 0x0808;
const DEFLATED = 8;
/** 1980-01-01, the first day there is. */
const DOS_DATE = 0x0021;
/** Level of deflate: on tables, 6 takes a fifth more time to save a fifteenth of the size. */
const LEVEL = 3;

interface Entry {
  readonly name: Uint8Array;
  readonly offset: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
}

export class ZipWriter {
  readonly #sink: Sink;
  readonly #entries: Entry[] = [];
  readonly #limit: number;
  #offset = 0;

  constructor(sink: Sink, limit = LIMIT) {
    this.#sink = sink;
    this.#limit = limit;
  }

  /** Entries are written one after the other: the one before must be closed. Throws {@link ZipTooLarge}. */
  open(path: string): { readonly write: Sink; readonly close: () => void } {
    const name = Buffer.from(path, 'utf8');
    const offset = this.#offset;
    let crc = 0;
    let size = 0;
    let packed = 0;
    this.#write(record(0x04034b50, [[2, VERSION], ...common({ crc: 0, packed: 0, size: 0 }, name), [2, 0]]), name);
    const deflate = new Deflate({ level: LEVEL }, (bytes) => {
      packed += bytes.length;
      this.#write(bytes);
    });
    return {
      write: (bytes) => {
        crc = crc32(bytes, crc);
        size += bytes.length;
        if (size > this.#limit) throw new ZipTooLarge(`${path} is larger than 4 GiB`);
        deflate.push(bytes);
      },
      close: () => {
        deflate.push(new Uint8Array(0), true);
        this.#write(
          record(0x08074b50, [
            [4, crc],
            [4, packed],
            [4, size],
          ]),
        );
        this.#entries.push({ name, offset, crc, packed, size });
      },
    };
  }

  add(path: string, bytes: Uint8Array): void {
    const { write, close } = this.open(path);
    write(bytes);
    close();
  }

  end(): void {
    const start = this.#offset;
    for (const entry of this.#entries) {
      const rest: Field[] = [
        [2, 0],
        [2, 0],
        [2, 0],
        [2, 0],
        [4, 0],
        [4, entry.offset],
      ];
      this.#write(record(0x02014b50, [[2, VERSION], [2, VERSION], ...common(entry, entry.name), ...rest]), entry.name);
    }
    const count = this.#entries.length;
    this.#write(
      record(0x06054b50, [
        [2, 0],
        [2, 0],
        [2, count],
        [2, count],
        [4, this.#offset - start],
        [4, start],
        [2, 0],
      ]),
    );
  }

  #write(...pieces: readonly Uint8Array[]): void {
    for (const bytes of pieces) {
      this.#offset += bytes.length;
      if (this.#offset > this.#limit) throw new ZipTooLarge('the archive is larger than 4 GiB');
      this.#sink(bytes);
    }
  }
}

/** Bytes it takes, and its value. */
type Field = readonly [2 | 4, number];

/** What local and central headers share, from the flags to the length of the name. */
function common({ crc, packed, size }: Pick<Entry, 'crc' | 'packed' | 'size'>, name: Uint8Array): readonly Field[] {
  return [
    [2, FLAGS],
    [2, DEFLATED],
    [2, 0],
    [2, DOS_DATE],
    [4, crc],
    [4, packed],
    [4, size],
    [2, name.length],
  ];
}

function record(signature: number, fields: readonly Field[]): Uint8Array {
  const bytes = Buffer.alloc(fields.reduce((length, [width]) => length + width, 4));
  bytes.writeUInt32LE(signature, 0);
  let at = 4;
  for (const [width, value] of fields) at = bytes.writeUIntLE(value, at, width);
  return bytes;
}
