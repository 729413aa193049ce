/**
 * Asks the receiver which batches are indexed. A true answer is given once, so each id is asked about by one loop, and
 * what it says is believed only of the batch that the id still belongs to.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { isObject, jsonObject } from '../http/quote.ts';
import type { Exchange } from '../http/receiver.ts';
import { deliveryOf, meaningOf } from '../http/verdict.ts';
import type { Delivery } from '../transport.ts';
import { AckLedger, type Mark } from './ack-ledger.ts';
import { replyOf } from './codes.ts';

const FIRST_POLL_MS = 20;
const LONGEST_POLL_MS = 1_000;
/** Ids in one question. */
const MOST_IDS = 1_000;

/** `unanswered`: not within the time, or the receiver has forgotten it. `stopped`: this was closed. */
export type Word = 'stored' | 'unanswered' | 'stopped' | Extract<Delivery, { kind: 'hold' }>;

interface Waiting {
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly end: (word: Word) => void;
}

export interface AcksOptions {
  /** Posts `{"acks":[…]}`. */
  readonly ask: (body: string, signal: AbortSignal) => Promise<Exchange>;
  /** How long an answer is waited for. */
  readonly patienceMs: number;
}

export class Acks {
  readonly #options: AcksOptions;
  readonly #ledger = new AckLedger<Waiting>();
  readonly #closing = new AbortController();
  /** Posts whose answer may say that the receiver counts anew. */
  readonly #posting = new Set<Promise<unknown>>();
  #polling: Promise<void> | undefined;
  /** A quarter of what the last acknowledgement took: who indexes within seconds is not asked fifty times in each. */
  #firstMs = FIRST_POLL_MS;
  #delayMs = FIRST_POLL_MS;

  constructor(options: AcksOptions) {
    this.#options = options;
  }

  /** Posts by `post`. `word`: of the receiver about it, in the end; undefined where its reply has no id. Never rejects by itself. */
  async post<Reply>(
    post: () => Promise<Reply>,
    idOf: (reply: Reply) => number | undefined,
  ): Promise<{ readonly reply: Reply; readonly word: Promise<Word> | undefined }> {
    const mark = this.#ledger.mark();
    const posting = post().then((reply) => {
      const id = idOf(reply);
      return { reply, word: id === undefined ? undefined : this.#wait(mark, id) };
    });
    this.#posting.add(posting);
    return posting.finally(() => this.#posting.delete(posting));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#polling;
    for (const [id, waiting] of this.#ledger.waiting()) this.#end(id, waiting, 'stopped');
  }

  #wait(mark: Mark, id: number): Promise<Word> {
    return new Promise((end) => {
      const waiting = { since: performance.now(), end };
      for (const forgotten of this.#ledger.add(mark, id, waiting)) forgotten.end('unanswered');
      this.#delayMs = Math.min(this.#delayMs, this.#firstMs);
      this.#polling ??= this.#poll().finally(() => {
        this.#polling = undefined;
      });
    });
  }

  async #poll(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#ledger.waiting().length > 0 && !signal.aborted) {
      await pause(this.#delayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_POLL_MS);
      await this.#askOnce(this.#ledger.waiting().slice(0, MOST_IDS), signal);
      const until = performance.now() - this.#options.patienceMs;
      for (const [id, waiting] of this.#ledger.waiting())
        if (waiting.since <= until) this.#end(id, waiting, 'unanswered');
    }
  }

  async #askOnce(asked: readonly (readonly [number, Waiting])[], signal: AbortSignal): Promise<void> {
    const exchange = await this.#options.ask(JSON.stringify({ acks: asked.map(([id]) => id) }), signal);
    if (exchange.kind === 'failed') return;
    const { answer } = exchange;
    const stored = jsonObject(answer.body)?.acks;
    if (answer.status !== 200 || !isObject(stored)) {
      const reply = replyOf(answer, 0);
      const delivery = reply.kind === 'other' ? reply.delivery : deliveryOf(meaningOf(answer.status), answer, 0);
      // Only what a person must mend ends the waiting: the batches were taken, and asking again costs nothing.
      if (delivery.kind === 'hold') for (const [id, waiting] of asked) this.#end(id, waiting, delivery);
      return;
    }
    // A batch that was posted meanwhile may show that these ids are of a receiver that has restarted since.
    await Promise.allSettled([...this.#posting]);
    for (const [id, waiting] of asked) {
      if (stored[String(id)] !== true) continue;
      const tookMs = performance.now() - waiting.since;
      this.#firstMs = Math.min(Math.max(tookMs / 4, FIRST_POLL_MS), LONGEST_POLL_MS);
      this.#delayMs = this.#firstMs;
      this.#end(id, waiting, 'stored');
    }
  }

  #end(id: number, waiting: Waiting, word: Word): void {
    if (this.#ledger.take(id, waiting)) waiting.end(word);
  }
}
