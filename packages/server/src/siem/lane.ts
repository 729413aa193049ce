/**
 * Sends one stream while this node has its lease. The cursor moves when all up to it is settled, and never before: what
 * was on its way when this ends is sent again by whoever comes next.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { RunningLog } from '../log/index.ts';
import type { Logger, SinkObserver } from '../observability/index.ts';
import { CheckpointMaker } from './checkpoint.ts';
import { type Cut, Cutter } from './cutter.ts';
import { type Redrive, redriveOf } from './dead-letters.ts';
import type { Outcomes } from './outcome.ts';
import { SINK_TYPES } from './registry.ts';
import { type Failed, Held, Sender, Stopped } from './sender.ts';
import { finish, settleCuts } from './settle.ts';
import { limitsOf, type Sink } from './store.ts';
import { keepFailure, keepHold, keepLease, keepPlan, releaseLease, type Stream } from './streams.ts';
import type { Transport } from './transport.ts';

const KEEP_EVERY_MS = 3_000;
/** For what is on its way when this node stops. */
const FINISH_MS = 3_000;
/** After so many batches that were taken, larger ones are tried again. */
const GROW_AFTER = 20;

export interface LaneOptions {
  readonly pool: Pool;
  readonly log: Pick<RunningLog, 'entries' | 'news' | 'checkpoint' | 'transact'>;
  readonly logger: Logger;
  readonly observe: SinkObserver;
  readonly sink: Sink;
  readonly stream: Stream;
  /** Of the workspace, as they stand on records. */
  readonly place: { readonly workspace: string; readonly env: string };
  /** Throws a Failure where a person is needed. */
  readonly connect: () => Promise<Transport>;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Resolves when the stream is over, or the lease was lost or given back. Rejects when the database does not answer: then the lease runs out. */
export async function runLane(options: LaneOptions): Promise<void> {
  const { pool, sink, stream, clock, observe } = options;
  let transport: Transport | undefined;
  try {
    transport = await options.connect();
    const { workspaceId, id, purpose } = stream;
    const redrive = purpose === 'redrive' ? await redriveOf(pool, workspaceId, id) : undefined;
    await new Lane(options, transport, redrive).run();
  } catch (error) {
    const held = heldBy(error);
    const at = new Date(clock());
    if (held === undefined) {
      // Whatever it is, people see that nothing is sent; the lease runs out, and it is tried again.
      const failure = { code: 'sender_failed', why: 'the events could not be sent', failures: stream.failures + 1, at };
      await keepFailure(pool, stream, failure).catch(() => false);
      throw error;
    }
    observe.failed(sink.id, held.code);
    await keepHold(pool, stream, { code: held.code, why: held.message, at });
  } finally {
    await transport?.close();
  }
}

function heldBy(error: unknown): { readonly code: string; readonly message: string } | undefined {
  return error instanceof Held || error instanceof Failure ? error : undefined;
}

interface UnderWay {
  readonly cut: Cut;
  readonly sending: Promise<Outcomes>;
  outcomes: Outcomes | undefined;
}

class Lane {
  readonly #options: LaneOptions;
  readonly #transport: Transport;
  readonly #redrive: Redrive | undefined;
  /** The lease is lost, or a part of this has failed. */
  readonly #over = new AbortController();
  /** What is on its way is let finish, or it would be sent twice. */
  readonly #cut = new AbortController();
  readonly #signal: AbortSignal;
  readonly #cutter: Cutter;
  readonly #sender: Sender;
  readonly #checkpoints: CheckpointMaker;
  readonly #window: number;
  readonly #underWay: UnderWay[] = [];
  #isCutOut = false;
  /** All of a stream that has an end was cut. */
  #isAtEnd = false;
  #changed = Promise.withResolvers<void>();
  #most: number;
  #takenInARow = 0;
  #lastSuccessAt: Date | null;
  #keptAtMs = performance.now();

  constructor(options: LaneOptions, transport: Transport, redrive: Redrive | undefined) {
    const { log, sink, stream, place, clock, random } = options;
    const limits = limitsOf(sink);
    this.#options = options;
    this.#transport = transport;
    this.#redrive = redrive;
    this.#lastSuccessAt = stream.lastSuccessAt;
    this.#signal = AbortSignal.any([options.signal, this.#over.signal]);
    this.#checkpoints = new CheckpointMaker(log, sink, place, stream.checkpoints, clock);
    this.#cutter = new Cutter({ log, sink, stream, ranges: redrive?.ranges, checkpoints: this.#checkpoints, clock });
    this.#window = this.#isFixed ? 1 : limits.window;
    this.#most = limits.events;
    this.#sender = new Sender({
      transport,
      name: stream.purpose === 'live' ? sink.id : `${sink.id}.${stream.id}`,
      signal: this.#cut.signal,
      random,
      onFailed: (failed) => this.#failed(failed),
      onTooLarge: (events) => this.#shrink(events),
    });
  }

  async run(): Promise<void> {
    const { pool, stream, signal } = this.#options;
    const close = (): void => {
      this.#wake();
      setTimeout(() => this.#cut.abort(), FINISH_MS).unref();
    };
    signal.addEventListener('abort', close, { once: true });
    const keeping = setInterval(() => this.#keep(), KEEP_EVERY_MS);
    const parts = [this.#cutAll(), this.#settleAll()].map((part) =>
      part.catch((error: unknown) => {
        this.#end();
        throw error;
      }),
    );
    try {
      const ends = await Promise.allSettled(parts);
      // Nothing is left running: the transport is closed after this.
      this.#cut.abort();
      await Promise.allSettled(this.#underWay.map(({ sending }) => sending));
      for (const end of ends) if (end.status === 'rejected' && !(end.reason instanceof Stopped)) throw end.reason;
      await releaseLease(pool, stream);
    } finally {
      clearInterval(keeping);
      signal.removeEventListener('abort', close);
    }
  }

  get #isFixed(): boolean {
    return SINK_TYPES[this.#options.sink.kind].fixedBatches;
  }

  /** Nothing more is begun, and what is on its way is cut off. */
  #end(): void {
    this.#over.abort();
    this.#cut.abort();
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #cutAll(): Promise<void> {
    try {
      while (!this.#signal.aborted) {
        if (this.#underWay.length >= this.#window) {
          await this.#changed.promise;
          continue;
        }
        const cut = await this.#cutter.next(this.#signal);
        if (cut === undefined) {
          this.#isAtEnd = !this.#signal.aborted;
          return;
        }
        await this.#plan(cut);
        this.#begin(cut);
      }
    } finally {
      this.#isCutOut = true;
      this.#wake();
    }
  }

  /** What must be sent the same after a crash is kept before it is sent for the first time. */
  async #plan({ last, checkpoint, items }: Cut): Promise<void> {
    const { pool, stream } = this.#options;
    if (items.length === 0 || (checkpoint === undefined && !this.#isFixed)) return;
    const plan = {
      seq: this.#isFixed ? last : null,
      checkpoint: checkpoint ?? null,
      checkpoints: this.#checkpoints.made,
    };
    if (!(await keepPlan(pool, stream, plan))) this.#lost();
  }

  #begin(cut: Cut): void {
    const underWay: UnderWay = { cut, sending: this.#sender.send(cut), outcomes: undefined };
    this.#underWay.push(underWay);
    underWay.sending.then(
      (outcomes) => {
        underWay.outcomes = outcomes;
        this.#wake();
      },
      () => this.#wake(),
    );
    this.#wake();
  }

  /** In the order of the log, as many at once as are done. */
  async #settleAll(): Promise<void> {
    for (;;) {
      const changed = this.#changed.promise;
      const [first] = this.#underWay;
      if (first === undefined) {
        if (this.#isCutOut) break;
        await changed;
        continue;
      }
      await first.sending;
      const done: Outcomes[] = [];
      for (const { outcomes } of this.#underWay) {
        if (outcomes === undefined) break;
        done.push(outcomes);
      }
      if (done.length === 0) {
        await changed;
        continue;
      }
      await this.#settle(done);
      this.#underWay.splice(0, done.length);
      this.#wake();
    }
    if (this.#isAtEnd) await finish(this.#options, this.#redrive);
  }

  async #settle(done: readonly Outcomes[]): Promise<void> {
    const { sink, observe, clock } = this.#options;
    const counted = await settleCuts(this.#options, {
      done,
      redrive: this.#redrive,
      lastSuccessAt: this.#lastSuccessAt,
      remarks: this.#transport.remarks?.() ?? [],
    });
    if (counted === undefined) return this.#lost();
    if (counted.confirmed !== null) this.#lastSuccessAt = new Date(clock());
    this.#keptAtMs = performance.now();
    observe.settled(sink.id, counted);
    for (const { cut, shorts, retried } of done) {
      if (cut.checkpoint !== undefined) this.#cutter.checkpointSettled();
      if (shorts.length === 0 && retried.every((times) => times === 0)) this.#grow();
    }
  }

  #lost(): never {
    throw new Stopped();
  }

  async #failed({ code, why, failures, waitMs }: Failed): Promise<void> {
    const { pool, sink, stream, clock, observe } = this.#options;
    observe.failed(sink.id, code);
    const isOurs = await keepFailure(pool, stream, { code, why, failures, at: new Date(clock()) });
    if (!isOurs) this.#lost();
    // What waits is not on its way: it ends at once.
    await sleep(waitMs, undefined, { signal: this.#signal }).catch(() => {
      throw new Stopped();
    });
  }

  #shrink(events: number): void {
    this.#takenInARow = 0;
    this.#most = Math.max(1, Math.floor(events / 2));
    this.#cutter.most = this.#most;
  }

  #grow(): void {
    this.#takenInARow += 1;
    if (this.#takenInARow < GROW_AFTER) return;
    this.#takenInARow = 0;
    this.#most = Math.min(this.#most * 2, limitsOf(this.#options.sink).events);
    this.#cutter.most = this.#most;
  }

  /** While nothing is settled the lease is kept, and a change of the sink is noticed. */
  #keep(): void {
    if (performance.now() - this.#keptAtMs < KEEP_EVERY_MS) return;
    keepLease(this.#options.pool, this.#options.stream).then(
      (isOurs) => {
        this.#keptAtMs = performance.now();
        if (!isOurs) this.#end();
      },
      () => this.#end(),
    );
  }
}
