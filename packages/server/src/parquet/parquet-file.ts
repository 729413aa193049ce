/**
 * Writes one Parquet file in memory bounded by a row group: what is encoded goes out before the next rows come in.
 * The same rows in the same groups give the same bytes.
 */
import { constants, gzipSync } from 'node:zlib';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { type Column, cellOf, LOG_COLUMNS, schemaOf } from './columns.ts';

/** An entry in the flat view, by the names of the columns; what has no column is left out. */
type FlatRow = Readonly<Record<string, unknown>>;

interface ParquetFileOptions {
  /** Takes the next bytes of the file; the next rows wait for it. */
  readonly write: (bytes: Uint8Array) => Promise<void> | void;
  /** Those of the log where nothing is said. */
  readonly columns?: readonly Column[];
  /** Kept in the footer. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export class ParquetFile {
  readonly #columns: readonly Column[];
  readonly #writer: ParquetWriter;

  constructor({ write, columns = LOG_COLUMNS, metadata = {} }: ParquetFileOptions) {
    this.#columns = columns;
    this.#writer = new ParquetWriter({
      writer: new PassingWriter(write),
      schema: schemaOf(columns),
      // Read by everything that reads Parquet, and compressed by native code; Snappy would be by JavaScript.
      codec: 'GZIP',
      compressors: { GZIP: (bytes) => gzipSync(bytes, { level: constants.Z_BEST_SPEED }) },
      kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      createdBy: 'HiveKey',
    });
  }

  /** One row group; 10,000 to 100,000 rows read well. None is none. */
  async add(rows: readonly FlatRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#writer.write({
      columnData: this.#columns.map(({ name, type }) => ({ name, data: rows.map((row) => cellOf(type, row[name])) })),
      rowGroupSize: rows.length,
    });
  }

  /** Writes the footer, without which the file is none. */
  async finish(): Promise<void> {
    await this.#writer.finish();
  }
}

/** Hands over what is there after each row group, and keeps nothing of it. */
class PassingWriter extends ByteWriter {
  readonly #write: ParquetFileOptions['write'];

  constructor(write: ParquetFileOptions['write']) {
    super();
    this.#write = write;
  }

  flush(): Promise<void> | void {
    const bytes = this.getBytes().slice();
    this.index = 0;
    return this.#write(bytes);
  }

  override finish(): Promise<void> | void {
    return this.flush();
  }
}
