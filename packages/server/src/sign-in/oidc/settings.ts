/** What is set of an OpenID provider. */
import { z } from 'zod';
import { Failure } from '../../errors.ts';

/** Asymmetric all of them: with a shared secret, whoever can verify can sign. */
const ID_TOKEN_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
const CLIENT_AUTHENTICATIONS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

const shared = {
  client_id: z.string().min(1).max(256),
  client_auth: z.enum(CLIENT_AUTHENTICATIONS),
  id_token_alg: z.enum(ID_TOKEN_ALGORITHMS),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/)).max(20),
  subject_claim: z.enum(['sub', 'oid']),
  tenants: z.array(z.string().min(1).max(128)).max(100),
  hosted_domains: z.array(z.string().min(1).max(253)).max(100),
  directory_claim: z.string().min(1).max(128),
  step_up_acr: z.string().min(1).max(256).nullable(),
} as const;

/** As stored. `secret_name`: where the client secret, or the private key, stands in the secret store. */
export const storedOidcSettings = z.object({
  ...shared,
  secret_name: z.string(),
  public_key: z.record(z.string(), z.unknown()).nullable(),
});
export type OidcSettings = z.output<typeof storedOidcSettings>;

/** As given in a request. */
export const oidcInput = {
  issuer: z.url({ protocol: /^https?$/ }).max(512),
  client_id: shared.client_id,
  client_auth: shared.client_auth.default('client_secret_basic').meta({
    description: 'private_key_jwt: HiveKey makes a key pair; the provider reads the public one at `jwks_url`.',
  }),
  client_secret: z.string().min(8).max(1024).optional().meta({ description: 'Never shown again.' }),
  id_token_alg: shared.id_token_alg
    .default('RS256')
    .meta({ description: 'The only algorithm that ID tokens may be signed with.' }),
  scopes: shared.scopes.default(['openid', 'email', 'profile']),
  subject_claim: shared.subject_claim.default('sub').meta({
    description: 'The claim that names a person for good: `oid` for Microsoft Entra, else `sub`.',
  }),
  tenants: shared.tenants
    .default([])
    .meta({ description: 'Values of `tid` that may sign in; needed where an issuer serves many tenants.' }),
  hosted_domains: shared.hosted_domains.default([]).meta({ description: 'Values of `hd` (Google) that may sign in.' }),
  directory_claim: shared.directory_claim
    .default('sub')
    .meta({ description: 'The claim that SCIM knows as externalId.' }),
  step_up_acr: shared.step_up_acr
    .default(null)
    .meta({ description: 'The `acr` that a step-up asks for and must bring.' }),
} as const;

/** As given in a change; issuer and subject claim say who people are, and do not change. */
export const oidcChange = {
  client_id: oidcInput.client_id.optional(),
  client_auth: oidcInput.client_auth.unwrap().optional(),
  client_secret: oidcInput.client_secret,
  id_token_alg: oidcInput.id_token_alg.unwrap().optional(),
  scopes: oidcInput.scopes.unwrap().optional(),
  tenants: oidcInput.tenants.unwrap().optional(),
  hosted_domains: oidcInput.hosted_domains.unwrap().optional(),
  directory_claim: oidcInput.directory_claim.unwrap().optional(),
  step_up_acr: oidcInput.step_up_acr.unwrap().optional(),
} as const;

export const oidcView = z.object({
  ...shared,
  jwks_url: z.string().nullable(),
  redirect_uri: z.string(),
  backchannel_logout_uri: z.string(),
  initiate_login_uri: z.string(),
});

/** Issuers that serve everybody: without an allow-list anybody in the world could sign in. */
export function checkTenancy({
  issuer,
  tenants,
  hosted_domains: domains,
}: {
  readonly issuer: string;
  readonly tenants: readonly string[];
  readonly hosted_domains: readonly string[];
}): void {
  const { hostname, pathname } = new URL(issuer);
  const entra = hostname === 'login.microsoftonline.com' && /^\/(common|organizations|consumers)(\/|$)/.test(pathname);
  if (entra && tenants.length === 0)
    throw new Failure(
      400,
      'provider_tenants_required',
      'This issuer serves every tenant of Microsoft Entra.',
      'Use the issuer of your own tenant, or list the tenants that may sign in.',
    );
  if (hostname === 'accounts.google.com' && domains.length === 0)
    throw new Failure(
      400,
      'provider_tenants_required',
      'This issuer serves everybody with a Google account.',
      'List the domains of your organisation in hosted_domains.',
    );
}
