/** Host and Origin allow-lists against DNS rebinding: a web page must not drive a local gateway through its visitor's browser. */
import type { IncomingMessage } from 'node:http';

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];
/** Verdicts of header values seen before; a flood of new values must not grow it. */
const MAX_REMEMBERED = 256;

export class HostGuard {
  readonly #names: ReadonlySet<string>;
  readonly #hosts = new Map<string, boolean>();
  readonly #origins = new Map<string, boolean>();

  /** `names`: host names, optionally with a port; without one any port is meant. */
  constructor(names: readonly string[]) {
    this.#names = new Set([...LOCAL, ...names.map((name) => name.toLowerCase())]);
  }

  /** A request without an Origin does not come from a browser's page and is fine; one without a Host is not HTTP/1.1. */
  allows(req: IncomingMessage): boolean {
    const { host, origin } = req.headers;
    return host !== undefined && this.allowsHost(host) && (origin === undefined || this.#allowsOrigin(origin));
  }

  /** `host`: a Host header, or the authority of an Origin. */
  allowsHost(host: string): boolean {
    return remembered(this.#hosts, host, () => {
      const name = host.toLowerCase();
      return this.#names.has(name) || this.#names.has(name.replace(/:\d+$/, ''));
    });
  }

  #allowsOrigin(origin: string): boolean {
    return remembered(this.#origins, origin, () => {
      const authority = /^https?:\/\/([^/?#@\\]+)$/i.exec(origin)?.[1];
      return authority !== undefined && this.allowsHost(authority);
    });
  }
}

function remembered(verdicts: Map<string, boolean>, value: string, judge: () => boolean): boolean {
  const known = verdicts.get(value);
  if (known !== undefined) return known;
  const verdict = judge();
  if (verdicts.size >= MAX_REMEMBERED) verdicts.clear();
  verdicts.set(value, verdict);
  return verdict;
}
