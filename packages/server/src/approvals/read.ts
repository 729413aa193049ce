/** Reading approvals: lists, and one with all that a decider needs. */
import type { JsonObject } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { Administrator, TimePosition } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import { type ApprovalView, approvalView, type FullApproval, type STATUSES } from './approval.ts';
import { type Decider, decidersFor, decidersOf } from './deciders.ts';
import { approvalNotFound } from './failures.ts';
import { callsToPayee } from './payee.ts';
import { questionOf } from './question.ts';
import { noticesOf } from './reminders.ts';
import { APPROVAL_COLUMNS, type ApprovalRow, decidedOf, decisionsOf, findApproval } from './rows.ts';
import type { Vault } from './vault.ts';

const HISTORY = 10;

export interface ApprovalFilter {
  readonly status?: (typeof STATUSES)[number] | undefined;
  /** Id or handle. */
  readonly agent?: string | undefined;
  readonly owner?: string | undefined;
  readonly action?: string | undefined;
}

export interface ListedApproval {
  readonly view: ApprovalView;
  readonly position: TimePosition;
}

/** Newest first. */
export async function listApprovals(
  pool: Pool,
  workspaceId: WorkspaceId,
  { status, agent, owner, action }: ApprovalFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly ListedApproval[]> {
  const { rows } = await pool.query<ApprovalRow & { requested_us: number }>(
    `SELECT * FROM (
       SELECT ${APPROVAL_COLUMNS}, (extract(epoch FROM requested_at) * 1000000)::bigint AS requested_us FROM approvals
        WHERE workspace_id = $1 AND ($2::text IS NULL OR agent_id = $2 OR lower(agent) = lower($2))
          AND ($3::text IS NULL OR owner = lower($3)) AND ($4::text IS NULL OR capability = $4)
          AND ($7::text IS NULL OR approvals.status = ANY($9)) AND ($5::bigint IS NULL OR ((extract(epoch FROM requested_at) * 1000000)::bigint, id) < ($5, $6))) a
      WHERE $7::text IS NULL OR status = $7
      ORDER BY requested_at DESC, id DESC LIMIT $8`,
    [
      workspaceId,
      agent ?? null,
      owner ?? null,
      action ?? null,
      after?.atUs ?? null,
      after?.id ?? null,
      status ?? null,
      limit,
      // An overdue one is expired, whether that was written down yet or not.
      status === 'expired' ? ['expired', 'pending', 'approved'] : [status ?? ''],
    ],
  );
  const decisions = await decisionsOf(
    pool,
    workspaceId,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({
    view: approvalView(
      row,
      decisions.filter(({ approval_id }) => approval_id === row.id),
    ),
    position: { atUs: row.requested_us, id: row.id },
  }));
}

export async function readApproval(pool: Pool, workspaceId: WorkspaceId, id: string): Promise<ApprovalView> {
  const row = await findApproval(pool, workspaceId, id);
  if (row === undefined) throw approvalNotFound(id);
  return approvalView(row, await decisionsOf(pool, workspaceId, [id]));
}

/** Throws `approval_not_found`. */
export async function readWholeApproval(
  pool: Pool,
  vault: Vault,
  { workspaceId, person }: Pick<Administrator, 'workspaceId' | 'person'>,
  id: string,
): Promise<FullApproval> {
  const row = await findApproval(pool, workspaceId, id);
  if (row === undefined) throw approvalNotFound(id);
  const [decisions, question] = await Promise.all([
    decisionsOf(pool, workspaceId, [id]),
    questionOf(pool, workspaceId, row),
  ]);
  const before = decisions.map(decidedOf);
  const [deciders, [you, ...forOthers]] = await Promise.all([
    decidersOf(pool, workspaceId, question, before),
    person === undefined ? [] : decidersFor(pool, workspaceId, person.id, question, before),
  ]);
  const { wrapped_key: wrappedKey, ciphertext } = row;
  // Taken out after the fact, by two people or because its time was over.
  const view =
    ciphertext.length === 0
      ? { redacted: true }
      : (vault.open(workspaceId, id, 'held', { wrappedKey, ciphertext }).view as JsonObject);
  return {
    ...approvalView(row, decisions),
    view,
    binding: row.binding,
    deciders: deciders.map((each) => ({
      person: each.by.email,
      on_behalf_of: each.onBehalfOf?.email ?? null,
      ...wordOf(row, each),
    })),
    you: {
      ...(you === undefined
        ? { person: null, may: false, why_not: 'person_required' }
        : { person: you.by.email, ...wordOf(row, you) }),
      on_behalf_of: forOthers.flatMap((each) =>
        each.onBehalfOf === undefined ? [] : [{ person: each.onBehalfOf.email, ...wordOf(row, each) }],
      ),
    },
    told: await noticesOf(pool, workspaceId, id),
    history: {
      approvals: await approvalsBefore(pool, row),
      calls: await callsBefore(pool, row),
      payee: await callsToPayee(pool, row, view),
    },
  };
}

function wordOf({ status }: ApprovalRow, { bar }: Decider): { readonly may: boolean; readonly why_not: string | null } {
  const why = bar ?? (status === 'pending' ? undefined : `approval_${status}`);
  return { may: why === undefined, why_not: why ?? null };
}

/** Of this agent and capability, newest first. */
async function approvalsBefore(pool: Pool, { workspace_id, id, agent_id, capability }: ApprovalRow) {
  const { rows } = await pool.query<{
    id: string;
    status: ApprovalRow['status'];
    impact: Record<string, number>;
    outcome: string | null;
    requested_at: number;
  }>(
    `SELECT id, status, impact, outcome, floor(extract(epoch FROM requested_at))::bigint AS requested_at
       FROM approvals WHERE workspace_id = $1 AND agent_id = $2 AND capability = $3 AND id <> $4
      ORDER BY approvals.requested_at DESC LIMIT ${HISTORY}`,
    [workspace_id, agent_id, capability, id],
  );
  return rows;
}

/** Of the last 30 days, newest first. */
async function callsBefore(pool: Pool, { workspace_id, agent_id, capability }: ApprovalRow) {
  const { rows } = await pool.query<{
    event_id: string;
    ts: Date;
    verdict: string;
    outcome: string | null;
    reason: string;
  }>(
    `SELECT event_id, ts, verdict, outcome, coalesce(reason, '[redacted]') AS reason FROM actions
      WHERE workspace_id = $1 AND action = $3 AND agent_id = $2 AND kind = 'tool.call' AND ts > now() - interval '30 days'
      ORDER BY seq DESC LIMIT ${HISTORY}`,
    [workspace_id, agent_id, capability],
  );
  return rows.map(({ ts, ...row }) => ({ ...row, ts: ts.toISOString() }));
}
