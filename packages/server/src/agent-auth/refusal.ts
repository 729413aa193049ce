/** Refusals of the OAuth endpoints, in the words of the RFCs. */
import type { AgentId, WorkspaceId } from '../ids.ts';

/** RFC 6749 section 5.2, RFC 7009 section 2.2.1, RFC 8707 section 2, RFC 9449 sections 5 and 8. */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_token_type'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce';

/** Whose refusal it is, where that is known: then it stands on the log. */
export interface RefusedAgent {
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly agent: string;
  readonly owner: string;
  readonly credentialId?: string;
}

export class OAuthRefusal extends Error {
  readonly error: OAuthError;
  readonly status: number;
  readonly agent: RefusedAgent | undefined;

  /** The description reaches the caller: ASCII, and nothing that it does not know. */
  constructor(error: OAuthError, description: string, agent?: RefusedAgent) {
    super(description);
    this.error = error;
    this.status = error === 'invalid_client' ? 401 : 400;
    this.agent = agent;
  }

  of(agent: RefusedAgent): OAuthRefusal {
    return new OAuthRefusal(this.error, this.message, agent);
  }
}
