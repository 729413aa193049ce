/** Opening an incident, of alerts or of nothing that anything here has seen, and saying what is known of it. */
import { z } from 'zod';
import { type AlertRow, highest, linkAlert, readAlert, responderOf } from '../alerts/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { newId } from '../ids.ts';
import { changesOf, type LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { INCIDENT_SEVERITIES, type IncidentRow, incidentFields, readIncident, refuseClosed } from './incident.ts';

const title = z.string().trim().min(1).max(200);
const text = z.string().trim().max(10_000);
const person = z.string().min(1).max(254).meta({ description: 'Id or e-mail.' });
const reason = z.string().trim().min(1).max(2_000);
const moment = z.iso.datetime({ offset: true });

export const newIncidentSchema = z.strictObject({
  title,
  summary: text.default(''),
  severity: z
    .enum(INCIDENT_SEVERITIES)
    .optional()
    .meta({ description: 'Absent: the highest of its alerts, or medium.' }),
  lead: person.optional().meta({ description: 'Who leads it; absent: whoever opens it.' }),
  alerts: z.array(z.string().max(64)).max(200).default([]).meta({ description: 'Ids.' }),
  began_at: moment.optional(),
  synthetic: z.boolean().default(false).meta({ description: 'An exercise. Its alerts were made by tests.' }),
  reason,
});

/** Throws `alert_not_found`, `alert_of_incident`, `person_not_found`, `person_inactive`, and as `responderOf`. */
export async function openIncident(
  transaction: LoggedTransaction,
  who: Administrator,
  wanted: z.output<typeof newIncidentSchema>,
): Promise<IncidentRow> {
  const { client, log, now } = transaction;
  const { workspaceId, actor } = who;
  const opener = await responderOf(client, who);
  const lead = wanted.lead === undefined ? opener : await activePerson(transaction, who, wanted.lead);
  const alerts: AlertRow[] = [];
  for (const id of new Set(wanted.alerts)) alerts.push(await readAlert(client, workspaceId, id));
  const found = highest(alerts.map(({ severity }) => severity));
  const severity = wanted.severity ?? (alerts.length === 0 ? 'medium' : found === 'informational' ? 'low' : found);
  const began = alerts.map(({ window_from: from, opened_at: at }) => from ?? at);
  const beganAt =
    wanted.began_at !== undefined
      ? new Date(wanted.began_at)
      : began.length === 0
        ? null
        : new Date(Math.min(...began) * 1000);
  const id = newId<string>('inc');
  const eventId = log({
    kind: 'incident.opened',
    actor,
    incident_id: id,
    title: wanted.title,
    severity,
    lead: lead.email,
    synthetic: wanted.synthetic ? true : undefined,
    person: opener.email,
    began_at: beganAt?.toISOString(),
    alerts: alerts.map((alert) => alert.id),
    reason: wanted.reason,
  });
  await client.query(
    `INSERT INTO incidents (workspace_id, id, title, summary, severity, synthetic, lead_id, lead, began_at, opened_at, opened_by, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      workspaceId,
      id,
      wanted.title,
      wanted.summary,
      severity,
      wanted.synthetic,
      lead.id,
      lead.email,
      beganAt,
      now,
      opener.email,
      eventId,
    ],
  );
  for (const alert of alerts)
    await linkAlert(transaction, who, opener.email, alert, id, wanted.synthetic, wanted.reason);
  return readIncident(client, workspaceId, id);
}

export const incidentChangeSchema = z.strictObject({
  title: title.optional(),
  summary: text.optional(),
  severity: z.enum(INCIDENT_SEVERITIES).optional(),
  lead: person.optional(),
  status: z.enum(['open', 'contained']).optional(),
  began_at: moment.nullable().optional(),
  decision: text.min(1).optional().meta({ description: 'What it is and what follows: who is told, what is done.' }),
  root_cause: text.min(1).optional(),
  reason,
});

/** Throws `incident_not_found`, `incident_closed`, `person_not_found`, `person_inactive`, and as `responderOf`. */
export async function changeIncident(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  { reason: words, ...wanted }: z.output<typeof incidentChangeSchema>,
): Promise<IncidentRow> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const editor = await responderOf(client, who);
  const before = await readIncident(client, workspaceId, id);
  refuseClosed(before);
  const lead = wanted.lead === undefined ? undefined : await activePerson(transaction, who, wanted.lead);
  const { began_at: began, ...rest } = wanted;
  const after = {
    ...rest,
    ...(lead === undefined ? {} : { lead: lead.email }),
    ...(began === undefined ? {} : { began_at: began === null ? null : Math.floor(Date.parse(began) / 1000) }),
  };
  const changes = changesOf({ ...before }, after);
  if (Object.keys(changes).length === 0) return before;
  const decided = 'decision' in changes;
  await client.query(
    `UPDATE incidents SET title = $3, summary = $4, severity = $5, status = $6, lead_id = $7, lead = $8,
            began_at = to_timestamp($9::double precision), decision = $10, decided_by = $11, decided_at = to_timestamp($12::double precision),
            root_cause = $13, contained_at = to_timestamp($14::double precision)
      WHERE workspace_id = $1 AND id = $2`,
    [
      workspaceId,
      id,
      wanted.title ?? before.title,
      wanted.summary ?? before.summary,
      wanted.severity ?? before.severity,
      wanted.status ?? before.status,
      lead?.id ?? before.lead_id,
      lead?.email ?? before.lead,
      began === undefined ? before.began_at : (after.began_at ?? null),
      wanted.decision ?? before.decision,
      decided ? editor.email : before.decided_by,
      decided ? transaction.now.getTime() / 1000 : before.decided_at,
      wanted.root_cause ?? before.root_cause,
      containedAt(before, wanted.status, transaction.now),
    ],
  );
  const changed = await readIncident(client, workspaceId, id);
  log({ kind: 'incident.changed', actor, ...incidentFields(changed), person: editor.email, changes, reason: words });
  return changed;
}

function containedAt(before: IncidentRow, status: 'open' | 'contained' | undefined, now: Date): number | null {
  if (status === 'open') return null;
  return status === 'contained' && before.contained_at === null ? now.getTime() / 1000 : before.contained_at;
}

/** Throws `person_not_found`, `person_inactive`. */
export async function activePerson({ client }: LoggedTransaction, { workspaceId }: Administrator, name: string) {
  const found = await readPerson(client, workspaceId, name);
  if (found.active) return found;
  throw new Failure(409, 'person_inactive', `${found.email} is not active.`, 'Name somebody else.');
}
