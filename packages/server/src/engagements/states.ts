/** What the auditor says of a report: accepted, or returned with the reason. Their words; readiness reads none of them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { reportOf } from '../evidence/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { openEngagementOf, refuseCustomer } from './engagement.ts';

export const newStateSchema = z.strictObject({
  report: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .meta({ description: 'Id of the report, as GET /v1/evidence/reports lists it.' }),
  state: z.enum(['accepted', 'returned']),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hexadecimal')
    .optional()
    .meta({ description: 'Of the file that was looked at.' }),
  reason: z.string().trim().min(1).max(2_000),
});

export const stateSchema = z
  .object({
    object: z.literal('evidence_state'),
    id: z.string(),
    report: z.string(),
    state: z.enum(['accepted', 'returned']),
    sha256: z.string().nullable(),
    reason: z.string(),
    actor: z.string(),
    at: z.int(),
    event_id: z.string(),
    counts: z.boolean().meta({ description: 'The newest of its report.' }),
  })
  .meta({ id: 'EvidenceState' });
export type EvidenceState = z.output<typeof stateSchema>;

/** All that was ever said, the oldest first. */
export async function listStates(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  engagementId: string,
): Promise<EvidenceState[]> {
  const { rows } = await client.query<EvidenceState>(
    `SELECT 'evidence_state' AS object, id, report, state, sha256, reason, actor, floor(extract(epoch FROM at))::bigint AS at, event_id,
            row_number() OVER (PARTITION BY report ORDER BY at DESC, id DESC) = 1 AS counts
       FROM engagement_states WHERE workspace_id = $1 AND engagement_id = $2 ORDER BY engagement_states.at, id`,
    [workspaceId, engagementId],
  );
  return rows;
}

/** Throws `engagement_not_found`, `engagement_over`, `auditor_required`, `report_not_found`. */
export async function sayState(
  { client, now, log }: LoggedTransaction,
  who: Administrator,
  engagementId: string,
  { report, state, sha256, reason }: z.output<typeof newStateSchema>,
): Promise<EvidenceState> {
  const { workspaceId, actor } = who;
  refuseCustomer(who, engagementId);
  await openEngagementOf(client, workspaceId, engagementId);
  reportOf(report);
  const id = newId<string>('est');
  const eventId = log({
    kind: 'engagement.state',
    actor,
    engagement_id: engagementId,
    state_id: id,
    report,
    state,
    sha256,
    reason,
  });
  await client.query(
    `INSERT INTO engagement_states (workspace_id, engagement_id, id, report, state, sha256, reason, actor, at, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [workspaceId, engagementId, id, report, state, sha256 ?? null, reason, actor, now, eventId],
  );
  return {
    object: 'evidence_state',
    id,
    report,
    state,
    sha256: sha256 ?? null,
    reason,
    actor,
    at: Math.floor(now.getTime() / 1000),
    event_id: eventId,
    counts: true,
  };
}
