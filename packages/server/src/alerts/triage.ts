/**
 * What people do with an alert: open → acknowledged → triaged → closed, and back to open. Each step is a record with the
 * person and the reason, in the transaction of the step. Every transaction of the log holds the workspace's row, so two
 * steps of one alert are one after the other.
 */
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { type AlertRow, alertFields, DISPOSITIONS, readAlert } from './alert.ts';
import { refuseOwn, responderOf } from './responder.ts';
import { readAlertSettings } from './settings.ts';
import { isAtLeast, SEVERITIES, type Severity } from './severity.ts';

const reason = z.string().trim().min(1).max(2_000);

export const noteSchema = z.strictObject({ reason: z.string().trim().max(2_000).default('') }).prefault({});
export const reasonedSchema = z.strictObject({ reason });
export const assignSchema = z.strictObject({
  person: z.string().min(1).max(254).meta({ description: 'Id or e-mail.' }),
  reason: z.string().trim().max(2_000).default(''),
});
export const gradeSchema = z.strictObject({ severity: z.enum(SEVERITIES), reason });
export const triageSchema = z
  .strictObject({
    disposition: z.enum(DISPOSITIONS),
    reason,
    duplicate_of: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .meta({ description: 'With `duplicate`: the alert that it repeats.' }),
    close: z.boolean().default(false).meta({ description: 'Close it in the same step.' }),
  })
  .refine(({ disposition, duplicate_of: of }) => (disposition === 'duplicate') === (of !== undefined), {
    error: 'belongs to the disposition duplicate, and to no other',
    path: ['duplicate_of'],
  });
export type Triage = z.output<typeof triageSchema>;

/** Whoever acknowledges one that nobody has takes it. Throws `alert_not_found`, `alert_closed`, and as `responderOf`. */
export async function acknowledge(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  words: string,
): Promise<AlertRow> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const person = await responderOf(client, who);
  const alert = await readAlert(client, workspaceId, id);
  refuseClosed(alert);
  if (alert.status !== 'open') return alert;
  await client.query(
    `UPDATE alerts SET status = 'acknowledged', acknowledged_by = $3, acknowledged_at = clock_timestamp(),
            assignee_id = coalesce(assignee_id, $4), assignee = coalesce(assignee, $3), assigned_at = coalesce(assigned_at, clock_timestamp())
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, person.email, person.id],
  );
  log({
    kind: 'alert.acknowledged',
    actor,
    ...alertFields(alert),
    person: person.email,
    assignee: alert.assignee ?? person.email,
    reason: words,
  });
  return readAlert(client, workspaceId, id);
}

/** Throws `person_not_found`, `person_inactive`, `alert_not_found`, `alert_closed`, and as `responderOf`. */
export async function assign(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  { person: name, reason: words }: z.output<typeof assignSchema>,
): Promise<AlertRow> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const person = await responderOf(client, who);
  const alert = await readAlert(client, workspaceId, id);
  refuseClosed(alert);
  const assignee = await readPerson(client, workspaceId, name);
  if (!assignee.active)
    throw new Failure(409, 'person_inactive', `${assignee.email} is not active.`, 'Give it to somebody else.');
  if (alert.assignee_id === assignee.id) return alert;
  await client.query(
    'UPDATE alerts SET assignee_id = $3, assignee = $4, assigned_at = clock_timestamp() WHERE workspace_id = $1 AND id = $2',
    [workspaceId, id, assignee.id, assignee.email],
  );
  log({
    kind: 'alert.assigned',
    actor,
    ...alertFields(alert),
    person: person.email,
    assignee: assignee.email,
    assignee_before: alert.assignee ?? undefined,
    reason: words,
    // Who takes it themselves need not be told.
    to: assignee.id === person.id ? [] : [assignee.email],
  });
  return readAlert(client, workspaceId, id);
}

/**
 * What it was. It can be judged anew until it is closed. Throws `own_alert`, `alert_disposition_refused`,
 * `alert_not_found`, `alert_closed`, and as `responderOf`.
 */
export async function triage(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  { disposition, reason: words, duplicate_of: duplicateOf, close: isClosed }: Triage,
): Promise<AlertRow> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const person = await responderOf(client, who);
  const alert = await readAlert(client, workspaceId, id);
  refuseClosed(alert);
  await refuseOwn(client, who, person, alert);
  if (alert.synthetic && disposition !== 'test' && disposition !== 'duplicate')
    throw new Failure(
      409,
      'alert_disposition_refused',
      `The alert ${id} was made by a test, and stays out of what happened.`,
      'Its disposition is test, or duplicate of another one.',
    );
  if (duplicateOf !== undefined) await refuseNoOriginal(transaction, who, alert, duplicateOf);
  await client.query(
    `UPDATE alerts SET status = 'triaged', disposition = $3, reason = $4, duplicate_of = $5, triaged_by = $6, triaged_at = clock_timestamp(),
            acknowledged_by = coalesce(acknowledged_by, $6), acknowledged_at = coalesce(acknowledged_at, clock_timestamp()),
            assignee_id = coalesce(assignee_id, $7), assignee = coalesce(assignee, $6), assigned_at = coalesce(assigned_at, clock_timestamp())
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, disposition, words, duplicateOf ?? null, person.email, person.id],
  );
  log({
    kind: 'alert.triaged',
    actor,
    ...alertFields(alert),
    person: person.email,
    disposition,
    disposition_before: alert.disposition ?? undefined,
    duplicate_of: duplicateOf,
    incident_id: alert.incident ?? undefined,
    reason: words,
  });
  const judged = await readAlert(client, workspaceId, id);
  return isClosed ? closeIn(transaction, who, person.email, judged, words) : judged;
}

/** Throws `alert_not_triaged`, `own_alert`, `alert_not_found`, and as `responderOf`. Closing twice answers the closed one. */
export async function close(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  words: string,
): Promise<AlertRow> {
  const person = await responderOf(transaction.client, who);
  const alert = await readAlert(transaction.client, who.workspaceId, id);
  if (alert.status === 'closed') return alert;
  if (alert.disposition === null)
    throw new Failure(
      409,
      'alert_not_triaged',
      `Nobody has said what the alert ${id} was.`,
      'Give it a disposition first: POST /v1/alerts/:id/triage, which closes it too with `close`.',
    );
  await refuseOwn(transaction.client, who, person, alert);
  return closeIn(transaction, who, person.email, alert, words);
}

async function closeIn(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  person: string,
  alert: AlertRow,
  words: string,
): Promise<AlertRow> {
  await client.query(
    `UPDATE alerts SET status = 'closed', closed_by = $3, closed_at = clock_timestamp() WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, alert.id, person],
  );
  log({
    kind: 'alert.closed',
    actor,
    ...alertFields(alert),
    person,
    disposition: alert.disposition,
    incident_id: alert.incident ?? undefined,
    reason: words,
  });
  return readAlert(client, workspaceId, alert.id);
}

/** It is looked at anew, with new times. Throws `alert_open`, `alert_not_found`, and as `responderOf`. */
export async function reopen(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  words: string,
): Promise<AlertRow> {
  const { client, log, now } = transaction;
  const { workspaceId, actor } = who;
  const person = await responderOf(client, who);
  const alert = await readAlert(client, workspaceId, id);
  if (alert.disposition === null)
    throw new Failure(409, 'alert_open', `The alert ${id} is open.`, 'Acknowledge it, or say what it was.');
  const { acknowledge_minutes: acknowledgeMinutes, close_minutes: closeMinutes } = (
    await readAlertSettings(client, workspaceId)
  ).due[alert.severity];
  const due = (minutes: number | null): Date | null =>
    minutes === null || alert.synthetic ? null : new Date(now.getTime() + minutes * 60_000);
  await client.query(
    `UPDATE alerts SET status = 'open', reopened = reopened + 1, disposition = NULL, duplicate_of = NULL, reason = '',
            triaged_by = NULL, triaged_at = NULL, acknowledged_by = NULL, acknowledged_at = NULL, closed_by = NULL, closed_at = NULL,
            acknowledge_due_at = $3, close_due_at = $4, acknowledge_missed_at = NULL, close_missed_at = NULL
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, due(acknowledgeMinutes), due(closeMinutes)],
  );
  log({
    kind: 'alert.reopened',
    actor,
    ...alertFields(alert),
    person: person.email,
    disposition_before: alert.disposition,
    reason: words,
  });
  return readAlert(client, workspaceId, id);
}

/** Not below its floor. Throws `alert_severity_floor`, `own_alert`, `alert_closed`, `alert_not_found`, and as `responderOf`. */
export async function grade(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  severity: Severity,
  words: string,
): Promise<AlertRow> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const person = await responderOf(client, who);
  const alert = await readAlert(client, workspaceId, id);
  refuseClosed(alert);
  if (alert.severity === severity) return alert;
  // Going down, it might leave what another one has to judge.
  await refuseOwn(client, who, person, alert);
  if (!isAtLeast(severity, alert.severity_floor))
    throw new Failure(
      409,
      'alert_severity_floor',
      `The alert ${id} is at least ${alert.severity_floor}.`,
      'The workspace says so: floors of GET /v1/alert-settings.',
    );
  await client.query('UPDATE alerts SET severity = $3 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    id,
    severity,
  ]);
  log({
    kind: 'alert.changed',
    actor,
    ...alertFields({ ...alert, severity }),
    person: person.email,
    changes: { severity: [alert.severity, severity] },
    reason: words,
  });
  return readAlert(client, workspaceId, id);
}

function refuseClosed({ id, status }: AlertRow): void {
  if (status !== 'closed') return;
  throw new Failure(409, 'alert_closed', `The alert ${id} is closed.`, 'Reopen it: POST /v1/alerts/:id/reopen.');
}

async function refuseNoOriginal(
  { client }: LoggedTransaction,
  { workspaceId }: Administrator,
  alert: AlertRow,
  duplicateOf: string,
): Promise<void> {
  const original = await readAlert(client, workspaceId, duplicateOf);
  // A true alert would be out of every count behind a test, and two duplicates of each other behind nothing.
  if (original.id !== alert.id && original.disposition !== 'duplicate' && original.synthetic === alert.synthetic)
    return;
  throw new Failure(
    409,
    'alert_disposition_refused',
    `The alert ${alert.id} cannot be a duplicate of ${duplicateOf}, which is itself, a duplicate, or of another kind: of a test, or not.`,
    'Name the first alert of those that tell the same.',
  );
}
