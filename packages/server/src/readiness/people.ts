/** Whoever says something about a control is a person who is there. */
import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance } from '../identity/index.ts';
import type { PersonId } from '../ids.ts';
import { readPerson } from '../people/index.ts';

/** Throws `person_required`, `person_inactive`, and what takes a sign-in or a step-up. */
export async function personOf(
  client: ClientBase,
  who: Administrator,
  now: Date,
): Promise<{ readonly id: PersonId; readonly email: string }> {
  const { workspaceId, person } = who;
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'This takes a person, and this key belongs to none.',
      'Use a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  const { active } = await readPerson(client, workspaceId, person.id);
  if (!active) throw new Failure(403, 'person_inactive', `${person.email} is not active.`, 'Have somebody else do it.');
  await checkAssurance(client, who, 'sign_off', now);
  return person;
}
