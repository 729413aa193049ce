/** What differs from what was approved, as the API shows it. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import { OBJECT_TYPES } from '../versions/index.ts';
import { HOLDS, holdsOf } from './settle.ts';

const findingSchema = z
  .object({
    object: z.literal('drift_finding'),
    id: z.string(),
    what: z.enum(['object', 'version', 'policy', 'archive']).meta({
      description:
        'object: not its newest version. version: not what its record on the log says. policy: the rows are not what was published. archive: neither is what was kept of it.',
    }),
    object_type: z.enum([...OBJECT_TYPES, 'policy']),
    object_id: z.string(),
    expected: z.string().meta({ description: 'Content hash; `none`: there should be none.' }),
    found: z.string().meta({ description: 'Content hash; `none`: there is none; `unreadable`.' }),
    holds: z.enum(HOLDS).meta({
      description:
        'approved: what was approved is enforced, or nothing is allowed. denied: what it is about is refused. gate: it is read from the approved version anyway. told: nothing but that it was found.',
    }),
    node: z.string(),
    found_at: z.int(),
    resolved_at: z.int().nullable(),
    event_id: z.string(),
  })
  .meta({ id: 'DriftFinding' });

export const driftSchema = z
  .object({
    object: z.literal('drift'),
    checked_at: z.int().nullable().meta({ description: 'Of the last look of any node; null: there was none yet.' }),
    node: z.string().nullable(),
    objects: z.int().meta({ description: 'How many were compared.' }),
    took_ms: z.int().nullable(),
    found: z.array(findingSchema).meta({ description: 'What differs now.' }),
    resolved: z.array(findingSchema).meta({ description: 'The last 50 that were put right, newest first.' }),
  })
  .meta({ id: 'Drift' });

type FindingView = z.output<typeof findingSchema>;
type DriftView = z.output<typeof driftSchema>;

const FINDINGS = `
SELECT 'drift_finding' AS object, id, what, object_type, object_id, expected, found, node, event_id,
       floor(extract(epoch FROM found_at))::bigint AS found_at, floor(extract(epoch FROM resolved_at))::bigint AS resolved_at
  FROM drift_findings WHERE workspace_id = $1`;

export async function readDrift(pool: Pool, workspaceId: WorkspaceId): Promise<DriftView> {
  const [checks, found, resolved] = await Promise.all([
    pool.query<Pick<DriftView, 'checked_at' | 'node' | 'objects' | 'took_ms'>>(
      `SELECT floor(extract(epoch FROM checked_at))::bigint AS checked_at, node, objects, took_ms
         FROM drift_checks WHERE workspace_id = $1`,
      [workspaceId],
    ),
    pool.query<FindingView>(`${FINDINGS} AND resolved_at IS NULL ORDER BY drift_findings.found_at, id LIMIT 500`, [
      workspaceId,
    ]),
    pool.query<FindingView>(
      `${FINDINGS} AND resolved_at IS NOT NULL ORDER BY drift_findings.resolved_at DESC, id LIMIT 50`,
      [workspaceId],
    ),
  ]);
  const [check = { checked_at: null, node: null, objects: 0, took_ms: null }] = checks.rows;
  return { object: 'drift', ...check, found: found.rows.map(viewOf), resolved: resolved.rows.map(viewOf) };
}

function viewOf(row: FindingView): FindingView {
  return { ...row, holds: holdsOf({ what: row.what, type: row.object_type }) };
}
