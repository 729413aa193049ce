/** Who holds an access token, and on whose behalf. One indexed query of current state, and one more for a chain. */
import type { Pool } from 'pg';
import {
  AGENT,
  AGENT_TABLES,
  type AgentRow,
  agentState,
  principalFrom,
  rolesUnder,
  type TokenHolder,
  type TokenState,
} from '../agents/index.ts';
import type { CredentialId, TokenId, WorkspaceId } from '../ids.ts';
import type { Delegator, Principal } from '../path/index.ts';

// Put together when it is asked for: agents and what authenticates them load each other, in either order.
const tokens = () => `
SELECT t.id AS access_id, t.resource, t.entrances, t.roles AS token_roles, t.jkt, t.ancestors, t.origins, t.expires_at, t.issued_at,
       t.expires_at <= clock_timestamp() AS expired,
       t.revoked_at IS NOT NULL OR t.authz_epoch <> s.authz_epoch OR coalesce(c.person_id <> a.owner_id, false)
         OR EXISTS (SELECT FROM access_tokens o WHERE o.workspace_id = t.workspace_id AND o.id = ANY(t.origins) AND o.revoked_at IS NOT NULL)
         OR coalesce(c.revoked_at IS NOT NULL OR c.authz_epoch <> s.authz_epoch OR c.not_after <= clock_timestamp(),
                     k.revoked_at IS NOT NULL OR k.authz_epoch <> s.authz_epoch OR k.expires_at <= clock_timestamp(), true) AS dead,
       coalesce(c.id, k.id) AS credential_id, c.id IS NOT NULL AS has_credential, coalesce(c.role, k.role) AS credential_role,
       coalesce(c.not_after, k.expires_at) AS credential_ends, coalesce(c.dpop, false) AS needs_proof, t.workspace_id, ${AGENT}
  FROM access_tokens t
  LEFT JOIN agent_credentials c ON c.workspace_id = t.workspace_id AND c.id = t.credential_id
  LEFT JOIN agent_tokens k ON k.workspace_id = t.workspace_id AND k.id = t.token_id
  JOIN agents a ON a.workspace_id = t.workspace_id AND a.id = t.agent_id ${AGENT_TABLES}`;
const byHmac = () => `${tokens()} WHERE t.lookup_hmac = $1`;
const byId = () => `${tokens()} WHERE t.workspace_id = $1 AND t.id = ANY($2)`;

interface Row extends AgentRow {
  access_id: string;
  resource: string;
  entrances: string[];
  token_roles: string[] | null;
  jkt: string | null;
  ancestors: string[];
  origins: string[];
  issued_at: Date;
  expires_at: Date;
  expired: boolean;
  dead: boolean;
  credential_id: CredentialId | TokenId;
  has_credential: boolean;
  credential_role: string | null;
  credential_ends: Date;
  needs_proof: boolean;
}

export interface AccessHolder extends TokenHolder {
  readonly access: NonNullable<TokenHolder['access']>;
  readonly id: string;
  /** Access tokens that this one was delegated by, the first one first. */
  readonly ancestors: readonly string[];
  /** Access tokens of the same agent that it was exchanged from, and itself. */
  readonly origins: readonly string[];
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** It was given for a key or federation rule, and not for an agent token. */
  readonly hasCredential: boolean;
  readonly needsProof: boolean;
  /** Narrowed roles, as they were asked for. */
  readonly scopedRoles: readonly string[] | null;
}

/** The holder of the access token with this lookup hash, or undefined when there is none. Rejects when the database does not answer. */
export async function findAccessHolder(pool: Pool, lookupHmac: Buffer): Promise<AccessHolder | undefined> {
  const { rows } = await pool.query<Row>({ name: 'access-token', text: byHmac(), values: [lookupHmac] });
  const row = rows[0];
  if (row === undefined) return undefined;
  const ancestors = row.ancestors.length === 0 ? [] : await readAncestors(pool, row.workspace_id, row.ancestors);
  const chain = ancestors.map(delegatorOf);
  const state = stateOf(row);
  const ends = [row, ...ancestors].flatMap(endsOf);
  const isWhole = ancestors.length === row.ancestors.length && ancestors.every(mayDelegate);
  const own = principalFrom(row, [], { tokenId: row.credential_id, tokenExpiresAtMs: Math.min(...ends) });
  const principal: Principal = {
    ...own,
    roles: rolesUnder(row.quarantine, commonRoles([row, ...ancestors])),
    ...(chain.length === 0 ? {} : { chain, ...risksOf(own, chain) }),
  };
  return {
    principal,
    state: state === 'live' && !isWhole ? 'delegation_ended' : state,
    access: {
      resource: row.resource,
      entrances: row.entrances,
      ...(row.jkt === null ? {} : { jkt: row.jkt }),
    },
    id: row.access_id,
    ancestors: row.ancestors,
    origins: [...row.origins, row.access_id],
    issuedAtMs: row.issued_at.getTime(),
    expiresAtMs: row.expires_at.getTime(),
    hasCredential: row.has_credential,
    needsProof: row.needs_proof,
    scopedRoles: row.token_roles,
  };
}

async function readAncestors(pool: Pool, workspaceId: WorkspaceId, ids: readonly string[]): Promise<readonly Row[]> {
  const { rows } = await pool.query<Row>({ name: 'access-token-chain', text: byId(), values: [workspaceId, ids] });
  return rows.toSorted((a, b) => ids.indexOf(a.access_id) - ids.indexOf(b.access_id));
}

function stateOf(row: Row): TokenState {
  const agent = agentState(row);
  if (agent !== 'live') return agent;
  if (row.dead) return 'token_revoked';
  return row.expired ? 'token_expired' : 'live';
}

/** A quarantined agent has nobody act for it. */
function mayDelegate(row: Row): boolean {
  return stateOf(row) === 'live' && row.quarantine === null;
}

function endsOf({ expires_at, credential_ends, valid_until }: Row): readonly number[] {
  return [expires_at, credential_ends, ...(valid_until === null ? [] : [valid_until])].map((end) => end.getTime());
}

/** As of now: what one of them has no more, the last one has no more either. */
function commonRoles(rows: readonly Row[]): readonly string[] {
  const [first, ...others] = rows.map(({ roles, credential_role, token_roles }) =>
    roles.filter(
      (role) =>
        (credential_role === null || role === credential_role) && (token_roles === null || token_roles.includes(role)),
    ),
  );
  return (first ?? []).filter((role) => others.every((roles) => roles.includes(role)));
}

function delegatorOf(row: Row): Delegator {
  const principal = principalFrom(row, [], { tokenId: row.credential_id, tokenExpiresAtMs: 0 });
  const { workspaceId, agentId, agent, ownerId, owner, agentRevision, untrustedUntilMs, risks } = principal;
  return {
    ...{ workspaceId, agentId, agent, ownerId, owner, agentRevision },
    ...(untrustedUntilMs === undefined ? {} : { untrustedUntilMs }),
    ...(risks === undefined ? {} : { risks }),
  };
}

/** What is said of one counts for all. */
function risksOf(own: Principal, chain: readonly Delegator[]): Pick<Principal, 'risks'> {
  const risks = new Map(
    [own, ...chain].flatMap(({ risks: ofOne = [] }) => ofOne.map((risk) => [risk.id, risk] as const)),
  );
  return risks.size === 0 ? {} : { risks: [...risks.values()].sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** Notes the use of a credential, at most once a minute for each. Never on the way of an action. */
export async function noteCredentialUse(pool: Pool, workspaceId: WorkspaceId, id: string): Promise<void> {
  await pool.query({
    name: 'credential-use',
    text: `UPDATE agent_credentials SET last_used_at = now() WHERE workspace_id = $1 AND id = $2
             AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
    values: [workspaceId, id],
  });
}
