/** What messages keep of the records that they tell of. */
import { z } from 'zod';

/** Of `approval.reminded` and `approval.escalated`. */
export const noticeFacts = z.object({ to: z.array(z.string()).default([]), named: z.array(z.string()).default([]) });

/** Of `delegation.created` and `delegation.ended`. */
export const delegationFacts = z.object({
  ended: z.boolean(),
  from: z.string(),
  to: z.string(),
  capabilities: z.array(z.string()).nullable().default(null),
  starts_at: z.string().nullable().default(null),
  ends_at: z.string().nullable().default(null),
  reason: z.string().default(''),
});

export type NoticeFacts = z.output<typeof noticeFacts>;
export type DelegationFacts = z.output<typeof delegationFacts>;

/** In words that are ours. */
export function delegationSentence({ ended }: DelegationFacts): string {
  return ended ? 'A delegation of approvals has ended.' : 'Approvals are delegated.';
}

export function delegationLines(facts: DelegationFacts): readonly (readonly [string, string])[] {
  const { from, to, capabilities, starts_at, ends_at, reason } = facts;
  return [
    ['from', from],
    ['to', to],
    ['of', capabilities === null ? 'all capabilities' : capabilities.join(', ')],
    ...(starts_at === null ? [] : [['begins', starts_at] as const]),
    ...(ends_at === null ? [] : [['ends', ends_at] as const]),
    ...(reason === '' ? [] : [['reason', reason] as const]),
  ];
}
