/** Policies that are or were in force. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { type ArchivedPolicy, findArchived, type WhichPolicy } from '../roles/index.ts';
import { type ObjectType, objectsAt, versionSummarySchema } from '../versions/index.ts';

const parts = z.array(z.record(z.string(), z.unknown()));

export const policySchema = z
  .object({
    object: z.literal('policy'),
    revision: z.int(),
    hash: z.string(),
    roles: parts,
    workspace_guards: parts,
    capabilities: parts,
    freezes: parts,
    sources: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({ description: 'Whose content is trusted. Null: nobody’s.' }),
    stopped_tools: z.array(z.string()),
    author: z.string(),
    created: z.int(),
    until: z.int().nullable().meta({ description: 'When the next revision took its place. Null: in force.' }),
    objects: z.array(versionSummarySchema).meta({
      description:
        'What it was made of, each at the version it had then, with the change that brought it. Empty for a policy from before versions were kept.',
    }),
  })
  .meta({ id: 'Policy', description: 'All that can change a verdict, as it was at that revision.' });

export type PolicyView = z.output<typeof policySchema>;

export const policyRevisionSchema = z
  .object({
    object: z.literal('policy_revision'),
    revision: z.int(),
    hash: z.string(),
    author: z.string(),
    created: z.int(),
    until: z.int().nullable().meta({ description: 'When the next revision took its place. Null: in force.' }),
  })
  .meta({ id: 'PolicyRevision' });

type RevisionView = z.output<typeof policyRevisionSchema>;

/** What a set is made of. What a server brings stands in it as a capability. */
const MADE_OF: readonly ObjectType[] = ['role', 'workspace_guards', 'capability', 'definition', 'freeze', 'sources'];

const HASH = /^(?:sha256:)?[0-9a-f]{64}$/;
const REVISION = /^[1-9][0-9]{0,14}$/;

/** By revision, by hash (`sha256:…`), or `current`; with `at`, the one in force at that instant. Throws `policy_not_found`. */
export async function readPolicy(
  pool: Pool,
  workspaceId: WorkspaceId,
  which: string,
  at?: number,
): Promise<PolicyView> {
  const found = await archivedPolicy(pool, workspaceId, which, at);
  const { roles, workspaceGuards, capabilities, freezes = [], sources = null } = found.set;
  const { revision, hash, author, createdUs } = found;
  return {
    object: 'policy',
    revision,
    hash,
    roles: copies(roles),
    workspace_guards: copies(workspaceGuards),
    capabilities: copies(capabilities),
    freezes: copies(freezes),
    sources: sources && { ...sources },
    stopped_tools: [...found.stoppedTools],
    author,
    created: Math.floor(Number(createdUs) / 1_000_000),
    until: await untilOf(pool, workspaceId, revision),
    objects: await objectsAt(pool, workspaceId, MADE_OF, createdUs),
  };
}

function copies(items: readonly object[]): Record<string, unknown>[] {
  return items.map((item) => ({ ...item }));
}

/** Throws `policy_not_found`. */
export async function archivedPolicy(
  pool: Pool,
  workspaceId: WorkspaceId,
  which: string,
  at?: number,
): Promise<ArchivedPolicy> {
  const wanted = whichOf(which, at);
  const found = wanted && (await findArchived(pool, workspaceId, wanted));
  if (found !== undefined) return found;
  throw new Failure(
    404,
    'policy_not_found',
    at === undefined ? `No policy "${which}" was ever in force.` : 'There was no policy then.',
    'Name a revision number, the hash that stands in a log record, or an instant.',
  );
}

function whichOf(which: string, at: number | undefined): WhichPolicy | undefined {
  if (at !== undefined) return which === 'current' ? { kind: 'at', at } : undefined;
  if (which === 'current') return { kind: 'newest' };
  if (REVISION.test(which)) return { kind: 'revision', revision: Number(which) };
  if (HASH.test(which)) return { kind: 'hash', hash: which.startsWith('sha256:') ? which : `sha256:${which}` };
  return undefined;
}

const UNTIL = `(SELECT floor(extract(epoch FROM n.created_at))::bigint FROM policy_revisions n
  WHERE n.workspace_id = v.workspace_id AND n.revision > v.revision ORDER BY n.revision LIMIT 1)`;

async function untilOf(pool: Pool, workspaceId: WorkspaceId, revision: number): Promise<number | null> {
  const { rows } = await pool.query<{ until: number | null }>(
    `SELECT ${UNTIL} AS until FROM policy_revisions v WHERE v.workspace_id = $1 AND v.revision = $2`,
    [workspaceId, revision],
  );
  return rows[0]?.until ?? null;
}

/** Newest first, up to `limit` before the revision `before`. */
export async function listPolicies(
  pool: Pool,
  workspaceId: WorkspaceId,
  before: number | undefined,
  limit: number,
): Promise<RevisionView[]> {
  const { rows } = await pool.query<RevisionView>(
    `SELECT 'policy_revision' AS object, v.revision, v.policy_hash AS hash, v.actor AS author,
            floor(extract(epoch FROM v.created_at))::bigint AS created, ${UNTIL} AS until
       FROM policy_revisions v WHERE v.workspace_id = $1 AND ($2::bigint IS NULL OR v.revision < $2)
      ORDER BY v.revision DESC LIMIT $3`,
    [workspaceId, before ?? null, limit],
  );
  return rows;
}
