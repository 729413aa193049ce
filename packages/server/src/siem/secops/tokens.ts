/** Access tokens of a service account, by Google's library over our own pool of connections. */
import type { JWT } from 'google-auth-library';
import { z } from 'zod';
import { Failure } from '../../errors.ts';
import { Secret } from '../../secret.ts';
import { loaded } from '../http/loaded.ts';
import { type LastSeen, noToken } from '../http/no-token.ts';
import { jsonObject } from '../http/quote.ts';
import { poolOf, Receiver } from '../http/receiver.ts';
import { sinkTarget } from '../http/settings.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Delivery } from '../transport.ts';
import type { SecopsSettings } from './index.ts';

export const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** Of other kinds of credentials, some name addresses to ask and programs to run. */
const keySchema = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(3).max(320),
  private_key: z.string().startsWith('-----BEGIN PRIVATE KEY-----').max(16_384),
  private_key_id: z.string().max(128).optional(),
});

export type Token =
  | { readonly kind: 'token'; readonly token: Secret }
  | { readonly kind: 'none'; readonly delivery: Delivery };

export interface TokenSource {
  /** Never rejects. */
  token(): Promise<Token>;
  /** After a token was refused: the next one is another. */
  forget(): void;
  close(): Promise<void>;
}

export class AccountTokens implements TokenSource {
  readonly #ref: string;
  readonly #deps: TransportDeps;
  readonly #receiver: Receiver;
  readonly #path: string;
  readonly #open: (key: z.output<typeof keySchema>) => JWT;
  #held: { readonly key: string; readonly client: JWT } | undefined;
  /** What the endpoint said last. */
  #last: LastSeen = {};

  private constructor(ref: string, settings: SecopsSettings, deps: TransportDeps, Client: typeof JWT) {
    this.#ref = ref;
    this.#deps = deps;
    this.#receiver = new Receiver(poolOf(settings.token_url, settings.tls, deps, 1), deps.userAgent);
    const { url } = sinkTarget(settings.token_url, deps.rules);
    this.#path = url.pathname + url.search;
    // The library knows one address of the endpoint; which one is asked is ours to say.
    const fetchImplementation = (...[, init]: Parameters<typeof fetch>) => this.#fetch(init?.body);
    this.#open = ({ client_email: email, private_key: key, private_key_id: keyId }) =>
      new Client({
        email,
        key,
        ...(keyId === undefined ? {} : { keyId }),
        scopes: [SCOPE],
        transporterOptions: { fetchImplementation },
      });
  }

  /** Throws `sink_url_invalid`, `sink_url_refused`, `sink_client_missing`, `sink_secret_invalid`, and what a credential throws. */
  static async open(ref: string, settings: SecopsSettings, deps: TransportDeps): Promise<AccountTokens> {
    const { JWT: Client } = await loaded('google-auth-library', () => import('google-auth-library'));
    const tokens = new AccountTokens(ref, settings, deps, Client);
    await tokens.#client();
    return tokens;
  }

  /** Kept until shortly before its end. */
  async token(): Promise<Token> {
    this.#last = {};
    try {
      const client = await this.#client();
      const { token } = await client.getAccessToken();
      if (typeof token === 'string' && token !== '') return { kind: 'token', token: new Secret(token) };
      return { kind: 'none', delivery: noToken(this.#last, undefined, this.#deps.clock()) };
    } catch (error) {
      return { kind: 'none', delivery: noToken(this.#last, error, this.#deps.clock()) };
    }
  }

  forget(): void {
    this.#held = undefined;
  }

  close(): Promise<void> {
    return this.#receiver.close();
  }

  async #client(): Promise<JWT> {
    const key = (await this.#deps.secret(this.#ref)).reveal();
    if (this.#held?.key === key) return this.#held.client;
    const read = keySchema.safeParse(jsonObject(key));
    if (!read.success)
      throw new Failure(
        400,
        'sink_secret_invalid',
        'The credential is not the key of a service account.',
        'Store the JSON key that Google gives out for a service account.',
      );
    const client = this.#open(read.data);
    this.#held = { key, client };
    return client;
  }

  async #fetch(body: unknown): Promise<Response> {
    const exchange = await this.#receiver.ask(this.#path, {
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: body instanceof URLSearchParams || typeof body === 'string' ? body.toString() : '',
      signal: new AbortController().signal,
    });
    if (exchange.kind === 'failed') {
      this.#last = { failed: exchange.delivery };
      throw new Error('no answer');
    }
    const { answer } = exchange;
    this.#last = { answer };
    return new Response(answer.body.toString(), {
      status: answer.status,
      headers: { 'content-type': 'application/json' },
    });
  }
}
