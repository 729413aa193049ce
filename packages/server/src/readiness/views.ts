/** What a run, and the page of a control, look like from outside. */
import { CONTROL_IDS, STATES } from '@hivekey/evidence/controls';
import { z } from 'zod';
import { countsSchema, runSchema } from './run.ts';

const stateSchema = z.enum(STATES);
const fraction = z.object({ count: z.int(), of: z.int() });

const deviationSchema = z.object({
  record_id: z.string(),
  kind: z.string().meta({ description: 'What is wrong, in one word that stays.' }),
  sentence: z.string(),
  href: z.string().meta({ description: 'Path of the console where the record is.' }),
});

const sourceSchema = z.object({
  name: z.string(),
  about: z.string(),
  enabled: z.boolean(),
  last_seen: z.string().nullable(),
  stale: z.boolean(),
});

const exemption = z
  .object({
    id: z.string(),
    reason: z.string(),
    requested_by: z.string(),
    approved_by: z.string(),
    expires_at: z.string(),
  })
  .nullable();

const controlResult = z.object({
  id: z.enum(CONTROL_IDS),
  title: z.string(),
  statement: z.string(),
  criteria: z.array(z.string()).readonly(),
  parameters: z.record(z.string(), z.string()).meta({ description: 'What the settings say that the engine enforces.' }),
  state: stateSchema,
  reason: z.string(),
  population: z.int(),
  deviating: z.int(),
  deviations: z.array(deviationSchema).readonly().meta({ description: 'By record; in a run the first thousand.' }),
  enough: z.boolean(),
  occurred: z.boolean(),
  rate: z.number().nullable(),
  upper_90: z
    .number()
    .nullable()
    .meta({ description: 'Exact one-sided 90 % bound of the rate (Clopper and Pearson).' }),
  sources: z.array(sourceSchema).readonly(),
  exemption,
  query_sha256: z.string(),
});

export const readinessSchema = z
  .object({
    object: z.literal('readiness'),
    banner: z.string(),
    id: z.string().nullable().meta({ description: 'Of the run; null: tested now, and not stored.' }),
    workspace: z.string(),
    environment: z.string(),
    sample_data: z.boolean(),
    period_from: z.string(),
    period_to: z.string(),
    as_of: z.string(),
    actor: z.string(),
    code_version: z.string(),
    policy_hash: z.string().nullable(),
    log_size: z.int(),
    log_checkpoint: z.string().nullable(),
    headline: z.string(),
    counts: countsSchema,
    coverage: fraction.meta({ description: 'Controls with enough data, of those that apply.' }),
    clean: fraction.meta({ description: 'Of these, those that pass. The two are never blended.' }),
    controls: z.array(controlResult).readonly(),
    criteria: z
      .array(
        z.object({
          id: z.string(),
          title: z.string(),
          state: stateSchema,
          controls: z.array(z.enum(CONTROL_IDS)).readonly(),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'Readiness' });

export const storedRunSchema = runSchema
  .extend({
    run: readinessSchema.omit({ object: true }).extend({ id: z.string() }),
    note: z
      .string()
      .meta({ description: 'Signed by the key of the log; it has the hash of the canonical JSON of `run`.' }),
  })
  .meta({ id: 'StoredReadinessRun' });

export const controlPageSchema = controlResult
  .extend({
    object: z.literal('readiness_control'),
    banner: z.string(),
    period_from: z.string(),
    period_to: z.string(),
    as_of: z.string(),
    member: z.string().meta({ description: 'What one of the population is.' }),
    test: z.string(),
    enough_when: z.string(),
    remedy: z.string().meta({ description: 'What would make it pass.' }),
    sample: z.string().meta({ description: 'What an auditor is likely to ask for.' }),
    query: z.string().meta({ description: '$1 is the workspace, $2 and $3 the period.' }),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
    trend: z
      .array(
        z.object({
          run: z.string(),
          made_at: z.int(),
          period_from: z.string(),
          period_to: z.string(),
          state: stateSchema,
        }),
      )
      .meta({ description: 'Of the newest runs, oldest first.' }),
  })
  .meta({ id: 'ReadinessControl' });
