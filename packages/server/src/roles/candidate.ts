/** A candidate runs beside its role, in shadow: what it would have refused or held stands in the log. */
import { type RoleDocument, roleFromDocument } from '@hivekey/policy';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { patched, valid } from './change.ts';
import { publishPolicy } from './publish.ts';
import { findRole } from './read.ts';
import { roleNotFound } from './role.ts';

export const candidateSchema = z
  .object({
    object: z.literal('role_candidate'),
    role: z.string(),
    author: z.string(),
    created: z.int(),
    document: z.record(z.string(), z.unknown()).meta({ description: 'The role file that is tried.' }),
  })
  .meta({ id: 'RoleCandidate' });

interface CandidateRow {
  role: string;
  author: string;
  created: number;
  document: RoleDocument;
}

/** Throws `candidate_not_found`. */
export async function readCandidate(pool: Pool, workspaceId: WorkspaceId, name: string) {
  const { rows } = await pool.query<CandidateRow>(
    `SELECT role, author, floor(extract(epoch FROM created_at))::bigint AS created, document
       FROM role_candidates WHERE workspace_id = $1 AND role = $2`,
    [workspaceId, name],
  );
  const [row] = rows;
  if (row === undefined) throw noCandidate(name);
  const { document, ...rest } = row;
  return { object: 'role_candidate' as const, ...rest, document: { ...document } };
}

/** Begins to try a change of the role, in place of the candidate there was. Throws `role_not_found`, `role_invalid`. */
export function tryCandidate(log: ActionLog, who: Administrator, name: string, patch: unknown): Promise<void> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const current = await findRole(client, workspaceId, name);
    if (current === undefined) throw roleNotFound(name);
    const document = patched(current, patch);
    valid(roleFromDocument(document, current.revision + 1), 'role_invalid', 'The candidate');
    await client.query(
      `INSERT INTO role_candidates (workspace_id, role, document, author) VALUES ($1, $2, $3, $4)
       ON CONFLICT (workspace_id, role) DO UPDATE
         SET document = excluded.document, author = excluded.author, created_at = now()`,
      [workspaceId, name, JSON.stringify(document), actor],
    );
    transaction.log({ kind: 'role.changed', actor, role: name, role_rev: current.revision, change: 'candidate_tried' });
    publishPolicy(transaction, workspaceId, actor);
  });
}

/** Throws `candidate_not_found`. */
export function dropCandidate(log: ActionLog, { workspaceId, actor }: Administrator, name: string): Promise<void> {
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const { rowCount } = await client.query('DELETE FROM role_candidates WHERE workspace_id = $1 AND role = $2', [
      workspaceId,
      name,
    ]);
    if (rowCount === 0) throw noCandidate(name);
    transaction.log({ kind: 'role.changed', actor, role: name, change: 'candidate_dropped' });
    publishPolicy(transaction, workspaceId, actor);
  });
}

function noCandidate(name: string): Failure {
  return new Failure(
    404,
    'candidate_not_found',
    `No change of the role "${name}" is being tried.`,
    'Begin with PUT /v1/roles/:name/candidate.',
  );
}
