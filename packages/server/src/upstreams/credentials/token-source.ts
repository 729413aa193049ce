/**
 * Access tokens of an authorization server, by the client credentials grant (RFC 6749, 4.4): kept until shortly before
 * they end, asked for once however many calls wait, and not asked for again while the client is refused.
 */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'undici';
import { Secret } from '../../secret.ts';
import { type AddressRules, type Endpoint, guardedLookup, literalProblem, parseEndpoint } from '../address-guard.ts';
import type { OAuthClient } from '../injection.ts';
import { SHORTEST_SECRET } from '../scrub.ts';
import { signAssertion } from './client-assertion.ts';
import { readJson } from './json.ts';
import { CredentialUnavailable } from './unavailable.ts';

const CONNECT_MS = 5_000;
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024;
/** A token is replaced this long before its end, or after nine tenths of its life when that is later. */
const LEEWAY_MS = 30_000;
/** Of a token whose end is not told. */
const UNTOLD_MS = 60_000;
/** A client that was refused is not tried again for this long, unless its credential changes. */
const REFUSED_MS = 60_000;
/** A token is given up because of a 401 this often at most: an upstream that refuses them all costs no more. */
const DROP_MS = 60_000;
/** RFC 6749, 5.2: these say something of the client itself. */
const BROKEN: ReadonlySet<string> = new Set(['invalid_client', 'invalid_grant', 'unauthorized_client']);

/** The authorization server refused the client: `message` is its error code. */
export class ClientRefused extends CredentialUnavailable {}

export interface TokenSourceOptions {
  readonly client: OAuthClient;
  readonly rules: AddressRules;
  /** Told of each answer: why the client was refused, or undefined when it got a token. */
  onOutcome(problem: string | undefined): void;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
}

interface Held {
  readonly token: Secret;
  /** The client's own credential that it was obtained with. */
  readonly by: string;
  readonly until: number;
}

interface Pending {
  readonly by: string;
  readonly held: Promise<Held>;
}

export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #clock: () => number;
  readonly #endpoint: Endpoint;
  readonly #agent: Agent;
  readonly #isRefused: boolean;
  #held: Held | undefined;
  #pending: Pending | undefined;
  #broken: { readonly by: string; readonly until: number; readonly error: ClientRefused } | undefined;
  #droppedAt = Number.NEGATIVE_INFINITY;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#endpoint = parseEndpoint(options.client.token_url);
    this.#isRefused = literalProblem(this.#endpoint, options.rules) !== undefined;
    this.#agent = new Agent({
      connect: { timeout: CONNECT_MS, lookup: guardedLookup(this.#endpoint.port, options.rules) },
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
  }

  /** Rejects with CredentialUnavailable. `credential`: the client secret, or the private key. */
  async token(credential: Secret): Promise<Secret> {
    const by = credential.reveal();
    const now = this.#clock();
    if (this.#held?.by === by && now < this.#held.until) return this.#held.token;
    if (this.#broken?.by === by && now < this.#broken.until) throw this.#broken.error;
    const pending = this.#pending?.by === by ? this.#pending : this.#begin(by);
    return (await pending.held).token;
  }

  #begin(by: string): Pending {
    const pending: Pending = { by, held: this.#obtain(by) };
    this.#pending = pending;
    const end = (held: Held | undefined): void => {
      // What was forgotten meanwhile serves who waited for it, and nobody after.
      if (this.#pending !== pending) return;
      this.#pending = undefined;
      this.#held = held;
    };
    pending.held.then(end, () => end(undefined));
    return pending;
  }

  /** The upstream does not take this token any more. True when the next one will be another. */
  drop(token: Secret): boolean {
    if (this.#held === undefined || this.#held.token !== token) return true;
    const now = this.#clock();
    if (now - this.#droppedAt < DROP_MS) return false;
    this.#droppedAt = now;
    this.#held = undefined;
    return true;
  }

  forget(): void {
    this.#held = undefined;
    this.#pending = undefined;
  }

  async #obtain(by: string): Promise<Held> {
    try {
      const held = await this.#ask(by);
      this.#broken = undefined;
      this.#options.onOutcome(undefined);
      return held;
    } catch (error) {
      if (error instanceof ClientRefused) {
        this.#broken = { by, until: this.#clock() + REFUSED_MS, error };
        this.#options.onOutcome(error.message);
      }
      throw error;
    }
  }

  async #ask(by: string): Promise<Held> {
    if (this.#isRefused) throw new CredentialUnavailable('the address of the token endpoint is refused');
    const { headers, form } = await this.#authenticated(by);
    const askedAt = this.#clock();
    let status: number;
    let answer: Readonly<Record<string, unknown>>;
    try {
      const response = await request(this.#endpoint.url, {
        method: 'POST',
        headers: { ...headers, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body: form.toString(),
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      status = response.statusCode;
      answer = await readJson(response.body, MAX_BYTES);
    } catch {
      // Undici's own words may name addresses.
      throw new CredentialUnavailable('the token endpoint does not answer');
    }
    const { error, access_token: token, token_type: type, expires_in: seconds } = answer;
    if (status !== 200) {
      if (typeof error === 'string' && BROKEN.has(error)) throw new ClientRefused(error);
      throw new CredentialUnavailable(`the token endpoint answered ${status}`);
    }
    if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token) || token.length < SHORTEST_SECRET)
      throw new CredentialUnavailable('the token endpoint gave no usable access token');
    if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
      throw new CredentialUnavailable('the token is of another type than Bearer');
    const lifeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : UNTOLD_MS;
    return { token: new Secret(token), by, until: askedAt + Math.max(lifeMs - LEEWAY_MS, lifeMs * 0.9) };
  }

  async #authenticated(
    by: string,
  ): Promise<{ readonly headers: Record<string, string>; readonly form: URLSearchParams }> {
    const { client } = this.#options;
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    for (const name of ['scope', 'audience', 'resource'] as const) {
      const value = client[name];
      if (value !== undefined) form.set(name, value);
    }
    switch (client.method) {
      case 'client_secret_basic': {
        // RFC 6749, 2.3.1: both are form-encoded before they are joined.
        const pair = [client.client_id, by].map(formEncoded).join(':');
        return { headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }, form };
      }
      case 'client_secret_post':
        form.set('client_id', client.client_id);
        form.set('client_secret', by);
        return { headers: {}, form };
      case 'private_key_jwt':
        form.set('client_id', client.client_id);
        form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
        form.set('client_assertion', await signAssertion(by, client, randomUUID(), this.#clock()));
        return { headers: {}, form };
    }
  }

  async close(): Promise<void> {
    this.#held = undefined;
    await this.#agent.destroy();
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
