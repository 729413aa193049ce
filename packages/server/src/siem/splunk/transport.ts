/** Posts batches to the collector and waits for the word that they are indexed. */
import { randomUUID } from 'node:crypto';
import type { Secret } from '../../secret.ts';
import { failureOf, STOPPED } from '../http/failure.ts';
import { type Exchange, gzipped, poolOf, Receiver } from '../http/receiver.ts';
import { below, sinkTarget } from '../http/settings.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Batch, Delivery, OutgoingEvent, Transport } from '../transport.ts';
import { Acks } from './acks.ts';
import { type Reply, replyOf } from './codes.ts';
import { Cookies } from './cookies.ts';
import { envelopes } from './envelope.ts';
import { type SplunkSettings, splunkSink } from './index.ts';
import { Width } from './width.ts';

/** After this, a batch is posted once more. */
const ACK_MS = 120_000;
/** As often in a row an acknowledgement must have come late before they are waited for again. */
const REGAINED = 8;

/** Throws `sink_url_invalid`, `sink_url_refused` and what a credential throws. */
export async function openSplunk(settings: SplunkSettings, deps: TransportDeps, ackMs = ACK_MS): Promise<Transport> {
  const { window } = splunkSink.limits;
  const base = sinkTarget(settings.url, deps.rules).url;
  await deps.secret(settings.token_ref);
  // One more than batches, for the questions between them.
  const pool = poolOf(settings.url, settings.tls, deps, window + 1);
  return new SplunkTransport(settings, deps, base, new Receiver(pool, deps.userAgent), ackMs);
}

class SplunkTransport implements Transport {
  readonly #settings: SplunkSettings;
  readonly #deps: TransportDeps;
  readonly #base: URL;
  readonly #receiver: Receiver;
  /** Acknowledgements belong to it; it lasts as long as the process sends. */
  readonly #channel = randomUUID();
  readonly #cookies = new Cookies();
  readonly #acks: Acks;
  readonly #width = new Width(splunkSink.limits.window);
  /** Undefined: acknowledgements are waited for. Else a batch went without, and this many came since, in a row. */
  #late: number | undefined;
  /** Of the last reply. */
  #hasNoAcks = false;

  constructor(settings: SplunkSettings, deps: TransportDeps, base: URL, receiver: Receiver, patienceMs: number) {
    this.#settings = settings;
    this.#deps = deps;
    this.#base = base;
    this.#receiver = receiver;
    const ask = (body: string, signal: AbortSignal) => this.#ask('/services/collector/ack', body, {}, signal);
    this.#acks = new Acks({ ask, patienceMs });
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    await this.#width.enter();
    let saw: 'crowded' | 'room' | 'nothing' = 'nothing';
    try {
      if (signal.aborted) return STOPPED;
      const body = envelopes(events, this.#settings, this.#deps.sink.format);
      for (let isAgain = false; ; isAgain = true) {
        const { reply, word: heard } = await this.#acks.post(() => this.#post(body, signal), this.#ackIdOf);
        if (reply.kind === 'other') return reply.delivery;
        if (reply.kind === 'record') return await this.#refused(events, reply, signal);
        saw = reply.crowded ? 'crowded' : 'room';
        const duplicates = isAgain ? { duplicates: events.length } : {};
        this.#hasNoAcks = reply.ackId === undefined;
        if (heard === undefined) return { kind: 'taken', confirmed: false, ...duplicates };
        if (this.#late !== undefined) {
          heard.then((word) => this.#hearLate(word === 'stored'));
          return { kind: 'taken', confirmed: false, ...duplicates };
        }
        const word = await stoppable(heard, signal);
        if (word === 'stored') return { kind: 'taken', confirmed: true, ...duplicates };
        if (word === 'stopped') return STOPPED;
        if (word !== 'unanswered') return word;
        if (isAgain) {
          this.#late = 0;
          return { kind: 'taken', confirmed: false, ...duplicates };
        }
      }
    } finally {
      this.#width.leave(saw);
    }
  }

  remarks(): readonly string[] {
    if (!this.#settings.acknowledge) return ['Acknowledgement is switched off: the gap query shows what is missing.'];
    if (this.#hasNoAcks) return ['The token has no acknowledgement: enable it, or rely on the gap query.'];
    if (this.#late === undefined) return [];
    return ['Acknowledgements do not come within two minutes, and are not waited for: look at the load balancer.'];
  }

  async close(): Promise<void> {
    await this.#acks.close();
    await this.#receiver.close();
  }

  /**
   * The receiver names a record by a number that not all of them count from 0, so the record is posted alone: only one
   * that is then refused is given up. Otherwise halves are sent.
   */
  async #refused(
    events: readonly OutgoingEvent[],
    reply: Reply & { kind: 'record' },
    signal: AbortSignal,
  ): Promise<Delivery> {
    const index = events.length === 1 ? 0 : reply.number;
    const event = index === undefined ? undefined : events[index];
    const split: Delivery = {
      kind: 'split',
      code: 'event_refused',
      why: `the receiver refused a record: ${reply.why}`,
    };
    if (index === undefined || event === undefined) return split;
    let { why } = reply;
    if (events.length > 1) {
      const body = envelopes([event], this.#settings, this.#deps.sink.format);
      const alone = await this.#post(body, signal);
      if (alone.kind === 'other') return alone.delivery;
      if (alone.kind === 'accepted') return split;
      why = alone.why;
    }
    const again = events.flatMap((_, each) => (each === index ? [] : [each]));
    return { kind: 'partly', confirmed: true, rejected: [{ index, why }], again, why: 'the receiver refused a record' };
  }

  #hearLate(isStored: boolean): void {
    if (this.#late === undefined) return;
    this.#late = isStored ? this.#late + 1 : 0;
    if (this.#late >= REGAINED) this.#late = undefined;
  }

  /** What is to be waited for. */
  readonly #ackIdOf = (reply: Reply): number | undefined =>
    reply.kind === 'accepted' && this.#settings.acknowledge ? reply.ackId : undefined;

  async #post(body: string, signal: AbortSignal): Promise<Reply> {
    const exchange = await this.#ask(
      '/services/collector/event',
      await gzipped(body),
      { 'content-encoding': 'gzip' },
      signal,
    );
    if (exchange.kind === 'failed') return { kind: 'other', delivery: exchange.delivery };
    return replyOf(exchange.answer, this.#deps.clock());
  }

  async #ask(
    path: string,
    body: Buffer | string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Exchange> {
    let token: Secret;
    try {
      token = await this.#deps.secret(this.#settings.token_ref);
    } catch (error) {
      return { kind: 'failed', delivery: failureOf(error, signal.aborted) };
    }
    const exchange = await this.#receiver.ask(below(this.#base, path), {
      headers: {
        authorization: `Splunk ${token.reveal()}`,
        'content-type': 'application/json',
        'x-splunk-request-channel': this.#channel,
        ...this.#cookies.header(),
        ...headers,
      },
      body,
      signal,
    });
    if (exchange.kind === 'answered') this.#cookies.take(exchange.answer.headers['set-cookie']);
    return exchange;
  }
}

function stoppable<Word>(word: Promise<Word>, signal: AbortSignal): Promise<Word | 'stopped'> {
  return new Promise((resolve) => {
    const stop = (): void => resolve('stopped');
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    word.then(resolve).finally(() => signal.removeEventListener('abort', stop));
  });
}
