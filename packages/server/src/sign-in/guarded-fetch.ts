/** Requests to an identity provider: guarded addresses, no redirects, bounded in time and size. */
import { Agent, request } from 'undici';
import { parseTarget, rulesFor } from '../delivery/index.ts';
import { type AddressRules, guardedLookup } from '../upstreams/index.ts';

const CONNECT_MS = 5_000;
const ANSWER_MS = 10_000;
/** Of metadata and key sets; the largest known are some tens of kilobytes. */
const MAX_BYTES = 512 * 1024;

const PURPOSE = {
  code: 'provider',
  words: 'address of the identity provider',
  example: 'https://login.acme.example',
} as const;

class AnswerTooLarge extends Error {
  readonly code = 'answer_too_large';
}

/** What openid-client and jose ask with. */
export type GuardedFetch = (
  url: string,
  options: {
    readonly method?: string;
    readonly headers?: Headers | Record<string, string>;
    readonly body?: unknown;
    readonly signal?: AbortSignal;
  },
) => Promise<Response>;

/** Throws `provider_url_invalid`, `provider_url_refused`. By http only where the operator allows the host by name. */
export function checkProviderUrl(url: string, rules: AddressRules): void {
  parseTarget(url, rules, PURPOSE);
}

export interface FetchLimits {
  readonly maxBytes: number;
  readonly answerMs: number;
}

/** `allowed`: `upstream_allow` of the configuration. Each request has a connection of its own: they are few and far between. */
export function createGuardedFetch(
  allowed: readonly string[],
  { maxBytes, answerMs }: FetchLimits = { maxBytes: MAX_BYTES, answerMs: ANSWER_MS },
): GuardedFetch {
  const rules = rulesFor(allowed);
  return async (text, { method = 'GET', headers, body, signal }) => {
    const { url, port } = parseTarget(text, rules, PURPOSE);
    const agent = new Agent({
      connections: 1,
      allowH2: false,
      connect: { timeout: CONNECT_MS, lookup: guardedLookup(port, rules) },
    });
    try {
      const answer = await request(url, {
        dispatcher: agent,
        method: method === 'POST' ? 'POST' : 'GET',
        headers: Object.fromEntries(new Headers(headers)),
        ...(body === undefined || body === null ? {} : { body: String(body) }),
        signal: AbortSignal.any([AbortSignal.timeout(answerMs), ...(signal === undefined ? [] : [signal])]),
      });
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of answer.body) {
        const part = Buffer.from(chunk);
        bytes += part.length;
        if (bytes > maxBytes) throw new AnswerTooLarge('the answer is too large');
        chunks.push(part);
      }
      const passedOn = ['content-type', 'cache-control'].flatMap((name) => {
        const value = answer.headers[name];
        return typeof value === 'string' ? [[name, value] as const] : [];
      });
      return new Response(answer.statusCode === 204 ? null : Buffer.concat(chunks), {
        status: answer.statusCode,
        headers: Object.fromEntries(passedOn),
      });
    } finally {
      await agent.destroy();
    }
  };
}
