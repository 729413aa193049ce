/** Activating: everything is asked again, and all of it happens or nothing, in one transaction. */
import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import { isComplete } from '../approvals/index.ts';
import { delegationsInForce } from '../delegations/index.ts';
import { Failure } from '../errors.ts';
import type { PersonId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { loadPolicySet, publishPolicy } from '../roles/index.ts';
import { standOn } from '../versions/index.ts';
import { authorOf } from './author.ts';
import { isNeverAlone, refuseUnlessWriter, requirementOf } from './authority.ts';
import { carryOut, type Located, locate, movedIn, staleBase } from './carry-out.ts';
import type { ChangesContext } from './context.ts';
import { keepAuthor, typeOf } from './draft.ts';
import { type Bar, standingBarOf } from './eligibility.ts';
import { closed } from './failures.ts';
import { approverNow, holderOf, refuseUnlessVouched } from './holder.ts';
import { end } from './move.ts';
import { onlyNarrows } from './narrowing.ts';
import { freezesOver, policyFrozen } from './policy-freeze.ts';
import { recordingRefusals } from './refusals.ts';
import {
  authorsOf,
  type ChangeRow,
  changeFields,
  findChange,
  nameOfChange,
  type ReviewRow,
  reviewsOf,
} from './rows.ts';
import { approvedSettings } from './settings.ts';
import { standardFor } from './standard.ts';

/** Who activates, as it stands in the log. */
export interface Activator {
  readonly actor: string;
  readonly person?: string | undefined;
}

/**
 * Throws `change_not_found`, `change_<status>`, `change_not_approved`, `change_stale`, `approval_void`, `approvals_missing`,
 * `policy_frozen`, `change_invalid`. An emergency that its author may activate alone needs no approval.
 */
export async function activateChange(
  context: ChangesContext,
  who: Administrator,
  idOrName: string,
): Promise<ChangeRow> {
  const { workspaceId } = who;
  const done = await recordingRefusals(context, who, idOrName, 'activate', () =>
    context.log.transact(workspaceId, async (transaction) => {
      const { client } = transaction;
      const row = await findChange(client, workspaceId, idOrName, 'FOR UPDATE OF c');
      const { id, email } = await holderOf(client, who);
      if (!who.roles.includes('reviewer')) refuseUnlessWriter(who.roles, row.operations);
      await refuseUnlessVouched(client, who, row.operations);
      const activator = { actor: who.actor, person: email };
      if (row.status === 'approved' || row.status === 'scheduled')
        return activateIn(transaction, context, activator, row);
      if (row.status !== 'submitted') throw closed(row);
      const { emergency } = await approvedSettings(client, workspaceId);
      if (row.class !== 'emergency' || !emergency.alone || isNeverAlone(row.operations)) throw notApproved(row);
      refuseUnlessWriter(who.roles, row.operations);
      // Whoever put it in force alone does not review it.
      const edit = row.edits + 1;
      const part = { id: row.id, edit, hash: row.content_hash, what: 'request', person: id } as const;
      await keepAuthor(transaction, who, part);
      return activateIn(transaction, context, activator, row, emergency.review_within_minutes);
    }),
  );
  context.path.invalidate(workspaceId);
  return done;
}

/**
 * The change is locked, and approved; `reviewWithinMinutes`: it is not, and is to be reviewed within that time. A Failure
 * as value: it has moved to another state, which has to be kept.
 */
export async function activateIn(
  transaction: LoggedTransaction,
  context: ChangesContext,
  activator: Activator,
  row: ChangeRow,
  reviewWithinMinutes?: number,
): Promise<ChangeRow | Failure> {
  const { client, now } = transaction;
  const { workspace_id: workspaceId, operations } = row;
  const isAlone = reviewWithinMinutes !== undefined;
  const located = await locate(client, workspaceId, context.controlled, operations);
  const moved = movedIn(located);
  if (moved.length > 0) return becomeStale(transaction, activator, row, staleBase(moved));
  const unfit = isAlone ? undefined : await unfitApproval(client, row);
  if (unfit !== undefined) return backToReview(transaction, activator, row, unfit);
  if (!(await fitsStill(client, row, located))) return becomeStale(transaction, activator, row, patternDiffers(row));
  const freezes =
    row.narrows === true
      ? []
      : await freezesOver(
          client,
          workspaceId,
          operations.map(({ type }) => type),
          now.getTime(),
        );
  // Two people at once may; one alone may not.
  if (freezes.length > 0 && (row.class !== 'emergency' || isAlone)) throw policyFrozen(freezes);
  const author = await authorOf(client, row);
  const before = await policyOf(client, workspaceId);
  const approvals = countingApprovals(row, await reviewsOf(client, workspaceId, row.id));
  standOn(transaction, {
    kind: 'change',
    id: row.id,
    author: author.actor,
    authoredAt: row.submitted_at ?? now,
    authorEmail: row.author_email,
    reviewers: approvals.map(({ person }) => person),
    isInFreeze: freezes.length > 0,
  });
  await carryOut(transaction, context.controlled, author, operations);
  if (operations.some(({ type }) => typeOf(context.controlled, type).isPolicy))
    publishPolicy(transaction, workspaceId, author.actor);
  await keepReplaced(client, row, located);
  transaction.atEnd(`change ${row.id}`, () =>
    finish(transaction, activator, row, {
      before,
      freezes: freezes.map(({ name }) => name),
      reviewWithinMinutes,
    }),
  );
  return row;
}

async function keepReplaced(
  client: ClientBase,
  { workspace_id, id }: ChangeRow,
  located: readonly Located[],
): Promise<void> {
  await client.query('UPDATE changes SET replaced = $3 WHERE workspace_id = $1 AND id = $2', [
    workspace_id,
    id,
    JSON.stringify(located.map(({ before }) => before)),
  ]);
}

interface Policy {
  readonly revision: number;
  readonly policy_hash: string;
}

async function policyOf(client: ClientBase, workspaceId: string): Promise<Policy | undefined> {
  const { rows } = await client.query<Policy>(
    'SELECT revision, policy_hash FROM policy_revisions WHERE workspace_id = $1 ORDER BY revision DESC LIMIT 1',
    [workspaceId],
  );
  return rows[0];
}

interface Done {
  readonly before: Policy | undefined;
  readonly freezes: readonly string[];
  readonly reviewWithinMinutes: number | undefined;
}

interface VersionRow {
  readonly object_type: string;
  readonly object_id: string;
  readonly version: number;
  readonly sha256: string | null;
}

/** After the versions are stored and the policy is published. */
async function finish(
  transaction: LoggedTransaction,
  { actor, person }: Activator,
  row: ChangeRow,
  { before, freezes, reviewWithinMinutes }: Done,
): Promise<void> {
  const { client, now } = transaction;
  const { workspace_id: workspaceId, id } = row;
  const after = await policyOf(client, workspaceId);
  const policy = after && { before: before?.policy_hash ?? null, after: after.policy_hash, revision: after.revision };
  const { rows: versions } = await client.query<VersionRow>(
    'SELECT object_type, object_id, version, sha256 FROM object_versions WHERE workspace_id = $1 AND change_id = $2 ORDER BY 1, 2',
    [workspaceId, id],
  );
  const reviewDueAt = reviewWithinMinutes === undefined ? null : new Date(now.getTime() + reviewWithinMinutes * 60_000);
  await client.query(
    `UPDATE changes SET status = 'activated', activated_at = $3, activated_by = $4, policy = $5, freezes_passed = $6,
            waiting_for = '{}', emergency_review = $7, review_due_at = $8, ended_code = NULL, ended_reason = NULL
      WHERE workspace_id = $1 AND id = $2`,
    [
      workspaceId,
      id,
      now,
      person ?? actor,
      policy === undefined ? null : JSON.stringify(policy),
      freezes,
      reviewDueAt === null ? null : 'due',
      reviewDueAt,
    ],
  );
  transaction.log({
    kind: 'change.activated',
    actor,
    person,
    ...changeFields(row),
    risk: row.risk ?? undefined,
    preview_hash: row.preview_hash ?? undefined,
    policy: policy?.after,
    policy_revision: policy?.revision,
    prev_policy: policy?.before ?? undefined,
    versions: versions.slice(0, 50).map((each) => `${each.object_type} ${each.object_id} v${each.version}`),
    freezes_passed: freezes.length === 0 ? undefined : freezes,
    review_due_at: reviewDueAt?.toISOString(),
  });
  if (row.rollback_of !== null) await markRolledBack(transaction, actor, row, row.rollback_of);
}

async function markRolledBack(
  transaction: LoggedTransaction,
  actor: string,
  row: ChangeRow,
  rolledBack: string,
): Promise<void> {
  const { client } = transaction;
  const { rowCount } = await client.query(
    `UPDATE changes SET status = 'rolled_back', rolled_back_by = $3
      WHERE workspace_id = $1 AND id = $2 AND status = 'activated'`,
    [row.workspace_id, rolledBack, row.id],
  );
  if (rowCount === 0)
    throw new Failure(409, 'change_rolled_back', 'What it would roll back is not in force any more.', 'Withdraw it.');
  const original = await findChange(client, row.workspace_id, rolledBack);
  transaction.log({ kind: 'change.rolled_back', actor, ...changeFields(original), rolled_back_by: nameOfChange(row) });
}

interface Unfit {
  readonly failure: Failure;
  /** Whose approval does not hold. */
  readonly approver?: string;
  readonly code?: Bar;
}

/** By the settings, people, roles and delegations of now. */
async function unfitApproval(client: ClientBase, row: ChangeRow): Promise<Unfit | undefined> {
  const { workspace_id: workspaceId, risk } = row;
  if (risk === null) throw new Error(`the change ${row.id} was submitted without a risk`);
  const requirement = requirementOf(await approvedSettings(client, workspaceId), { ...row, risk });
  if (requirement === null) return undefined;
  const authors = new Set<PersonId>((await authorsOf(client, workspaceId, row.id)).map(({ id }) => id));
  const delegations = await delegationsInForce(client, workspaceId);
  const approvals: { readonly groups: readonly string[] }[] = [];
  for (const review of countingApprovals(row, await reviewsOf(client, workspaceId, row.id))) {
    const candidate = await approverNow(client, workspaceId, review);
    const code = standingBarOf(candidate, { authors, delegations });
    if (code !== undefined) return { failure: voided(row, review, code), approver: review.person, code };
    approvals.push(candidate);
  }
  return isComplete(requirement, approvals) ? undefined : { failure: approvalsMissing(row) };
}

/**
 * A pattern may say something else now under the same name, and what only took away may have been all that held something
 * back since.
 */
async function fitsStill(client: ClientBase, row: ChangeRow, located: readonly Located[]): Promise<boolean> {
  const { workspace_id: workspaceId, class: of, risk } = row;
  const settings = await approvedSettings(client, workspaceId);
  if (of !== 'standard' || risk === null || requirementOf(settings, { ...row, risk }) !== null) return true;
  const { set } = await loadPolicySet(client, workspaceId);
  const objects = located.map(({ operation: { type, id, document: after }, before }) => ({ type, id, before, after }));
  return standardFor(objects, settings.standard, (object) => onlyNarrows(object, set)) !== undefined;
}

/** Those of this round, over exactly what it is. */
export function countingApprovals(row: ChangeRow, reviews: readonly ReviewRow[]): readonly ReviewRow[] {
  return reviews.filter(
    (review) =>
      review.stage === 'before' &&
      review.decision === 'approve' &&
      review.round === row.round &&
      review.content_hash === row.content_hash &&
      review.preview_hash === row.preview_hash,
  );
}

/** An approval that does not hold takes all of its round along: who approved has to look again. */
async function backToReview(
  { client, log }: LoggedTransaction,
  { actor }: Activator,
  row: ChangeRow,
  { failure, approver, code }: Unfit,
): Promise<Failure> {
  await client.query(
    `UPDATE changes SET status = 'submitted', approved_at = NULL, due_at = NULL, waiting_for = '{}', round = round + $3,
            ended_code = $4, ended_reason = $5
      WHERE workspace_id = $1 AND id = $2`,
    [row.workspace_id, row.id, approver === undefined ? 0 : 1, failure.code, failure.message],
  );
  log({
    kind: 'change.voided',
    actor,
    ...changeFields(row),
    code: failure.code,
    approver,
    approver_code: code,
  });
  return failure;
}

async function becomeStale(
  transaction: LoggedTransaction,
  { actor, person }: Activator,
  row: ChangeRow,
  failure: Failure,
): Promise<Failure> {
  await end(transaction, { actor, person }, row, 'stale', { code: failure.code, reason: failure.message });
  return failure;
}

function notApproved(row: ChangeRow): Failure {
  return new Failure(
    409,
    'change_not_approved',
    `${nameOfChange(row)} is not approved.`,
    'Have somebody else approve it: POST /v1/changes/:change/approve.',
  );
}

function patternDiffers(row: ChangeRow): Failure {
  return new Failure(
    409,
    'change_pattern_differs',
    `${nameOfChange(row)} fits no pattern any more that needs nobody.`,
    'Draft it again, to be reviewed.',
  );
}

function voided(row: ChangeRow, { person }: ReviewRow, code: Bar): Failure {
  return new Failure(
    409,
    'approval_void',
    `The approval of ${nameOfChange(row)} by ${person} does not hold any more (${code}).`,
    'Have it approved again.',
  );
}

function approvalsMissing(row: ChangeRow): Failure {
  return new Failure(
    409,
    'approvals_missing',
    `${nameOfChange(row)} takes more approvals now than it has.`,
    'Have others approve it, too.',
  );
}
