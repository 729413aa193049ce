/** Ending an access token (RFC 7009), and looking at one (RFC 7662). */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import { settleStatus } from '../agents/index.ts';
import { credentialKind } from '../identity/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { endConnections, findRefresh } from './browser/index.ts';
import { findHolder } from './holder.ts';
import { OAuthRefusal } from './refusal.ts';
import { delegateOf, scopeText } from './wanted.ts';

export interface Ends {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly pepper: KeyObject;
  readonly url: string;
}

/**
 * `by`: the agent that authenticated; absent, whoever holds the token; `clientId`: which client it says it is. Ends what was exchanged from it or is delegated by it,
 * too. Says nothing of a token that is not there. Throws OAuthRefusal `unsupported_token_type`, `unauthorized_client`.
 */
export async function revokeAccessToken(
  { pool, log, pepper }: Ends,
  token: string,
  by: { readonly agentId: AgentId } | undefined,
  clientId?: string,
): Promise<WorkspaceId | undefined> {
  const kind = credentialKind(token);
  if (kind === 'refresh') return endByRefresh({ pool, log, pepper }, token, clientId);
  if (kind !== undefined && kind !== 'access')
    throw new OAuthRefusal('unsupported_token_type', 'only access and refresh tokens are ended here');
  const found = await findHolder(pool, pepper, token);
  if (found?.kind !== 'access') return undefined;
  const { principal, id } = found.holder;
  const { workspaceId, agentId, agent, owner, tokenId } = principal;
  if (by !== undefined && by.agentId !== agentId)
    throw new OAuthRefusal('unauthorized_client', 'the token was given to another client');
  await log.transact(workspaceId, async (transaction) => {
    const { rowCount } = await transaction.client.query(
      'UPDATE access_tokens SET revoked_at = clock_timestamp() WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL',
      [workspaceId, id],
    );
    if (rowCount === 0) return;
    // A call of it that was decided before is decided again; so are those that it is behind.
    await settleStatus(transaction, workspaceId, [agentId]);
    transaction.log({
      kind: 'token.ended',
      actor: `agent:${agent}`,
      agent,
      agent_id: agentId,
      owner,
      access_token_id: id,
      token_id: tokenId,
    });
  });
  return workspaceId;
}

/** The connection, with all that was given for it. */
async function endByRefresh(
  { pool, log, pepper }: Pick<Ends, 'pool' | 'log' | 'pepper'>,
  token: string,
  clientId: string | undefined,
): Promise<WorkspaceId | undefined> {
  const found = await findRefresh(pool, pepper, token);
  if (found === undefined) return undefined;
  if (clientId !== undefined && clientId !== found.clientId)
    throw new OAuthRefusal('unauthorized_client', 'the token was given to another client');
  const { workspaceId, agent, credentialId } = found;
  await log.transact(workspaceId, (transaction) =>
    endConnections(
      transaction,
      workspaceId,
      { id: credentialId },
      { actor: `agent:${agent}`, reason: 'its client ended it' },
    ),
  );
  return workspaceId;
}

/** Exactly `{"active": false}` for everything but a live token of the workspace: no reason is told. */
export async function introspect(
  { pool, pepper, url }: Ends,
  workspaceId: WorkspaceId,
  token: string,
): Promise<Record<string, unknown>> {
  const found = await findHolder(pool, pepper, token);
  if (found === undefined || found.holder.state !== 'live' || found.holder.principal.workspaceId !== workspaceId)
    return { active: false };
  const { agentId, agent, tokenExpiresAtMs, roles, chain = [] } = found.holder.principal;
  const common = {
    active: true,
    iss: url,
    sub: agentId,
    client_id: agentId,
    username: agent,
    exp: Math.floor(tokenExpiresAtMs / 1000),
    roles,
  };
  if (found.kind === 'token') return { ...common, token_type: 'Bearer' };
  const { access, issuedAtMs, scopedRoles } = found.holder;
  return {
    ...common,
    token_type: access.jkt === undefined ? 'Bearer' : 'DPoP',
    scope: scopeText(access.entrances, scopedRoles),
    aud: `${url}${access.resource}`,
    iat: Math.floor(issuedAtMs / 1000),
    ...(access.jkt === undefined ? {} : { cnf: { jkt: access.jkt } }),
    ...(chain.length === 0
      ? {}
      : { chain: chain.map((each) => ({ agent: each.agent, agent_id: each.agentId, owner: each.owner })) }),
    ...(delegateOf(access.resource) === undefined ? {} : { may_act: { sub: delegateOf(access.resource) } }),
  };
}
