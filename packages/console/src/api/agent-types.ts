/** How agents come about, who answers for them, and their credentials, as docs/reference/api.md has it. Times are epoch seconds. */
import type { AgentAttributes, JsonObject, RiskTier } from './types.ts';

export type {
  EncryptionKeys,
  FullTransferTask,
  Orphan,
  Ownership,
  OwnershipSettings,
  OwnershipTransfer,
  SecretTest,
  StoredSecret,
  TransferTask,
} from '@hivekey/sdk';

export type RequestStatus = 'requested' | 'approved' | 'denied' | 'withdrawn' | 'expired';

export interface AgentRequest {
  readonly id: string;
  readonly object: 'agent_request';
  readonly status: RequestStatus;
  readonly name: string;
  readonly owner: string;
  readonly roles: readonly string[];
  /** E-mails of people, and groups. */
  readonly deputies: readonly string[];
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly risk_tier: RiskTier | null;
  readonly valid_until: number | null;
  readonly attributes: AgentAttributes;
  readonly reason: string;
  readonly source: 'api' | 'cli' | 'console' | 'scim';
  readonly requested_by: string;
  readonly requested_at: number;
  readonly expires_at: number;
  readonly decided_by: string | null;
  readonly decided_at: number | null;
  readonly decision_reason: string | null;
  readonly agent_id: string | null;
}

export interface AgentSettings {
  readonly object: 'agent_settings';
  /** `reviewed`: an agent is made by a request that somebody else approves, and in no other way. */
  readonly admission: 'direct' | 'reviewed';
  readonly request_hours: number;
  readonly dormant_days: number;
  readonly suspend_dormant: boolean;
  readonly warn_days: number;
  readonly author: string | null;
  readonly updated_at: number | null;
}

export interface AgentVersion {
  readonly object: 'agent_version';
  readonly agent: string;
  readonly agent_id: string;
  readonly version: number;
  readonly attributes: AgentAttributes;
  /** Of the RFC 8785 form of the attributes. */
  readonly sha256: string;
  readonly author: string;
  readonly created: number;
}

/** Who gave an agent what, when, and on whose word, as at an instant. `event`: the record that says so; null: there is none. */
export interface Authority {
  readonly object: 'authority';
  readonly agent: string;
  readonly agent_id: string;
  /** ISO 8601. */
  readonly at: string;
  /** False: the agent had not been made by then, and all else is empty. */
  readonly exists: boolean;
  readonly summary: string;
  readonly admission: {
    readonly request: string;
    readonly reason: string;
    readonly requested_by: string;
    readonly requested_at: number;
    readonly requested_event: string | null;
    readonly approved_by: string;
    readonly approved_at: number;
    readonly approval_reason: string;
    readonly approved_event: string | null;
  } | null;
  readonly created: { readonly at: number; readonly by: string; readonly event: string | null } | null;
  readonly first_credential_at: number | null;
  readonly first_action_at: number | null;
  readonly owner: {
    readonly owner: string;
    readonly since: number;
    readonly given_by: string;
    readonly reason: string;
    readonly accepted_at: number | null;
    readonly event: string | null;
  } | null;
  readonly roles: readonly {
    readonly role: string;
    readonly granted_by: string;
    readonly granted_at: number;
    readonly event: string | null;
    readonly removed_by: string | null;
    /** After the instant that was asked about. */
    readonly removed_at: number | null;
    /** Of the role, as it was in force. */
    readonly revision: {
      readonly revision: number;
      readonly author: string;
      readonly at: number;
      readonly sha256: string;
      readonly allow: readonly string[];
      readonly guards: number;
      readonly event: string | null;
    } | null;
  }[];
  readonly version: {
    readonly version: number;
    readonly attributes: AgentAttributes;
    readonly sha256: string;
    readonly author: string;
    readonly at: number;
    readonly event: string | null;
  } | null;
  readonly credentials: readonly {
    readonly kind: string;
    readonly id: string;
    readonly name: string;
    readonly role: string | null;
    readonly created_by: string;
    readonly created_at: number;
    readonly expires_at: number | null;
    readonly ended_at: number | null;
    readonly event: string | null;
  }[];
  readonly deputies: readonly { readonly name: string; readonly added_by: string; readonly added_at: number }[];
  readonly quarantines: readonly {
    readonly id: string;
    readonly role: string | null;
    readonly reason: string;
    readonly actor: string;
    readonly since: number;
    readonly event: string | null;
  }[];
  readonly stops: readonly {
    readonly id: string;
    readonly scope: string;
    readonly target: string;
    readonly reason: string;
    readonly actor: string;
    readonly ordered_at: number;
    readonly event: string | null;
  }[];
  /** What is not known, in words. */
  readonly no_record: readonly string[];
}

export type UnregisteredKind = 'token' | 'retired_token' | 'agent' | 'workload';

/** Who tried to act and is no agent here. */
export interface UnregisteredIdentity {
  readonly id: string;
  readonly object: 'unregistered_identity';
  readonly kind: UnregisteredKind;
  /** Masked; `*`: the many without a row of their own. */
  readonly identity: string;
  /** Address; `*`: several. */
  readonly source: string;
  /** Whose token it was. */
  readonly agent: string | null;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly count: number;
  readonly dismissed: { readonly at: number; readonly by: string; readonly reason: string } | null;
}

export type IssuerKind = 'github' | 'kubernetes' | 'spiffe' | 'oidc';

/** What an agent proves itself with. */
export interface Credential {
  readonly id: string;
  readonly object: 'credential';
  readonly kind: 'token' | 'key' | 'federation' | 'connection';
  readonly agent: string;
  readonly agent_id: string;
  readonly name: string;
  /** The one role that it is narrowed to. */
  readonly role: string | null;
  readonly status: 'live' | 'expired' | 'revoked';
  /** Whether its access tokens must be bound to a key of the client; null of a token. */
  readonly dpop: 'optional' | 'required' | null;
  readonly key: { readonly thumbprint: string; readonly algorithm: string } | null;
  readonly federation: {
    readonly issuer_id: string;
    readonly issuer_name: string;
    readonly issuer: string;
    readonly kind: IssuerKind;
    readonly claims: JsonObject;
  } | null;
  /** Of a client that has signed in through a browser. */
  readonly connection: {
    readonly client_id: string;
    readonly client_name: string;
    /** Null: an administrator has registered it. */
    readonly client_host: string | null;
    readonly person: string;
    readonly resource: string;
    readonly entrances: readonly string[];
  } | null;
  readonly last4: string | null;
  readonly created: number;
  readonly created_by: string;
  readonly expires_at: number;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
  readonly revoked_by: string | null;
}

/** What a client asks of the person whom it has sent here. */
export interface ConnectionRequest {
  readonly id: string;
  readonly object: 'connection_request';
  readonly client_id: string;
  /** As it calls itself. */
  readonly client_name: string;
  /** Who vouches for the name; null: an administrator here. */
  readonly client_host: string | null;
  readonly redirect_host: string;
  readonly redirect_uri: string;
  readonly redirect_kind: 'public' | 'local' | 'private' | 'app';
  readonly resource: string;
  readonly entrances: readonly string[];
  readonly person: string;
  readonly agents: readonly { readonly id: string; readonly name: string; readonly roles: readonly string[] }[];
}

export type { BrowserSignInSettings, OAuthClient } from '@hivekey/sdk';

/** Who vouches for workloads. */
export interface WorkloadIssuer {
  readonly id: string;
  readonly object: 'workload_issuer';
  readonly name: string;
  readonly kind: IssuerKind;
  /** `iss`; of SPIFFE the trust domain. */
  readonly issuer: string;
  readonly jwks_url: string | null;
  /** Of keys that were pasted. */
  readonly key_ids: readonly string[] | null;
  /** What its tokens must be for. */
  readonly audience: string;
  /** Live federation rules that refer to it. */
  readonly rules: number;
  readonly status: 'active' | 'removed';
  readonly created: number;
  readonly created_by: string;
  readonly removed_at: number | null;
  readonly removed_by: string | null;
}
