/** A person: the accountable owner of agents. */
import { z } from 'zod';
import { Failure } from '../errors.ts';

/** Lower case, because that is how people are found; ASCII, because letters that look alike are different addresses. */
export const emailSchema = z
  .string()
  .max(254)
  .transform((text) => text.trim().toLowerCase())
  .pipe(z.email());

export const personSchema = z
  .object({
    id: z.string(),
    object: z.literal('person'),
    email: z.string(),
    display_name: z.string(),
    label: z.string().nullable(),
    active: z.boolean(),
    agents: z.int().meta({ description: 'Agents this person owns, whatever their status.' }),
    created: z.int(),
  })
  .meta({ id: 'Person' });

export type PersonView = z.output<typeof personSchema>;

const displayName = z.string().trim().max(200);
const label = z.string().trim().min(1).max(100).nullable();

export const newPersonSchema = z.strictObject({
  email: emailSchema,
  display_name: displayName.default(''),
  label: label.default(null),
});

export const personChangeSchema = z.strictObject({
  display_name: displayName.optional(),
  label: label.optional(),
  active: z.boolean().optional(),
});

export type NewPerson = z.output<typeof newPersonSchema>;
export type PersonChange = z.output<typeof personChangeSchema>;

export function personNotFound(person: string): Failure {
  return new Failure(404, 'person_not_found', `There is no person "${person}".`, 'List people with GET /v1/people.');
}
