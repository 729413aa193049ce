/** Changes as the database has them. */
import type { JsonValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { changeNotFound } from './change.ts';
import type { ChangeClass, ChangeOperation, ChangeRisk, ChangeSource, ChangeStatus } from './types.ts';

export interface ChangeRow {
  readonly workspace_id: WorkspaceId;
  readonly id: string;
  readonly number: number;
  readonly status: ChangeStatus;
  readonly class: ChangeClass;
  readonly title: string;
  readonly justification: string;
  readonly ticket: string | null;
  readonly operations: readonly ChangeOperation[];
  readonly activate_at: Date | null;
  readonly source: ChangeSource | null;
  readonly rollback_of: string | null;
  readonly content_hash: string;
  readonly author_id: PersonId;
  /** As it stands in the log. */
  readonly author: string;
  readonly author_email: string;
  readonly edits: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly submitted_at: Date | null;
  readonly submitted_by: string | null;
  readonly expires_at: Date | null;
  readonly risk: ChangeRisk | null;
  readonly narrows: boolean | null;
  readonly reasons: readonly string[] | null;
  readonly pattern: string | null;
  readonly preview_id: string | null;
  /** By which it was approved. */
  readonly preview_hash: string | null;
  readonly approved_at: Date | null;
  readonly round: number;
  readonly due_at: Date | null;
  readonly waiting_for: readonly string[];
  readonly activated_at: Date | null;
  readonly activated_by: string | null;
  /** Documents of before, by place among the operations; null: there was none. */
  readonly replaced: readonly (JsonValue | null)[] | null;
  readonly policy: { readonly before: string | null; readonly after: string; readonly revision: number } | null;
  readonly freezes_passed: readonly string[];
  readonly emergency_review: 'due' | 'overdue' | 'passed' | 'refused' | null;
  readonly review_due_at: Date | null;
  readonly rolled_back_by: string | null;
  readonly ended_at: Date | null;
  readonly ended_by: string | null;
  readonly ended_code: string | null;
  readonly ended_reason: string | null;
}

/** What is over whether it was written down or not is shown as it is. */
const STATUS = `CASE WHEN c.status IN ('submitted', 'approved') AND c.expires_at <= clock_timestamp() THEN 'expired' ELSE c.status END`;
const REVIEW = `CASE WHEN c.emergency_review = 'due' AND c.review_due_at <= clock_timestamp() THEN 'overdue' ELSE c.emergency_review END`;

const COLUMNS = `c.workspace_id, c.id, c.number, ${STATUS} AS status, c.class, c.title, c.justification, c.ticket, c.operations,
  c.activate_at, c.source, c.rollback_of, c.content_hash, c.author_id, c.author, p.email AS author_email, c.edits, c.created_at,
  c.updated_at, c.submitted_at, c.submitted_by, c.expires_at, c.risk, c.narrows, c.reasons, c.pattern, c.preview_id, c.preview_hash,
  c.approved_at, c.round, c.due_at, c.waiting_for, c.activated_at, c.activated_by, c.replaced, c.policy, c.freezes_passed,
  ${REVIEW} AS emergency_review, c.review_due_at, c.rolled_back_by, c.ended_at, c.ended_by, c.ended_code, c.ended_reason`;
const CHANGES = `FROM changes c JOIN people p ON p.workspace_id = c.workspace_id AND p.id = c.author_id WHERE c.workspace_id = $1`;

const NAME = /^CHG-([0-9]{1,9})$/i;

/** By id or name. Throws `change_not_found`. */
export async function findChange(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  idOrName: string,
  lock: 'FOR UPDATE OF c' | '' = '',
): Promise<ChangeRow> {
  const number = NAME.exec(idOrName)?.[1];
  const { rows } = await client.query<ChangeRow>(
    `SELECT ${COLUMNS} ${CHANGES} AND ${number === undefined ? 'c.id = $2' : 'c.number = $2::integer'} ${lock}`,
    [workspaceId, number ?? idOrName],
  );
  const [row] = rows;
  if (row === undefined) throw changeNotFound(idOrName);
  return row;
}

export interface ChangeFilter {
  readonly status?: ChangeStatus | undefined;
  readonly class?: ChangeClass | undefined;
  /** E-mail of an author. */
  readonly author?: string | undefined;
  readonly type?: string | undefined;
  /** Of an object. */
  readonly object?: string | undefined;
  /** Waiting for a review of whatever kind. */
  readonly waiting?: boolean | undefined;
}

/** Newest first, up to `limit` changes of smaller numbers than `before`. */
export async function listChanges(
  pool: Pool,
  workspaceId: WorkspaceId,
  { status, class: ofClass, author, type, object, waiting }: ChangeFilter,
  before: number | undefined,
  limit: number,
): Promise<readonly ChangeRow[]> {
  const { rows } = await pool.query<ChangeRow>(
    `SELECT ${COLUMNS} ${CHANGES}
        AND ($2::integer IS NULL OR c.number < $2) AND ($3::text IS NULL OR ${STATUS} = $3) AND ($4::text IS NULL OR c.class = $4)
        AND ($5::text IS NULL OR EXISTS (
              SELECT FROM change_edits e JOIN people a ON a.workspace_id = e.workspace_id AND a.id = e.person_id
               WHERE e.workspace_id = c.workspace_id AND e.change_id = c.id AND a.email = lower($5)))
        AND (($6::text IS NULL AND $7::text IS NULL) OR EXISTS (
              SELECT FROM json_array_elements(c.operations) o
               WHERE ($6::text IS NULL OR o ->> 'type' = $6) AND ($7::text IS NULL OR o ->> 'id' = $7)))
        AND ($8::boolean IS NOT TRUE OR ${STATUS} = 'submitted' OR c.emergency_review IN ('due', 'overdue'))
      ORDER BY c.number DESC LIMIT $9`,
    [
      workspaceId,
      before ?? null,
      status ?? null,
      ofClass ?? null,
      author ?? null,
      type ?? null,
      object ?? null,
      waiting ?? null,
      limit,
    ],
  );
  return rows;
}

export interface ReviewRow {
  readonly person_id: PersonId;
  readonly person: string;
  readonly decision: 'approve' | 'reject';
  readonly stage: 'before' | 'after';
  readonly round: number;
  readonly groups: readonly string[];
  readonly comment: string;
  readonly content_hash: string;
  readonly preview_hash: string;
  readonly actor: string;
  readonly credential_id: string;
  readonly method: string;
  readonly idp_groups: readonly string[];
  readonly channel: 'api' | 'cli' | 'console';
  readonly authenticated_at: Date;
  readonly signature_id: string | null;
  readonly at: Date;
  readonly event_id: string;
}

/** In the order in which they were given. */
export async function reviewsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<readonly ReviewRow[]> {
  const { rows } = await client.query<ReviewRow>(
    `SELECT person_id, person, decision, stage, round, groups, comment, content_hash, preview_hash, actor, credential_id,
            method, idp_groups, channel, authenticated_at, signature_id, at, event_id
       FROM change_reviews WHERE workspace_id = $1 AND change_id = $2 ORDER BY at, event_id`,
    [workspaceId, id],
  );
  return rows;
}

export interface AuthorRow {
  readonly id: PersonId;
  readonly email: string;
}

/** Everybody who has a part in what it asks for. */
export async function authorsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<readonly AuthorRow[]> {
  const { rows } = await client.query<AuthorRow>(
    `SELECT p.id, p.email FROM people p
      WHERE p.workspace_id = $1 AND p.id IN (
        SELECT person_id FROM change_edits WHERE workspace_id = $1 AND change_id = $2) ORDER BY p.email`,
    [workspaceId, id],
  );
  return rows;
}

/** `CHG-12` */
export function nameOfChange({ number }: Pick<ChangeRow, 'number'>): string {
  return `CHG-${number}`;
}

/** Objects that one record names; a change may have more. */
const MAX_NAMED = 50;

/** What the records of a change carry. */
export function changeFields(
  row: Pick<ChangeRow, 'id' | 'number' | 'class' | 'title' | 'operations' | 'content_hash' | 'author_email'>,
) {
  return {
    change_id: row.id,
    change: nameOfChange(row),
    class: row.class,
    title: row.title,
    author: row.author_email,
    content_hash: row.content_hash,
    objects: row.operations.slice(0, MAX_NAMED).map(({ type, id }) => `${type} ${id}`),
    objects_count: row.operations.length,
  } as const;
}
