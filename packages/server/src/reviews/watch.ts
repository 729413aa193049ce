/**
 * What happens to reviews by themselves: launches by calendar and by event, reminders, items of people who may not review them
 * any more, deadlines, remediations, the draw of the re-check. Any number of nodes look; whoever moves a row writes its record, in
 * one transaction, so that nothing is done twice, and what a dead node left is done by the next.
 */
import { administratorsOf } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import type { ReviewContext } from './context.ts';
import { readDirectory } from './directory.ts';
import { whatHappened } from './events.ts';
import { launch } from './launch.ts';
import { openRemediation } from './open-remediation.ts';
import { current } from './outcome.ts';
import { type PolicyVersion, readPolicy } from './policy.ts';
import { replaceBarred } from './reassign.ts';
import { drawRecheck } from './recheck.ts';
import { remediate } from './remediate.ts';
import { type CampaignRow, findCampaign, findItem, type ItemRow, itemsOf } from './rows.ts';
import { slotAt } from './schedule.ts';
import { misplaced, type Undecided, undecidedOf } from './undecided.ts';

const LOOK_EVERY_MS = 1_000;
/** Looks from one to the next in which every item is looked at. */
const LOOKS_BETWEEN = 5;
/** What costs a few rows when there is nothing to do. */
const SHORT = [carryOn, passDeadlines, drawRechecks];
/** Events are looked for by one node, and not as often: each look computes what everybody could lose. */
const EVENTS_EVERY_SECONDS = 60;
const CLAIMED_SECONDS = 120;
const AT_ONCE = 50;
const RETRY_AFTER_SECONDS = 60;
const DAY_MS = 86_400_000;
/** Days after the launch. */
const LADDER = [
  { step: 'reminder', days: 3 },
  { step: 'contact', days: 5 },
  { step: 'manager', days: 6 },
  { step: 'escalation', days: 7 },
] as const;

export function watchReviews(context: ReviewContext): Rounds {
  let looks = 0;
  return startRounds(
    LOOK_EVERY_MS,
    () => {
      const isLong = looks % LOOKS_BETWEEN === 0;
      looks += 1;
      return lookAfterReviews(context, isLong ? [...SHORT, begin, keepInOrder] : SHORT);
    },
    (error) => context.logger.warn({ err: error }, 'access reviews could not be looked after'),
  );
}

/** One look. What fails keeps nothing else from being done, and is due again in the next one. */
async function lookAfterReviews(
  context: ReviewContext,
  works: readonly ((context: ReviewContext) => Promise<void>)[],
): Promise<void> {
  const failures: unknown[] = [];
  for (const work of works) await work(context).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'some of it could not be done');
}

/** Launches what is due, where somebody answers for reviews. */
async function begin(context: ReviewContext): Promise<void> {
  const { rows } = await context.pool.query<{ id: WorkspaceId }>(
    `SELECT DISTINCT workspace_id AS id FROM review_policies ORDER BY 1`,
  );
  for (const { id } of rows) {
    const version = await readPolicy(context.pool, id);
    if (version.policy.owner === null) continue;
    await launchDue(context, id, version);
    await launchEvents(context, id, version);
  }
}

async function launchDue(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  { policy, at }: PolicyVersion,
): Promise<void> {
  const { cycle } = policy;
  if (cycle === null) return;
  const { rows } = await context.pool.query<{ now: Date }>('SELECT now() AS now');
  const now = rows[0]?.now ?? new Date(context.clock());
  const slot = slotAt({ ...policy, cycle }, now);
  // A policy that was written after the launch would have been begins with the next cycle.
  if (slot.launchAt > now || (at !== null && at > slot.launchAt)) return;
  await launch(context, workspaceId, {
    cause: { kind: 'scheduled', slot: slot.name },
    actor: 'system',
    scope: { types: policy.types, agents: null, roles: null },
    dueDays: policy.due_days,
    trigger: `schedule:${slot.name}`,
  });
}

async function launchEvents(context: ReviewContext, workspaceId: WorkspaceId, version: PolicyVersion): Promise<void> {
  const { pool } = context;
  await pool.query('INSERT INTO review_watch (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING', [workspaceId]);
  const { rowCount } = await pool.query(
    `UPDATE review_watch SET claimed_until = now() + make_interval(secs => ${CLAIMED_SECONDS}), looked_at = now()
      WHERE workspace_id = $1 AND (claimed_until IS NULL OR claimed_until < now())
        AND (looked_at IS NULL OR looked_at < now() - make_interval(secs => ${EVENTS_EVERY_SECONDS}))`,
    [workspaceId],
  );
  if (rowCount === 0) return;
  await lookForEvents(context, workspaceId, version);
  await pool.query('UPDATE review_watch SET claimed_until = NULL WHERE workspace_id = $1', [workspaceId]);
}

/** Each starts one review, whoever sees it. */
async function lookForEvents(context: ReviewContext, workspaceId: WorkspaceId, version: PolicyVersion): Promise<void> {
  for (const { key, cause, agents, roles } of await whatHappened(context, workspaceId, version)) {
    const types = cause.event === 'role_widened' ? (['role'] as const) : (['assignment', 'credential'] as const);
    await launch(context, workspaceId, {
      cause,
      actor: 'system',
      scope: {
        types: cause.event === 'unused' ? ['assignment'] : [...types],
        agents: agents === null ? null : [...agents],
        roles: roles === null ? null : [...roles],
      },
      dueDays: version.policy.events.due_days,
      trigger: key,
    });
  }
}

interface Running {
  readonly workspace_id: WorkspaceId;
  readonly id: string;
}

/** Of campaigns whose time is over, what nobody has decided. */
async function passDeadlines(context: ReviewContext): Promise<void> {
  const { rows } = await context.pool.query<Running>(
    `SELECT c.workspace_id, c.id FROM review_campaigns c
      WHERE c.status = 'running' AND c.due_at <= now()
        AND EXISTS (SELECT FROM review_items i WHERE i.workspace_id = c.workspace_id AND i.campaign_id = c.id
                       AND i.decision IS NULL AND i.missed_at IS NULL)
      ORDER BY c.due_at LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id } of rows)
    await passDeadline(
      context,
      workspaceId,
      await findCampaign(context.pool, workspaceId, id),
      await itemsOf(context.pool, workspaceId, id),
    );
}

async function drawRechecks({ pool, log }: ReviewContext): Promise<void> {
  const { rows } = await pool.query<Running>(
    `SELECT c.workspace_id, c.id FROM review_campaigns c
      WHERE c.status = 'running' AND c.recheck_at IS NULL
        AND NOT EXISTS (SELECT FROM review_items i WHERE i.workspace_id = c.workspace_id AND i.campaign_id = c.id AND i.decision IS NULL)
      LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id } of rows)
    await log.transact(workspaceId, async (transaction) => {
      const campaign = await findCampaign(transaction.client, workspaceId, id);
      if (campaign.status === 'running') await drawRecheck(transaction, workspaceId, campaign);
    });
}

async function keepInOrder(context: ReviewContext): Promise<void> {
  const { pool, log } = context;
  const { rows } = await pool.query<Running & { readonly now: Date }>(
    `SELECT workspace_id, id, now() AS now FROM review_campaigns WHERE status = 'running' ORDER BY due_at LIMIT 1000`,
  );
  for (const { workspace_id: workspaceId, id, now } of rows) {
    const items = await undecidedOf(pool, workspaceId, id);
    if (items.length === 0) continue;
    for (const itemId of misplaced(await readDirectory(pool, workspaceId), items))
      await log.transact(workspaceId, async (transaction) => {
        const campaign = await findCampaign(transaction.client, workspaceId, id);
        if (campaign.status !== 'running') return;
        await replaceBarred(
          transaction,
          workspaceId,
          campaign,
          await readDirectory(transaction.client, workspaceId),
          itemId,
        );
      });
    await remind(context, workspaceId, await findCampaign(pool, workspaceId, id), items, now);
  }
}

/** Whoever has not submitted everything, further up the longer it takes. */
async function remind(
  { log, pool }: ReviewContext,
  workspaceId: WorkspaceId,
  campaign: CampaignRow,
  items: readonly Undecided[],
  now: Date,
): Promise<void> {
  const passed = (now.getTime() - campaign.snapshotAt.getTime()) / DAY_MS;
  const due = LADDER.findLast(({ days }) => passed >= days);
  if (due === undefined) return;
  const left = new Map<PersonId, { readonly reviewer: string; items: number }>();
  for (const { personId, reviewer, submitted } of items.flatMap(({ reviewers }) => reviewers))
    if (!submitted) left.set(personId, { reviewer, items: (left.get(personId)?.items ?? 0) + 1 });
  const { rows: told } = await pool.query<{ person_id: PersonId }>(
    'SELECT person_id FROM review_reminders WHERE workspace_id = $1 AND campaign_id = $2 AND step = $3',
    [workspaceId, campaign.id, due.step],
  );
  for (const { person_id: personId } of told) left.delete(personId);
  if (left.size === 0) return;
  await log.transact(workspaceId, async ({ client, now: at, log: record }) => {
    const directory = await readDirectory(client, workspaceId);
    for (const [personId, { reviewer, items: count }] of left) {
      const { rowCount } = await client.query(
        `INSERT INTO review_reminders (workspace_id, campaign_id, person_id, step, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
        [workspaceId, campaign.id, personId, due.step, at],
      );
      if (rowCount === 0) continue;
      const managerId = directory.people.get(personId)?.managerId ?? null;
      const manager = managerId === null ? undefined : directory.people.get(managerId)?.email;
      const above =
        due.step === 'manager' ? [manager ?? campaign.owner] : due.step === 'escalation' ? [campaign.owner] : [];
      record({
        kind: 'review.reminded',
        actor: 'system',
        campaign: campaign.id,
        step: due.step,
        reviewer,
        left: count,
        due_at: campaign.dueAt.toISOString(),
        to: [...new Set([reviewer, ...above])],
      });
    }
  });
}

/** Silence is never a keep: what the policy says is done now, and the item stays undecided until somebody decides. */
async function passDeadline(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  campaign: CampaignRow,
  items: readonly ItemRow[],
): Promise<void> {
  const { silence } = campaign.policy;
  for (const item of items) {
    if (item.decision !== null || item.missedAt !== null) continue;
    await missItem(context, workspaceId, campaign, item, silence);
  }
  await context.log.transact(workspaceId, async ({ client, now, log }) => {
    const { rowCount } = await client.query(
      'UPDATE review_campaigns SET missed_at = $3 WHERE workspace_id = $1 AND id = $2 AND missed_at IS NULL',
      [workspaceId, campaign.id, now],
    );
    if (rowCount === 0) return;
    log({
      kind: 'review.missed',
      actor: 'system',
      severity: 'high',
      campaign: campaign.id,
      due_at: campaign.dueAt.toISOString(),
      silence,
      items: items.filter(({ decision }) => decision === null).length,
      to: [...new Set([campaign.owner, ...(await administratorsOf(client, workspaceId))])],
    });
  });
}

/** Of one item, in two steps that can each be done again: it is marked with what has to happen, and that happens. */
async function missItem(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  campaign: CampaignRow,
  { id }: ItemRow,
  silence: 'suspend' | 'revoke' | 'incomplete',
): Promise<void> {
  const opened = await context.log.transact(workspaceId, async (transaction) => {
    const { client, now, log } = transaction;
    const item = await findItem(client, workspaceId, campaign.id, id);
    const row = await findCampaign(client, workspaceId, campaign.id);
    if (row.status !== 'running' || item.decision !== null || item.missedAt !== null) return undefined;
    const kind = actOf(item, silence);
    await client.query(
      'UPDATE review_items SET missed_at = $4, missed_act = $5 WHERE workspace_id = $1 AND campaign_id = $2 AND number = $3',
      [
        workspaceId,
        campaign.id,
        item.number,
        now,
        kind === 'suspend' ? 'suspended' : kind === 'revoke' ? 'revoked' : 'nothing',
      ],
    );
    log({
      kind: 'review.missed',
      actor: 'system',
      campaign: campaign.id,
      item: item.id,
      subject: item.subject,
      reviewers: current(item).map(({ reviewer }) => reviewer),
      silence,
      act: kind ?? 'nothing',
    });
    return kind === undefined ? undefined : openRemediation(transaction, workspaceId, campaign, item, kind, undefined);
  });
  if (opened !== undefined) await remediate(context, workspaceId, campaign.id, opened);
}

/** What cannot be suspended ends by itself where it is a say or an exception; what else people hold is left to people. */
function actOf(
  { type, agentId, role }: ItemRow,
  silence: 'suspend' | 'revoke' | 'incomplete',
): 'suspend' | 'revoke' | undefined {
  if (silence === 'incomplete') return undefined;
  if (type === 'delegation' || type === 'temporary_grant') return 'revoke';
  if (silence === 'revoke' && (type === 'assignment' || type === 'credential')) return 'revoke';
  return agentId !== null || (type === 'role' && role !== null) ? 'suspend' : undefined;
}

/** Remediations that wait: for their time, for a change, for a node that died over them. */
async function carryOn(context: ReviewContext): Promise<void> {
  const { rows } = await context.pool.query<{ workspace_id: WorkspaceId; campaign_id: string; id: string }>(
    `SELECT r.workspace_id, r.campaign_id, r.id FROM review_remediations r
       JOIN review_campaigns c ON c.workspace_id = r.workspace_id AND c.id = r.campaign_id AND c.status <> 'voided'
      WHERE r.verified_at IS NULL AND (r.claimed_until IS NULL OR r.claimed_until < clock_timestamp())
        AND (r.not_before IS NULL OR r.suspended_at IS NULL OR r.not_before <= clock_timestamp())
        AND (r.attempts < 3 OR r.opened_at + make_interval(secs => r.attempts * ${RETRY_AFTER_SECONDS}) < clock_timestamp())
      ORDER BY r.due_at LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, campaign_id: campaign, id } of rows)
    await remediate(context, workspaceId, campaign, id);
}
