/** What somebody answers for by name is done by a person who is there, and who has proven it as that takes. */
import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { PersonId } from '../ids.ts';
import { readPerson } from '../people/index.ts';
import { checkAssurance } from './assurance.ts';

/** Throws `person_required`, `person_inactive`, and what takes a sign-in or a step-up. */
export async function signingPerson(
  client: ClientBase,
  who: Administrator,
  duty: Parameters<typeof checkAssurance>[2],
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
  await checkAssurance(client, who, duty, now);
  return person;
}
