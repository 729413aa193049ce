/** Which calls are decided together. Pure; the server holds to the same. */
import type { Approval, FullApproval } from '../../api/types.ts';

/** As many as a person can have read. */
export const MOST_AT_ONCE = 20;

/** Why a call cannot be chosen beside those that are; undefined when it can. */
export function bulkBar(approval: Approval, chosen: readonly Approval[]): string | undefined {
  if (approval.requirement.people > 1) return `takes ${approval.requirement.people} people`;
  if (approval.destructive === true) return 'is destructive';
  if (chosen.some(({ id }) => id === approval.id)) return undefined;
  const [first] = chosen;
  if (first !== undefined && (first.agent_id !== approval.agent_id || first.action !== approval.action))
    return 'is of another agent or capability';
  return chosen.length >= MOST_AT_ONCE ? `is one more than ${MOST_AT_ONCE}` : undefined;
}

/** `1 takes 2 people, 3 are of …`: how many of the calls are left out, by reason. */
export function leftOutWords(approvals: readonly Approval[], chosen: readonly Approval[]): string | undefined {
  const reasons = new Map<string, number>();
  for (const approval of approvals) {
    const bar = bulkBar(approval, chosen);
    if (bar !== undefined) reasons.set(bar, (reasons.get(bar) ?? 0) + 1);
  }
  if (reasons.size === 0) return undefined;
  return [...reasons].map(([reason, number]) => `${number} ${number === 1 ? reason : inPlural(reason)}`).join(', ');
}

function inPlural(reason: string): string {
  return reason
    .replace(/^takes /, 'take ')
    .replace(/^is one more than/, 'are more than')
    .replace(/^is /, 'are ');
}

/** Whose say can be used for all of these, one's own (undefined) first. */
export function namesFor(approvals: readonly FullApproval[]): readonly (string | undefined)[] {
  const others = new Set(approvals.flatMap(({ you }) => you.on_behalf_of.map(({ person }) => person)));
  return [undefined, ...others];
}

/** Why one may not approve it with this say; undefined when one may. */
export function barWith({ you }: FullApproval, onBehalfOf: string | undefined): string | undefined {
  const hat = onBehalfOf === undefined ? you : you.on_behalf_of.find(({ person }) => person === onBehalfOf);
  if (hat === undefined) return 'approver_without_delegation';
  return hat.may ? undefined : (hat.why_not ?? 'approval_pending');
}
