/** Messages over RELP: what is answered with 200 was dealt with by the receiver's action, as its queue makes it. */
import type { TransportDeps } from '../sink-type.ts';
import { checkReceiver } from '../socket/guard.ts';
import { openSocket } from '../socket/open-socket.ts';
import type { Unsettled } from '../socket/problems.ts';
import { MAX_MESSAGE_BYTES } from '../syslog/index.ts';
import { syslogMessage } from '../syslog/message.ts';
import type { Batch, Delivery, Rejection, Transport } from '../transport.ts';
import type { RelpSettings } from './index.ts';
import { type Exchange, RelpSession } from './session.ts';

const TAKEN = 200;
/** RELP has one code for a receiver in trouble and for a message that it will never take. */
const ATTEMPTS_BEFORE_REFUSED = 5;

/** Throws `sink_address_refused`. */
export async function openRelp(settings: RelpSettings, deps: TransportDeps): Promise<Transport> {
  checkReceiver(settings, settings.tls !== null, deps.rules);
  return new RelpTransport(settings, deps);
}

class RelpTransport implements Transport {
  readonly #settings: RelpSettings;
  readonly #deps: TransportDeps;
  #session: RelpSession | undefined;

  constructor(settings: RelpSettings, deps: TransportDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  async send({ events, attempt }: Batch, signal: AbortSignal): Promise<Delivery> {
    const places: number[] = [];
    const messages: Buffer[] = [];
    const tooLong: Rejection[] = [];
    for (const [index, event] of events.entries()) {
      const message = syslogMessage(event, this.#settings, this.#deps.sink);
      if (message.length > MAX_MESSAGE_BYTES)
        tooLong.push({ index, why: `the message has ${message.length} bytes, and ${MAX_MESSAGE_BYTES} are the most` });
      else {
        places.push(index);
        messages.push(message);
      }
    }
    const opened = await this.#opened(signal);
    if (opened.kind !== 'open') return opened;
    return deliveryOf(await opened.session.syslog(messages, signal), places, tooLong, attempt);
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
}

function deliveryOf(
  { answers, problem }: Exchange,
  places: readonly number[],
  tooLong: readonly Rejection[],
  attempt: number,
): Delivery {
  const rejected = [...tooLong];
  const again: number[] = [];
  let why = problem?.why ?? (tooLong.length > 0 ? 'messages are too long' : '');
  for (const [place, answer] of answers.entries()) {
    const index = places[place];
    if (index === undefined || answer?.code === TAKEN) continue;
    if (answer === undefined) again.push(index);
    else {
      why = `the receiver answered ${answer.code} ${answer.words}`.trim();
      if (attempt < ATTEMPTS_BEFORE_REFUSED) again.push(index);
      else rejected.push({ index, why });
    }
  }
  if (problem !== undefined && again.length === places.length) return problem;
  if (rejected.length === 0 && again.length === 0) return { kind: 'taken', confirmed: true };
  return { kind: 'partly', confirmed: true, rejected, again, why };
}
