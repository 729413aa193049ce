/** Campaigns that the policy asked for in a period, and what became of each: what control AG-05 is judged by. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { decidersOf, isSelfReviewed, readStanding } from './gates.ts';
import { policyVersions } from './policy.ts';
import { CAMPAIGN, type CampaignRow, isOpen } from './rows.ts';
import { slotsDue } from './schedule.ts';

export interface DueCampaign {
  /** `2026-Q3`. */
  readonly slot: string;
  readonly dueAt: Date;
  readonly policyVersion: number;
  /** The one that was held for it and not voided; null: none was. */
  readonly campaign: string | null;
  readonly launchedAt: Date | null;
  readonly closedAt: Date | null;
  readonly items: number;
  /** Decided by the due date. */
  readonly decidedInTime: number;
  readonly undecided: readonly string[];
  readonly late: readonly string[];
  readonly selfReviewed: readonly string[];
  readonly remediations: number;
  /** Not verified, or not excepted, within its time. */
  readonly remediationsLate: readonly string[];
  readonly remediationsOpen: readonly string[];
  readonly reviewers: number;
}

const MOST_VERSIONS = 10_000;

/**
 * Those whose due date is in [from, to), under the policy that was in force when each should have been launched. As of `to`, or
 * of now where that is later: a closed period gives the same answer for ever.
 */
export async function dueCampaigns(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<readonly DueCampaign[]> {
  const versions = (await policyVersions(client, workspaceId, MOST_VERSIONS)).toReversed();
  const due: DueCampaign[] = [];
  for (const [i, { version, policy, at }] of versions.entries()) {
    const { cycle, owner } = policy;
    if (cycle === null || owner === null) continue;
    const begins = at ?? new Date(0);
    const ends = versions[i + 1]?.at ?? null;
    for (const slot of slotsDue({ ...policy, cycle }, from, to))
      if (slot.launchAt >= begins && (ends === null || slot.launchAt < ends))
        due.push(await factsOf(client, workspaceId, slot.name, slot.dueAt, version, to));
  }
  return due.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
}

async function factsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  slot: string,
  dueAt: Date,
  policyVersion: number,
  asOf: Date,
): Promise<DueCampaign> {
  const { rows } = await client.query<CampaignRow>(
    `SELECT ${CAMPAIGN} FROM review_campaigns c
      WHERE c.workspace_id = $1 AND c.kind = 'scheduled' AND c.cause ->> 'slot' = $2 AND c.snapshot_at < $3
        AND (c.status <> 'voided' OR c.voided_at >= $3) ORDER BY c.snapshot_at LIMIT 1`,
    [workspaceId, slot, asOf],
  );
  const [campaign] = rows;
  const none = {
    slot,
    dueAt,
    policyVersion,
    campaign: null,
    launchedAt: null,
    closedAt: null,
    items: 0,
    decidedInTime: 0,
  };
  if (campaign === undefined)
    return {
      ...none,
      undecided: [],
      late: [],
      selfReviewed: [],
      remediations: 0,
      remediationsLate: [],
      remediationsOpen: [],
      reviewers: 0,
    };
  const { items, remediations } = await readStanding(client, workspaceId, campaign.id);
  const decidedBy = (at: Date): number => items.filter(({ decidedAt }) => decidedAt !== null && decidedAt <= at).length;
  const known = remediations.filter(({ openedAt }) => openedAt < asOf);
  const settledAt = (each: (typeof known)[number]): Date | null => each.verifiedAt ?? each.exceptedAt;
  return {
    slot,
    dueAt: campaign.dueAt,
    policyVersion,
    campaign: campaign.id,
    launchedAt: campaign.snapshotAt,
    closedAt: campaign.closedAt !== null && campaign.closedAt < asOf ? campaign.closedAt : null,
    items: items.length,
    decidedInTime: decidedBy(campaign.dueAt),
    undecided: items.filter(({ decidedAt }) => decidedAt === null || decidedAt >= asOf).map(({ id }) => id),
    late: items
      .filter(({ decidedAt }) => decidedAt !== null && decidedAt > campaign.dueAt && decidedAt < asOf)
      .map(({ id }) => id),
    selfReviewed: items.filter(isSelfReviewed).map(({ id }) => id),
    remediations: known.length,
    remediationsLate: known.filter((each) => (settledAt(each) ?? asOf) > each.dueAt).map(({ id }) => id),
    remediationsOpen: known
      .filter((each) => isOpen(each, asOf) || (settledAt(each) ?? asOf) >= asOf)
      .map(({ id }) => id),
    reviewers: decidersOf(items).size,
  };
}
