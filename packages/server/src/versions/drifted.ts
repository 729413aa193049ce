/** What was edited past HiveKey does not become a version by the next edit that somebody else makes of it. */
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { nameOf } from './gate.ts';
import { isNarrowing } from './narrowing.ts';
import { type ControlledTypes, differing, keyOf, type Touched } from './touched.ts';

/**
 * `changed`: what a transaction that is not committed yet has made of them. Throws `object_drifted` for one that was not
 * its newest version before; taking it away, or a part of what was approved, needs no repair first.
 */
export async function refuseDrifted(
  pool: Pool,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  changed: readonly Touched[],
): Promise<void> {
  const drifted = new Set((await differing(pool, workspaceId, controlled, changed)).map(keyOf));
  const refused = changed.find((each) => drifted.has(keyOf(each)) && !isNarrowing(each.type, each.before, each.after));
  if (refused === undefined || !(await isAdopted(pool, workspaceId))) return;
  throw new Failure(
    409,
    'object_drifted',
    `Before this edit ${nameOf(refused)} was not what was approved: it was edited past HiveKey.`,
    'See GET /v1/drift, and put back what was approved with POST /v1/drift/restore.',
  );
}

/** Of a workspace that is not adopted yet, what has no version may be as it always was. */
async function isAdopted(pool: Pool, workspaceId: WorkspaceId): Promise<boolean> {
  const { rowCount } = await pool.query('SELECT FROM object_adoptions WHERE workspace_id = $1', [workspaceId]);
  return rowCount !== 0;
}
