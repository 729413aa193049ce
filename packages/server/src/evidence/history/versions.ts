/** What decides, version by version, cut to a period. */
import type { Json } from '@hivekey/evidence';
import type { ObjectType } from '../../versions/index.ts';
import { endOf } from '../period.ts';
import type { ReportScope } from '../report.ts';

export interface ObjectVersion {
  readonly type: ObjectType;
  readonly id: string;
  readonly version: number;
  /** Null with the document: it was removed. */
  readonly sha256: string | null;
  readonly document: Json;
  readonly basis: string;
  readonly change_id: string | null;
  readonly author: string;
  readonly authored_at: Date;
  readonly activated_at: Date;
  readonly event_id: string;
  /** When the next version came, up to the end of the period; null: it was in force at the end. */
  readonly until: Date | null;
  /** What came then took it away. */
  readonly was_removed: boolean;
}

// The version after is known only as far as the period goes: what comes later changes no row.
const VERSIONS = `
SELECT v.object_type AS type, v.object_id AS id, v.version, v.sha256, v.document, v.basis, v.change_id, v.author, v.authored_at,
       v.activated_at, v.event_id, n.activated_at AS until, coalesce(n.sha256 IS NULL AND n.version IS NOT NULL, false) AS was_removed
  FROM object_versions v
  LEFT JOIN object_versions n ON n.workspace_id = v.workspace_id AND n.object_type = v.object_type AND n.object_id = v.object_id
        AND n.version = v.version + 1 AND n.activated_at < $3
 WHERE v.workspace_id = $1 AND v.object_type = ANY($2) AND v.activated_at < $3
 ORDER BY v.object_type COLLATE "C", v.object_id COLLATE "C", v.version`;

/** All up to the end of the period, of which each object has one or more, in order. */
export async function versionsUntilEnd(
  { client, workspaceId, period, asOf }: ReportScope,
  types: readonly ObjectType[],
): Promise<readonly ObjectVersion[]> {
  const { rows } = await client.query<ObjectVersion>(VERSIONS, [workspaceId, types, endOf(period, asOf)]);
  return rows;
}

/** Whether it was in force at any moment from then on. */
export function isInForceSince({ until, sha256 }: ObjectVersion, from: string): boolean {
  return sha256 !== null && (until === null || until.toISOString() > from);
}

/** A change that brought versions: who approved it, up to the end of the period. */
export interface Approval {
  readonly name: string;
  readonly risk: string | null;
  readonly approved_at: Date | null;
  readonly approvers: readonly string[];
}

/** By id of the change. */
export async function approvalsOfChanges(
  { client, workspaceId, period, asOf }: ReportScope,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Approval>> {
  const { rows } = await client.query<Approval & { id: string }>(
    `SELECT c.id, 'CHG-' || c.number AS name, c.risk, c.approved_at,
            ARRAY(SELECT r.person FROM change_reviews r
                   WHERE r.workspace_id = c.workspace_id AND r.change_id = c.id AND r.decision = 'approve' AND r.round <= c.round
                     AND r.content_hash = c.content_hash AND r.at < $3
                   GROUP BY r.person ORDER BY min(r.at)) AS approvers
       FROM changes c WHERE c.workspace_id = $1 AND c.id = ANY($2)`,
    [workspaceId, [...new Set(ids)], endOf(period, asOf)],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
