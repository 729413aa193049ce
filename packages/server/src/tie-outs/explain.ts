/** A person says why a difference is there. What was said stays; more can be said after it. */
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type DifferenceView, readDifference, readTieOut } from './tie-out.ts';

export const explanationSchema = z.strictObject({ explanation: z.string().trim().min(1).max(10_000) });

/** Throws `person_required`, `tie_out_not_found`, `tie_out_difference_not_found`. */
export async function explainDifference(
  { client, log, now }: LoggedTransaction,
  { workspaceId, actor, person }: Administrator,
  id: string,
  differenceId: string,
  { explanation }: z.output<typeof explanationSchema>,
): Promise<DifferenceView> {
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'A person answers for an explanation, and this key belongs to none.',
      'Sign in, or use a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  const { tool } = await readTieOut(client, workspaceId, id);
  const { kind, reference, explanations } = await readDifference(client, workspaceId, id, differenceId);
  const eventId = log({
    kind: 'tie_out.explained',
    actor,
    tie_out_id: id,
    difference_id: differenceId,
    tool,
    difference: kind,
    reference: reference ?? undefined,
    explanation,
    person: person.email,
  });
  await client.query(
    `INSERT INTO tie_out_explanations (workspace_id, difference_id, n, explanation, explained_by, explained_at, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [workspaceId, differenceId, explanations.length + 1, explanation, person.email, now, eventId],
  );
  await client.query(
    'UPDATE tie_out_differences SET explained_at = $3 WHERE workspace_id = $1 AND id = $2 AND explained_at IS NULL',
    [workspaceId, differenceId, now],
  );
  return readDifference(client, workspaceId, id, differenceId);
}
