/** What was found, as the API shows it. */
import { LEVELS } from '@hivekey/detections';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

const acted = z
  .union([
    z.object({ kind: z.string(), id: z.string().nullable() }),
    z.object({ kind: z.string(), refused: z.string().meta({ description: 'Code of why it was not done.' }) }),
  ])
  .nullable();

export const findingSchema = z
  .object({
    id: z.string(),
    object: z.literal('finding'),
    detection: z.string(),
    detection_id: z.string(),
    rule_version: z.int(),
    settings_version: z.int().nullable().meta({ description: 'Null: the rule as it is shipped.' }),
    file_digest: z.string(),
    digest: z.string().meta({ description: 'Over the rule, what it refers to, and its parameters.' }),
    engine_version: z.string(),
    title: z.string(),
    severity: z.enum(LEVELS),
    clause: z.string().nullable(),
    reason: z.string(),
    group: z.record(z.string(), z.string()),
    window_from: z.string(),
    window_to: z.string(),
    count: z.int(),
    count_is_exact: z.boolean(),
    evidence: z.array(z.string()).meta({ description: 'Ids of records, the newest hundred.' }),
    measured: z.record(z.string(), z.union([z.number(), z.string()])),
    suppressed: z.int().meta({ description: 'Findings of the same rule and key that were not told before it.' }),
    agent_id: z.string().nullable(),
    agent: z.string().nullable(),
    owner: z.string().nullable(),
    run_id: z.string().nullable(),
    seq: z.int().meta({ description: 'The entry of the log that completed it.' }),
    synthetic: z.boolean(),
    live_test: z.string().nullable(),
    alert: z.string().nullable(),
    acted,
    event_id: z.string(),
    found_at: z.int(),
    closed_at: z.int().nullable(),
  })
  .meta({ id: 'Finding' });
type FindingView = z.output<typeof findingSchema>;

interface Row extends FindingView {
  readonly found_us: number;
}

// What the engine gave is kept whole; here it is spread over the columns of the view.
const FINDINGS = `
SELECT f.id, 'finding' AS object, f.detection, f.document ->> 'rule_id' AS detection_id, (f.document ->> 'version')::int AS rule_version,
       f.settings_version, f.document ->> 'file_digest' AS file_digest, f.document ->> 'digest' AS digest,
       f.document ->> 'engine_version' AS engine_version, f.document ->> 'title' AS title, f.severity, f.document ->> 'clause' AS clause,
       f.document ->> 'reason' AS reason, f.document -> 'group' AS "group", f.document -> 'window' ->> 'from' AS window_from,
       f.document -> 'window' ->> 'to' AS window_to, (f.document ->> 'count')::int AS count,
       (f.document ->> 'count_is_exact')::boolean AS count_is_exact, f.document -> 'evidence' AS evidence,
       f.document -> 'measured' AS measured, (f.document ->> 'suppressed')::int AS suppressed, f.agent_id,
       f.document ->> 'agent' AS agent, f.document ->> 'owner' AS owner, f.document ->> 'run_id' AS run_id, f.seq, f.synthetic,
       f.live_test_id AS live_test, f.alert_id AS alert, f.acted, f.event_id,
       floor(extract(epoch FROM f.found_at))::bigint AS found_at, floor(extract(epoch FROM f.closed_at))::bigint AS closed_at,
       (extract(epoch FROM f.found_at) * 1000000)::bigint AS found_us
  FROM detection_findings f WHERE f.workspace_id = $1`;

export interface FindingFilter {
  readonly detection?: string | undefined;
  readonly agent?: string | undefined;
  /** Findings of tests, too. */
  readonly synthetic?: boolean | undefined;
}

/** Newest first. */
export async function listFindings(
  pool: Pool,
  workspaceId: WorkspaceId,
  { detection, agent, synthetic = false }: FindingFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly Row[]> {
  const { rows } = await pool.query<Row>(
    `${FINDINGS} AND ($2::text IS NULL OR f.detection = $2) AND ($3::text IS NULL OR f.agent_id = $3) AND (NOT f.synthetic OR $4)
   AND ($5::bigint IS NULL OR (f.found_at, f.id) < ('epoch'::timestamptz + $5 * interval '1 microsecond', $6))
 ORDER BY f.found_at DESC, f.id DESC LIMIT $7`,
    [workspaceId, detection ?? null, agent ?? null, synthetic, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `finding_not_found`. */
export async function readFinding(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Row> {
  const { rows } = await client.query<Row>(`${FINDINGS} AND f.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'finding_not_found',
    `There is no finding "${id}".`,
    'List them with GET /v1/detections/findings.',
  );
}

export interface FoundLately {
  readonly findings: number;
  /** Epoch seconds. */
  readonly lastAt: number;
}

/** By detection, of the last thirty days. Those of tests are not among them. */
export async function foundLately(pool: Pool, workspaceId: WorkspaceId): Promise<ReadonlyMap<string, FoundLately>> {
  const { rows } = await pool.query<{ detection: string; findings: number; last: number }>(
    `SELECT detection, count(*)::int AS findings, floor(extract(epoch FROM max(found_at)))::bigint AS last FROM detection_findings
      WHERE workspace_id = $1 AND NOT synthetic AND found_at > now() - interval '30 days' GROUP BY detection`,
    [workspaceId],
  );
  return new Map(rows.map(({ detection, findings, last }) => [detection, { findings, lastAt: last }]));
}
