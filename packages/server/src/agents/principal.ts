/** Who acts: the holder of a token, or the agent an enforcement point asks about. One indexed query of current state each. */

import type { Risk } from '@hivekey/policy';
import { quarantineMark } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { AgentId, PersonId, TokenId, WorkspaceId } from '../ids.ts';
import type { Principal } from '../path/index.ts';

/** Of an agent `a`, by the tables of `AGENT_TABLES`: what an AgentRow is made of. */
export const AGENT = `
       w.name AS workspace, w.environment, ws.status AS workspace_status,
       a.id AS agent_id, a.handle, a.version, a.valid_until, a.valid_until <= clock_timestamp() AS agent_expired, s.status, s.revision, s.authz_epoch, s.untrusted_until,
       (SELECT json_agg(json_build_object('id', x.id, 'level', x.level, 'untilMs', floor(extract(epoch FROM x.expires_at) * 1000)) ORDER BY x.id)
          FROM risk_signals x WHERE x.workspace_id = a.workspace_id AND x.cleared_at IS NULL AND x.expires_at > now()
           AND ((x.kind = 'agent' AND x.subject = a.id) OR (x.kind = 'owner' AND x.subject = a.owner_id))) AS risks,
       p.id AS owner_id, p.email, p.label, p.active AS owner_active, coalesce(p.time_zone, w.time_zone) AS time_zone, a.synthetic,
       (SELECT coalesce(array_agg(r.role ORDER BY r.position, r.role), '{}') FROM agent_roles r
         WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id) AS roles,
       (SELECT json_build_object('role', q.role) FROM quarantines q
         WHERE q.workspace_id = a.workspace_id AND q.agent_id = a.id AND q.ended_at IS NULL) AS quarantine`;

export const AGENT_TABLES = `
  JOIN workspaces w ON w.id = a.workspace_id
  JOIN workspace_state ws ON ws.workspace_id = a.workspace_id
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id`;

const BY_TOKEN = `
SELECT t.workspace_id, t.id AS token_id, t.role AS token_role, t.expires_at, t.revoked_at, t.authz_epoch AS token_epoch,
       t.expires_at <= clock_timestamp() AS expired, ${AGENT}
  FROM agent_tokens t
  JOIN agents a ON a.workspace_id = t.workspace_id AND a.id = t.agent_id ${AGENT_TABLES}
 WHERE t.lookup_hmac = $1`;

/** By id or handle. An id goes first, should a handle look like one. */
const BY_NAME = `
SELECT a.workspace_id, ${AGENT}
  FROM agents a ${AGENT_TABLES}
 WHERE a.workspace_id = $1 AND (a.id = $2 OR lower(a.handle) = lower($2))
 ORDER BY a.id = $2 DESC LIMIT 1`;

export interface AgentRow {
  workspace_id: WorkspaceId;
  workspace: string;
  environment: string;
  workspace_status: 'active' | 'stopped';
  agent_id: AgentId;
  handle: string;
  version: number;
  valid_until: Date | null;
  agent_expired: boolean | null;
  status: 'active' | 'suspended' | 'revoked';
  revision: number;
  authz_epoch: number;
  untrusted_until: Date | null;
  risks: Risk[] | null;
  owner_id: PersonId;
  email: string;
  label: string | null;
  owner_active: boolean;
  time_zone: string;
  synthetic: boolean;
  roles: string[];
  quarantine: { role: string | null } | null;
}

interface TokenRow extends AgentRow {
  token_id: TokenId;
  token_role: string | null;
  expires_at: Date;
  revoked_at: Date | null;
  token_epoch: number;
  expired: boolean;
}

export type TokenState =
  | 'live'
  | 'token_expired'
  | 'token_revoked'
  | 'agent_revoked'
  | 'agent_suspended'
  | 'agent_expired'
  | 'delegation_ended'
  | 'workspace_stopped';

export interface TokenHolder {
  readonly principal: Principal;
  /** Anything but `live` refuses; the principal then only says whose attempt to record. */
  readonly state: TokenState;
  /** Of an access token: what it is good for. */
  readonly access?: Access;
}

interface Access {
  /** As in agent-auth/wanted.ts. */
  readonly resource: string;
  readonly entrances: readonly string[];
  /** Thumbprint of the key that it is bound to. */
  readonly jkt?: string;
}

/** The credential that stands on the records, and when it ends. */
type Credential = Pick<Principal, 'tokenId' | 'tokenExpiresAtMs'>;

export function agentState(row: AgentRow): Exclude<TokenState, 'token_expired' | 'token_revoked'> {
  if (row.workspace_status === 'stopped') return 'workspace_stopped';
  if (row.status === 'revoked') return 'agent_revoked';
  if (row.agent_expired === true) return 'agent_expired';
  return row.status === 'suspended' || !row.owner_active ? 'agent_suspended' : 'live';
}

function tokenState(row: TokenRow): TokenState {
  const agent = agentState(row);
  if (agent !== 'live') return agent;
  // A token made before a stop never revives, not even after the agent is restored.
  if (row.revoked_at !== null || row.token_epoch !== row.authz_epoch) return 'token_revoked';
  return row.expired ? 'token_expired' : 'live';
}

export function principalFrom(row: AgentRow, roles: readonly string[], credential: Credential): Principal {
  return {
    workspaceId: row.workspace_id,
    workspace: row.workspace,
    environment: row.environment,
    agentId: row.agent_id,
    agent: row.handle,
    ownerId: row.owner_id,
    owner: row.email,
    ...(row.label === null ? {} : { ownerLabel: row.label }),
    timeZone: row.time_zone,
    ...(row.synthetic ? { synthetic: true as const } : {}),
    roles: rolesUnder(row.quarantine, roles),
    tokenId: credential.tokenId,
    // The record's transaction compares it with the database's clock: whichever ends first.
    tokenExpiresAtMs: Math.min(credential.tokenExpiresAtMs, row.valid_until?.getTime() ?? Number.POSITIVE_INFINITY),
    agentRevision: row.revision,
    ...(row.version === 0 ? {} : { agentVersion: row.version }),
    authzEpoch: row.authz_epoch,
    ...(row.untrusted_until === null ? {} : { untrustedUntilMs: row.untrusted_until.getTime() }),
    ...(row.risks === null ? {} : { risks: row.risks }),
  };
}

/** The roles as they count: a quarantined agent wears its mark beside them. */
export function rolesUnder(
  quarantine: { readonly role: string | null } | null,
  roles: readonly string[],
): readonly string[] {
  return quarantine === null ? roles : [...roles, quarantineMark(quarantine.role ?? undefined)];
}

/** The holder of the token with this lookup hash, or undefined when no such token was ever made. */
export async function findTokenHolder(pool: Pool, lookupHmac: Buffer): Promise<TokenHolder | undefined> {
  const { rows } = await pool.query<TokenRow>({ name: 'token-holder', text: BY_TOKEN, values: [lookupHmac] });
  const row = rows[0];
  if (row === undefined) return undefined;
  const roles = row.token_role === null ? row.roles : row.roles.filter((role) => role === row.token_role);
  const credential = { tokenId: row.token_id, tokenExpiresAtMs: row.expires_at.getTime() };
  return { principal: principalFrom(row, roles, credential), state: tokenState(row) };
}

/** An agent of the workspace by id or handle, acting with the credential of whoever asks about it. */
export async function findAgent(
  pool: Pool,
  workspaceId: WorkspaceId,
  agent: string,
  credential: Credential,
): Promise<TokenHolder | undefined> {
  const { rows } = await pool.query<AgentRow>({
    name: 'agent-by-name',
    text: BY_NAME,
    values: [workspaceId, agent],
  });
  const row = rows[0];
  return row && { principal: principalFrom(row, row.roles, credential), state: agentState(row) };
}

/** What has a say about the agent's calls beside its roles, for a dry run. */
export async function stateOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  agentId: AgentId,
): Promise<Pick<Principal, 'untrustedUntilMs' | 'risks'>> {
  const nobody = { tokenId: 'tok_' as TokenId, tokenExpiresAtMs: 0 };
  const { untrustedUntilMs = 0, risks = [] } = (await findAgent(pool, workspaceId, agentId, nobody))?.principal ?? {};
  return { untrustedUntilMs, risks };
}

/** Notes the use of a token, at most once a minute for each. Never on the way of an action. */
export async function noteTokenUse(pool: Pool, workspaceId: WorkspaceId, tokenId: Principal['tokenId']): Promise<void> {
  await pool.query({
    name: 'token-use',
    text: `UPDATE agent_tokens SET last_used_at = now() WHERE workspace_id = $1 AND id = $2
             AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
    values: [workspaceId, tokenId],
  });
}
