/** Shapes of the API, as docs/reference/api.md lists them. Times are epoch seconds unless they end in ISO 8601. */

export type Verdict = 'allow' | 'deny' | 'review';
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface List<T> {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

export interface Agent {
  readonly id: string;
  readonly object: 'agent';
  readonly name: string;
  readonly role: string;
  readonly roles: readonly string[];
  readonly owner: string;
  readonly owner_label?: string | null;
  /** Who stands in for the owner: e-mails of people, and groups. */
  readonly deputies: readonly string[];
  readonly status: 'active' | 'suspended' | 'revoked';
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly risk_tier: 'low' | 'medium' | 'high' | 'critical' | null;
  /** Who asked for it and who let it in; null: it was created directly. */
  readonly admission: {
    readonly request: string;
    readonly requested_by: string;
    readonly requested_at: number;
    readonly approved_by: string;
    readonly approved_at: number;
  } | null;
  readonly first_credential_at: number | null;
  /** After its first credential, a little after it is on the log. */
  readonly first_action_at: number | null;
  /** From then on it does nothing. */
  readonly valid_until: number | null;
  readonly dormant_since: number | null;
  /** Of what it is made of; 0: nothing was declared. */
  readonly version: number;
  readonly attributes: AgentAttributes;
  readonly attention: readonly ('dormant' | 'never_used' | 'expiring' | 'expired' | 'no_credential' | 'orphan')[];
  readonly created: number;
  readonly created_by: string;
  readonly last_action_at: number | null;
  readonly stopped_reason: string | null;
  /** It reads on and does nothing else until this ends; `roles` are what it wears then. */
  readonly quarantine: {
    readonly id: string;
    readonly role: string | null;
    readonly reason: string;
    readonly since: number;
    readonly until: number | null;
  } | null;
}

/** What an agent is made of, as declared. */
export interface AgentAttributes {
  readonly model?: string | undefined;
  readonly prompt_version?: string | undefined;
  readonly prompt_sha256?: string | undefined;
  readonly tools?: readonly string[] | undefined;
  readonly framework?: string | undefined;
  readonly repository?: string | undefined;
  readonly deployment?: string | undefined;
}

export interface AgentVersion {
  readonly object: 'agent_version';
  readonly agent: string;
  readonly agent_id: string;
  readonly version: number;
  readonly attributes: AgentAttributes;
  readonly sha256: string;
  readonly author: string;
  readonly created: number;
  /** Attribute → before and after. */
  readonly changes: Readonly<Record<string, readonly [unknown, unknown]>>;
}

export interface AgentRequest {
  readonly id: string;
  readonly object: 'agent_request';
  readonly status: 'requested' | 'approved' | 'denied' | 'withdrawn' | 'expired';
  readonly name: string;
  readonly owner: string;
  readonly roles: readonly string[];
  readonly deputies: readonly string[];
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly risk_tier: Agent['risk_tier'];
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

/** Who gave an agent what, as at an instant. `event` is the record that says so; null: no record. */
export interface AgentAuthority {
  readonly object: 'authority';
  readonly agent: string;
  readonly agent_id: string;
  /** ISO 8601. */
  readonly at: string;
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
    /** Later than the instant. */
    readonly removed_at: number | null;
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
    readonly kind: 'token' | 'key' | 'federation' | 'connection';
    readonly id: string;
    readonly name: string;
    readonly role: string | null;
    readonly created_by: string;
    readonly created_at: number;
    readonly expires_at: number;
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

/** Somebody who tried to act and is no agent here. Never a credential. */
export interface UnregisteredIdentity {
  readonly id: string;
  readonly object: 'unregistered_identity';
  readonly kind: 'token' | 'retired_token' | 'agent' | 'workload';
  /** Masked; `*`: the many without a row of their own. */
  readonly identity: string;
  readonly source: string;
  readonly agent: string | null;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly count: number;
  readonly dismissed: { readonly at: number; readonly by: string; readonly reason: string } | null;
}

export interface VisibleTool {
  readonly name: string;
  readonly capability: string;
  readonly kind: string;
  readonly namespace: string | null;
  readonly access: 'read' | 'write';
  readonly description: string;
  readonly pin: string | null;
  readonly guards: readonly string[];
}

export interface Person {
  readonly id: string;
  readonly object: 'person';
  readonly email: string;
  readonly display_name: string;
  readonly label: string | null;
  readonly active: boolean;
  /** IANA name; null: that of the workspace. */
  readonly time_zone: string | null;
  /** The account with which the person decides in Slack. */
  readonly slack: { readonly team: string; readonly user: string } | null;
  readonly groups: readonly string[];
  /** What the person may approve; null: anything. */
  readonly authority:
    | readonly { readonly capability: string; readonly max?: Readonly<Record<string, number>> }[]
    | null;
  /** Roles in the workspace: those given to the person, and with those of the groups. */
  readonly roles: readonly string[];
  readonly effective_roles: readonly string[];
  /** An account for emergencies, which signs in with a passkey alone. */
  readonly break_glass: boolean;
  /** Added by an administrator, by the first sign-in, or by a directory that decides about the person. */
  readonly source: 'hand' | 'sign_in' | 'directory';
  /** The SCIM connection that provides the person; null for one kept by hand. */
  readonly directory: string | null;
  readonly user_name: string;
  readonly external_id: string | null;
  /** E-mail of the manager, as the directory says. */
  readonly manager: string | null;
  /** When the directory deleted the person. */
  readonly deleted_at: number | null;
  readonly agents: number;
  readonly created: number;
}

/** A link with which a person signs in for the first time. */
export interface Invitation {
  readonly id: string;
  readonly object: 'invitation';
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

/** A decision that a person signed with a passkey; binary members in base64url. */
export interface SignedDecision {
  readonly id: string;
  readonly object: 'signed_decision';
  readonly kind: string;
  readonly subject: string;
  readonly person: string;
  readonly passkey: string;
  /** The canonical text that was signed. */
  readonly decision: string;
  readonly nonce: string;
  readonly client_data: string;
  readonly authenticator_data: string;
  readonly signature: string;
  /** A JWK. */
  readonly public_key: Readonly<Record<string, unknown>>;
  readonly cose_key: string;
  readonly origin: string;
  readonly rp_id: string;
  readonly signed_at: number;
}

export interface Group {
  readonly object: 'group';
  /** As policies, roles and people name it. */
  readonly name: string;
  /** Null for a group kept by hand. */
  readonly id: string | null;
  readonly display_name: string;
  readonly source: 'directory' | 'hand';
  readonly connection: string | null;
  readonly external_id: string | null;
  readonly members: number;
  readonly roles: readonly string[];
  readonly updated_at: number | null;
}

export interface ScimTraffic {
  readonly reads: number;
  readonly writes: number;
  readonly refused: number;
}

export interface ScimConnection {
  readonly id: string;
  readonly object: 'scim_connection';
  readonly name: string;
  /** What the directory is given as its tenant or base URL. */
  readonly base_url: string;
  readonly status: 'live' | 'expired' | 'revoked';
  readonly scopes: readonly ('users' | 'groups' | 'agents')[];
  readonly agent_owner: string | null;
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
  readonly last_error: {
    readonly status: number;
    readonly scim_type: string | null;
    readonly detail: string;
    readonly request: string;
    readonly at: number;
  } | null;
  readonly last_day: Readonly<Record<'users' | 'groups' | 'agents' | 'other', ScimTraffic>>;
  readonly created: number;
  readonly created_by: string;
  readonly revoked_at: number | null;
  /** Only in the answer that made it. */
  readonly token?: string;
}

export type ApprovalStatus =
  | 'pending'
  | 'approved'
  | 'released'
  | 'finished'
  | 'unknown'
  | 'denied'
  | 'expired'
  | 'cancelled'
  | 'stopped';

export interface ApprovalDecision {
  readonly person: string;
  /** Whose say it was, where a delegate decided. */
  readonly on_behalf_of: string | null;
  readonly decision: 'approve' | 'deny';
  readonly reason: string;
  readonly groups: readonly string[];
  readonly key: string;
  readonly key_id: string;
  readonly channel: 'api' | 'cli' | 'console' | 'slack';
  readonly authenticated_at: number;
  readonly decided_at: number;
  readonly bulk: number | null;
  readonly event_id: string;
}

export interface Approval {
  readonly id: string;
  readonly object: 'approval';
  readonly status: ApprovalStatus;
  readonly agent: string;
  readonly agent_id: string;
  readonly owner: string;
  readonly entrance: string;
  readonly action: string;
  readonly tool: string;
  readonly namespace: string | null;
  readonly access: 'read' | 'write' | null;
  readonly destructive: boolean | null;
  readonly impact: Readonly<Record<string, number>>;
  readonly reason: string;
  readonly rule: string | null;
  readonly requirement: { readonly people: number; readonly groups: readonly string[] };
  /** Who must still approve. */
  readonly missing: { readonly people: number; readonly groups: readonly string[] };
  readonly decisions: readonly ApprovalDecision[];
  readonly hash: string;
  readonly event_id: string;
  readonly requested_at: number;
  readonly expires_at: number;
  readonly decided_at: number | null;
  readonly released_at: number | null;
  readonly call_event_id: string | null;
  readonly outcome: 'success' | 'error' | 'unknown' | 'not_attempted' | null;
  readonly error_code: string | null;
  readonly stop_code: string | null;
  readonly ended_reason: string | null;
  readonly ended_at: number | null;
}

/** `why_not`: the code with which an approval of this person is refused. */
interface MayDecide {
  readonly may: boolean;
  readonly why_not: string | null;
}

/** With all that a decider needs. */
export interface FullApproval extends Approval {
  /** What is asked, with all arguments but those that the schema calls sensitive. */
  readonly view: Readonly<Record<string, unknown>>;
  /** `hash` is over its RFC 8785 form. */
  readonly binding: Readonly<Record<string, unknown>>;
  /** `on_behalf_of`: for whom, where the person is a delegate. */
  readonly deciders: readonly (MayDecide & { readonly person: string; readonly on_behalf_of: string | null })[];
  /** With those for whom you may decide. */
  readonly you: MayDecide & {
    readonly person: string | null;
    readonly on_behalf_of: readonly (MayDecide & { readonly person: string })[];
  };
  /** People were told that it still waits. */
  readonly told: readonly { readonly kind: 'reminded' | 'escalated'; readonly at: number; readonly event_id: string }[];
  readonly history: {
    readonly approvals: readonly Pick<Approval, 'id' | 'status' | 'impact' | 'outcome' | 'requested_at'>[];
    readonly calls: readonly {
      readonly event_id: string;
      readonly ts: string;
      readonly verdict: Verdict;
      readonly outcome: string | null;
      readonly reason: string;
    }[];
    /** Calls to the same payee by any agent; null when the call names none. */
    readonly payee: {
      readonly payees: readonly string[];
      readonly calls: readonly {
        readonly event_id: string;
        readonly ts: string;
        readonly agent: string;
        readonly verdict: Verdict;
        readonly outcome: string | null;
        readonly impact: Readonly<Record<string, number>>;
      }[];
      readonly looked_at: number;
      /** False: there may be others, older ones that were not looked at or ones whose payees the log holds shortened or masked. */
      readonly complete: boolean;
    } | null;
  };
}

/** An agent is offered to another owner, who says yes or no. */
export interface OwnershipTransfer {
  readonly id: string;
  readonly object: 'ownership_transfer';
  readonly agent: string;
  readonly agent_id: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly status: 'proposed' | 'accepted' | 'declined' | 'withdrawn' | 'lapsed';
  /** The open task that waits for the agent. */
  readonly task: string | null;
  readonly proposed_by: string;
  readonly proposed_at: number;
  readonly answer_by: number;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
  readonly end_reason: string | null;
}

export interface Ownership {
  readonly object: 'ownership';
  readonly agent: string;
  readonly agent_id: string;
  readonly owner: string;
  readonly owner_active: boolean;
  /** Null: nobody asked the owner. */
  readonly accepted_at: number | null;
  /** `active`: there is an active person behind it. */
  readonly deputies: readonly { readonly name: string; readonly kind: 'person' | 'group'; readonly active: boolean }[];
  readonly transfer: OwnershipTransfer | null;
  /** Newest first. */
  readonly history: readonly {
    readonly from: string | null;
    readonly to: string;
    readonly at: number;
    readonly actor: string;
    readonly reason: string;
    readonly accepted_at: number | null;
    readonly transfer: string | null;
  }[];
}

/** What somebody who left has left behind. */
export interface TransferTask {
  readonly id: string;
  readonly object: 'transfer_task';
  readonly person: string;
  readonly person_id: string;
  /** The person is back; their agents are not, until somebody decides. */
  readonly person_active: boolean;
  readonly cause: 'administrator' | 'scim';
  readonly actor: string;
  readonly status: 'open' | 'done' | 'expired' | 'superseded';
  readonly agents_total: number;
  readonly agents_waiting: number;
  readonly opened_at: number;
  /** Agents that wait for an owner then are revoked. */
  readonly due_at: number;
  readonly reminded_at: number | null;
  readonly escalated_at: number | null;
  readonly closed_at: number | null;
  /** From the order to the first refusal. */
  readonly first_refusal_ms: number | null;
}

export interface FullTransferTask extends TransferTask {
  readonly agents: readonly {
    readonly agent: string;
    readonly agent_id: string;
    /** Now, as the owner. */
    readonly status: Agent['status'];
    readonly owner: string;
    readonly status_before: Agent['status'];
    readonly tokens_ended: number;
    readonly deputies: readonly string[];
    readonly transfer: { readonly id: string; readonly to: string; readonly answer_by: number } | null;
    /** Null: it waits. */
    readonly outcome: 'accepted' | 'given' | 'kept' | 'retired' | 'superseded' | null;
    readonly ended_at: number | null;
  }[];
  /** Times ISO 8601 with milliseconds. */
  readonly receipt: {
    readonly ordered_at: string | null;
    readonly committed_at: string | null;
    readonly effective_at: string | null;
    readonly first_refusal_ms: number | null;
    readonly calls: readonly {
      readonly event_id: string;
      readonly agent: string;
      readonly capability: string;
      readonly fate: 'aborted_before_upstream' | 'unknown' | 'finished';
    }[];
    readonly sessions_closed: number;
    readonly nodes: readonly { readonly node: string; readonly effective_at: string | null }[];
    readonly event_id: string;
  };
}

/** An agent without an active owner, or of whose deputies nobody is left. */
export interface Orphan {
  readonly object: 'orphan';
  readonly agent: string;
  readonly agent_id: string;
  readonly status: Agent['status'];
  readonly owner: string;
  readonly why: 'owner_inactive' | 'deputies_gone';
  readonly since: number | null;
  readonly task: string | null;
}

export interface OwnershipSettings {
  readonly object: 'ownership_settings';
  readonly acceptance_required: boolean;
  readonly transfer_hours: number;
  readonly remind_after_hours: number;
  readonly escalate_after_hours: number;
  readonly escalate_to: readonly string[];
  readonly author: string | null;
  readonly updated_at: number | null;
}

/** Somebody decides about held calls for somebody else, for a time. */
export interface Delegation {
  readonly id: string;
  readonly object: 'delegation';
  readonly status: 'to_come' | 'in_force' | 'over';
  readonly from: string;
  readonly to: string;
  /** Null: all. */
  readonly capabilities: readonly string[] | null;
  readonly reason: string;
  readonly starts_at: number;
  readonly ends_at: number;
  readonly created: number;
  readonly created_by: string;
  /** When it was ended before its time. */
  readonly ended_at: number | null;
  readonly ended_by: string | null;
  readonly ended_reason: string | null;
}

/** Who is told when that a held call of these capabilities still waits. */
export interface ReminderRule {
  readonly capability: string;
  readonly remind_after_seconds: number | null;
  readonly escalate: { readonly after_seconds: number; readonly to: readonly string[] } | null;
}

interface ChannelState {
  readonly object: 'channel';
  readonly waiting: number;
  /** Messages that were given up. */
  readonly failed: number;
  readonly last_error: string | null;
  readonly delivered_at: number | null;
  readonly updated_at: number;
  readonly updated_by: string;
}

/** Where people are told of held calls. Credentials are references. */
export type Channel =
  | (ChannelState & {
      readonly channel: 'slack';
      readonly team: string;
      readonly settings: {
        readonly bot_token_ref: string;
        readonly signing_secret_ref: string;
        readonly channel: string;
        readonly group_channels: Readonly<Record<string, string>>;
        readonly api_url: string;
      };
    })
  | (ChannelState & {
      readonly channel: 'email';
      readonly settings: {
        readonly host: string;
        readonly port: number;
        readonly security: 'starttls' | 'tls' | 'none';
        readonly username: string | null;
        readonly password_ref: string | null;
        readonly from: string;
      };
    });

export interface ChannelMessage {
  readonly id: string;
  readonly object: 'channel_message';
  readonly channel: 'slack' | 'email';
  readonly purpose: 'request' | 'reminder' | 'escalation' | 'delegation' | 'transfer';
  readonly destination: string;
  readonly approval: string | null;
  readonly event_id: string;
  readonly status: 'waiting' | 'delivered' | 'dropped' | 'failed';
  readonly failures: number;
  readonly last_error: string | null;
  readonly retry_at: number | null;
  readonly delivered_at: number | null;
  readonly created: number;
}

export interface ChannelTest {
  readonly object: 'channel_test';
  readonly channel: 'slack' | 'email';
  readonly delivered: boolean;
  readonly error: string | null;
}

/** How an agent proves itself. */
export interface Credential {
  readonly id: string;
  readonly object: 'credential';
  readonly kind: 'token' | 'key' | 'federation' | 'connection';
  readonly agent: string;
  readonly agent_id: string;
  readonly name: string;
  readonly role: string | null;
  readonly status: 'live' | 'expired' | 'revoked';
  /** Null: of a token. */
  readonly dpop: 'optional' | 'required' | null;
  readonly key: {
    readonly thumbprint: string;
    readonly algorithm: string;
    readonly jwk: Readonly<Record<string, unknown>>;
  } | null;
  readonly federation: {
    readonly issuer_id: string;
    readonly issuer_name: string;
    readonly issuer: string;
    readonly kind: WorkloadIssuer['kind'];
    readonly claims: Readonly<Record<string, unknown>>;
  } | null;
  /** Of a client that has signed in through a browser. */
  readonly connection: {
    readonly client_id: string;
    readonly client_name: string;
    /** Null: an administrator has registered it. */
    readonly client_host: string | null;
    /** Who said yes. */
    readonly person: string;
    /** Path of the resource; empty: all of them. */
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

/** Whether agents sign in through a browser, and with which clients. */
export interface BrowserSignInSettings {
  readonly object: 'browser_sign_in_settings';
  readonly enabled: boolean;
  /** Of metadata documents of clients; empty: any. */
  readonly client_hosts: readonly string[];
  readonly author: string | null;
  readonly updated_at: number | null;
}

/** A client that an administrator has registered. */
export interface OAuthClient {
  readonly id: string;
  readonly object: 'oauth_client';
  readonly name: string;
  readonly redirect_uris: readonly string[];
  /** Live ones. */
  readonly connections: number;
  readonly status: 'active' | 'removed';
  readonly created: number;
  readonly created_by: string;
  readonly removed_at: number | null;
  readonly removed_by: string | null;
}

/** Who vouches for workloads. */
export interface WorkloadIssuer {
  readonly id: string;
  readonly object: 'workload_issuer';
  readonly name: string;
  readonly kind: 'github' | 'kubernetes' | 'spiffe' | 'oidc';
  readonly issuer: string;
  readonly jwks_url: string | null;
  /** Of pasted keys. */
  readonly key_ids: readonly string[] | null;
  /** What its tokens must be for. */
  readonly audience: string;
  readonly rules: number;
  readonly status: 'active' | 'removed';
  readonly created: number;
  readonly created_by: string;
  readonly removed_at: number | null;
  readonly removed_by: string | null;
}

export interface Token {
  readonly id: string;
  readonly object: 'token';
  readonly agent: string;
  readonly agent_id: string;
  readonly name: string;
  readonly role: string | null;
  readonly last4: string;
  readonly status: 'live' | 'expired' | 'revoked';
  readonly created: number;
  readonly created_by: string;
  readonly expires_at: number;
  readonly last_used_at: number | null;
  readonly replaced_by: string | null;
  /** Only in the answer that made it. */
  readonly token?: string;
}

export interface Key {
  readonly id: string;
  readonly object: 'key';
  readonly name: string;
  /** E-mail of the person it belongs to; only such a key decides about approvals. */
  readonly person: string | null;
  readonly last4: string;
  readonly status: 'live' | 'expired' | 'revoked';
  readonly created: number;
  readonly created_by: string;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly replaced_by: string | null;
  /** Only in the answer that made it. */
  readonly key?: string;
}

export interface Guard {
  readonly id: string;
  readonly action: string;
  readonly when: JsonObject;
  readonly effect: Verdict;
  readonly otherwise: Verdict;
  /** Who must approve what it holds; null: one person, within the hour. */
  readonly approval: GuardApproval | null;
  readonly mode: 'enforce' | 'shadow';
  readonly sentence: string;
}

export interface GuardApproval {
  readonly people?: number;
  readonly groups?: readonly string[];
  readonly within?: string;
}

export interface Role {
  readonly object: 'role';
  readonly name: string;
  readonly description: string;
  readonly revision: number;
  readonly allow: readonly string[];
  readonly guards: readonly Guard[];
  readonly agents: number;
  readonly created: number;
  readonly updated_at: number;
  readonly author: string;
  readonly document: JsonObject;
  /** In the answer of PUT. */
  readonly change?: 'created' | 'updated' | 'unchanged';
}

export interface Capability {
  readonly object: 'capability';
  readonly name: string;
  readonly description: string;
  readonly access: 'read' | 'write';
  readonly destructive: boolean;
  readonly impact: JsonObject;
  readonly input_schema: JsonObject | null;
  readonly source: 'declared' | 'discovered';
  readonly roles: readonly string[];
  readonly stopped: boolean;
}

export type ContainmentScope = 'agent' | 'role' | 'owner' | 'tool' | 'workspace';

/** What a stop did, and when. Times are ISO 8601 with milliseconds. */
export interface Receipt {
  readonly ordered_at: string;
  readonly committed_at: string;
  readonly effective_at: string | null;
  /** From the order to the first refusal. */
  readonly first_refusal_ms: number | null;
  readonly agents: readonly { readonly id: string; readonly name: string; readonly tokens_ended: number }[];
  readonly calls: readonly {
    readonly event_id: string;
    readonly agent: string;
    readonly capability: string;
    readonly fate: 'aborted_before_upstream' | 'unknown' | 'finished';
  }[];
  readonly sessions_closed: number;
  readonly approvals_cancelled: number;
  readonly nodes: readonly { readonly node: string; readonly effective_at: string | null }[];
  readonly event_id: string;
}

export interface Containment {
  readonly id: string;
  readonly object: 'containment';
  readonly scope: ContainmentScope;
  readonly target: string;
  readonly reason: string;
  readonly actor: string;
  readonly ordered_at: number;
  readonly effective_at: number | null;
  readonly lifted_at: number | null;
  readonly lifted_by: string | null;
  /** The proposal by which two people gave it. */
  readonly proposal: string | null;
  readonly lift_proposal: string | null;
  /** The rehearsal whose shadow agent it stopped. */
  readonly rehearsal: string | null;
  readonly receipt: Receipt;
}

/** Who may stop and lift alone. */
export interface ContainmentSettings {
  readonly object: 'containment_settings';
  readonly two_people: { readonly kill: readonly ContainmentScope[]; readonly lift: readonly ContainmentScope[] };
  readonly answer_minutes: number;
  /** A rehearsal passes when its slowest refusal came within it. */
  readonly target_ms: number;
  readonly author: string | null;
  readonly updated_at: number | null;
  /** Two people are asked for, and there are not two to be had. */
  readonly warning: string | null;
}

/** What one person has asked for and another has to confirm. */
export interface ContainmentProposal {
  readonly id: string;
  readonly object: 'containment_proposal';
  readonly kind: 'kill' | 'lift' | 'restore' | 'settings';
  readonly scope: ContainmentScope | null;
  readonly target: string;
  readonly containment: string | null;
  readonly settings: Pick<ContainmentSettings, 'two_people' | 'answer_minutes' | 'target_ms'> | null;
  readonly reason: string;
  readonly status: 'proposed' | 'confirmed' | 'withdrawn' | 'expired';
  readonly proposed_by: string;
  readonly proposed_by_person: string;
  readonly proposed_at: number;
  readonly answer_by: number;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
  readonly confirmed_by_person: string | null;
  /** The stop that was given or lifted. */
  readonly result: string | null;
  /** While a stop waits: what one person can do now. */
  readonly meanwhile: readonly string[];
}

/** The kill switch pressed on a shadow of an agent, and measured. Times ISO 8601 in `result`, epoch seconds elsewhere. */
export interface Rehearsal {
  readonly id: string;
  readonly object: 'rehearsal';
  readonly agent: string | null;
  readonly agent_id: string | null;
  readonly drill: string | null;
  readonly actor: string;
  readonly node: string;
  readonly target_ms: number;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly status: 'running' | 'passed' | 'failed';
  readonly result: {
    readonly failure: string | null;
    readonly containment: string | null;
    readonly ordered_at: string | null;
    readonly commit_ms: number | null;
    readonly first_refusal_ms: number | null;
    readonly call_aborted_ms: number | null;
    readonly session_closed_ms: number | null;
    readonly slowest_ms: number | null;
    readonly entrances: readonly {
      readonly entrance: string;
      readonly refused: boolean;
      readonly code: string | null;
      readonly ms: number | null;
    }[];
    readonly tools: readonly {
      readonly capability: string;
      /** What a call without arguments would have come to before the stop. */
      readonly before: Verdict | null;
      readonly refused: boolean;
      readonly code: string | null;
      readonly ms: number | null;
    }[];
    readonly call: { readonly event_id: string; readonly capability: string } | null;
  } | null;
}

/** Rehearsals on a schedule. */
export interface Drill {
  readonly object: 'drill';
  readonly name: string;
  /** Null: one at random. */
  readonly agent: string | null;
  readonly time_zone: string;
  readonly starts: string;
  readonly repeats: string | null;
  readonly author: string;
  readonly updated_at: number;
  readonly next_at: number | null;
  readonly overdue_seconds: number | null;
  readonly last: Rehearsal | null;
}

export interface Sources {
  readonly object: 'sources';
  readonly revision: number;
  readonly trusted: readonly string[];
  readonly untrusted: readonly string[];
  readonly unmarked: 'trusted' | 'untrusted';
  readonly author: string | null;
  readonly updated_at: number | null;
}

export interface Risk {
  readonly id: string;
  readonly object: 'risk_signal';
  readonly subject: { readonly kind: 'agent' | 'owner' | 'tool'; readonly id: string; readonly name: string };
  readonly level: 'low' | 'medium' | 'high' | 'critical';
  readonly reason: string;
  readonly source: string;
  readonly status: 'active' | 'expired' | 'cleared';
  readonly raised_at: number;
  readonly expires_at: number;
  readonly cleared_at: number | null;
  readonly cleared_by: string | null;
}

export interface RiskTransmitter {
  readonly object: 'risk_transmitter';
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  readonly jwks: JsonObject;
  readonly lasts_seconds: number;
  readonly author: string;
  readonly updated_at: number;
}

export interface FreezeOverride {
  readonly id: string;
  readonly object: 'freeze_override';
  readonly freeze: string;
  readonly status: 'requested' | 'unanswered' | 'active' | 'ended';
  readonly reason: string;
  readonly minutes: number;
  readonly requested_by: string;
  /** E-mail of whose key that is. */
  readonly requested_by_person: string | null;
  readonly requested_at: number;
  readonly answer_by: number;
  readonly approved_by: string | null;
  readonly approved_by_person: string | null;
  readonly starts_at: number | null;
  readonly ends_at: number | null;
  readonly ended_by: string | null;
}

export interface Freeze {
  readonly object: 'freeze';
  readonly name: string;
  readonly description: string;
  readonly sentence: string;
  readonly in_force: boolean;
  readonly until: number | null;
  readonly next: number | null;
  readonly override: FreezeOverride | null;
  readonly document: JsonObject;
  readonly author: string;
  readonly created: number;
  readonly updated_at: number;
  /** In the answer that applied it. */
  readonly change?: 'created' | 'updated' | 'unchanged';
}

/** A stretch of time in which a freeze is in force. Null: no beginning, no end is known. */
export interface FreezeTime {
  readonly object: 'freeze_time';
  readonly freeze: string;
  readonly starts_at: number | null;
  readonly ends_at: number | null;
}

export interface TraceStep {
  readonly rule: string;
  readonly origin: string;
  readonly sentence: string;
  readonly result: Verdict;
  readonly detail: string;
}

export interface Decision {
  readonly object: 'decision';
  readonly verdict: Verdict;
  readonly reason_class: string;
  readonly reason: string;
  readonly rule: string | null;
  readonly role: string | null;
  readonly role_revision: number | null;
  readonly trace: readonly TraceStep[];
  readonly impact: Readonly<Record<string, number>>;
  readonly policy: string;
  readonly policy_revision: number;
  readonly remaining: number | null;
  readonly retry_after_seconds: number | null;
}

/** What a decision was made by that is asked for as at an earlier policy. */
export interface DecidedAsAt {
  readonly revision: number;
  readonly hash: string;
  readonly at: number;
  readonly roles: readonly string[];
  /** What has a say live, and had none. */
  readonly left_out: readonly string[];
}

/** Answer of a dry run; `as_at` where it was asked for under an earlier policy. */
export interface EvaluatedDecision extends Decision {
  readonly as_at?: DecidedAsAt;
}

/** A content that an object under change control had, without the document in lists of objects. */
export interface ObjectVersionSummary {
  readonly object: 'object_version';
  readonly type: string;
  readonly id: string;
  readonly version: number;
  /** Null: it was removed. */
  readonly sha256: string | null;
  readonly basis: string;
  readonly change: string | null;
  readonly author: string;
  readonly authored_at: number;
  readonly activated_at: number;
  readonly event_id: string;
}

export interface ObjectVersion extends ObjectVersionSummary {
  readonly until: number | null;
  readonly document: Json;
}

export interface DriftFinding {
  readonly object: 'drift_finding';
  readonly id: string;
  readonly what: 'object' | 'version' | 'policy' | 'archive';
  readonly object_type: string;
  readonly object_id: string;
  readonly expected: string;
  readonly found: string;
  readonly holds: 'approved' | 'denied' | 'gate' | 'told';
  readonly node: string;
  readonly found_at: number;
  readonly resolved_at: number | null;
  readonly event_id: string;
}

/** What was edited past HiveKey. */
export interface Drift {
  readonly object: 'drift';
  readonly checked_at: number | null;
  readonly node: string | null;
  readonly objects: number;
  readonly took_ms: number | null;
  readonly found: readonly DriftFinding[];
  readonly resolved: readonly DriftFinding[];
}

/** A record of the log with its place and hashes. */
export interface AuditEvent {
  readonly seq: number;
  readonly event_id: string;
  readonly kind: string;
  readonly ts: string;
  readonly outcome: string | null;
  readonly entry_hash: string;
  readonly prev_hash: string;
  readonly hash: string;
  readonly agent?: string;
  readonly owner?: string;
  readonly action?: string;
  readonly verdict?: Verdict;
  readonly reason?: string;
  readonly reason_class?: string;
  readonly [field: string]: unknown;
}

export interface Permit {
  readonly object: 'action';
  readonly id: string;
  readonly verdict: 'allow';
  readonly permit: { readonly id: string; readonly expires_at: number };
  readonly decision: Decision;
}

export interface HeldAction {
  readonly object: 'action';
  readonly id: string;
  readonly verdict: 'review';
  readonly approval: ApprovalTicket;
  readonly decision: Decision;
}

/** `url`: where the agent looks what became of it; `console_url`: where people decide. */
export interface ApprovalTicket {
  readonly id: string;
  readonly status: string;
  readonly expires_at: number;
  readonly url: string;
  readonly console_url: string;
}

/** A window that somebody is under, and how full it is. Amounts in minor units for money. */
export interface Budget {
  readonly object: 'budget';
  readonly rule: string;
  readonly origin: string;
  readonly sentence: string;
  /** The calls it bounds: a capability, `crm.*`, or `*`. */
  readonly action: string;
  readonly scope: 'agent' | 'role' | 'owner' | 'workspace';
  readonly subject: string;
  readonly per: { readonly by: string; readonly value: string } | null;
  readonly kind: 'sum' | 'count';
  readonly unit: string | null;
  readonly over: readonly string[];
  /** Counts only what no person had approved. */
  readonly unattended: boolean;
  readonly window_seconds: number;
  readonly limit: number;
  readonly used: number;
  readonly left: number;
  readonly frees_in_seconds: number | null;
  readonly otherwise: Verdict;
}

export interface Quarantine {
  readonly id: string;
  readonly object: 'quarantine';
  readonly agent: string;
  readonly agent_id: string;
  readonly roles: readonly string[];
  readonly role: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly entered_at: number;
  readonly until: number | null;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
  readonly end_reason: string | null;
  readonly event_id: string;
}

export interface Breaker {
  readonly object: 'breaker';
  readonly name: string;
  readonly signal: 'denials' | 'errors' | 'probes' | 'spend';
  readonly threshold: number;
  readonly window_seconds: number;
  readonly min_calls: number;
  readonly unit?: string;
  readonly roles?: readonly string[];
  readonly role?: string;
  readonly action: 'quarantine' | 'kill';
  readonly exit: 'automatic' | 'reviewed';
  readonly cooldown_seconds: number;
  readonly trial_calls: number;
  readonly author: string;
  readonly updated_at: number;
  readonly agents: readonly {
    readonly agent: string;
    readonly agent_id: string;
    readonly state: 'open' | 'half_open' | 'closed';
    readonly since: number;
    readonly trips: number;
    readonly response: string | null;
  }[];
}

/** How a credential reaches its upstream; `env` is for stdio servers. */
export type Injection =
  | { readonly header: string; readonly format: string }
  | { readonly query: string }
  | { readonly basic: { readonly username?: string } }
  | {
      readonly oauth: {
        readonly token_url: string;
        readonly client_id: string;
        readonly method: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';
        readonly scope?: string;
        readonly audience?: string;
        readonly resource?: string;
        readonly key_id?: string;
      };
    }
  | { readonly env: string };

/** A stored upstream credential, `vault://<name>`; never its value. Times are epoch seconds. */
export interface StoredSecret {
  readonly object: 'secret';
  readonly name: string;
  /** The current one; 0 while there is only a staged one. */
  readonly version: number;
  readonly last4: string;
  readonly created: number;
  readonly created_by: string;
  readonly expires: number | null;
  readonly expiry: 'none' | 'ok' | 'soon' | 'past';
  readonly last_used: number | null;
  readonly versions: readonly {
    readonly version: number;
    readonly state: 'staged' | 'current' | 'previous' | 'retired';
    readonly last4: string;
    readonly created: number;
    readonly created_by: string;
    readonly expires: number | null;
    readonly retires: number | null;
    readonly key: string;
  }[];
  readonly used_by: readonly {
    readonly kind: 'mcp_server' | 'http_api' | 'channel' | 'sink';
    readonly id: string;
    readonly name: string;
    readonly status: string;
  }[];
  /** Who can reach it; only where one is read. */
  readonly agents?: readonly {
    readonly id: string;
    readonly name: string;
    readonly status: string;
    readonly capabilities: readonly string[];
    readonly last_call: number | null;
  }[];
}

export interface SecretTest {
  readonly object: 'secret_test';
  readonly name: string;
  readonly version: number;
  readonly opened: boolean;
  readonly error: string | null;
  readonly connections: readonly {
    readonly kind: 'mcp_server' | 'http_api' | 'channel' | 'sink';
    readonly name: string;
    readonly state: 'ok' | 'failed' | 'not_tried';
    readonly error: string | null;
  }[];
}

/** What stored credentials are wrapped under, and how far the newest rewrap is. */
export interface EncryptionKeys {
  readonly object: 'encryption_keys';
  readonly current: string;
  readonly keys: readonly {
    readonly reference: string;
    readonly state: 'current' | 'retiring' | 'retired';
    readonly versions: number;
    readonly set: number | null;
    readonly set_by: string | null;
  }[];
  readonly rewrap: {
    readonly id: string;
    readonly key: string;
    readonly state: 'running' | 'done' | 'failed';
    readonly total: number;
    readonly done: number;
    readonly failed: number;
    readonly last_error: string | null;
    readonly started: number;
    readonly started_by: string;
    readonly finished: number | null;
  } | null;
}

/** A REST API behind the gateway, at `base_path`. */
export interface HttpApi {
  readonly id: string;
  readonly object: 'http_api';
  readonly namespace: string;
  readonly endpoint: string;
  readonly base_path: string;
  readonly credential_ref: string | null;
  readonly injection: Injection | null;
  readonly default_access: 'read-only' | 'read-write' | 'none';
  readonly allow_private: boolean;
  readonly max_request_bytes: number;
  readonly max_response_bytes: number;
  readonly timeout_seconds: number;
  /** Who holds the credential: the gateway alone, agents for `lease_seconds` at most, or agents may. */
  readonly custody: 'injected' | 'leased' | 'external';
  readonly lease_seconds: number | null;
  /** Error code with which the authorization server refuses HiveKey's client. */
  readonly credential_error: string | null;
  readonly credential_error_at: number | null;
  readonly status: 'active' | 'disabled';
  readonly document: {
    readonly pin: string;
    readonly title: string;
    readonly version: string;
    readonly openapi: string;
    readonly imported: number;
  } | null;
  readonly operations: Readonly<Record<HttpOperation['status'], number>>;
  readonly created: number;
  readonly created_by: string;
}

/** An operation of an OpenAPI document; a capability once it is live. */
export interface HttpOperation {
  readonly object: 'http_operation';
  readonly capability: string;
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly access: 'read' | 'write';
  readonly status: 'live' | 'new' | 'changed' | 'off' | 'gone';
  readonly pin: string;
  readonly approved_pin: string | null;
  readonly definition: JsonObject;
  readonly approved_definition: JsonObject | null;
  readonly problem: string | null;
}

/** How near an agent is to tripping a breaker. */
export interface BreakerReading {
  readonly object: 'breaker_reading';
  readonly agent: string;
  readonly agent_id: string;
  readonly state: 'open' | 'half_open' | 'closed';
  /** What is compared with the threshold. */
  readonly value: number;
  readonly counted: number;
  /** Whether so many are counted that the value may trip it. */
  readonly is_judged: boolean;
}

/** Whom and what a stop would cover if it were ordered now. */
export interface ContainmentReach {
  readonly object: 'containment_reach';
  readonly scope: ContainmentScope;
  readonly target: string;
  readonly agents: number;
  readonly calls: number;
  readonly approvals: number;
  /** Id of the stop of exactly this that stands already. */
  readonly standing: string | null;
}

/** What a folder of policy files says against what is live. */
export interface PolicyPlan {
  readonly object: 'policy_plan';
  /** Content hash of the operations with what they are based on. */
  readonly digest: string;
  readonly operations: readonly {
    readonly type: string;
    readonly id: string;
    /** As files name it. */
    readonly name: string;
    readonly action: 'add' | 'change' | 'remove';
    readonly document: Json;
    /** Content hash of what is there now. */
    readonly base: string | null;
  }[];
  /** The difference in sentences. */
  readonly words: readonly string[];
  /** What is new and looks wrong; a change with errors is refused when it is submitted. */
  readonly findings: readonly {
    readonly level: 'error' | 'warning' | 'note';
    readonly origin: string;
    readonly message: string;
    readonly remedy: string;
  }[];
  /** Objects of the folder that are live as they are in it. */
  readonly unchanged: number;
  /** The open change that asks for exactly this. */
  readonly change: { readonly id: string; readonly name: string; readonly status: string } | null;
}

/** An object under change control, as files have it. */
export interface PolicyObject {
  readonly object: 'policy_object';
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly document: Json;
  readonly sha256: string;
}

export interface GitSource {
  readonly repository: string;
  readonly commit: string;
  /** `Dana <dana@acme.example>` */
  readonly author: string;
  readonly signature: { readonly status: 'good' | 'bad' | 'none' | 'unknown'; readonly key: string | null };
}

/** What was applied of a folder. */
export interface PolicyApplication {
  readonly object: 'policy_application';
  readonly digest: string;
  /** Null: nothing differed. */
  readonly change: string | null;
  readonly operations: number;
}

/** The last commit that was applied, and what has become of what it said. */
export interface PolicyCode {
  readonly object: 'policy_code';
  readonly repository: string | null;
  readonly commit: string | null;
  readonly author: string | null;
  readonly signature: GitSource['signature'] | null;
  readonly change: string | null;
  readonly applied_at: number | null;
  readonly applied_by: string | null;
  /** Types of objects that the folder is all of. */
  readonly owned: readonly string[];
  readonly drifted: boolean;
  readonly objects: readonly {
    readonly type: string;
    readonly id: string;
    readonly name: string;
    /** In Git; null where it is not there. */
    readonly sha256: string | null;
    /** Null: it is not there any more. */
    readonly live_sha256: string | null;
    readonly state: 'same' | 'changed_here' | 'removed_here' | 'not_in_git';
  }[];
}
