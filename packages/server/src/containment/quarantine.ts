/** Quarantine: the agent reads on, and does nothing else, until it is released. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { readAgent, settleStatus } from '../agents/index.ts';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { type AgentId, newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { roleNotFound } from '../roles/index.ts';

/** Who acts, as it stands on the log. */
export interface Actor {
  readonly workspaceId: WorkspaceId;
  readonly actor: string;
}

export const newQuarantineSchema = z
  .strictObject({
    reason: z.string().trim().max(500).default(''),
    role: z.string().min(1).max(128).optional().meta({
      description: 'No more than this role grants is left. Without it, whatever its own roles let the agent read.',
    }),
    expires_in_seconds: z
      .int()
      .min(1)
      .max(366 * 86_400)
      .optional()
      .meta({
        description: 'It ends by itself then. Without it, a person has to release the agent.',
      }),
  })
  .prefault({});

export type NewQuarantine = z.output<typeof newQuarantineSchema>;

export const releaseSchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });

export const quarantineSchema = z
  .object({
    id: z.string(),
    object: z.literal('quarantine'),
    agent: z.string(),
    agent_id: z.string(),
    roles: z.array(z.string()).meta({ description: 'What the agent wears when it is released.' }),
    role: z.string().nullable(),
    reason: z.string(),
    actor: z.string(),
    entered_at: z.int(),
    until: z.int().nullable(),
    ended_at: z.int().nullable(),
    ended_by: z.string().nullable(),
    end_reason: z.string().nullable(),
    event_id: z.string(),
  })
  .meta({ id: 'Quarantine' });

type QuarantineView = z.output<typeof quarantineSchema>;

const QUARANTINES = `
SELECT q.id, 'quarantine' AS object, a.handle AS agent, q.agent_id, q.role, q.reason, q.actor,
       ARRAY(SELECT r.role FROM agent_roles r WHERE r.workspace_id = q.workspace_id AND r.agent_id = q.agent_id
              ORDER BY r.position, r.role) AS roles,
       floor(extract(epoch FROM q.entered_at))::bigint AS entered_at, floor(extract(epoch FROM q.until))::bigint AS until,
       floor(extract(epoch FROM q.ended_at))::bigint AS ended_at, q.ended_by, q.end_reason, q.event_id,
       (extract(epoch FROM q.entered_at) * 1000000)::bigint AS entered_us
  FROM quarantines q JOIN agents a ON a.workspace_id = q.workspace_id AND a.id = q.agent_id
 WHERE q.workspace_id = $1`;

export interface Quarantine extends QuarantineView {
  readonly agent_id: AgentId;
  readonly entered_us: number;
}

/** Newest first; only those that stand, or only those that ended, with `active`. */
export async function listQuarantines(
  pool: Pool,
  workspaceId: WorkspaceId,
  active: boolean | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<Quarantine[]> {
  const { rows } = await pool.query<Quarantine>(
    `${QUARANTINES} AND ($2::boolean IS NULL OR (q.ended_at IS NULL) = $2)
   AND ($3::bigint IS NULL OR (q.entered_at, q.id) < ('epoch'::timestamptz + $3 * interval '1 microsecond', $4))
 ORDER BY q.entered_at DESC, q.id DESC LIMIT $5`,
    [workspaceId, active ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `quarantine_not_found`. */
export async function readQuarantine(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<Quarantine> {
  const { rows } = await client.query<Quarantine>(`${QUARANTINES} AND q.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'quarantine_not_found',
    `There is no quarantine "${id}".`,
    'List them with GET /v1/quarantines.',
  );
}

/** Puts the agent into quarantine, or answers the one it is in. Throws `agent_not_found`, `role_not_found`. */
export function quarantineAgent(log: ActionLog, who: Actor, agent: string, wanted: NewQuarantine): Promise<Quarantine> {
  return log.transact(who.workspaceId, (transaction) => enterQuarantine(transaction, who, agent, wanted));
}

/** As `quarantineAgent`, in a transaction that does more. */
export async function enterQuarantine(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Actor,
  agentOrId: string,
  { reason, role, expires_in_seconds: seconds }: NewQuarantine,
): Promise<Quarantine> {
  const { client } = transaction;
  const { id: agentId, name, owner, roles } = await readAgent(client, workspaceId, agentOrId);
  const standing = await client.query<{ id: string }>(
    'SELECT id FROM quarantines WHERE workspace_id = $1 AND agent_id = $2 AND ended_at IS NULL',
    [workspaceId, agentId],
  );
  if (standing.rows[0] !== undefined) return readQuarantine(client, workspaceId, standing.rows[0].id);
  if (role !== undefined && !(await isRole(client, workspaceId, role))) throw roleNotFound(role);
  const id = newId<string>('qua');
  const eventId = transaction.log({
    kind: 'quarantine.entered',
    actor,
    quarantine_id: id,
    agent: name,
    agent_id: agentId,
    owner,
    roles,
    role,
    reason,
    expires_in_seconds: seconds,
  });
  await client.query(
    `INSERT INTO quarantines (workspace_id, id, agent_id, role, reason, actor, until, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(secs => $7), $8)`,
    [workspaceId, id, agentId, role, reason, actor, seconds, eventId],
  );
  // Raises the revision: whatever was decided before this is decided again.
  await settleStatus(transaction, workspaceId, [agentId]);
  return readQuarantine(client, workspaceId, id);
}

/** Releasing twice answers the ended quarantine. Throws `quarantine_not_found`. */
function releaseQuarantine(log: ActionLog, who: Actor, id: string, reason: string): Promise<Quarantine> {
  return log.transact(who.workspaceId, (transaction) => endQuarantine(transaction, who, id, reason));
}

/** As `releaseQuarantine`, in a transaction that does more. */
export async function endQuarantine(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Actor,
  id: string,
  reason: string,
): Promise<Quarantine> {
  const { client } = transaction;
  const { agent, agent_id: agentId, ended_at: endedAt } = await readQuarantine(client, workspaceId, id);
  if (endedAt === null) {
    await client.query(
      `UPDATE quarantines SET ended_at = clock_timestamp(), ended_by = $3, end_reason = $4
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, id, actor, reason],
    );
    const { owner, roles } = await readAgent(client, workspaceId, agentId);
    transaction.log({
      kind: 'quarantine.ended',
      actor,
      quarantine_id: id,
      agent,
      agent_id: agentId,
      owner,
      roles,
      reason,
    });
    await settleStatus(transaction, workspaceId, [agentId]);
  }
  return readQuarantine(client, workspaceId, id);
}

async function isRole(client: ClientBase, workspaceId: WorkspaceId, name: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'SELECT FROM roles WHERE workspace_id = $1 AND name = $2 AND current_revision > 0',
    [workspaceId, name],
  );
  return rowCount !== 0;
}

const DUE = `
SELECT workspace_id AS "workspaceId", id FROM quarantines
 WHERE ended_at IS NULL AND until <= clock_timestamp() ORDER BY until LIMIT 100`;

/** Ends the quarantines whose time is over. On several nodes at once, one of them ends each. */
export async function endDueQuarantines(pool: Pool, log: ActionLog): Promise<void> {
  const { rows } = await pool.query<{ workspaceId: WorkspaceId; id: string }>(DUE);
  for (const { workspaceId, id } of rows)
    await releaseQuarantine(log, { workspaceId, actor: 'system' }, id, 'its time is over');
}
