/** Who could approve a held call, in their own name or for somebody else. */
import type { ClientBase, Pool } from 'pg';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { type Bar, barOf, type Decided, type Voice } from './eligibility.ts';
import { type Asked, type Person, peopleOf, peopleWithCredentials } from './question.ts';

const MAX_PEOPLE = 200;

export interface Decider extends Voice<Person> {
  /** Undefined when an approval would count. */
  readonly bar: Bar | undefined;
}

/** Everybody who could decide at all, by e-mail; after their own name, those for whom they may. */
export async function decidersOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  question: Asked,
  before: readonly Decided[],
): Promise<readonly Decider[]> {
  const people = await peopleWithCredentials(client, workspaceId, MAX_PEOPLE);
  return voices(client, workspaceId, people, question, before);
}

/** Of one person; empty when there is none of that id. */
export async function decidersFor(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: PersonId,
  question: Asked,
  before: readonly Decided[],
): Promise<readonly Decider[]> {
  const people = await peopleOf(client, workspaceId, [id]);
  return voices(client, workspaceId, [...people.values()], question, before);
}

async function voices(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  people: readonly Person[],
  question: Asked,
  before: readonly Decided[],
): Promise<readonly Decider[]> {
  const { delegations } = question;
  const others = await peopleOf(client, workspaceId, [...new Set(delegations.map(({ from }) => from))]);
  return people
    .flatMap((by): Voice<Person>[] => [
      { by },
      ...delegations.flatMap(({ from, to }) => {
        const onBehalfOf = to === by.id ? others.get(from) : undefined;
        return onBehalfOf === undefined ? [] : [{ by, onBehalfOf }];
      }),
    ])
    .map((voice) => ({ ...voice, bar: barOf(voice, question, before) }));
}
