/** Refusals of the OAuth endpoints, in the words of the RFCs. */
import type { AgentId, WorkspaceId } from '../ids.ts';

/** RFC 6749 section 5.2, RFC 7009 section 2.2.1, RFC 8707 section 2, RFC 9449 sections 5 and 8. */
export type OAuthError = (typeof ERRORS)[number];

const ERRORS = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_token_type',
  'unsupported_response_type',
  'invalid_scope',
  'invalid_target',
  'invalid_dpop_proof',
  'use_dpop_nonce',
] as const;

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

/** A refusal as oidc-provider words it. Throws where it is none. */
export function oauthErrorOf(answer: unknown): OAuthRefusal {
  if (typeof answer === 'object' && answer !== null && 'error' in answer) {
    const code = answer.error === 'invalid_client_metadata' ? 'invalid_client' : answer.error;
    const error = ERRORS.find((each) => each === code);
    const description = 'error_description' in answer ? String(answer.error_description) : '';
    if (error !== undefined) return new OAuthRefusal(error, description);
  }
  throw new Error(`oidc-provider answered ${JSON.stringify(answer)}`);
}
