/** A change as the API shows it, and what is taken from callers. */
import { z } from 'zod';
import { Failure } from '../errors.ts';
import { OBJECT_TYPES } from '../versions/index.ts';
import { requirementSchema } from './settings.ts';

export const CHANGE_STATUSES = [
  'draft',
  'submitted',
  'approved',
  'scheduled',
  'activated',
  'rejected',
  'withdrawn',
  'stale',
  'expired',
  'rolled_back',
] as const;
export const CHANGE_CLASSES = ['normal', 'standard', 'emergency', 'rollback', 'direct'] as const;
const CHANGE_RISKS = ['low', 'medium', 'high', 'critical'] as const;
/** A person reads all of them. */
export const MAX_OPERATIONS = 100;

export const hashSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is not sha256: and 64 hexadecimal digits');
/** What it has to be, its type says. */
const document = z.unknown().refine((value) => value !== undefined, 'is missing; null removes');

const objectShape = { type: z.enum(OBJECT_TYPES), id: z.string().min(1).max(256) };

const operationSchema = z
  .object({
    ...objectShape,
    document: document.meta({ description: 'What it becomes; null: it is removed.' }),
    base: hashSchema.nullable().meta({ description: 'Content hash of what it was drafted on; null: there was none.' }),
  })
  .meta({ id: 'ChangeOperation' });

const newOperationsSchema = z
  .array(
    z.strictObject({
      ...objectShape,
      document,
      base: hashSchema.nullable().optional().meta({ description: 'Left out: of what is there now.' }),
    }),
  )
  .min(1)
  .max(MAX_OPERATIONS)
  .refine(
    (operations) => new Set(operations.map(({ type, id }) => `${type} ${id}`)).size === operations.length,
    'names an object twice',
  );

export type NewOperation = z.output<typeof newOperationsSchema>[number];

const title = z.string().trim().min(1).max(200);
const justification = z.string().trim().max(4_000);
const ticket = z.string().trim().min(1).max(200).nullable();
const activateAt = z
  .int()
  .nullable()
  .meta({ description: 'Epoch seconds, within 90 days; null: whenever somebody activates it.' });
const askedClass = z.enum(['normal', 'emergency']);

const sourceSchema = z
  .strictObject({
    repository: z.string().max(500),
    commit: z.string().max(64),
    author: z.string().max(320).meta({ description: '`Dana <dana@acme.example>`, as Git has it.' }),
    signature: z.strictObject({
      status: z.enum(['good', 'bad', 'none', 'unknown']),
      key: z.string().max(200).nullable(),
    }),
  })
  .meta({ id: 'ChangeSource', description: 'Of a change that was planned from files.' });

export const newChangeSchema = z.strictObject({
  title,
  justification: justification.default(''),
  ticket: ticket.default(null),
  class: askedClass.default('normal'),
  activate_at: activateAt.default(null),
  operations: newOperationsSchema,
  source: sourceSchema.nullable().default(null),
});
export type NewChange = z.output<typeof newChangeSchema>;

export const changeEditSchema = z.strictObject({
  title: title.optional(),
  justification: justification.optional(),
  ticket: ticket.optional(),
  class: askedClass.optional(),
  activate_at: activateAt.optional(),
  operations: newOperationsSchema.optional(),
});
export type ChangeEdit = z.output<typeof changeEditSchema>;

const seconds = z.int().nullable();

const summaryShape = {
  id: z.string(),
  object: z.literal('change'),
  number: z.int(),
  name: z.string().meta({ description: '`CHG-12`; it can be used in place of the id.' }),
  status: z.enum(CHANGE_STATUSES),
  class: z.enum(CHANGE_CLASSES),
  risk: z.enum(CHANGE_RISKS).nullable().meta({ description: 'Null until it is submitted.' }),
  title: z.string(),
  justification: z.string(),
  ticket: z.string().nullable(),
  objects: z.array(z.object(objectShape)),
  author: z.string().meta({ description: 'E-mail of who drafted it.' }),
  source: sourceSchema.nullable(),
  rollback_of: z.string().nullable(),
  rolled_back_by: z.string().nullable(),
  activate_at: seconds,
  created: z.int(),
  updated_at: z.int(),
  submitted_at: seconds,
  expires_at: seconds,
  approved_at: seconds,
  activated_at: seconds,
  activated_by: z.string().nullable(),
  emergency_review: z.enum(['due', 'overdue', 'passed', 'refused']).nullable(),
  review_due_at: seconds,
  ended_at: seconds,
  ended_by: z.string().nullable(),
  ended_code: z.string().nullable().meta({ description: 'Why it could not be activated, or is over.' }),
  ended_reason: z.string().nullable(),
  content_hash: z.string(),
};

export const changeSummarySchema = z.object(summaryShape).meta({ id: 'ChangeSummary' });
export type ChangeSummary = z.output<typeof changeSummarySchema>;

export const reviewSchema = z
  .object({
    object: z.literal('change_review'),
    person: z.string(),
    decision: z.enum(['approve', 'reject']),
    stage: z.enum(['before', 'after']).meta({ description: 'after: of an emergency that was in force already.' }),
    counts: z.boolean().meta({ description: 'False: it is of before an approval was found not to hold any more.' }),
    groups: z.array(z.string()),
    comment: z.string(),
    content_hash: z.string(),
    preview_hash: z.string(),
    actor: z.string(),
    method: z.string().meta({ description: 'How the person was signed in: key, oidc, saml, passkey.' }),
    channel: z.enum(['api', 'cli', 'console']),
    authenticated_at: z.int(),
    signature: z.string().nullable(),
    at: z.int(),
    event_id: z.string(),
  })
  .meta({ id: 'ChangeReview' });
export type ReviewView = z.output<typeof reviewSchema>;

export const commentSchema = z
  .object({
    id: z.string(),
    object: z.literal('change_comment'),
    person: z.string().nullable(),
    actor: z.string(),
    body: z.string(),
    at: z.int(),
  })
  .meta({ id: 'ChangeComment' });

export const changeSchema = z
  .object({
    ...summaryShape,
    operations: z.array(operationSchema),
    authors: z.array(z.string()).meta({ description: 'Everybody who wrote something of it; none of them approves.' }),
    reasons: z.array(z.string()).meta({ description: 'Of the risk.' }),
    narrows: z.boolean().nullable().meta({ description: 'It only takes away.' }),
    pattern: z.string().nullable().meta({ description: 'standard: of which pattern it is.' }),
    requirement: requirementSchema.nullable().meta({ description: 'By the settings of now; null: nobody approves.' }),
    missing: z
      .object({ people: z.int(), groups: z.array(z.string()) })
      .nullable()
      .meta({ description: 'Of that, while it waits.' }),
    preview: z
      .object({ id: z.string(), state: z.enum(['running', 'done', 'failed']), hash: z.string().nullable() })
      .nullable()
      .meta({ description: 'What reviewers see; GET /v1/changes/:change/preview has it. Approved by its hash.' }),
    reviews: z.array(reviewSchema),
    waiting_for: z.array(z.string()).meta({ description: 'Freezes that a scheduled change waits for.' }),
    freezes_passed: z.array(z.string()).meta({ description: 'In force as it was activated.' }),
    policy: z.object({ before: z.string().nullable(), after: z.string(), revision: z.int() }).nullable(),
    versions: z.array(z.object({ ...objectShape, version: z.int(), hash: z.string().nullable() })),
    you: z
      .object({
        author: z.boolean(),
        approve: z.string().nullable().meta({ description: 'Code of why you may not; null: you may.' }),
      })
      .meta({ description: 'Of whoever asks.' }),
  })
  .meta({ id: 'Change' });
export type ChangeView = z.output<typeof changeSchema>;

export function changeNotFound(id: string): Failure {
  return new Failure(404, 'change_not_found', `There is no change "${id}".`, 'List them with GET /v1/changes.');
}
