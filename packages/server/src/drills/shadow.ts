/**
 * The shadow of an agent: it wears the same roles, belongs to the same owner, and has a token that never leaves this
 * process. No list, count or route of agents knows it. When the rehearsal is over it has no roles and no token, and is
 * kept, revoked, for its records alone.
 */
import type { KeyObject } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Agent } from '../agents/index.ts';
import { readSettings } from '../containment/index.ts';
import { newCredential } from '../identity/index.ts';
import { type AgentId, type KeyId, newId, type TokenId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import type { Secret } from '../secret.ts';
import { type RehearsalResult, readRehearsal } from './rehearsal.ts';

/** The token is dead long before, in all but a crash. */
const TOKEN_SECONDS = 300;

export interface Shadow {
  readonly rehearsalId: KeyId;
  readonly agentId: AgentId;
  readonly token: Secret;
  readonly targetMs: number;
}

export interface Occasion {
  readonly workspaceId: WorkspaceId;
  readonly actor: string;
  readonly nodeId: string;
  readonly drill?: string | undefined;
}

/** `~` is in no agent's handle. */
function nameOf({ name }: Agent, rehearsalId: string): string {
  return `${name}~${rehearsalId}`;
}

export async function makeShadow(
  transaction: LoggedTransaction,
  { workspaceId, actor, nodeId, drill }: Occasion,
  agent: Agent,
  pepper: KeyObject,
): Promise<Shadow> {
  const { client } = transaction;
  const { target_ms: targetMs } = await readSettings(client, workspaceId);
  // It stands for an enforcement point's key where the rehearsal asks like one.
  const id = newId<KeyId>('reh');
  const shadowId = newId<AgentId>('agt');
  const shadow = nameOf(agent, id);
  const credential = newCredential('agt', pepper);
  const tokenId = newId<TokenId>('tok');
  await client.query(
    `INSERT INTO rehearsals (workspace_id, id, agent_id, agent, shadow_id, drill, actor, node, target_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [workspaceId, id, agent.id, agent.name, shadowId, drill ?? null, actor, nodeId, targetMs],
  );
  await client.query(
    `INSERT INTO agents (workspace_id, id, handle, owner_id, created_by, rehearsal_id) VALUES ($1, $2, $3, $4, $5, $6)`,
    [workspaceId, shadowId, shadow, agent.ownerId, actor, id],
  );
  await client.query('INSERT INTO agent_state (workspace_id, agent_id) VALUES ($1, $2)', [workspaceId, shadowId]);
  await client.query(
    `INSERT INTO agent_roles (workspace_id, agent_id, role, position, granted_by)
     SELECT workspace_id, $3, role, position, $4 FROM agent_roles WHERE workspace_id = $1 AND agent_id = $2`,
    [workspaceId, agent.id, shadowId, actor],
  );
  await client.query(
    `INSERT INTO agent_tokens (workspace_id, id, agent_id, name, lookup_hmac, last4, authz_epoch, created_by, expires_at)
     SELECT $1, $2, $3, 'rehearsal', $4, $5, s.authz_epoch, $6, now() + make_interval(secs => $7)
       FROM agent_state s WHERE s.workspace_id = $1 AND s.agent_id = $3`,
    [workspaceId, tokenId, shadowId, credential.lookupHmac, credential.last4, actor, TOKEN_SECONDS],
  );
  transaction.log({
    kind: 'rehearsal.started',
    actor,
    rehearsal: id,
    drill,
    agent: agent.name,
    agent_id: agent.id,
    owner: agent.owner,
    roles: agent.roles,
    shadow,
    shadow_id: shadowId,
    token_id: tokenId,
    target_ms: targetMs,
  });
  return { rehearsalId: id, agentId: shadowId, token: credential.text, targetMs };
}

/** Takes roles and token from the shadow and keeps what was measured. Nothing where the rehearsal has ended before. */
export function endRehearsal(
  log: ActionLog,
  { workspaceId, actor }: Pick<Occasion, 'workspaceId' | 'actor'>,
  id: string,
  passed: boolean,
  result: RehearsalResult,
): Promise<void> {
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const rehearsal = await readRehearsal(client, workspaceId, id);
    if (rehearsal.status !== 'running') return;
    await archiveShadow(client, workspaceId, id);
    const status = passed ? 'passed' : 'failed';
    await client.query(
      `UPDATE rehearsals SET status = $3, result = $4, ended_at = clock_timestamp() WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, id, status, JSON.stringify(result)],
    );
    const { agent, agent_id, drill, target_ms } = rehearsal;
    const { failure, containment, slowest_ms, tools, entrances } = result;
    transaction.log({
      kind: 'rehearsal.ended',
      actor,
      rehearsal: id,
      drill: drill ?? undefined,
      agent: agent ?? undefined,
      agent_id: agent_id ?? undefined,
      status,
      failure: failure ?? undefined,
      containment_id: containment ?? undefined,
      target_ms,
      slowest_ms: slowest_ms ?? undefined,
      tools: tools.length,
      entrances: entrances.length,
    });
  });
}

async function archiveShadow(client: ClientBase, workspaceId: WorkspaceId, rehearsalId: string): Promise<void> {
  const shadow = 'SELECT id FROM agents WHERE workspace_id = $1 AND rehearsal_id = $2';
  const which = [workspaceId, rehearsalId];
  await client.query(`DELETE FROM agent_tokens WHERE workspace_id = $1 AND agent_id IN (${shadow})`, which);
  await client.query(`DELETE FROM agent_roles WHERE workspace_id = $1 AND agent_id IN (${shadow})`, which);
  // Also where its stop was never given: a revision later nobody decides for it as it was.
  await client.query(
    `UPDATE agent_state SET status = 'revoked', revision = revision + 1, authz_epoch = authz_epoch + 1
      WHERE workspace_id = $1 AND agent_id IN (${shadow})`,
    which,
  );
}
