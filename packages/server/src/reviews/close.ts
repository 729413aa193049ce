/** The end of a campaign: it closes when every gate is passed, and the state of what was verified is read once more before. */
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance } from '../identity/index.ts';
import type { ReviewContext } from './context.ts';
import { reviewerOf } from './eligibility.ts';
import { gatesOf, readStanding } from './gates.ts';
import { recordingRefusals } from './refusals.ts';
import { verifyAgain } from './remediate.ts';
import {
  type CampaignRow,
  findCampaign,
  findRemediation,
  isOpen,
  type RemediationRow,
  refuseOver,
  remediationsOf,
} from './rows.ts';

/** By gate, what is refused. */
const REFUSALS = {
  reviewers: 'review_unassigned',
  decided: 'review_undecided',
  no_self_review: 'review_self',
  remediated: 'review_remediation_open',
  recheck: 'review_recheck_open',
  signed_reviewers: 'review_unsigned',
  signed_owner: 'review_unsigned',
  countersigned: 'review_not_countersigned',
} as const;

/**
 * By the owner of the campaign, or an administrator. Throws `review_not_found`, `review_over`, `review_not_yours`, and for the
 * first gate that is not passed `review_unassigned`, `review_undecided`, `review_self`, `review_remediation_open`,
 * `review_recheck_open`, `review_unsigned`, `review_not_countersigned`.
 */
export function closeCampaign(context: ReviewContext, who: Administrator, campaignId: string): Promise<CampaignRow> {
  const { workspaceId } = who;
  return recordingRefusals(context, who, campaignId, 'close', [], async () => {
    refuseOver(await findCampaign(context.pool, workspaceId, campaignId));
    // What was verified a week ago may be another thing today.
    await verifyAgain(context, workspaceId, campaignId, await remediationsOf(context.pool, workspaceId, campaignId));
    return context.log.transact(workspaceId, async ({ client, now, log }) => {
      const campaign = await findCampaign(client, workspaceId, campaignId);
      refuseOver(campaign);
      const { person } = await reviewerOf(client, who);
      if (person.id !== campaign.ownerId && !who.roles.includes('admin'))
        throw new Failure(
          403,
          'review_not_yours',
          `${campaign.owner} answers for ${campaignId}.`,
          'They close it, or an administrator.',
        );
      await checkAssurance(client, who, 'sign_off', now);
      const standing = await readStanding(client, workspaceId, campaignId);
      const gates = gatesOf(campaign, standing, now);
      const shut = gates.find(({ passed }) => !passed);
      if (shut !== undefined)
        throw new Failure(
          409,
          REFUSALS[shut.gate],
          `${campaignId} cannot be closed: ${shut.detail}`,
          'GET /v1/reviews/:review shows every gate, and what is missing.',
          shut.open.map((id) => ({ code: REFUSALS[shut.gate], message: id })),
        );
      await client.query(
        `UPDATE review_campaigns SET status = 'closed', closed_at = $3, closed_by = $4 WHERE workspace_id = $1 AND id = $2`,
        [workspaceId, campaignId, now, who.actor],
      );
      const counts: Record<string, number> = {};
      for (const { decision } of standing.items) if (decision !== null) counts[decision] = (counts[decision] ?? 0) + 1;
      log({
        kind: 'review.closed',
        actor: who.actor,
        person: person.email,
        campaign: campaignId,
        items: standing.items.length,
        decisions: counts,
        remediations: standing.remediations.length,
        signatures: standing.signatures.filter(({ lapsedAt }) => lapsedAt === null).map(({ id }) => id),
        late: now.getTime() > campaign.dueAt.getTime(),
      });
      return findCampaign(client, workspaceId, campaignId);
    });
  });
}

/** It stays, with all that was decided, and counts for nothing. Throws `review_not_found`, `review_over`. */
export function voidCampaign(
  { log }: Pick<ReviewContext, 'log'>,
  who: Administrator,
  campaignId: string,
  reason: string,
): Promise<CampaignRow> {
  const { workspaceId, actor, person } = who;
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const campaign = await findCampaign(client, workspaceId, campaignId);
    if (campaign.status === 'voided') refuseOver(campaign);
    await client.query(
      `UPDATE review_campaigns SET status = 'voided', closed_at = NULL, voided_at = $3, voided_by = $4, void_reason = $5
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, campaignId, now, actor, reason],
    );
    record({ kind: 'review.voided', actor, person: person?.email, campaign: campaignId, reason, was: campaign.status });
    return findCampaign(client, workspaceId, campaignId);
  });
}

export const exceptionSchema = z.strictObject({
  reason: z.string().trim().min(1).max(4000),
  until: z.int().min(0).max(253_402_300_799).meta({ description: 'Epoch seconds, at most 92 days from now.' }),
});
const MAX_EXCEPTION_MS = 92 * 86_400_000;

/**
 * Asks for, or, as another person, agrees to a remediation being left open for a time. Throws `remediation_not_found`,
 * `remediation_over`, `exception_until`, `exception_own`, `person_required`.
 */
export function except(
  context: ReviewContext,
  who: Administrator,
  campaignId: string,
  id: string,
  wanted: z.output<typeof exceptionSchema> | 'approve',
): Promise<RemediationRow> {
  const { workspaceId } = who;
  return recordingRefusals(context, who, campaignId, 'except', [id], () =>
    context.log.transact(workspaceId, async ({ client, now, log }) => {
      refuseOver(await findCampaign(client, workspaceId, campaignId));
      const { person } = await reviewerOf(client, who);
      await checkAssurance(client, who, 'confirm', now);
      const remediation = await findRemediation(client, workspaceId, campaignId, id);
      if (!isOpen(remediation, now))
        throw new Failure(
          409,
          'remediation_over',
          `${id} is ${remediation.verifiedAt === null ? 'excepted' : 'verified'}.`,
          'There is nothing to except.',
        );
      const about = {
        kind: 'review.remediation',
        actor: who.actor,
        person: person.email,
        campaign: campaignId,
        item: remediation.itemId,
        remediation: id,
      } as const;
      if (wanted === 'approve') {
        const { exceptionAskedAt, exceptionById, exceptionBy, exceptionUntil } = remediation;
        if (exceptionAskedAt === null || exceptionUntil === null)
          throw new Failure(
            409,
            'exception_missing',
            `Nobody has asked for an exception of ${id}.`,
            'Ask for one, with a reason.',
          );
        if (exceptionById === person.id)
          throw new Failure(
            403,
            'exception_own',
            `${exceptionBy ?? ''} has asked for this.`,
            'Have another person agree to it.',
          );
        if (exceptionUntil.getTime() <= now.getTime())
          throw new Failure(409, 'exception_until', 'The time it was asked for is over.', 'Ask for it again.');
        await client.query(
          'UPDATE review_remediations SET excepted_by_id = $3, excepted_by = $4, excepted_at = $5 WHERE workspace_id = $1 AND id = $2',
          [workspaceId, id, person.id, person.email, now],
        );
        log({ ...about, change: 'excepted', requested_by: exceptionBy, until: exceptionUntil.toISOString() });
      } else {
        const until = new Date(wanted.until * 1000);
        if (until <= now || until.getTime() > now.getTime() + MAX_EXCEPTION_MS)
          throw new Failure(
            422,
            'exception_until',
            'An exception ends within 92 days, and not before now.',
            'Name a time in between.',
          );
        await client.query(
          `UPDATE review_remediations SET exception_by_id = $3, exception_by = $4, exception_reason = $5, exception_until = $6,
                  exception_asked_at = $7, excepted_by_id = NULL, excepted_by = NULL, excepted_at = NULL
            WHERE workspace_id = $1 AND id = $2`,
          [workspaceId, id, person.id, person.email, wanted.reason, until, now],
        );
        log({ ...about, change: 'exception_requested', reason: wanted.reason, until: until.toISOString() });
      }
      return findRemediation(client, workspaceId, campaignId, id);
    }),
  );
}
