/** What is used of @node-saml/node-saml; see xmldom.d.ts for why. */
interface CacheProvider {
  saveAsync(key: string, value: string): Promise<{ readonly value: string; readonly createdAt: number } | null>;
  getAsync(key: string): Promise<string | null>;
  removeAsync(key: string | null): Promise<string | null>;
}

export const ValidateInResponseTo: { readonly never: 'never'; readonly always: 'always' };

export interface SamlConfig {
  readonly idpCert: readonly string[];
  /** Our own entity id. */
  readonly issuer: string;
  readonly callbackUrl: string;
  readonly entryPoint?: string;
  readonly audience?: string;
  readonly acceptedClockSkewMs?: number;
  readonly maxAssertionAgeMs?: number;
  readonly wantAssertionsSigned?: boolean;
  readonly wantAuthnResponseSigned?: boolean;
  readonly validateInResponseTo?: 'never' | 'always';
  readonly requestIdExpirationPeriodMs?: number;
  readonly cacheProvider?: CacheProvider;
  readonly identifierFormat?: string | null;
  readonly disableRequestedAuthnContext?: boolean;
  readonly authnContext?: readonly string[];
  readonly racComparison?: 'exact';
  readonly forceAuthn?: boolean;
  readonly generateUniqueId?: () => string;
  readonly signatureAlgorithm?: 'sha256' | 'sha512';
}

export interface Profile {
  /** The assertion as its verified signature covers it. */
  getAssertionXml?(): string;
}

export class SAML {
  constructor(config: SamlConfig);
  getAuthorizeUrlAsync(relayState: string, host: string | undefined, options: object): Promise<string>;
  validatePostResponseAsync(container: {
    readonly SAMLResponse: string;
  }): Promise<{ readonly profile: Profile | null; readonly loggedOut: boolean }>;
}
