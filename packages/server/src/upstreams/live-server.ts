/** The connection to one server at one revision of its settings, kept while calls need it. */
import type { JsonObject } from '@hivekey/policy';
import { Breaker } from './connections/breaker.ts';
import type { Connection, ConnectionOptions, ConnectionRequest } from './connections/connection.ts';
import { HttpConnection } from './connections/http-connection.ts';
import { StdioConnection } from './connections/stdio-connection.ts';
import type { UpstreamAnswer } from './types.ts';

const DOWN: UpstreamAnswer = { kind: 'failed', code: 'upstream_unreachable', began: false };

export class LiveServer {
  readonly revision: number;
  readonly connection: Connection;
  /** A stdio server has a back-off of its own. */
  readonly #breaker: Breaker | undefined;
  readonly #drainMs: number;
  readonly #attended = new Set<string>();
  #inFlight = 0;
  #idle: (() => void) | undefined;

  constructor(revision: number, options: ConnectionOptions) {
    const { settings, limits } = options;
    this.revision = revision;
    this.#drainMs = limits.handshakeMs;
    if (settings.endpoint === undefined) {
      this.connection = new StdioConnection({ ...options, command: settings.command ?? [] });
    } else {
      this.connection = new HttpConnection({ ...options, endpoint: settings.endpoint });
      this.#breaker = new Breaker(limits.backoffMs);
    }
  }

  /** Never rejects. */
  async request(request: ConnectionRequest): Promise<UpstreamAnswer> {
    if (this.#breaker?.admits() === false) return DOWN;
    this.#inFlight += 1;
    let answer: UpstreamAnswer | undefined;
    try {
      answer = await this.connection.request(request);
      return answer;
    } finally {
      this.#breaker?.saw(answer === undefined ? 'unknown' : sign(answer));
      this.#inFlight -= 1;
      if (this.#inFlight === 0) this.#idle?.();
    }
  }

  notify(affinity: string, method: string, params: JsonObject): Promise<void> {
    return this.connection.notify(affinity, method, params);
  }

  attend(affinity: string): void {
    if (this.#attended.has(affinity)) return;
    this.#attended.add(affinity);
    this.connection.attend(affinity);
  }

  async endAffinity(affinity: string): Promise<void> {
    this.#attended.delete(affinity);
    await this.connection.endAffinity(affinity);
  }

  /** It has been replaced: calls in flight may end first, for a while. */
  async retire(): Promise<void> {
    if (this.#inFlight > 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#drainMs);
        this.#idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    await this.close();
  }

  /** Breaks what is in flight. */
  close(): Promise<void> {
    return this.connection.close();
  }
}

/** What an answer says about whether the server can be reached. What the client or we ended says nothing. */
function sign(answer: UpstreamAnswer): 'up' | 'down' | 'unknown' {
  if (answer.kind !== 'failed') return 'up';
  const silent = answer.code === 'upstream_unreachable' || answer.code === 'upstream_timeout';
  return silent && !answer.began ? 'down' : 'unknown';
}
