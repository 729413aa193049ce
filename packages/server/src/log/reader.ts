/** Reading the log: lists, single events, following. Rows come from the projection; proofs and exports from the blocks. */
import { formatHash, type LogRecord, type SealedEntry } from '@hivekey/action-log';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { projectedSize } from './projector.ts';

const FOLLOW_ROWS_AT_ONCE = 500;
/** A follower looks by itself this often, should a notification be lost. */
const FOLLOW_POLL_MS = 5_000;

export interface EventFilter {
  /** Id or handle. */
  readonly agent?: string | undefined;
  /** E-mail of the accountable person at that time. */
  readonly owner?: string | undefined;
  readonly action?: string | undefined;
  readonly verdict?: string | undefined;
  readonly kind?: string | undefined;
  readonly session?: string | undefined;
  /** Decision time, inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
  /** Words that stand in the reason, whatever their case. */
  readonly q?: string | undefined;
  /** Calls that a guard in shadow would have refused or held. */
  readonly shadow?: boolean | undefined;
  /** Records of what people are told: of approvals, delegations, transfers of agents and accounts for emergencies. */
  readonly told?: boolean | undefined;
}

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

/** One page of events. Throws `cursor_invalid` for a cursor that is none of ours. */
export async function listEvents(
  pool: Pool,
  workspaceId: WorkspaceId,
  filter: EventFilter,
  page: Page,
): Promise<EventPage> {
  const values: unknown[] = [workspaceId];
  const conditions = await conditionsOf(pool, workspaceId, filter, values);
  if (page.cursor !== undefined) {
    values.push(parseCursor(page.cursor));
    conditions.push(`seq ${page.order === 'asc' ? '>' : '<'} $${values.length}`);
  }
  values.push(page.limit + 1);
  const { rows } = await pool.query<EventRow>(
    `SELECT ${COLUMNS} FROM actions WHERE ${conditions.join(' AND ')}
      ORDER BY seq ${page.order === 'asc' ? 'ASC' : 'DESC'} LIMIT $${values.length}`,
    values,
  );
  const events = rows.slice(0, page.limit).map(eventOf);
  const last = events.at(-1);
  return { events, nextCursor: rows.length > page.limit && last !== undefined ? cursorOf(last.seq) : null };
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
        const values: unknown[] = [workspaceId];
        const conditions = await conditionsOf(pool, workspaceId, filter, values);
        values.push(next, newest, FOLLOW_ROWS_AT_ONCE);
        const { rows } = await pool.query<EventRow>(
          `SELECT ${COLUMNS} FROM actions WHERE ${conditions.join(' AND ')}
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

const EQUALS = [
  ['owner', 'owner'],
  ['action', 'action'],
  ['verdict', 'verdict'],
  ['kind', 'kind'],
  ['session', 'session_id'],
] as const;

async function conditionsOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  filter: EventFilter,
  values: unknown[],
): Promise<string[]> {
  const conditions = ['workspace_id = $1'];
  const add = (condition: (place: string) => string, value: unknown): void => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (filter.agent !== undefined) add((at) => `agent_id = ${at}`, await agentIdOf(pool, workspaceId, filter.agent));
  for (const [field, column] of EQUALS) {
    const value = filter[field];
    if (value !== undefined) add((at) => `${column} = ${at}`, value);
  }
  if (filter.shadow === true) conditions.push(`record ? 'shadow'`);
  // As the index actions_told has it.
  if (filter.told === true)
    conditions.push(
      `(kind LIKE 'approval.%' OR kind LIKE 'delegation.%' OR kind LIKE 'transfer.%' OR kind LIKE 'break_glass.%'
        OR kind IN ('blast_radius.exceeded', 'blast_radius.differs', 'drift.found', 'change.submitted', 'change.overdue',
                    'alert.opened', 'alert.assigned', 'alert.escalated'))`,
    );
  if (filter.from !== undefined) add((at) => `ts >= ${at}`, filter.from);
  if (filter.to !== undefined) add((at) => `ts < ${at}`, filter.to);
  if (filter.q !== undefined) add((at) => `reason ILIKE ${at}`, `%${filter.q.replaceAll(/[\\%_]/g, '\\$&')}%`);
  return conditions;
}

/** A handle is never given to another agent, so it stands for one id at all times. */
async function agentIdOf(pool: Pool, workspaceId: WorkspaceId, agent: string): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    'SELECT id FROM agents WHERE workspace_id = $1 AND (id = $2 OR lower(handle) = lower($2)) ORDER BY id = $2 DESC LIMIT 1',
    [workspaceId, agent],
  );
  return rows[0]?.id ?? agent;
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
