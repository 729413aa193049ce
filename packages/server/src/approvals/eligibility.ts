/** Who may approve a held call. Pure. */
import { covers } from '@hivekey/policy';
import type { PersonId } from '../ids.ts';
import { type Approver, fillPlaces, type Quorum } from './quorum.ts';

export interface Authority {
  readonly capability: string;
  readonly max?: Readonly<Record<string, number>> | undefined;
}

export interface Candidate {
  readonly id: PersonId;
  readonly active: boolean;
  readonly groups: readonly string[];
  /** Null: no limit. */
  readonly authority: readonly Authority[] | null;
}

/** What is known of a held call when somebody is about to approve it. */
export interface Question {
  readonly quorum: Quorum;
  readonly capability: string;
  readonly impact: Readonly<Record<string, number>>;
  /** Of the agent, when it called and now. */
  readonly owners: ReadonlySet<PersonId>;
  /** Who may hold the credential of the call. */
  readonly requesters: ReadonlySet<PersonId>;
  /** Of the policy under which it was held. */
  readonly authors: ReadonlySet<PersonId>;
}

export interface Decided extends Approver {
  readonly id: PersonId;
}

/** Why a person may not approve; each is the code of a refusal. */
export type Bar =
  | 'person_inactive'
  | 'approver_decided_before'
  | 'approver_is_requester'
  | 'approver_is_owner'
  | 'approver_is_author'
  | 'approver_over_authority'
  | 'approver_not_needed';

/** Undefined when the person may approve. `before`: who approved already. */
export function barOf(person: Candidate, question: Question, before: readonly Decided[]): Bar | undefined {
  const standing = standingBarOf(person, question);
  if (standing === 'person_inactive') return standing;
  if (before.some(({ id }) => id === person.id)) return 'approver_decided_before';
  if (standing !== undefined) return standing;
  const { quorum } = question;
  return fillPlaces(quorum, [...before, person]).places > fillPlaces(quorum, before).places
    ? undefined
    : 'approver_not_needed';
}

/** Why an approval of this person does not count, whoever else approved. Asked again at the release. */
export function standingBarOf(
  person: Candidate,
  { quorum, capability, impact, owners, requesters, authors }: Question,
): Bar | undefined {
  if (!person.active) return 'person_inactive';
  if (requesters.has(person.id)) return 'approver_is_requester';
  // Beside others the owner may speak; alone, never.
  if (owners.has(person.id) && quorum.people < 2) return 'approver_is_owner';
  if (authors.has(person.id)) return 'approver_is_author';
  return hasAuthority(person, capability, impact) ? undefined : 'approver_over_authority';
}

/** An amount that is not known, or of a unit that is not listed, is over every limit. */
function hasAuthority({ authority }: Candidate, capability: string, impact: Readonly<Record<string, number>>): boolean {
  if (authority === null) return true;
  return authority.some(({ capability: pattern, max }) => {
    if (!covers(pattern, capability)) return false;
    if (max === undefined) return true;
    const spent = Object.entries(impact);
    return spent.length > 0 && spent.every(([unit, amount]) => Object.hasOwn(max, unit) && amount <= (max[unit] ?? -1));
  });
}
