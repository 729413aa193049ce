/** Access tokens by the credentials of the machine itself, as Google's tools find them. */
import type { GoogleAuth } from 'google-auth-library';
import { Secret } from '../../secret.ts';
import { NO_MACHINE_CREDENTIALS } from '../http/failure.ts';
import { loaded } from '../http/loaded.ts';
import { SCOPE, type Token, type TokenSource } from './tokens.ts';

/** Throws `sink_client_missing`. */
export async function openMachineTokens(): Promise<TokenSource> {
  const { GoogleAuth: Auth } = await loaded('google-auth-library', () => import('google-auth-library'));
  return new MachineTokens(() => new Auth({ scopes: [SCOPE] }));
}

class MachineTokens implements TokenSource {
  readonly #open: () => GoogleAuth;
  #auth: GoogleAuth | undefined;

  constructor(open: () => GoogleAuth) {
    this.#open = open;
  }

  async token(): Promise<Token> {
    this.#auth ??= this.#open();
    const token = await this.#auth.getAccessToken().catch(() => undefined);
    if (typeof token === 'string' && token !== '') return { kind: 'token', token: new Secret(token) };
    this.forget();
    return { kind: 'none', delivery: NO_MACHINE_CREDENTIALS };
  }

  forget(): void {
    this.#auth = undefined;
  }

  async close(): Promise<void> {
    this.forget();
  }
}
