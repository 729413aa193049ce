/** Connections end, each with its record. */
import { settleStatus } from '../../agents/index.ts';
import type { AgentId, WorkspaceId } from '../../ids.ts';
import type { LoggedTransaction } from '../../log/index.ts';

/** Which of the workspace; nothing: all of them. */
export interface Which {
  readonly id?: string;
  readonly agentId?: AgentId;
  readonly clientId?: string;
  /** Whose client has its metadata at another host; of no hosts, of none. */
  readonly notOfHosts?: readonly string[];
}

interface Ended {
  readonly id: string;
  readonly agent_id: AgentId;
  readonly agent: string;
  readonly owner: string;
  readonly name: string;
  readonly client_id: string;
}

/** How many have ended: at once, with their access and refresh tokens. */
export async function endConnections(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  { id, agentId, clientId, notOfHosts }: Which,
  { actor, reason }: { readonly actor: string; readonly reason: string },
): Promise<number> {
  const values: unknown[] = [workspaceId, actor];
  const conditions: string[] = [];
  const where = (column: string, value: string | undefined): void => {
    if (value !== undefined) conditions.push(`AND ${column} = $${values.push(value)}`);
  };
  where('c.id', id);
  where('c.agent_id', agentId);
  where('c.client_id', clientId);
  if (notOfHosts !== undefined) {
    if (notOfHosts.length === 0) return 0;
    conditions.push(
      `AND c.client_id LIKE 'https://%' AND NOT lower(split_part(c.client_id, '/', 3)) = ANY($${values.push(notOfHosts)})`,
    );
  }
  const { rows } = await transaction.client.query<Ended>(
    `UPDATE agent_credentials c SET revoked_at = clock_timestamp(), revoked_by = $2 FROM agents a, people p
      WHERE c.workspace_id = $1 AND c.kind = 'connection' AND c.revoked_at IS NULL ${conditions.join(' ')}
        AND a.workspace_id = c.workspace_id AND a.id = c.agent_id AND p.workspace_id = a.workspace_id AND p.id = a.owner_id
     RETURNING c.id, c.agent_id, a.handle AS agent, p.email AS owner, c.name, c.client_id`,
    values,
  );
  await settleStatus(transaction, workspaceId, [...new Set(rows.map(({ agent_id }) => agent_id))].sort());
  for (const { id: credentialId, agent_id, agent, owner, name, client_id } of rows)
    transaction.log({
      kind: 'credential.revoked',
      actor,
      ...{ agent, agent_id, owner },
      credential_id: credentialId,
      credential_kind: 'connection',
      credential: name,
      client_id,
      reason,
    });
  return rows.length;
}
