/** What an agent is told about its action. */
import type { Decision } from '@hivekey/policy';
import { z } from 'zod';
import { errorSchema } from '../../api/route.ts';
import { Failure } from '../../errors.ts';
import type { Refusal } from '../../path/index.ts';
import { ticketSchema } from './approvals.ts';
import { RULE } from './resolve.ts';

export const decisionSchema = z
  .object({
    object: z.literal('decision'),
    verdict: z.enum(['allow', 'deny', 'review']),
    reason_class: z.string(),
    reason: z.string(),
    rule: z.string().nullable(),
    role: z.string().nullable(),
    role_revision: z.int().nullable(),
    trace: z.array(
      z.object({
        rule: z.string(),
        origin: z.string(),
        sentence: z.string(),
        result: z.enum(['allow', 'deny', 'review']),
        detail: z.string(),
      }),
    ),
    impact: z.record(z.string(), z.number()),
    policy: z.string(),
    policy_revision: z.int(),
    remaining: z.number().nullable(),
    remaining_unit: z.string().nullable().meta({ description: 'Money in minor units; null for calls.' }),
    retry_after_seconds: z.number().nullable(),
  })
  .meta({ id: 'Decision' });

export type DecisionView = z.output<typeof decisionSchema>;

export function decisionView(decision: Decision): DecisionView {
  return {
    object: 'decision',
    verdict: decision.verdict,
    reason_class: decision.reasonClass,
    reason: decision.reason,
    rule: decision.rule ?? null,
    role: decision.role ?? null,
    role_revision: decision.roleRevision ?? null,
    trace: decision.trace.map(({ rule, origin, sentence, result, detail }) => ({
      rule,
      origin,
      sentence,
      result,
      detail,
    })),
    impact: { ...decision.impact },
    policy: decision.policyHash,
    policy_revision: decision.policyRevision,
    remaining: decision.remaining ?? null,
    remaining_unit: decision.remainingUnit ?? null,
    retry_after_seconds: decision.retryAfterSeconds ?? null,
  };
}

/** Not granted reads as not there: nothing of the decision but that, whatever led to it. */
function hiddenView(decision: Decision): DecisionView {
  const { policyHash, policyRevision } = decision;
  return decisionView({
    verdict: 'deny',
    reasonClass: 'scope',
    reason: 'scope: capability not granted',
    trace: [],
    impact: {},
    policyHash,
    policyRevision,
  });
}

export const refusalSchema = errorSchema
  .extend({ id: z.string(), decision: decisionSchema, approval: ticketSchema.optional() })
  .meta({ id: 'ActionRefusal' });

/** What to do next, by why it was refused. */
const REMEDIES: Readonly<Record<Decision['reasonClass'], string>> = {
  granted: 'Try again later.',
  scope:
    'List what this agent may ask for with GET /v1/actions/capabilities; the owner of the agent can have more granted.',
  guard: 'The same action will be refused again: change the arguments, or ask the owner of the agent.',
  cap: 'A smaller amount may fit; otherwise wait, or ask the owner of the agent.',
  rate: 'Wait before asking again.',
  freeze: 'Wait until the change freeze has ended; in an emergency, two administrators can lift it for a time.',
  containment: 'An operator has stopped this. Do not retry; ask the owner of the agent.',
  credential: 'Use a live agent token.',
  error: 'It could not be decided safely. Try again later.',
};

export function refusalBody({ decision, eventId }: Refusal, requestId: string): z.output<typeof refusalSchema> {
  const failure = refusalFailure(decision);
  const view = decision.reasonClass === 'scope' ? hiddenView(decision) : decisionView(decision);
  const { error } = failure.body(requestId);
  return {
    error: { code: error.code, cause: error.cause, remedy: error.remedy, request_id: requestId },
    id: eventId,
    decision: view,
  };
}

export function refusalFailure({ reasonClass, reason, rule }: Decision): Failure {
  if (reasonClass === 'scope')
    return new Failure(403, 'action_unknown', 'This agent has no action of that name.', REMEDIES.scope);
  const cause = `The action was refused: ${reason.replace(/\.$/, '')}.`;
  const remedy =
    rule === RULE.schema
      ? 'Correct the arguments and ask again.'
      : rule === RULE.entrance
        ? 'Call it through /mcp or /http; the gateway runs it and records how it ended.'
        : rule === RULE.name
          ? 'Write the dotted name.'
          : REMEDIES[reasonClass];
  return new Failure(403, 'action_denied', cause, remedy);
}
