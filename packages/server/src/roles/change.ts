/** Creating and revising roles. A revision is never changed; each change is one transaction with its records. */
import { hash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import {
  applyRolePatch,
  type Checked,
  checkRolePatch,
  type DocumentProblem,
  type PolicySet,
  policyDiff,
  type RoleDocument,
  roleFromDocument,
} from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { provenanceOfEdit } from '../versions/index.ts';
import { refuseMisfits } from './lint.ts';
import { isLooser, publishPolicy } from './publish.ts';
import { findRole, readRole } from './read.ts';
import { type RoleRow, roleNotFound } from './role.ts';

type RoleChange = 'created' | 'updated' | 'unchanged';

export interface AppliedRole {
  readonly role: RoleRow;
  readonly change: RoleChange;
}

/** Throws `role_exists`. */
export function createRole(log: ActionLog, who: Administrator, document: RoleDocument): Promise<AppliedRole> {
  const { name } = document.metadata;
  return log.transact(who.workspaceId, async (transaction) => {
    if ((await findRole(transaction.client, who.workspaceId, name)) !== undefined)
      throw new Failure(
        409,
        'role_exists',
        `There already is a role "${name}".`,
        'Apply a new revision with PUT /v1/roles/:name.',
      );
    return publishRole(transaction, who, document, undefined);
  });
}

/** Creates the role or its next revision; the same content changes nothing. */
export function applyRole(log: ActionLog, who: Administrator, document: RoleDocument): Promise<AppliedRole> {
  return log.transact(who.workspaceId, (transaction) => applyRoleIn(transaction, who, document));
}

export async function applyRoleIn(
  transaction: LoggedTransaction,
  who: Administrator,
  document: RoleDocument,
): Promise<AppliedRole> {
  const current = await findRole(transaction.client, who.workspaceId, document.metadata.name);
  return publishRole(transaction, who, document, current);
}

/** Its revisions stay, and a role of that name goes on with their numbers. Throws `role_not_found`, `role_worn`. */
export async function removeRoleIn(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  name: string,
): Promise<void> {
  const { client } = transaction;
  const { revision } = await readRole(client, workspaceId, name);
  const { rows } = await client.query<{ agent: string }>(
    `SELECT a.handle AS agent FROM agent_roles w JOIN agents a ON a.workspace_id = w.workspace_id AND a.id = w.agent_id
      WHERE w.workspace_id = $1 AND w.role = $2 ORDER BY a.handle LIMIT 1`,
    [workspaceId, name],
  );
  const [worn] = rows;
  if (worn !== undefined)
    throw new Failure(
      409,
      'role_worn',
      `The agent "${worn.agent}" wears the role "${name}".`,
      'Take it from its agents first: GET /v1/agents?role=….',
    );
  await client.query('DELETE FROM role_candidates WHERE workspace_id = $1 AND role = $2', [workspaceId, name]);
  // No revision has that number: the name is free, and its history is kept.
  await client.query('UPDATE roles SET current_revision = 0 WHERE workspace_id = $1 AND name = $2', [
    workspaceId,
    name,
  ]);
  transaction.log({
    kind: 'role.changed',
    actor,
    role: name,
    prev_role_rev: revision,
    change: 'removed',
    loosens: false,
    ...(await provenanceOfEdit(transaction, workspaceId, actor)),
  });
  publishPolicy(transaction, workspaceId, actor);
}

/** What is absent from `patch` is as in the revision that is current when this commits. */
export function patchRole(log: ActionLog, who: Administrator, name: string, patch: unknown): Promise<AppliedRole> {
  return log.transact(who.workspaceId, async (transaction) => {
    const current = await findRole(transaction.client, who.workspaceId, name);
    if (current === undefined) throw roleNotFound(name);
    return publishRole(transaction, who, patched(current, patch), current);
  });
}

/** Throws `role_invalid`. */
export function patched({ name, document }: RoleRow, patch: unknown): RoleDocument {
  return applyRolePatch(document, valid(checkRolePatch(patch, name), 'role_invalid', 'The change of the role'));
}

/** Throws the problems of a document as one Failure. */
export function valid<T>(checked: Checked<T>, code: string, what: string): T {
  if (checked.ok) return checked.value;
  throw invalid(checked.problems, code, what);
}

function invalid(problems: readonly DocumentProblem[], code: string, what: string): Failure {
  const [first] = problems;
  const cause =
    first === undefined ? 'cannot be read' : `${first.path === '' ? '' : `${first.path}: `}${first.message}`;
  return new Failure(
    422,
    code,
    `${what} is not valid: ${cause}.`,
    first?.remedy ?? 'Correct the places in problems.',
    problems,
  );
}

function hashOf(document: RoleDocument): string {
  return `sha256:${hash('sha256', canonicalJson(document))}`;
}

async function publishRole(
  transaction: LoggedTransaction,
  who: Administrator,
  document: RoleDocument,
  current: RoleRow | undefined,
): Promise<AppliedRole> {
  const { workspaceId, actor } = who;
  const { client } = transaction;
  const { name } = document.metadata;
  const contentHash = hashOf(document);
  if (current !== undefined && contentHash === hashOf(current.document)) return { role: current, change: 'unchanged' };

  const revision = (current?.revision ?? (await lastRevision(client, workspaceId, name))) + 1;
  const role = valid(roleFromDocument(document, revision), 'role_invalid', 'The role');
  await client.query(
    `INSERT INTO role_revisions (workspace_id, role, revision, document, sha256, author) VALUES ($1, $2, $3, $4, $5, $6)`,
    [workspaceId, name, revision, JSON.stringify(document), contentHash, actor],
  );
  await client.query(
    `INSERT INTO roles (workspace_id, name, current_revision) VALUES ($1, $2, $3)
     ON CONFLICT (workspace_id, name) DO UPDATE SET current_revision = excluded.current_revision`,
    [workspaceId, name, revision],
  );
  await refuseMisfits(client, workspaceId, role.guards);
  transaction.log({
    kind: 'role.changed',
    actor,
    role: name,
    role_rev: revision,
    prev_role_rev: current?.revision,
    sha256: contentHash,
    change: current === undefined ? 'created' : 'updated',
    ...grantChanges(grantsOf(current), role.allow),
    guards: role.guards.length,
    loosens: isLooser(policyDiff(alone(current), { ...NO_POLICY, roles: [role] })),
    ...(await provenanceOfEdit(transaction, workspaceId, actor)),
  });
  publishPolicy(transaction, workspaceId, actor);
  return { role: await readRole(client, workspaceId, name), change: current === undefined ? 'created' : 'updated' };
}

const NO_POLICY: PolicySet = { revision: 0, roles: [], workspaceGuards: [], capabilities: [] };

/** The policy of this role and nothing else; of one that cannot be read, that of none. */
function alone(role: RoleRow | undefined): PolicySet {
  const read = role && roleFromDocument(role.document, role.revision);
  return read?.ok === true ? { ...NO_POLICY, roles: [read.value] } : NO_POLICY;
}

/** Of a role that is there no more, too. */
async function lastRevision(client: ClientBase, workspaceId: WorkspaceId, name: string): Promise<number> {
  const { rows } = await client.query<{ last: number }>(
    'SELECT coalesce(max(revision), 0) AS last FROM role_revisions WHERE workspace_id = $1 AND role = $2',
    [workspaceId, name],
  );
  return rows[0]?.last ?? 0;
}

/** None of one that was edited past HiveKey so that it is no role any more. */
function grantsOf(role: RoleRow | undefined): readonly string[] {
  const read = role && roleFromDocument(role.document, role.revision);
  return read?.ok === true ? read.value.allow : [];
}

/** The first names of each; the revision has all of them, and a record has at most 64 KiB. */
const MAX_NAMES = 100;

function grantChanges(before: readonly string[], after: readonly string[]) {
  const had = new Set(before);
  const has = new Set(after);
  const granted = after.filter((capability) => !had.has(capability));
  const withdrawn = before.filter((capability) => !has.has(capability));
  return {
    grants: after.length,
    granted: granted.slice(0, MAX_NAMES),
    granted_count: granted.length,
    withdrawn: withdrawn.slice(0, MAX_NAMES),
    withdrawn_count: withdrawn.length,
  };
}
