/** A Vault token of our own: obtained on first use, renewed at two thirds of its life, obtained again when it is refused. */
import { readFile } from 'node:fs/promises';
import { Secret } from '../../secret.ts';
import { recordOf } from './json.ts';
import { CredentialUnavailable } from './unavailable.ts';
import { type VaultAnswer, type VaultSend, vaultPath } from './vault-protocol.ts';

/** Files are read at each login, so that what delivers them may replace them at any time. */
export type VaultMethod =
  /** A file that something else keeps filled, such as Vault Agent. */
  | { readonly kind: 'token'; readonly path: string }
  /** `isWrapped`: the file holds a response-wrapping token, of which the secret id is taken, once. */
  | {
      readonly kind: 'approle';
      readonly mount: string;
      readonly roleId: string;
      readonly secretIdPath: string;
      readonly isWrapped: boolean;
    }
  | { readonly kind: 'kubernetes'; readonly mount: string; readonly role: string; readonly jwtPath: string };

interface Held {
  readonly token: Secret;
  readonly isRenewable: boolean;
  readonly since: number;
  readonly renewAt: number;
  readonly endsAt: number;
}

/** A token that is refused sooner than this after it was obtained lacks a permission: another login gives no better one. */
const RETRY_LOGIN_MS = 10_000;
const NEVER = Number.MAX_SAFE_INTEGER;

export class VaultLogin {
  readonly #method: VaultMethod;
  readonly #send: VaultSend;
  readonly #clock: () => number;
  #held: Held | undefined;
  #pending: Promise<Held> | undefined;
  /** What a wrapping token was good for; it cannot be unwrapped again. */
  #unwrapped: { readonly wrapping: string; readonly secretId: Secret } | undefined;

  constructor(method: VaultMethod, send: VaultSend, clock: () => number) {
    this.#method = method;
    this.#send = send;
    this.#clock = clock;
  }

  /** Rejects with CredentialUnavailable. Those who ask at the same time share one login. */
  async token(): Promise<Secret> {
    const held = this.#held;
    if (held !== undefined && this.#clock() < held.renewAt) return held.token;
    this.#pending ??= this.#next(held).finally(() => {
      this.#pending = undefined;
    });
    return (await this.#pending).token;
  }

  /** True when the next token will be another one. */
  refused(token: Secret): boolean {
    const held = this.#held;
    if (held === undefined || held.token !== token) return true;
    if (this.#clock() - held.since < RETRY_LOGIN_MS) return false;
    this.#held = undefined;
    return true;
  }

  async #next(held: Held | undefined): Promise<Held> {
    const renewed = held?.isRenewable === true ? await this.#renewed(held) : undefined;
    this.#held = renewed ?? (await this.#loggedIn());
    return this.#held;
  }

  /** Undefined when it cannot be renewed any more. While Vault is away the token is used until it ends. */
  async #renewed(held: Held): Promise<Held | undefined> {
    if (this.#clock() >= held.endsAt) return undefined;
    const answer = await this.#send('POST', 'auth/token/renew-self', {}, held.token.reveal());
    if (answer.status !== 200) return undefined;
    const { lease_duration: seconds, renewable } = recordOf(answer.body.auth);
    return this.#heldFor(held.token, seconds, renewable);
  }

  async #loggedIn(): Promise<Held> {
    const method = this.#method;
    switch (method.kind) {
      case 'token': {
        const token = await contentOf(method.path, 'the token file of Vault');
        const answer = await this.#send('GET', 'auth/token/lookup-self', undefined, token);
        if (answer.status !== 200) throw refusal('the token', answer);
        const { ttl, renewable } = recordOf(answer.body.data);
        return this.#heldFor(new Secret(token), ttl, renewable);
      }
      case 'approle': {
        const secret_id = (await this.#secretId(method)).reveal();
        return this.#login(method.mount, { role_id: method.roleId, secret_id });
      }
      case 'kubernetes': {
        const jwt = await contentOf(method.jwtPath, 'the token of the service account');
        return this.#login(method.mount, { role: method.role, jwt });
      }
    }
  }

  async #login(mount: string, body: object): Promise<Held> {
    const answer = await this.#send('POST', `auth/${vaultPath(mount)}/login`, body, undefined);
    const { client_token: token, lease_duration: seconds, renewable } = recordOf(answer.body.auth);
    if (answer.status !== 200 || typeof token !== 'string') throw refusal('the login', answer);
    return this.#heldFor(new Secret(token), seconds, renewable);
  }

  async #secretId({ secretIdPath, isWrapped }: Extract<VaultMethod, { kind: 'approle' }>): Promise<Secret> {
    const text = await contentOf(secretIdPath, 'the secret id for Vault');
    if (!isWrapped) return new Secret(text);
    if (this.#unwrapped?.wrapping === text) return this.#unwrapped.secretId;
    const answer = await this.#send('POST', 'sys/wrapping/unwrap', {}, text);
    const { secret_id: secretId } = recordOf(answer.body.data);
    if (answer.status !== 200 || typeof secretId !== 'string')
      throw new CredentialUnavailable(
        'the wrapped secret id for Vault cannot be unwrapped: it is too old, or somebody else has unwrapped it',
      );
    this.#unwrapped = { wrapping: text, secretId: new Secret(secretId) };
    return this.#unwrapped.secretId;
  }

  /** `seconds` 0 is a token without an end. */
  #heldFor(token: Secret, seconds: unknown, renewable: unknown): Held {
    const since = this.#clock();
    const lifeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
    return {
      token,
      isRenewable: renewable === true,
      since,
      renewAt: lifeMs === undefined ? NEVER : since + (lifeMs * 2) / 3,
      endsAt: lifeMs === undefined ? NEVER : since + lifeMs,
    };
  }
}

function refusal(what: string, { status }: VaultAnswer): CredentialUnavailable {
  return new CredentialUnavailable(`Vault refused ${what} (HTTP ${status})`);
}

async function contentOf(path: string, what: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text.trim() === '') throw new CredentialUnavailable(`${what} cannot be read`);
  return text.trim();
}
