/** A person approves or rejects. An approval names what was read; both are on the log, and so is every refusal. */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { isComplete } from '../approvals/index.ts';
import { delegationsInForce } from '../delegations/index.ts';
import { Failure } from '../errors.ts';
import { assuranceProblem, ownSignInProblem } from '../identity/index.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { keepSignedDecision, type SignedDecision, type Subject } from '../passkeys/index.ts';
import type { Preview } from '../previews/index.ts';
import { activateIn, countingApprovals } from './activate.ts';
import { requirementOf } from './authority.ts';
import { locate, movedIn, staleBase } from './carry-out.ts';
import type { ChangesContext } from './context.ts';
import { type Bar, barOf } from './eligibility.ts';
import { closed } from './failures.ts';
import { type Holder, holderOf, refuseKeyOfAuthor } from './holder.ts';
import { end } from './move.ts';
import { recordingRefusals } from './refusals.ts';
import { draftRollbackIn, submitRollback } from './rollback.ts';
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
import { approve } from './submit.ts';

export interface ChangeDecision {
  readonly decision: 'approve' | 'reject';
  readonly comment: string;
  /** Of what was read; an approval names both. */
  readonly contentHash?: string | undefined;
  readonly previewHash?: string | undefined;
  /** A passkey over exactly this, checked; used up with the decision. */
  readonly signature?: SignedDecision | undefined;
}

export type ReviewChannel = ReviewRow['channel'];

/** Throws a Failure when the decision is refused; the refusal is durable by then. */
export async function decideChange(
  context: ChangesContext,
  who: Administrator,
  idOrName: string,
  decision: ChangeDecision,
  channel: ReviewChannel,
): Promise<ChangeRow> {
  const { workspaceId } = who;
  const { rollback, row } = await recordingRefusals(context, who, idOrName, decision.decision, async () => {
    const { preview_id: previewId } = await findChange(context.pool, workspaceId, idOrName);
    const preview = previewId === null ? undefined : await context.previews.find(workspaceId, previewId);
    return context.log.transact(workspaceId, (transaction) =>
      decideIn(transaction, context, who, idOrName, decision, channel, preview),
    );
  });
  if (row.status === 'activated') context.path.invalidate(workspaceId);
  if (rollback !== undefined) await submitRollback(context, who, rollback);
  return findChange(context.pool, workspaceId, row.id);
}

interface Decided {
  readonly row: ChangeRow;
  /** Id of a rollback that was drafted with it. */
  readonly rollback?: string;
}

async function decideIn(
  transaction: LoggedTransaction,
  context: ChangesContext,
  who: Administrator,
  idOrName: string,
  decision: ChangeDecision,
  channel: ReviewChannel,
  preview: Preview | undefined,
): Promise<Decided | Failure> {
  const { client } = transaction;
  const { workspaceId, actor } = who;
  const row = await findChange(client, workspaceId, idOrName, 'FOR UPDATE OF c');
  const holder = await holderOf(client, who);
  const unsigned = await ownSignInProblem(client, who);
  if (unsigned !== undefined) throw unsigned;
  const stage = stageOf(row, decision.decision);
  const reviews = await reviewsOf(client, workspaceId, row.id);
  if (decision.decision === 'approve') {
    if (stage === 'before') {
      const moved = movedIn(await locate(client, workspaceId, context.controlled, row.operations));
      if (moved.length > 0) {
        const failure = staleBase(moved);
        await end(transaction, { actor, person: holder.email }, row, 'stale', {
          code: failure.code,
          reason: failure.message,
        });
        return failure;
      }
    }
    refuseOtherContent(row, preview, decision);
  }
  const question = await questionOf(client, row, stage, decision.decision);
  const before =
    stage === 'before' ? countingApprovals(row, reviews) : reviews.filter((each) => each.stage === 'after');
  const approvals = before.map(({ person_id: id, groups }) => ({ id, groups }));
  const candidate = { ...holder, roles: who.roles };
  const bar = barOf(candidate, question, approvals);
  // Rejecting takes no place, and whoever approved may think better of it.
  const isBarred =
    decision.decision === 'approve' ||
    (bar !== 'approver_not_needed' && bar !== 'approver_decided_before' && bar !== 'approver_same_person');
  if (bar !== undefined && isBarred) throw REFUSALS[bar](holder.email, row);
  if (decision.decision === 'approve') await refuseKeyOfAuthor(client, who, question.authors);
  await checkSure(transaction, who, decision);
  const reviewed = await keepReview(transaction, who, row, holder, decision, stage, channel, preview);
  if (decision.decision === 'reject')
    return reject(transaction, context, who, reviewed, holder, decision.comment, stage);
  if (!isComplete(question.quorum, [...approvals, candidate])) return { row: reviewed };
  const approvers = [...before.map(({ person }) => person), holder.email];
  if (stage === 'after') {
    await client.query(`UPDATE changes SET emergency_review = 'passed' WHERE workspace_id = $1 AND id = $2`, [
      workspaceId,
      row.id,
    ]);
    transaction.log({ kind: 'change.reviewed', actor, ...changeFields(row), result: 'passed', reviewers: approvers });
    return { row: reviewed };
  }
  await approve(transaction, actor, reviewed, approvers);
  const approved = await findChange(client, workspaceId, row.id);
  if (row.class !== 'emergency' || approved.status !== 'approved') return { row: approved };
  const activated = await activateIn(transaction, context, { actor, person: holder.email }, approved);
  return activated instanceof Failure ? activated : { row: { ...activated, status: 'activated' } };
}

/** Throws `change_<status>` where nothing is left to decide. */
function stageOf(row: ChangeRow, decision: ChangeDecision['decision']): 'before' | 'after' {
  if (row.emergency_review === 'due' || row.emergency_review === 'overdue') return 'after';
  if (row.status === 'submitted') return 'before';
  if (decision === 'reject' && (row.status === 'approved' || row.status === 'scheduled')) return 'before';
  throw closed(row);
}

const NOBODY = { people: 1, groups: [] };

/** What needs nobody to approve it can be rejected all the same. */
async function questionOf(
  client: Pool | ClientBase,
  row: ChangeRow,
  stage: 'before' | 'after',
  decision: ChangeDecision['decision'] = 'approve',
) {
  const { workspace_id: workspaceId, risk } = row;
  if (risk === null) throw new Error(`the change ${row.id} was submitted without a risk`);
  const quorum = requirementOf(await approvedSettings(client, workspaceId), { ...row, risk }, stage);
  if (quorum === null && decision === 'approve') throw closed(row);
  return {
    quorum: quorum ?? NOBODY,
    authors: new Set((await authorsOf(client, workspaceId, row.id)).map(({ id }) => id)),
    delegations: await delegationsInForce(client, workspaceId),
  };
}

/** Throws `change_hash_differs`, `preview_running`, `preview_failed`. */
function refuseOtherContent(row: ChangeRow, preview: Preview | undefined, decision: ChangeDecision): void {
  if (preview === undefined || preview.state !== 'done')
    throw new Failure(
      409,
      preview?.state === 'running' ? 'preview_running' : 'preview_failed',
      `What ${nameOfChange(row)} does is ${preview?.state === 'running' ? 'still being found out' : 'not known'}.`,
      preview?.state === 'running'
        ? 'Wait until it is done, and read it.'
        : 'Have it made again: POST /v1/changes/:change/preview.',
    );
  if (decision.contentHash === row.content_hash && decision.previewHash === preview.sha256) return;
  throw new Failure(
    409,
    'change_hash_differs',
    `What you approve is not ${nameOfChange(row)} as it is, of content ${row.content_hash} and preview ${preview.sha256}.`,
    'Read it with GET /v1/changes/:change, and send both hashes with your approval.',
  );
}

/** Rejecting is safe and takes no proof. */
async function checkSure(
  { client, now }: LoggedTransaction,
  who: Administrator,
  { decision, signature }: ChangeDecision,
): Promise<void> {
  if (decision === 'reject') return;
  const registeredBy = signature?.verified.passkey.registeredBy;
  const unsure = await assuranceProblem(client, who, 'change', now, {
    signature: registeredBy === undefined ? undefined : { registeredBy },
    canSign: true,
  });
  if (unsure !== undefined) throw unsure;
}

/** What a passkey signs: the change and its preview as they were shown, by their hashes, and all of the decision. */
export function subjectOf(
  row: Pick<ChangeRow, 'id' | 'workspace_id' | 'number' | 'title' | 'content_hash'>,
  approver: string,
  { decision, comment, previewHash }: Pick<ChangeDecision, 'decision' | 'comment' | 'previewHash'>,
): Subject {
  return {
    kind: 'change',
    id: row.id,
    members: {
      workspace_id: row.workspace_id,
      change: nameOfChange(row),
      title: row.title,
      content_hash: row.content_hash,
      preview_hash: previewHash ?? null,
      decision,
      comment,
      approver,
    },
  };
}

async function keepReview(
  transaction: LoggedTransaction,
  who: Administrator,
  row: ChangeRow,
  holder: Holder,
  decision: ChangeDecision,
  stage: 'before' | 'after',
  channel: ReviewChannel,
  preview: Preview | undefined,
): Promise<ChangeRow> {
  const { client, now } = transaction;
  const { workspaceId, actor, credentialId, session } = who;
  const signed =
    decision.signature === undefined
      ? undefined
      : await keepSignedDecision(transaction, decision.signature, subjectOf(row, holder.email, decision));
  if (signed instanceof Failure) throw signed;
  const previewHash = preview?.sha256 ?? row.preview_hash ?? '';
  const authenticatedAt = who.authenticatedAtMs === undefined ? now : new Date(who.authenticatedAtMs);
  const method = session?.method ?? 'key';
  const eventId = transaction.log({
    kind: 'change.decided',
    actor,
    person: holder.email,
    person_id: holder.id,
    person_groups: holder.groups,
    ...changeFields(row),
    risk: row.risk ?? undefined,
    preview_hash: previewHash,
    decision: decision.decision,
    stage,
    comment: decision.comment === '' ? undefined : decision.comment,
    key_id: credentialId,
    method,
    authenticated_at: authenticatedAt.toISOString(),
    channel,
    signature:
      signed === undefined ? undefined : { id: signed.id, passkey_id: signed.passkeyId, digest: signed.digest },
  });
  await client.query(
    `INSERT INTO change_reviews (workspace_id, change_id, person_id, person, decision, stage, round, groups, comment, content_hash,
                                 preview_hash, actor, credential_id, method, idp_groups, channel, authenticated_at, signature_id, at, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
             coalesce((SELECT s.idp_groups FROM console_sessions s WHERE s.workspace_id = $1 AND s.id = $13), '{}'), $15, $16, $17, $18, $19)`,
    [
      workspaceId,
      row.id,
      holder.id,
      holder.email,
      decision.decision,
      stage,
      row.round,
      holder.groups,
      decision.comment,
      row.content_hash,
      previewHash,
      actor,
      credentialId,
      method,
      channel,
      authenticatedAt,
      signed?.id ?? null,
      now,
      eventId,
    ],
  );
  if (decision.decision === 'approve' && row.preview_hash === null)
    await client.query('UPDATE changes SET preview_hash = $3 WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      row.id,
      previewHash,
    ]);
  return findChange(client, workspaceId, row.id);
}

/** One is enough. Of an emergency that is in force, what it replaced is to be put back. */
async function reject(
  transaction: LoggedTransaction,
  context: ChangesContext,
  who: Administrator,
  row: ChangeRow,
  { email }: Holder,
  comment: string,
  stage: 'before' | 'after',
): Promise<Decided> {
  if (stage === 'before') {
    await end(transaction, { actor: who.actor, person: email }, row, 'rejected', { code: 'rejected', reason: comment });
    return { row };
  }
  await transaction.client.query(
    `UPDATE changes SET emergency_review = 'refused' WHERE workspace_id = $1 AND id = $2`,
    [row.workspace_id, row.id],
  );
  transaction.log({
    kind: 'change.reviewed',
    actor: who.actor,
    ...changeFields(row),
    result: 'refused',
    reviewers: [email],
  });
  const drafted = await draftRollbackIn(transaction, context, who, row, comment);
  return drafted instanceof Failure ? { row } : { row, rollback: drafted.id };
}

type Refusal = (person: string, row: ChangeRow) => Failure;

const REFUSALS: Readonly<Record<Bar, Refusal>> = {
  person_inactive: (person) =>
    new Failure(403, 'person_inactive', `${person} is not active.`, 'Have somebody else decide.'),
  approver_not_reviewer: (person) =>
    new Failure(403, 'approver_not_reviewer', `${person} has not the role reviewer.`, 'Have a reviewer decide.'),
  approver_is_author: (person, row) =>
    new Failure(
      403,
      'approver_is_author',
      `${person} is an author of ${nameOfChange(row)}: nobody decides about what they wrote.`,
      'Have somebody else decide. An author withdraws it.',
    ),
  approver_same_person: (person, row) =>
    new Failure(
      403,
      'approver_same_person',
      `${person} and an author or approver of ${nameOfChange(row)} count as one person: one decides for the other by a delegation.`,
      'Have somebody else approve.',
    ),
  approver_decided_before: (person, row) =>
    new Failure(
      409,
      'approver_decided_before',
      `${person} has approved ${nameOfChange(row)} already.`,
      'Each person counts once, whatever credential is used.',
    ),
  approver_not_needed: (person, row) =>
    new Failure(
      409,
      'approver_not_needed',
      `${person} fills no place that is open: ${nameOfChange(row)} waits for people of certain groups.`,
      'See "missing" of the change.',
    ),
};

/** Of the caller, for the change as it is shown. */
export async function barFor(
  client: Pool | ClientBase,
  who: Administrator,
  row: ChangeRow,
  reviews: readonly ReviewRow[],
) {
  const stage = row.emergency_review === 'due' || row.emergency_review === 'overdue' ? 'after' : 'before';
  if (stage === 'before' && row.status !== 'submitted') return `change_${row.status}`;
  if (who.person === undefined) return 'person_required';
  const question = await questionOf(client, row, stage);
  const approvals =
    stage === 'before' ? countingApprovals(row, reviews) : reviews.filter((each) => each.stage === 'after');
  const holder = await holderOf(client, who);
  return (
    barOf(
      { ...holder, roles: who.roles },
      question,
      approvals.map(({ person_id: id, groups }) => ({ id, groups })),
    ) ?? null
  );
}
