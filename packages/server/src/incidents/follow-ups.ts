/** What is changed because of an incident: who does it, until when, and by which change of what decides. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { responderOf } from '../alerts/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { FOLLOW_UP_STATUS, FOLLOW_UP_STATUSES, incidentFields, readIncident, refuseClosed } from './incident.ts';
import { activePerson } from './open.ts';

export const followUpSchema = z
  .object({
    id: z.string(),
    title: z.string(),
    owner: z.string(),
    due_at: z.int(),
    overdue: z.boolean(),
    status: z.enum(FOLLOW_UP_STATUSES).meta({ description: 'Done by itself when its change is in force.' }),
    change: z.object({ id: z.string(), name: z.string(), title: z.string(), status: z.string() }).nullable(),
    settled_at: z.int().nullable(),
    settled_by: z.string().nullable(),
    reason: z.string(),
  })
  .meta({ id: 'IncidentFollowUp' });
export type FollowUpView = z.output<typeof followUpSchema>;

export async function followUpsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  incidentId: string,
): Promise<readonly FollowUpView[]> {
  const { rows } = await client.query<FollowUpView>(
    `SELECT f.id, f.title, f.owner, floor(extract(epoch FROM f.due_at))::bigint AS due_at, ${FOLLOW_UP_STATUS} AS status,
            ${FOLLOW_UP_STATUS} = 'open' AND f.due_at <= clock_timestamp() AS overdue,
            CASE WHEN c.id IS NOT NULL THEN json_build_object('id', c.id, 'name', 'CHG-' || c.number, 'title', c.title, 'status', c.status) END AS change,
            floor(extract(epoch FROM coalesce(f.settled_at, CASE WHEN c.status = 'activated' THEN c.activated_at END)))::bigint AS settled_at,
            coalesce(f.settled_by, CASE WHEN c.status = 'activated' THEN c.activated_by END) AS settled_by, f.reason
       FROM incident_follow_ups f LEFT JOIN changes c ON c.workspace_id = f.workspace_id AND c.id = f.change_id
      WHERE f.workspace_id = $1 AND f.incident_id = $2 ORDER BY f.due_at, f.id`,
    [workspaceId, incidentId],
  );
  return rows;
}

const moment = z.iso.datetime({ offset: true });
const title = z.string().trim().min(1).max(300);
const owner = z.string().min(1).max(254).meta({ description: 'Id or e-mail.' });
const change = z.string().min(1).max(64).meta({ description: 'Id or CHG-number of a change of what decides.' });
const reason = z.string().trim().min(1).max(2_000);

export const newFollowUpSchema = z.strictObject({ title, owner, due_at: moment, change: change.optional(), reason });
export const followUpChangeSchema = z.strictObject({
  title: title.optional(),
  owner: owner.optional(),
  due_at: moment.optional(),
  change: change.nullable().optional(),
  status: z.enum(FOLLOW_UP_STATUSES).optional(),
  reason,
});

const MAX_FOLLOW_UPS = 100;

/** Throws `too_many_follow_ups`, `change_not_found`, `person_not_found`, `person_inactive`, and as `readIncident`, `responderOf`. */
export async function addFollowUp(
  transaction: LoggedTransaction,
  who: Administrator,
  incidentId: string,
  wanted: z.output<typeof newFollowUpSchema>,
): Promise<FollowUpView> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const { email: person } = await responderOf(client, who);
  const incident = await readIncident(client, workspaceId, incidentId);
  refuseClosed(incident);
  if ((await followUpsOf(client, workspaceId, incidentId)).length >= MAX_FOLLOW_UPS)
    throw new Failure(
      409,
      'too_many_follow_ups',
      `The incident ${incidentId} has ${MAX_FOLLOW_UPS} follow-ups already.`,
      'Join some of them.',
    );
  const holder = await activePerson(transaction, who, wanted.owner);
  const changeId = wanted.change === undefined ? null : await changeIdOf(client, workspaceId, wanted.change);
  const id = newId<string>('fup');
  await client.query(
    `INSERT INTO incident_follow_ups (workspace_id, incident_id, id, title, owner_id, owner, due_at, change_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [workspaceId, incidentId, id, wanted.title, holder.id, holder.email, wanted.due_at, changeId],
  );
  const made = await readFollowUp(client, workspaceId, incidentId, id);
  log({
    kind: 'incident.follow_up',
    actor,
    ...incidentFields(incident),
    person,
    change: 'added',
    ...followUpFields(made),
    reason: wanted.reason,
  });
  return made;
}

/** Also of a closed incident: its follow-ups go on. Throws as `addFollowUp`, and `follow_up_not_found`. */
export async function changeFollowUp(
  transaction: LoggedTransaction,
  who: Administrator,
  incidentId: string,
  id: string,
  wanted: z.output<typeof followUpChangeSchema>,
): Promise<FollowUpView> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const { email: person } = await responderOf(client, who);
  const incident = await readIncident(client, workspaceId, incidentId);
  const before = await readFollowUp(client, workspaceId, incidentId, id);
  if (wanted.title !== undefined) await set(client, workspaceId, id, 'title', wanted.title);
  if (wanted.due_at !== undefined) await set(client, workspaceId, id, 'due_at', wanted.due_at);
  if (wanted.owner !== undefined) {
    const holder = await activePerson(transaction, who, wanted.owner);
    await set(client, workspaceId, id, 'owner_id', holder.id);
    await set(client, workspaceId, id, 'owner', holder.email);
  }
  if (wanted.change !== undefined)
    await set(
      client,
      workspaceId,
      id,
      'change_id',
      wanted.change === null ? null : await changeIdOf(client, workspaceId, wanted.change),
    );
  if (wanted.status !== undefined && wanted.status !== before.status)
    await client.query(
      `UPDATE incident_follow_ups SET status = $3, settled_at = CASE WHEN $3 <> 'open' THEN clock_timestamp() END,
              settled_by = CASE WHEN $3 <> 'open' THEN $4 END, reason = $5
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, id, wanted.status, person, wanted.reason],
    );
  const after = await readFollowUp(client, workspaceId, incidentId, id);
  log({
    kind: 'incident.follow_up',
    actor,
    ...incidentFields(incident),
    person,
    change: 'updated',
    ...followUpFields(after),
    status_before: before.status,
    reason: wanted.reason,
  });
  return after;
}

function followUpFields({ id, title: what, owner: email, due_at: dueAt, status, change: linked }: FollowUpView) {
  return {
    follow_up_id: id,
    follow_up: what,
    owner: email,
    due_at: new Date(dueAt * 1000).toISOString(),
    status,
    change_id: linked?.id,
  } as const;
}

async function set(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  column: 'title' | 'due_at' | 'owner_id' | 'owner' | 'change_id',
  value: string | null,
): Promise<void> {
  await client.query(`UPDATE incident_follow_ups SET ${column} = $3 WHERE workspace_id = $1 AND id = $2`, [
    workspaceId,
    id,
    value,
  ]);
}

async function readFollowUp(
  client: ClientBase,
  workspaceId: WorkspaceId,
  incidentId: string,
  id: string,
): Promise<FollowUpView> {
  const found = (await followUpsOf(client, workspaceId, incidentId)).find((each) => each.id === id);
  if (found !== undefined) return found;
  throw new Failure(
    404,
    'follow_up_not_found',
    `The incident ${incidentId} has no follow-up "${id}".`,
    'See follow_ups of GET /v1/incidents/:id.',
  );
}

async function changeIdOf(client: ClientBase, workspaceId: WorkspaceId, name: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM changes WHERE workspace_id = $1 AND (id = $2 OR 'CHG-' || number = upper($2))`,
    [workspaceId, name],
  );
  if (rows[0] !== undefined) return rows[0].id;
  throw new Failure(404, 'change_not_found', `There is no change "${name}".`, 'List changes with GET /v1/changes.');
}
