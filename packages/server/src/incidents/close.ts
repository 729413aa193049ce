/** Closing an incident: with a decision, a root cause, nothing of it undecided, and what is to be changed done or answered for. */
import { z } from 'zod';
import { listAlerts, refuseOwn, responderOf } from '../alerts/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { followUpsOf } from './follow-ups.ts';
import { type IncidentRow, incidentFields, readIncident } from './incident.ts';

const reason = z.string().trim().min(1).max(2_000);

export const closeSchema = z.strictObject({
  reason,
  open_follow_ups_reason: z.string().trim().min(1).max(2_000).optional().meta({
    description: 'Why it is closed although follow-ups are open: who sees to them.',
  }),
});
export const reopenSchema = z.strictObject({ reason });

const MAX_ALERTS = 1_000;

/**
 * Closing twice answers the closed one. Throws `incident_undecided`, `incident_alerts_open`, `incident_follow_ups_open`,
 * `own_alert`, `incident_not_found`, and as `responderOf`.
 */
export async function closeIncident(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  { reason: words, open_follow_ups_reason: why }: z.output<typeof closeSchema>,
): Promise<IncidentRow> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const person = await responderOf(client, who);
  const incident = await readIncident(client, workspaceId, id);
  if (incident.status === 'closed') return incident;
  if (incident.decision === null || incident.root_cause === null)
    throw new Failure(
      409,
      'incident_undecided',
      `The incident ${id} has no ${incident.decision === null ? 'decision' : 'root cause'}.`,
      'Say it with PATCH /v1/incidents/:id.',
    );
  const alerts = await listAlerts(client, workspaceId, { incident: id, synthetic: 'include' }, undefined, MAX_ALERTS);
  const undecided = alerts.filter(({ disposition }) => disposition === null);
  if (undecided.length > 0)
    throw new Failure(
      409,
      'incident_alerts_open',
      `Nobody has said what ${undecided.length} of its alerts were: ${undecided
        .slice(0, 5)
        .map((alert) => alert.id)
        .join(', ')}${undecided.length > 5 ? ', …' : ''}.`,
      'Give them a disposition, or take them out of the incident.',
    );
  for (const alert of alerts) await refuseOwn(client, who, person, alert);
  const open = (await followUpsOf(client, workspaceId, id)).filter(({ status }) => status === 'open');
  if (open.length > 0 && why === undefined)
    throw new Failure(
      409,
      'incident_follow_ups_open',
      `${open.length} of its follow-ups are open.`,
      'Have them done or dropped, or say in open_follow_ups_reason why it is closed all the same.',
    );
  await client.query(
    `UPDATE incidents SET status = 'closed', closed_at = clock_timestamp(), closed_by = $3, close_reason = $4,
            contained_at = coalesce(contained_at, clock_timestamp())
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, person.email, words],
  );
  log({
    kind: 'incident.closed',
    actor,
    ...incidentFields(incident),
    person: person.email,
    decision: incident.decision,
    root_cause: incident.root_cause,
    alerts_count: alerts.length,
    open_follow_ups: open.map((each) => each.id),
    open_follow_ups_reason: open.length > 0 ? why : undefined,
    reason: words,
  });
  return readIncident(client, workspaceId, id);
}

/** Throws `incident_open`, `incident_not_found`, and as `responderOf`. */
export async function reopenIncident(
  { client, log }: LoggedTransaction,
  who: Administrator,
  id: string,
  words: string,
): Promise<IncidentRow> {
  const { workspaceId, actor } = who;
  const { email: person } = await responderOf(client, who);
  const incident = await readIncident(client, workspaceId, id);
  if (incident.status !== 'closed')
    throw new Failure(409, 'incident_open', `The incident ${id} is not closed.`, 'Go on with it.');
  await client.query(
    `UPDATE incidents SET status = 'open', closed_at = NULL, closed_by = NULL, close_reason = NULL, contained_at = NULL, reopened = reopened + 1
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id],
  );
  log({ kind: 'incident.reopened', actor, ...incidentFields(incident), person, reason: words });
  return readIncident(client, workspaceId, id);
}
