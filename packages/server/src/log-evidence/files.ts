/** The log of a period as files: an export of it, cut at months, and the checkpoints that were signed over its days. */

import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { EXPORT_FILES, formatCheckpointLine } from '@hivekey/action-log';
import { ENTRIES_FOLDER, LOG_EXPORT_FOLDER } from '@hivekey/evidence';
import { type Attachment, endOf, type ReportScope } from '../evidence/index.ts';
import type { Run } from './entries.ts';

const LINE_FEED = 0x0a;
/** RFC 1952: 255 is "unknown", where zlib would write which system it runs on. */
const GZIP_OS_AT = 9;
const UNKNOWN_OS = 255;

/** Throws when the log of the period is another one than `run`: then it has grown since, and files would differ. */
export async function* logFiles(scope: ReportScope, run: Run | undefined): AsyncGenerator<Attachment, void, undefined> {
  if (run === undefined) return;
  const { context, workspaceId, period, asOf } = scope;
  const exported = await context.log.export(workspaceId, {
    from: new Date(period.from),
    to: new Date(endOf(period, asOf)),
    // Of a period that is not over, entries are sealed while it is read.
    through: run.last,
  });
  if (exported.first !== run.first || exported.last !== run.last)
    throw new Error(
      `the log of the period goes from ${exported.first} to ${exported.last}, and was read from ${run.first} to ${run.last}`,
    );
  for (const { path, chunks } of exported.files)
    if (path === EXPORT_FILES.entries) yield* months(chunks);
    else yield { path: `${LOG_EXPORT_FOLDER}/${path}`, bytes: chunks };
  yield { path: EXPORT_FILES.checkpoints, bytes: await checkpoints(scope) };
}

/** For each day, the first signed checkpoint that covers it. */
async function checkpoints({ client, workspaceId, period, asOf }: ReportScope): Promise<Buffer> {
  const { rows } = await client.query<{ note: string }>(
    `SELECT DISTINCT ON (c.tree_size) c.note
       FROM (SELECT max(seq) AS last FROM actions WHERE workspace_id = $1 AND ts >= $2 AND ts < $3
              GROUP BY (ts AT TIME ZONE 'UTC')::date) d
      CROSS JOIN LATERAL (SELECT tree_size, note, id FROM log_checkpoints
                           WHERE workspace_id = $1 AND tree_size >= d.last ORDER BY tree_size, id LIMIT 1) c
      ORDER BY c.tree_size, c.id`,
    [workspaceId, period.from, endOf(period, asOf)],
  );
  return Buffer.from(rows.map(({ note }) => formatCheckpointLine(note)).join(''));
}

/**
 * `entries/<yyyy-mm>.jsonl.gz`: lines as they are, cut where the first entry of a later month stands; what is dated earlier behind it
 * stays in the order of the log.
 */
async function* months(chunks: AsyncIterable<Buffer>): AsyncGenerator<Attachment, void, undefined> {
  const source = linesOf(chunks);
  let next = await source.next();
  let month = next.done === true ? '' : (monthOf(next.value) ?? 'undated');
  while (next.done !== true) {
    const of = month;
    async function* part(): AsyncGenerator<Buffer, void, undefined> {
      while (next.done !== true) {
        const here = monthOf(next.value);
        if (here !== undefined && (here > of || of === 'undated')) {
          month = here;
          return;
        }
        yield next.value;
        next = await source.next();
      }
    }
    const lines = part();
    yield { path: `${ENTRIES_FOLDER}/${of}.jsonl.gz`, bytes: gzipped(lines) };
    // Whoever passes a file over comes to the next one all the same.
    for await (const _ of lines);
  }
}

/** Of the record's own time: the last member of that name in a line, as `ts` stands behind whatever a record quotes. */
function monthOf(line: Buffer): string | undefined {
  const at = line.lastIndexOf('"ts":"');
  const month = at < 0 ? '' : line.toString('latin1', at + 6, at + 13);
  return /^\d{4}-\d{2}$/.test(month) ? month : undefined;
}

/** Each with its line feed. Chunks hold whole lines, as blocks do. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED, start); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      yield bytes.subarray(start, end + 1);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  if (rest.length > 0) yield rest;
}

/** The same bytes on every system: no name, no time, no system. */
async function* gzipped(lines: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const out = new PassThrough();
  const done = pipeline(Readable.from(lines), createGzip({ level: constants.Z_DEFAULT_COMPRESSION }), out);
  done.catch(() => undefined);
  let at = 0;
  for await (const chunk of out) {
    const bytes: Buffer = chunk;
    if (at <= GZIP_OS_AT && at + bytes.length > GZIP_OS_AT) bytes[GZIP_OS_AT - at] = UNKNOWN_OS;
    at += bytes.length;
    yield bytes;
  }
  await done;
}
