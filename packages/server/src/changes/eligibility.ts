/** Who may approve a change. People are compared, never keys, sessions or addresses at providers. Pure. */
import { fillPlaces, type Quorum } from '../approvals/index.ts';
import type { WorkspaceRole } from '../identity/index.ts';
import type { PersonId } from '../ids.ts';

export interface Candidate {
  readonly id: PersonId;
  readonly active: boolean;
  readonly groups: readonly string[];
  /** What the credential that decides may do, as of now. */
  readonly roles: readonly WorkspaceRole[];
}

/** Somebody may decide for somebody else now. */
interface Link {
  readonly from: PersonId;
  readonly to: PersonId;
}

export interface Approval {
  readonly id: PersonId;
  readonly groups: readonly string[];
}

/** What is known of a change when somebody is about to approve it. */
export interface Question {
  readonly quorum: Quorum;
  /** Of every edit of it; who submitted it, and whom Git names. */
  readonly authors: ReadonlySet<PersonId>;
  /** Delegations in force, of whatever they are. */
  readonly delegations: readonly Link[];
}

/** Why a person may not approve; each is the code of a refusal. */
export type Bar =
  | 'person_inactive'
  | 'approver_not_reviewer'
  | 'approver_is_author'
  | 'approver_same_person'
  | 'approver_decided_before'
  | 'approver_not_needed';

/** Undefined when the person may approve. `before`: who approved already. */
export function barOf(candidate: Candidate, question: Question, before: readonly Approval[]): Bar | undefined {
  const standing = standingBarOf(candidate, question);
  if (standing !== undefined) return standing;
  const { quorum, delegations } = question;
  if (before.some(({ id }) => id === candidate.id)) return 'approver_decided_before';
  if (before.some(({ id }) => areOne(id, candidate.id, delegations))) return 'approver_same_person';
  return fillPlaces(quorum, [...before, candidate]).places > fillPlaces(quorum, before).places
    ? undefined
    : 'approver_not_needed';
}

/** Why an approval does not count, whoever else approved. Asked again as the change is activated. */
export function standingBarOf(
  { id, active, roles }: Candidate,
  { authors, delegations }: Omit<Question, 'quorum'>,
): Bar | undefined {
  if (!active) return 'person_inactive';
  if (authors.has(id)) return 'approver_is_author';
  if ([...authors].some((author) => areOne(author, id, delegations))) return 'approver_same_person';
  return roles.includes('reviewer') ? undefined : 'approver_not_reviewer';
}

/** While one decides for the other, the two are one person. */
function areOne(one: PersonId, other: PersonId, delegations: readonly Link[]): boolean {
  return delegations.some(({ from, to }) => (from === one && to === other) || (from === other && to === one));
}
