/** Policies that are or were in force, as they were kept when they were published. */
import { type PolicySet, policyHash } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

export interface ArchivedPolicy {
  readonly revision: number;
  readonly hash: string;
  readonly set: PolicySet;
  readonly stoppedTools: readonly string[];
  /** When it was published, in microseconds of the epoch. */
  readonly createdUs: string;
  readonly author: string;
}

/** Which one: the newest, that of a revision, of a hash, or of an instant (epoch seconds, at the end of that second). */
export type WhichPolicy =
  | { readonly kind: 'newest' }
  | { readonly kind: 'revision'; readonly revision: number }
  | { readonly kind: 'hash'; readonly hash: string }
  | { readonly kind: 'at'; readonly at: number };

interface Row {
  revision: number;
  hash: string;
  document: PolicySet & { readonly stoppedTools: readonly string[] };
  created_us: string;
  author: string;
}

const ARCHIVE = `
SELECT v.revision, v.policy_hash AS hash, v.document, v.actor AS author,
       floor(extract(epoch FROM v.created_at) * 1000000)::bigint::text AS created_us
  FROM policy_revisions v WHERE v.workspace_id = $1`;
const NEWEST = 'ORDER BY v.revision DESC LIMIT 1';

/** A number without a revision of its own belongs to the one before: signals about a tool move it on. */
const REACHED = '(SELECT policy_revision FROM workspace_state WHERE workspace_id = $1)';

/** Several revisions may have one hash, after a rollback or around a tool stop: the newest of them. Undefined: there never was one. */
export async function findArchived(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  which: WhichPolicy,
): Promise<ArchivedPolicy | undefined> {
  const [condition, ...values] = conditionOf(which);
  const { rows } = await client.query<Row>(`${ARCHIVE} ${condition} ${NEWEST}`, [workspaceId, ...values]);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { stoppedTools, ...set } = row.document;
  const { revision, hash, created_us: createdUs, author } = row;
  return { revision, hash, set, stoppedTools, createdUs, author };
}

function conditionOf(which: WhichPolicy): readonly [string, ...unknown[]] {
  switch (which.kind) {
    case 'newest':
      return [''];
    case 'revision':
      return [`AND v.revision <= $2 AND $2 <= ${REACHED}`, which.revision];
    case 'hash':
      return ['AND v.policy_hash = $2', which.hash];
    case 'at':
      return ['AND v.created_at < to_timestamp($2::float8 + 1)', which.at];
  }
}

/** Whether what was kept is what its hash says. */
export function isIntact({ set, hash }: Pick<ArchivedPolicy, 'set' | 'hash'>): boolean {
  try {
    return policyHash(set) === hash;
  } catch {
    return false;
  }
}
