/** What clients have at addresses of theirs: metadata documents and key sets. Behind the guard of addresses, without redirects. */
import { createGuardedFetch, type GuardedFetch } from '../../sign-in/index.ts';

/** Of a key set; of a document the library takes less. */
const MAX_BYTES = 64 * 1024;
const ANSWER_MS = 3_000;
/** What has just failed is not asked for again, by the same request or by many. */
const FAILED_MS = 5_000;
const MAX_FAILED = 1_000;

export class Documents {
  readonly #fetch: GuardedFetch;
  /** Until when, by address; the oldest first. */
  readonly #failed = new Map<string, number>();

  constructor(allowedHosts: readonly string[]) {
    this.#fetch = createGuardedFetch(allowedHosts, { maxBytes: MAX_BYTES, answerMs: ANSWER_MS });
  }

  mayFetch(url: string): boolean {
    return (this.#failed.get(url) ?? 0) <= performance.now();
  }

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = String(input);
    const { headers, signal } = init;
    try {
      const answer = await this.#fetch(url, {
        headers: new Headers(headers),
        ...(signal === undefined || signal === null ? {} : { signal }),
      });
      if (answer.status !== 200) this.#note(url);
      return answer;
    } catch (error) {
      this.#note(url);
      throw error;
    }
  };

  #note(url: string): void {
    this.#failed.delete(url);
    for (const oldest of this.#failed.keys()) {
      if (this.#failed.size < MAX_FAILED) break;
      this.#failed.delete(oldest);
    }
    this.#failed.set(url, performance.now() + FAILED_MS);
  }
}
