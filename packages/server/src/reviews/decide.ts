/** Opening an item, deciding about it, and thinking it over: nothing of it is in force before the reviewer submits. */
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { ownSignInProblem } from '../identity/index.ts';
import { newId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { ReviewContext } from './context.ts';
import { ownAssignment, type Reviewer, refuseSelf, reviewerOf } from './eligibility.ts';
import { modificationOf, modificationSchema } from './modification.ts';
import { standing } from './outcome.ts';
import { escalateIn } from './reassign.ts';
import { recordingRefusals } from './refusals.ts';
import {
  type AssignmentRow,
  type CampaignRow,
  findCampaign,
  findItem,
  findItems,
  type ItemRow,
  type Operation,
  refuseOver,
} from './rows.ts';
import { isPrivileged } from './tier.ts';

const reason = z.string().trim().max(4000);
/** Longer than this nobody was looking all the time. */
const MOST_SECONDS = 3600;

export const decisionSchema = z.discriminatedUnion('decision', [
  z.strictObject({
    decision: z.literal('keep'),
    reason: reason.default('').meta({ description: 'Required on the high and critical tiers.' }),
  }),
  z.strictObject({ decision: z.literal('modify'), reason: reason.min(1), modification: modificationSchema }),
  z.strictObject({
    decision: z.literal('revoke'),
    reason: reason.min(1),
    staged_days: z
      .int()
      .min(1)
      .max(30)
      .optional()
      .meta({ description: 'The agent is suspended first, and the access goes after so many days.' }),
  }),
  z.strictObject({ decision: z.literal('escalate'), reason: reason.min(1) }),
]);
export type WantedDecision = z.output<typeof decisionSchema>;

export const bulkSchema = z.strictObject({
  items: z.array(z.string().min(1).max(128)).min(1).max(200),
  decision: z.enum(['keep', 'revoke']),
  reason: reason.min(1),
});

/** Says that its reviewer looks at it now. Throws as `decideItem`. */
export function openItem(
  context: ReviewContext,
  who: Administrator,
  campaignId: string,
  itemId: string,
): Promise<ItemRow> {
  return recordingRefusals(context, who, campaignId, 'open', [itemId], () =>
    context.log.transact(who.workspaceId, async (transaction) => {
      const { client, now, log } = transaction;
      const { campaign, item, own, reviewer } = await lookAt(transaction, who, campaignId, itemId);
      await client.query(
        `UPDATE review_assignments SET first_opened_at = coalesce(first_opened_at, $5), last_opened_at = $5
          WHERE workspace_id = $1 AND campaign_id = $2 AND item = $3 AND number = $4`,
        [who.workspaceId, campaign.id, item.number, own.number, now],
      );
      if (own.firstOpenedAt === null)
        log({
          kind: 'review.opened',
          actor: who.actor,
          person: reviewer.person.email,
          campaign: campaign.id,
          item: item.id,
        });
      return findItem(client, who.workspaceId, campaign.id, item.id);
    }),
  );
}

interface Look {
  readonly campaign: CampaignRow;
  readonly item: ItemRow;
  readonly own: AssignmentRow;
  readonly reviewer: Reviewer;
}

async function lookAt(
  { client }: LoggedTransaction,
  who: Administrator,
  campaignId: string,
  itemId: string,
): Promise<Look> {
  const campaign = await findCampaign(client, who.workspaceId, campaignId);
  refuseOver(campaign);
  const reviewer = await reviewerOf(client, who);
  const item = await findItem(client, who.workspaceId, campaignId, itemId);
  // First: whoever has a part in it is told so, assigned or not.
  await refuseSelf(client, who, reviewer, item);
  return { campaign, item, own: ownAssignment(item, reviewer.person.id), reviewer };
}

/**
 * Throws `review_not_found`, `review_over`, `review_item_not_found`, `person_required`, `person_inactive`, `sign_in_required`,
 * `review_self`, `review_key_of_subject`, `review_not_yours`, `review_submitted`, `review_reason_missing`, and what is wrong with a
 * modification.
 */
export function decideItem(
  context: ReviewContext,
  who: Administrator,
  campaignId: string,
  itemId: string,
  wanted: WantedDecision,
): Promise<ItemRow> {
  return recordingRefusals(context, who, campaignId, 'decide', [itemId], async () => {
    const operations =
      wanted.decision === 'modify'
        ? await modificationOf(context, who.workspaceId, campaignId, itemId, wanted.modification)
        : null;
    return context.log.transact(who.workspaceId, async (transaction) => {
      const look = await lookAt(transaction, who, campaignId, itemId);
      await keepDecision(transaction, who, look, wanted, operations, undefined);
      if (wanted.decision === 'escalate')
        await escalateIn(transaction, who, look.campaign, look.item, look.own, look.reviewer.directory, wanted.reason);
      return findItem(transaction.client, who.workspaceId, campaignId, itemId);
    });
  });
}

/** All or none. Throws as `decideItem`, `review_bulk_cap` and `review_bulk_tier`. */
export function decideTogether(
  context: ReviewContext,
  who: Administrator,
  campaignId: string,
  { items: ids, decision, reason: why }: z.output<typeof bulkSchema>,
): Promise<readonly ItemRow[]> {
  const wanted = [...new Set(ids)];
  return recordingRefusals(context, who, campaignId, 'decide', wanted, () =>
    context.log.transact(who.workspaceId, async (transaction) => {
      const { client } = transaction;
      const { policy } = await findCampaign(client, who.workspaceId, campaignId);
      if (wanted.length > policy.bulk_cap)
        throw new Failure(
          409,
          'review_bulk_cap',
          `At most ${policy.bulk_cap} items are decided together, and these are ${wanted.length}.`,
          'Look at fewer at once.',
        );
      const group = newId<string>('rvb');
      for (const id of wanted) {
        const look = await lookAt(transaction, who, campaignId, id);
        if (look.item.tier !== 'low')
          throw new Failure(
            409,
            'review_bulk_tier',
            `${id} is of the tier ${look.item.tier}: only the low tier is decided together.`,
            'Decide about it by itself.',
          );
        const each: WantedDecision = decision === 'keep' ? { decision, reason: why } : { decision, reason: why };
        await keepDecision(transaction, who, look, each, null, group);
      }
      return findItems(client, who.workspaceId, campaignId, wanted);
    }),
  );
}

async function keepDecision(
  transaction: LoggedTransaction,
  who: Administrator,
  { campaign, item, own, reviewer: { person } }: Look,
  wanted: WantedDecision,
  operations: readonly Operation[] | null,
  bulkGroup: string | undefined,
): Promise<void> {
  const { client, now } = transaction;
  const unsigned = await ownSignInProblem(client, who);
  if (unsigned !== undefined) throw unsigned;
  const before = standing(item, own.number);
  if (before !== undefined && before.submittedAt !== null) throw submitted(item.id);
  if (wanted.decision === 'keep' && wanted.reason === '' && isPrivileged(item.tier))
    throw new Failure(
      422,
      'review_reason_missing',
      `${item.id} is of the tier ${item.tier}: keeping it takes a reason.`,
      'Say why it is still needed.',
    );
  const stagedDays = wanted.decision === 'revoke' ? (wanted.staged_days ?? null) : null;
  if (stagedDays !== null && item.agentId === null)
    throw new Failure(
      422,
      'review_not_staged',
      `${item.id} is of no agent that could be suspended first.`,
      'Revoke it at once.',
    );
  if (before !== undefined)
    await client.query(
      `UPDATE review_decisions SET superseded_at = $5 WHERE workspace_id = $1 AND campaign_id = $2 AND item = $3 AND number = $4`,
      [who.workspaceId, campaign.id, item.number, before.number, now],
    );
  const number = item.decisions.length + 1;
  const seconds = own.lastOpenedAt === null ? null : Math.floor((now.getTime() - own.lastOpenedAt.getTime()) / 1000);
  const secondsOnItem = seconds === null ? null : Math.max(0, Math.min(seconds, MOST_SECONDS));
  const eventId = transaction.log({
    kind: 'review.decided',
    actor: who.actor,
    person: person.email,
    campaign: campaign.id,
    item: item.id,
    item_type: item.type,
    subject: item.subject,
    decision: wanted.decision,
    reason: wanted.reason,
    staged_days: stagedDays ?? undefined,
    operations: operations?.map(({ type, id }) => ({ type, id })),
    via: who.via,
    bulk_group: bulkGroup,
    seconds_on_item: secondsOnItem ?? undefined,
    basis: own.basis,
    number,
  });
  await client.query(
    `INSERT INTO review_decisions (workspace_id, campaign_id, item, number, assignment, person_id, actor, credential_id, decision,
                                   reason, operations, staged_days, decided_at, via, bulk_group, seconds_on_item, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
    [
      who.workspaceId,
      campaign.id,
      item.number,
      number,
      own.number,
      person.id,
      who.actor,
      who.credentialId,
      wanted.decision,
      wanted.reason,
      operations === null ? null : JSON.stringify(operations),
      stagedDays,
      now,
      who.session === undefined ? who.via : `session:${who.session.method}`,
      bulkGroup ?? null,
      secondsOnItem,
      eventId,
    ],
  );
}

function submitted(item: string): Failure {
  return new Failure(
    409,
    'review_submitted',
    `What was decided about ${item} is submitted.`,
    'It takes effect as it is; ask for what was taken away anew.',
  );
}
