/**
 * Carries out what was decided, and reads the state again. Whoever claims a remediation works on it; a node that dies over it
 * leaves it to the next, and every step can be done twice.
 */
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ReviewContext } from './context.ts';
import { execute, followChange, inNameOf, suspend } from './execute.ts';
import { openRemediation } from './open-remediation.ts';
import {
  type DecisionRow,
  findCampaign,
  findItem,
  findRemediation,
  type ItemRow,
  type RemediationRow,
} from './rows.ts';
import { verify } from './verify.ts';

const CLAIMED_SECONDS = 60;

interface Work {
  readonly remediation: RemediationRow;
  readonly item: ItemRow;
  readonly decision: DecisionRow | undefined;
}

/** Takes it as far as it goes now. Never rejects for what refuses it: that stands in `problem`, and keeps the campaign open. */
export async function remediate(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  campaignId: string,
  id: string,
): Promise<void> {
  if (!(await claim(context.pool, workspaceId, id))) return;
  try {
    const remediation = await findRemediation(context.pool, workspaceId, campaignId, id);
    const item = await findItem(context.pool, workspaceId, campaignId, remediation.itemId);
    const decision = item.decisions.find(({ number }) => number === remediation.decision);
    await advance(context, workspaceId, { remediation, item, decision });
  } catch (error) {
    if (!(error instanceof Failure))
      context.logger.warn({ err: error, remediation: id }, 'a remediation could not be carried out');
    await fail(context, workspaceId, campaignId, id, error);
  } finally {
    await context.pool.query(
      'UPDATE review_remediations SET claimed_until = NULL WHERE workspace_id = $1 AND id = $2',
      [workspaceId, id],
    );
  }
}

async function claim(pool: Pool, workspaceId: WorkspaceId, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE review_remediations SET claimed_until = clock_timestamp() + make_interval(secs => ${CLAIMED_SECONDS}), attempts = attempts + 1
      WHERE workspace_id = $1 AND id = $2 AND verified_at IS NULL AND (claimed_until IS NULL OR claimed_until < clock_timestamp())`,
    [workspaceId, id],
  );
  return rowCount === 1;
}

async function advance(context: ReviewContext, workspaceId: WorkspaceId, work: Work): Promise<void> {
  const { remediation, item, decision } = work;
  const who = inNameOf(workspaceId, decision);
  if (remediation.notBefore !== null && remediation.notBefore.getTime() > context.clock()) {
    if (remediation.suspendedAt !== null) return;
    await suspend(
      context,
      who,
      item,
      `${item.id}: access is taken away on ${remediation.notBefore.toISOString().slice(0, 10)}`,
    );
    await note(context, workspaceId, work, 'suspended', 'suspended_at = $3', [new Date(context.clock())]);
    return;
  }
  if (remediation.executedAt === null) {
    const isDone =
      remediation.changeId === null
        ? await begin(context, workspaceId, work)
        : await follow(context, workspaceId, work, remediation.changeId);
    if (!isDone) return;
    await note(
      context,
      workspaceId,
      work,
      'executed',
      'executed_at = clock_timestamp(), executed_by = $3, problem = NULL',
      [who.actor],
    );
  }
  const found = await verify(context, workspaceId, item, remediation.kind, decision);
  if (found.took)
    await note(
      context,
      workspaceId,
      work,
      'verified',
      'verified_at = clock_timestamp(), verification_method = $3, verified_state = $4, verified_sha256 = $5, problem = NULL',
      [found.method, found.state, found.sha256],
      { method: found.method, state_sha256: found.sha256 },
    );
  // What was carried out and is not so is carried out again.
  else await notInEffect(context, workspaceId, work, found.problem ?? 'it is not so');
}

/** Whether it is in force now. */
async function begin(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  { remediation, item, decision }: Work,
): Promise<boolean> {
  const done = await execute(context, inNameOf(workspaceId, decision), item, remediation.kind, decision);
  if (done.kind === 'done') return true;
  await context.log.transact(workspaceId, async ({ client, log }) => {
    await client.query(
      'UPDATE review_remediations SET change_id = $3, problem = NULL WHERE workspace_id = $1 AND id = $2',
      [workspaceId, remediation.id, done.changeId],
    );
    log({
      kind: 'review.remediation',
      actor: decision?.actor ?? 'system',
      ...fieldsOf(remediation, item),
      change: 'drafted',
      change_id: done.changeId,
    });
  });
  return false;
}

async function follow(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  { remediation, decision }: Work,
  changeId: string,
): Promise<boolean> {
  const state = await followChange(context, inNameOf(workspaceId, decision), changeId);
  if (state.kind === 'over') {
    // It is drafted anew in the next round, but for one that somebody has refused: that is for people to settle.
    const isRefused = state.status === 'rejected' || state.status === 'withdrawn';
    await context.pool.query(
      `UPDATE review_remediations SET problem = $3${isRefused ? '' : ', change_id = NULL'} WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, remediation.id, `the change ${changeId} is ${state.status}`],
    );
  }
  return state.kind === 'done';
}

function fieldsOf({ id, kind, campaign, dueAt }: RemediationRow, { id: item, subject }: ItemRow) {
  return { campaign, item, remediation: id, remediation_kind: kind, subject, due_at: dueAt.toISOString() };
}

async function note(
  { log }: ReviewContext,
  workspaceId: WorkspaceId,
  { remediation, item, decision }: Work,
  change: 'suspended' | 'executed' | 'verified',
  set: string,
  values: readonly unknown[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await log.transact(workspaceId, async ({ client, log: record }) => {
    await client.query(`UPDATE review_remediations SET ${set} WHERE workspace_id = $1 AND id = $2`, [
      workspaceId,
      remediation.id,
      ...values,
    ]);
    record({
      kind: 'review.remediation',
      actor: change === 'verified' ? 'system' : (decision?.actor ?? 'system'),
      ...fieldsOf(remediation, item),
      change,
      ...more,
    });
  });
}

/** What was carried out, and did not take effect: it is carried out again, and the campaign stays open until it does. */
async function notInEffect(
  { log }: ReviewContext,
  workspaceId: WorkspaceId,
  { remediation, item }: Work,
  problem: string,
): Promise<void> {
  await log.transact(workspaceId, async ({ client, log: record }) => {
    await client.query(
      'UPDATE review_remediations SET executed_at = NULL, executed_by = NULL, problem = $3 WHERE workspace_id = $1 AND id = $2',
      [workspaceId, remediation.id, problem],
    );
    record({
      kind: 'review.remediation',
      actor: 'system',
      severity: 'high',
      ...fieldsOf(remediation, item),
      change: 'not_in_effect',
      reason: problem,
    });
  });
}

async function fail(
  { log }: ReviewContext,
  workspaceId: WorkspaceId,
  campaignId: string,
  id: string,
  error: unknown,
): Promise<void> {
  const problem =
    error instanceof Failure ? `${error.code}: ${error.message}` : 'it failed; the log of the server says why';
  await log.transact(workspaceId, async ({ client, log: record }) => {
    const remediation = await findRemediation(client, workspaceId, campaignId, id);
    if (remediation.problem === problem) return;
    await client.query('UPDATE review_remediations SET problem = $3 WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      id,
      problem,
    ]);
    record({
      kind: 'review.remediation',
      actor: 'system',
      campaign: campaignId,
      item: remediation.itemId,
      remediation: id,
      change: 'failed',
      reason: problem,
    });
  });
}

/**
 * Reads the state of all that was verified again. What does not hold any more gets a remediation of its own: that it held once
 * stays on record. Ids of the new ones.
 */
export async function verifyAgain(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  campaignId: string,
  remediations: readonly RemediationRow[],
): Promise<readonly string[]> {
  const campaign = await findCampaign(context.pool, workspaceId, campaignId);
  const newest = [...Map.groupBy(remediations, ({ item, decision }) => `${item} ${decision}`).values()].flatMap(
    (of) => of.at(-1) ?? [],
  );
  const again: string[] = [];
  for (const remediation of newest) {
    if (remediation.verifiedAt === null) continue;
    const item = await findItem(context.pool, workspaceId, campaignId, remediation.itemId);
    // What was suspended for want of a decision was decided about since, and may be at work again.
    if (remediation.kind === 'suspend' && item.decision !== null) continue;
    const decision = item.decisions.find(({ number }) => number === remediation.decision);
    // Thrown over by the re-check: it binds nobody any more.
    if (decision !== undefined && decision.supersededAt !== null) continue;
    const found = await verify(context, workspaceId, item, remediation.kind, decision);
    if (found.took) continue;
    const problem = found.problem ?? 'it is not so any more';
    await context.log.transact(workspaceId, async (transaction) => {
      const id = await openRemediation(transaction, workspaceId, campaign, item, remediation.kind, decision);
      await transaction.client.query(
        'UPDATE review_remediations SET problem = $3 WHERE workspace_id = $1 AND id = $2',
        [workspaceId, id, problem],
      );
      again.push(id);
    });
  }
  return again;
}
