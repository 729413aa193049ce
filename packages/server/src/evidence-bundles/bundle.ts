/** Bundles as the API shows them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

const seconds = z.int().nullable();

const failureSchema = z.object({ code: z.string(), cause: z.string(), remedy: z.string() });
export type BundleFailure = z.output<typeof failureSchema>;

export const bundleSchema = z
  .object({
    id: z.string(),
    object: z.literal('evidence_bundle'),
    name: z.string().meta({ description: 'Of the folder within the archive.' }),
    version: z.int().meta({ description: 'Of the same period, from 1.' }),
    from: z.string(),
    to: z.string(),
    include: z.array(z.string()).nullable().meta({ description: 'Ids of reports. Null: all there are.' }),
    reason: z.string(),
    requested_by: z.string(),
    requested_at: z.int(),
    status: z.enum(['building', 'ready', 'failed', 'disposed']),
    step: z.string().meta({ description: 'While it is being built: what is being written.' }),
    failure: failureSchema.nullable(),
    ended_at: seconds,
    as_of: z.string().nullable().meta({ description: 'Instant of the snapshot that all of it was read from.' }),
    files: z.int().nullable(),
    bytes: z.int().nullable(),
    sha256: z.string().nullable().meta({ description: 'Of the archive.' }),
    manifest_sha256: z.string().nullable(),
    changes: z
      .object({ added: z.int(), removed: z.int(), changed: z.int(), same: z.int() })
      .nullable()
      .meta({ description: 'Files of evidence against the version before. Null: there was none.' }),
    absent: z
      .array(z.object({ part: z.string(), why: z.string() }))
      .nullable()
      .meta({ description: 'Parts of a whole bundle that are not in it.' }),
    key_fingerprint: z.string().nullable(),
    timestamped_at: seconds,
    dispose_at: z.int().meta({ description: 'The file is deleted after it, unless a hold is in force.' }),
    disposed_at: seconds,
  })
  .meta({ id: 'EvidenceBundle' });

export type BundleView = z.output<typeof bundleSchema>;

export interface BundleRow extends BundleView {
  readonly requested_us: number;
  readonly node: string;
}

const epoch = (column: string): string => `floor(extract(epoch FROM ${column}))::bigint`;
const iso = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const BUNDLES = `
SELECT id, 'evidence_bundle' AS object, name, version, ${iso('period_from')} AS "from", ${iso('period_to')} AS "to", include, reason,
       requested_by, ${epoch('requested_at')} AS requested_at, status, step, failure, ${epoch('ended_at')} AS ended_at,
       ${iso('as_of')} AS as_of, files, bytes, sha256, manifest_sha256, changes, absent, fingerprint AS key_fingerprint,
       ${epoch('timestamped_at')} AS timestamped_at, ${epoch('dispose_at')} AS dispose_at, ${epoch('disposed_at')} AS disposed_at,
       (extract(epoch FROM evidence_bundles.requested_at) * 1000000)::bigint AS requested_us, node
  FROM evidence_bundles WHERE workspace_id = $1`;

/** Newest first. */
export async function listBundles(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: TimePosition | undefined,
  limit: number,
): Promise<BundleRow[]> {
  const { rows } = await pool.query<BundleRow>(
    `${BUNDLES} AND ($2::bigint IS NULL OR (evidence_bundles.requested_at, id) < ('epoch'::timestamptz + $2 * interval '1 microsecond', $3))
      ORDER BY evidence_bundles.requested_at DESC, id DESC LIMIT $4`,
    [workspaceId, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `bundle_not_found`. */
export async function readBundle(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<BundleRow> {
  const { rows } = await client.query<BundleRow>(`${BUNDLES} AND id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(404, 'bundle_not_found', `There is no bundle "${id}".`, 'List them with GET /v1/evidence/bundles.');
}

export function bundleView({ requested_us: _us, node: _node, ...view }: BundleRow): BundleView {
  return view;
}
