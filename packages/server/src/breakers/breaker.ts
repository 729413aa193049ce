/** Circuit breakers as they are written and shown. */
import { z } from 'zod';

const DAY_SECONDS = 86_400;

export const breakerDocument = z
  .strictObject({
    signal: z.enum(['denials', 'errors', 'probes', 'spend']).meta({
      description:
        'denials: the part of calls that are refused. errors: the part of finished calls that fail. probes: calls of tools the agent does not have. spend: units of the window’s allowed calls.',
    }),
    threshold: z.number().positive().meta({
      description:
        'denials, errors: from 0 to 1. probes: a number of calls. spend: units, money in minor ones. Reached, it trips.',
    }),
    window_seconds: z.int().min(1).max(DAY_SECONDS),
    min_calls: z.int().min(1).max(100_000).default(10).meta({
      description: 'denials, errors: below so many calls in the window nothing is judged.',
    }),
    unit: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,63}$/)
      .optional()
      .meta({ description: 'spend: what is summed, such as usd.' }),
    roles: z.array(z.string().min(1).max(128)).min(1).max(100).optional().meta({
      description: 'Whom it watches: agents that wear one of them. Absent: every agent.',
    }),
    role: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .meta({ description: 'quarantine: no more than this role grants is left.' }),
    action: z.enum(['quarantine', 'kill']).default('quarantine'),
    exit: z.enum(['automatic', 'reviewed']).default('reviewed').meta({
      description:
        'automatic: out of quarantine on trial after the cooldown. reviewed, and after a kill: when a person releases it.',
    }),
    cooldown_seconds: z
      .int()
      .min(1)
      .max(30 * DAY_SECONDS)
      .default(900),
    trial_calls: z.int().min(1).max(10_000).default(10).meta({
      description: 'On trial, one bad call trips it again; so many good ones close it.',
    }),
  })
  .superRefine(({ signal, threshold, unit, action, exit }, context) => {
    const refuse = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if ((signal === 'denials' || signal === 'errors') && threshold > 1) refuse('threshold', 'is a part, from 0 to 1');
    if ((signal === 'probes' || signal === 'spend') && !Number.isSafeInteger(threshold))
      refuse('threshold', 'is a whole number');
    if ((signal === 'spend') !== (unit !== undefined)) refuse('unit', 'stands beside spend, and nowhere else');
    if (action === 'kill' && exit === 'automatic') refuse('exit', 'is reviewed after a kill');
  });

export type BreakerDocument = z.output<typeof breakerDocument>;

export interface Breaker {
  readonly name: string;
  readonly document: BreakerDocument;
}

const agentState = z.object({
  agent: z.string(),
  agent_id: z.string(),
  state: z.enum(['open', 'half_open', 'closed']),
  since: z.int(),
  trips: z.int(),
  response: z.string().nullable().meta({ description: 'The quarantine or stop that stands for it.' }),
});

export const breakerSchema = z
  .object({
    object: z.literal('breaker'),
    name: z.string(),
    ...breakerDocument.shape,
    author: z.string(),
    updated_at: z.int(),
    agents: z.array(agentState).meta({ description: 'Those it has tripped for at least once; all others are closed.' }),
  })
  .meta({ id: 'Breaker' });

export type BreakerView = z.output<typeof breakerSchema>;
