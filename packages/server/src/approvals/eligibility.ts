/** Who may approve a held call, in their own name or for somebody else. Pure. */
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

/** Whose approval it would be. */
export interface Voice<Person extends Candidate = Candidate> {
  /** Who decides. */
  readonly by: Person;
  /** Whose say it is, where that is somebody else's. */
  readonly onBehalfOf?: Person | undefined;
}

/** Somebody may decide for somebody else now, about calls of this kind. */
export interface Link {
  readonly from: PersonId;
  readonly to: PersonId;
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
  /** Delegations in force. */
  readonly delegations: readonly Link[];
}

export interface Decided extends Approver {
  readonly id: PersonId;
  readonly onBehalfOf?: PersonId | undefined;
}

/** Why a person may not approve; each is the code of a refusal. */
export type Bar =
  | 'person_inactive'
  | 'approver_decided_before'
  | 'approver_same_person'
  | 'approver_without_delegation'
  | 'approver_is_requester'
  | 'approver_is_owner'
  | 'approver_is_author'
  | 'approver_over_authority'
  | 'approver_not_needed';

/** Undefined when the person may approve. `before`: who approved already. */
export function barOf(voice: Voice, question: Question, before: readonly Decided[]): Bar | undefined {
  const standing = standingBarOf(voice, question);
  if (standing === 'person_inactive' || standing === 'approver_without_delegation') return standing;
  const twice = repeatBarOf(voice, question.delegations, before);
  if (twice !== undefined || standing !== undefined) return twice ?? standing;
  const { quorum } = question;
  return fillPlaces(quorum, [...before, { groups: groupsOf(voice) }]).places > fillPlaces(quorum, before).places
    ? undefined
    : 'approver_not_needed';
}

/** What the approval speaks for: a delegate brings the groups of whom it is for, and none of their own. */
export function groupsOf({ by, onBehalfOf }: Voice): readonly string[] {
  return (onBehalfOf ?? by).groups;
}

/**
 * Why an approval with this voice does not count, whoever else approved. Asked again at the release. Each of the two
 * people of a delegation must be free to approve by themselves; only the groups are those of one alone.
 */
export function standingBarOf(
  { by, onBehalfOf }: Voice,
  { quorum, capability, impact, owners, requesters, authors, delegations }: Question,
): Bar | undefined {
  const both = onBehalfOf === undefined ? [by] : [by, onBehalfOf];
  if (!both.every(({ active }) => active)) return 'person_inactive';
  if (onBehalfOf !== undefined && !delegations.some(({ from, to }) => from === onBehalfOf.id && to === by.id))
    return 'approver_without_delegation';
  if (both.some(({ id }) => requesters.has(id))) return 'approver_is_requester';
  // Beside others the owner may speak; alone, never.
  if (quorum.people < 2 && both.some(({ id }) => owners.has(id))) return 'approver_is_owner';
  if (both.some(({ id }) => authors.has(id))) return 'approver_is_author';
  return both.every((person) => hasAuthority(person, capability, impact)) ? undefined : 'approver_over_authority';
}

/** Everybody counts once, on either side; and who decides for whom counts as one with them meanwhile. */
function repeatBarOf(
  { by, onBehalfOf }: Voice,
  delegations: readonly Link[],
  before: readonly Decided[],
): 'approver_decided_before' | 'approver_same_person' | undefined {
  if (before.some(({ id }) => id === by.id)) return 'approver_decided_before';
  const asking = onBehalfOf === undefined ? [by.id] : [by.id, onBehalfOf.id];
  const heard = new Set(before.flatMap(({ id, onBehalfOf: other }) => (other === undefined ? [id] : [id, other])));
  const isOne = asking.some(
    (id) =>
      heard.has(id) ||
      delegations.some(({ from, to }) => (from === id && heard.has(to)) || (to === id && heard.has(from))),
  );
  return isOne ? 'approver_same_person' : undefined;
}

/** An amount that is not known, or of a unit that is not listed, is over every limit. */
export function hasAuthority(
  { authority }: Pick<Candidate, 'authority'>,
  capability: string,
  impact: Readonly<Record<string, number>>,
): boolean {
  if (authority === null) return true;
  return authority.some(({ capability: pattern, max }) => {
    if (!covers(pattern, capability)) return false;
    if (max === undefined) return true;
    const spent = Object.entries(impact);
    return spent.length > 0 && spent.every(([unit, amount]) => Object.hasOwn(max, unit) && amount <= (max[unit] ?? -1));
  });
}
