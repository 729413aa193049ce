/** The rows of what was set aside. */
import type { ClientBase, Pool } from 'pg';
import type { TimePosition } from '../api/route.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';

export interface NewLetter {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** How many of the range. */
  readonly entries: number;
  /** False where the receiver did not say which. */
  readonly which: boolean;
  readonly eventId: string | null;
  readonly recordKind: string | null;
  readonly code: string;
  readonly why: string;
  /** As the ledger counts them: UTC day → how many. Nothing of a checkpoint, nor of what a replay has sent. */
  readonly days: Readonly<Record<string, number>>;
}

export interface Letter extends NewLetter {
  readonly workspaceId: WorkspaceId;
  readonly id: string;
  readonly sinkId: string;
  readonly streamId: string;
  readonly status: 'waiting' | 'redriving' | 'redriven' | 'dropped';
  readonly createdAt: Date;
  readonly changedAt: Date | null;
  readonly changedBy: string | null;
  readonly reason: string | null;
}

const COLUMNS = `workspace_id AS "workspaceId", id, sink_id AS "sinkId", stream_id AS "streamId", first_seq AS "firstSeq",
  last_seq AS "lastSeq", entries, which, event_id AS "eventId", record_kind AS "recordKind", code, why, days, status,
  created_at AS "createdAt", changed_at AS "changedAt", changed_by AS "changedBy", reason`;

/** Named on a record; the rest is counted. */
const MAX_NAMED = 50;

interface Place {
  readonly workspaceId: WorkspaceId;
  readonly sinkId: string;
  readonly streamId: string;
  /** Whether the stream is one that was ordered beside that of the sink. */
  readonly isReplay: boolean;
}

/** Sets them aside with the record that says so. */
export async function setAside(
  { client, log }: LoggedTransaction,
  { workspaceId, sinkId, streamId, isReplay }: Place,
  sinkName: string,
  letters: readonly NewLetter[],
): Promise<void> {
  for (const letter of letters)
    await client.query(
      `INSERT INTO sink_dead_letters (workspace_id, id, sink_id, stream_id, first_seq, last_seq, entries, which, event_id, record_kind, code, why, days)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
      [
        workspaceId,
        newId<string>('sdl'),
        sinkId,
        streamId,
        letter.firstSeq,
        letter.lastSeq,
        letter.entries,
        letter.which,
        letter.eventId,
        letter.recordKind,
        letter.code,
        letter.why,
        JSON.stringify(letter.days),
      ],
    );
  log({
    kind: 'sink.dead_letter',
    actor: 'system',
    sink_id: sinkId,
    sink: sinkName,
    change: 'set_aside',
    // What a replay sets aside may have arrived before.
    replay_id: isReplay ? streamId : undefined,
    entries: namedOf(letters),
    entries_count: letters.reduce((sum, { entries }) => sum + entries, 0),
    reason: letters[0]?.why.slice(0, 300),
  });
}

/** As records name them: at most fifty. Where nobody knows which of a range, how many. */
export function namedOf(
  letters: readonly Pick<NewLetter, 'eventId' | 'firstSeq' | 'lastSeq' | 'code' | 'which' | 'entries'>[],
) {
  return letters.slice(0, MAX_NAMED).map(({ eventId, firstSeq, lastSeq, code, which, entries }) => ({
    ...(eventId === null ? {} : { event_id: eventId }),
    ...(which ? {} : { count: entries }),
    ...{ first_seq: firstSeq, last_seq: lastSeq, code },
  }));
}

export interface LetterFilter {
  readonly status?: Letter['status'] | undefined;
}

/** Newest first. */
export async function listLetters(
  pool: Pool,
  workspaceId: WorkspaceId,
  sinkId: string,
  { status }: LetterFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly (Letter & { readonly createdUs: number })[]> {
  const values: unknown[] = [workspaceId, sinkId, limit];
  const where = ['workspace_id = $1', 'sink_id = $2'];
  if (status !== undefined) where.push(`status = $${values.push(status)}`);
  if (after !== undefined) {
    const { atUs, id } = after;
    where.push(
      `(created_at, id) < (timestamptz 'epoch' + $${values.push(atUs)}::bigint * interval '1 microsecond', $${values.push(id)})`,
    );
  }
  const { rows } = await pool.query<Letter & { createdUs: number }>(
    `SELECT ${COLUMNS}, (extract(epoch FROM created_at) * 1000000)::bigint AS "createdUs" FROM sink_dead_letters
      WHERE ${where.join(' AND ')} ORDER BY created_at DESC, id DESC LIMIT $3`,
    values,
  );
  return rows;
}

/** Those that still wait, by place; of these ids where ids are named. */
export async function lockWaiting(
  client: ClientBase,
  workspaceId: WorkspaceId,
  sinkId: string,
  ids: readonly string[] | undefined,
  limit: number,
): Promise<readonly Letter[]> {
  const named = ids === undefined ? '' : 'AND id = ANY($4)';
  const { rows } = await client.query<Letter>(
    `SELECT ${COLUMNS} FROM sink_dead_letters
      WHERE workspace_id = $1 AND sink_id = $2 AND status = 'waiting' ${named} ORDER BY first_seq, id LIMIT $3 FOR UPDATE`,
    ids === undefined ? [workspaceId, sinkId, limit] : [workspaceId, sinkId, limit, ids],
  );
  return rows;
}

/** Without being sent: they stay what they are. */
export async function dropLetters(
  client: ClientBase,
  workspaceId: WorkspaceId,
  ids: readonly string[],
  { actor, reason }: { readonly actor: string; readonly reason: string },
): Promise<void> {
  await client.query(
    `UPDATE sink_dead_letters SET status = 'dropped', changed_at = clock_timestamp(), changed_by = $3, reason = $4
      WHERE workspace_id = $1 AND id = ANY($2)`,
    [workspaceId, ids, actor, reason],
  );
}

/** They are sent once more by the stream `redriveId`. */
export async function giveLetters(
  client: ClientBase,
  workspaceId: WorkspaceId,
  ids: readonly string[],
  { redriveId, actor, reason }: { readonly redriveId: string; readonly actor: string; readonly reason: string },
): Promise<void> {
  await client.query(
    `UPDATE sink_dead_letters SET status = 'redriving', redrive_id = $3, changed_at = clock_timestamp(), changed_by = $4, reason = $5
      WHERE workspace_id = $1 AND id = ANY($2)`,
    [workspaceId, ids, redriveId, actor, reason],
  );
}

/** What a stream sends once more. */
export interface Redrive {
  /** In the order of the log. */
  readonly ranges: readonly { readonly first: number; readonly last: number }[];
  /** False: of one letter, of whose range nobody knows which entries were refused. */
  readonly which: boolean;
  /** As the ledger counts them. */
  readonly days: Readonly<Record<string, number>>;
  /** Whether it does: what a replay has set aside was counted before. */
  readonly counted: boolean;
}

export async function redriveOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  redriveId: string,
): Promise<Redrive> {
  const { rows } = await client.query<Pick<Letter, 'firstSeq' | 'lastSeq' | 'which' | 'days'>>(
    `SELECT first_seq AS "firstSeq", last_seq AS "lastSeq", which, days FROM sink_dead_letters
      WHERE workspace_id = $1 AND redrive_id = $2 ORDER BY first_seq`,
    [workspaceId, redriveId],
  );
  const days: Record<string, number> = {};
  for (const row of rows) for (const [day, count] of Object.entries(row.days)) days[day] = (days[day] ?? 0) + count;
  return {
    ranges: rows.map(({ firstSeq, lastSeq }) => ({ first: firstSeq, last: lastSeq })),
    which: rows.every(({ which }) => which),
    days,
    counted: Object.keys(days).length > 0,
  };
}

/** They were sent; what was refused again is a letter of its own. */
export async function endRedrive(client: ClientBase, workspaceId: WorkspaceId, redriveId: string): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE sink_dead_letters SET status = 'redriven', changed_at = clock_timestamp() WHERE workspace_id = $1 AND redrive_id = $2`,
    [workspaceId, redriveId],
  );
  return rowCount ?? 0;
}

/** By sink: entries that wait, those that are sent once more among them. */
export async function waitingOf(
  pool: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ sink: string; entries: number }>(
    `SELECT sink_id AS sink, sum(entries)::bigint AS entries FROM sink_dead_letters
      WHERE workspace_id = $1 AND status IN ('waiting', 'redriving') GROUP BY sink_id`,
    [workspaceId],
  );
  return new Map(rows.map(({ sink, entries }) => [sink, entries]));
}
