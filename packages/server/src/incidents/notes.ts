/** What people write into the timeline. A note is never changed: another one corrects it. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { responderOf } from '../alerts/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { incidentFields, readIncident } from './incident.ts';

export const newNoteSchema = z.strictObject({
  text: z.string().trim().min(1).max(10_000),
  at: z.iso.datetime({ offset: true }).optional().meta({ description: 'When it was, where that is not now.' }),
});

export interface Note {
  readonly id: string;
  readonly at: Date;
  readonly text: string;
  readonly author: string;
  readonly written_at: Date;
  readonly event_id: string;
}

export async function notesOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  incidentId: string,
): Promise<readonly Note[]> {
  const { rows } = await client.query<Note>(
    'SELECT id, at, text, author, written_at, event_id FROM incident_notes WHERE workspace_id = $1 AND incident_id = $2 ORDER BY at, id',
    [workspaceId, incidentId],
  );
  return rows;
}

/** Also of a closed incident: what is found later belongs to it. Throws `note_in_future`, and as `readIncident`, `responderOf`. */
export async function addNote(
  { client, log, now }: LoggedTransaction,
  who: Administrator,
  incidentId: string,
  { text, at }: z.output<typeof newNoteSchema>,
): Promise<void> {
  const { workspaceId, actor } = who;
  const { email: person } = await responderOf(client, who);
  const incident = await readIncident(client, workspaceId, incidentId);
  const moment = at === undefined ? now : new Date(at);
  if (moment.getTime() > now.getTime() + 60_000)
    throw new Failure(400, 'note_in_future', 'The note tells of what has not been yet.', 'Leave `at` out for now.');
  const id = newId<string>('nte');
  const eventId = log({
    kind: 'incident.noted',
    actor,
    ...incidentFields(incident),
    person,
    note_id: id,
    at: moment.toISOString(),
    note: text,
  });
  await client.query(
    `INSERT INTO incident_notes (workspace_id, incident_id, id, text, at, author, event_id) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [workspaceId, incidentId, id, text, moment, person, eventId],
  );
}
