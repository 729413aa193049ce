/** Versions of controlled objects as the API shows them, now and at any instant. */
import type { JsonValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { OBJECT_TYPES, type ObjectRef, type ObjectType } from './object.ts';

const summary = {
  type: z.enum(OBJECT_TYPES),
  id: z.string(),
  version: z.int().meta({ description: 'From 1, without gaps.' }),
  sha256: z.string().nullable().meta({ description: 'Of the RFC 8785 form of the document; null: it was removed.' }),
  basis: z.string().meta({
    description:
      'On what ground it came: `change`, `direct` (nobody reviewed it), `narrowing`, `agent_request`, `directory`, `discovery`, `restored`, `adopted`.',
  }),
  change: z.string().nullable().meta({ description: 'The change that brought it.' }),
  author: z.string(),
  authored_at: z.int(),
  activated_at: z.int(),
  event_id: z.string().meta({ description: 'Of its record on the log, which holds the hash too.' }),
} as const;

export const versionSummarySchema = z
  .object({ object: z.literal('object_version'), ...summary })
  .meta({ id: 'ObjectVersionSummary' });

export const versionSchema = z
  .object({
    object: z.literal('object_version'),
    ...summary,
    until: z.int().nullable().meta({ description: 'When the next version took its place. Null: it is the newest.' }),
    document: z.unknown().meta({ description: 'Null: it was removed.' }),
  })
  .meta({ id: 'ObjectVersion' });

export type VersionSummary = z.output<typeof versionSummarySchema>;
export type VersionView = z.output<typeof versionSchema>;

const SUMMARY = `
  'object_version' AS object, v.object_type AS type, v.object_id AS id, v.version, v.sha256, v.basis, v.change_id AS change, v.author,
  floor(extract(epoch FROM v.authored_at))::bigint AS authored_at, floor(extract(epoch FROM v.activated_at))::bigint AS activated_at,
  v.event_id`;

const WHOLE = `${SUMMARY},
  (SELECT floor(extract(epoch FROM n.activated_at))::bigint FROM object_versions n
    WHERE n.workspace_id = v.workspace_id AND n.object_type = v.object_type AND n.object_id = v.object_id
      AND n.version = v.version + 1) AS until,
  v.document`;

export interface ObjectFilter {
  readonly type?: ObjectType | undefined;
  /** Epoch seconds; the objects as they were at the end of that second. */
  readonly at?: number | undefined;
}

/** By type and id, up to `limit` after `after`: those that are there, each at its newest version, or that of an instant. */
export async function listObjects(
  pool: Pool,
  workspaceId: WorkspaceId,
  { type, at }: ObjectFilter,
  after: ObjectRef | undefined,
  limit: number,
): Promise<VersionSummary[]> {
  const { rows } = await pool.query<VersionSummary>(
    `SELECT * FROM (
       SELECT DISTINCT ON (v.object_type, v.object_id) ${SUMMARY}
         FROM object_versions v
        WHERE v.workspace_id = $1 AND ($2::text IS NULL OR v.object_type = $2)
          AND ($3::float8 IS NULL OR v.activated_at < to_timestamp($3 + 1))
          AND ($4::text IS NULL OR (v.object_type COLLATE "C", v.object_id COLLATE "C") > ($4 COLLATE "C", $5::text COLLATE "C"))
        ORDER BY v.object_type, v.object_id, v.version DESC) AS newest
      WHERE sha256 IS NOT NULL ORDER BY type COLLATE "C", id COLLATE "C" LIMIT $6`,
    [workspaceId, type ?? null, at ?? null, after?.type ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Newest first, up to `limit` before the version `before`. Throws `object_not_found`. */
export async function listVersions(
  pool: Pool,
  workspaceId: WorkspaceId,
  { type, id }: ObjectRef,
  before: number | undefined,
  limit: number,
): Promise<VersionView[]> {
  const { rows } = await pool.query<VersionView>(
    `SELECT ${WHOLE} FROM object_versions v
      WHERE v.workspace_id = $1 AND v.object_type = $2 AND v.object_id = $3 AND ($4::int IS NULL OR v.version < $4)
      ORDER BY v.version DESC LIMIT $5`,
    [workspaceId, type, id, before ?? null, limit],
  );
  if (rows.length === 0 && before === undefined) throw objectNotFound({ type, id });
  return rows;
}

export interface Which {
  readonly version?: number | undefined;
  /** Epoch seconds. */
  readonly at?: number | undefined;
}

/** Undefined: there was none then. */
async function findVersion(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { type, id }: ObjectRef,
  { version, at }: Which = {},
): Promise<VersionView | undefined> {
  const { rows } = await client.query<VersionView>(
    `SELECT ${WHOLE} FROM object_versions v
      WHERE v.workspace_id = $1 AND v.object_type = $2 AND v.object_id = $3
        AND ($4::int IS NULL OR v.version = $4) AND ($5::float8 IS NULL OR v.activated_at < to_timestamp($5 + 1))
      ORDER BY v.version DESC LIMIT 1`,
    [workspaceId, type, id, version ?? null, at ?? null],
  );
  return rows[0];
}

/** Throws `object_not_found`. */
export async function readVersion(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  ref: ObjectRef,
  which?: Which,
): Promise<VersionView> {
  const found = await findVersion(client, workspaceId, ref, which);
  if (found === undefined) throw objectNotFound(ref);
  return found;
}

/** Of which objects a policy was made: those of these types that were there at an instant (microseconds of the epoch). */
export async function objectsAt(
  pool: Pool,
  workspaceId: WorkspaceId,
  types: readonly ObjectType[],
  atUs: string,
): Promise<VersionSummary[]> {
  const { rows } = await pool.query<VersionSummary>(
    `SELECT * FROM (
       SELECT DISTINCT ON (v.object_type, v.object_id) ${SUMMARY}
         FROM object_versions v
        WHERE v.workspace_id = $1 AND v.object_type = ANY($2)
          AND v.activated_at <= 'epoch'::timestamptz + $3::bigint * interval '1 microsecond'
        ORDER BY v.object_type, v.object_id, v.version DESC) AS newest
      WHERE sha256 IS NOT NULL ORDER BY type COLLATE "C", id COLLATE "C"`,
    [workspaceId, types, atUs],
  );
  return rows;
}

/** Everything that there ever was. */
export async function newestRefs(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<readonly ObjectRef[]> {
  const { rows } = await client.query<ObjectRef>(
    'SELECT DISTINCT object_type AS type, object_id AS id FROM object_versions WHERE workspace_id = $1',
    [workspaceId],
  );
  return rows;
}

/** The document of the newest version; undefined: there is none. */
export async function approvedDocument(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  ref: ObjectRef,
): Promise<JsonValue | undefined> {
  const { rows } = await client.query<{ document: JsonValue | null }>(
    `SELECT document FROM object_versions WHERE workspace_id = $1 AND object_type = $2 AND object_id = $3
      ORDER BY version DESC LIMIT 1`,
    [workspaceId, ref.type, ref.id],
  );
  return rows[0]?.document ?? undefined;
}

function objectNotFound({ type, id }: ObjectRef): Failure {
  return new Failure(
    404,
    'object_not_found',
    `No version of the ${type} ${JSON.stringify(id.slice(0, 200))} is known there.`,
    'List objects with GET /v1/objects, and their versions with GET /v1/objects/:type/:id/versions.',
  );
}
