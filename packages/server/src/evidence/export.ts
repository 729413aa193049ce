/**
 * One file of a report. It is made whole before its first byte is sent: so its hash stands on the log first, a failure is an
 * answer and no file that is cut off, and a reader that is slow holds no snapshot open.
 */
import { createHash, hash } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ipeJson, PDF_ROWS, type TableFormat, tablesDocument, ZipWriter } from '@hivekey/evidence';
import type { Administrator, ApiContext } from '../api/route.ts';
import { authorOf } from './header.ts';
import { pdfOf } from './pdf.ts';
import { type Asked, scopeOf, tableOf } from './read.ts';
import type { Report } from './report.ts';
import { inSnapshot, type Snapshot } from './snapshot.ts';
import type { Format } from './views.ts';
import { type ReportWriting, type WrittenReport, writeReport } from './write.ts';

export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  csv: 'text/csv; charset=utf-8',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  json: 'application/json; charset=utf-8',
  jsonl: 'application/x-ndjson; charset=utf-8',
  ipe: 'application/json; charset=utf-8',
  pdf: 'application/pdf',
  zip: 'application/zip',
};

export interface MadeFile {
  readonly name: string;
  /** Of the tables that are in it. */
  readonly rows: number;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly content: Readable | Buffer;
}

/** `table`: of a report with several; a workbook has all of them. Throws `table_not_found` and what the report throws. */
export function makeFile(
  context: ApiContext,
  administrator: Administrator,
  asked: Asked,
  table: string | undefined,
  format: Format,
): Promise<MadeFile> {
  return inSnapshot(context, administrator.workspaceId, (snapshot) =>
    makeFrom(context, snapshot, administrator, asked, table, format),
  );
}

async function makeFrom(
  context: ApiContext,
  snapshot: Snapshot,
  administrator: Administrator,
  asked: Asked,
  tableName: string | undefined,
  format: Format,
): Promise<MadeFile> {
  const { report } = asked;
  const table = tableOf(report, tableName);
  const scope = scopeOf(context, snapshot, asked);
  const by = { ...authorOf(administrator), generatedAt: scope.asOf };
  const stem = (name: string): string => `${name}_${asked.period.from.slice(0, 10)}_${asked.period.to.slice(0, 10)}`;
  const write = (formats: readonly TableFormat[], keep?: number): Promise<ReportWriting> =>
    writeReport(report, scope, snapshot, formats, by, keep);
  switch (format) {
    case 'ipe': {
      const { headers } = await written(await write([]));
      const header = found(headers, table.name);
      return ofBytes(`${stem(table.name)}.ipe.json`, header.row_count, Buffer.from(ipeJson(header)));
    }
    case 'pdf':
      return ofBytes(`${stem(report.id)}.pdf`, ...(await pages(report, await write([], PDF_ROWS))));
    case 'zip':
      return spooled(`${stem(report.id)}.zip`, async (sink) => archive(await write(['csv']), sink));
    default: {
      const isWorkbook = format === 'xlsx';
      const wanted = isWorkbook ? `${report.id}.xlsx` : `${table.name}.${format}`;
      return spooled(`${stem(isWorkbook ? report.id : table.name)}.${format}`, async (sink) => {
        const { tables } = await written(await write([format]), (file, bytes) =>
          file === wanted ? sink(bytes) : undefined,
        );
        return isWorkbook ? rowsIn(tables) : found(tables, table.name).rows;
      });
    }
  }
}

/** Reads it to its end. */
async function written(
  { chunks, finish }: ReportWriting,
  take: (file: string, bytes: Uint8Array) => Promise<void> | undefined = () => undefined,
): Promise<WrittenReport> {
  for await (const { file, bytes } of chunks) await take(file, bytes);
  return finish();
}

function rowsIn(tables: WrittenReport['tables']): number {
  return Object.values(tables).reduce((sum, { rows }) => sum + rows, 0);
}

function ofBytes(name: string, rows: number, content: Buffer): MadeFile {
  return { name, rows, bytes: content.length, sha256: hash('sha256', content), content };
}

/** For whoever signs or reads on paper: a header page for each table and its first rows. */
async function pages(report: Report, writing: ReportWriting): Promise<[number, Buffer]> {
  const { headers, firstRows, tables } = await written(writing);
  const shown = report.tables.map((shape) => ({
    shape,
    header: found(headers, shape.name),
    rows: found(firstRows, shape.name),
  }));
  const [first, ...others] = shown;
  if (first === undefined) throw new Error(`the report ${report.id} has no table`);
  return [rowsIn(tables), Buffer.from(await pdfOf(tablesDocument(report.title, [first, ...others])))];
}

type AsyncSink = (bytes: Uint8Array) => Promise<void>;

/** All of it as it stands in a bundle: the CSV of each table with its header, and what is no table. Returns the rows. */
async function archive(writing: ReportWriting, sink: AsyncSink): Promise<number> {
  const ready: Uint8Array[] = [];
  const zip = new ZipWriter((bytes) => ready.push(bytes));
  const flush = async (): Promise<void> => {
    for (const bytes of ready.splice(0)) await sink(bytes);
  };
  let open: { readonly file: string; readonly entry: ReturnType<ZipWriter['open']> } | undefined;
  // One format: each file is whole before the next begins.
  const { headers, tables, attachments } = await written(writing, async (file, bytes) => {
    if (open?.file !== file) {
      open?.entry.close();
      open = { file, entry: zip.open(file) };
    }
    open.entry.write(bytes);
    await flush();
  });
  open?.entry.close();
  for (const [name, header] of Object.entries(headers)) zip.add(`${name}.ipe.json`, Buffer.from(ipeJson(header)));
  for await (const { path, bytes } of attachments()) {
    const entry = zip.open(path);
    if (bytes instanceof Uint8Array) entry.write(bytes);
    else
      for await (const piece of bytes) {
        entry.write(piece);
        await flush();
      }
    entry.close();
    await flush();
  }
  zip.end();
  await flush();
  return rowsIn(tables);
}

/** `make` writes into the sink and returns how many rows that are. */
async function spooled(name: string, make: (sink: AsyncSink) => Promise<number>): Promise<MadeFile> {
  const spool = await Spool.open();
  try {
    const digest = createHash('sha256');
    let size = 0;
    const rows = await make(async (bytes) => {
      digest.update(bytes);
      size += bytes.length;
      await spool.write(bytes);
    });
    return { name, rows, bytes: size, sha256: digest.digest('hex'), content: spool.read() };
  } catch (error) {
    await spool.discard();
    throw error;
  }
}

function found<T>(all: Readonly<Record<string, T>>, name: string): T {
  const one = all[name];
  if (one === undefined) throw new Error(`nothing was written of ${name}`);
  return one;
}

/** A file that nobody else can open: its name is gone before anything is in it, and its space when it is closed. */
class Spool {
  readonly #file: Awaited<ReturnType<typeof open>>;

  private constructor(file: Awaited<ReturnType<typeof open>>) {
    this.#file = file;
  }

  static async open(): Promise<Spool> {
    const folder = await mkdtemp(join(tmpdir(), 'hivekey-evidence-'));
    try {
      return new Spool(await open(join(folder, 'file'), 'wx+', 0o600));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.writeFile(bytes);
  }

  /** From its beginning; it is closed at the end, or when the reader goes away. */
  read(): Readable {
    return this.#file.createReadStream({ start: 0, autoClose: true });
  }

  discard(): Promise<void> {
    return this.#file.close();
  }
}
