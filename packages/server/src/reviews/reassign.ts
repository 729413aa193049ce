/** Giving an item to another reviewer. Whoever gets it is asked what everybody is asked; the one before stays in the history. */
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import type { ReviewContext } from './context.ts';
import { barredNow, reviewerOf, selfReview } from './eligibility.ts';
import { current, standing } from './outcome.ts';
import { recordingRefusals } from './refusals.ts';
import { type Assigned, assignReviewers, type Barred, barOf, type Directory, escalationOf } from './reviewers.ts';
import { type AssignmentRow, type CampaignRow, findCampaign, findItem, type ItemRow, refuseOver } from './rows.ts';

export const reassignSchema = z.strictObject({
  to: z.string().min(1).max(254).meta({ description: 'Id or e-mail of who reviews it from now on.' }),
  from: z
    .string()
    .min(1)
    .max(254)
    .optional()
    .meta({ description: 'In whose place. Absent: of its one reviewer, or where it has none.' }),
  reason: z.string().trim().min(1).max(2000),
});

/**
 * By its reviewer, or the owner of the campaign; never by somebody with a part in it. Throws `review_not_found`, `review_over`,
 * `review_item_not_found`, `review_self`, `review_not_yours`, `review_submitted`, `person_not_found`, `review_assigned`.
 */
export function reassign(
  context: ReviewContext,
  who: Administrator,
  campaignId: string,
  itemId: string,
  wanted: z.output<typeof reassignSchema>,
): Promise<ItemRow> {
  const { workspaceId } = who;
  return recordingRefusals(context, who, campaignId, 'reassign', [itemId], () =>
    context.log.transact(workspaceId, async (transaction) => {
      const { client } = transaction;
      const campaign = await findCampaign(client, workspaceId, campaignId);
      refuseOver(campaign);
      const { person, directory } = await reviewerOf(client, who);
      const item = await findItem(client, workspaceId, campaignId, itemId);
      const barred = await barredNow(client, workspaceId, directory, item);
      const part = barred.get(person.id);
      if (part !== undefined) throw selfReview(person.email, itemId, part);
      const assigned = current(item);
      const isOwner = person.id === campaign.ownerId;
      if (!isOwner && !assigned.some(({ personId }) => personId === person.id))
        throw new Failure(
          403,
          'review_not_yours',
          `${itemId} is not yours to give on.`,
          'Its reviewer, or the owner of the campaign, does.',
        );
      const to = await readPerson(client, workspaceId, wanted.to);
      const bar = barOf(directory.people.get(to.id), barred);
      if (bar !== undefined) throw selfReview(to.email, itemId, bar);
      if (assigned.some(({ personId }) => personId === to.id))
        throw new Failure(409, 'review_assigned', `${to.email} reviews ${itemId} already.`, 'Name somebody else.');
      const before = await placeOf(client, workspaceId, item, assigned, wanted.from);
      if (before !== undefined && !isOwner && before.personId !== person.id)
        throw new Failure(403, 'review_not_yours', `${itemId} is ${before.reviewer}'s.`, 'Give on what is yours.');
      await giveOn(
        transaction,
        workspaceId,
        campaign,
        item,
        before,
        {
          personId: to.id,
          basis: before?.basis ?? 'fallback',
          note: `named by ${person.email}`,
        },
        { actor: who.actor, person: person.email, reason: wanted.reason, cause: 'reassigned', reviewer: to.email },
      );
      return findItem(client, workspaceId, campaignId, itemId);
    }),
  );
}

async function placeOf(
  client: LoggedTransaction['client'],
  workspaceId: WorkspaceId,
  { id }: ItemRow,
  assigned: readonly AssignmentRow[],
  from: string | undefined,
): Promise<AssignmentRow | undefined> {
  if (from !== undefined) {
    const person = await readPerson(client, workspaceId, from);
    const found = assigned.find(({ personId }) => personId === person.id);
    if (found !== undefined) return found;
    throw new Failure(
      404,
      'review_not_assigned',
      `${person.email} does not review ${id}.`,
      'Name one of its reviewers.',
    );
  }
  if (assigned.length <= 1) return assigned[0];
  throw new Failure(422, 'review_place_missing', `${id} has several reviewers.`, 'Say in whose place, with `from`.');
}

interface Given {
  readonly actor: string;
  readonly person?: string;
  readonly reason: string;
  readonly cause: 'reassigned' | 'escalated' | 'barred' | 'inactive';
  /** E-mail of who gets it. */
  readonly reviewer: string;
}

/** Throws `review_submitted`. */
async function giveOn(
  { client, now, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: Pick<CampaignRow, 'id'>,
  item: ItemRow,
  before: AssignmentRow | undefined,
  { personId, basis, note }: Assigned,
  { actor, person, reason, cause, reviewer }: Given,
): Promise<void> {
  const said = before === undefined ? undefined : standing(item, before.number);
  if (said?.submittedAt != null && said.decision !== 'escalate')
    throw new Failure(
      409,
      'review_submitted',
      `What ${said.person} decided about ${item.id} is submitted.`,
      'It takes effect as it is.',
    );
  if (before !== undefined)
    await client.query(
      `UPDATE review_assignments SET ended_at = $5 WHERE workspace_id = $1 AND campaign_id = $2 AND item = $3 AND number = $4`,
      [workspaceId, campaign.id, item.number, before.number, now],
    );
  // What was decided and not submitted goes with whoever decided it.
  if (said !== undefined && said.submittedAt === null && said.decision !== 'escalate')
    await client.query(
      `UPDATE review_decisions SET superseded_at = $5 WHERE workspace_id = $1 AND campaign_id = $2 AND item = $3 AND number = $4`,
      [workspaceId, campaign.id, item.number, said.number, now],
    );
  await client.query(
    `INSERT INTO review_assignments (workspace_id, campaign_id, item, number, person_id, basis, note, assigned_at, assigned_by,
                                     reassigned_from, reason)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      workspaceId,
      campaign.id,
      item.number,
      item.assignments.length + 1,
      personId,
      basis,
      note,
      now,
      actor,
      before?.reviewer ?? null,
      reason,
    ],
  );
  log({
    kind: 'review.reassigned',
    actor,
    person,
    campaign: campaign.id,
    item: item.id,
    from: before?.reviewer,
    reviewer,
    basis,
    note,
    cause,
    reason,
    to: [reviewer],
  });
}

/** To the owner of the campaign, and on along the chain. Throws `review_nobody_above`. */
export async function escalateIn(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  campaign: CampaignRow,
  item: ItemRow,
  own: AssignmentRow,
  directory: Directory,
  reason: string,
): Promise<void> {
  const barred = await barredNow(transaction.client, workspaceId, directory, item);
  const reviewed = new Set(item.assignments.map(({ personId }) => personId));
  const next = escalationOf(directory, questionOf(campaign, item, barred), reviewed);
  const reviewer = next === undefined ? undefined : directory.people.get(next.personId)?.email;
  if (next === undefined || reviewer === undefined)
    throw new Failure(
      409,
      'review_nobody_above',
      `Nobody is left to whom ${item.id} could go: each has reviewed it, or has a part in it.`,
      'Decide about it, or name a superior in the policy of reviews.',
    );
  await giveOn(transaction, workspaceId, campaign, item, own, next, {
    actor,
    person: own.reviewer,
    reason,
    cause: 'escalated',
    reviewer,
  });
}

function questionOf(campaign: CampaignRow, item: ItemRow, barred: Barred) {
  return {
    subject: {
      type: item.type,
      agent: item.ownerId === null || item.agentId === null ? null : { ownerId: item.ownerId },
      role: item.role,
      capabilities: item.facts.capabilities,
    },
    privileged: item.privileged,
    barred,
    policy: campaign.policy,
    ownerId: campaign.ownerId,
  };
}

/**
 * Takes an item from whoever may not review it any more, because they left or have got a part in it, and gives it to whoever may;
 * and finds a reviewer for one that has none. Whether anything was moved.
 */
export async function replaceBarred(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: CampaignRow,
  directory: Directory,
  itemId: string,
): Promise<boolean> {
  const { client } = transaction;
  let item = await findItem(client, workspaceId, campaign.id, itemId);
  if (item.decision !== null) return false;
  const barred = await barredNow(client, workspaceId, directory, item);
  const question = questionOf(campaign, item, barred);
  let isMoved = false;
  const places: readonly (AssignmentRow | undefined)[] = current(item).length === 0 ? [undefined] : current(item);
  for (const place of places) {
    const person = place === undefined ? undefined : directory.people.get(place.personId);
    const bar = place === undefined ? 'nobody reviewed it' : barOf(person, barred);
    const said = place === undefined ? undefined : standing(item, place.number);
    if (bar === undefined || (said !== undefined && said.submittedAt !== null)) continue;
    const taken = new Set<PersonId>(current(item).map(({ personId }) => personId));
    const next =
      assignReviewers(directory, question).find(({ personId }) => !taken.has(personId)) ??
      escalationOf(directory, question, taken);
    const reviewer = next === undefined ? undefined : directory.people.get(next.personId)?.email;
    if (next === undefined || reviewer === undefined) continue;
    const reason = place === undefined ? bar : `${place.reviewer} may not review it any more: ${bar}`;
    const cause = person === undefined || person.active ? 'barred' : 'inactive';
    await giveOn(transaction, workspaceId, campaign, item, place, next, { actor: 'system', reason, cause, reviewer });
    item = await findItem(client, workspaceId, campaign.id, itemId);
    isMoved = true;
  }
  return isMoved;
}
