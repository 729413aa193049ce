/** A request for an agent, as the API shows it, and what is taken from callers. */
import { z } from 'zod';
import { attributesView, isOneWay, newAgentFields, ONE_WAY, withRoles } from '../agents/index.ts';
import { Failure } from '../errors.ts';
import type { AgentId, PersonId } from '../ids.ts';

export const REQUEST_STATUSES = ['requested', 'approved', 'denied', 'withdrawn', 'expired'] as const;
const REQUEST_SOURCES = ['api', 'cli', 'console', 'scim'] as const;
export type RequestStatus = (typeof REQUEST_STATUSES)[number];
export type RequestSource = (typeof REQUEST_SOURCES)[number];

const reason = z.string().trim().max(2000);

export const newRequestSchema = z
  .strictObject({ ...newAgentFields, reason: reason.min(1).meta({ description: 'What the agent is for.' }) })
  .refine(isOneWay, ONE_WAY);

/** What is to be made, once somebody else agrees. */
export type Wanted = Omit<z.output<typeof newRequestSchema>, 'role' | 'roles' | 'reason'> & {
  readonly roles: readonly string[];
};

export interface NewRequest {
  readonly wanted: Wanted;
  readonly reason: string;
  readonly source: RequestSource;
}

export function newRequestOf(body: z.output<typeof newRequestSchema>, source: RequestSource): NewRequest {
  const { reason, ...rest } = withRoles(body);
  return { wanted: { ...rest, roles: rest.roles ?? [] }, reason, source };
}

export const requestDecisionSchema = z.strictObject({
  reason: z.string().trim().max(500).default(''),
});

export const requestSchema = z
  .object({
    id: z.string(),
    object: z.literal('agent_request'),
    status: z.enum(REQUEST_STATUSES),
    name: z.string(),
    owner: z.string(),
    roles: z.array(z.string()),
    deputies: z.array(z.string()),
    description: z.string(),
    metadata: z.record(z.string(), z.string()),
    risk_tier: z.enum(['low', 'medium', 'high', 'critical']).nullable(),
    valid_until: z.int().nullable(),
    attributes: attributesView,
    reason: z.string(),
    source: z.enum(REQUEST_SOURCES),
    requested_by: z.string(),
    requested_at: z.int(),
    expires_at: z.int(),
    decided_by: z.string().nullable(),
    decided_at: z.int().nullable(),
    decision_reason: z.string().nullable(),
    agent_id: z.string().nullable(),
  })
  .meta({ id: 'AgentRequest' });

type RequestView = z.output<typeof requestSchema>;

export interface AgentRequest extends RequestView {
  readonly agent_id: AgentId | null;
  readonly wanted: Wanted;
  readonly requestedById: PersonId | null;
  readonly credentialId: string;
  readonly requestedUs: number;
  /** False: its time is over, which was not written down yet. */
  readonly isMarked: boolean;
}

export function requestNotFound(id: string): Failure {
  return new Failure(
    404,
    'agent_request_not_found',
    `There is no request "${id}".`,
    'List them with GET /v1/agent-requests.',
  );
}
