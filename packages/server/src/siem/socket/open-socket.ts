/** A connection to a receiver: guarded address, bounded time, and TLS whenever the settings say so. */
import { connect as connectPlainly, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { guardedLookup } from '../../upstreams/index.ts';
import type { TransportDeps } from '../sink-type.ts';
import { connectionProblem, STOPPED, type Unsettled } from './problems.ts';
import type { HostPort, TlsSettings } from './settings.ts';
import { tlsOptions } from './tls-options.ts';

const CONNECT_MS = 5_000;
/** Until a peer that went away without a word is noticed, milliseconds of silence before it is asked. */
const KEEP_ALIVE_MS = 30_000;

export interface Receiver extends HostPort {
  readonly tls: TlsSettings | null;
}

export type Opened =
  | { readonly kind: 'open'; readonly socket: Socket }
  | { readonly kind: 'failed'; readonly problem: Unsettled };

/** Never rejects. Who takes the socket listens for its `error`. */
export async function openSocket(receiver: Receiver, deps: TransportDeps, signal: AbortSignal): Promise<Opened> {
  if (signal.aborted) return { kind: 'failed', problem: STOPPED };
  try {
    const socket = await dial(receiver, deps);
    return await established(socket, receiver.tls === null ? 'connect' : 'secureConnect', signal);
  } catch (error) {
    return { kind: 'failed', problem: connectionProblem(error) };
  }
}

async function dial({ host, port, tls }: Receiver, deps: TransportDeps): Promise<Socket> {
  const lookup = guardedLookup(port, deps.rules);
  if (tls === null) return connectPlainly({ host, port, lookup });
  return connectSecurely({ ...(await tlsOptions(host, tls, deps)), host, port, lookup });
}

function established(socket: Socket, event: string, signal: AbortSignal): Promise<Opened> {
  return new Promise((resolve) => {
    const done = (opened: Opened): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      if (opened.kind === 'failed') {
        // What it still says is of no interest.
        socket.on('error', () => undefined);
        socket.destroy();
      }
      resolve(opened);
    };
    const stop = (): void => done({ kind: 'failed', problem: STOPPED });
    const late = `the receiver did not take the connection within ${CONNECT_MS / 1000} s`;
    const timer = setTimeout(
      () => done({ kind: 'failed', problem: { kind: 'retry', code: 'receiver_unreachable', why: late } }),
      CONNECT_MS,
    );
    signal.addEventListener('abort', stop, { once: true });
    socket.once('error', (error) => done({ kind: 'failed', problem: connectionProblem(error) }));
    socket.once(event, () => {
      socket.removeAllListeners('error');
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      done({ kind: 'open', socket });
    });
  });
}
