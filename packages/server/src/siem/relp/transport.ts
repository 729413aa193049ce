/** Messages over RELP: what is answered with 200 was dealt with by the receiver's action, as its queue makes it. */
import type { TransportDeps } from '../sink-type.ts';
import { checkReceiver } from '../socket/guard.ts';
import { openSocket } from '../socket/open-socket.ts';
import type { Unsettled } from '../socket/problems.ts';
import { type Message, messagesOf } from '../syslog/message.ts';
import type { Batch, Delivery, Rejection, Transport } from '../transport.ts';
import type { RelpSettings } from './index.ts';
import { type Exchange, RelpSession } from './session.ts';

const TAKEN = 200;
/** RELP has one code for a receiver in trouble and for a message that it will never take. */
const REFUSALS = 5;

/** Throws `sink_address_refused`. */
export async function openRelp(settings: RelpSettings, deps: TransportDeps): Promise<Transport> {
  checkReceiver(settings, settings.tls !== null, deps.rules);
  return new RelpTransport(settings, deps);
}

class RelpTransport implements Transport {
  readonly #settings: RelpSettings;
  readonly #deps: TransportDeps;
  #session: RelpSession | undefined;
  /** By the id of the event, until it is taken or set aside. */
  readonly #refusals = new Map<string, number>();

  constructor(settings: RelpSettings, deps: TransportDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    const { messages, tooLong } = messagesOf(events, this.#settings, this.#deps.sink);
    const opened = await this.#opened(signal);
    if (opened.kind !== 'open') return opened;
    const texts = messages.map(({ bytes }) => bytes);
    const exchange = await opened.session.syslog(texts, signal);
    return this.#deliveryOf(messages, exchange, tooLong);
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  async #opened(signal: AbortSignal): Promise<{ readonly kind: 'open'; readonly session: RelpSession } | Unsettled> {
    if (this.#session?.isOpen) return { kind: 'open', session: this.#session };
    const opened = await openSocket(this.#settings, this.#deps, signal);
    if (opened.kind === 'failed') return opened.problem;
    const session = new RelpSession(opened.socket);
    const problem = await session.open(signal);
    if (problem !== undefined) return problem;
    this.#session = session;
    return { kind: 'open', session };
  }

  #deliveryOf(messages: readonly Message[], { answers, problem }: Exchange, tooLong: readonly Rejection[]): Delivery {
    const rejected = [...tooLong];
    const again: number[] = [];
    let why = problem?.why ?? (tooLong.length > 0 ? 'messages are too long' : '');
    for (const [place, { index, id }] of messages.entries()) {
      const answer = answers[place];
      if (answer === undefined) again.push(index);
      else if (answer.code === TAKEN) this.#refusals.delete(id);
      else {
        why = `the receiver answered ${answer.code} ${answer.words}`.trim();
        const refusals = (this.#refusals.get(id) ?? 0) + 1;
        if (refusals < REFUSALS) {
          this.#refusals.set(id, refusals);
          again.push(index);
        } else {
          this.#refusals.delete(id);
          rejected.push({ index, why });
        }
      }
    }
    if (problem !== undefined && again.length === messages.length) return problem;
    if (rejected.length === 0 && again.length === 0) return { kind: 'taken', confirmed: true };
    return { kind: 'partly', confirmed: true, rejected, again, why };
  }
}
