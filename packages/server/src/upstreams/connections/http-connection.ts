/** One HTTP upstream, in whichever era it is spoken to. */
import type { JsonObject } from '@hivekey/policy';
import { Authorizer } from '../credentials/authorizer.ts';
import type { UpstreamAnswer } from '../types.ts';
import {
  type Connection,
  type ConnectionOptions,
  type ConnectionRequest,
  type Description,
  describedLegacy,
  describedModern,
  GATEWAY_AFFINITY,
  GATEWAY_CAPABILITIES,
  Undescribed,
} from './connection.ts';
import { eraVerdict, FAILURES } from './era.ts';
import { HttpClient } from './http-client.ts';
import { LegacyHttp } from './http-legacy.ts';
import { type ListenFilter, ModernHttp } from './http-modern.ts';
import { isObject } from './json-rpc.ts';
import type { KeptStream } from './kept-stream.ts';

export class HttpConnection implements Connection {
  readonly #options: ConnectionOptions;
  readonly #client: HttpClient;
  readonly #modern: ModernHttp;
  readonly #legacy: LegacyHttp;
  #watching: KeptStream | undefined;

  constructor(options: ConnectionOptions & { readonly endpoint: string }) {
    this.#options = options;
    this.#client = new HttpClient({
      endpoint: options.endpoint,
      rules: options.rules,
      limits: options.limits,
      userAgent: `hivekey/${options.version}`,
      authorizer: new Authorizer({
        injection: options.settings.injection,
        rules: options.rules,
        credential: () => options.credential(),
        onOutcome: (problem) => options.events.credentialOutcome(problem),
      }),
    });
    this.#modern = new ModernHttp(options, this.#client);
    this.#legacy = new LegacyHttp(options, this.#client);
  }

  async describe(signal: AbortSignal): Promise<Description> {
    const { handshakeMs } = this.#options.limits;
    const answer = await this.#modern.request({
      era: 'modern',
      method: 'server/discover',
      params: {},
      affinity: GATEWAY_AFFINITY,
      clientCapabilities: GATEWAY_CAPABILITIES,
      signal,
      bounds: { idleMs: 0, totalMs: handshakeMs },
    });
    const verdict = eraVerdict(answer, 'http');
    if (verdict.kind === 'unknown') throw new Undescribed(verdict.problem);
    if (verdict.kind === 'legacy') return this.#initialized();
    return describedModern(verdict.discovered);
  }

  async #initialized(): Promise<Description> {
    // What was said in an older session may be out of date.
    await this.#legacy.endAffinity(GATEWAY_AFFINITY);
    const opened = await this.#legacy.open(GATEWAY_AFFINITY, {
      protocolVersion: undefined,
      capabilities: GATEWAY_CAPABILITIES,
    });
    if ('kind' in opened) throw new Undescribed(FAILURES[opened.code]);
    return describedLegacy(opened.session.initialized);
  }

  request(request: ConnectionRequest): Promise<UpstreamAnswer> {
    return request.era === 'modern' ? this.#modern.request(request) : this.#legacy.request(request);
  }

  notify(affinity: string, method: string, params: JsonObject): Promise<void> {
    return this.#legacy.notify(affinity, method, params);
  }

  attend(affinity: string): void {
    this.#legacy.attend(affinity);
  }

  async endAffinity(affinity: string): Promise<void> {
    this.#modern.endAffinity(affinity);
    await this.#legacy.endAffinity(affinity);
  }

  watch({ era, capabilities }: Description): void {
    const filter = changesDeclared(capabilities);
    if (filter === undefined) {
      void this.#legacy.endAffinity(GATEWAY_AFFINITY);
      return;
    }
    if (era === 'legacy') {
      this.#legacy.attend(GATEWAY_AFFINITY);
      return;
    }
    if (this.#watching !== undefined && !this.#watching.closed) return;
    let before = false;
    this.#watching = this.#modern.listen(filter, {
      acknowledged: () => {
        // Changes while the stream was broken were not told.
        if (before) this.#options.events.outdated();
        before = true;
      },
      notified: ({ method }) => {
        if (typeof method === 'string' && method.endsWith('/list_changed')) this.#options.events.outdated();
      },
      refused: () => undefined,
    });
  }

  forgetTokens(): void {
    this.#client.forgetTokens();
  }

  async close(): Promise<void> {
    this.#watching?.close();
    this.#modern.close();
    await this.#legacy.close();
    await this.#client.close();
  }
}

/** The lists whose changes the server announces; undefined when there are none. */
function changesDeclared(capabilities: JsonObject): ListenFilter | undefined {
  const announces = (list: string): boolean => {
    const declared = capabilities[list];
    return isObject(declared) && declared.listChanged === true;
  };
  const filter = {
    ...(announces('tools') ? { toolsListChanged: true } : {}),
    ...(announces('prompts') ? { promptsListChanged: true } : {}),
    ...(announces('resources') ? { resourcesListChanged: true } : {}),
  };
  return Object.keys(filter).length === 0 ? undefined : filter;
}
