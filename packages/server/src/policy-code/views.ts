/** What the routes of policy as code take and answer. */
import { z } from 'zod';
import { jsonValue } from '../api/route.ts';
import { OBJECT_TYPES, type ObjectType } from '../versions/index.ts';
import type { Folder } from './plan.ts';

const MAX_OBJECTS = 10_000;
const type = z.enum(OBJECT_TYPES);
const sha256 = z.string().meta({ description: 'sha256:… of the RFC 8785 form of the document.' });

export const folderBody = z.strictObject({
  owns: z.array(type).max(OBJECT_TYPES.length).default([]).meta({
    description: 'Types of which the folder has every object: those that are live and not in it are removed.',
  }),
  objects: z
    .array(
      z.strictObject({
        type,
        name: z.string().min(1).max(256).meta({
          description:
            'As files name it: the handle of an agent, the e-mail of a person, `*` where there is one; else the id.',
        }),
        document: jsonValue,
      }),
    )
    .max(MAX_OBJECTS),
});

export function folderOf({ owns, objects }: z.output<typeof folderBody>): Folder {
  return { owned: new Set<ObjectType>(owns), objects };
}

export const sourceSchema = z.strictObject({
  repository: z.string().min(1).max(500),
  commit: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'is not the whole hash of a commit'),
  author: z.string().min(1).max(320).meta({ description: 'As Git has it: `Dana <dana@acme.example>`.' }),
  signature: z.strictObject({
    status: z.enum(['good', 'bad', 'none', 'unknown']).meta({ description: 'As Git said where the plan was made.' }),
    key: z.string().max(200).nullable(),
  }),
});

export type PlanView = z.input<typeof planSchema>;
export type GitSource = z.output<typeof sourceSchema>;

export const planSchema = z
  .object({
    object: z.literal('policy_plan'),
    digest: z.string().meta({ description: 'Content hash of the operations with what they are based on.' }),
    operations: z.array(
      z.object({
        type,
        id: z.string(),
        name: z.string(),
        action: z.enum(['add', 'change', 'remove']),
        document: z.unknown().meta({ description: 'What it becomes; null: it is removed.' }),
        base: sha256.nullable(),
      }),
    ),
    words: z.array(z.string()).meta({ description: 'The difference in sentences.' }),
    findings: z
      .array(
        z.object({
          level: z.enum(['error', 'warning', 'note']),
          origin: z.string(),
          message: z.string(),
          remedy: z.string(),
        }),
      )
      .meta({ description: 'What is new and looks wrong. A change with errors is refused when it is submitted.' }),
    unchanged: z.int().meta({ description: 'Objects of the folder that are live as they are in it.' }),
    change: z
      .object({ id: z.string(), name: z.string(), status: z.string() })
      .nullable()
      .meta({ description: 'The open change that asks for exactly this.' }),
  })
  .meta({ id: 'PolicyPlan' });

export const objectSchema = z
  .object({
    object: z.literal('policy_object'),
    type,
    id: z.string(),
    name: z.string(),
    document: z.unknown(),
    sha256,
  })
  .meta({ id: 'PolicyObject' });

export const applicationSchema = z
  .object({
    object: z.literal('policy_application'),
    digest: z.string(),
    change: z.string().nullable().meta({ description: 'Name; null: nothing differed.' }),
    operations: z.int(),
  })
  .meta({ id: 'PolicyApplication' });

export const policyCodeSchema = z
  .object({
    object: z.literal('policy_code'),
    repository: z.string().nullable(),
    commit: z.string().nullable(),
    author: z.string().nullable(),
    signature: sourceSchema.shape.signature.nullable(),
    change: z.string().nullable(),
    applied_at: z.int().nullable(),
    applied_by: z.string().nullable(),
    owned: z.array(type),
    drifted: z.boolean(),
    objects: z.array(
      z.object({
        type,
        id: z.string(),
        name: z.string(),
        sha256: sha256.nullable(),
        live_sha256: sha256.nullable(),
        state: z.enum(['same', 'changed_here', 'removed_here', 'not_in_git']),
      }),
    ),
  })
  .meta({ id: 'PolicyCode' });

export type PolicyCodeView = z.output<typeof policyCodeSchema>;
