/** The agent behind a credential, as it is when it asks for a token. */
import type { JsonObject } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { AgentId, CredentialId, TokenId, WorkspaceId } from '../ids.ts';
import type { RefusedAgent } from './refusal.ts';
import { OAuthRefusal } from './refusal.ts';

export interface Credential extends RefusedAgent {
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly credentialId: CredentialId;
  readonly kind: 'key' | 'federation';
  readonly jwk: { readonly alg: string; readonly [member: string]: unknown } | null;
  readonly thumbprint: string | null;
  readonly claims: JsonObject | null;
  readonly issuerId: string | null;
  readonly needsProof: boolean;
  readonly notAfterMs: number;
  /** What was issued before does not count. */
  readonly cutoffMs: number;
  readonly isLive: boolean;
  readonly isAgentLive: boolean;
  /** The agent's, as far as the credential is not narrower. */
  readonly roles: readonly string[];
}

const CREDENTIALS = `
SELECT c.workspace_id AS "workspaceId", c.agent_id AS "agentId", a.handle AS agent, p.email AS owner, c.id AS "credentialId", c.kind, c.jwk,
       c.thumbprint, c.claims, c.issuer_id AS "issuerId", c.dpop AS "needsProof",
       (extract(epoch FROM c.not_after) * 1000)::float8 AS "notAfterMs",
       coalesce(extract(epoch FROM s.authz_cutoff) * 1000, 0)::float8 AS "cutoffMs",
       c.revoked_at IS NULL AND c.authz_epoch = s.authz_epoch AND c.not_after > clock_timestamp() AS "isLive",
       s.status = 'active' AND p.active AND ws.status = 'active' AND coalesce(a.valid_until > clock_timestamp(), true) AS "isAgentLive",
       (SELECT coalesce(array_agg(r.role ORDER BY r.position), '{}') FROM agent_roles r
         WHERE r.workspace_id = c.workspace_id AND r.agent_id = c.agent_id AND (c.role IS NULL OR r.role = c.role)) AS roles
  FROM agent_credentials c
  JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.agent_id
  JOIN agent_state s ON s.workspace_id = c.workspace_id AND s.agent_id = c.agent_id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
  JOIN workspace_state ws ON ws.workspace_id = c.workspace_id`;

/** Keys of the agent with this id, dead ones too: an attempt with one is known. */
export async function keysOf(pool: Pool, agentId: string): Promise<readonly Credential[]> {
  const { rows } = await pool.query<Credential>({
    name: 'agent-keys',
    text: `${CREDENTIALS} WHERE c.agent_id = $1 AND c.kind = 'key' ORDER BY c.created_at DESC LIMIT 200`,
    values: [agentId],
  });
  return rows;
}

/** Rules that refer to one of the issuers. */
export async function rulesOf(pool: Pool, issuerIds: readonly string[]): Promise<readonly Credential[]> {
  const { rows } = await pool.query<Credential>({
    name: 'federation-rules',
    text: `${CREDENTIALS} WHERE c.issuer_id = ANY($1) AND c.kind = 'federation' AND c.revoked_at IS NULL`,
    values: [issuerIds],
  });
  return rows;
}

/** Throws OAuthRefusal `invalid_client` or `invalid_grant`, whichever the caller answers with. */
export function refuseDead(credential: Credential, error: 'invalid_client' | 'invalid_grant'): void {
  if (!credential.isLive)
    throw new OAuthRefusal(error, 'the credential was revoked, or has ended, or is from before a stop', credential);
  if (!credential.isAgentLive) throw new OAuthRefusal(error, 'the agent may not act now', credential);
}

/** Whom an access token is given to. */
export interface Client extends RefusedAgent {
  readonly source: { readonly credentialId: CredentialId } | { readonly tokenId: TokenId };
  readonly needsProof: boolean;
  /** A key that its proof must be made with. */
  readonly jkt?: string;
  readonly endsAtMs: number;
  readonly roles: readonly string[];
}

export function clientOf(credential: Credential): Client {
  const { workspaceId, agentId, agent, owner, credentialId, needsProof, notAfterMs, roles } = credential;
  return {
    workspaceId,
    agentId,
    agent,
    owner,
    credentialId,
    source: { credentialId },
    needsProof,
    endsAtMs: notAfterMs,
    roles,
  };
}
