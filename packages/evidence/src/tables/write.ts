/**
 * Writes tables: rows are read once, for as many formats as are asked for, and nothing but a few buffers is kept. Whatever the
 * format, the CSV is made along and hashed, so that headers of all formats name one SHA-256, and equal hashes mean equal rows.
 */
import { createHash } from 'node:crypto';
import type { IpeHeader, Table } from '../types.ts';
import { CsvWriter } from './csv.ts';
import { JsonLinesWriter, JsonWriter } from './json.ts';
import type { RowWriter, Sink } from './sink.ts';
import { WorkbookWriter } from './xlsx.ts';

/** CSV is the record; JSONL and JSON are for machines; XLSX is a working copy. */
export type TableFormat = 'csv' | 'jsonl' | 'json' | 'xlsx';

/** What is known of a table once it was read to its end. */
export interface TableFacts {
  readonly rows: number;
  /** Of the CSV, lower-case hex, also where no CSV was asked for: `IpeHeader.sha256`. */
  readonly sha256: string;
  /** Cells of the CSV that are not written as they are: `IpeHeader.neutralised_cells`. */
  readonly neutralised: number;
}

export interface FileFacts {
  readonly bytes: number;
  /** Of the file itself, lower-case hex. */
  readonly sha256: string;
}

export interface Written {
  /** By name of the table. */
  readonly tables: Readonly<Record<string, TableFacts>>;
  /** By name of the file. */
  readonly files: Readonly<Record<string, FileFacts>>;
  /** Cells of the XLSX that were longer than a spreadsheet holds. */
  readonly cutCells: number;
}

export interface TablesOptions {
  /**
   * Asked once, after the last row of the last table, with what is known by name of the table; gives the headers in the order of the
   * tables. The sheet `About` needs them; who writes no XLSX may leave it out.
   */
  readonly headers?: (facts: Readonly<Record<string, TableFacts>>) => Promise<readonly IpeHeader[]>;
  /** Stem of the XLSX, which has all tables; otherwise it is called as the first table is. */
  readonly workbook?: string;
}

export interface Chunk {
  /** `<table>.<format>`; the XLSX is one file for all tables. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

export interface Writing {
  /** To be read once and to the end; pieces of the files alternate, those of one are in order. */
  readonly chunks: AsyncIterable<Chunk>;
  /** Throws before `chunks` were read to their end: what is half written has no digest. */
  readonly finish: () => Written;
}

/** Writes each table in each of the formats. Throws what reading rows throws, and `WrongCell`. */
export function writeTables(
  tables: readonly Table[],
  formats: readonly TableFormat[],
  options: TablesOptions = {},
): Writing {
  let written: Written | undefined;
  async function* chunks(): AsyncGenerator<Chunk> {
    const files = new OpenFiles();
    const workbook = formats.includes('xlsx')
      ? new WorkbookWriter(files.open(`${options.workbook ?? tables[0]?.name ?? 'tables'}.xlsx`))
      : undefined;
    const facts: Record<string, TableFacts> = {};
    for (const table of tables) {
      const digest = createHash('sha256');
      const csvFile = formats.includes('csv') ? files.open(`${table.name}.csv`) : undefined;
      const csv = new CsvWriter(table, (bytes) => {
        digest.update(bytes);
        csvFile?.(bytes);
      });
      const writers: RowWriter[] = [csv];
      if (formats.includes('jsonl')) writers.push(new JsonLinesWriter(table, files.open(`${table.name}.jsonl`)));
      if (formats.includes('json')) writers.push(new JsonWriter(table, files.open(`${table.name}.json`)));
      if (workbook !== undefined) writers.push(workbook.table(table));
      let rows = 0;
      for await (const row of table.rows) {
        rows += 1;
        for (const writer of writers) writer.row(row, rows);
        if (files.hasReady()) yield* files.take();
      }
      for (const writer of writers) writer.end();
      facts[table.name] = {
        rows,
        sha256: digest.digest('hex'),
        neutralised: csv.neutralised,
      };
    }
    const headers = (await options.headers?.(facts)) ?? [];
    workbook?.end(headers, tables);
    yield* files.take();
    written = { tables: facts, files: files.facts(), cutCells: workbook?.cutCells ?? 0 };
  }
  return {
    chunks: chunks(),
    finish: () => {
      if (written === undefined) throw new Error('the tables were not read to their end');
      return written;
    },
  };
}

/** Files that are being written: their pieces until somebody takes them, their lengths and digests. */
class OpenFiles {
  readonly #files = new Map<string, { bytes: number; readonly digest: ReturnType<typeof createHash> }>();
  #ready: Chunk[] = [];

  open(file: string): Sink {
    const state = { bytes: 0, digest: createHash('sha256') };
    this.#files.set(file, state);
    return (bytes) => {
      state.bytes += bytes.length;
      state.digest.update(bytes);
      this.#ready.push({ file, bytes });
    };
  }

  hasReady(): boolean {
    return this.#ready.length > 0;
  }

  take(): readonly Chunk[] {
    const taken = this.#ready;
    this.#ready = [];
    return taken;
  }

  facts(): Readonly<Record<string, FileFacts>> {
    return Object.fromEntries(
      [...this.#files].map(([file, { bytes, digest }]) => [file, { bytes, sha256: digest.digest('hex') }]),
    );
  }
}
