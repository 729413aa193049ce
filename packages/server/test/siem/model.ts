/** A stream over a real database and a log made up for it, and a receiver that fails as it is told. */
import { canonicalJson, formatCheckpoint, signingKey, signNote } from '@hivekey/action-log';
import type { StreamEntry } from '@hivekey/siem';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { newEventId, newId, type WorkspaceId } from '../../src/ids.ts';
import type { LoggedTransaction, RecordDraft, RunningLog, StoredEntry } from '../../src/log/index.ts';
import { createMetrics } from '../../src/observability/index.ts';
import { runLane } from '../../src/siem/lane.ts';
import { insertSink, type Sink, type SinkSettings } from '../../src/siem/store.ts';
import { insertStream, leaseStreams, liveStream, type NewStream, type Stream } from '../../src/siem/streams.ts';
import type { Batch, Delivery, Transport } from '../../src/siem/transport.ts';

/** What the receiver does with one request. */
export type Behaviour =
  | 'take'
  /** Stored, and the answer is lost. */
  | 'take_silently'
  /** Lost, and so is the answer. */
  | 'lose'
  /** Half of it is taken, the other half is to be sent again. */
  | 'half'
  /** Nobody answers until the sender gives up. */
  | 'hang'
  /** Too much at once. */
  | 'too_large'
  /** Two of them are refused, and it does not say which, nor may it be asked again. */
  | 'short';

export class ModelReceiver {
  /** In the order of arrival. */
  readonly arrived: { readonly id: string; readonly seq: number | null; readonly body: string }[] = [];
  readonly batches: string[] = [];
  readonly #behaviours: Behaviour[];
  readonly #isPoison: (seq: number) => boolean;
  /** Whether it says which events it refuses. */
  readonly #names: boolean;

  constructor(behaviours: readonly Behaviour[], isPoison: (seq: number) => boolean, names: boolean) {
    this.#behaviours = [...behaviours];
    this.#isPoison = isPoison;
    this.#names = names;
  }

  /** A connection of one sender. */
  transport(): Transport {
    return {
      send: (batch, signal) => this.#receive(batch, signal),
      close: async () => undefined,
    };
  }

  async #receive({ events, id }: Batch, signal: AbortSignal): Promise<Delivery> {
    this.batches.push(id);
    await Promise.resolve();
    const poison = events.flatMap(({ item }, index) =>
      item.type === 'entry' && this.#isPoison(item.seq) ? [index] : [],
    );
    const good = events.filter((_, index) => !poison.includes(index));
    const behaviour = this.#behaviours.shift() ?? 'take';
    if (behaviour === 'too_large' && events.length > 1) return { kind: 'split', code: 'too_large', why: 'too large' };
    if (behaviour === 'lose') return { kind: 'retry', code: 'receiver_busy', why: 'busy' };
    if (behaviour === 'hang') {
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 5);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      return { kind: 'retry', code: 'receiver_timeout', why: 'no answer' };
    }
    if (behaviour === 'short') {
      this.#store(events.slice(2));
      return { kind: 'short', rejected: 2, why: 'two were refused' };
    }
    if (poison.length > 0 && !this.#names) return { kind: 'split', code: 'event_refused', why: 'an event is refused' };
    if (behaviour === 'half') {
      const taken = events.slice(0, Math.ceil(events.length / 2)).filter((event) => good.includes(event));
      this.#store(taken);
      const again = events.flatMap((event, index) => (good.includes(event) && !taken.includes(event) ? [index] : []));
      const rejected = poison.map((index) => ({ index, why: 'refused' }));
      return { kind: 'partly', confirmed: true, rejected, again, why: 'half' };
    }
    this.#store(good);
    if (behaviour === 'take_silently') return { kind: 'retry', code: 'receiver_unreachable', why: 'reset' };
    if (poison.length === 0) return { kind: 'taken', confirmed: true };
    const rejected = poison.map((index) => ({ index, why: 'refused' }));
    return { kind: 'partly', confirmed: true, rejected, again: [], why: 'refused' };
  }

  #store(events: Batch['events']): void {
    for (const { id, item, body } of events)
      this.arrived.push({ id, seq: item.type === 'entry' ? item.seq : null, body });
  }
}

const KEY = signingKey('model.example/log', Buffer.alloc(32, 7));

/** A log that has all its entries from the beginning; `drafts` has what was recorded. */
export function modelLog(pool: Pool, entries: readonly StreamEntry[], perRead = 7) {
  const stored: readonly StoredEntry[] = entries.map(({ seq, entryHash, prevHash, hash, canonical }) => ({
    ...{ seq, entryHash, prevHash, hash, canonical },
  }));
  const drafts: RecordDraft[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const note = signNote(
    formatCheckpoint({ origin: 'model.example/log', size: entries.length, root: new Uint8Array(32), shards: [] }),
    [KEY],
  );
  const log: Pick<RunningLog, 'entries' | 'news' | 'checkpoint' | 'transact'> = {
    entries: async (_workspace, first) => stored.filter(({ seq }) => seq >= first).slice(0, perRead),
    news: (_workspace, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    checkpoint: async () => ({ treeSize: entries.length, note, createdAt: new Date() }),
    transact: (_workspace, change) => {
      const mine = turn.then(() => inTransaction(pool, drafts, change));
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
  return { log, drafts };
}

async function inTransaction<T>(
  pool: Pool,
  drafts: RecordDraft[],
  change: (transaction: LoggedTransaction) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const logged: RecordDraft[] = [];
    const result = await change({
      client,
      now: new Date(),
      log: (draft) => {
        // As the writer does: a record has no undefined inside.
        canonicalJson(Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined)));
        logged.push(draft);
        return newEventId(Date.now());
      },
      atEnd: () => undefined,
    });
    await client.query('COMMIT');
    drafts.push(...logged);
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

export interface Model {
  readonly sink: Sink;
  stream(): Promise<Stream>;
  /** Runs until the lane ends, or `signal` aborts. A lane that runs already is left behind, without its lease. */
  run(receiver: Pick<ModelReceiver, 'transport'>, signal: AbortSignal, random?: () => number): Promise<void>;
  order(stream: Pick<NewStream, 'purpose' | 'fromSeq' | 'toSeq'>): Promise<Stream>;
}

/** Takes the streams of the sink from whoever has them; who is just moving a cursor is waited for. */
async function overtake(pool: Pool, workspaceId: WorkspaceId, sinkId: string): Promise<readonly Stream[]> {
  for (;;) {
    await pool.query(
      'UPDATE sink_streams SET lease_until = now(), retry_at = now() WHERE workspace_id = $1 AND sink_id = $2',
      [workspaceId, sinkId],
    );
    const leased = (await leaseStreams(pool, newId<string>('key'), [])).filter((stream) => stream.sinkId === sinkId);
    if (leased.length > 0) return leased;
  }
}

/** A sink with its stream, from entry `from` on. */
export async function modelSink(
  pool: Pool,
  workspaceId: WorkspaceId,
  log: ReturnType<typeof modelLog>['log'],
  settings: Partial<SinkSettings>,
  from = 1,
): Promise<Model> {
  const id = newId<string>('snk');
  const now = { actor: 'key:test', now: new Date() };
  const client = await pool.connect();
  try {
    const sink = await insertSink(
      client,
      workspaceId,
      id,
      {
        name: id.slice(4).toLowerCase(),
        kind: 'file',
        format: 'native',
        settings: { path: 'log.ndjson' },
        raw: true,
        compact: false,
        omit: [],
        leaveOut: [],
        required: true,
        limits: {},
        objectiveSeconds: 60,
        ...settings,
      },
      now,
    );
    const insert = async (order: Pick<NewStream, 'purpose' | 'fromSeq' | 'toSeq'>) =>
      insertStream(client, { workspaceId, id: newId<string>('sst'), sinkId: id, ...order }, now);
    await insert({ purpose: 'live', fromSeq: from, toSeq: null });
    return {
      sink,
      stream: () => liveStream(pool, workspaceId, id),
      order: insert,
      run: async (receiver, signal, random = () => 0) => {
        const leased = await overtake(pool, workspaceId, id);
        await Promise.all(
          leased.map((stream) =>
            runLane({
              pool,
              log,
              logger: pino({ level: 'silent' }),
              observe: createMetrics().sinks,
              sink,
              stream,
              place: { workspace: 'acme', env: 'prod' },
              connect: async () => receiver.transport(),
              clock: Date.now,
              random,
              signal,
            }),
          ),
        );
      },
    };
  } finally {
    client.release();
  }
}
