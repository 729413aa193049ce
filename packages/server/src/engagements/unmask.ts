/** One hidden value of one record, for a reason. */
import { z } from 'zod';
import { type Administrator, type ApiContext, jsonValue } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkEvent } from './boundary.ts';
import { openEngagementOf, refuseCustomer } from './engagement.ts';
import { hiddenAt } from './masks.ts';

export const unmaskSchema = z.strictObject({
  event: z.string().min(1).max(64).meta({ description: 'Id of the event.' }),
  field: z
    .string()
    .regex(/^\/.{1,1000}$/, 'is no JSON Pointer such as /args/to')
    .meta({ description: 'As `masked` of the event lists it.' }),
  reason: z.string().trim().min(1).max(1_000),
});

export const unmaskedSchema = z
  .object({
    object: z.literal('unmasked'),
    event: z.string(),
    field: z.string(),
    value: jsonValue,
    event_id: z.string(),
  })
  .meta({ id: 'Unmasked' });

/** It is on the log before it is given. Throws `engagement_not_found`, `engagement_over`, `auditor_required`, `event_not_found`, `field_not_hidden`. */
export async function unmask(
  { pool, log }: Pick<ApiContext, 'pool' | 'log'>,
  who: Administrator,
  engagementId: string,
  { event, field, reason }: z.output<typeof unmaskSchema>,
): Promise<z.input<typeof unmaskedSchema>> {
  const { workspaceId, actor } = who;
  refuseCustomer(who, engagementId);
  const { from, to } = await openEngagementOf(pool, workspaceId, engagementId);
  await checkEvent(pool, workspaceId, event, { fromMs: from.getTime(), toMs: to.getTime() });
  const found = await log.find(workspaceId, event);
  const value = found === undefined ? undefined : hiddenAt(found.event.record, field);
  if (value === undefined)
    throw new Failure(
      404,
      'field_not_hidden',
      `Nothing is hidden at ${field} of ${event}.`,
      'Name a pointer that `masked` of the event lists.',
    );
  const eventId = await log.record(workspaceId, {
    kind: 'engagement.unmasked',
    actor,
    engagement_id: engagementId,
    subject_event_id: event,
    field,
    reason,
  });
  return { object: 'unmasked', event, field, value: jsonValue.parse(value), event_id: eventId };
}
