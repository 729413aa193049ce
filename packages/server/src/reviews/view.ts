/** Reviews as the API shows them. */
import { z } from 'zod';
import { daysLate } from './business-days.ts';
import { GATES, type Gate, gatesOf, type RecheckRow, type Standing, said } from './gates.ts';
import { ITEM_TYPES } from './kinds.ts';
import { current, standing } from './outcome.ts';
import { policyDocument } from './policy.ts';
import { factsSchema } from './population.ts';
import { RECONCILIATIONS } from './reconcile.ts';
import { type CampaignRow, type ItemRow, isOpen, type RemediationRow } from './rows.ts';
import { CAPACITIES, type SignatureRow } from './signatures.ts';

const at = z.int().nullable();
const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);
const maybe = (date: Date | null): number | null => (date === null ? null : seconds(date));

const gateSchema = z
  .object({ gate: z.enum(GATES), passed: z.boolean(), detail: z.string(), open: z.array(z.string()) })
  .meta({ id: 'ReviewGate' });

const progressSchema = z.object({
  items: z.int(),
  decided: z.int(),
  pending: z.int().meta({ description: 'Decided and not submitted.' }),
  keep: z.int(),
  modify: z.int(),
  revoke: z.int(),
  remediations: z.int(),
  remediations_open: z.int(),
  remediations_late: z.int(),
  reviewers: z.array(
    z.object({
      reviewer: z.string(),
      items: z.int(),
      submitted: z.int(),
      pending: z.int(),
      left: z.int(),
      signed: z.boolean(),
    }),
  ),
  by_type: z.record(z.string(), z.int()),
  by_tier: z.record(z.string(), z.int()),
});

const campaignFields = {
  id: z.string(),
  kind: z.enum(['scheduled', 'manual', 'event']),
  cause: z.record(z.string(), z.unknown()),
  scope: z.record(z.string(), z.unknown()),
  policy_version: z.int(),
  owner: z.string(),
  launched_by: z.string(),
  snapshot_at: z.int(),
  snapshot_sha256: z.string().meta({ description: 'Of the frozen population: GET /v1/reviews/:review/population.' }),
  due_at: z.int(),
  status: z.enum(['running', 'closed', 'voided']),
  overdue: z.boolean(),
  missed_at: at.meta({ description: 'When the deadline passed with items undecided.' }),
  closed_at: at,
  closed_by: z.string().nullable(),
  voided_at: at,
  voided_by: z.string().nullable(),
  void_reason: z.string().nullable(),
};

export const campaignSummarySchema = z
  .object({
    object: z.literal('review'),
    ...campaignFields,
    items: z.int(),
    decided: z.int(),
    remediations_open: z.int(),
  })
  .meta({ id: 'ReviewSummary' });

export const campaignSchema = z
  .object({
    object: z.literal('review'),
    ...campaignFields,
    policy: z.object(policyDocument.shape).meta({ description: 'As it was in force at the launch.' }),
    recheck: z.object({ seed: z.string(), drawn_at: z.int(), items: z.int(), open: z.int() }).nullable(),
    progress: progressSchema,
    gates: z.array(gateSchema),
    reconciliations: z.array(
      z.object({
        kind: z.enum(RECONCILIATIONS),
        subject: z.string(),
        name: z.string(),
        detail: z.string(),
        since: z.string().nullable(),
      }),
    ),
    exclusions: z.array(z.object({ what: z.string(), count: z.int(), reason: z.string() })),
    mine: z
      .object({ items: z.int(), left: z.int(), pending: z.int(), may_sign: z.array(z.enum(CAPACITIES)) })
      .nullable()
      .meta({ description: 'Of whoever asks. Null: a key of nobody.' }),
  })
  .meta({ id: 'Review' });
export type CampaignView = z.output<typeof campaignSchema>;

const assignmentSchema = z.object({
  number: z.int(),
  reviewer: z.string(),
  basis: z.enum(['manager', 'role owner', 'data owner', 'fallback']),
  note: z.string(),
  assigned_at: z.int(),
  assigned_by: z.string(),
  reassigned_from: z.string().nullable(),
  reason: z.string().nullable(),
  first_opened_at: at,
  ended_at: at,
});

const decisionSchema = z.object({
  number: z.int(),
  reviewer: z.string(),
  decision: z.enum(['keep', 'modify', 'revoke', 'escalate']),
  reason: z.string(),
  operations: z
    .array(z.object({ type: z.string(), id: z.string(), document: z.unknown(), base: z.string().nullable() }))
    .nullable(),
  staged_days: z.int().nullable(),
  decided_at: z.int(),
  via: z.string(),
  bulk_group: z.string().nullable(),
  seconds_on_item: z.int().nullable(),
  submitted_at: at,
  superseded_at: at,
});

export const itemSchema = z
  .object({
    object: z.literal('review_item'),
    id: z.string(),
    review: z.string(),
    type: z.enum(ITEM_TYPES),
    subject: z.string(),
    title: z.string(),
    agent_id: z.string().nullable(),
    agent: z.string().nullable(),
    owner: z.string().nullable(),
    role: z.string().nullable(),
    role_version: z.int().nullable(),
    tier: z.enum(['low', 'medium', 'high', 'critical']),
    privileged: z.boolean(),
    facts: factsSchema,
    status: z.enum(['unassigned', 'waiting', 'pending', 'decided']),
    decision: z.enum(['keep', 'modify', 'revoke']).nullable(),
    decided_at: at,
    missed_at: at,
    missed_act: z.enum(['suspended', 'revoked', 'nothing']).nullable(),
    reviewers: z.array(assignmentSchema).meta({ description: 'Now.' }),
    history: z.array(assignmentSchema).meta({ description: 'Those before.' }),
    decisions: z.array(decisionSchema),
    own: z
      .object({ decision: z.enum(['keep', 'modify', 'revoke', 'escalate']).nullable(), submitted: z.boolean() })
      .nullable()
      .meta({ description: 'Of whoever asks, where it is theirs to review.' }),
  })
  .meta({ id: 'ReviewItem' });
export type ItemView = z.output<typeof itemSchema>;

export const remediationSchema = z
  .object({
    object: z.literal('review_remediation'),
    id: z.string(),
    review: z.string(),
    item: z.string(),
    title: z.string(),
    kind: z.enum(['revoke', 'modify', 'suspend']),
    status: z.enum(['open', 'staged', 'in_review', 'verified', 'excepted']),
    privileged: z.boolean(),
    opened_at: z.int(),
    due_at: z.int(),
    days_late: z.int(),
    not_before: at,
    suspended_at: at,
    change: z.string().nullable(),
    executed_at: at,
    executed_by: z.string().nullable(),
    verified_at: at,
    verification_method: z.string().nullable(),
    verified_state: z.string().nullable(),
    verified_state_sha256: z.string().nullable(),
    problem: z.string().nullable(),
    attempts: z.int(),
    exception: z
      .object({
        requested_by: z.string(),
        reason: z.string(),
        until: z.int(),
        requested_at: z.int(),
        approved_by: z.string().nullable(),
        approved_at: at,
      })
      .nullable(),
  })
  .meta({ id: 'ReviewRemediation' });
export type RemediationView = z.output<typeof remediationSchema>;

export const recheckViewSchema = z
  .object({
    item: z.string(),
    title: z.string(),
    place: z.int(),
    result: z.enum(['agree', 'disagree']).nullable(),
    reason: z.string().nullable(),
    person: z.string().nullable(),
    checked_at: at,
  })
  .meta({ id: 'ReviewRecheck' });

export const signatureSchema = z
  .object({
    object: z.literal('review_signature'),
    id: z.string(),
    review: z.string(),
    capacity: z.enum(CAPACITIES),
    person: z.string(),
    signed_at: z.int(),
    lapsed_at: at,
    document: z.string().meta({ description: 'What is signed, in canonical form (RFC 8785).' }),
    note: z.string().meta({ description: 'Signed note by the key of the log over the SHA-256 of `document`.' }),
    signed_decision: z.string().nullable(),
  })
  .meta({ id: 'ReviewSignature' });

export function campaignFieldsOf(row: CampaignRow, now: Date) {
  return {
    id: row.id,
    kind: row.kind,
    cause: row.cause,
    scope: row.scope,
    policy_version: row.policyVersion,
    owner: row.owner,
    launched_by: row.launchedBy,
    snapshot_at: seconds(row.snapshotAt),
    snapshot_sha256: row.snapshotSha256,
    due_at: seconds(row.dueAt),
    status: row.status,
    overdue: row.status === 'running' && row.dueAt.getTime() <= now.getTime(),
    missed_at: maybe(row.missedAt),
    closed_at: maybe(row.closedAt),
    closed_by: row.closedBy,
    voided_at: maybe(row.voidedAt),
    voided_by: row.voidedBy,
    void_reason: row.voidReason,
  };
}

export interface ViewOf {
  readonly campaign: CampaignRow;
  readonly standing: Standing;
  readonly frozen: Pick<CampaignView, 'reconciliations' | 'exclusions'>;
  readonly now: Date;
  readonly personId: string | undefined;
}

export function campaignView({ campaign, standing: all, frozen, now, personId }: ViewOf): CampaignView {
  const { items, remediations, rechecks, signatures } = all;
  const gates = gatesOf(campaign, all, now);
  const count = (decision: ItemRow['decision']): number => items.filter((item) => item.decision === decision).length;
  const tally = (of: (item: ItemRow) => string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const item of items) counts[of(item)] = (counts[of(item)] ?? 0) + 1;
    return counts;
  };
  return {
    object: 'review',
    ...campaignFieldsOf(campaign, now),
    policy: campaign.policy,
    recheck:
      campaign.recheckAt === null || campaign.recheckSeed === null
        ? null
        : {
            seed: campaign.recheckSeed,
            drawn_at: seconds(campaign.recheckAt),
            items: rechecks.length,
            open: rechecks.filter(({ result }) => result === null).length,
          },
    progress: {
      items: items.length,
      decided: items.filter(({ decision }) => decision !== null).length,
      pending: items.filter((item) => statusOf(item) === 'pending').length,
      keep: count('keep'),
      modify: count('modify'),
      revoke: count('revoke'),
      remediations: remediations.length,
      remediations_open: remediations.filter((each) => isOpen(each, now)).length,
      remediations_late: remediations.filter((each) => lateness(each, now) > 0).length,
      reviewers: reviewersOf(items, signatures),
      by_type: tally(({ type }) => type),
      by_tier: tally(({ tier }) => tier),
    },
    gates: [...gates].map((each) => ({ ...each, open: [...each.open] })),
    ...frozen,
    mine: personId === undefined ? null : mineOf(campaign, all, gates, personId),
  };
}

function reviewersOf(
  items: readonly ItemRow[],
  signatures: readonly SignatureRow[],
): CampaignView['progress']['reviewers'] {
  const rows = new Map<string, CampaignView['progress']['reviewers'][number]>();
  for (const item of items)
    for (const { number, reviewer, personId } of current(item)) {
      const row = rows.get(reviewer) ?? {
        reviewer,
        items: 0,
        submitted: 0,
        pending: 0,
        left: 0,
        signed: signatures.some(
          (each) => each.capacity === 'reviewer' && each.personId === personId && each.lapsedAt === null,
        ),
      };
      const stands = standing(item, number);
      row.items += 1;
      if (stands === undefined) row.left += 1;
      else if (stands.submittedAt === null) row.pending += 1;
      else row.submitted += 1;
      rows.set(reviewer, row);
    }
  return [...rows.values()].toSorted((a, b) => b.left - a.left || (a.reviewer < b.reviewer ? -1 : 1));
}

function mineOf(
  campaign: CampaignRow,
  { items, signatures }: Standing,
  gates: readonly Gate[],
  personId: string,
): CampaignView['mine'] {
  const own = items.flatMap((item) => {
    const assignment = current(item).find((each) => each.personId === personId);
    return assignment === undefined ? [] : [{ said: standing(item, assignment.number) }];
  });
  const passed = new Set(gates.filter((each) => each.passed).map(({ gate }) => gate));
  const has = (capacity: SignatureRow['capacity']): boolean =>
    signatures.some((each) => each.capacity === capacity && each.personId === personId && each.lapsedAt === null);
  const isReviewer = items.some((item) => said(item).some((each) => each.personId === personId));
  const isSettled = passed.has('decided') && passed.has('remediated') && passed.has('recheck');
  const isInside =
    isReviewer || personId === campaign.ownerId || items.some(({ barred }) => barred[personId] !== undefined);
  const mayCountersign = isSettled && !isInside && items.some(({ privileged }) => privileged);
  return {
    items: own.length,
    left: own.filter(({ said: stands }) => stands === undefined).length,
    pending: own.filter(({ said: stands }) => stands !== undefined && stands.submittedAt === null).length,
    may_sign:
      campaign.status === 'running'
        ? [
            ...(isReviewer && passed.has('decided') && !has('reviewer') ? (['reviewer'] as const) : []),
            ...(personId === campaign.ownerId && isSettled && !has('owner') ? (['owner'] as const) : []),
            ...(mayCountersign && !has('countersigner') ? (['countersigner'] as const) : []),
          ]
        : [],
  };
}

function statusOf(item: ItemRow): ItemView['status'] {
  if (item.decision !== null) return 'decided';
  const assigned = current(item);
  if (assigned.length === 0) return 'unassigned';
  return assigned.some(({ number }) => standing(item, number) !== undefined) ? 'pending' : 'waiting';
}

export function itemView(item: ItemRow, personId: string | undefined): ItemView {
  const assignments = item.assignments.map((each) => ({
    number: each.number,
    reviewer: each.reviewer,
    basis: each.basis,
    note: each.note,
    assigned_at: seconds(each.assignedAt),
    assigned_by: each.assignedBy,
    reassigned_from: each.reassignedFrom,
    reason: each.reason,
    first_opened_at: maybe(each.firstOpenedAt),
    ended_at: maybe(each.endedAt),
  }));
  const own = current(item).find((each) => each.personId === personId);
  const stands = own === undefined ? undefined : standing(item, own.number);
  return {
    object: 'review_item',
    id: item.id,
    review: item.campaign,
    type: item.type,
    subject: item.subject,
    title: item.title,
    agent_id: item.agentId,
    agent: item.agent,
    owner: item.owner,
    role: item.role,
    role_version: item.roleVersion,
    tier: item.tier,
    privileged: item.privileged,
    facts: item.facts,
    status: statusOf(item),
    decision: item.decision,
    decided_at: maybe(item.decidedAt),
    missed_at: maybe(item.missedAt),
    missed_act: item.missedAct,
    reviewers: assignments.filter(({ ended_at }) => ended_at === null),
    history: assignments.filter(({ ended_at }) => ended_at !== null),
    decisions: item.decisions.map((each) => ({
      number: each.number,
      reviewer: each.person,
      decision: each.decision,
      reason: each.reason,
      operations: each.operations?.map(({ type, id, document, base }) => ({ type, id, document, base })) ?? null,
      staged_days: each.stagedDays,
      decided_at: seconds(each.decidedAt),
      via: each.via,
      bulk_group: each.bulkGroup,
      seconds_on_item: each.secondsOnItem,
      submitted_at: maybe(each.submittedAt),
      superseded_at: maybe(each.supersededAt),
    })),
    own: own === undefined ? null : { decision: stands?.decision ?? null, submitted: stands?.submittedAt != null },
  };
}

/** Of one that is open, until now; of one that is over, until then. */
export function lateness({ dueAt, verifiedAt, exceptedAt }: RemediationRow, now: Date): number {
  return daysLate(dueAt, verifiedAt ?? exceptedAt ?? now);
}

export function remediationView(row: RemediationRow, now: Date): RemediationView {
  const open = isOpen(row, now);
  const isStaged = row.notBefore !== null && row.notBefore.getTime() > now.getTime();
  return {
    object: 'review_remediation',
    id: row.id,
    review: row.campaign,
    item: row.itemId,
    title: row.title,
    kind: row.kind,
    status: !open
      ? row.verifiedAt === null
        ? 'excepted'
        : 'verified'
      : isStaged
        ? 'staged'
        : row.changeId === null
          ? 'open'
          : 'in_review',
    privileged: row.privileged,
    opened_at: seconds(row.openedAt),
    due_at: seconds(row.dueAt),
    days_late: lateness(row, now),
    not_before: maybe(row.notBefore),
    suspended_at: maybe(row.suspendedAt),
    change: row.changeId,
    executed_at: maybe(row.executedAt),
    executed_by: row.executedBy,
    verified_at: maybe(row.verifiedAt),
    verification_method: row.verificationMethod,
    verified_state: row.verifiedState,
    verified_state_sha256: row.verifiedSha256,
    problem: row.problem,
    attempts: row.attempts,
    exception:
      row.exceptionAskedAt === null || row.exceptionUntil === null
        ? null
        : {
            requested_by: row.exceptionBy ?? '',
            reason: row.exceptionReason ?? '',
            until: seconds(row.exceptionUntil),
            requested_at: seconds(row.exceptionAskedAt),
            approved_by: row.exceptedBy,
            approved_at: maybe(row.exceptedAt),
          },
  };
}

export function recheckView(row: RecheckRow): z.output<typeof recheckViewSchema> {
  const { itemId: item, title, place, result, reason, person, checkedAt } = row;
  return { item, title, place, result, reason, person, checked_at: maybe(checkedAt) };
}

export function signatureView(row: SignatureRow): z.output<typeof signatureSchema> {
  const { id, campaign: review, capacity, person, document, note, signedDecision } = row;
  return {
    object: 'review_signature',
    id,
    review,
    capacity,
    person,
    signed_at: seconds(row.signedAt),
    lapsed_at: maybe(row.lapsedAt),
    document,
    note,
    signed_decision: signedDecision,
  };
}
