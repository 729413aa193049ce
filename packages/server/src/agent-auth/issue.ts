/** Giving out an access token: one statement, compared with the agent as it is at that moment; then its record; then the answer. */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import { newCredential } from '../identity/index.ts';
import { newId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Client } from './client.ts';
import { OAuthRefusal } from './refusal.ts';
import { acceptOnce, type Once } from './replays.ts';
import { scopeText, type Wanted } from './wanted.ts';

const ACCESS_SECONDS = 300;

/**
 * Stamped with the agent's epoch: a stop committed later kills it, and one committed before refuses it. $12: nothing ends
 * later than what it is given for. Credential and ancestors are looked at again by every use.
 */
const INSERT = `
INSERT INTO access_tokens (workspace_id, id, lookup_hmac, agent_id, credential_id, token_id, authz_epoch, resource, entrances, roles, jkt, ancestors, issued_at, expires_at, origins)
SELECT $1, $2, $3, $4, $5, $6, s.authz_epoch, $7, $8, $9, $10, $11, n.now, least(n.now + make_interval(secs => $13), $12), $14
  FROM agent_state s
  JOIN agents a ON a.workspace_id = s.workspace_id AND a.id = s.agent_id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
  JOIN workspace_state ws ON ws.workspace_id = s.workspace_id, (SELECT clock_timestamp() AS now) n
  LEFT JOIN agent_credentials c ON c.workspace_id = $1 AND c.id = $5
  LEFT JOIN agent_tokens k ON k.workspace_id = $1 AND k.id = $6
 WHERE s.workspace_id = $1 AND s.agent_id = $4 AND s.status = 'active' AND p.active AND ws.status = 'active'
   AND coalesce(a.valid_until > n.now, true) AND $12 > n.now
   AND CASE WHEN $5::text IS NULL THEN k.revoked_at IS NULL AND k.authz_epoch = s.authz_epoch
            ELSE c.revoked_at IS NULL AND c.authz_epoch = s.authz_epoch END
RETURNING floor(extract(epoch FROM expires_at - issued_at))::int AS seconds, expires_at`;

export interface Issue {
  readonly client: Client;
  readonly wanted: Wanted;
  readonly jkt: string | undefined;
  /** Access tokens that it is delegated by, the first one first; and whose they are, for the record. */
  readonly ancestors?: readonly string[];
  /** Access tokens of the same agent that it was exchanged from: with one of them it ends. */
  readonly origins?: readonly string[];
  readonly chain?: readonly { readonly agent: string; readonly agentId: string; readonly owner: string }[];
  readonly grant: string;
  readonly once: readonly Once[];
  readonly endsAtMs?: number;
}

export interface Issued {
  readonly access_token: string;
  readonly token_type: 'Bearer' | 'DPoP';
  readonly expires_in: number;
  readonly scope: string;
}

/** Throws OAuthRefusal `invalid_grant` when the agent was stopped meanwhile, `invalid_client` for an assertion that was used before. */
export async function issueToken(
  { pool, log, pepper }: { readonly pool: Pool; readonly log: ActionLog; readonly pepper: KeyObject },
  { client, wanted, jkt, ancestors = [], origins = [], chain, grant, once, endsAtMs = client.endsAtMs }: Issue,
): Promise<Issued> {
  const { workspaceId, agentId, agent, owner, source } = client;
  for (const each of once)
    if (!(await acceptOnce(pool, workspaceId, each)))
      throw each.kind === 'dpop'
        ? new OAuthRefusal('invalid_dpop_proof', 'the proof was used before', client)
        : new OAuthRefusal(
            each.kind === 'assertion' ? 'invalid_client' : 'invalid_grant',
            'the assertion was used before',
            client,
          );
  const { text, lookupHmac } = newCredential('access', pepper);
  const id = newId('act');
  const credentialId = 'credentialId' in source ? source.credentialId : null;
  const tokenId = 'tokenId' in source ? source.tokenId : null;
  const { rows } = await pool.query<{ seconds: number; expires_at: Date }>({
    name: 'issue-access-token',
    text: INSERT,
    values: [
      ...[workspaceId, id, lookupHmac, agentId, credentialId, tokenId, wanted.resource, wanted.entrances],
      ...[
        wanted.roles ?? null,
        jkt ?? null,
        ancestors,
        new Date(Math.min(endsAtMs, client.endsAtMs)),
        ACCESS_SECONDS,
        origins,
      ],
    ],
  });
  const made = rows[0];
  if (made === undefined) throw new OAuthRefusal('invalid_grant', 'the agent or its credential was stopped', client);
  const scope = scopeText(wanted.entrances, wanted.roles);
  // Nothing is handed out before its record is durable.
  await log.record(workspaceId, {
    kind: 'token.issued',
    actor: `agent:${agent}`,
    agent,
    agent_id: agentId,
    owner,
    access_token_id: id,
    token_id: credentialId ?? tokenId,
    grant,
    resource: wanted.resource,
    scope,
    jkt,
    expires_at: made.expires_at.toISOString(),
    chain: chain?.map((each) => ({ agent: each.agent, agent_id: each.agentId, owner: each.owner })),
  });
  return {
    access_token: text.reveal(),
    token_type: jkt === undefined ? 'Bearer' : 'DPoP',
    expires_in: Math.max(1, made.seconds),
    scope,
  };
}
