/** What the forms of identity providers hold, and what they send. Pure. */
import type { IdentityProvider, OidcSettings } from '../../../api/identity-types.ts';
import type { Preset } from './presets.ts';

export type Unknown = 'never' | 'domains' | 'anybody';

/** What every kind has. */
export interface CommonDraft {
  readonly name: string;
  /** What happens to people who are not known yet. */
  readonly unknown: Unknown;
  readonly domains: readonly string[];
  readonly groupsClaim: string;
  readonly syncGroups: boolean;
  /** Id of the SCIM connection. */
  readonly connection: string | null;
}

export interface OidcDraft extends CommonDraft {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientAuth: OidcSettings['client_auth'];
  readonly clientSecret: string;
  readonly algorithm: string;
  readonly scopes: readonly string[];
  readonly subjectClaim: 'sub' | 'oid';
  readonly tenants: readonly string[];
  readonly hostedDomains: readonly string[];
  readonly directoryClaim: string;
  readonly stepUpAcr: string;
}

export interface SamlDraft extends CommonDraft {
  readonly metadataUrl: string;
  readonly metadata: string;
  readonly subject: string;
  readonly email: string;
  readonly displayName: string;
  readonly directory: string;
  readonly responseSigned: boolean;
  readonly idpInitiated: boolean;
  readonly stepUpContext: string;
}

export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

function commonDraft(provider: IdentityProvider | undefined): CommonDraft {
  const domains = provider?.jit_domains ?? null;
  return {
    name: provider?.name ?? '',
    unknown: domains === null ? 'never' : domains.length === 0 ? 'anybody' : 'domains',
    domains: domains ?? [],
    groupsClaim: provider?.groups_claim ?? '',
    syncGroups: provider?.sync_groups ?? false,
    connection: provider?.scim_connection ?? null,
  };
}

export function oidcDraft(provider?: IdentityProvider): OidcDraft {
  const oidc = provider?.oidc ?? undefined;
  return {
    ...commonDraft(provider),
    issuer: provider?.issuer ?? '',
    clientId: oidc?.client_id ?? '',
    clientAuth: oidc?.client_auth ?? 'client_secret_basic',
    clientSecret: '',
    algorithm: oidc?.id_token_alg ?? 'RS256',
    scopes: oidc?.scopes ?? ['openid', 'email', 'profile'],
    subjectClaim: oidc?.subject_claim ?? 'sub',
    tenants: oidc?.tenants ?? [],
    hostedDomains: oidc?.hosted_domains ?? [],
    directoryClaim: oidc?.directory_claim ?? 'sub',
    stepUpAcr: oidc?.step_up_acr ?? '',
  };
}

export function samlDraft(provider?: IdentityProvider): SamlDraft {
  const saml = provider?.saml ?? undefined;
  return {
    ...commonDraft(provider),
    metadataUrl: saml?.metadata_url ?? '',
    metadata: '',
    subject: saml?.subject_attribute ?? '',
    email: saml?.email_attribute ?? '',
    displayName: saml?.name_attribute ?? '',
    directory: saml?.directory_attribute ?? '',
    responseSigned: saml?.want_response_signed ?? false,
    idpInitiated: saml?.idp_initiated ?? false,
    stepUpContext: saml?.step_up_context ?? '',
  };
}

/** What a well-known provider needs; what was typed stays. */
export function withPreset(draft: OidcDraft, { subjectClaim, groupsClaim }: Preset): OidcDraft {
  return { ...draft, subjectClaim, directoryClaim: subjectClaim, groupsClaim };
}

export function withAttributes(draft: SamlDraft, { attributes }: Preset): SamlDraft {
  return {
    ...draft,
    subject: attributes.subject,
    email: attributes.email,
    displayName: attributes.name,
    groupsClaim: attributes.groups,
  };
}

const given = (text: string): string | null => (text.trim() === '' ? null : text.trim());

function commonBody({ name, unknown, domains, groupsClaim, syncGroups, connection }: CommonDraft) {
  return {
    name: name.trim(),
    jit_domains: unknown === 'never' ? null : unknown === 'anybody' ? [] : domains.map((each) => each.toLowerCase()),
    groups_claim: given(groupsClaim),
    sync_groups: syncGroups && given(groupsClaim) !== null,
    scim_connection: connection,
  };
}

/** Whether it can be sent, as far as it is common. */
export function isCommonComplete({ name, unknown, domains }: CommonDraft): boolean {
  return name.trim() !== '' && (unknown !== 'domains' || domains.length > 0);
}

/** Of a new one with what says who people are, which does not change later. */
export function oidcBody(draft: OidcDraft, isNew: boolean): object {
  return {
    ...commonBody(draft),
    ...(isNew ? { kind: 'oidc', issuer: draft.issuer.trim(), subject_claim: draft.subjectClaim } : {}),
    client_id: draft.clientId.trim(),
    client_auth: draft.clientAuth,
    ...(draft.clientAuth === 'private_key_jwt' || draft.clientSecret === ''
      ? {}
      : { client_secret: draft.clientSecret }),
    id_token_alg: draft.algorithm,
    scopes: draft.scopes,
    tenants: draft.tenants,
    hosted_domains: draft.hostedDomains,
    directory_claim: draft.directoryClaim.trim(),
    step_up_acr: given(draft.stepUpAcr),
  };
}

/** As `oidcBody`. Metadata are sent where they are new: as XML if there is any, else the address. */
export function samlBody(draft: SamlDraft, before?: IdentityProvider): object {
  const url = given(draft.metadataUrl);
  const metadata =
    draft.metadata.trim() !== ''
      ? { metadata: draft.metadata }
      : url !== null && url !== before?.saml?.metadata_url
        ? { metadata_url: url }
        : {};
  return {
    ...commonBody(draft),
    ...metadata,
    ...(before === undefined ? { subject_attribute: given(draft.subject) } : {}),
    email_attribute: given(draft.email),
    name_attribute: given(draft.displayName),
    directory_attribute: given(draft.directory),
    want_response_signed: draft.responseSigned,
    idp_initiated: draft.idpInitiated,
    step_up_context: given(draft.stepUpContext),
  };
}
