/** Brings one cut after the other to the receiver, however often it takes: again, in halves, or without what is refused. */
import type { Cut, Item, Sendable } from './cutter.ts';
import type { Outcome, Outcomes, Short } from './outcome.ts';
import { retryAfterMs } from './retry.ts';
import type { Batch, Delivery, OutgoingEvent, Transport } from './transport.ts';

/** So many refused one after the other, and nothing taken: it is not the events. */
const ALL_REFUSED = 200;

/** A person is needed. */
export class Held extends Error {
  readonly code: string;

  constructor(code: string, why: string) {
    super(why);
    this.name = 'Held';
    this.code = code;
  }
}

/** Ended from outside: nothing more is known of what was on its way. */
export class Stopped extends Error {}

export interface Failed {
  readonly code: string;
  readonly why: string;
  /** Of this batch, in a row. */
  readonly failures: number;
  readonly waitMs: number;
}

export interface SenderOptions {
  readonly transport: Transport;
  /** The beginning of batch ids. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** In [0, 1). */
  readonly random: () => number;
  /** Resolves when the next attempt may begin. Throws Stopped. */
  readonly onFailed: (failed: Failed) => Promise<void>;
  /** So many events were too much at once. */
  readonly onTooLarge: (events: number) => void;
}

/** What is known so far of the items of one cut. */
interface Progress {
  readonly outcomes: Map<Item, Outcome>;
  readonly times: Map<Item, number>;
  readonly shorts: Short[];
  duplicates: number;
}

export class Sender {
  readonly #options: SenderOptions;
  #refusedInARow = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Throws Held and Stopped: then nothing of the cut is settled. */
  async send(cut: Cut): Promise<Outcomes> {
    const progress: Progress = { outcomes: new Map(), times: new Map(), shorts: [], duplicates: 0 };
    const sendable: Sendable[] = [];
    for (const item of cut.items)
      if ('event' in item) sendable.push(item);
      else this.#refuse(progress, item, item.refusal);
    await this.#bring(sendable, progress);
    const { outcomes, times, shorts, duplicates } = progress;
    return {
      cut,
      outcomes: cut.items.map((item) => known(outcomes.get(item))),
      retried: cut.items.map((item) => Math.max(0, (times.get(item) ?? 1) - 1)),
      shorts,
      duplicates,
    };
  }

  async #bring(items: readonly Sendable[], progress: Progress): Promise<void> {
    let rest = items;
    for (let attempt = 1, failures = 0; rest.length > 0; attempt += 1) {
      for (const item of rest) progress.times.set(item, (progress.times.get(item) ?? 0) + 1);
      const delivery = await this.#attempt(rest, attempt);
      switch (delivery.kind) {
        case 'taken':
          progress.duplicates += delivery.duplicates ?? 0;
          return this.#take(progress, rest, delivery.confirmed);
        case 'short':
          progress.shorts.push({ items: rest, rejected: delivery.rejected, why: delivery.why });
          return this.#take(progress, rest, false);
        case 'hold':
          throw new Held(delivery.code, delivery.why);
        case 'split':
          return this.#split(rest, delivery, progress);
        case 'partly': {
          const again = this.#sort(rest, delivery, progress);
          if (again.length === 0) return;
          failures = again.length < rest.length ? 1 : failures + 1;
          rest = again;
          await this.#wait({ code: 'receiver_busy', why: delivery.why, failures });
          break;
        }
        case 'retry':
          failures += 1;
          await this.#wait({ code: delivery.code, why: delivery.why, failures }, delivery.afterMs);
      }
    }
  }

  /** One after the other, so that what is refused does not bring the rest out of order. */
  async #split(
    items: readonly Sendable[],
    { code, why }: Extract<Delivery, { kind: 'split' }>,
    progress: Progress,
  ): Promise<void> {
    const [only, second] = items;
    if (only !== undefined && second === undefined) return this.#refuse(progress, only, { code, why });
    if (code === 'too_large') this.#options.onTooLarge(items.length);
    const half = Math.ceil(items.length / 2);
    await this.#bring(items.slice(0, half), progress);
    await this.#bring(items.slice(half), progress);
  }

  /** The items that are to be sent again. */
  #sort(
    items: readonly Sendable[],
    { rejected, again, confirmed }: Extract<Delivery, { kind: 'partly' }>,
    progress: Progress,
  ): readonly Sendable[] {
    const refused = new Map(rejected.map(({ index, why }) => [index, why]));
    const repeated = new Set(again);
    const rest: Sendable[] = [];
    const taken: Sendable[] = [];
    for (const [place, item] of items.entries()) {
      const why = refused.get(place);
      if (repeated.has(place)) rest.push(item);
      else if (why === undefined) taken.push(item);
      else progress.outcomes.set(item, { kind: 'rejected', code: 'event_refused', why });
    }
    if (taken.length > 0) this.#take(progress, taken, confirmed);
    else this.#count(refused.size);
    return rest;
  }

  #take({ outcomes }: Progress, items: readonly Sendable[], confirmed: boolean): void {
    this.#refusedInARow = 0;
    for (const item of items) outcomes.set(item, { kind: 'taken', confirmed });
  }

  #refuse({ outcomes }: Progress, item: Item, { code, why }: { readonly code: string; readonly why: string }): void {
    outcomes.set(item, { kind: 'rejected', code, why });
    this.#count(1);
  }

  #count(refused: number): void {
    this.#refusedInARow += refused;
    if (this.#refusedInARow < ALL_REFUSED) return;
    throw new Held(
      'receiver_refuses_all',
      `the receiver has refused ${this.#refusedInARow} events one after the other, and taken none`,
    );
  }

  async #attempt(items: readonly Sendable[], attempt: number): Promise<Delivery> {
    const { transport, signal } = this.#options;
    if (signal.aborted) throw new Stopped();
    const batch: Batch = { events: items.map(({ event }) => event), id: this.#idOf(items), attempt };
    const delivery = await transport.send(batch, signal).catch(() => TRANSPORT_FAILED);
    // An answer that came before the end counts, one that the end caused does not.
    if (signal.aborted && delivery.kind !== 'taken') throw new Stopped();
    return delivery;
  }

  /** The place of a checkpoint in the stream is in its own id. */
  #idOf(items: readonly Sendable[]): string {
    const entries = items.flatMap(({ seq }) => seq ?? []);
    const last = items.at(-1)?.event;
    const range = entries.length === 0 ? [] : [`${entries[0]}-${entries.at(-1)}`];
    const checkpoint = last === undefined || !isCheckpoint(last) ? [] : [last.id.slice(last.id.lastIndexOf('_') + 1)];
    return `${this.#options.name}:${[...range, ...checkpoint.map((number) => `c${number}`)].join('+')}`;
  }

  #wait(failure: Omit<Failed, 'waitMs'>, afterMs?: number): Promise<void> {
    const { random, onFailed } = this.#options;
    return onFailed({ ...failure, waitMs: retryAfterMs(failure.failures, random(), afterMs) });
  }
}

/** A transport never rejects; one that does has a bug, and loses nothing by it. */
const TRANSPORT_FAILED: Delivery = { kind: 'retry', code: 'transport_failed', why: 'the transport failed' };

function isCheckpoint({ item }: OutgoingEvent): boolean {
  return item.type === 'checkpoint';
}

function known(outcome: Outcome | undefined): Outcome {
  if (outcome === undefined) throw new Error('an event of a batch was neither taken nor refused');
  return outcome;
}
