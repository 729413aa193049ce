/**
 * AuthZEN Authorization API 1.0 requests, parsed. Unknown members are ignored, as section 10.1.1 of the
 * specification demands; what is required and missing is named.
 */

import type { JsonObject, JsonValue } from '@hivekey/policy';
import { z } from 'zod';
import { jsonObject } from '../../api/route.ts';

const object: z.ZodType<JsonObject> = jsonObject;
/** Long enough for any identifier, short enough for a record. */
const text = z.string().max(1024);

const entity = z.looseObject({ type: text, id: text, properties: object.optional() });
const kindOfEntity = z.looseObject({ type: text, properties: object.optional() });
const action = z.looseObject({ name: text, properties: object.optional() });

export const evaluationSchema = z.looseObject({
  subject: entity,
  action,
  resource: entity,
  context: object.optional(),
});
export type Evaluation = z.output<typeof evaluationSchema>;

const MAX_EVALUATIONS = 100;

/** Entities at the top are defaults here: whether they are complete matters only where one is used. */
export const evaluationsSchema = z.looseObject({
  subject: object.optional(),
  action: object.optional(),
  resource: object.optional(),
  context: object.optional(),
  evaluations: z.array(z.unknown()).max(MAX_EVALUATIONS, `are more than ${MAX_EVALUATIONS}`).optional(),
  options: z
    .looseObject({
      evaluations_semantic: z
        .enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'])
        .default('execute_all'),
    })
    .prefault({}),
});
export type Evaluations = z.output<typeof evaluationsSchema>;

const page = z.looseObject({ token: z.string().max(2048).optional(), limit: z.int().min(0).optional() }).prefault({});

export const subjectSearchSchema = z.looseObject({
  subject: kindOfEntity,
  action,
  resource: entity,
  context: object.optional(),
  page,
});
export const actionSearchSchema = z.looseObject({
  subject: entity,
  resource: entity,
  context: object.optional(),
  page,
});

export type ParsedEvaluation =
  | { readonly ok: true; readonly evaluation: Evaluation }
  /** In words. */
  | { readonly ok: false; readonly problem: string };

/** One evaluation of a batch: an entity it names replaces the whole default, one it leaves out is the default's. */
export function evaluationOf(defaults: Evaluations, item: unknown): ParsedEvaluation {
  if (!isObject(item)) return { ok: false, problem: 'an evaluation is not an object' };
  const { subject, action, resource, context } = { ...entitiesOf(defaults), ...item };
  const parsed = evaluationSchema.safeParse({ subject, action, resource, context });
  if (parsed.success) return { ok: true, evaluation: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'does not fit'}` };
}

function entitiesOf({ subject, action, resource, context }: Evaluations): Record<string, unknown> {
  return { subject, action, resource, context };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Members of the arguments that carry the other entities; an action's own properties may not have these names. */
const ENTITIES = ['subject', 'resource', 'context'] as const;

/** The first property of the action that has the name of an entity. */
export function takenName(properties: JsonObject): string | undefined {
  return ENTITIES.find((name) => Object.hasOwn(properties, name));
}

/**
 * What guards read: the action's properties are the arguments of the capability, and beside them stand
 * `resource` (type, id, properties), `subject` (properties) and `context`, under the names AuthZEN gives them.
 */
export function argumentsOf({
  subject,
  action,
  resource,
  context,
}: Pick<Evaluation, 'subject' | 'resource' | 'context'> & {
  readonly action: Pick<Evaluation['action'], 'properties'>;
}): JsonObject {
  const args: Record<string, JsonValue> = { ...action.properties };
  args.resource = entityOf(resource.properties, { type: resource.type, id: resource.id });
  if (subject.properties !== undefined) args.subject = { properties: subject.properties };
  if (context !== undefined) args.context = context;
  return args;
}

function entityOf(properties: JsonObject | undefined, rest: JsonObject): JsonObject {
  return properties === undefined ? rest : { ...rest, properties };
}

/** The shortest name by which an action on this resource type means the capability; undefined when its namespace is another. */
export function actionNameFor(capability: string, resourceType: string): string | undefined {
  if (!capability.startsWith(`${resourceType}.`)) return undefined;
  const rest = capability.slice(resourceType.length + 1);
  return rest.includes('.') ? capability : rest;
}
