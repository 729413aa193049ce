/** Writes a report: all its tables, in each of the formats, with the header of each. Rows are read once. */
import {
  type Chunk,
  type IpeHeader,
  type Row,
  type Table,
  type TableFormat,
  type Written,
  writeTables,
} from '@hivekey/evidence';
import { type Author, headerOf } from './header.ts';
import { factsOf, readReport, rowsOf } from './read.ts';
import type { Attachment, Report, ReportScope } from './report.ts';
import type { Snapshot } from './snapshot.ts';

export interface WrittenReport extends Written {
  /** By name of the table. */
  readonly headers: Readonly<Record<string, IpeHeader>>;
  readonly attachments: () => AsyncIterable<Attachment>;
  /** The first rows of each table, as many as were to be kept, by its name. */
  readonly firstRows: Readonly<Record<string, readonly Row[]>>;
}

export interface ReportWriting {
  /** To be read once and to the end: `<table>.<format>`; the XLSX is `<report>.xlsx`. */
  readonly chunks: AsyncIterable<Chunk>;
  /** After that, and within the snapshot. */
  readonly finish: () => WrittenReport;
}

/**
 * `generatedAt`: ISO 8601 UTC, the one thing that differs between two files of the same. `keep`: how many rows of each table stay
 * in memory, for whoever lays them out on pages.
 */
export async function writeReport(
  report: Report,
  scope: ReportScope,
  snapshot: Snapshot,
  formats: readonly TableFormat[],
  by: Author & { readonly generatedAt: string },
  keep = 0,
): Promise<ReportWriting> {
  const content = await readReport(report, scope);
  const firstRows: Record<string, readonly Row[]> = {};
  const tables = report.tables.map((shape): Table => {
    const kept: Row[] = [];
    firstRows[shape.name] = kept;
    return { ...shape, rows: keeping(rowsOf(content, shape), kept, keep) };
  });
  const headers: Record<string, IpeHeader> = {};
  const { generatedAt, ...author } = by;
  const writing = writeTables(tables, formats, {
    workbook: report.id,
    headers: async (written) => {
      const facts = await content.facts();
      const found: IpeHeader[] = [];
      for (const table of tables) {
        const file = written[table.name];
        if (file === undefined) throw new Error(`nothing was written of ${table.name}`);
        const header = {
          ...(await headerOf(report, table, scope, snapshot, factsOf(facts, table), author)),
          generated_at: generatedAt,
          row_count: file.rows,
          neutralised_cells: file.neutralised,
          sha256: file.sha256,
        };
        headers[table.name] = header;
        found.push(header);
      }
      return found;
    },
  });
  return {
    chunks: writing.chunks,
    finish: () => ({ ...writing.finish(), headers, firstRows, attachments: content.attachments ?? none }),
  };
}

async function* keeping(rows: AsyncIterable<Row>, kept: Row[], most: number): AsyncGenerator<Row, void, undefined> {
  for await (const row of rows) {
    if (kept.length < most) kept.push(row);
    yield row;
  }
}

async function* none(): AsyncGenerator<Attachment, void, undefined> {}
