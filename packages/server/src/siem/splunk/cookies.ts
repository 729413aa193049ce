/** Cookies of one channel: by them a load balancer sends its requests to the indexer that knows its acknowledgements. */
import { parseCookie } from 'undici';

const MOST = 20;
const LONGEST = 4_096;

export class Cookies {
  readonly #values = new Map<string, string>();

  /** Values of `Set-Cookie`. */
  take(lines: string | readonly string[] | undefined): void {
    for (const line of typeof lines === 'string' ? [lines] : (lines ?? [])) {
      const cookie = line.length > LONGEST ? null : parseCookie(line);
      if (cookie === null || cookie.name === '') continue;
      const isOver = cookie.maxAge === 0 || (cookie.maxAge === undefined && Number(cookie.expires) < Date.now());
      if (isOver) this.#values.delete(cookie.name);
      else if (this.#values.has(cookie.name) || this.#values.size < MOST) this.#values.set(cookie.name, cookie.value);
    }
  }

  /** As a header; none when there are no cookies. */
  header(): Readonly<Record<string, string>> {
    if (this.#values.size === 0) return {};
    return { cookie: [...this.#values].map(([name, value]) => `${name}=${value}`).join('; ') };
  }
}
