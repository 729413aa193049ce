/** What a request refers to is there: a reference that leads nowhere would look like evidence. */
import type { ClientBase } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import { allReports } from '../evidence/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Side } from './engagement.ts';

export const attachmentsSchema = z
  .array(
    z.strictObject({
      kind: z.enum(['report', 'bundle', 'sample', 'event']),
      ref: z.string().trim().min(1).max(200).meta({ description: 'Its id, as its own routes know it.' }),
    }),
  )
  .max(50);
export type Attachments = z.output<typeof attachmentsSchema>;

/** $1: workspace, $2: id, $3: the engagement to which the firm refers, empty for the customer. */
const FOUND = {
  bundle: `SELECT FROM evidence_bundles WHERE workspace_id = $1 AND id = $2 AND $3::text IS NOT NULL`,
  // To a firm, the samples of others are not there.
  sample: `SELECT FROM samples WHERE workspace_id = $1 AND id = $2 AND $3::text IN ('', engagement_id)`,
  event: `SELECT FROM actions WHERE workspace_id = $1 AND event_id = $2 AND $3::text IS NOT NULL`,
} as const;

/** Throws `engagement_attachment_unknown`. */
export async function refuseUnknown(
  client: ClientBase,
  workspaceId: WorkspaceId,
  engagementId: string,
  side: Side,
  attachments: Attachments,
): Promise<void> {
  for (const { kind, ref } of attachments) {
    const isThere =
      kind === 'report'
        ? allReports().some(({ id }) => id === ref)
        : (await client.query(FOUND[kind], [workspaceId, ref, side === 'firm' ? engagementId : ''])).rowCount !== 0;
    if (isThere) continue;
    throw new Failure(
      422,
      'engagement_attachment_unknown',
      `There is no ${kind} "${ref}".`,
      'Name it by its id. A record of the log can be named a second after it was written.',
    );
  }
}
