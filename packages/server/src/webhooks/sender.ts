/** Posts to one webhook. */
import { Poster, parseTarget } from '../delivery/index.ts';
import type { AddressRules } from '../upstreams/index.ts';

const PURPOSE = { code: 'webhook', words: 'webhook address', example: 'https://hooks.acme.example/hivekey' } as const;

export type Attempt =
  | { readonly kind: 'delivered' }
  /** In words. */
  | { readonly kind: 'failed'; readonly why: string }
  /** 410: the receiver wants no more. */
  | { readonly kind: 'gone' };

/** Throws `webhook_url_invalid`, `webhook_url_refused`. */
export function webhookTarget(url: string, rules: AddressRules): ReturnType<typeof parseTarget> {
  return parseTarget(url, rules, PURPOSE);
}

export class Sender {
  readonly #url: URL;
  readonly #poster: Poster;

  /** Throws the Failures of `webhookTarget`. */
  constructor(url: string, rules: AddressRules) {
    const target = webhookTarget(url, rules);
    this.#url = target.url;
    this.#poster = new Poster(target, rules);
  }

  /** Never rejects. */
  async post(headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<Attempt> {
    const answer = await this.#poster.post(this.#url, {
      headers: { 'content-type': 'application/json', ...headers },
      body,
      signal,
    });
    if (answer.kind === 'unreachable') return { kind: 'failed', why: answer.why };
    const { status } = answer;
    if (status >= 200 && status < 300) return { kind: 'delivered' };
    if (status === 410) return { kind: 'gone' };
    const isRedirect = status >= 300 && status < 400;
    return {
      kind: 'failed',
      why: `the receiver answered ${status}${isRedirect ? ', and redirects are not followed' : ''}`,
    };
  }

  close(): Promise<void> {
    return this.#poster.close();
  }
}
