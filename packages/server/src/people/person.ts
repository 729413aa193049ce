/** A person: the accountable owner of agents. */
import { z } from 'zod';
import { Failure } from '../errors.ts';
import { WORKSPACE_ROLES, workspaceRolesSchema } from '../identity/index.ts';
import { isTimeZone } from '../time-zone.ts';

/** Lower case, because that is how people are found; ASCII, because letters that look alike are different addresses. */
export const emailSchema = z
  .string()
  .max(254)
  .transform((text) => text.trim().toLowerCase())
  .pipe(z.email());

/** What a person may approve, and how much of each unit a call may spend; money in minor units. */
const authoritySchema = z.strictObject({
  capability: z.string().min(1).max(128).meta({ description: 'A capability, `crm.*`, or `*`.' }),
  max: z.record(z.string().max(64), z.int().min(0)).optional().meta({
    description: 'Without it, any amount. With it, every unit that a call spends must be listed.',
  }),
});

/** Ids as Slack writes them; an account is the two together. */
const slackSchema = z.strictObject({
  team: z.string().regex(/^[TE][A-Z0-9]{2,20}$/, 'is not a team id such as T012AB3CD'),
  user: z.string().regex(/^[UW][A-Z0-9]{2,20}$/, 'is not a member id such as U012AB3CD'),
});

export const groupSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/,
    'is not 1 to 64 letters, digits, dots, hyphens and underscores',
  );

export const personSchema = z
  .object({
    id: z.string(),
    object: z.literal('person'),
    email: z.string(),
    display_name: z.string(),
    label: z.string().nullable(),
    active: z.boolean(),
    time_zone: z
      .string()
      .nullable()
      .meta({ description: 'IANA name; null: that of the workspace. Records say the time of day where the owner is.' }),
    slack: slackSchema.nullable().meta({ description: 'The account with which the person decides in Slack.' }),
    groups: z.array(z.string()),
    authority: z.array(authoritySchema).nullable(),
    roles: z.array(z.enum(WORKSPACE_ROLES)).meta({ description: 'Given to the person themselves.' }),
    effective_roles: z
      .array(z.enum(WORKSPACE_ROLES))
      .meta({ description: 'With those of the groups; at a sign-in the provider may name further groups.' }),
    directory: z
      .string()
      .nullable()
      .meta({ description: 'The SCIM connection that provides the person; null for one kept by hand.' }),
    user_name: z.string().meta({ description: 'The directory’s name of the person.' }),
    external_id: z.string().nullable(),
    manager: z.string().nullable().meta({ description: 'E-mail of the manager, as the directory says.' }),
    deleted_at: z.int().nullable().meta({ description: 'When the directory deleted the person.' }),
    break_glass: z.boolean().meta({ description: 'An account for emergencies, which signs in with a passkey alone.' }),
    external: z
      .boolean()
      .meta({ description: 'Of an audit firm: an auditor while an engagement is open, and nothing else.' }),
    source: z.enum(['hand', 'sign_in', 'directory']).meta({
      description: 'Added by an administrator, by the first sign-in, or by a directory that decides about the person.',
    }),
    agents: z.int().meta({ description: 'Agents this person owns, whatever their status.' }),
    created: z.int(),
  })
  .meta({ id: 'Person' });

export type PersonView = z.output<typeof personSchema>;
export type SlackAccount = z.output<typeof slackSchema>;

const displayName = z.string().trim().max(200);
/** An IANA name such as `Europe/Berlin`. */
export const timeZoneSchema = z.string().max(64).refine(isTimeZone, 'is no time zone such as Europe/Berlin');
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
  time_zone: timeZoneSchema.nullable().optional(),
  slack: slackSchema.nullable().optional(),
  groups: z
    .array(groupSchema)
    .max(100)
    .transform((names) => [...new Set(names)].sort())
    .optional(),
  roles: workspaceRolesSchema.optional(),
  authority: z.array(authoritySchema).max(200).nullable().optional().meta({
    description: 'What the person may approve; null: anything, nothing: an empty list.',
  }),
});

export type NewPerson = z.output<typeof newPersonSchema>;
export type PersonChange = z.output<typeof personChangeSchema>;

/** What is asked for takes somebody of one's own; people of an audit firm come in by an engagement. */
export function engagementOnly(email: string): Failure {
  return new Failure(
    409,
    'engagement_only',
    `${email} is of an audit firm, and an auditor while an engagement is open; nothing else is given to them.`,
    'See the engagement with GET /v1/engagements, or name somebody of your own.',
  );
}

export function personNotFound(person: string): Failure {
  return new Failure(404, 'person_not_found', `There is no person "${person}".`, 'List people with GET /v1/people.');
}
