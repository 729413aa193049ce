/** What differs between well-known identity providers: where things are found there, and what must be set for them here. */
export interface Preset {
  readonly label: string;
  readonly issuer: string;
  readonly subjectClaim: 'sub' | 'oid';
  readonly groupsClaim: string;
  /** What to do at the provider, in order. */
  readonly oidc: readonly string[];
  readonly saml: readonly string[];
  /** Attributes of SAML by which the provider names a person, their e-mail and name; empty: NameID. */
  readonly attributes: {
    readonly subject: string;
    readonly email: string;
    readonly name: string;
    readonly groups: string;
  };
}

const XMLSOAP = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
const MICROSOFT = 'http://schemas.microsoft.com';

export const PRESETS = {
  okta: {
    label: 'Okta',
    issuer: 'https://acme.okta.com',
    subjectClaim: 'sub',
    groupsClaim: 'groups',
    oidc: [
      'Applications → Create App Integration → OIDC, Web Application; grant type Authorization Code.',
      'Copy Client ID and Client secret into this form; the issuer is the address of your organisation.',
      'To have groups: Sign On → OpenID Connect ID Token → a groups claim named groups, with a filter.',
      'When it is saved here, add the redirect URI under Sign-in redirect URIs.',
    ],
    saml: [
      'Applications → Create App Integration → SAML 2.0. Enter placeholders for the addresses first.',
      'Name ID format: Persistent; Application username: Okta username. Attribute statements: email → user.email.',
      'Copy the Metadata URL of the Sign On tab into this form.',
      'When it is saved here, put the ACS URL in as Single sign-on URL, and the entity id as Audience URI.',
    ],
    attributes: { subject: '', email: 'email', name: 'name', groups: 'groups' },
  },
  entra: {
    label: 'Microsoft Entra ID',
    issuer: 'https://login.microsoftonline.com/TENANT-ID/v2.0',
    subjectClaim: 'oid',
    groupsClaim: 'groups',
    oidc: [
      'App registrations → New registration, accounts in this organisational directory only.',
      'Copy Application (client) ID; under Certificates & secrets make a client secret and copy its value.',
      'The issuer has the Directory (tenant) ID in it. Entra names people for good by oid, not by sub.',
      'To have groups: Token configuration → Add groups claim. They come as object ids.',
      'When it is saved here, add the redirect URI under Authentication → Web.',
    ],
    saml: [
      'Enterprise applications → New application → Create your own; Single sign-on → SAML.',
      'Copy the App Federation Metadata Url of section 3 into this form.',
      'When it is saved here, edit section 1: Identifier is the entity id, Reply URL the ACS URL.',
    ],
    attributes: {
      subject: `${MICROSOFT}/identity/claims/objectidentifier`,
      email: `${XMLSOAP}/emailaddress`,
      name: `${MICROSOFT}/identity/claims/displayname`,
      groups: `${MICROSOFT}/ws/2008/06/identity/claims/groups`,
    },
  },
  keycloak: {
    label: 'Keycloak',
    issuer: 'https://keycloak.acme.example/realms/acme',
    subjectClaim: 'sub',
    groupsClaim: 'groups',
    oidc: [
      'Clients → Create client → OpenID Connect, Client authentication on, Standard flow only.',
      'Copy the secret of the Credentials tab. The issuer is the address of the realm.',
      'To have groups: Client scopes → the dedicated scope → Group Membership mapper, claim groups, full path off.',
      'When it is saved here, add the redirect URI under Valid redirect URIs.',
    ],
    saml: [
      'The metadata are at /realms/NAME/protocol/saml/descriptor: put that address into this form.',
      'When it is saved here: Clients → Import client, with the metadata at the entity id; Sign assertions on.',
      'Name ID format persistent; add mappers for email and name.',
    ],
    attributes: { subject: '', email: 'email', name: 'name', groups: 'groups' },
  },
  google: {
    label: 'Google Workspace',
    issuer: 'https://accounts.google.com',
    subjectClaim: 'sub',
    groupsClaim: '',
    oidc: [
      'Google Cloud → APIs & Services → Credentials → OAuth client ID, type Web application.',
      'Copy client id and secret, and name your domains below: without them everybody with a Google account could come.',
      'Google names no groups; give people their roles here.',
      'When it is saved here, add the redirect URI under Authorised redirect URIs.',
    ],
    saml: [
      'Admin console → Apps → Web and mobile apps → Add custom SAML app; download the metadata and paste them below.',
      'When it is saved here, enter ACS URL and entity id; Name ID format PERSISTENT.',
    ],
    attributes: { subject: '', email: 'email', name: 'name', groups: 'groups' },
  },
  other: {
    label: 'Another',
    issuer: 'https://login.acme.example',
    subjectClaim: 'sub',
    groupsClaim: 'groups',
    oidc: [
      'Register a confidential web client with the authorization code flow and PKCE (S256).',
      'ID tokens must be signed with a key of the provider (RS256 unless chosen otherwise below).',
      'When it is saved here, register the redirect URI and, if the provider has it, the back-channel logout URI.',
    ],
    saml: [
      'The provider must sign assertions with SHA-256, and send a persistent NameID or an attribute that names the person.',
      'When it is saved here, give the provider the entity id, where the metadata stand, or the ACS URL.',
    ],
    attributes: { subject: '', email: '', name: '', groups: '' },
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES: readonly PresetName[] = ['okta', 'entra', 'keycloak', 'google', 'other'];
