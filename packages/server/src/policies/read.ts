/** Policies that are or were in force. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

export const policySchema = z
  .object({
    object: z.literal('policy'),
    revision: z.int(),
    hash: z.string(),
    roles: z.array(z.record(z.string(), z.unknown())),
    workspace_guards: z.array(z.record(z.string(), z.unknown())),
    capabilities: z.array(z.record(z.string(), z.unknown())),
    freezes: z.array(z.record(z.string(), z.unknown())),
    sources: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({ description: 'Whose content is trusted. Null: nobody’s.' }),
    stopped_tools: z.array(z.string()),
    author: z.string(),
    created: z.int(),
    until: z.int().nullable().meta({ description: 'When the next revision took its place. Null: in force.' }),
  })
  .meta({ id: 'Policy', description: 'All that can change a verdict, as it was at that revision.' });

export type PolicyView = z.output<typeof policySchema>;

interface Row {
  revision: number;
  hash: string;
  document: {
    roles: PolicyView['roles'];
    workspaceGuards: PolicyView['workspace_guards'];
    capabilities: PolicyView['capabilities'];
    /** Absent in revisions from before there were freezes. */
    freezes?: PolicyView['freezes'];
    sources?: PolicyView['sources'];
    stoppedTools: string[];
  };
  author: string;
  created: number;
  until: number | null;
}

const POLICIES = `
SELECT v.revision, v.policy_hash AS hash, v.document, v.actor AS author,
       floor(extract(epoch FROM v.created_at))::bigint AS created,
       (SELECT floor(extract(epoch FROM n.created_at))::bigint FROM policy_revisions n
         WHERE n.workspace_id = v.workspace_id AND n.revision > v.revision ORDER BY n.revision LIMIT 1) AS until
  FROM policy_revisions v WHERE v.workspace_id = $1`;

/** A number without a revision of its own belongs to the one before: signals about a tool move it on. */
const REACHED = '(SELECT policy_revision FROM workspace_state WHERE workspace_id = $1)';

const HASH = /^(?:sha256:)?[0-9a-f]{64}$/;
const REVISION = /^[1-9][0-9]{0,14}$/;

/**
 * By revision, by hash (`sha256:…`), or `current`. Several revisions may have one hash, after a rollback or
 * around a tool stop: the newest of them. Throws `policy_not_found`.
 */
export async function readPolicy(pool: Pool, workspaceId: WorkspaceId, which: string): Promise<PolicyView> {
  const row = await find(pool, workspaceId, which);
  if (row === undefined)
    throw new Failure(
      404,
      'policy_not_found',
      `No policy "${which}" was ever in force.`,
      'Name a revision number, or the hash that stands in a log record.',
    );
  const { roles, workspaceGuards, capabilities, freezes = [], sources = null, stoppedTools } = row.document;
  const { revision, hash, author, created, until } = row;
  return {
    object: 'policy',
    revision,
    hash,
    roles,
    workspace_guards: workspaceGuards,
    capabilities,
    freezes,
    sources,
    stopped_tools: stoppedTools,
    author,
    created,
    until,
  };
}

async function find(pool: Pool, workspaceId: WorkspaceId, which: string): Promise<Row | undefined> {
  const newest = 'ORDER BY v.revision DESC LIMIT 1';
  const [query, value] =
    which === 'current'
      ? [newest, undefined]
      : REVISION.test(which)
        ? [`AND v.revision <= $2 AND $2 <= ${REACHED} ${newest}`, which]
        : HASH.test(which)
          ? [`AND v.policy_hash = $2 ${newest}`, which.startsWith('sha256:') ? which : `sha256:${which}`]
          : [undefined, undefined];
  if (query === undefined) return undefined;
  const values = value === undefined ? [workspaceId] : [workspaceId, value];
  const { rows } = await pool.query<Row>(`${POLICIES} ${query}`, values);
  return rows[0];
}
