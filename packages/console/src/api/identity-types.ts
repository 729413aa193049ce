/** Who may come in and what they may do, as docs/reference/api.md has it; what the SDK leaves open. Times are epoch seconds. */
import type * as sdk from '@hivekey/sdk';
import type { Session, WorkspaceRole } from './types.ts';

export type PersonSource = sdk.Person['source'];

export interface Person extends sdk.Person {
  readonly roles: readonly WorkspaceRole[];
  readonly effective_roles: readonly WorkspaceRole[];
}

export interface Group {
  readonly object: 'group';
  /** As policies, roles and people name it. */
  readonly name: string;
  readonly id: string | null;
  /** As the directory calls it. */
  readonly display_name: string;
  readonly source: 'directory' | 'hand';
  readonly connection: string | null;
  readonly external_id: string | null;
  readonly members: number;
  readonly roles: readonly WorkspaceRole[];
  readonly updated_at: number | null;
}

export interface GroupMember {
  readonly person: string;
  readonly email: string;
  readonly display_name: string;
  readonly active: boolean;
}

interface Traffic {
  readonly reads: number;
  readonly writes: number;
  readonly refused: number;
}

export type ScimScope = 'users' | 'groups' | 'agents';

export interface ScimConnection {
  readonly id: string;
  readonly name: string;
  /** What the directory is given as its tenant or base URL. */
  readonly base_url: string;
  readonly status: 'live' | 'expired' | 'revoked';
  readonly scopes: readonly ScimScope[];
  readonly agent_owner: string | null;
  /** Those that live, the newest first; at most two. */
  readonly tokens: readonly {
    readonly id: string;
    readonly last4: string;
    readonly created: number;
    readonly created_by: string;
    readonly expires_at: number;
    readonly last_used_at: number | null;
  }[];
  readonly people: number;
  readonly groups: number;
  readonly last_seen_at: number | null;
  /** The last request that was refused. */
  readonly last_error: {
    readonly status: number;
    readonly scim_type: string | null;
    readonly detail: string;
    readonly request: string;
    readonly at: number;
  } | null;
  readonly last_day: Readonly<Record<ScimScope | 'other', Traffic>>;
  readonly created: number;
  readonly created_by: string;
  readonly revoked_at: number | null;
  /** Only in the answer that made it. */
  readonly token?: string;
}

/** What somebody who left has left behind, of which their page shows a summary. */
export interface TransferTask {
  readonly id: string;
  readonly person_id: string;
  readonly status: 'open' | 'done' | 'expired' | 'superseded';
  readonly agents_total: number;
  readonly agents_waiting: number;
  readonly opened_at: number;
  readonly due_at: number;
  readonly receipt: {
    /** ISO 8601 with milliseconds. */
    readonly ordered_at: string | null;
    readonly committed_at: string | null;
    readonly effective_at: string | null;
    readonly first_refusal_ms: number | null;
    readonly sessions_closed: number;
    readonly calls: readonly { readonly fate: 'aborted_before_upstream' | 'unknown' | 'finished' }[];
    readonly nodes: readonly { readonly node: string; readonly effective_at: string | null }[];
  };
}

export type SignInMethod = Session['method'];

/** A session of the console that is open. */
export interface OpenSession {
  readonly id: string;
  readonly person: string | null;
  readonly key: { readonly id: string; readonly name: string } | null;
  readonly method: SignInMethod;
  /** Id of the identity provider. */
  readonly provider: string | null;
  readonly authenticated_at: number;
  readonly stepped_up_at: number | null;
  readonly acr: string | null;
  readonly amr: readonly string[];
  readonly address: string | null;
  readonly user_agent: string | null;
  readonly created: number;
  /** It ends then, unless it is used before. */
  readonly idle_at: number;
  readonly expires_at: number;
  /** The one that asks. */
  readonly current: boolean;
}

/** Who a person is at a provider. */
export interface Identity {
  readonly id: string;
  readonly provider: { readonly id: string; readonly name: string };
  readonly issuer: string;
  readonly subject: string;
  readonly linked_how: 'invitation' | 'session' | 'first_sign_in' | 'directory';
  readonly linked_by: string;
  readonly linked_at: number;
  readonly last_used_at: number;
}

export interface Invitation {
  readonly id: string;
  readonly person: string;
  readonly purpose: 'identity' | 'passkey';
  readonly any_email: boolean;
  readonly status: 'open' | 'used' | 'revoked' | 'expired';
  readonly created: number;
  readonly created_by: string;
  readonly expires_at: number;
  readonly used_at: number | null;
  /** Only in the answer that made it. */
  readonly url?: string;
}

export interface OidcSettings {
  readonly client_id: string;
  readonly client_auth: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';
  readonly id_token_alg: string;
  readonly scopes: readonly string[];
  readonly subject_claim: 'sub' | 'oid';
  readonly tenants: readonly string[];
  readonly hosted_domains: readonly string[];
  readonly directory_claim: string;
  readonly step_up_acr: string | null;
  readonly jwks_url: string | null;
  readonly redirect_uri: string;
  readonly backchannel_logout_uri: string;
  readonly initiate_login_uri: string;
}

interface SamlSettings {
  readonly subject_attribute: string | null;
  readonly email_attribute: string | null;
  readonly name_attribute: string | null;
  readonly directory_attribute: string | null;
  readonly name_id_format: 'persistent' | 'emailAddress' | 'unspecified' | null;
  readonly want_response_signed: boolean;
  readonly idp_initiated: boolean;
  readonly step_up_context: string | null;
  readonly metadata_url: string | null;
  readonly sso_url: string;
  readonly logout_url: string | null;
  readonly certificates: readonly {
    readonly sha256: string;
    readonly subject: string;
    readonly expires_at: number;
    readonly status: 'current' | 'expires_soon' | 'expired';
  }[];
  /** What the provider is told. */
  readonly own: { readonly entity_id: string; readonly acs_url: string; readonly logout_url: string };
}

export interface IdentityProvider {
  readonly id: string;
  readonly kind: 'oidc' | 'saml';
  readonly name: string;
  /** Issuer of OpenID Connect, entity id of SAML. */
  readonly issuer: string;
  readonly active: boolean;
  /** People who are not known are added when their e-mail is of one of these; empty: of any; null: never. */
  readonly jit_domains: readonly string[] | null;
  readonly groups_claim: string | null;
  readonly sync_groups: boolean;
  /** Id of the SCIM connection. */
  readonly scim_connection: string | null;
  readonly oidc: OidcSettings | null;
  readonly saml: SamlSettings | null;
  readonly last_sign_in_at: number | null;
  readonly created: number;
  readonly created_by: string;
  readonly updated_at: number;
}

export type Duty = 'approve' | 'lift' | 'override' | 'confirm' | 'sign_off' | 'secret' | 'change';
export type StepUpLevel = 'none' | 'recent' | 'signed';

export interface SignInSettings {
  readonly idle_seconds: number;
  readonly session_seconds: number;
  readonly people_decide: 'keys' | 'sessions';
  readonly step_up: Readonly<Record<Duty, StepUpLevel>>;
  readonly step_up_seconds: number;
  readonly author: string | null;
  readonly updated_at: number | null;
}

/** How people sign in here, for whoever has not yet. */
export interface SignInWays {
  readonly providers: readonly {
    readonly id: string;
    readonly name: string;
    readonly kind: 'oidc' | 'saml';
  }[];
  readonly break_glass: boolean;
  /** People of an audit firm are let in. */
  readonly engagements: boolean;
}

export interface GroupRoles {
  readonly groups: Readonly<Record<string, readonly WorkspaceRole[]>>;
}

export interface Passkey {
  readonly id: string;
  readonly person: string;
  readonly name: string;
  /** Does not leave its device; others are synced. */
  readonly device_bound: boolean;
  /** How the person was signed in then. */
  readonly registered_by: SignInMethod | 'invitation';
  readonly created: number;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
}

/** The accounts for emergencies. */
export interface BreakGlass {
  /** So many usable ones stay, once there are as many. */
  readonly minimum: number;
  readonly usable: number;
  readonly accounts: readonly {
    readonly person: string;
    readonly email: string;
    readonly display_name: string;
    readonly active: boolean;
    readonly passkeys: number;
    readonly last_used_at: number | null;
    readonly created: number;
  }[];
}
