/** How agents come about, who answers for them, and their credentials, as docs/reference/api.md has it. Times are epoch seconds. */
import type { AgentAttributes, RiskTier } from './types.ts';

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
