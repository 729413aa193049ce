/** Reading the log: lists, single events, following. Rows come from the projection; proofs and exports from the blocks. */
import { formatHash, type LogRecord, type SealedEntry } from '@hivekey/action-log';
import type { Pool, PoolClient } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { readFor, TookTooLong } from './bounded.ts';
import { type EventFilter, isSearch, type Selection, selectionOf, whereOf } from './event-filter.ts';
import { projectedSize } from './projector.ts';

const FOLLOW_ROWS_AT_ONCE = 500;
/** A follower looks by itself this often, should a notification be lost. */
const FOLLOW_POLL_MS = 5_000;

export interface Page {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  /** From the page before. */
  readonly cursor?: string | undefined;
}

/** An entry, with how the call ended where that is known. */
export interface LogEvent extends SealedEntry {
  readonly outcome: string | null;
}

export interface EventPage {
  readonly events: readonly LogEvent[];
  readonly nextCursor: string | null;
}

interface EventRow {
  seq: number;
  entry_hash: Buffer;
  prev_hash: Buffer;
  hash: Buffer;
  record: LogRecord;
  outcome: string | null;
}

const COLUMNS = 'seq, entry_hash, prev_hash, hash, record, outcome';

/** An index finds a page in a few milliseconds; where none does, it is looked for row by row instead. */
const INDEXED_MS = 1_500;
/** After which a search answers what it has found, and where it goes on. */
const SEARCH_MS = 3_000;
const FIRST_ROWS = 20_000;
const MOST_ROWS = 100_000_000;

/**
 * One page of events. Where there are few that match among many, a page may have less than it could, even nothing, and a
 * cursor all the same: it goes on from where the search was given up. Throws `cursor_invalid` for a cursor that is none of
 * ours.
 */
export async function listEvents(
  pool: Pool,
  workspaceId: WorkspaceId,
  filter: EventFilter,
  page: Page,
): Promise<EventPage> {
  const selection = await selectionOf(pool, workspaceId, filter);
  const after = page.cursor === undefined ? undefined : parseCursor(page.cursor);
  if (!isSearch(filter)) {
    try {
      const { limit, order } = page;
      const rows = await readFor(pool, INDEXED_MS, (client) =>
        readRows(client, selection, { after, order, limit: limit + 1 }),
      );
      const last = rows[limit - 1];
      return {
        events: rows.slice(0, limit).map(eventOf),
        nextCursor: rows.length > limit && last !== undefined ? cursorOf(last.seq) : null,
      };
    } catch (error) {
      if (!(error instanceof TookTooLong)) throw error;
    }
  }
  return search(pool, workspaceId, selection, page, after);
}

interface Range {
  /** Not itself. */
  readonly after: number | undefined;
  /** Itself too. */
  readonly until?: number;
  readonly order: Page['order'];
  readonly limit: number;
}

/** The keys first, from the index alone where it has them; then their rows. */
async function readRows(
  client: PoolClient,
  { values, conditions, branches }: Selection,
  { after, until, order, limit }: Range,
): Promise<EventRow[]> {
  const all = [...values];
  const place = (value: number): string => `$${all.push(value)}`;
  const [beyond, within, sort] = order === 'asc' ? ['>', '<=', 'ASC'] : ['<', '>=', 'DESC'];
  const where = [
    ...conditions,
    ...(after === undefined ? [] : [`seq ${beyond} ${place(after)}`]),
    ...(until === undefined ? [] : [`seq ${within} ${place(until)}`]),
  ].join(' AND ');
  const most = place(limit);
  // Each of the branches by its own index; together none of them would be in order.
  const keys = (branches.length === 0 ? [''] : branches.map((branch) => ` AND ${branch}`))
    .map((branch) => `(SELECT seq, ts FROM actions WHERE ${where}${branch} ORDER BY seq ${sort} LIMIT ${most})`)
    .join(' UNION ');
  const { rows } = await client.query<EventRow>(
    `WITH keys AS MATERIALIZED (SELECT seq, ts FROM (${keys}) k ORDER BY seq ${sort} LIMIT ${most})
     SELECT ${COLUMNS.split(', ')
       .map((column) => `a.${column}`)
       .join(', ')}
       FROM keys k JOIN actions a ON a.workspace_id = $1 AND a.seq = k.seq AND a.ts = k.ts ORDER BY a.seq ${sort}`,
    all,
  );
  return rows;
}

/** Row by row, in runs of numbers that grow while they are quick. */
async function search(
  pool: Pool,
  workspaceId: WorkspaceId,
  selection: Selection,
  { limit, order }: Page,
  after: number | undefined,
): Promise<EventPage> {
  const newest = await projectedSize(pool, workspaceId);
  const until = performance.now() + SEARCH_MS;
  const found: EventRow[] = [];
  const start = after ?? (order === 'asc' ? 0 : newest + 1);
  let place = start;
  let rows = FIRST_ROWS;
  while (order === 'asc' ? place < newest : place > 1) {
    const left = until - performance.now();
    if (left <= 0) return { events: found.map(eventOf), nextCursor: cursorOf(place) };
    const end = order === 'asc' ? Math.min(newest, place + rows) : Math.max(1, place - rows);
    const started = performance.now();
    const range = { after: place, until: end, order, limit: limit + 1 - found.length };
    try {
      found.push(...(await readFor(pool, left, (client) => readRows(client, selection, range))));
    } catch (error) {
      if (!(error instanceof TookTooLong)) throw error;
      if (rows > FIRST_ROWS) {
        rows = FIRST_ROWS;
        continue;
      }
      if (place === start) throw tooSlow();
      return { events: found.map(eventOf), nextCursor: cursorOf(place) };
    }
    const last = found[limit - 1];
    if (found.length > limit && last !== undefined)
      return { events: found.slice(0, limit).map(eventOf), nextCursor: cursorOf(last.seq) };
    place = end;
    const took = performance.now() - started;
    rows = took < SEARCH_MS / 16 ? Math.min(MOST_ROWS, rows * 2) : Math.max(FIRST_ROWS, Math.floor(rows / 2));
  }
  return { events: found.map(eventOf), nextCursor: null };
}

/** The event and, for a call, its result. */
export async function findEvent(
  pool: Pool,
  workspaceId: WorkspaceId,
  eventId: string,
): Promise<{ readonly event: LogEvent; readonly result: LogEvent | null } | undefined> {
  const { rows } = await pool.query<EventRow>(
    `SELECT ${COLUMNS} FROM actions WHERE workspace_id = $1 AND event_id = $2 LIMIT 1`,
    [workspaceId, eventId],
  );
  const event = rows[0];
  if (event === undefined) return undefined;
  // What is known for certain goes before what was unknown once.
  const results = await pool.query<EventRow>(
    `SELECT ${COLUMNS} FROM actions WHERE workspace_id = $1 AND call_event_id = $2 AND kind = 'tool.result'
      ORDER BY outcome = 'unknown', seq LIMIT 1`,
    [workspaceId, eventId],
  );
  const result = results.rows[0];
  return { event: eventOf(event), result: result === undefined ? null : eventOf(result) };
}

/** Waits for new rows of a workspace. */
export interface NewRows {
  /** Resolves on the next news after the call, or when `signal` aborts. */
  next(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void>;
}

/** Every matching event from the global number on, in order, as they come, until `signal` aborts. */
export async function* followEvents(
  pool: Pool,
  news: NewRows,
  workspaceId: WorkspaceId,
  fromSeq: number,
  filter: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<LogEvent, void, undefined> {
  let next = fromSeq;
  while (!signal.aborted) {
    // Asked for before looking, so that nothing falls between the look and the wait.
    const waiting = new AbortController();
    const abort = AbortSignal.any([signal, waiting.signal, AbortSignal.timeout(FOLLOW_POLL_MS)]);
    const changed = news.next(workspaceId, abort);
    try {
      const newest = await projectedSize(pool, workspaceId);
      while (next <= newest && !signal.aborted) {
        const selection = await selectionOf(pool, workspaceId, filter);
        const values = [...selection.values, next, newest, FOLLOW_ROWS_AT_ONCE];
        const { rows } = await pool.query<EventRow>(
          `SELECT ${COLUMNS} FROM actions WHERE ${whereOf(selection)}
              AND seq BETWEEN $${values.length - 2} AND $${values.length - 1} ORDER BY seq LIMIT $${values.length}`,
          values,
        );
        for (const row of rows) {
          if (signal.aborted) return;
          yield eventOf(row);
        }
        next = rows.length < FOLLOW_ROWS_AT_ONCE ? newest + 1 : (rows.at(-1)?.seq ?? newest) + 1;
      }
      if (!signal.aborted) await changed;
    } finally {
      waiting.abort();
    }
  }
}

function tooSlow(): Failure {
  return new Failure(
    503,
    'log_query_slow',
    `The database did not look through ${FIRST_ROWS} entries in ${SEARCH_MS / 1000} s.`,
    'Narrow it: an agent, a kind, a verdict, a shorter time. If that is slow too, see the load of the database.',
  );
}

function eventOf(row: EventRow): LogEvent {
  return {
    seq: row.seq,
    entry_hash: formatHash(row.entry_hash),
    prev_hash: formatHash(row.prev_hash),
    hash: formatHash(row.hash),
    record: row.record,
    outcome: row.outcome,
  };
}

function cursorOf(seq: number): string {
  return Buffer.from(`seq:${seq}`).toString('base64url');
}

function parseCursor(cursor: string): number {
  const match = /^seq:([1-9]\d{0,15})$/.exec(Buffer.from(cursor, 'base64url').toString());
  const seq = Number(match?.[1]);
  if (Number.isSafeInteger(seq)) return seq;
  throw new Failure(
    400,
    'cursor_invalid',
    'The cursor is not one that this list gave out.',
    'Start again without a cursor.',
  );
}
