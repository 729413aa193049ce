/** What a receiver should have of a range of the log, from the log itself: to be compared with what it has. */
import { createHash } from 'node:crypto';
import { Failure } from '../errors.ts';
import { type SinksContext, theSink, type Who } from './context.ts';
import { entryOf } from './entry.ts';
import { filterWords, isLeftOut } from './filter.ts';
import type { Range } from './replay.ts';
import { liveStream } from './streams.ts';

const MAX_ENTRIES = 1_000_000;

export interface Place {
  readonly seq: number;
  readonly entryHash: string;
  readonly hash: string;
}

export interface Completeness extends Range {
  readonly cursorSeq: number;
  /** Of the range, in the log. */
  readonly inLog: number;
  readonly leftOut: number;
  /** Settled, left-out ones not counted: accepted or set aside. */
  readonly settled: number;
  /** Of these. */
  readonly setAside: number;
  /** Not settled yet. */
  readonly open: number;
  readonly kinds: Readonly<Record<string, number>>;
  /** Of those that go out. */
  readonly first: Place | null;
  readonly last: Place | null;
  /** SHA-256 of the entry hashes of those that go out, 32 bytes each, in order: `sha256:<hex>`. */
  readonly digest: string;
  readonly filter: string | null;
}

/** Throws `sink_not_found`, `range_invalid`, `range_too_large`. */
export async function completenessOf(
  { pool, log }: SinksContext,
  { workspaceId }: Who,
  idOrName: string,
  range: { readonly fromSeq: number | undefined; readonly toSeq: number | undefined },
): Promise<Completeness> {
  const sink = await theSink(pool, workspaceId, idOrName);
  const stream = await liveStream(pool, workspaceId, sink.id);
  const { cursorSeq } = stream;
  const fromSeq = range.fromSeq ?? stream.fromSeq;
  const toSeq = range.toSeq ?? Math.max(cursorSeq, fromSeq - 1);
  if (fromSeq < stream.fromSeq)
    throw new Failure(
      400,
      'range_invalid',
      `The sink begins with the entry ${stream.fromSeq}.`,
      'Begin there or later.',
    );
  if (toSeq - fromSeq >= MAX_ENTRIES)
    throw new Failure(
      400,
      'range_too_large',
      `The range has more than ${MAX_ENTRIES} entries.`,
      'Ask for parts of it.',
    );
  const hash = createHash('sha256');
  const kinds: Record<string, number> = {};
  let inLog = 0;
  let leftOut = 0;
  let open = 0;
  let first: Place | null = null;
  let last: Place | null = null;
  for (let next = fromSeq; next <= toSeq; ) {
    const chunk = await log.entries(workspaceId, next);
    if (chunk.length === 0) break;
    for (const stored of chunk) {
      next = stored.seq + 1;
      if (stored.seq > toSeq) break;
      inLog += 1;
      const entry = entryOf(stored);
      if (entry !== undefined && isLeftOut(sink.leaveOut, entry.record)) {
        leftOut += 1;
        continue;
      }
      const { seq, entryHash, hash: link } = stored;
      const kind = entry?.record.kind ?? 'unreadable';
      kinds[kind] = (kinds[kind] ?? 0) + 1;
      hash.update(Buffer.from(entryHash.slice('sha256:'.length), 'hex'));
      if (seq > cursorSeq) open += 1;
      last = { seq, entryHash, hash: link };
      first ??= last;
    }
  }
  const { rows } = await pool.query<{ entries: number }>(
    `SELECT coalesce(sum(CASE WHEN first_seq >= $3 AND last_seq <= $4 THEN entries
                              ELSE least(last_seq, $4) - greatest(first_seq, $3) + 1 END), 0)::bigint AS entries
       FROM sink_dead_letters
      WHERE workspace_id = $1 AND sink_id = $2 AND status <> 'redriven' AND days <> '{}'
        AND first_seq <= $4 AND last_seq >= $3`,
    [workspaceId, sink.id, fromSeq, toSeq],
  );
  return {
    fromSeq,
    toSeq,
    cursorSeq,
    inLog,
    leftOut,
    settled: inLog - leftOut - open,
    setAside: rows[0]?.entries ?? 0,
    open,
    kinds,
    first,
    last,
    digest: `sha256:${hash.digest('hex')}`,
    filter: filterWords(sink.leaveOut, sink.omit),
  };
}
