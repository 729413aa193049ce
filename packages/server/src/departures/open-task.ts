/** The task that a leaver leaves behind, opened in the transaction in which the person leaves. */
import type { ClientBase } from 'pg';
import type { LeftAgent } from '../agents/index.ts';
import { type AgentId, newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Actor, Cause, Leaver } from './leave.ts';
import { readOwnershipSettings } from './settings.ts';

/** Nodes that wrote to the log within this time are expected to say what they aborted. */
const EXPECTED_WITHIN_SECONDS = 60;
/** Names that one record holds. */
export const MAX_NAMED = 200;

interface Opening extends Actor {
  readonly person: Leaver;
  readonly cause: Cause;
  readonly nodeId: string;
  readonly orderedAtMs: number;
  readonly agents: readonly LeftAgent[];
}

/** A task that was open of the person, who had come back and leaves again, is taken on by this one. */
export async function openTask(
  transaction: LoggedTransaction,
  { workspaceId, actor, person, cause, nodeId, orderedAtMs, agents }: Opening,
): Promise<{ readonly id: string; readonly dueAt: Date }> {
  const { client, now } = transaction;
  await supersede(transaction, workspaceId, actor, person);
  const settings = await readOwnershipSettings(client, workspaceId);
  const after = (hours: number): Date => new Date(now.getTime() + hours * 3_600_000);
  const id = newId<string>('ttk');
  const dueAt = after(settings.transfer_hours);
  const agentIds = agents.map(({ agentId }) => agentId);
  const eventId = transaction.log({
    kind: 'transfer.opened',
    actor,
    task_id: id,
    person_id: person.id,
    person: person.email,
    cause,
    agents: agents
      .map(({ agent }) => agent)
      .sort()
      .slice(0, MAX_NAMED),
    agents_count: agents.length,
    to: await concerned(client, workspaceId, agentIds, { leaver: person.id }),
    due_at: dueAt.toISOString(),
  });
  await client.query(
    `INSERT INTO transfer_tasks (workspace_id, id, person_id, cause, actor, node, ordered_at, event_id, opened_at, due_at, remind_at, escalate_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      workspaceId,
      id,
      person.id,
      cause,
      actor,
      nodeId,
      new Date(orderedAtMs),
      eventId,
      now,
      dueAt,
      after(settings.remind_after_hours),
      after(settings.escalate_after_hours),
    ],
  );
  await client.query(
    `INSERT INTO transfer_task_agents (workspace_id, task_id, agent_id, status_before, tokens_ended)
     SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::int[])`,
    [workspaceId, id, agentIds, agents.map(({ before }) => before), agents.map(({ tokensEnded }) => tokensEnded)],
  );
  await client.query(
    `INSERT INTO transfer_task_acks (workspace_id, task_id, node)
     SELECT DISTINCT workspace_id, $2, holder FROM log_shards
      WHERE workspace_id = $1 AND holder <> $3 AND updated_at > now() - make_interval(secs => $4)`,
    [workspaceId, id, nodeId, EXPECTED_WITHIN_SECONDS],
  );
  return { id, dueAt };
}

async function supersede(
  { client, now, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  actor: string,
  person: Leaver,
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `UPDATE transfer_tasks SET status = 'superseded', closed_at = $3
      WHERE workspace_id = $1 AND person_id = $2 AND status = 'open' RETURNING id`,
    [workspaceId, person.id, now],
  );
  for (const { id } of rows) {
    await client.query(
      `UPDATE transfer_task_agents SET outcome = 'superseded', ended_at = $3
        WHERE workspace_id = $1 AND task_id = $2 AND outcome IS NULL`,
      [workspaceId, id, now],
    );
    log({
      kind: 'transfer.closed',
      actor,
      task_id: id,
      person_id: person.id,
      person: person.email,
      status: 'superseded',
    });
  }
}

/**
 * E-mails of the active people who are asked to do something about the agents: their deputies, the manager of whoever has
 * left, who is named besides (in person or by a group), and the administrators of the workspace.
 */
export async function concerned(
  client: ClientBase,
  workspaceId: WorkspaceId,
  agentIds: readonly AgentId[],
  { leaver, named = [] }: { readonly leaver: PersonId; readonly named?: readonly string[] },
): Promise<readonly string[]> {
  const { rows } = await client.query<{ email: string }>(
    `WITH deputies AS MATERIALIZED (
       SELECT person_id, "group" FROM agent_deputies WHERE workspace_id = $1 AND agent_id = ANY($2)),
     groups AS MATERIALIZED (
       SELECT coalesce(array_agg(name), '{}') AS names FROM (
         SELECT "group" AS name FROM deputies WHERE "group" IS NOT NULL
         UNION SELECT unnest($3::text[])
         UNION SELECT "group" FROM group_roles WHERE workspace_id = $1 AND role = 'admin') named)
     SELECT p.email FROM people p
      WHERE p.workspace_id = $1 AND p.active
        AND (p.email = ANY($3) OR 'admin' = ANY(p.roles) OR p.groups && (SELECT names FROM groups)
             OR p.id = (SELECT manager_id FROM people WHERE workspace_id = $1 AND id = $4)
             OR p.id = ANY(ARRAY(SELECT person_id FROM deputies WHERE person_id IS NOT NULL))
             OR (cardinality(p.roles) = 0 AND p.id = ANY(ARRAY(
                  SELECT k.person_id FROM admin_keys k
                   WHERE k.workspace_id = $1 AND k.person_id IS NOT NULL AND 'admin' = ANY(k.roles) AND k.revoked_at IS NULL
                     AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())))))
      ORDER BY p.email LIMIT ${MAX_NAMED}`,
    [workspaceId, agentIds, named, leaver],
  );
  return rows.map(({ email }) => email);
}
