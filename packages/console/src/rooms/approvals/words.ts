/** States, refusals and ends of approvals in words. Pure. */
import type { Approval, ApprovalStatus } from '../../api/types.ts';
import { plural } from '../../ui/format.ts';

const STATES: Partial<Record<ApprovalStatus, string>> = { pending: 'waiting', released: 'running' };

/** As the console names it. */
export function stateOf(status: ApprovalStatus): string {
  return STATES[status] ?? status;
}

/** `1 of 2`, of the people that it takes. */
export function peopleWords({ requirement, missing }: Approval): string {
  return `${requirement.people - missing.people} of ${requirement.people}`;
}

/** `1 more person, one of finance`. */
export function missingWords({ missing }: Approval): string {
  const groups = missing.groups.map((group) => `one of ${group}`);
  return [plural(missing.people, 'more person', 'more people'), ...groups].join(', ');
}

const BARS: Readonly<Record<string, string>> = {
  person_inactive: 'is not active',
  approver_decided_before: 'has decided already, and each person counts once',
  approver_same_person: 'counts as one person with somebody who decided already',
  approver_without_delegation: 'has no delegation for calls of this kind now',
  approver_is_requester: 'had the token of the call made, and may hold it',
  approver_is_owner: 'owns the agent, and the owner alone does not approve',
  approver_is_author: 'wrote the policy under which the call was held',
  approver_over_authority: 'has no authority for a call of this kind or amount',
  approver_not_needed: 'fills none of the places that are open',
};

/** Why a person may not approve, as the end of a sentence that begins with the person. */
export function barWords(code: string | null): string {
  return code === null ? '' : (BARS[code] ?? code);
}

/** `dana@acme.example for lee@acme.example`. */
export function whoWords(person: string, onBehalfOf: string | null): string {
  return onBehalfOf === null ? person : `${person} for ${onBehalfOf}`;
}

const DIFFERENCES: Readonly<Record<string, string>> = {
  policy_changed: 'the policy that applies to the agent changed',
  definition_changed: 'the definition of the tool changed',
  target_changed: 'the address, settings or credential of the server changed',
  owner_changed: 'the owner of the agent changed',
  denied_now: 'the decision is now a denial',
  requirement_changed: 'the decision now asks for other people',
  approver_changed: 'somebody who approved could not approve it now',
};

/** What became of it, or what it waits for. */
export function outcomeWords(approval: Approval): string {
  const { status, outcome, error_code, stop_code, ended_reason } = approval;
  const why = ended_reason === null || ended_reason === '' ? '' : ` (${ended_reason})`;
  switch (status) {
    case 'pending':
      return `Nothing was sent. It waits for ${missingWords(approval)}.`;
    case 'approved':
      return 'Approved. It runs, once, when its client is there to take the result.';
    case 'released':
      return 'It was sent, once, and its outcome is awaited.';
    case 'finished':
      return `It ran once: ${outcome === 'not_attempted' ? 'not attempted' : (outcome ?? 'no outcome')}${error_code === null ? '' : `, ${error_code}`}.`;
    case 'unknown':
      return 'It was sent once, and what became of it is not known. Nothing is sent again: look at the upstream, then have the agent ask anew.';
    case 'denied':
      return `Denied${why}. It never ran.`;
    case 'expired':
      return 'Nobody answered in time, or its client did not come back. It never ran.';
    case 'cancelled':
      return `Withdrawn${why}. It never ran.`;
    case 'stopped':
      return `It was approved and did not run: ${DIFFERENCES[stop_code ?? ''] ?? stop_code ?? 'something changed'}${why}.`;
  }
}
