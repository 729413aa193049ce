/**
 * One file of a report. It is made whole before its first byte is sent: so its hash stands on the log first, a failure is an
 * answer and no file that is cut off, and a reader that is slow holds no snapshot open.
 */
import { hash } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ipeJson } from '@hivekey/evidence';
import type { Administrator, ApiContext } from '../api/route.ts';
import { authorOf } from './header.ts';
import { type Asked, scopeOf, tableOf } from './read.ts';
import { inSnapshot, type Snapshot } from './snapshot.ts';
import type { Format } from './views.ts';
import { writeReport } from './write.ts';

export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  csv: 'text/csv; charset=utf-8',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  json: 'application/json; charset=utf-8',
  jsonl: 'application/x-ndjson; charset=utf-8',
  ipe: 'application/json; charset=utf-8',
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
  const writing = await writeReport(report, scope, snapshot, format === 'ipe' ? [] : [format], by);
  const stem = `${format === 'xlsx' ? report.id : table.name}_${asked.period.from.slice(0, 10)}_${asked.period.to.slice(0, 10)}`;
  const spooled = await Spool.open();
  try {
    const wanted = format === 'xlsx' ? `${report.id}.xlsx` : `${table.name}.${format}`;
    for await (const { file, bytes } of writing.chunks) if (file === wanted) await spooled.write(bytes);
    const { headers, tables, files } = writing.finish();
    if (format === 'ipe') {
      const header = headers[table.name];
      if (header === undefined) throw new Error(`nothing was written of ${table.name}`);
      const content = Buffer.from(ipeJson(header));
      await spooled.discard();
      return {
        name: `${stem}.ipe.json`,
        rows: header.row_count,
        bytes: content.length,
        sha256: hash('sha256', content),
        content,
      };
    }
    const file = files[wanted];
    if (file === undefined) throw new Error(`nothing was written of ${wanted}`);
    const within = format === 'xlsx' ? Object.values(tables) : [tables[table.name]];
    const rows = within.reduce((sum, each) => sum + (each?.rows ?? 0), 0);
    return { name: `${stem}.${format}`, rows, ...file, content: spooled.read() };
  } catch (error) {
    await spooled.discard();
    throw error;
  }
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
