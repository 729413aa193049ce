/** An alert is part of an incident, or is not any more. */
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type AlertRow, alertFields } from './alert.ts';

/** Throws `alert_of_incident`, also for an alert of a test in an incident that is no exercise, and the other way round. */
export async function linkAlert(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  person: string,
  alert: AlertRow,
  incidentId: string,
  isExercise: boolean,
  reason: string,
): Promise<void> {
  if (alert.incident === incidentId) return;
  if (alert.incident !== null)
    throw new Failure(
      409,
      'alert_of_incident',
      `The alert ${alert.id} is part of the incident ${alert.incident}.`,
      'Take it out there first: POST /v1/incidents/:id/unlink.',
    );
  if (alert.synthetic !== isExercise)
    throw new Failure(
      409,
      'alert_of_incident',
      `The alert ${alert.id} was ${alert.synthetic ? '' : 'not '}made by a test, and the incident is ${isExercise ? 'an' : 'no'} exercise.`,
      'Keep exercises and what happened apart.',
    );
  await client.query('UPDATE alerts SET incident_id = $3 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    alert.id,
    incidentId,
  ]);
  const changes = { incident: [null, incidentId] };
  log({ kind: 'alert.changed', actor, ...alertFields(alert), person, incident_id: incidentId, changes, reason });
}

export async function unlinkAlert(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  person: string,
  alert: AlertRow,
  reason: string,
): Promise<void> {
  await client.query('UPDATE alerts SET incident_id = NULL WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    alert.id,
  ]);
  const changes = { incident: [alert.incident, null] };
  const incidentId = alert.incident ?? undefined;
  log({ kind: 'alert.changed', actor, ...alertFields(alert), person, incident_id: incidentId, changes, reason });
}
