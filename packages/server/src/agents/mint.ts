/** Minting, rotating and revoking agent tokens. Each is one transaction with its records. */
import type { KeyObject } from 'node:crypto';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkStillThere, newCredential } from '../identity/index.ts';
import { newId, type TokenId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { type Agent, readAgent } from './read.ts';
import { settleStatus } from './status.ts';
import { type MintedToken, type NewToken, type Rotation, readToken, type Token, type TokenView } from './token.ts';

interface Wanted {
  readonly name: string;
  readonly role: string | null;
  readonly lifeSeconds: number;
}

/** A mint carries the agent's epoch, so that a stop committed later kills it, and one committed before refuses it. */
async function insertToken(
  { client }: LoggedTransaction,
  who: Administrator,
  agent: Agent,
  { name, role, lifeSeconds }: Wanted,
  pepper: KeyObject,
): Promise<{ readonly token: Token; readonly text: string }> {
  const { workspaceId, actor } = who;
  await checkStillThere(client, who);
  const isExpired = agent.attention.includes('expired');
  if (agent.status !== 'active' && !isExpired)
    throw new Failure(
      409,
      `agent_${agent.status}`,
      `The agent "${agent.name}" is ${agent.status}: no token is made for it.`,
      'Restore it with POST /v1/agents/:agent/restore first.',
    );
  if (isExpired)
    throw new Failure(
      409,
      'agent_expired',
      `The time of the agent "${agent.name}" is over: no token is made for it.`,
      'Somebody other than its owner sets a later valid_until with PATCH /v1/agents/:agent first.',
    );
  const credential = newCredential('agt', pepper);
  const id = newId<TokenId>('tok');
  await client.query(
    `INSERT INTO agent_tokens (workspace_id, id, agent_id, name, role, lookup_hmac, last4, authz_epoch, created_by, expires_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, s.authz_epoch, $8, now() + make_interval(secs => $9)
       FROM agent_state s WHERE s.workspace_id = $1 AND s.agent_id = $3`,
    [workspaceId, id, agent.id, name, role, credential.lookupHmac, credential.last4, actor, lifeSeconds],
  );
  return { token: await readToken(client, workspaceId, id), text: credential.text.reveal() };
}

function factsOf(token: Token) {
  return {
    agent: token.agent,
    agent_id: token.agent_id,
    owner: token.owner,
    token_id: token.id,
    token_name: token.name,
    role: token.role ?? undefined,
    expires_at: new Date(token.expires_at * 1000).toISOString(),
  };
}

/** Throws `agent_not_found`, `agent_suspended`, `agent_revoked`, `agent_expired`, `role_not_worn`. */
export function mintToken(
  log: ActionLog,
  pepper: KeyObject,
  who: Administrator,
  { agent: agentOrId, name, role, expires_in_seconds: lifeSeconds }: NewToken,
): Promise<MintedToken> {
  return log.transact(who.workspaceId, async (transaction) => {
    const agent = await readAgent(transaction.client, who.workspaceId, agentOrId);
    if (role !== undefined && !agent.roles.includes(role))
      throw new Failure(
        409,
        'role_not_worn',
        `The agent "${agent.name}" does not have the role "${role}".`,
        'Narrow the token to one of the agent’s roles, or leave the role out.',
      );
    const { token, text } = await insertToken(
      transaction,
      who,
      agent,
      { name, role: role ?? null, lifeSeconds },
      pepper,
    );
    transaction.log({ kind: 'token.minted', actor: who.actor, ...factsOf(token) });
    return { ...token, token: text };
  });
}

/** A token in the place of another, which lives on for the overlap. Throws `token_not_live`, `token_rotated`. */
export function rotateToken(
  log: ActionLog,
  pepper: KeyObject,
  who: Administrator,
  id: string,
  { overlap_seconds: overlapSeconds, expires_in_seconds: lifeSeconds }: Rotation,
): Promise<MintedToken> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const old = await readToken(client, workspaceId, id);
    if (old.status !== 'live')
      throw new Failure(
        409,
        'token_not_live',
        `The token ${old.id} is ${old.status}.`,
        'Mint a new one with POST /v1/tokens.',
      );
    if (old.replaced_by !== null)
      throw new Failure(
        409,
        'token_rotated',
        `The token ${old.id} was replaced by ${old.replaced_by}.`,
        'Rotate that one.',
      );
    const agent = await readAgent(client, workspaceId, old.agent_id);
    const { token, text } = await insertToken(transaction, who, agent, { ...old, lifeSeconds }, pepper);
    await client.query(
      `UPDATE agent_tokens SET replaced_by = $3, expires_at = least(expires_at, now() + make_interval(secs => $4))
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, old.id, token.id, overlapSeconds],
    );
    // The old token now ends earlier than a node may have in memory.
    await settleStatus(transaction, workspaceId, [agent.id]);
    transaction.log({
      kind: 'token.rotated',
      actor,
      ...factsOf(token),
      replaces: old.id,
      overlap_seconds: overlapSeconds,
    });
    return { ...token, token: text };
  });
}

/** Ends a token at once. Revoking twice changes nothing. */
export function revokeToken(log: ActionLog, who: Administrator, id: string): Promise<TokenView> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const before = await readToken(client, workspaceId, id);
    const { rowCount } = await client.query(
      'UPDATE agent_tokens SET revoked_at = now() WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL',
      [workspaceId, before.id],
    );
    if (rowCount === 0) return before;
    await settleStatus(transaction, workspaceId, [before.agent_id]);
    transaction.log({ kind: 'token.revoked', actor, ...factsOf(before) });
    return readToken(client, workspaceId, before.id);
  });
}
