/** Incidents as the API shows them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';

/** From the least; what only informs is no incident. */
export const INCIDENT_SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
const INCIDENT_STATUSES = ['open', 'contained', 'closed'] as const;
export const LINK_KINDS = ['agent', 'approval', 'change', 'containment', 'quarantine', 'event'] as const;
export const FOLLOW_UP_STATUSES = ['open', 'done', 'dropped'] as const;

export const incidentSchema = z
  .object({
    id: z.string(),
    object: z.literal('incident'),
    title: z.string(),
    summary: z.string(),
    severity: z.enum(INCIDENT_SEVERITIES),
    status: z.enum(INCIDENT_STATUSES),
    synthetic: z.boolean().meta({ description: 'An exercise: in no count.' }),
    lead: z.string(),
    began_at: z
      .int()
      .nullable()
      .meta({ description: 'As far as is known; first the earliest of what its alerts tell of.' }),
    opened_at: z.int(),
    opened_by: z.string(),
    contained_at: z.int().nullable(),
    decision: z.string().nullable().meta({ description: 'What it is and what follows: who is told, what is done.' }),
    decided_by: z.string().nullable(),
    decided_at: z.int().nullable(),
    root_cause: z.string().nullable(),
    closed_at: z.int().nullable(),
    closed_by: z.string().nullable(),
    close_reason: z.string().nullable(),
    reopened: z.int(),
    alerts: z.int().meta({ description: 'How many.' }),
    open_follow_ups: z.int(),
    event_id: z.string(),
  })
  .meta({ id: 'Incident' });
export type IncidentView = z.output<typeof incidentSchema>;

export interface IncidentRow extends IncidentView {
  readonly opened_us: number;
  readonly lead_id: PersonId;
}

/** What is linked to a change is done when that is in force, and stays so when it is rolled back: a new one is then needed. */
export const FOLLOW_UP_STATUS = `CASE WHEN f.status = 'open' AND c.status = 'activated' THEN 'done' ELSE f.status END`;

const seconds = (column: string): string => `floor(extract(epoch FROM i.${column}))::bigint AS ${column}`;

const INCIDENTS = `
SELECT i.id, 'incident' AS object, i.title, i.summary, i.severity, i.status, i.synthetic, i.lead_id, i.lead, ${seconds('began_at')},
       ${seconds('opened_at')}, i.opened_by, ${seconds('contained_at')}, i.decision, i.decided_by, ${seconds('decided_at')}, i.root_cause,
       ${seconds('closed_at')}, i.closed_by, i.close_reason, i.reopened, i.event_id,
       (SELECT count(*) FROM alerts a WHERE a.workspace_id = i.workspace_id AND a.incident_id = i.id) AS alerts,
       (SELECT count(*) FROM incident_follow_ups f LEFT JOIN changes c ON c.workspace_id = f.workspace_id AND c.id = f.change_id
         WHERE f.workspace_id = i.workspace_id AND f.incident_id = i.id AND ${FOLLOW_UP_STATUS} = 'open') AS open_follow_ups,
       (extract(epoch FROM i.opened_at) * 1000000)::bigint AS opened_us
  FROM incidents i WHERE i.workspace_id = $1`;

/** Throws `incident_not_found`. */
export async function readIncident(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<IncidentRow> {
  const { rows } = await client.query<IncidentRow>(`${INCIDENTS} AND i.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(404, 'incident_not_found', `There is no incident "${id}".`, 'List them with GET /v1/incidents.');
}

export const incidentQuery = {
  status: z.enum(INCIDENT_STATUSES).optional(),
  severity: z.enum(INCIDENT_SEVERITIES).optional().meta({ description: 'At least this.' }),
  lead: z.string().min(1).max(254).optional().meta({ description: 'E-mail.' }),
  synthetic: z.enum(['exclude', 'only', 'include']).default('exclude').meta({ description: 'Exercises.' }),
};
const filterSchema = z.object(incidentQuery);

/** Newest first. */
export async function listIncidents(
  pool: Pool,
  workspaceId: WorkspaceId,
  { status, severity, lead, synthetic }: z.output<typeof filterSchema>,
  after: TimePosition | undefined,
  limit: number,
): Promise<IncidentRow[]> {
  const { rows } = await pool.query<IncidentRow>(
    `${INCIDENTS} AND ($2::text IS NULL OR i.status = $2) AND ($3::text[] IS NULL OR i.severity = ANY($3))
       AND ($4::text IS NULL OR i.lead = lower($4)) AND ($5::boolean IS NULL OR i.synthetic = $5)
       AND ($6::bigint IS NULL OR (i.opened_at, i.id) < ('epoch'::timestamptz + $6 * interval '1 microsecond', $7))
     ORDER BY i.opened_at DESC, i.id DESC LIMIT $8`,
    [
      workspaceId,
      status ?? null,
      severity === undefined ? null : INCIDENT_SEVERITIES.slice(INCIDENT_SEVERITIES.indexOf(severity)),
      lead ?? null,
      synthetic === 'include' ? null : synthetic === 'only',
      after?.atUs ?? null,
      after?.id ?? null,
      limit,
    ],
  );
  return rows;
}

export const linkSchema = z.object({
  kind: z.enum(LINK_KINDS),
  ref: z.string(),
  name: z.string(),
  linked_by: z.string(),
  linked_at: z.int(),
});
export type LinkView = z.output<typeof linkSchema>;

export async function linksOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<readonly LinkView[]> {
  const { rows } = await client.query<LinkView>(
    `SELECT kind, ref, name, linked_by, floor(extract(epoch FROM linked_at))::bigint AS linked_at
       FROM incident_links WHERE workspace_id = $1 AND incident_id = $2 ORDER BY incident_links.linked_at, kind, ref`,
    [workspaceId, id],
  );
  return rows;
}

/** What every record about an incident says of it. */
export function incidentFields({ id, title, severity, lead, synthetic }: IncidentRow) {
  return { incident_id: id, title, severity, lead, synthetic: synthetic ? true : undefined } as const;
}

/** Throws `incident_closed`. */
export function refuseClosed({ id, status }: IncidentRow): void {
  if (status !== 'closed') return;
  throw new Failure(
    409,
    'incident_closed',
    `The incident ${id} is closed.`,
    'Reopen it: POST /v1/incidents/:id/reopen.',
  );
}
