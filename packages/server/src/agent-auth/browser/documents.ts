/** What clients have at addresses of theirs: metadata documents and key sets. Behind the guard of addresses, without redirects. */
import { createGuardedFetch, type GuardedFetch } from '../../sign-in/index.ts';

/** Of a key set; of a document the library takes less. */
const MAX_BYTES = 64 * 1024;
const ANSWER_MS = 3_000;
/** What has just failed is not asked for again, by the same request or by many. */
const FAILED_MS = 5_000;
const MAX_FAILED = 1_000;
/** A site that is down for a while must not sign out everybody who uses its client. */
const STALE_MS = 24 * 3_600_000;
const MAX_STALE = 100;
/** As the library asks for documents; for key sets it asks otherwise, and those are not believed when they are old. */
const DOCUMENT = 'application/json';

export class Documents {
  readonly #outside: GuardedFetch;
  readonly #inside: GuardedFetch;
  readonly #isNamed: (host: string) => Promise<boolean>;
  /** Until when, by address; the oldest first. */
  readonly #failed = new Map<string, number>();
  /** Documents as they were last, the oldest first. */
  readonly #last = new Map<string, { readonly text: string; readonly untilMs: number }>();

  /**
   * `allowedHosts`: inside, for upstreams. Whoever knows nothing but our address says what is fetched here: of those hosts
   * nothing is that nobody `isNamed` for clients.
   */
  constructor(allowedHosts: readonly string[], isNamed: (host: string) => Promise<boolean>) {
    const limits = { maxBytes: MAX_BYTES, answerMs: ANSWER_MS };
    this.#outside = createGuardedFetch([], limits);
    this.#inside = createGuardedFetch(allowedHosts, limits);
    this.#isNamed = isNamed;
  }

  mayFetch(url: string): boolean {
    return !this.#hasFailed(url) || this.#lastOf(url) !== undefined;
  }

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = String(input);
    const headers = new Headers(init.headers);
    const isDocument = headers.get('accept') === DOCUMENT;
    const last = isDocument ? this.#lastOf(url) : undefined;
    if (last !== undefined && this.#hasFailed(url)) return new Response(last);
    try {
      const { signal } = init;
      const isNamed = await this.#isNamed(URL.parse(url)?.host ?? '');
      const answer = await (isNamed ? this.#inside : this.#outside)(url, {
        headers,
        ...(signal == null ? {} : { signal }),
      });
      if (answer.status === 200) {
        if (isDocument)
          put(this.#last, url, { text: await answer.clone().text(), untilMs: later(STALE_MS) }, MAX_STALE);
        return answer;
      }
      put(this.#failed, url, later(FAILED_MS), MAX_FAILED);
      return answer.status >= 500 && last !== undefined ? new Response(last) : answer;
    } catch (error) {
      put(this.#failed, url, later(FAILED_MS), MAX_FAILED);
      if (last !== undefined) return new Response(last);
      throw error;
    }
  };

  #hasFailed(url: string): boolean {
    return (this.#failed.get(url) ?? 0) > performance.now();
  }

  #lastOf(url: string): string | undefined {
    const last = this.#last.get(url);
    return last === undefined || last.untilMs <= performance.now() ? undefined : last.text;
  }
}

function later(ms: number): number {
  return performance.now() + ms;
}

/** The newest is the last one. */
function put<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  for (const oldest of map.keys()) {
    if (map.size < most) break;
    map.delete(oldest);
  }
  map.set(key, value);
}
