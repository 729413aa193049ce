/** Posts to one target: guarded addresses, no redirects, bounded time, the answer's body unread. */
import { Agent, request } from 'undici';
import { AddressRefused, type AddressRules, guardedLookup } from '../upstreams/index.ts';
import { parseTarget } from './target.ts';

const CONNECT_MS = 5_000;
const ATTEMPT_MS = 15_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export type Attempt =
  | { readonly kind: 'delivered' }
  /** In words. */
  | { readonly kind: 'failed'; readonly why: string }
  /** 410: the receiver wants no more. */
  | { readonly kind: 'gone' };

export class Sender {
  readonly #url: URL;
  readonly #agent: Agent;

  /** Throws the Failures of `parseTarget`. */
  constructor(url: string, rules: AddressRules) {
    const target = parseTarget(url, rules);
    this.#url = target.url;
    this.#agent = new Agent({
      connections: 1,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: CONNECT_MS, lookup: guardedLookup(target.port, rules) },
    });
  }

  /** Never rejects. */
  async post(headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<Attempt> {
    try {
      const response = await request(this.#url, {
        method: 'POST',
        dispatcher: this.#agent,
        headers: { 'content-type': 'application/json', ...headers },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
      });
      const { statusCode } = response;
      await response.body.dump({ limit: MAX_ANSWER_BYTES });
      if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered' };
      if (statusCode === 410) return { kind: 'gone' };
      const isRedirect = statusCode >= 300 && statusCode < 400;
      return {
        kind: 'failed',
        why: `the receiver answered ${statusCode}${isRedirect ? ', and redirects are not followed' : ''}`,
      };
    } catch (error) {
      return { kind: 'failed', why: reasonOf(error) };
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AddressRefused) return `the address is refused: ${error.message}`;
  if (!(error instanceof Error)) return 'the receiver cannot be reached';
  if (error.name === 'TimeoutError') return `the receiver did not answer within ${ATTEMPT_MS / 1000} s`;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `the receiver cannot be reached (${code})`;
}
