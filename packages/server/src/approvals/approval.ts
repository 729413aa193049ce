/** Approvals as the API shows them. */
import { z } from 'zod';
import { fillPlaces } from './quorum.ts';
import type { ApprovalRow, DecisionRow } from './rows.ts';

export const STATUSES = [
  'pending',
  'approved',
  'released',
  'finished',
  'unknown',
  'denied',
  'expired',
  'cancelled',
  'stopped',
] as const;

const decisionEntrySchema = z
  .object({
    person: z.string(),
    decision: z.enum(['approve', 'deny']),
    reason: z.string(),
    on_behalf_of: z.string().nullable().meta({ description: 'Whose say it was, where a delegate decided.' }),
    groups: z.array(z.string()).meta({ description: 'Of whose say it was, when it was decided.' }),
    key: z.string(),
    key_id: z.string(),
    channel: z.enum(['api', 'cli', 'console', 'slack']),
    authenticated_at: z.int(),
    decided_at: z.int(),
    bulk: z.int().nullable().meta({ description: 'How many were decided in one move; null: this one alone.' }),
    event_id: z.string(),
  })
  .meta({ id: 'ApprovalDecision' });

export const approvalSchema = z
  .object({
    id: z.string(),
    object: z.literal('approval'),
    status: z.enum(STATUSES),
    agent: z.string(),
    agent_id: z.string(),
    owner: z.string(),
    entrance: z.string(),
    action: z.string(),
    tool: z.string(),
    namespace: z.string().nullable(),
    access: z.enum(['read', 'write']).nullable(),
    destructive: z.boolean().nullable(),
    impact: z.record(z.string(), z.number()),
    reason: z.string(),
    rule: z.string().nullable(),
    requirement: z.object({ people: z.int(), groups: z.array(z.string()) }),
    missing: z
      .object({ people: z.int(), groups: z.array(z.string()) })
      .meta({ description: 'Who must still approve.' }),
    decisions: z.array(decisionEntrySchema),
    hash: z.string(),
    event_id: z.string().meta({ description: 'The record of the held call.' }),
    requested_at: z.int(),
    expires_at: z.int(),
    decided_at: z.int().nullable(),
    released_at: z.int().nullable(),
    call_event_id: z.string().nullable().meta({ description: 'The record of the call that was released.' }),
    outcome: z.enum(['success', 'error', 'unknown', 'not_attempted']).nullable(),
    error_code: z.string().nullable(),
    stop_code: z.string().nullable(),
    ended_reason: z.string().nullable(),
    ended_at: z.int().nullable(),
  })
  .meta({ id: 'Approval' });

export const fullApprovalSchema = approvalSchema
  .extend({
    view: z.record(z.string(), z.unknown()).meta({ description: 'What deciders are shown, with all arguments.' }),
    binding: z.record(z.string(), z.unknown()).meta({ description: '`hash` is over its RFC 8785 form.' }),
    deciders: z
      .array(
        z.object({
          person: z.string(),
          on_behalf_of: z.string().nullable().meta({ description: 'For whom, where the person is a delegate.' }),
          may: z.boolean(),
          why_not: z.string().nullable(),
        }),
      )
      .meta({
        description: 'Active people with a live key or a sign-in of their own, and those for whom they may decide.',
      }),
    you: z.object({
      person: z.string().nullable(),
      may: z.boolean(),
      why_not: z.string().nullable(),
      on_behalf_of: z
        .array(z.object({ person: z.string(), may: z.boolean(), why_not: z.string().nullable() }))
        .meta({ description: 'For whom you may decide about calls of this kind.' }),
    }),
    told: z
      .array(z.object({ kind: z.enum(['reminded', 'escalated']), at: z.int(), event_id: z.string() }))
      .meta({ description: 'People were told that it still waits; whom, says the record.' }),
    history: z.object({
      approvals: z.array(
        z.object({
          id: z.string(),
          status: z.enum(STATUSES),
          impact: z.record(z.string(), z.number()),
          outcome: z.string().nullable(),
          requested_at: z.int(),
        }),
      ),
      calls: z.array(
        z.object({
          event_id: z.string(),
          ts: z.string(),
          verdict: z.string(),
          outcome: z.string().nullable(),
          reason: z.string(),
        }),
      ),
      payee: z
        .object({
          payees: z.array(z.string()).meta({ description: 'In the spelling in which payees are compared.' }),
          calls: z.array(
            z.object({
              event_id: z.string(),
              ts: z.string(),
              agent: z.string(),
              verdict: z.string(),
              outcome: z.string().nullable(),
              impact: z.record(z.string(), z.number()),
            }),
          ),
          looked_at: z.int().meta({ description: 'Calls of the capability of the last 30 days that were looked at.' }),
          complete: z.boolean().meta({
            description:
              'False: there may be others, older ones that were not looked at or ones whose payees the log holds shortened or masked.',
          }),
        })
        .nullable()
        .meta({ description: 'Calls of this capability to a payee of this one, by any agent. Null: it names none.' }),
    }),
  })
  .meta({ id: 'FullApproval' });

export type ApprovalView = z.output<typeof approvalSchema>;
export type FullApproval = z.output<typeof fullApprovalSchema>;

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}

function orNull(at: Date | null): number | null {
  return at === null ? null : seconds(at);
}

/** `decisions`: those of this approval. */
export function approvalView(row: ApprovalRow, decisions: readonly DecisionRow[]): ApprovalView {
  const approvals = decisions.filter(({ decision }) => decision === 'approve');
  const { places, missingGroups } = fillPlaces(row, approvals);
  return {
    id: row.id,
    object: 'approval',
    status: row.status,
    agent: row.agent,
    agent_id: row.agent_id,
    owner: row.owner,
    entrance: row.entrance,
    action: row.capability,
    tool: row.tool,
    namespace: row.namespace,
    access: row.access,
    destructive: row.destructive,
    impact: { ...row.impact },
    reason: row.reason,
    rule: row.rule,
    requirement: { people: row.people, groups: [...row.groups] },
    missing: { people: row.people - places, groups: [...missingGroups] },
    decisions: decisions.map(decisionView),
    hash: row.hash,
    event_id: row.event_id,
    requested_at: seconds(row.requested_at),
    expires_at: seconds(row.expires_at),
    decided_at: orNull(row.decided_at),
    released_at: orNull(row.released_at),
    call_event_id: row.call_event_id,
    outcome: row.outcome,
    error_code: row.error_code,
    stop_code: row.stop_code,
    ended_reason: row.ended_reason,
    ended_at: orNull(row.ended_at),
  };
}

function decisionView(row: DecisionRow): z.output<typeof decisionEntrySchema> {
  return {
    person: row.person,
    on_behalf_of: row.on_behalf_of,
    decision: row.decision,
    reason: row.reason,
    groups: [...row.groups],
    key: row.key_name,
    key_id: row.key_id,
    channel: row.channel,
    authenticated_at: seconds(row.authenticated_at),
    decided_at: seconds(row.decided_at),
    bulk: row.bulk,
    event_id: row.event_id,
  };
}
