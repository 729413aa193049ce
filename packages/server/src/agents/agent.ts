/** An agent as the API shows it, and what is taken from callers. */
import { z } from 'zod';
import { Failure } from '../errors.ts';
import { emailSchema, groupSchema } from '../people/index.ts';
import { type Attributes, attributesSchema, attributesView } from './attributes.ts';
import { handleSchema } from './handle.ts';

/** What of it somebody should look at. */
export const ATTENTION = ['dormant', 'never_used', 'expiring', 'expired', 'no_credential', 'orphan'] as const;

export const agentSchema = z
  .object({
    id: z.string(),
    object: z.literal('agent'),
    name: z.string(),
    role: z.string().meta({ description: 'The first of roles.' }),
    roles: z.array(z.string()),
    owner: z.string(),
    owner_label: z.string().optional(),
    deputies: z.array(z.string()).meta({ description: 'Who stands in for the owner: e-mails of people, and groups.' }),
    status: z.enum(['active', 'suspended', 'revoked']),
    description: z.string(),
    metadata: z.record(z.string(), z.string()),
    risk_tier: z.enum(['low', 'medium', 'high', 'critical']).nullable(),
    admission: z
      .object({
        request: z.string(),
        requested_by: z.string(),
        requested_at: z.int(),
        approved_by: z.string(),
        approved_at: z.int(),
      })
      .nullable()
      .meta({ description: 'Who asked for it and who let it in. Null: it was created directly.' }),
    first_credential_at: z.int().nullable(),
    first_action_at: z
      .int()
      .nullable()
      .meta({ description: 'Its first action after its first credential, a little after it is on the log.' }),
    valid_until: z.int().nullable().meta({ description: 'From then on it does nothing. Null: no end is set.' }),
    dormant_since: z.int().nullable(),
    version: z.int().meta({ description: 'Of what it is made of; 0: nothing was declared.' }),
    attributes: attributesView.meta({ description: 'What it is made of, as declared.' }),
    attention: z.array(z.enum(ATTENTION)),
    created: z.int(),
    created_by: z.string(),
    last_action_at: z.int().nullable(),
    stopped_reason: z.string().nullable(),
    quarantine: z
      .object({
        id: z.string(),
        role: z.string().nullable(),
        reason: z.string(),
        since: z.int(),
        until: z.int().nullable(),
      })
      .nullable()
      .meta({ description: 'It reads on and does nothing else until this ends; `roles` are what it wears then.' }),
  })
  .meta({ id: 'Agent' });

export type AgentView = z.output<typeof agentSchema>;

/** Before and after of a change stand on one record, which has at most 64 KiB. */
const MAX_METADATA_BYTES = 8192;
const MAX_ROLES = 32;
const roleName = z.string().min(1).max(128);
const roles = z
  .array(roleName)
  .min(1)
  .max(MAX_ROLES)
  .refine((names) => new Set(names).size === names.length, 'names a role twice');
const metadata = z
  .record(z.string().min(1).max(64), z.string().max(500))
  .refine(
    (tags) => Buffer.byteLength(JSON.stringify(tags)) <= MAX_METADATA_BYTES,
    `is larger than ${MAX_METADATA_BYTES} bytes`,
  );
const description = z.string().max(2000);

export function isOneWay({ role, roles }: { role?: string | undefined; roles?: string[] | undefined }): boolean {
  return role === undefined || roles === undefined || role === roles[0];
}
export const ONE_WAY = { error: 'role is not the first of roles', path: ['role'] };

export function withRoles<Input extends { role?: string | undefined; roles?: string[] | undefined }>({
  role,
  roles,
  ...rest
}: Input): Omit<Input, 'role' | 'roles'> & { roles?: string[] } {
  const names = roles ?? (role === undefined ? undefined : [role]);
  return names === undefined ? rest : { ...rest, roles: names };
}

const riskTier = z.enum(['low', 'medium', 'high', 'critical']);
/** Epoch seconds, as far as PostgreSQL's own times and JavaScript's agree. */
const validUntil = z.int().min(0).max(253_402_300_799).meta({ description: 'From then on it does nothing.' });
const deputies = z
  .array(z.union([emailSchema, groupSchema]))
  .max(100)
  .transform((names) => [...new Set(names)].sort());

/** Of an agent that is created, or asked for. */
export const newAgentFields = {
  name: handleSchema,
  role: roleName.optional(),
  roles: roles.optional(),
  owner: emailSchema,
  deputies: deputies.optional().meta({ description: 'Who stands in for the owner: e-mails of people, and groups.' }),
  description: description.default(''),
  metadata: metadata.default({}),
  risk_tier: riskTier.optional(),
  valid_until: validUntil.optional(),
  attributes: attributesSchema.optional(),
};

export const newAgentSchema = z
  .strictObject(newAgentFields)
  .refine(isOneWay, ONE_WAY)
  .refine(({ role, roles }) => role !== undefined || roles !== undefined, { error: 'is missing', path: ['role'] });

export const agentChangeSchema = z
  .strictObject({
    role: roleName.optional(),
    roles: roles.optional(),
    owner: emailSchema.optional(),
    description: description.optional(),
    metadata: metadata.optional(),
    risk_tier: riskTier.nullable().optional(),
    valid_until: validUntil
      .nullable()
      .optional()
      .meta({ description: 'A later end, or none, is set by a person who is not the owner.' }),
    attributes: attributesSchema.optional().meta({ description: 'All of them: what is absent here is gone.' }),
  })
  .refine(isOneWay, ONE_WAY);

export interface NewAgent {
  readonly name: string;
  readonly roles: readonly string[];
  readonly owner: string;
  /** E-mails of people, and groups. */
  readonly deputies?: readonly string[] | undefined;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly risk_tier?: AgentView['risk_tier'] | undefined;
  /** Epoch seconds. */
  readonly valid_until?: number | undefined;
  readonly attributes?: Attributes | undefined;
}

/** How an agent came about that somebody asked for and somebody else let in. */
export interface Admission {
  readonly requestId: string;
  readonly requestedBy: string;
  readonly requestedAt: Date;
  /** Also when it is created. */
  readonly approvedAt: Date;
}

export interface AgentChange {
  readonly roles?: readonly string[];
  readonly owner?: string | undefined;
  readonly description?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly risk_tier?: AgentView['risk_tier'] | undefined;
  readonly valid_until?: number | null | undefined;
  readonly attributes?: Attributes | undefined;
}

export function newAgentOf(body: z.output<typeof newAgentSchema>): NewAgent {
  return { ...body, roles: withRoles(body).roles ?? [] };
}

export function agentChangeOf(body: z.output<typeof agentChangeSchema>): AgentChange {
  return withRoles(body);
}

export function agentNotFound(agent: string): Failure {
  return new Failure(404, 'agent_not_found', `There is no agent "${agent}".`, 'List agents with GET /v1/agents.');
}
