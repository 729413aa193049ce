/** What an agent's status follows from. Called inside the transaction of whatever changed it. */
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { AgentView } from './agent.ts';

export interface Settled {
  readonly agentId: AgentId;
  readonly agent: string;
  readonly owner: string;
  readonly before: AgentView['status'];
  readonly after: AgentView['status'];
}

/**
 * `revoked` while any stop that covers the agent stands, and for a shadow whose rehearsal is over; else `suspended` while
 * a person or the owner's leaving holds it or its time is over, else `active`. Raises the revision in any case, so that no decision made before this
 * is recorded after it; and the epoch by $3, for stops that end tokens: it never falls, so no token made
 * before revives. $4: the owner leaves. Rows are locked in id order, like the recorder's. One update a row: a second one in the same
 * transaction would also look up its foreign key.
 */
const SETTLE = `
WITH due AS MATERIALIZED (
  SELECT s.agent_id, s.status AS before, a.handle AS agent, p.email AS owner,
         CASE WHEN EXISTS (
                SELECT FROM containment_agents c
                  JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id AND k.lifted_at IS NULL
                 WHERE c.workspace_id = s.workspace_id AND c.agent_id = s.agent_id) THEN 'revoked'
              WHEN a.rehearsal_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM rehearsals r
                 WHERE r.workspace_id = a.workspace_id AND r.id = a.rehearsal_id AND r.status = 'running') THEN 'revoked'
              WHEN s.suspended OR s.owner_left OR $4 OR NOT p.active OR a.valid_until <= clock_timestamp() THEN 'suspended'
              ELSE 'active' END AS after
    FROM agent_state s
    JOIN agents a ON a.workspace_id = s.workspace_id AND a.id = s.agent_id
    JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
   WHERE s.workspace_id = $1 AND s.agent_id = ANY($2)
   ORDER BY s.agent_id FOR UPDATE OF s),
settled AS (
  UPDATE agent_state s
     SET status = due.after, owner_left = s.owner_left OR $4, revision = s.revision + 1, authz_epoch = s.authz_epoch + $3,
         authz_cutoff = CASE WHEN $3 = 0 THEN s.authz_cutoff ELSE greatest(s.authz_cutoff, clock_timestamp()) END
    FROM due WHERE s.workspace_id = $1 AND s.agent_id = due.agent_id)
SELECT agent_id AS "agentId", agent, owner, before, after FROM due ORDER BY agent_id`;

export async function settleStatus(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  agentIds: readonly AgentId[],
  { endsTokens = false, ownerLeaves = false }: { readonly endsTokens?: boolean; readonly ownerLeaves?: boolean } = {},
): Promise<readonly Settled[]> {
  if (agentIds.length === 0) return [];
  const { rows } = await client.query<Settled>(SETTLE, [workspaceId, agentIds, endsTokens ? 1 : 0, ownerLeaves]);
  return rows;
}

/** An agent whose owner leaves. */
export interface LeftAgent extends Settled {
  /** Tokens that were live until then. */
  readonly tokensEnded: number;
}

/**
 * The owner leaves: all agents of that person are suspended until somebody decides about each, and their tokens end for
 * good, as the person may hold them. To be called while the person is still active: the database knows no active agent
 * without an active owner. Resolves with those that no stop covers already.
 */
export async function ownerLeft(
  transaction: LoggedTransaction,
  { workspaceId, actor }: { readonly workspaceId: WorkspaceId; readonly actor: string },
  ownerId: PersonId,
): Promise<readonly LeftAgent[]> {
  const { client } = transaction;
  const { rows: owned } = await client.query<{ id: AgentId; is_shadow: boolean }>(
    'SELECT id, rehearsal_id IS NOT NULL AS is_shadow FROM agents WHERE workspace_id = $1 AND owner_id = $2',
    [workspaceId, ownerId],
  );
  const agentIds = owned.map(({ id }) => id);
  const { rows: tokens } = await client.query<{ agent_id: AgentId }>(
    `UPDATE agent_tokens SET revoked_at = clock_timestamp()
      WHERE workspace_id = $1 AND agent_id = ANY($2) AND revoked_at IS NULL AND expires_at > clock_timestamp()
     RETURNING agent_id`,
    [workspaceId, agentIds],
  );
  const ended = Map.groupBy(tokens, ({ agent_id }) => agent_id);
  const settled = await settleStatus(transaction, workspaceId, agentIds, { endsTokens: true, ownerLeaves: true });
  const shadows = new Set(owned.filter(({ is_shadow }) => is_shadow).map(({ id }) => id));
  const left = settled.flatMap((each) =>
    each.after === 'revoked' || shadows.has(each.agentId)
      ? []
      : [{ ...each, tokensEnded: ended.get(each.agentId)?.length ?? 0 }],
  );
  for (const { agentId, agent, owner, before, after, tokensEnded } of left)
    transaction.log({
      kind: 'agent.changed',
      actor,
      agent,
      agent_id: agentId,
      owner,
      changes: { owner_left: [false, true], ...(before === after ? {} : { status: [before, after] }) },
      reason: 'the owner was deactivated',
      tokens_ended: tokensEnded,
    });
  return left;
}

/** Something that stands on the records of the owner's agents changed. */
export async function ownerChanged(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  ownerId: PersonId,
): Promise<void> {
  await client.query(
    `UPDATE agent_state s SET revision = s.revision + 1 FROM agents a
      WHERE s.workspace_id = $1 AND a.workspace_id = s.workspace_id AND a.id = s.agent_id AND a.owner_id = $2`,
    [workspaceId, ownerId],
  );
}
