/**
 * Work notes of the firm. They are sealed with the server's key before they reach the database, and no route gives them to
 * the customer; no record of the log says that there are any. Whoever operates both the database and the data folder has
 * the key, and could open them: the auditor's guide says so.
 */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import { openEnvelope, sealEnvelope } from '../upstreams/index.ts';
import { openEngagementOf, refuseCustomer } from './engagement.ts';

export const newNoteSchema = z.strictObject({
  text: z.string().trim().min(1).max(20_000),
  about: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: 'A report, request, sample, entry or criterion.' }),
});

export const noteSchema = z
  .object({
    object: z.literal('engagement_note'),
    id: z.string(),
    about: z.string().nullable(),
    text: z.string(),
    author: z.string(),
    at: z.int(),
  })
  .meta({ id: 'EngagementNote' });
export type Note = z.output<typeof noteSchema>;

const sealedSchema = z.object({ about: z.string().nullable(), text: z.string() });

const contextOf = (workspaceId: WorkspaceId, engagementId: string, id: string) => ({
  workspaceId,
  name: `engagement note ${engagementId} ${id}`,
  version: 1,
});

/** Of everybody of the firm, the oldest first. Throws `engagement_not_found`, `auditor_required`. */
export async function listNotes(pool: Pool, key: KeyObject, who: Administrator, engagementId: string): Promise<Note[]> {
  refuseCustomer(who, engagementId);
  const { rows } = await pool.query<{ id: string; wrappedKey: Buffer; ciphertext: Buffer; author: string; at: number }>(
    `SELECT id, wrapped_key AS "wrappedKey", ciphertext, author, floor(extract(epoch FROM at))::bigint AS at FROM engagement_notes
      WHERE workspace_id = $1 AND engagement_id = $2 ORDER BY engagement_notes.at, id`,
    [who.workspaceId, engagementId],
  );
  return rows.map(({ id, author, at, ...envelope }) => {
    const sealed = openEnvelope(key, contextOf(who.workspaceId, engagementId, id), envelope);
    return { object: 'engagement_note', id, ...sealedSchema.parse(JSON.parse(sealed)), author, at };
  });
}

/** Throws `engagement_not_found`, `engagement_over`, `auditor_required`. */
export async function addNote(
  pool: Pool,
  key: KeyObject,
  who: Administrator,
  engagementId: string,
  { text, about = null }: { readonly text: string; readonly about?: string | null | undefined },
): Promise<Note> {
  refuseCustomer(who, engagementId);
  await openEngagementOf(pool, who.workspaceId, engagementId);
  const id = newId<string>('ent');
  const envelope = sealEnvelope(key, contextOf(who.workspaceId, engagementId, id), JSON.stringify({ about, text }));
  const { rows } = await pool.query<{ at: number }>(
    `INSERT INTO engagement_notes (workspace_id, engagement_id, id, wrapped_key, ciphertext, author, at)
     VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp()) RETURNING floor(extract(epoch FROM at))::bigint AS at`,
    [who.workspaceId, engagementId, id, envelope.wrappedKey, envelope.ciphertext, who.actor],
  );
  return { object: 'engagement_note', id, about, text, author: who.actor, at: rows[0]?.at ?? 0 };
}
