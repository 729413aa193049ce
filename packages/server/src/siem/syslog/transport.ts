/**
 * Writes messages to one connection. No receiver says what it has taken, so an answer here means that the bytes left
 * this process; on a new connection the last window is sent again, and receivers drop what they have by `eventId`.
 */
import type { Socket } from 'node:net';
import type { TransportDeps } from '../sink-type.ts';
import { checkReceiver } from '../socket/guard.ts';
import { openSocket } from '../socket/open-socket.ts';
import { connectionProblem, STOPPED, type Unsettled } from '../socket/problems.ts';
import type { Batch, Delivery, Transport } from '../transport.ts';
import type { SyslogSettings } from './index.ts';
import { messagesOf, octetCounted } from './message.ts';
import { ResendWindow } from './window.ts';

/** A receiver that takes nothing for so long is left, and tried again. */
const WRITE_MS = 30_000;
const CLOSE_MS = 2_000;
/** A receiver that refuses us closes after the handshake: what is written before that seems taken, and is lost. */
const REFUSAL_MS = 250;

/** Throws `sink_address_refused`. */
export async function openSyslog(settings: SyslogSettings, deps: TransportDeps): Promise<Transport> {
  checkReceiver(settings, settings.tls !== null, deps.rules);
  return new SyslogTransport(settings, deps);
}

class SyslogTransport implements Transport {
  readonly #settings: SyslogSettings;
  readonly #deps: TransportDeps;
  readonly #sent: ResendWindow;
  #socket: Socket | undefined;
  /** Why the last connection ended, where it said so. */
  #ended: Unsettled | undefined;

  constructor(settings: SyslogSettings, deps: TransportDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#sent = new ResendWindow(settings.resend_events);
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    const { messages, tooLong } = messagesOf(events, this.#settings, this.#deps.sink);
    const frames = messages.map(({ bytes }) => octetCounted(bytes));
    const problem = (await this.#connect(signal)) ?? (await this.#write(frames, signal));
    if (problem !== undefined) return problem;
    this.#sent.add(frames);
    if (tooLong.length === 0) return { kind: 'taken', confirmed: false };
    return { kind: 'partly', confirmed: false, rejected: tooLong, again: [], why: 'messages are too long' };
  }

  /** A connection that is ended in order hands over what the kernel still holds. */
  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    await new Promise<void>((resolve) => {
      socket.once('close', resolve);
      socket.setTimeout(CLOSE_MS, () => socket.destroy());
      socket.end();
    });
  }

  async #connect(signal: AbortSignal): Promise<Unsettled | undefined> {
    if (this.#socket !== undefined) return undefined;
    const opened = await openSocket(this.#settings, this.#deps, signal);
    if (opened.kind === 'failed') return opened.problem;
    const { socket } = opened;
    this.#socket = socket;
    this.#ended = undefined;
    socket.on('error', (error) => {
      this.#ended = connectionProblem(error);
    });
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    // Nothing is expected; unread bytes would hide that the other end is gone.
    socket.resume();
    await closedWithin(socket, REFUSAL_MS);
    if (this.#socket === undefined) return this.#ended ?? closedAtOnce();
    return this.#sent.frames.length === 0 ? undefined : this.#write(this.#sent.frames, signal);
  }

  /** Until the kernel has all of it; then nothing is left that dies with this process. */
  async #write(frames: readonly Buffer[], signal: AbortSignal): Promise<Unsettled | undefined> {
    const socket = this.#socket;
    if (socket === undefined) return this.#ended ?? lost();
    if (frames.length === 0) return undefined;
    if (signal.aborted) return STOPPED;
    const problem = await new Promise<Unsettled | undefined>((resolve) => {
      const done = (result: Unsettled | undefined): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        socket.removeListener('close', closed);
        resolve(result);
      };
      const stop = (): void => done(STOPPED);
      const closed = (): void => done(this.#ended ?? lost());
      const timer = setTimeout(() => done(stalled()), WRITE_MS);
      signal.addEventListener('abort', stop, { once: true });
      socket.once('close', closed);
      socket.write(Buffer.concat(frames), (error) => {
        if (!error) done(undefined);
      });
    });
    // Half a message may stand in the stream: nothing can follow it.
    if (problem !== undefined) socket.destroy();
    return problem;
  }
}

function closedWithin(socket: Socket, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      socket.removeListener('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    socket.once('close', done);
  });
}

function closedAtOnce(): Unsettled {
  const why = 'the receiver closed the connection at once: it may refuse our address or certificate';
  return { kind: 'retry', code: 'receiver_refuses', why };
}

function lost(): Unsettled {
  return { kind: 'retry', code: 'receiver_unreachable', why: 'the receiver closed the connection' };
}

function stalled(): Unsettled {
  return { kind: 'retry', code: 'receiver_busy', why: `the receiver took nothing for ${WRITE_MS / 1000} s` };
}
