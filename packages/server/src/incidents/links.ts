/** What an incident concerns: alerts, and beside them agents, approvals, changes, stops, quarantines and single records. */
import type { ClientBase } from 'pg';
import { z } from 'zod';
import { linkAlert, readAlert, responderOf, unlinkAlert } from '../alerts/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type IncidentRow, incidentFields, LINK_KINDS, readIncident, refuseClosed } from './incident.ts';

export const newLinkSchema = z.strictObject({
  kind: z.enum(['alert', ...LINK_KINDS]),
  ref: z.string().min(1).max(128).meta({ description: 'Id; of an agent or a change also its name.' }),
  reason: z.string().trim().min(1).max(2_000),
});
type NewLink = z.output<typeof newLinkSchema>;

const MAX_LINKS = 500;

/** Linking twice changes nothing. Throws `link_target_not_found`, `too_many_links`, and as `linkAlert`, `readIncident`, `responderOf`. */
export async function link(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  { kind, ref, reason }: NewLink,
): Promise<IncidentRow> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const { email: person } = await responderOf(client, who);
  const incident = await readIncident(client, workspaceId, id);
  refuseClosed(incident);
  if (kind === 'alert') {
    const alert = await readAlert(client, workspaceId, ref);
    await linkAlert(transaction, who, person, alert, id, incident.synthetic, reason);
    return readIncident(client, workspaceId, id);
  }
  const target = await targetOf(client, workspaceId, kind, ref);
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*) AS count FROM incident_links WHERE workspace_id = $1 AND incident_id = $2',
    [workspaceId, id],
  );
  if ((rows[0]?.count ?? 0) >= MAX_LINKS)
    throw new Failure(
      409,
      'too_many_links',
      `The incident ${id} has ${MAX_LINKS} links already.`,
      'Take one out first.',
    );
  const { rowCount } = await client.query(
    `INSERT INTO incident_links (workspace_id, incident_id, kind, ref, name, linked_by) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT DO NOTHING`,
    [workspaceId, id, kind, target.id, target.name, person],
  );
  if (rowCount === 1)
    log({
      kind: 'incident.linked',
      actor,
      ...incidentFields(incident),
      person,
      change: 'linked',
      link_kind: kind,
      ref: target.id,
      name: target.name,
      reason,
    });
  return incident;
}

/** Throws `link_target_not_found` for what is not linked, and as `readIncident`, `responderOf`. */
export async function unlink(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  { kind, ref, reason }: NewLink,
): Promise<IncidentRow> {
  const { client, log } = transaction;
  const { workspaceId, actor } = who;
  const { email: person } = await responderOf(client, who);
  const incident = await readIncident(client, workspaceId, id);
  refuseClosed(incident);
  if (kind === 'alert') {
    const alert = await readAlert(client, workspaceId, ref);
    if (alert.incident !== id) throw noTarget(kind, ref);
    await unlinkAlert(transaction, who, person, alert, reason);
    return readIncident(client, workspaceId, id);
  }
  const { rowCount } = await client.query(
    'DELETE FROM incident_links WHERE workspace_id = $1 AND incident_id = $2 AND kind = $3 AND (ref = $4 OR name = $4)',
    [workspaceId, id, kind, ref],
  );
  if (rowCount === 0) throw noTarget(kind, ref);
  log({
    kind: 'incident.linked',
    actor,
    ...incidentFields(incident),
    person,
    change: 'unlinked',
    link_kind: kind,
    ref,
    reason,
  });
  return incident;
}

type Kind = (typeof LINK_KINDS)[number];

/** Of this workspace alone. $2: id or name. */
const TARGETS: Readonly<Record<Kind, string>> = {
  agent: `SELECT id, handle AS name FROM agents WHERE workspace_id = $1 AND (id = $2 OR lower(handle) = lower($2)) AND rehearsal_id IS NULL`,
  approval: `SELECT id, action AS name FROM approvals WHERE workspace_id = $1 AND id = $2`,
  change: `SELECT id, 'CHG-' || number AS name FROM changes WHERE workspace_id = $1 AND (id = $2 OR 'CHG-' || number = upper($2))`,
  containment: `SELECT id, scope || ' ' || target AS name FROM containments WHERE workspace_id = $1 AND id = $2`,
  quarantine: `SELECT q.id, a.handle AS name FROM quarantines q JOIN agents a ON a.workspace_id = q.workspace_id AND a.id = q.agent_id
                WHERE q.workspace_id = $1 AND q.id = $2`,
  event: `SELECT event_id AS id, kind AS name FROM actions WHERE workspace_id = $1 AND event_id = $2`,
};

async function targetOf(
  client: ClientBase,
  workspaceId: WorkspaceId,
  kind: Kind,
  ref: string,
): Promise<{ readonly id: string; readonly name: string }> {
  const { rows } = await client.query<{ id: string; name: string }>(`${TARGETS[kind]} LIMIT 1`, [workspaceId, ref]);
  if (rows[0] !== undefined) return rows[0];
  throw noTarget(kind, ref);
}

function noTarget(kind: string, ref: string): Failure {
  return new Failure(
    404,
    'link_target_not_found',
    `There is no ${kind} "${ref}" to link, or it is not linked.`,
    'Name it by its id. A record of the log can be linked a second after it was made.',
  );
}
