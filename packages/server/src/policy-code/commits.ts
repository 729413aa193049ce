/** Commits whose plans became changes, or were applied. */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import type { ChangeOperation } from '../changes/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { ObjectType } from '../versions/index.ts';
import { digestOf, type Folder, type FolderHash, type Plan } from './plan.ts';
import type { GitSource } from './views.ts';

export interface NewCommit {
  readonly folder: Folder;
  readonly plan: Plan;
  /** Null: the files were not those of a commit. */
  readonly source: GitSource | null;
  /** Id; null: nothing differed. */
  readonly change: string | null;
  /** False: it will be when its change is activated. */
  readonly applied: boolean;
}

export async function addCommit(
  { client, now }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  { folder, plan, source, change, applied }: NewCommit,
): Promise<void> {
  await client.query(
    `INSERT INTO policy_code_commits (workspace_id, digest, folder, repository, commit_id, author, signature, signing_key, owned,
                                      objects, change_id, actor, at, applied)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      workspaceId,
      plan.digest,
      plan.folder,
      source?.repository ?? null,
      source?.commit ?? null,
      source?.author ?? null,
      source?.signature.status ?? null,
      source?.signature.key ?? null,
      [...folder.owned].sort(),
      JSON.stringify(plan.hashes),
      change,
      actor,
      now,
      applied,
    ],
  );
}

export interface PostedPlan {
  /** Id of the change that it became. */
  readonly change: string;
  readonly digest: string;
  readonly repository: string | null;
  readonly commit: string | null;
}

/** Plans that became changes: those that do the same to the same, and those of a folder that says the same. Newest first. */
export async function postedPlans(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { digest, folder }: Pick<Plan, 'digest' | 'folder'>,
): Promise<readonly PostedPlan[]> {
  const { rows } = await client.query<PostedPlan>(
    `SELECT change_id AS change, digest, repository, commit_id AS commit FROM policy_code_commits
      WHERE workspace_id = $1 AND (digest = $2 OR folder = $3) AND change_id IS NOT NULL AND NOT applied ORDER BY id DESC`,
    [workspaceId, digest, folder],
  );
  return rows;
}

export interface AppliedCommit {
  /** Content hash of what the folder said. */
  readonly folder: string;
  readonly source: GitSource | null;
  readonly owned: ReadonlySet<ObjectType>;
  readonly hashes: readonly FolderHash[];
  /** `CHG-12` */
  readonly change: string | null;
  /** Epoch seconds. */
  readonly appliedAt: number;
  readonly appliedBy: string;
}

interface Row {
  applied: boolean;
  digest: string;
  /** Of its change. */
  operations: readonly ChangeOperation[] | null;
  folder: string;
  repository: string | null;
  commit_id: string | null;
  author: string | null;
  signature: GitSource['signature']['status'] | null;
  signing_key: string | null;
  owned: ObjectType[];
  objects: FolderHash[];
  change: string | null;
  applied_by: string;
  applied_at: number;
}

/** What an `apply` named, and plans whose changes were activated otherwise. */
const APPLIED = `
SELECT p.applied, p.digest, c.operations, p.folder, p.repository, p.commit_id, p.author, p.signature, p.signing_key, p.owned,
       p.objects, 'CHG-' || c.number AS change, CASE WHEN p.applied THEN p.actor ELSE c.activated_by END AS applied_by,
       floor(extract(epoch FROM CASE WHEN p.applied THEN p.at ELSE c.activated_at END))::bigint AS applied_at
  FROM policy_code_commits p
  LEFT JOIN changes c ON c.workspace_id = p.workspace_id AND c.id = p.change_id
 WHERE p.workspace_id = $1 AND (p.applied OR c.activated_at IS NOT NULL)
 ORDER BY CASE WHEN p.applied THEN p.at ELSE c.activated_at END DESC, p.id DESC LIMIT 20`;

/** Undefined: none was, or not among the last few. */
export async function lastApplied(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<AppliedCommit | undefined> {
  const { rows } = await client.query<Row>(APPLIED, [workspaceId]);
  // A draft that was edited after it was posted is not what the commit says.
  const row = rows.find(({ applied, operations, digest }) => applied || digestOf(operations ?? []) === digest);
  if (row === undefined) return undefined;
  const { folder, owned, objects: hashes, change, applied_at: appliedAt, applied_by: appliedBy } = row;
  return { folder, source: sourceOf(row), owned: new Set(owned), hashes, change, appliedAt, appliedBy };
}

function sourceOf({ repository, commit_id: commit, author, signature, signing_key: key }: Row): GitSource | null {
  if (repository === null || commit === null || author === null || signature === null) return null;
  return { repository, commit, author, signature: { status: signature, key } };
}
