/**
 * Going on behind entries that were not delivered. It takes two people, and what is passed over is set aside: it counts as
 * rejected, and can be sent once more.
 */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { type SinksContext, theLiveSink, theSink } from './context.ts';
import { setAside } from './dead-letters.ts';
import { countInLog, skipDays } from './ledger.ts';
import type { Sink } from './store.ts';
import { liveStream, passCursor } from './streams.ts';
import { dayOf } from './tally.ts';

const ANSWER_WITHIN_MINUTES = 24 * 60;

export interface Skip {
  readonly id: string;
  readonly toSeq: number;
  readonly reason: string;
  readonly status: 'proposed' | 'confirmed' | 'withdrawn' | 'expired';
  readonly proposedAt: Date;
  readonly proposedBy: string;
  readonly proposedByPerson: string;
  readonly answerBy: Date;
  readonly answeredAt: Date | null;
  readonly answeredBy: string | null;
}

const COLUMNS = `k.id, k.to_seq AS "toSeq", k.reason,
  CASE WHEN k.status = 'proposed' AND k.answer_by <= clock_timestamp() THEN 'expired' ELSE k.status END AS status,
  k.proposed_at AS "proposedAt", k.proposed_by AS "proposedBy", p.email AS "proposedByPerson", k.answer_by AS "answerBy",
  k.answered_at AS "answeredAt", k.answered_by AS "answeredBy"`;
const FROM = 'FROM sink_skips k JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.proposed_by_id';

/** Newest first. Throws `sink_not_found`. */
export async function listSkips(
  { pool }: SinksContext,
  workspaceId: WorkspaceId,
  idOrName: string,
): Promise<readonly Skip[]> {
  const sink = await theSink(pool, workspaceId, idOrName);
  const { rows } = await pool.query<Skip>(
    `SELECT ${COLUMNS} ${FROM} WHERE k.workspace_id = $1 AND k.sink_id = $2 ORDER BY k.proposed_at DESC, k.id DESC LIMIT 100`,
    [workspaceId, sink.id],
  );
  return rows;
}

/** Skips nothing yet. Throws `sink_not_found`, `sink_deleted`, `person_required`, `person_inactive`, `skip_range_invalid`. */
export async function proposeSkip(
  { log }: SinksContext,
  who: Administrator,
  idOrName: string,
  { toSeq, reason }: { readonly toSeq: number; readonly reason: string },
): Promise<Skip> {
  const { workspaceId, actor } = who;
  const size = await log.size(workspaceId);
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const person = await holderOf(client, who);
    await checkAssurance(client, who, 'override', now);
    const sink = await theLiveSink(client, workspaceId, idOrName);
    const { cursorSeq } = await liveStream(client, workspaceId, sink.id);
    if (toSeq <= cursorSeq || toSeq > size) throw outOfRange(cursorSeq, size);
    const id = newId<string>('skp');
    await client.query(
      `INSERT INTO sink_skips (workspace_id, id, sink_id, to_seq, reason, proposed_at, proposed_by, proposed_by_id, answer_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6::timestamptz + make_interval(mins => ${ANSWER_WITHIN_MINUTES}))`,
      [workspaceId, id, sink.id, toSeq, reason, now, actor, person.id],
    );
    record({
      ...factsOf(sink, id, 'proposed'),
      actor,
      person: person.email,
      from_seq: cursorSeq + 1,
      to_seq: toSeq,
      reason,
    });
    return readSkip(client, workspaceId, sink, id);
  });
}

/** Two people, not two keys. Throws as `proposeSkip`, and `skip_not_found`, `skip_closed`, `skip_own`. */
export async function confirmSkip(
  context: SinksContext,
  who: Administrator,
  idOrName: string,
  id: string,
): Promise<Skip> {
  const { workspaceId, actor } = who;
  const skip = await context.log.transact(workspaceId, async (transaction) => {
    const { client, now } = transaction;
    const person = await holderOf(client, who);
    await checkAssurance(client, who, 'override', now);
    const sink = await theLiveSink(client, workspaceId, idOrName);
    const proposed = await readSkip(client, workspaceId, sink, id);
    if (proposed.status !== 'proposed') throw closed(proposed);
    if (proposed.proposedBy === actor || proposed.proposedByPerson === person.email)
      throw new Failure(403, 'skip_own', `${person.email} has proposed it.`, 'Have another person confirm it.');
    const { active } = await readPerson(client, workspaceId, proposed.proposedByPerson);
    if (!active)
      throw new Failure(409, 'proposer_inactive', `${proposed.proposedByPerson} is not active.`, 'Propose it anew.');
    await passOver(transaction, workspaceId, sink, proposed, { actor, person: person.email });
    await answer(client, workspaceId, id, 'confirmed', actor);
    return readSkip(client, workspaceId, sink, id);
  });
  context.look();
  return skip;
}

/** By anybody who may propose. Throws `sink_not_found`, `skip_not_found`, `skip_closed`. */
export function withdrawSkip({ log }: SinksContext, who: Administrator, idOrName: string, id: string): Promise<Skip> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const sink = await theSink(client, workspaceId, idOrName);
    const proposed = await readSkip(client, workspaceId, sink, id);
    if (proposed.status !== 'proposed') throw closed(proposed);
    await answer(client, workspaceId, id, 'withdrawn', actor);
    record({ ...factsOf(sink, id, 'withdrawn'), actor, to_seq: proposed.toSeq });
    return readSkip(client, workspaceId, sink, id);
  });
}

async function passOver(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  sink: Sink,
  { id, toSeq, reason, proposedBy, proposedByPerson }: Skip,
  confirmed: { readonly actor: string; readonly person: string },
): Promise<void> {
  const { client, now, log } = transaction;
  await client.query(
    `SELECT FROM sink_streams WHERE workspace_id = $1 AND sink_id = $2 AND purpose = 'live' FOR UPDATE`,
    [workspaceId, sink.id],
  );
  const stream = await liveStream(client, workspaceId, sink.id);
  const fromSeq = stream.cursorSeq + 1;
  if (toSeq < fromSeq) throw outOfRange(stream.cursorSeq, toSeq);
  const entries = toSeq - fromSeq + 1;
  const inLog = await countInLog(client, workspaceId, { fromSeq, toSeq });
  const gone = entries - inLog.reduce((sum, each) => sum + each.entries, 0);
  // What has left the log has no day of its own.
  const days =
    gone === 0 ? inLog : [...inLog, { day: dayOf(now.getTime()), entries: gone, firstSeq: fromSeq, lastSeq: toSeq }];
  const counts: Record<string, number> = {};
  for (const { day, entries: count } of days) counts[day] = (counts[day] ?? 0) + count;
  await passCursor(client, stream, toSeq);
  for (const day of days) await skipDays(client, { workspaceId, sinkId: sink.id }, [day]);
  const letter = { firstSeq: fromSeq, lastSeq: toSeq, entries, which: true, eventId: null, recordKind: null };
  const place = { workspaceId, sinkId: sink.id, streamId: stream.id, isReplay: false };
  await setAside(transaction, place, sink.name, [{ ...letter, code: 'skipped', why: reason, days: counts }]);
  const people = { person: confirmed.person, proposed_by: proposedBy, proposed_by_person: proposedByPerson };
  const range = { from_seq: fromSeq, to_seq: toSeq, entries_count: entries };
  log({ ...factsOf(sink, id, 'confirmed'), actor: confirmed.actor, ...people, ...range, reason });
}

async function answer(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  status: 'confirmed' | 'withdrawn',
  actor: string,
): Promise<void> {
  await client.query(
    'UPDATE sink_skips SET status = $3, answered_at = clock_timestamp(), answered_by = $4 WHERE workspace_id = $1 AND id = $2',
    [workspaceId, id, status, actor],
  );
}

async function readSkip(client: ClientBase | Pool, workspaceId: WorkspaceId, sink: Sink, id: string): Promise<Skip> {
  const { rows } = await client.query<Skip>(
    `SELECT ${COLUMNS} ${FROM} WHERE k.workspace_id = $1 AND k.sink_id = $2 AND k.id = $3`,
    [workspaceId, sink.id, id],
  );
  const [row] = rows;
  if (row !== undefined) return row;
  throw new Failure(
    404,
    'skip_not_found',
    `There is no such proposal of ${sink.name}.`,
    'List them with GET /v1/siem/sinks/:sink/skips.',
  );
}

async function holderOf(
  client: ClientBase,
  { workspaceId, person }: Administrator,
): Promise<{ readonly id: PersonId; readonly email: string }> {
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'This takes two people, and this key belongs to none.',
      'Use a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  const { active } = await readPerson(client, workspaceId, person.id);
  if (active) return person;
  throw new Failure(403, 'person_inactive', `${person.email} is not active.`, 'Have somebody else do it.');
}

function factsOf({ id, name }: Sink, skipId: string, change: string) {
  return { kind: 'sink.skipped', change, sink_id: id, sink: name, skip_id: skipId } as const;
}

function outOfRange(cursorSeq: number, size: number): Failure {
  return new Failure(
    400,
    'skip_range_invalid',
    `The sink has settled the entries up to ${cursorSeq}; the log has ${size}.`,
    'Name an entry in between.',
  );
}

function closed({ status }: Skip): Failure {
  return new Failure(409, 'skip_closed', `The proposal is ${status}.`, 'Propose it anew.');
}
