/** Asks a tool's API: guarded addresses, no redirects, bounded time, bounded answers, patience with 429. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { parseTarget } from '../delivery/index.ts';
import { Failure } from '../errors.ts';
import { AddressRefused, type AddressRules, guardedLookup } from '../upstreams/index.ts';

const CONNECT_MS = 5_000;
const REQUEST_MS = 30_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** Pages of one import, and how long all of it may take. */
const MAX_PAGES = 5_000;
const MAX_MS = 600_000;
const MAX_RETRIES = 5;
const MAX_RETRY_AFTER_S = 30;

export interface Exchange {
  readonly body: Buffer;
  readonly json: unknown;
}

export interface JsonFetcher {
  /** Throws `tie_out_unreachable`, `tie_out_refused`, `tie_out_list_unusable`. `path` with its query. */
  get(path: string, headers: Readonly<Record<string, string>>): Promise<Exchange>;
  close(): Promise<void>;
}

/** Throws `tie_out_url_invalid`, `tie_out_url_refused`. */
export function fetcherOf(origin: string, rules: AddressRules, userAgent: string): JsonFetcher {
  const { url, port } = parseTarget(origin, rules, {
    code: 'tie_out',
    words: 'address of the tool',
    example: 'https://api.stripe.com',
  });
  const agent = new Agent({
    connections: 1,
    allowH2: false,
    headersTimeout: REQUEST_MS,
    bodyTimeout: REQUEST_MS,
    connect: { timeout: CONNECT_MS, lookup: guardedLookup(port, rules) },
  });
  const until = performance.now() + MAX_MS;
  let pages = 0;

  async function once(path: string, headers: Readonly<Record<string, string>>) {
    try {
      const {
        statusCode,
        headers: told,
        body,
      } = await request(new URL(url.pathname.replace(/\/+$/, '') + path, url), {
        dispatcher: agent,
        headers: { accept: 'application/json', 'user-agent': userAgent, ...headers },
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      return { status: statusCode, retryAfter: Number(told['retry-after'] ?? 1), body: await bytesOf(body) };
    } catch (error) {
      throw unreachable(error);
    }
  }

  return {
    async get(path, headers) {
      pages += 1;
      for (let retries = 0; ; retries += 1) {
        if (pages > MAX_PAGES || performance.now() > until)
          throw new Failure(
            502,
            'tie_out_list_unusable',
            `The tool’s list does not end within ${MAX_PAGES} pages and ${MAX_MS / 60_000} minutes.`,
            'Ask for a shorter period.',
          );
        const { status, retryAfter, body } = await once(path, headers);
        if ((status === 429 || status === 503) && retries < MAX_RETRIES) {
          const seconds = Number.isFinite(retryAfter) ? Math.min(Math.max(retryAfter, 0), MAX_RETRY_AFTER_S) : 1;
          await sleep(seconds * 1000);
          continue;
        }
        if (status !== 200) throw refused(status);
        return { body, json: jsonOf(body) };
      }
    },
    close: () => agent.destroy(),
  };
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new Failure(
      502,
      'tie_out_list_unusable',
      'The tool’s answer is no JSON.',
      'Look whether the address is that of its API.',
    );
  }
}

async function bytesOf(body: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new Failure(
        502,
        'tie_out_list_unusable',
        `A page of the tool’s list has more than ${MAX_ANSWER_BYTES / 1024 / 1024} MiB.`,
        'Import its export as CSV instead.',
      );
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

function refused(status: number): Failure {
  const isCredential = status === 401 || status === 403;
  return new Failure(
    502,
    'tie_out_refused',
    `The tool answered ${status}${isCredential ? ': the credential may not read its list' : ''}.`,
    isCredential
      ? 'Give the credential the right to read, or name another one.'
      : 'Look at the address, and try again later.',
  );
}

/** The words name a code, never an address or a header. */
function unreachable(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const refusedAddress = [error, error instanceof Error ? error.cause : undefined].find(
    (each) => each instanceof AddressRefused,
  );
  if (refusedAddress !== undefined)
    return new Failure(
      400,
      'tie_out_url_refused',
      'The address of the tool may not be reached.',
      'Use a public address, or have an operator add the host to HIVEKEY_UPSTREAM_ALLOW.',
    );
  const code =
    error instanceof Error ? ('code' in error && typeof error.code === 'string' ? error.code : error.name) : 'unknown';
  return new Failure(
    502,
    'tie_out_unreachable',
    `The tool cannot be reached (${/^\w{1,64}$/.test(code) ? code : 'unknown'}).`,
    'Try again later, or import its export as CSV.',
  );
}
