/**
 * A local HTTP receiver that keeps what it takes and misbehaves as it is told: what the receivers of all kinds in this
 * folder have in common. Faults are used up in order, one for each delivery; afterwards all is well.
 */
import { once } from 'node:events';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { gunzipSync } from 'node:zlib';

const SLOW_MS = 150;
/** More than a transport looks at. */
const HUGE_BYTES = 256 * 1024;

export const FAULTS = {
  busy: 'answers 429 and asks for two seconds',
  unavailable: 'answers 503',
  html_error: 'answers 502 with a page, which repeats the request it was sent',
  html_success: 'answers 200 with a page, as a portal in between would',
  redirect: 'sends it elsewhere',
  too_large: 'answers 413 with a page',
  huge: 'answers 500 with more than anybody wants to read',
  slow: 'stores it, and answers in pieces after a while',
  hang: 'reads it and never answers',
  cut_before: 'ends the connection in the middle of the request',
  cut_after: 'stores it and ends the connection in the middle of its answer',
  half: 'stores the first half of it; says so, where its protocol can, and else ends the connection',
  lost: 'says that it has it, and loses it',
} as const;

export type Fault = keyof typeof FAULTS;

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Uncompressed. */
  readonly body: Buffer;
  /** As it came. */
  readonly wireBytes: number;
}

export interface Event {
  readonly id: string;
  readonly seq: number | undefined;
  /** As it is kept by the receiver. */
  readonly event: unknown;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** What is kept, in order, when the delivery goes well. */
  readonly events?: readonly Event[];
}

/** An answer of somebody's own choice in place of a fault; nothing is stored. */
type Answer = Reply | ((request: Received) => Reply);

export interface Rules {
  /** Whether faults apply to it. */
  isDelivery(path: string): boolean;
  answer(request: Received): Reply;
  /** Of a delivery whose first half alone is to be taken; undefined: the protocol cannot say so. */
  half?(request: Received): Reply;
  /** Of a delivery that is lost; undefined: the answer is as always. */
  lost?(request: Received): Reply;
}

export interface ReceiverOptions {
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string };
  /** Keeps the events themselves, and not only how often each id came. True when absent. */
  readonly keep?: boolean;
  /** Sees each event when it is stored. */
  readonly onEvent?: (event: Event) => void;
  /** Another one to be had again at the same place. */
  readonly port?: number;
}

export interface Receiver extends AsyncDisposable {
  /** Origin. */
  readonly url: string;
  readonly port: number;
  /** For the deliveries to come, in order. */
  readonly faults: (Fault | Answer)[];
  /** Asked at each delivery that no fault is set for. */
  chance: (() => Fault | undefined) | undefined;
  /** In the order in which they were stored; empty unless they are kept. */
  readonly events: Event[];
  /** How often each id was stored. */
  readonly stored: Map<string, number>;
  /** Of deliveries, whatever became of them. */
  readonly requests: Received[];
  /** Connections that were made. */
  readonly connections: { count: number };
  /** And of them, those that went on with an earlier TLS session. */
  readonly resumed: { count: number };
  /** Keeps what comes to rest later than its answer. */
  store(events: readonly Event[]): void;
}

export async function startReceiver(rules: Rules, options: ReceiverOptions = {}): Promise<Receiver> {
  const { keep = true, onEvent, tls, port: wanted = 0 } = options;
  const closing = new AbortController();
  const events: Event[] = [];
  const stored = new Map<string, number>();
  const requests: Received[] = [];
  const faults: (Fault | Answer)[] = [];
  const connections = { count: 0 };
  const resumed = { count: 0 };
  const state: Pick<Receiver, 'chance'> = { chance: undefined };

  const store = (taken: readonly Event[] = []): void => {
    for (const event of taken) {
      stored.set(event.id, (stored.get(event.id) ?? 0) + 1);
      if (keep) events.push(event);
      onEvent?.(event);
    }
  };

  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const url = new URL(req.url ?? '/', 'http://receiver');
    const isDelivery = rules.isDelivery(url.pathname);
    const fault = isDelivery ? (faults.shift() ?? state.chance?.()) : undefined;
    if (fault === 'cut_before') return cutRequest(req);
    const raw = await bodyOf(req);
    const body = req.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    const request: Received = {
      method: req.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: req.headers,
      body,
      wireBytes: raw.length,
    };
    if (isDelivery && keep) requests.push(request);
    if (typeof fault === 'object' || typeof fault === 'function')
      return send(res, typeof fault === 'object' ? fault : fault(request));
    switch (fault) {
      case undefined: {
        const reply = rules.answer(request);
        store(reply.events);
        return send(res, reply);
      }
      case 'slow': {
        const reply = rules.answer(request);
        store(reply.events);
        await pause(SLOW_MS, undefined, { signal: closing.signal });
        return send(res, reply);
      }
      case 'lost':
        return send(res, (rules.lost ?? rules.answer)(request));
      case 'cut_after': {
        const reply = rules.answer(request);
        store(reply.events);
        return cutAnswer(req, res);
      }
      case 'half': {
        const reply = (rules.half ?? rules.answer)(request);
        const taken = reply.events ?? [];
        store(rules.half === undefined ? taken.slice(0, Math.ceil(taken.length / 2)) : taken);
        return rules.half === undefined ? cutAnswer(req, res) : send(res, reply);
      }
      case 'hang':
        return;
      default:
        return send(res, refusal(fault, request));
    }
  };

  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    // A connection that ends in the middle is part of the game.
    serve(req, res).catch(() => req.socket.destroy());
  };
  const server =
    tls === undefined
      ? createPlainServer(listener)
      : createTlsServer({ ...tls, ...(tls.ca === undefined ? {} : { requestCert: true }) }, listener);
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket | TLSSocket) => {
    connections.count += 1;
    if ('isSessionReused' in socket && socket.isSessionReused()) resumed.count += 1;
  });
  server.listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    faults,
    events,
    stored,
    requests,
    connections,
    resumed,
    store,
    get chance() {
      return state.chance;
    },
    set chance(value) {
      state.chance = value;
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function refusal(
  fault: 'busy' | 'unavailable' | 'html_error' | 'html_success' | 'redirect' | 'too_large' | 'huge',
  { headers }: Received,
): Reply {
  // Some proxies print what they were sent, credentials and all.
  const echo = `<html><body><h1>Error</h1><pre>${JSON.stringify(headers)}</pre></body></html>`;
  const html = { 'content-type': 'text/html' };
  switch (fault) {
    case 'busy':
      return { status: 429, headers: { 'retry-after': '2' } };
    case 'unavailable':
      return { status: 503 };
    case 'html_error':
      return { status: 502, headers: html, body: echo };
    case 'html_success':
      return { status: 200, headers: html, body: echo };
    case 'redirect':
      return { status: 307, headers: { location: 'http://127.0.0.1:1/elsewhere' } };
    case 'too_large':
      return { status: 413, headers: html, body: echo };
    case 'huge':
      return { status: 500, body: '{"error":"'.padEnd(HUGE_BYTES, 'x') };
  }
}

function send(res: ServerResponse, { status, headers = {}, body = '' }: Reply): void {
  res.writeHead(status, {
    ...headers,
    ...(status === 204 ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  });
  res.end(status === 204 ? undefined : body);
}

function cutRequest(req: IncomingMessage): void {
  req.once('data', () => req.socket.destroy());
  req.once('end', () => req.socket.destroy());
}

function cutAnswer(req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  res.write('{"items":[{"cre', () => req.socket.destroy());
}

async function bodyOf(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** A JSON answer. */
export function json(status: number, body: unknown, more: Omit<Reply, 'status' | 'body'> = {}): Reply {
  return {
    status,
    body: JSON.stringify(body),
    ...more,
    headers: { 'content-type': 'application/json', ...more.headers },
  };
}

export function objectIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
