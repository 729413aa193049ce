/**
 * Who reviews what. Pure. Nobody reviews what they have a part in, whatever map, directory and chain say: candidates are named
 * in an order, and each is asked the same question before they are taken.
 */
import { covers } from '@hivekey/policy';
import type { PersonId } from '../ids.ts';
import type { ReviewPolicy } from './policy.ts';
import type { Part, Subject } from './subjects.ts';

export interface KnownPerson {
  readonly id: PersonId;
  readonly email: string;
  readonly active: boolean;
  readonly breakGlass: boolean;
  /** Only looks, or is of a firm that audits: decides nothing. */
  readonly auditor: boolean;
  /** May let agents in, or administer. */
  readonly reviewer: boolean;
  readonly managerId: PersonId | null;
  readonly groups: readonly string[];
  readonly team: string | null;
}

/** Everybody, and whose the admin keys are by their names in the log. */
export interface Directory {
  readonly people: ReadonlyMap<PersonId, KnownPerson>;
  readonly byEmail: ReadonlyMap<string, KnownPerson>;
  readonly keyHolders: ReadonlyMap<string, readonly PersonId[]>;
}

export type Basis = 'manager' | 'role owner' | 'data owner' | 'fallback';

export interface Assigned {
  readonly personId: PersonId;
  readonly basis: Basis;
  /** What the chain came to, in words. */
  readonly note: string;
}

/** Person → in what they have a part. */
export type Barred = ReadonlyMap<PersonId, string>;

const KEY = /^key:(.*)$/s;
const BY_EMAIL = /^(?:person|slack):(.*)$/s;

/** The people behind an actor of the log or an id; nobody for `system`, a directory, or somebody who is not known. */
export function peopleBehind({ people, byEmail, keyHolders }: Directory, by: string): readonly PersonId[] {
  const named = people.get(by as PersonId);
  if (named !== undefined) return [named.id];
  const key = KEY.exec(by)?.[1];
  if (key !== undefined) return keyHolders.get(key) ?? [];
  const person = byEmail.get((BY_EMAIL.exec(by)?.[1] ?? by).toLowerCase());
  return person === undefined ? [] : [person.id];
}

export function barredFrom(directory: Directory, parts: readonly Part[]): Barred {
  const barred = new Map<PersonId, string>();
  for (const { by, as } of parts) for (const id of peopleBehind(directory, by)) if (!barred.has(id)) barred.set(id, as);
  return barred;
}

/** Why somebody may not review it; undefined: they may. */
export function barOf(person: KnownPerson | undefined, barred: Barred): string | undefined {
  if (person === undefined) return 'nobody here';
  const part = barred.get(person.id);
  if (part !== undefined) return part;
  if (!person.active) return 'not active';
  if (person.breakGlass) return 'an account for emergencies';
  return person.auditor ? 'an auditor' : undefined;
}

export interface Question {
  readonly subject: Pick<Subject, 'type' | 'role' | 'capabilities'> & {
    readonly agent: { readonly ownerId: PersonId } | null;
  };
  readonly privileged: boolean;
  readonly barred: Barred;
  readonly policy: Pick<ReviewPolicy, 'reviewers' | 'superior'>;
  /** Of the campaign. */
  readonly ownerId: PersonId;
}

/**
 * The reviewers of an item: one by its type, and for what is privileged whoever owns the data, too. Empty: there is nobody,
 * not even above the owner of the campaign.
 */
export function assignReviewers(directory: Directory, question: Question): readonly Assigned[] {
  const { barred } = question;
  const take = (candidates: Iterable<Candidate>): Assigned | undefined => {
    for (const { person, basis, note } of candidates)
      if (person !== undefined && barOf(person, barred) === undefined) return { personId: person.id, basis, note };
    return undefined;
  };
  const first = take([...byType(directory, question), ...chain(directory, question)]);
  if (first === undefined) return [];
  if (!question.privileged) return [first];
  const data = take(dataOwners(directory, question));
  return data === undefined || data.personId === first.personId ? [first] : [first, data];
}

/** Where it goes next: somebody of the chain who is none of these. */
export function escalationOf(
  directory: Directory,
  question: Question,
  not: ReadonlySet<PersonId>,
): Assigned | undefined {
  for (const { person, basis, note } of [...ownerOf(directory, question), ...chain(directory, question)])
    if (person !== undefined && !not.has(person.id) && barOf(person, question.barred) === undefined)
      return { personId: person.id, basis, note };
  return undefined;
}

interface Candidate {
  readonly person: KnownPerson | undefined;
  readonly basis: Basis;
  readonly note: string;
}

function named(directory: Directory, email: string): KnownPerson | undefined {
  return directory.byEmail.get(email.toLowerCase());
}

function byType(directory: Directory, question: Question): Candidate[] {
  const { subject, policy } = question;
  const roleOwner = policy.reviewers.role_owners
    .filter(({ role }) => role === subject.role)
    .map(
      ({ reviewer }): Candidate => ({
        person: named(directory, reviewer),
        basis: 'role owner',
        note: `owns the role ${subject.role}`,
      }),
    );
  if (subject.type === 'role') return roleOwner;
  const owner = subject.agent === null ? undefined : directory.people.get(subject.agent.ownerId);
  return owner === undefined ? roleOwner : [...managersOf(directory, question, owner), ...roleOwner];
}

/** The map goes before the directory: it was written for reviews. */
function managersOf(directory: Directory, { policy }: Question, owner: KnownPerson): Candidate[] {
  const mapped = policy.reviewers.managers
    .filter(({ of }) => {
      if ('person' in of) return of.person.toLowerCase() === owner.email;
      return 'group' in of ? owner.groups.includes(of.group) : of.team === owner.team;
    })
    // The closer rule first.
    .toSorted((a, b) => closeness(a.of) - closeness(b.of))
    .map(
      ({ reviewer }): Candidate => ({
        person: named(directory, reviewer),
        basis: 'manager',
        note: `manager of ${owner.email}, by the reviewer map`,
      }),
    );
  const manager = owner.managerId === null ? undefined : directory.people.get(owner.managerId);
  return [...mapped, { person: manager, basis: 'manager', note: `manager of ${owner.email}, as the directory says` }];
}

function closeness(of: ReviewPolicy['reviewers']['managers'][number]['of']): number {
  if ('person' in of) return 0;
  return 'team' in of ? 1 : 2;
}

function dataOwners(directory: Directory, { subject: { capabilities }, policy }: Question): Candidate[] {
  return policy.reviewers.data_owners
    .filter(({ capabilities: pattern }) => capabilities.some((each) => covers(pattern, each)))
    .map(({ capabilities: pattern, reviewer }) => ({
      person: named(directory, reviewer),
      basis: 'data owner',
      note: `owns the data of ${pattern}`,
    }));
}

/** Named fallbacks, then whoever may let agents in, then the owner of the campaign, and last who stands above them. */
function chain(directory: Directory, question: Question): Candidate[] {
  const fallbacks = question.policy.reviewers.fallbacks.map(
    (email): Candidate => ({ person: named(directory, email), basis: 'fallback', note: 'named as a fallback' }),
  );
  const reviewers = [...directory.people.values()]
    .filter(({ reviewer }) => reviewer)
    .toSorted((a, b) => (a.email < b.email ? -1 : 1))
    .map((person): Candidate => ({ person, basis: 'fallback', note: 'a reviewer of the workspace' }));
  return [...fallbacks, ...reviewers, ...ownerOf(directory, question)];
}

function ownerOf(directory: Directory, { policy, ownerId }: Question): Candidate[] {
  const owner = directory.people.get(ownerId);
  const above =
    policy.superior === null
      ? owner?.managerId == null
        ? undefined
        : directory.people.get(owner.managerId)
      : named(directory, policy.superior);
  return [
    { person: owner, basis: 'fallback', note: 'owner of the campaign' },
    { person: above, basis: 'fallback', note: 'nobody else is left: the superior of the owner of the campaign' },
  ];
}
