/** Posts to one target: guarded addresses, no redirects, bounded time, a bounded answer. */
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'undici';
import { AddressRefused, type AddressRules, guardedLookup } from '../upstreams/index.ts';
import type { Target } from './target.ts';

const CONNECT_MS = 5_000;
const ATTEMPT_MS = 15_000;
const MAX_ANSWER_BYTES = 64 * 1024;

type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }
  /** In words. */
  | { readonly kind: 'unreachable'; readonly why: string };

export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** 15 s when absent. */
  readonly timeoutMs?: number;
}

export class Poster {
  readonly #agent: Agent;

  /** `port`: of every address that is posted to. */
  constructor({ port }: Pick<Target, 'port'>, rules: AddressRules) {
    this.#agent = new Agent({
      connections: 1,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: CONNECT_MS, lookup: guardedLookup(port, rules) },
    });
  }

  /** Never rejects. `url`: one that `parseTarget` let through. */
  async post(url: URL, { headers, body, signal, timeoutMs = ATTEMPT_MS }: PostOptions): Promise<Answer> {
    try {
      const response = await request(url, {
        method: 'POST',
        dispatcher: this.#agent,
        headers,
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      return {
        kind: 'answered',
        status: response.statusCode,
        headers: response.headers,
        body: await textOf(response.body),
      };
    } catch (error) {
      return { kind: 'unreachable', why: reasonOf(error, timeoutMs) };
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** As much of it as is looked at; the rest is not waited for. */
async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString();
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof AddressRefused) return `the address is refused: ${error.message}`;
  if (!(error instanceof Error)) return 'the receiver cannot be reached';
  if (error.name === 'TimeoutError') return `the receiver did not answer within ${timeoutMs / 1000} s`;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `the receiver cannot be reached (${code})`;
}
