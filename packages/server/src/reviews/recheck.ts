/**
 * The quality re-check: when everything is decided, a share of what was kept is drawn by a seed that nobody knew before, and
 * somebody else looks at each again. Whoever disagrees opens the item anew.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { ReviewContext } from './context.ts';
import { drawn } from './draw.ts';
import { refuseSelf, reviewerOf } from './eligibility.ts';
import { type RecheckRow, rechecksOf, said } from './gates.ts';
import { recordingRefusals } from './refusals.ts';
import { type CampaignRow, findCampaign, findItem, type ItemRow, itemsOf, refuseOver } from './rows.ts';
import { lapseSignatures } from './signatures.ts';

export const recheckSchema = z.strictObject({
  result: z.enum(['agree', 'disagree']),
  reason: z.string().trim().min(1).max(4000),
});

/** Once all is decided, and once. True where it was drawn with this. */
export async function drawRecheck(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: CampaignRow,
): Promise<boolean> {
  const { client, now, log } = transaction;
  if (campaign.recheckAt !== null) return false;
  const items = await itemsOf(client, workspaceId, campaign.id);
  if (items.some(({ decision }) => decision === null)) return false;
  const kept = items.filter(({ decision }) => decision === 'keep');
  const seed = randomBytes(32).toString('hex');
  const ids = drawn(
    seed,
    kept.map(({ id }) => id),
    campaign.policy.recheck_share,
  );
  await client.query(
    'UPDATE review_campaigns SET recheck_seed = $3, recheck_at = $4 WHERE workspace_id = $1 AND id = $2',
    [workspaceId, campaign.id, seed, now],
  );
  const byId = new Map(kept.map((item) => [item.id, item]));
  for (const [place, id] of ids.entries())
    await keepDrawn(transaction, workspaceId, campaign.id, byId.get(id), place + 1);
  log({
    kind: 'review.recheck',
    actor: 'system',
    campaign: campaign.id,
    change: 'drawn',
    seed,
    share: campaign.policy.recheck_share,
    of: kept.length,
    items: ids.slice(0, 200),
    drawn: ids.length,
    to: [campaign.owner],
  });
  return true;
}

async function keepDrawn(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: string,
  item: ItemRow | undefined,
  place: number,
): Promise<void> {
  const decision = item === undefined ? undefined : said(item)[0];
  if (item === undefined || decision === undefined) throw new Error('what was kept has a decision');
  await client.query(
    'INSERT INTO review_rechecks (workspace_id, campaign_id, item, place, decision) VALUES ($1, $2, $3, $4, $5)',
    [workspaceId, campaign, item.number, place, decision.number],
  );
}

/**
 * By anybody who may review the item and has not decided about it. Throws as `decideItem`, `review_recheck_none`,
 * `review_recheck_done`, `review_recheck_own`.
 */
export function recheck(
  context: ReviewContext,
  who: Administrator,
  campaignId: string,
  itemId: string,
  { result, reason }: z.output<typeof recheckSchema>,
): Promise<readonly RecheckRow[]> {
  const { workspaceId } = who;
  return recordingRefusals(context, who, campaignId, 'recheck', [itemId], () =>
    context.log.transact(workspaceId, async (transaction) => {
      const { client, now } = transaction;
      const campaign = await findCampaign(client, workspaceId, campaignId);
      refuseOver(campaign);
      const reviewer = await reviewerOf(client, who);
      const item = await findItem(client, workspaceId, campaignId, itemId);
      await refuseSelf(client, who, reviewer, item);
      const drawnOnes = (await rechecksOf(client, workspaceId, campaignId)).filter((each) => each.item === item.number);
      const open = drawnOnes.find((each) => each.result === null);
      if (open === undefined)
        throw new Failure(
          409,
          drawnOnes.length === 0 ? 'review_recheck_none' : 'review_recheck_done',
          drawnOnes.length === 0 ? `${itemId} was not drawn.` : `${itemId} was looked at again already.`,
          'GET /v1/reviews/:review/rechecks lists those that wait.',
        );
      if (item.decisions.some(({ personId, submittedAt }) => personId === reviewer.person.id && submittedAt !== null))
        throw new Failure(
          403,
          'review_recheck_own',
          `${reviewer.person.email} has decided about ${itemId}.`,
          'Have somebody else look at it again.',
        );
      await client.query(
        `UPDATE review_rechecks SET result = $5, reason = $6, person_id = $7, person = $8, checked_at = $9
          WHERE workspace_id = $1 AND campaign_id = $2 AND item = $3 AND decision = $4`,
        [
          workspaceId,
          campaignId,
          item.number,
          open.decision,
          result,
          reason,
          reviewer.person.id,
          reviewer.person.email,
          now,
        ],
      );
      transaction.log({
        kind: 'review.recheck',
        actor: who.actor,
        person: reviewer.person.email,
        campaign: campaignId,
        item: itemId,
        change: result === 'agree' ? 'agreed' : 'disagreed',
        reason,
      });
      if (result === 'disagree') await openAnew(transaction, workspaceId, campaignId, item);
      return rechecksOf(client, workspaceId, campaignId);
    }),
  );
}

/** Its decisions stand no longer; the same reviewers decide again, with the reason before them. */
async function openAnew(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: string,
  item: ItemRow,
): Promise<void> {
  const { client, now } = transaction;
  await client.query(
    `UPDATE review_decisions SET superseded_at = $4
      WHERE workspace_id = $1 AND campaign_id = $2 AND item = $3 AND superseded_at IS NULL`,
    [workspaceId, campaign, item.number, now],
  );
  await client.query(
    'UPDATE review_items SET decision = NULL, decided_at = NULL WHERE workspace_id = $1 AND campaign_id = $2 AND number = $3',
    [workspaceId, campaign, item.number],
  );
  await lapseSignatures(transaction, workspaceId, campaign);
}
