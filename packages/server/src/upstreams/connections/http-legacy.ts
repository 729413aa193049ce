/** The session era (up to 2025-11-25) over HTTP: one upstream session for each affinity, its id kept in here. */
import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject } from '@hivekey/policy';
import type { UpstreamAnswer } from '../types.ts';
import type { ConnectionOptions, ConnectionRequest } from './connection.ts';
import type { HttpClient } from './http-client.ts';
import { LegacySession, SessionRefused, type SessionTerms } from './legacy-session.ts';

export class LegacyHttp {
  readonly #options: ConnectionOptions;
  readonly #client: HttpClient;
  readonly #sessions = new Map<string, Promise<LegacySession>>();
  /** Affinities for which somebody listens. */
  readonly #attended = new Set<string>();

  constructor(options: ConnectionOptions, client: HttpClient) {
    this.#options = options;
    this.#client = client;
  }

  async request(request: ConnectionRequest): Promise<UpstreamAnswer> {
    const terms = { protocolVersion: request.protocolVersion, capabilities: request.clientCapabilities };
    for (let attempt = 0; ; attempt += 1) {
      const opened = await this.open(request.affinity, terms);
      if ('kind' in opened) return opened;
      const { session, reused } = opened;
      const answer = await session.request(request);
      if (answer !== 'session lost') return answer;
      this.#forget(request.affinity, session);
      // The upstream turned the session down before it looked at the request, so a new one may repeat it.
      if (attempt > 0 || !reused) return { kind: 'failed', code: 'upstream_protocol_error', began: true };
    }
  }

  /** The session of an affinity, opened on first use. Never rejects; a failure means that the request was not sent. */
  async open(
    affinity: string,
    terms: SessionTerms,
  ): Promise<
    { readonly session: LegacySession; readonly reused: boolean } | Extract<UpstreamAnswer, { kind: 'failed' }>
  > {
    const known = this.#sessions.get(affinity);
    if (known !== undefined) {
      const session = await known.catch(() => undefined);
      if (session?.fits(terms) === true) return { session, reused: true };
      // What is presented is said once for each session, so other terms take another session.
      if (session !== undefined && this.#sessions.get(affinity) === known) this.#forget(affinity, session);
    }
    let opening = this.#sessions.get(affinity);
    if (opening === undefined) {
      opening = LegacySession.open(this.#options, this.#client, affinity, terms, this.#attended.has(affinity));
      this.#sessions.set(affinity, opening);
      const mine = opening;
      opening.catch(() => {
        if (this.#sessions.get(affinity) === mine) this.#sessions.delete(affinity);
      });
    }
    try {
      return { session: await opening, reused: false };
    } catch (error) {
      const code = error instanceof SessionRefused ? error.failure : 'upstream_unreachable';
      return { kind: 'failed', code, began: false };
    }
  }

  async notify(affinity: string, method: string, params: JsonObject): Promise<void> {
    const session = await this.#sessions.get(affinity)?.catch(() => undefined);
    await session?.post(canonicalJson({ jsonrpc: '2.0', method, params }));
  }

  attend(affinity: string): void {
    this.#attended.add(affinity);
    this.#sessions.get(affinity)?.then(
      (session) => {
        session.attended = true;
        return session.listen();
      },
      () => undefined,
    );
  }

  async endAffinity(affinity: string): Promise<void> {
    this.#attended.delete(affinity);
    const session = await this.#sessions.get(affinity)?.catch(() => undefined);
    this.#sessions.delete(affinity);
    await session?.end();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((affinity) => this.endAffinity(affinity)));
  }

  #forget(affinity: string, session: LegacySession): void {
    this.#sessions.delete(affinity);
    // Calls that are still being answered in it go on to their end.
    session.retire();
  }
}
