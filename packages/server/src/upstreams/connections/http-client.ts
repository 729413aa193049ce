/** HTTP towards one upstream: fixed origin and path, guarded addresses, the credential added last. */
import { Pool } from 'undici';
import type { StopSignal } from '../../stop-signal.ts';
import { type AddressRules, guardedLookup, literalProblem, parseEndpoint } from '../address-guard.ts';
import { type Authorized, type Authorizer, withParameter } from '../credentials/authorizer.ts';
import type { Limits } from '../limits.ts';
import type { Scrubber } from '../scrub.ts';
import { Exchange, type ExchangeEnd, type ExchangeHandler, type ExchangeLimits } from './exchange.ts';

export interface HttpClientOptions {
  readonly endpoint: string;
  readonly rules: AddressRules;
  readonly limits: Limits;
  readonly userAgent: string;
  readonly authorizer: Authorizer;
}

export interface HttpSend {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Name, value, name, value; lower-case names. */
  readonly headers: readonly string[];
  readonly body?: string;
  readonly limits: ExchangeLimits;
  readonly signal?: StopSignal;
  /** Streams that stay open, and messages that a call waits for, do not queue behind calls. */
  readonly aside?: boolean;
}

/** What a handler of an answer may need. */
export interface Sending {
  readonly scrubber: Scrubber | undefined;
  /** The same request again, because its access token was refused: whether it may begin is asked once more. */
  readonly isRepeat: boolean;
  /** Ends the exchange as a violation of the protocol. */
  refuse(): void;
}

/** Requests whose answer is being read at once, beside calls: streams, answers to the upstream's requests. */
const ASIDE_CONNECTIONS = 4_096;
const MAX_HEADER_BYTES = 32 * 1024;

function notSent(code: 'credential_unavailable' | 'address_refused' | 'aborted'): ExchangeEnd {
  return { kind: 'failed', code, began: false, bytesIn: 0 };
}

export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #path: string;
  /** A literal is connected to without any lookup, so it is judged here. */
  readonly #isRefused: boolean;
  readonly #calls: Pool;
  readonly #aside: Pool;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    const endpoint = parseEndpoint(options.endpoint);
    const { url, port } = endpoint;
    this.#isRefused = literalProblem(endpoint, options.rules) !== undefined;
    this.#path = url.pathname + url.search;
    const pool = (connections: number) =>
      new Pool(url.origin, {
        connections,
        pipelining: 1,
        allowH2: false,
        // Silence and length are measured where a message's meaning is known.
        headersTimeout: 0,
        bodyTimeout: 0,
        maxHeaderSize: MAX_HEADER_BYTES,
        connect: { timeout: options.limits.connectMs, lookup: guardedLookup(port, options.rules) },
      });
    this.#calls = pool(options.limits.connections);
    this.#aside = pool(ASIDE_CONNECTIONS);
  }

  /**
   * One request, never redirected. It is repeated only where an access token was refused with 401, once, with a new
   * token: the upstream has not looked at it then. `handle` is given what reading the answer takes.
   */
  async send(request: HttpSend, handle: (sending: Sending) => ExchangeHandler): Promise<ExchangeEnd> {
    if (this.#isRefused) return notSent('address_refused');
    const { authorizer } = this.#options;
    for (let isFirst = true; ; isFirst = false) {
      let authorized: Authorized | undefined;
      try {
        authorized = await authorizer.authorize();
      } catch {
        return notSent('credential_unavailable');
      }
      if (request.signal?.aborted === true) return notSent('aborted');
      let isRefused = false;
      const end = await this.#exchange(request, authorized, !isFirst, (sending) => {
        const handler = handle(sending);
        if (!isFirst || authorized === undefined || !authorizer.isRenewable) return handler;
        return {
          ...handler,
          onHead: (head) => {
            isRefused = head.status === 401 && authorizer.refused(authorized);
            if (!isRefused) handler.onHead?.(head);
          },
          onText: (text) => isRefused || handler.onText(text),
        };
      });
      if (!isRefused) return end;
    }
  }

  #exchange(
    request: HttpSend,
    authorized: Authorized | undefined,
    isRepeat: boolean,
    handle: (sending: Sending) => ExchangeHandler,
  ): Promise<ExchangeEnd> {
    const headers = ['user-agent', this.#options.userAgent, 'accept-encoding', 'identity', ...request.headers];
    if (authorized?.header !== undefined) headers.push(...authorized.header);
    const handler = handle({
      scrubber: authorized?.scrubber,
      isRepeat,
      refuse: () => exchange.refuse('upstream_protocol_error'),
    });
    const exchange: Exchange = new Exchange(handler, request.limits, request.signal);
    const { method, body } = request;
    const path = withParameter(this.#path, authorized?.parameter);
    const dispatcher = request.aside === true ? this.#aside : this.#calls;
    try {
      dispatcher.dispatch({ path, method, headers, body: body ?? null }, exchange);
    } catch {
      // The client is closed, or a header cannot be sent.
      exchange.refuse('upstream_unreachable');
    }
    return exchange.done;
  }

  forgetTokens(): void {
    this.#options.authorizer.forget();
  }

  /** Breaks what is still open. */
  async close(): Promise<void> {
    await Promise.all([this.#calls.destroy(), this.#aside.destroy(), this.#options.authorizer.close()]);
  }
}
