/** Sending once more: a range of the log, or what was set aside. Each order is a stream of its own beside that of the sink. */
import { Failure } from '../errors.ts';
import { newId } from '../ids.ts';
import { type SinksContext, theLiveSink, theSink, type Who } from './context.ts';
import { dropLetters, giveLetters, lockWaiting, namedOf } from './dead-letters.ts';
import { finishStream, insertStream, type Stream, streamsOf } from './streams.ts';

const MAX_RUNNING = 8;
const MAX_LETTERS = 10_000;

export interface Range {
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** Events go out marked as replayed, under the ids that they had. Throws `sink_not_found`, `sink_deleted`, `replay_range_invalid`, `too_many_replays`. */
export async function orderReplay(
  context: SinksContext,
  { workspaceId, actor }: Who,
  idOrName: string,
  { fromSeq, toSeq }: Range,
  reason: string,
): Promise<Stream> {
  const size = await context.log.size(workspaceId);
  if (fromSeq > toSeq || toSeq > size)
    throw new Failure(400, 'replay_range_invalid', `The log has the entries 1 to ${size}.`, 'Name a range within it.');
  const stream = await context.log.transact(workspaceId, async ({ client, now, log: record }) => {
    const sink = await theLiveSink(client, workspaceId, idOrName);
    checkRunning(await streamsOf(client, workspaceId, sink.id));
    const id = newId<string>('rpl');
    const order = { workspaceId, id, sinkId: sink.id, purpose: 'replay', fromSeq, toSeq, reason } as const;
    const made = await insertStream(client, order, { actor, now });
    const place = { sink_id: sink.id, sink: sink.name, replay_id: id };
    record({ kind: 'sink.replayed', actor, change: 'ordered', ...place, from_seq: fromSeq, to_seq: toSeq, reason });
    return made;
  });
  context.look();
  return stream;
}

/** Throws `sink_not_found`, `replay_not_found`, `replay_over`. */
export function cancelReplay(
  context: SinksContext,
  { workspaceId, actor }: Who,
  idOrName: string,
  id: string,
): Promise<Stream> {
  return context.log.transact(workspaceId, async ({ client, now, log: record }) => {
    const sink = await theSink(client, workspaceId, idOrName);
    const stream = (await streamsOf(client, workspaceId, sink.id)).find((each) => each.id === id);
    if (stream?.purpose !== 'replay')
      throw new Failure(
        404,
        'replay_not_found',
        `There is no replay ${JSON.stringify(id)}.`,
        'List them with GET /v1/siem/sinks/:sink/replays.',
      );
    if (!(await finishStream(client, stream, 'cancelled', now)))
      throw new Failure(409, 'replay_over', 'The replay is over.', 'Order another one.');
    const place = { sink_id: sink.id, sink: sink.name, replay_id: id };
    record({ kind: 'sink.replayed', actor, change: 'cancelled', ...place, cursor_seq: stream.cursorSeq });
    return { ...stream, status: 'cancelled', finishedAt: now };
  });
}

/** Without ids all that wait, ten thousand at most. Throws `sink_not_found`, `sink_deleted`, `dead_letter_not_found`, `too_many_replays`. */
export async function redriveLetters(
  context: SinksContext,
  { workspaceId, actor }: Who,
  idOrName: string,
  ids: readonly string[] | undefined,
  reason: string,
): Promise<number> {
  const count = await context.log.transact(workspaceId, async ({ client, now, log: record }) => {
    const sink = await theLiveSink(client, workspaceId, idOrName);
    const waiting = await lockWaiting(client, workspaceId, sink.id, ids, MAX_LETTERS);
    // A checkpoint is not made again, and what the log does not have cannot be sent.
    const letters = waiting.filter(
      ({ recordKind, code }) => recordKind !== 'stream.checkpoint' && code !== 'not_in_log',
    );
    if (letters.length === 0) throw noLetters();
    checkRunning(await streamsOf(client, workspaceId, sink.id));
    // What the ledger counts as rejected, and what a replay has set aside, which it does not.
    const known = [true, false].flatMap((isCounted) => {
      const group = letters.filter(({ which, days }) => which && Object.keys(days).length > 0 === isCounted);
      return group.length === 0 ? [] : [group];
    });
    const unknown = letters.filter(({ which }) => !which).slice(0, known.length === 0 ? MAX_RUNNING : 1);
    const groups = [...known, ...unknown.map((letter) => [letter])];
    for (const group of groups) {
      const redriveId = newId<string>('rpl');
      const fromSeq = Math.min(...group.map(({ firstSeq }) => firstSeq));
      const toSeq = Math.max(...group.map(({ lastSeq }) => lastSeq));
      const order = {
        workspaceId,
        id: redriveId,
        sinkId: sink.id,
        purpose: 'redrive',
        fromSeq,
        toSeq,
        reason,
      } as const;
      await insertStream(client, order, { actor, now });
      const change = { redriveId, actor, reason };
      await giveLetters(
        client,
        workspaceId,
        group.map(({ id }) => id),
        change,
      );
      const place = { sink_id: sink.id, sink: sink.name, replay_id: redriveId, from_seq: fromSeq, to_seq: toSeq };
      record({ kind: 'sink.redriven', actor, change: 'ordered', ...place, dead_letters: group.length, reason });
    }
    return groups.flat().length;
  });
  context.look();
  return count;
}

/** They stay in the ledger as rejected. Throws `sink_not_found`, `dead_letter_not_found`. */
export function abandonLetters(
  context: SinksContext,
  { workspaceId, actor }: Who,
  idOrName: string,
  ids: readonly string[],
  reason: string,
): Promise<number> {
  return context.log.transact(workspaceId, async ({ client, log: record }) => {
    const sink = await theSink(client, workspaceId, idOrName);
    const letters = await lockWaiting(client, workspaceId, sink.id, ids, MAX_LETTERS);
    if (letters.length === 0) throw noLetters();
    await dropLetters(
      client,
      workspaceId,
      letters.map(({ id }) => id),
      { actor, reason },
    );
    record({
      kind: 'sink.dead_letter',
      actor,
      change: 'dropped',
      sink_id: sink.id,
      sink: sink.name,
      entries: namedOf(letters),
      entries_count: letters.reduce((sum, { entries }) => sum + entries, 0),
      reason,
    });
    return letters.length;
  });
}

/** What was ordered beside the stream of a sink, newest first. Throws `sink_not_found`. */
export async function listReplays(
  { pool }: SinksContext,
  { workspaceId }: Who,
  idOrName: string,
): Promise<readonly Stream[]> {
  const sink = await theSink(pool, workspaceId, idOrName);
  return (await streamsOf(pool, workspaceId, sink.id)).filter(({ purpose }) => purpose !== 'live');
}

function checkRunning(streams: readonly Stream[]): void {
  const running = streams.filter(({ purpose, status }) => purpose !== 'live' && status === 'running');
  if (running.length < MAX_RUNNING) return;
  throw new Failure(
    409,
    'too_many_replays',
    `${running.length} replays of the sink are running.`,
    'Wait for one, or cancel it.',
  );
}

function noLetters(): Failure {
  return new Failure(
    404,
    'dead_letter_not_found',
    'There is no dead letter of these that waits and can be sent.',
    'List them with GET /v1/siem/sinks/:sink/dead-letters?status=waiting.',
  );
}
