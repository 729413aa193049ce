/** What a request towards an HTTP upstream carries to be let in, made of the credential as the injection says. */
import type { Secret } from '../../secret.ts';
import type { AddressRules } from '../address-guard.ts';
import { headerValue, type Injection, scrubberFor } from '../injection.ts';
import { Scrubber, SHORTEST_SECRET } from '../scrub.ts';
import { TokenSource } from './token-source.ts';
import { CredentialUnavailable } from './unavailable.ts';

export interface Authorized {
  /** Of what is sent: of a token, not of the secret that it was obtained with. */
  readonly secret: Secret;
  readonly header?: readonly [name: string, value: string];
  /** `name=value`, encoded. */
  readonly parameter?: string;
  /** Takes what is sent out of answers. */
  readonly scrubber: Scrubber;
}

export interface AuthorizerOptions {
  readonly injection: Injection | undefined;
  /** Of the upstream; a token endpoint is held to them, too. */
  readonly rules: AddressRules;
  /** Rejects when it cannot be had. */
  credential(): Promise<Secret | undefined>;
  /** The authorization server refused the client, or (undefined) takes it. */
  onOutcome?: ((problem: string | undefined) => void) | undefined;
  readonly clock?: () => number;
}

export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens: TokenSource | undefined;
  /** The same credential makes the same. */
  #last: Authorized | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    const { injection, rules, onOutcome, clock } = options;
    if (injection !== undefined && 'oauth' in injection)
      this.#tokens = new TokenSource({
        client: injection.oauth,
        rules,
        onOutcome: (problem) => onOutcome?.(problem),
        ...(clock === undefined ? {} : { clock }),
      });
  }

  /** Another try may carry another credential. */
  get isRenewable(): boolean {
    return this.#tokens !== undefined;
  }

  /** Undefined where no credential is needed. Rejects with CredentialUnavailable. */
  async authorize(): Promise<Authorized | undefined> {
    const { injection } = this.#options;
    const credential = await this.#options.credential();
    if (credential === undefined || injection === undefined) return undefined;
    const secret = this.#tokens === undefined ? credential : await this.#tokens.token(credential);
    if (this.#last?.secret !== secret) this.#last = authorized(injection, secret);
    return this.#last;
  }

  /** The upstream answered 401. True when another try carries something else: then the request has not been looked at. */
  refused({ secret }: Authorized): boolean {
    return this.#tokens?.drop(secret) === true;
  }

  /** The next request carries a token that is obtained for it. */
  forget(): void {
    this.#last = undefined;
    this.#tokens?.forget();
  }

  async close(): Promise<void> {
    await this.#tokens?.close();
  }
}

/** Throws CredentialUnavailable when the credential cannot be sent like this. */
export function authorized(injection: Injection, secret: Secret): Authorized {
  const scrubber = scrubberOf(injection, secret);
  if ('query' in injection)
    return { secret, scrubber, parameter: `${injection.query}=${encodeURIComponent(secret.reveal())}` };
  if ('env' in injection) return { secret, scrubber };
  const [name, value] =
    'basic' in injection
      ? ['authorization', basicValue(injection.basic.username, secret)]
      : 'oauth' in injection
        ? ['authorization', `Bearer ${secret.reveal()}`]
        : [injection.header, headerValue(injection.format, secret)];
  if (value !== undefined) return { secret, scrubber, header: [name, value] };
  throw new CredentialUnavailable('the credential has characters that its header cannot carry');
}

/** Of `user:password` the password by itself, too. */
function scrubberOf(injection: Injection, secret: Secret): Scrubber {
  if (!('basic' in injection) || injection.basic.username !== undefined) return scrubberFor(secret);
  const pair = secret.reveal();
  const password = pair.slice(pair.indexOf(':') + 1);
  return password.length < SHORTEST_SECRET ? scrubberFor(secret) : new Scrubber(pair, password);
}

function basicValue(username: string | undefined, secret: Secret): string {
  const pair = username === undefined ? secret.reveal() : `${username}:${secret.reveal()}`;
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
}

/** A path with one more parameter in its query. Those of its name that it has already are left out. */
export function withParameter(path: string, parameter: string | undefined): string {
  if (parameter === undefined) return path;
  const at = path.indexOf('?');
  if (at === -1) return `${path}?${parameter}`;
  const name = parameter.slice(0, parameter.indexOf('='));
  const kept = path
    .slice(at + 1)
    .split('&')
    .filter((pair) => nameOf(pair) !== name);
  return `${path.slice(0, at)}?${[...kept, parameter].join('&')}`;
}

/** As a server may read it: decoded, with plus signs for blanks. */
function nameOf(pair: string): string {
  return new URLSearchParams(pair).keys().next().value ?? '';
}
