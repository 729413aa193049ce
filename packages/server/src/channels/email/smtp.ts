/** One SMTP relay: a guarded address, TLS unless it is this machine, bounded times. */
import { connect, type Socket } from 'node:net';
import type { Secret } from '../../secret.ts';
import { AddressRefused, type AddressRules, guardedLookup, literalProblem } from '../../upstreams/index.ts';
import type { Sent } from '../carrier.ts';
import { type EmailSettings, isLoopback } from '../settings.ts';
import type { Mail } from './compose.ts';

const CONNECT_MS = 10_000;
const SILENCE_MS = 15_000;
/** Of a whole attempt, which is given up well before it is made again elsewhere. */
const ATTEMPT_MS = 40_000;

export interface Posting {
  readonly settings: EmailSettings;
  readonly password: Secret | undefined;
  readonly rules: AddressRules;
  readonly to: string;
  readonly mail: Mail;
  /** The same when it is sent again, so that its receiver can tell. */
  readonly messageId: string;
  readonly signal: AbortSignal;
}

/** Never rejects. */
export async function sendMail({ settings, password, rules, to, mail, messageId, signal }: Posting): Promise<Sent> {
  const { host, port, security, username, from } = settings;
  let socket: Socket | undefined;
  const isOver = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]);
  const cut = (): void => void socket?.destroy();
  isOver.addEventListener('abort', cut, { once: true });
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(username === null || password === undefined ? {} : { auth: { user: username, pass: password.reveal() } }),
    greetingTimeout: SILENCE_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_options, done) => {
      openSocket(settings, rules).then(
        (opened) => {
          socket = opened;
          if (isOver.aborted) opened.destroy();
          done(null, { connection: opened });
        },
        (error: unknown) => done(error instanceof Error ? error : new Error('the relay cannot be reached')),
      );
    },
  });
  try {
    await transport.sendMail({
      from,
      // As an object it is one address, whatever is written in it.
      to: { name: '', address: to },
      envelope: { from, to: [to] },
      messageId,
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      ...mail,
    });
    return { kind: 'sent' };
  } catch (error) {
    return failureOf(error);
  } finally {
    isOver.removeEventListener('abort', cut);
    transport.close();
    socket?.destroy();
  }
}

/** A connection to a checked address. */
function openSocket({ host, port, security }: EmailSettings, rules: AddressRules): Promise<Socket> {
  const problem = literalProblem({ host, port }, rules);
  return new Promise((resolve, reject) => {
    if (problem !== undefined) return reject(new AddressRefused(`${host}: ${problem}`));
    const socket = connect({ host, port, lookup: guardedLookup(port, rules), timeout: CONNECT_MS });
    socket.once('timeout', () => socket.destroy(new Error('the relay did not answer in time')));
    // Stays: from here to where nodemailer listens, an error must not be one that nobody handles.
    socket.on('error', reject);
    socket.once('connect', () => {
      socket.removeAllListeners('timeout').setTimeout(0);
      // What a name leads to is known only now.
      if (security === 'none' && !isLoopback(socket.remoteAddress ?? '')) {
        socket.destroy();
        reject(new AddressRefused(`${host}: without TLS only a loopback address is spoken to`));
      } else resolve(socket);
    });
  });
}

/** `permanent` and the codes are nodemailer's. What the relay says is not repeated beyond its status: it is not ours. */
function failureOf(error: unknown): Sent {
  if (error instanceof AddressRefused)
    return { kind: 'failed', why: `the address is refused: ${error.message}`, isFinal: false };
  const member = (name: string): unknown =>
    typeof error === 'object' && error !== null && Object.hasOwn(error, name) ? Reflect.get(error, name) : undefined;
  const code = String(member('code') ?? 'unknown');
  const status = Number(member('responseCode') ?? 0);
  if (status === 0) return { kind: 'failed', why: `the relay cannot be used (${code})`, isFinal: false };
  // A recipient or message that is refused for good; a login that is refused may be put right.
  const isFinal = status >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE');
  return { kind: 'failed', why: `the relay answered ${status} (${code})`, isFinal };
}
