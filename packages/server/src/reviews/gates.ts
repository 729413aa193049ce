/** What stands between a campaign and its end, named one by one. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { current, outcomeOf } from './outcome.ts';
import {
  type CampaignRow,
  type DecisionRow,
  type ItemRow,
  isOpen,
  itemsOf,
  type RemediationRow,
  remediationsOf,
} from './rows.ts';
import { type SignatureRow, signaturesOf } from './signatures.ts';

export const GATES = [
  'reviewers',
  'decided',
  'no_self_review',
  'remediated',
  'recheck',
  'signed_reviewers',
  'signed_owner',
  'countersigned',
] as const;
type GateName = (typeof GATES)[number];

export interface Gate {
  readonly gate: GateName;
  readonly passed: boolean;
  /** In words. */
  readonly detail: string;
  /** Ids of what is missing, the first hundred. */
  readonly open: readonly string[];
}

export interface RecheckRow {
  readonly item: number;
  readonly itemId: string;
  readonly title: string;
  readonly place: number;
  readonly decision: number;
  readonly result: 'agree' | 'disagree' | null;
  readonly reason: string | null;
  readonly personId: string | null;
  readonly person: string | null;
  readonly checkedAt: Date | null;
}

/** All there is of a campaign. */
export interface Standing {
  readonly items: readonly ItemRow[];
  readonly remediations: readonly RemediationRow[];
  readonly rechecks: readonly RecheckRow[];
  readonly signatures: readonly SignatureRow[];
}

export async function readStanding(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  campaign: string,
): Promise<Standing> {
  return {
    items: await itemsOf(client, workspaceId, campaign),
    remediations: await remediationsOf(client, workspaceId, campaign),
    rechecks: await rechecksOf(client, workspaceId, campaign),
    signatures: await signaturesOf(client, workspaceId, campaign),
  };
}

export async function rechecksOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  campaign: string,
): Promise<readonly RecheckRow[]> {
  const { rows } = await client.query<RecheckRow>(
    `SELECT r.item, i.id AS "itemId", i.title, r.place, r.decision, r.result, r.reason, r.person_id AS "personId", r.person,
            r.checked_at AS "checkedAt"
       FROM review_rechecks r
       JOIN review_items i ON i.workspace_id = r.workspace_id AND i.campaign_id = r.campaign_id AND i.number = r.item
      WHERE r.workspace_id = $1 AND r.campaign_id = $2 ORDER BY r.place, r.item`,
    [workspaceId, campaign],
  );
  return rows;
}

const MOST_NAMED = 100;

function gate(name: GateName, open: readonly string[], yes: string, no: string): Gate {
  return {
    gate: name,
    passed: open.length === 0,
    detail: open.length === 0 ? yes : no,
    open: open.slice(0, MOST_NAMED),
  };
}

function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

/** In the order in which they are passed. */
export function gatesOf(
  campaign: Pick<CampaignRow, 'ownerId' | 'owner' | 'recheckAt' | 'policy'>,
  { items, remediations, rechecks, signatures }: Standing,
  now: Date,
): readonly Gate[] {
  const unassigned = items.filter((item) => item.decision === null && current(item).length === 0).map(({ id }) => id);
  const undecided = items.filter(({ decision }) => decision === null).map(({ id }) => id);
  const self = items.filter(isSelfReviewed).map(({ id }) => id);
  const open = remediations.filter((each) => isOpen(each, now)).map(({ id }) => id);
  const unchecked = rechecks.filter(({ result }) => result === null).map(({ itemId }) => itemId);
  const isDrawn = campaign.recheckAt !== null || (undecided.length === 0 && !needsRecheck(campaign, items));
  const signed = (capacity: SignatureRow['capacity']): ReadonlySet<string> =>
    new Set(
      signatures.filter((each) => each.capacity === capacity && each.lapsedAt === null).map(({ personId }) => personId),
    );
  const reviewers = decidersOf(items);
  const unsigned = [...reviewers].filter(([id]) => !signed('reviewer').has(id)).map(([, email]) => email);
  const ownerMissing = signed('owner').has(campaign.ownerId) ? [] : [campaign.owner];
  const privileged = items.filter((item) => item.privileged);
  const counter = privileged.length > 0 && signed('countersigner').size === 0 ? privileged.map(({ id }) => id) : [];
  return [
    gate(
      'reviewers',
      unassigned,
      'Every item has a reviewer who has no part in it.',
      `${plural(unassigned.length, 'item')} without a reviewer.`,
    ),
    gate(
      'decided',
      undecided,
      `Everything is decided: ${plural(items.length, 'item')}.`,
      `Not decided: ${undecided.length} of ${plural(items.length, 'item')}.`,
    ),
    gate(
      'no_self_review',
      self,
      'Nobody decided about what they have a part in.',
      `Decided by somebody with a part in it: ${plural(self.length, 'item')}.`,
    ),
    gate(
      'remediated',
      open,
      remediations.length === 0
        ? 'Nothing had to change.'
        : `Verified, or excepted by two people: ${plural(remediations.length, 'remediation')}.`,
      `Open: ${open.length} of ${plural(remediations.length, 'remediation')}.`,
    ),
    isDrawn
      ? gate(
          'recheck',
          unchecked,
          rechecks.length === 0
            ? 'Nothing was kept that a re-check could be drawn from.'
            : `Looked at again: ${plural(rechecks.length, 'item')}.`,
          `Not looked at again yet: ${unchecked.length} of ${plural(rechecks.length, 'item')}.`,
        )
      : { gate: 'recheck', passed: false, detail: 'It is drawn when every item is decided.', open: [] },
    gate(
      'signed_reviewers',
      unsigned,
      `Signed: ${plural(reviewers.size, 'reviewer')}.`,
      `Not signed: ${unsigned.length} of ${plural(reviewers.size, 'reviewer')}.`,
    ),
    gate(
      'signed_owner',
      ownerMissing,
      `${campaign.owner} has signed completeness.`,
      `${campaign.owner} has not signed completeness.`,
    ),
    gate(
      'countersigned',
      counter,
      privileged.length === 0
        ? 'Nothing here is privileged.'
        : 'Somebody outside has countersigned what is privileged.',
      `Not countersigned by somebody outside: ${plural(privileged.length, 'privileged item')}.`,
    ),
  ];
}

/** Whose decisions stand: person → e-mail. */
export function decidersOf(items: readonly ItemRow[]): ReadonlyMap<string, string> {
  return new Map(
    items.flatMap((item) => said(item).map(({ personId, person }) => [personId as string, person] as const)),
  );
}

/** Decisions of an item that were submitted and stand. */
export function said(item: ItemRow): readonly DecisionRow[] {
  return item.decisions.filter(
    ({ submittedAt, supersededAt, decision }) =>
      submittedAt !== null && supersededAt === null && decision !== 'escalate',
  );
}

/** By what was frozen: whoever got a part in it later was asked then. */
export function isSelfReviewed(item: ItemRow): boolean {
  return said(item).some(({ personId }) => item.barred[personId] !== undefined);
}

function needsRecheck({ policy }: Pick<CampaignRow, 'policy'>, items: readonly ItemRow[]): boolean {
  return policy.recheck_share > 0 && items.some((item) => outcomeOf(item)?.decision === 'keep');
}
