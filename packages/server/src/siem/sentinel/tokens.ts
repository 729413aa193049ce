/** Tokens of Microsoft Entra, by a client secret or by what the machine itself is. */
import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/identity';
import { Secret } from '../../secret.ts';
import { NO_MACHINE_CREDENTIALS } from '../http/failure.ts';
import { noToken } from '../http/no-token.ts';
import type { TlsSettings } from '../http/settings.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Delivery } from '../transport.ts';
import type { AzureHttp } from './azure-http.ts';
import type { SentinelSettings } from './index.ts';

type Identity = typeof import('@azure/identity');

interface TokensOptions {
  readonly deps: Pick<TransportDeps, 'clock' | 'secret'>;
  /** What the credential is opened with; none: the machine itself. */
  readonly secretRef?: string;
  readonly open: (secret: string) => TokenCredential;
  /** By which the authority is asked; none: the library asks by itself. */
  readonly http?: AzureHttp;
}

/** A credential is opened anew when its secret is another, and after it gave no token. */
export class Tokens implements TokenCredential {
  readonly #options: TokensOptions;
  #held: { readonly secret: string; readonly credential: TokenCredential } | undefined;
  /** Why there was no token, the last time that one was asked for. */
  problem: Delivery | undefined;
  /** What the endpoint was shown last, and what it was had with. */
  given: readonly Secret[] = [];

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  async getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
    const { deps, http, open, secretRef } = this.#options;
    if (http !== undefined) http.last = {};
    try {
      const secret = secretRef === undefined ? undefined : await deps.secret(secretRef);
      const value = secret?.reveal() ?? '';
      if (this.#held?.secret !== value) this.#held = { secret: value, credential: open(value) };
      const token = await this.#held.credential.getToken(scopes, options);
      if (token !== null) this.given = [...(secret === undefined ? [] : [secret]), new Secret(token.token)];
      return token;
    } catch (error) {
      this.problem = http === undefined ? NO_MACHINE_CREDENTIALS : noToken(http.last, error, deps.clock());
      // The client would not ask for a minute after it was told to wait, and say nothing of why.
      this.#held = undefined;
      // In the client's own error there may be what was sent.
      throw new Error('no token');
    }
  }

  async close(): Promise<void> {
    await this.#options.http?.close();
  }
}

interface ClientOptions {
  readonly identity: Identity;
  readonly settings: SentinelSettings;
  readonly deps: TransportDeps;
  readonly over: (url: string, tls: TlsSettings) => AzureHttp;
}

/** By a client secret, at the authority that the settings say: nothing is asked about it elsewhere. */
export function clientTokens(
  { tenant_id: tenant, client_id: client, client_secret_ref: secretRef }: NonNullable<SentinelSettings['credential']>,
  authorityHost: string,
  { identity, settings, deps, over }: ClientOptions,
): Tokens {
  const http = over(authorityHost, settings.authority?.tls ?? settings.tls);
  const options = {
    authorityHost,
    httpClient: http,
    disableInstanceDiscovery: true,
    retryOptions: { maxRetries: 0 },
  };
  const open = (secret: string) => new identity.ClientSecretCredential(tenant, client, secret, options);
  return new Tokens({ deps, secretRef, open, http });
}

/** As Azure's tools find it, without those of developers. */
export function machineIdentity({
  ChainedTokenCredential: Chained,
  EnvironmentCredential: Environment,
  ManagedIdentityCredential: Managed,
  WorkloadIdentityCredential: Workload,
}: Identity): () => TokenCredential {
  return () => {
    const { AZURE_CLIENT_ID: clientId } = process.env;
    return new Chained(new Environment(), new Workload(), new Managed(clientId === undefined ? {} : { clientId }));
  };
}
