/** Submitting is what decides: pending decisions become final, and what they take away begins to go. */
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance } from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { ReviewContext } from './context.ts';
import { refuseSelf, reviewerOf } from './eligibility.ts';
import { openRemediation } from './open-remediation.ts';
import { current, outcomeOf, standing } from './outcome.ts';
import { recordingRefusals } from './refusals.ts';
import { remediate } from './remediate.ts';
import { type CampaignRow, findCampaign, findItem, itemsOf, refuseOver } from './rows.ts';

const MAX_NAMED = 200;

export interface Submitted {
  readonly submitted: number;
  /** Of theirs, that they have not decided yet. */
  readonly left: number;
  /** Ids of what has begun with it. */
  readonly remediations: readonly string[];
}

/**
 * All that the person has decided and not submitted; of `items`, if named. Each is asked again: who may review, and who may not,
 * may be another than when it was decided. Throws as `decideItem`, `review_nothing_to_submit`, `step_up_required`.
 */
export async function submit(
  context: ReviewContext,
  who: Administrator,
  campaignId: string,
  itemIds: readonly string[] | undefined,
): Promise<Submitted> {
  const { workspaceId } = who;
  const done = await recordingRefusals(context, who, campaignId, 'submit', itemIds ?? [], () =>
    context.log.transact(workspaceId, async (transaction) => {
      const { client, now } = transaction;
      const campaign = await findCampaign(client, workspaceId, campaignId);
      refuseOver(campaign);
      const reviewer = await reviewerOf(client, who);
      await checkAssurance(client, who, 'sign_off', now);
      const items = await itemsOf(client, workspaceId, campaignId);
      const mine = items.flatMap((item) => {
        const own = current(item).find(({ personId }) => personId === reviewer.person.id);
        const said = own === undefined ? undefined : standing(item, own.number);
        return own === undefined ? [] : [{ item, said }];
      });
      const pending = mine.flatMap(({ item, said }) =>
        said !== undefined && said.submittedAt === null && (itemIds === undefined || itemIds.includes(item.id))
          ? [{ item, said }]
          : [],
      );
      if (pending.length === 0)
        throw new Failure(
          409,
          'review_nothing_to_submit',
          'Nothing of yours waits to be submitted.',
          'Decide about your items first.',
        );
      for (const { item } of pending) await refuseSelf(client, who, reviewer, item);
      const remediations: string[] = [];
      for (const { item, said } of pending) {
        await client.query(
          `UPDATE review_decisions SET submitted_at = $5 WHERE workspace_id = $1 AND campaign_id = $2 AND item = $3 AND number = $4`,
          [workspaceId, campaign.id, item.number, said.number, now],
        );
        const opened = await settle(transaction, workspaceId, campaign, item.id);
        if (opened !== undefined) remediations.push(opened);
      }
      const counts: Record<string, number> = {};
      for (const { said } of pending) counts[said.decision] = (counts[said.decision] ?? 0) + 1;
      const left = mine.filter(({ said }) => said === undefined).length;
      transaction.log({
        kind: 'review.submitted',
        actor: who.actor,
        person: reviewer.person.email,
        campaign: campaign.id,
        items: pending.slice(0, MAX_NAMED).map(({ item }) => item.id),
        submitted: pending.length,
        decisions: counts,
        left,
      });
      return { submitted: pending.length, left, remediations };
    }),
  );
  for (const id of done.remediations) await remediate(context, workspaceId, campaignId, id);
  return done;
}

/** Once all reviewers of an item have submitted, or one has said revoke. The id of the remediation that begins, if one does. */
async function settle(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: CampaignRow,
  itemId: string,
): Promise<string | undefined> {
  const { client, now } = transaction;
  const item = await findItem(client, workspaceId, campaign.id, itemId);
  const outcome = outcomeOf(item);
  // A revoke that came first stays, whatever the others say later.
  if (outcome === undefined || outcome.decision === 'escalate' || item.decision === 'revoke') return undefined;
  if (item.decision === outcome.decision) return undefined;
  await client.query(
    'UPDATE review_items SET decision = $4, decided_at = $5 WHERE workspace_id = $1 AND campaign_id = $2 AND number = $3',
    [workspaceId, campaign.id, item.number, outcome.decision, now],
  );
  if (outcome.decision === 'keep') return undefined;
  return openRemediation(transaction, workspaceId, campaign, item, outcome.decision, outcome);
}
