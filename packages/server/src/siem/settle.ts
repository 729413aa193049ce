/** Moves the cursor with all that is counted and set aside, in one transaction. */
import type { LoggedTransaction } from '../log/index.ts';
import { endRedrive, type Redrive, setAside } from './dead-letters.ts';
import type { LaneOptions } from './lane.ts';
import { moveDays } from './ledger.ts';
import { type Counted, countOutcomes, type Move, type Outcomes } from './outcome.ts';
import { finishStream, type Settled, settle } from './streams.ts';

type Parts = Pick<LaneOptions, 'pool' | 'log' | 'sink' | 'stream' | 'clock'>;

class LeaseLost extends Error {}

export interface Settling {
  /** In the order of the log. */
  readonly done: readonly Outcomes[];
  readonly redrive: Redrive | undefined;
  /** When anything was settled before. */
  readonly lastSuccessAt: Date | null;
  readonly remarks: readonly string[];
}

/** Undefined without the lease: nothing is settled. */
export async function settleCuts(
  { pool, log, sink, stream, clock }: Parts,
  { done, redrive, lastSuccessAt, remarks }: Settling,
): Promise<Counted | undefined> {
  const last = done.at(-1)?.cut;
  if (last === undefined) throw new Error('there is nothing to settle');
  const nowMs = clock();
  const counted = countOutcomes(
    done,
    { ...stream, lastSuccessAt, objectiveSeconds: sink.objectiveSeconds },
    nowMs,
    redrive,
  );
  const now = new Date(nowMs);
  const settled: Settled = {
    cursorSeq: Math.max(last.last, stream.fromSeq - 1),
    link: last.link,
    counts: last.counts,
    checkpointedAt: done.some(({ cut }) => cut.checkpoint !== undefined) ? now : null,
    succeededAt: counted.confirmed === null ? null : now,
    confirmed: counted.confirmed,
    remarks,
    events: counted.events,
    bytes: counted.bytes,
    retries: counted.retries,
    duplicates: counted.duplicates,
    days: counted.tally.days(),
  };
  const { letters, moves } = counted;
  if (letters.length === 0 && moves.length === 0) return (await settle(pool, stream, settled)) ? counted : undefined;
  const { workspaceId, sinkId, id: streamId } = stream;
  const change = async (transaction: LoggedTransaction): Promise<void> => {
    const { client } = transaction;
    if (!(await settle(client, stream, settled))) throw new LeaseLost();
    await moveDays(client, stream, moves);
    const place = { workspaceId, sinkId, streamId, isReplay: stream.purpose !== 'live' };
    if (letters.length > 0) await setAside(transaction, place, sink.name, letters);
  };
  try {
    await log.transact(workspaceId, change);
    return counted;
  } catch (error) {
    if (error instanceof LeaseLost) return undefined;
    throw error;
  }
}

/** A replay, or dead letters that were sent once more, are over. */
export async function finish({ log, sink, stream }: Parts, redrive: Redrive | undefined): Promise<void> {
  const { workspaceId, fromSeq, toSeq, id } = stream;
  await log.transact(workspaceId, async ({ client, now, log: record }) => {
    if (!(await finishStream(client, stream, 'done', now))) return;
    const common = { actor: 'system', change: 'finished', sink_id: sink.id, sink: sink.name, replay_id: id };
    if (redrive === undefined) {
      record({ kind: 'sink.replayed', ...common, from_seq: fromSeq, to_seq: toSeq });
      return;
    }
    // Of what nobody could name, all but what is refused now has arrived.
    if (!redrive.which) await moveDays(client, stream, acceptedBy(redrive));
    record({ kind: 'sink.redriven', ...common, dead_letters: await endRedrive(client, workspaceId, id) });
  });
}

function acceptedBy({ days }: Redrive): readonly Move[] {
  return Object.entries(days).map(([day, count]) => ({ day, accepted: count, unconfirmed: count, filtered: 0 }));
}
