/** Duties that are not to be in one hand. A set ends and stays, so that it can be told what was said at any time. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { signingPerson } from '../identity/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';

const MOST_DAYS = 366;
const DAY_MS = 86_400_000;

const acceptanceSchema = z.object({
  id: z.string(),
  agent_id: z.string(),
  agent: z.string(),
  reason: z.string(),
  person: z.string(),
  accepted_at: z.int(),
  until: z.int(),
  ended_at: z.int().nullable(),
});

export const setSchema = z
  .object({
    object: z.literal('segregation_set'),
    id: z.string(),
    name: z.string(),
    roles: z.array(z.string()),
    reason: z.string(),
    created_at: z.int(),
    created_by: z.string(),
    ended_at: z.int().nullable(),
    acceptances: z.array(acceptanceSchema),
  })
  .meta({ id: 'SegregationSet' });
export type SegregationSet = z.output<typeof setSchema>;

export const newSetSchema = z.strictObject({
  name: z.string().trim().min(1).max(100),
  roles: z
    .array(z.string().min(1).max(128))
    .min(2)
    .max(50)
    .refine((roles) => new Set(roles).size === roles.length, 'names one twice')
    .meta({ description: 'No agent should wear two of these.' }),
  reason: z.string().trim().min(1).max(1_000),
});

export const newAcceptanceSchema = z.strictObject({
  agent: z.string().min(1).max(128),
  reason: z.string().trim().min(1).max(1_000),
  until: z.iso.datetime({ offset: true }),
});

const SETS = `
SELECT 'segregation_set' AS object, s.id, s.name, s.roles, s.reason, floor(extract(epoch FROM s.created_at))::bigint AS created_at,
       s.created_by, floor(extract(epoch FROM s.ended_at))::bigint AS ended_at,
       coalesce((SELECT json_agg(json_build_object('id', a.id, 'agent_id', a.agent_id, 'agent', g.handle, 'reason', a.reason,
                                 'person', a.person, 'accepted_at', floor(extract(epoch FROM a.accepted_at))::bigint,
                                 'until', floor(extract(epoch FROM a.until))::bigint,
                                 'ended_at', floor(extract(epoch FROM a.ended_at))::bigint) ORDER BY a.accepted_at, a.id)
                   FROM segregation_acceptances a JOIN agents g ON g.workspace_id = a.workspace_id AND g.id = a.agent_id
                  WHERE a.workspace_id = s.workspace_id AND a.set_id = s.id), '[]') AS acceptances
  FROM segregation_sets s WHERE s.workspace_id = $1`;

/** By name, those that are over too; all of them, as there are few. */
export async function listSets(pool: Pool, workspaceId: WorkspaceId): Promise<SegregationSet[]> {
  const { rows } = await pool.query<SegregationSet>(`${SETS} ORDER BY s.name COLLATE "C", s.created_at, s.id`, [
    workspaceId,
  ]);
  return rows;
}

async function readSet(client: ClientBase, workspaceId: WorkspaceId, id: string): Promise<SegregationSet> {
  const { rows } = await client.query<SegregationSet>(`${SETS} AND s.id = $2`, [workspaceId, id]);
  const [row] = rows;
  if (row !== undefined) return row;
  throw new Failure(404, 'segregation_set_not_found', 'There is no such set.', 'List them with GET /v1/segregation.');
}

/** Throws `role_not_found`, `segregation_set_exists`. */
export function addSet(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  { name, roles, reason }: z.output<typeof newSetSchema>,
): Promise<SegregationSet> {
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const { rows } = await client.query<{ role: string }>(
      `SELECT role FROM unnest($2::text[]) AS r (role)
        WHERE NOT EXISTS (SELECT FROM roles k WHERE k.workspace_id = $1 AND k.name = r.role)`,
      [workspaceId, roles],
    );
    const [missing] = rows;
    if (missing !== undefined)
      throw new Failure(404, 'role_not_found', `There is no role "${missing.role}".`, 'List them with GET /v1/roles.');
    const id = newId('sod');
    const { rowCount } = await client.query(
      `INSERT INTO segregation_sets (workspace_id, id, name, roles, reason, created_at, created_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
      [workspaceId, id, name, roles, reason, now, actor],
    );
    if (rowCount === 0)
      throw new Failure(
        409,
        'segregation_set_exists',
        `There is a set "${name}".`,
        'End it first, or take another name.',
      );
    record({ kind: 'segregation.changed', actor, set_id: id, set: name, change: 'added', roles, reason });
    return readSet(client, workspaceId, id);
  });
}

/** Throws `segregation_set_not_found`, `segregation_set_over`. */
export function endSet(log: ActionLog, { workspaceId, actor }: Administrator, id: string): Promise<SegregationSet> {
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const { name, roles, ended_at } = await readSet(client, workspaceId, id);
    if (ended_at !== null) throw over();
    await client.query('UPDATE segregation_sets SET ended_at = $3, ended_by = $4 WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      id,
      now,
      actor,
    ]);
    record({ kind: 'segregation.changed', actor, set_id: id, set: name, change: 'ended', roles });
    return readSet(client, workspaceId, id);
  });
}

/** Throws `segregation_set_not_found`, `segregation_set_over`, `agent_not_found`, `own_agent`, `expiry_invalid`, and what a person is asked for. */
export function acceptConflict(
  log: ActionLog,
  who: Administrator,
  setId: string,
  { agent: wanted, reason, until }: z.output<typeof newAcceptanceSchema>,
): Promise<SegregationSet> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const person = await signingPerson(client, who, 'sign_off', now);
    const { name, ended_at } = await readSet(client, workspaceId, setId);
    if (ended_at !== null) throw over();
    const agent = await readAgent(client, workspaceId, wanted);
    if (agent.ownerId === person.id)
      throw new Failure(
        403,
        'own_agent',
        'Whoever owns the agent does not accept it.',
        'Have another person look at it.',
      );
    const ms = Date.parse(until) - now.getTime();
    if (!(ms > 0 && ms <= MOST_DAYS * DAY_MS))
      throw new Failure(422, 'expiry_invalid', 'That is no time to end at.', `Name one within ${MOST_DAYS} days.`);
    const id = newId('soa');
    await client.query(
      `INSERT INTO segregation_acceptances (workspace_id, id, set_id, agent_id, reason, until, person_id, person, accepted_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [workspaceId, id, setId, agent.id, reason, until, person.id, person.email, now],
    );
    record({
      ...{ kind: 'segregation.accepted', actor, acceptance: id, set_id: setId, set: name },
      ...{ agent: agent.name, agent_id: agent.id, owner: agent.owner, person: person.email, reason, until },
    });
    return readSet(client, workspaceId, setId);
  });
}

/** Throws `acceptance_not_found`. */
export function endAcceptance(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  setId: string,
  id: string,
): Promise<SegregationSet> {
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const { name } = await readSet(client, workspaceId, setId);
    const { rows } = await client.query<{ agent_id: string }>(
      `UPDATE segregation_acceptances SET ended_at = $4, ended_by = $5
        WHERE workspace_id = $1 AND set_id = $2 AND id = $3 AND ended_at IS NULL RETURNING agent_id`,
      [workspaceId, setId, id, now, actor],
    );
    const [row] = rows;
    if (row === undefined)
      throw new Failure(
        404,
        'acceptance_not_found',
        'There is no such acceptance in force.',
        'GET /v1/segregation lists them.',
      );
    record({
      kind: 'segregation.acceptance_ended',
      actor,
      acceptance: id,
      set_id: setId,
      set: name,
      agent_id: row.agent_id,
    });
    return readSet(client, workspaceId, setId);
  });
}

function over(): Failure {
  return new Failure(409, 'segregation_set_over', 'That set is over.', 'Add another: POST /v1/segregation.');
}
