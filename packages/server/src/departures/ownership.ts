/** Who is accountable for an agent, who was, who stands in; and agents for which nobody is. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { type Agent, readAgent } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { refuseOthers } from './offer.ts';
import { openTransfer, transferSchema } from './transfer.ts';

const deputySchema = z.object({
  name: z.string().meta({ description: 'E-mail of a person, or a group.' }),
  kind: z.enum(['person', 'group']),
  active: z.boolean().meta({ description: 'Whether there is an active person behind it.' }),
});

export const ownershipSchema = z
  .object({
    object: z.literal('ownership'),
    agent: z.string(),
    agent_id: z.string(),
    owner: z.string(),
    owner_active: z.boolean(),
    accepted_at: z.int().nullable().meta({ description: 'When the owner said yes. Null: nobody asked them.' }),
    deputies: z.array(deputySchema),
    transfer: transferSchema.nullable().meta({ description: 'The offer to another owner that waits for an answer.' }),
    history: z.array(
      z.object({
        from: z.string().nullable(),
        to: z.string(),
        at: z.int(),
        actor: z.string(),
        reason: z.string(),
        accepted_at: z.int().nullable(),
        transfer: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Ownership' });

export type OwnershipView = z.output<typeof ownershipSchema>;

const DEPUTIES = `
SELECT coalesce(p.email, d."group") AS name, CASE WHEN d.person_id IS NULL THEN 'group' ELSE 'person' END AS kind,
       CASE WHEN d.person_id IS NULL THEN EXISTS (
              SELECT FROM people m WHERE m.workspace_id = d.workspace_id AND m.active AND d."group" = ANY(m.groups))
            ELSE p.active END AS active
  FROM agent_deputies d LEFT JOIN people p ON p.workspace_id = d.workspace_id AND p.id = d.person_id
 WHERE d.workspace_id = $1 AND d.agent_id = $2 ORDER BY 1`;

const HISTORY = `
SELECT f.email AS "from", t.email AS "to", floor(extract(epoch FROM h.at))::bigint AS at, h.actor, h.reason,
       floor(extract(epoch FROM h.accepted_at))::bigint AS accepted_at, h.transfer_id AS transfer
  FROM ownership_history h
  LEFT JOIN people f ON f.workspace_id = h.workspace_id AND f.id = h.from_id
  JOIN people t ON t.workspace_id = h.workspace_id AND t.id = h.to_id
 WHERE h.workspace_id = $1 AND h.agent_id = $2 ORDER BY h.number DESC LIMIT 200`;

/** History newest first. Throws `agent_not_found`. */
export async function readOwnership(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  agentOrId: string,
): Promise<OwnershipView> {
  const { id, name, owner, ownerId } = await readAgent(client, workspaceId, agentOrId);
  const { active } = await readPerson(client, workspaceId, ownerId);
  const { rows: deputies } = await client.query<OwnershipView['deputies'][number]>(DEPUTIES, [workspaceId, id]);
  const { rows: history } = await client.query<OwnershipView['history'][number]>(HISTORY, [workspaceId, id]);
  return {
    object: 'ownership',
    agent: name,
    agent_id: id,
    owner,
    owner_active: active,
    accepted_at: history[0]?.accepted_at ?? null,
    deputies,
    transfer: (await openTransfer(client, workspaceId, id)) ?? null,
    history,
  };
}

/** Throws `agent_not_found`, `role_missing`, `person_not_found`, `deputy_is_owner`, `person_inactive`. */
export function setDeputies(
  log: ActionLog,
  who: Administrator,
  agentOrId: string,
  names: readonly string[],
): Promise<OwnershipView> {
  const { workspaceId } = who;
  return log.transact(workspaceId, async (transaction) => {
    const agent = await readAgent(transaction.client, workspaceId, agentOrId);
    refuseOthers(who, agent.ownerId);
    await setDeputiesIn(transaction, who, agent, names);
    return readOwnership(transaction.client, workspaceId, agent.id);
  });
}

/** Throws `person_not_found`, `deputy_is_owner`, `person_inactive`. `names`: sorted, e-mails of people and groups. */
export async function setDeputiesIn(
  { client, log: record }: LoggedTransaction,
  { workspaceId, actor }: Pick<Administrator, 'workspaceId' | 'actor'>,
  agent: Agent,
  names: readonly string[],
): Promise<void> {
  const before = await deputiesOf(client, workspaceId, agent.id);
  if (before.join() === names.join()) return;
  const people: PersonId[] = [];
  for (const name of names) {
    if (!name.includes('@')) continue;
    const person = await readPerson(client, workspaceId, name);
    if (person.id === agent.ownerId)
      throw new Failure(409, 'deputy_is_owner', `${name} owns "${agent.name}".`, 'Name somebody else as a deputy.');
    if (!person.active && !before.includes(name))
      throw new Failure(409, 'person_inactive', `${name} is not active.`, 'Name somebody who is.');
    people.push(person.id);
  }
  await client.query('DELETE FROM agent_deputies WHERE workspace_id = $1 AND agent_id = $2', [workspaceId, agent.id]);
  await client.query(
    `INSERT INTO agent_deputies (workspace_id, agent_id, person_id, "group", added_by)
       SELECT $1, $2, person_id, NULL, $5 FROM unnest($3::text[]) AS person_id
       UNION ALL SELECT $1, $2, NULL, name, $5 FROM unnest($4::text[]) AS name`,
    [workspaceId, agent.id, people, names.filter((name) => !name.includes('@')), actor],
  );
  record({
    kind: 'agent.changed',
    actor,
    agent: agent.name,
    agent_id: agent.id,
    owner: agent.owner,
    changes: { deputies: [before, names] },
  });
}

async function deputiesOf(client: ClientBase, workspaceId: WorkspaceId, agentId: AgentId): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(DEPUTIES, [workspaceId, agentId]);
  return rows.map(({ name }) => name).sort();
}

/** Whether the person owns the agent or stands in for its owner: then they may suspend it, whatever their role. */
export async function answersFor(
  client: Pool,
  workspaceId: WorkspaceId,
  { id, ownerId }: { readonly id: AgentId; readonly ownerId: PersonId },
  personId: PersonId,
): Promise<boolean> {
  if (personId === ownerId) return true;
  const { rowCount } = await client.query(
    `SELECT FROM agent_deputies d JOIN people p ON p.workspace_id = d.workspace_id AND p.id = $3 AND p.active
      WHERE d.workspace_id = $1 AND d.agent_id = $2 AND (d.person_id = p.id OR d."group" = ANY(p.groups)) LIMIT 1`,
    [workspaceId, id, personId],
  );
  return rowCount !== 0;
}

export const orphanSchema = z
  .object({
    object: z.literal('orphan'),
    agent: z.string(),
    agent_id: z.string(),
    status: z.enum(['active', 'suspended', 'revoked']),
    owner: z.string(),
    why: z.enum(['owner_inactive', 'deputies_gone']),
    since: z.int().nullable().meta({ description: 'When the owner left, as far as a task says. Null otherwise.' }),
    task: z.string().nullable(),
  })
  .meta({ id: 'Orphan' });

type Orphan = z.output<typeof orphanSchema>;

/**
 * Agents without an accountable person, and those of whose deputies nobody is left. Of active agents the first are none,
 * by a key of the database. Agents that a stop covers are left out.
 */
const ORPHANS = `
SELECT 'orphan' AS object, a.handle AS agent, a.id AS agent_id, s.status, p.email AS owner,
       CASE WHEN p.active THEN 'deputies_gone' ELSE 'owner_inactive' END AS why,
       floor(extract(epoch FROM t.opened_at))::bigint AS since, t.id AS task
  FROM agents a
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
  LEFT JOIN transfer_task_agents k ON k.workspace_id = a.workspace_id AND k.agent_id = a.id AND k.outcome IS NULL
  LEFT JOIN transfer_tasks t ON t.workspace_id = k.workspace_id AND t.id = k.task_id
 WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND s.status <> 'revoked'
   AND (NOT p.active OR (
     EXISTS (SELECT FROM agent_deputies d WHERE d.workspace_id = a.workspace_id AND d.agent_id = a.id)
     AND NOT EXISTS (
       SELECT FROM agent_deputies d JOIN people m ON m.workspace_id = d.workspace_id AND m.active
                 AND (m.id = d.person_id OR d."group" = ANY(m.groups))
        WHERE d.workspace_id = a.workspace_id AND d.agent_id = a.id)))
   AND ($2::text IS NULL OR lower(a.handle) COLLATE "C" > $2 COLLATE "C")
 ORDER BY lower(a.handle) COLLATE "C" LIMIT $3`;

/** By name. */
export async function listOrphans(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: string | undefined,
  limit: number,
): Promise<Orphan[]> {
  const { rows } = await pool.query<Orphan>(ORPHANS, [workspaceId, after ?? null, limit]);
  return rows;
}
