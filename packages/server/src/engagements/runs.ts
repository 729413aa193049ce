/** What was tried out in an engagement, with what came of it: kept as it was shown. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { type Administrator, jsonObject } from '../api/route.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction, RecordDraft } from '../log/index.ts';
import { openEngagementOf } from './engagement.ts';

export const runSchema = z
  .object({
    object: z.literal('engagement_run'),
    id: z.string(),
    kind: z.enum(['walkthrough', 'reperformance']),
    step: z.string().nullable(),
    input: jsonObject,
    result: jsonObject,
    shown: z.boolean().meta({ description: 'Whether it showed what it says it shows; of entries, whether all match.' }),
    actor: z.string(),
    at: z.int(),
    event_id: z.string(),
  })
  .meta({ id: 'EngagementRun' });
export type Run = z.output<typeof runSchema>;

interface NewRun {
  readonly kind: Run['kind'];
  readonly step: string | null;
  readonly input: Readonly<Record<string, unknown>>;
  readonly result: Readonly<Record<string, unknown>>;
  readonly shown: boolean;
  readonly record: RecordDraft;
}

/** Throws `engagement_not_found`, `engagement_over`. */
export async function keepRun(
  { client, now, log }: LoggedTransaction,
  { workspaceId, actor }: Pick<Administrator, 'workspaceId' | 'actor'>,
  engagementId: string,
  { kind, step, input, result, shown, record }: NewRun,
): Promise<{ readonly id: string; readonly at: number }> {
  await openEngagementOf(client, workspaceId, engagementId);
  const id = newId<string>('ern');
  const eventId = log({ ...record, actor, engagement_id: engagementId, run_id: id, shown });
  await client.query(
    `INSERT INTO engagement_runs (workspace_id, engagement_id, id, kind, step, input, result, shown, actor, at, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      workspaceId,
      engagementId,
      id,
      kind,
      step,
      JSON.stringify(input),
      JSON.stringify(result),
      shown,
      actor,
      now,
      eventId,
    ],
  );
  return { id, at: Math.floor(now.getTime() / 1000) };
}

/** The oldest first. */
export async function listRuns(pool: Pool, workspaceId: WorkspaceId, engagementId: string): Promise<Run[]> {
  const { rows } = await pool.query<Run>(
    `SELECT 'engagement_run' AS object, id, kind, step, input, result, shown, actor, floor(extract(epoch FROM at))::bigint AS at, event_id
       FROM engagement_runs WHERE workspace_id = $1 AND engagement_id = $2 ORDER BY engagement_runs.at, id LIMIT 1000`,
    [workspaceId, engagementId],
  );
  return rows;
}
