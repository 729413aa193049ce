/**
 * One pool of connections to one receiver: guarded addresses, no redirects, bounded time, a bounded answer, its own
 * certificates. undici follows no redirect unless it is told to.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { constants, gzip as gzipWithCallback } from 'node:zlib';
import { buildConnector, Pool } from 'undici';
import { type AddressRules, guardedLookup } from '../../upstreams/index.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Delivery } from '../transport.ts';
import { failureOf } from './failure.ts';
import { sinkTarget, type TlsSettings } from './settings.ts';

const CONNECT_MS = 5_000;
/** Of one request, from its first byte to the last of its answer. */
export const REQUEST_MS = 30_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type Exchange =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** Nothing is known of what became of the request. */
  | { readonly kind: 'failed'; readonly delivery: Delivery };

export interface Sending {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
  readonly signal: AbortSignal;
  readonly method?: string;
}

const gzipAsync = promisify(gzipWithCallback);

/** Level 1: what a higher one saves is not worth its time to a sender that keeps up. */
export function gzipped(text: string | Uint8Array): Promise<Buffer> {
  return gzipAsync(text, { level: constants.Z_BEST_SPEED });
}

/** Options of a connection, whoever makes it. */
export function connectionOptions(port: number, { ca }: TlsSettings, rules: AddressRules) {
  return {
    timeout: CONNECT_MS,
    lookup: guardedLookup(port, rules),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    // Some receivers end a resumed session (`session id context uninitialized`).
    maxCachedSessions: 0,
    ...(ca === null ? {} : { ca }),
  } as const;
}

/** Throws `sink_url_invalid`, `sink_url_refused`. `connections`: at once, at most. */
export function poolOf(
  url: string,
  tls: TlsSettings,
  deps: Pick<TransportDeps, 'rules' | 'secret'>,
  connections: number,
): Pool {
  const { url: target, port } = sinkTarget(url, deps.rules);
  const common = connectionOptions(port, tls, deps.rules);
  const { certificate, key_ref: keyRef } = tls;
  const plain = buildConnector(common);
  const connect: buildConnector.connector =
    certificate === null || keyRef === null
      ? plain
      : (options, done) => {
          // At each connection: the key may have been replaced.
          deps.secret(keyRef).then(
            (key) => buildConnector({ ...common, cert: certificate, key: key.reveal() })(options, done),
            (error: unknown) => done(error instanceof Error ? error : new Error('no key'), null),
          );
        };
  return new Pool(target.origin, {
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: REQUEST_MS,
    bodyTimeout: REQUEST_MS,
    connect,
  });
}

export class Receiver {
  readonly #pool: Pool;
  readonly #userAgent: string;

  constructor(pool: Pool, userAgent: string) {
    this.#pool = pool;
    this.#userAgent = userAgent;
  }

  /** Never rejects. `path` with its query. */
  async ask(path: string, { headers, body, signal, method = 'POST' }: Sending): Promise<Exchange> {
    const timeout = AbortSignal.timeout(REQUEST_MS);
    try {
      const response = await this.#pool.request({
        path,
        method,
        headers: { 'user-agent': this.#userAgent, ...headers },
        body,
        signal: AbortSignal.any([signal, timeout]),
      });
      const answer = { status: response.statusCode, headers: response.headers, body: await bytesOf(response.body) };
      return { kind: 'answered', answer };
    } catch (error) {
      return { kind: 'failed', delivery: failureOf(error, signal.aborted) };
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** As much of it as is looked at; the rest is not waited for. Rejects when it ends before its end. */
export async function bytesOf(body: AsyncIterable<unknown>, most = MAX_ANSWER_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    bytes += chunk.length;
    if (bytes >= most) break;
  }
  return Buffer.concat(chunks).subarray(0, most);
}
