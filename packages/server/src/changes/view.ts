/** Changes as the API shows them. */
import type { Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { fillPlaces } from '../approvals/index.ts';
import type { ObjectType } from '../versions/index.ts';
import { countingApprovals } from './activate.ts';
import { requirementOf } from './authority.ts';
import type { ChangeSummary, ChangeView, ReviewView } from './change.ts';
import type { ChangesContext } from './context.ts';
import { barFor } from './decide.ts';
import { authorsOf, type ChangeRow, nameOfChange, type ReviewRow, reviewsOf } from './rows.ts';
import { approvedSettings, type Requirement } from './settings.ts';

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}

function secondsOrNull(at: Date | null): number | null {
  return at === null ? null : seconds(at);
}

export function summaryOf(row: ChangeRow, names: ReadonlyMap<string, string>): ChangeSummary {
  const nameOf = (id: string | null) => (id === null ? null : (names.get(id) ?? id));
  return {
    id: row.id,
    object: 'change',
    number: row.number,
    name: nameOfChange(row),
    status: row.status,
    class: row.class,
    risk: row.risk,
    title: row.title,
    justification: row.justification,
    ticket: row.ticket,
    objects: row.operations.map(({ type, id }) => ({ type, id })),
    author: row.author_email,
    source: row.source,
    rollback_of: nameOf(row.rollback_of),
    rolled_back_by: nameOf(row.rolled_back_by),
    activate_at: secondsOrNull(row.activate_at),
    created: seconds(row.created_at),
    updated_at: seconds(row.updated_at),
    submitted_at: secondsOrNull(row.submitted_at),
    expires_at: secondsOrNull(row.expires_at),
    approved_at: secondsOrNull(row.approved_at),
    activated_at: secondsOrNull(row.activated_at),
    activated_by: row.activated_by,
    emergency_review: row.emergency_review,
    review_due_at: secondsOrNull(row.review_due_at),
    ended_at: secondsOrNull(row.ended_at),
    ended_by: row.ended_by,
    ended_code: row.ended_code,
    ended_reason: row.ended_reason,
    content_hash: row.content_hash,
  };
}

/** `CHG-12` of those that the rows refer to, by id. */
export async function namesOf(
  pool: Pool,
  workspaceId: string,
  rows: readonly Pick<ChangeRow, 'rollback_of' | 'rolled_back_by'>[],
): Promise<ReadonlyMap<string, string>> {
  const ids = rows
    .flatMap(({ rollback_of, rolled_back_by }) => [rollback_of, rolled_back_by])
    .filter((id) => id !== null);
  if (ids.length === 0) return new Map();
  const { rows: found } = await pool.query<{ id: string; number: number }>(
    'SELECT id, number FROM changes WHERE workspace_id = $1 AND id = ANY($2)',
    [workspaceId, ids],
  );
  return new Map(found.map((row) => [row.id, nameOfChange(row)]));
}

export function reviewOf(row: ChangeRow, review: ReviewRow): ReviewView {
  const { person, decision, stage, groups, comment, content_hash, preview_hash, actor, method, channel, at } = review;
  return {
    object: 'change_review',
    person,
    decision,
    stage,
    counts: review.round === row.round,
    groups: [...groups],
    comment,
    content_hash,
    preview_hash,
    actor,
    method,
    channel,
    authenticated_at: seconds(review.authenticated_at),
    signature: review.signature_id,
    at: seconds(at),
    event_id: review.event_id,
  };
}

interface VersionRow {
  readonly type: ObjectType;
  readonly id: string;
  readonly version: number;
  readonly hash: string | null;
}

export async function viewOf(
  { pool, previews }: ChangesContext,
  who: Administrator,
  row: ChangeRow,
): Promise<ChangeView> {
  const { workspaceId } = who;
  const [names, authors, reviews, settings, preview, { rows: versions }] = await Promise.all([
    namesOf(pool, workspaceId, [row]),
    authorsOf(pool, workspaceId, row.id),
    reviewsOf(pool, workspaceId, row.id),
    approvedSettings(pool, workspaceId),
    row.preview_id === null ? undefined : previews.find(workspaceId, row.preview_id),
    pool.query<VersionRow>(
      `SELECT object_type AS type, object_id AS id, version, sha256 AS hash FROM object_versions
        WHERE workspace_id = $1 AND change_id = $2 ORDER BY object_type, object_id`,
      [workspaceId, row.id],
    ),
  ]);
  const stage = row.emergency_review === null ? 'before' : 'after';
  const requirement = row.risk === null ? null : requirementOf(settings, { ...row, risk: row.risk }, stage);
  const approvals =
    stage === 'before'
      ? countingApprovals(row, reviews)
      : reviews.filter((review) => review.stage === 'after' && review.decision === 'approve');
  const isWaiting = row.status === 'submitted' || row.emergency_review === 'due' || row.emergency_review === 'overdue';
  return {
    ...summaryOf(row, names),
    operations: [...row.operations],
    authors: authors.map(({ email }) => email),
    reasons: [...(row.reasons ?? [])],
    narrows: row.narrows,
    pattern: row.pattern,
    requirement,
    missing: requirement === null || !isWaiting ? null : missingOf(requirement, approvals),
    preview:
      preview === undefined || preview.id === null
        ? null
        : { id: preview.id, state: preview.state, hash: preview.sha256 },
    reviews: reviews.map((review) => reviewOf(row, review)),
    waiting_for: [...row.waiting_for],
    freezes_passed: [...row.freezes_passed],
    policy: row.policy,
    versions,
    you: {
      author: authors.some(({ id }) => id === who.person?.id),
      approve: isWaiting ? await barFor(pool, who, row, reviews) : `change_${row.status}`,
    },
  };
}

function missingOf(requirement: Requirement, approvals: readonly { readonly groups: readonly string[] }[]) {
  const { places, missingGroups } = fillPlaces(requirement, approvals);
  return { people: requirement.people - places, groups: [...missingGroups] };
}
