/** What was known of a campaign before an instant, of what is known now: nothing is ever deleted, so that it can be told. Pure. */
import type { RecheckRow, Standing } from './gates.ts';
import { outcomeOf } from './outcome.ts';
import type { CampaignRow, ItemRow, RemediationRow } from './rows.ts';

export function campaignBefore(campaign: CampaignRow, end: Date): CampaignRow {
  const { closedAt, closedBy, voidedAt, voidedBy, voidReason, missedAt, recheckAt, recheckSeed } = campaign;
  const isVoided = voidedAt !== null && voidedAt < end;
  const isClosed = closedAt !== null && closedAt < end;
  const isDrawn = recheckAt !== null && recheckAt < end;
  return {
    ...campaign,
    status: isVoided ? 'voided' : isClosed ? 'closed' : 'running',
    closedAt: isClosed ? closedAt : null,
    closedBy: isClosed ? closedBy : null,
    voidedAt: isVoided ? voidedAt : null,
    voidedBy: isVoided ? voidedBy : null,
    voidReason: isVoided ? voidReason : null,
    missedAt: before(missedAt, end),
    recheckAt: isDrawn ? recheckAt : null,
    recheckSeed: isDrawn ? recheckSeed : null,
  };
}

export function standingBefore({ items, remediations, rechecks, signatures }: Standing, end: Date): Standing {
  return {
    items: items.map((item) => itemBefore(item, end)),
    remediations: remediations.filter(({ openedAt }) => openedAt < end).map((each) => remediationBefore(each, end)),
    rechecks: rechecks.map((each) => recheckBefore(each, end)),
    signatures: signatures
      .filter(({ signedAt }) => signedAt < end)
      .map((each) => ({ ...each, lapsedAt: before(each.lapsedAt, end) })),
  };
}

function itemBefore(item: ItemRow, end: Date): ItemRow {
  const assignments = item.assignments
    .filter(({ assignedAt }) => assignedAt < end)
    .map((each) => ({
      ...each,
      firstOpenedAt: before(each.firstOpenedAt, end),
      lastOpenedAt: before(each.lastOpenedAt, end),
      endedAt: before(each.endedAt, end),
    }));
  const decisions = item.decisions
    .filter(({ decidedAt }) => decidedAt < end)
    .map((each) => ({
      ...each,
      submittedAt: before(each.submittedAt, end),
      supersededAt: before(each.supersededAt, end),
    }));
  const outcome = outcomeOf({ assignments, decisions });
  const decision = outcome?.decision === 'escalate' ? undefined : outcome?.decision;
  const isMissed = item.missedAt !== null && item.missedAt < end;
  return {
    ...item,
    assignments,
    decisions,
    decision: decision ?? null,
    decidedAt: decision === undefined ? null : (outcome?.submittedAt ?? null),
    missedAt: isMissed ? item.missedAt : null,
    missedAct: isMissed ? item.missedAct : null,
  };
}

function remediationBefore(row: RemediationRow, end: Date): RemediationRow {
  const isVerified = row.verifiedAt !== null && row.verifiedAt < end;
  const isExcepted = row.exceptedAt !== null && row.exceptedAt < end;
  const isExecuted = row.executedAt !== null && row.executedAt < end;
  return {
    ...row,
    suspendedAt: before(row.suspendedAt, end),
    executedAt: isExecuted ? row.executedAt : null,
    executedBy: isExecuted ? row.executedBy : null,
    verifiedAt: isVerified ? row.verifiedAt : null,
    verificationMethod: isVerified ? row.verificationMethod : null,
    verifiedState: isVerified ? row.verifiedState : null,
    verifiedSha256: isVerified ? row.verifiedSha256 : null,
    exceptedAt: isExcepted ? row.exceptedAt : null,
    exceptedBy: isExcepted ? row.exceptedBy : null,
  };
}

function recheckBefore(row: RecheckRow, end: Date): RecheckRow {
  if (row.checkedAt === null || row.checkedAt < end) return row;
  return { ...row, result: null, reason: null, personId: null, person: null, checkedAt: null };
}

function before(at: Date | null, end: Date): Date | null {
  return at !== null && at < end ? at : null;
}
