/** What a change does before it does it, as it is stored, hashed and shown to reviewers. */
import { z } from 'zod';
import { findingSchema } from '../roles/index.ts';
import { contentHash, OBJECT_TYPES } from '../versions/index.ts';

const verdict = z.enum(['allow', 'deny', 'review']);
const direction = z.enum(['widens', 'narrows', 'changes', 'neutral']).meta({
  description:
    '`narrows` is certain: in one state of the world no call is decided more laxly. `neutral` decides nothing. `changes`: neither is known.',
});

const difference = z
  .object({
    kind: z.enum(['role', 'grant', 'guard', 'capability', 'freeze', 'sources']),
    origin: z.string().meta({ description: 'The role, `workspace`, or the name of what it is.' }),
    direction,
    sentence: z.string(),
    action: z.string().nullable(),
  })
  .meta({ id: 'PolicyDifference' });

const objectChange = z.object({
  type: z.enum(OBJECT_TYPES),
  id: z.string(),
  name: z.string().meta({ description: 'For people: the handle of an agent, the address of a person.' }),
  change: z.enum(['added', 'changed', 'removed', 'unchanged']),
  before: z.string().nullable().meta({ description: 'Content hash of what is there now.' }),
  after: z.string().nullable(),
  fields: z
    .array(
      z.object({
        path: z
          .string()
          .meta({ description: '`guards[cap].when.lte`; lists of things with an id are compared by it.' }),
        before: z.unknown().meta({ description: 'Absent where it comes in.' }).optional(),
        after: z.unknown().meta({ description: 'Absent where it goes.' }).optional(),
      }),
    )
    .meta({ description: 'The smallest places of the document that differ.' }),
  fields_left_out: z.int(),
});

const cell = z.object({
  mark: z.enum(['—', 'A', 'A≤', 'H', 'F']),
  text: z.string(),
  guards: z.array(z.string()),
});

const matrixDifference = z.object({
  changed: z.int().meta({ description: 'Cells, role by capability, that are not as they were.' }),
  cells: z.array(z.object({ role: z.string(), capability: z.string(), before: cell, after: cell })),
});

const affectedAgents = z.object({
  count: z.int().meta({ description: '“Applies to N agents.” Revoked ones are not counted.' }),
  named: z
    .array(
      z.object({
        id: z.string(),
        name: z.string(),
        owner: z.string(),
        status: z.enum(['active', 'suspended']),
        roles_before: z.array(z.string()),
        roles_after: z.array(z.string()),
      }),
    )
    .meta({ description: 'The first of them, by name.' }),
});

const toolDifference = z.object({
  roles: z.array(z.string()).meta({ description: 'Roles worn together.' }),
  agents: z.int().meta({ description: 'Affected agents that wear exactly these.' }),
  before: z.int().meta({ description: 'Tools that they see.' }),
  after: z.int(),
  added: z.array(z.string()),
  removed: z.array(z.string()),
  guarded: z.array(z.string()).meta({ description: 'Tools that stay, under other guards.' }),
});

const testRun = z.object({
  passed: z.int(),
  failed: z.int(),
  files: z.array(
    z.object({
      name: z.string(),
      source: z.enum(['workspace', 'change']),
      passed: z.int(),
      problems: z.array(z.string()).meta({ description: 'Where there are any, none of its cases was run.' }),
      failures: z.array(
        z.object({
          name: z.string(),
          differences: z.array(z.string()),
          before: z.enum(['passed', 'failed']).meta({ description: 'The same case under the policy in force.' }),
        }),
      ),
    }),
  ),
});

const radiusDifference = z.object({
  subjects: z.int().meta({ description: 'The workspace, roles and agents that were compared.' }),
  changed: z.int().meta({ description: 'Of these, those that have another number.' }),
  named: z
    .array(
      z.object({
        kind: z.enum(['workspace', 'role', 'agent']),
        id: z.string().nullable(),
        name: z.string(),
        agents: z.int().meta({ description: 'Agents that are alike, and have the same numbers.' }),
        numbers: z.array(
          z.object({
            unit: z.string(),
            horizon: z.string(),
            line: z.enum(['alone', 'fooled', 'bypassed']),
            before: z.string().meta({ description: 'In words: `$10,000`, `UNBOUNDED`, `UNKNOWN`.' }),
            after: z.string(),
            rises: z.boolean(),
            sentence: z.string(),
          }),
        ),
      }),
    )
    .meta({ description: 'The workspace, then roles, then agents; those whose numbers are others.' }),
});

const replayedCall = z.object({
  seq: z.int(),
  event_id: z.string(),
  ts: z.string(),
  agent: z.string(),
  action: z.string(),
  recorded: verdict,
  before: verdict,
  after: verdict,
  rule: z.string().nullable().meta({ description: 'Guard that decides otherwise.' }),
  reason: z.string(),
});

const replay = z.object({
  days: z.int(),
  from: z.string().nullable().meta({ description: 'Time of the first call that was compared; null: there was none.' }),
  to: z.string().nullable(),
  entries: z.int().meta({ description: 'Of the log within these days.' }),
  replayed: z.int().meta({ description: 'Of these, read before the time was up.' }),
  complete: z.boolean(),
  coverage: z.string().meta({ description: 'In words: how much was replayed, and what could not be, and why.' }),
  calls: z.int(),
  same: z.int(),
  changed: z.int(),
  not_replayable: z.int(),
  recorded_otherwise: z
    .int()
    .meta({ description: 'Calls that the policy in force decides otherwise than they were decided then.' }),
  by: z
    .array(z.object({ before: verdict, after: verdict, rule: z.string().nullable(), calls: z.int() }))
    .meta({ description: 'The changed calls by what they were and would be, most first.' }),
  not_replayable_by: z.array(z.object({ why: z.string(), detail: z.string(), calls: z.int() })),
  touched: z
    .array(z.object({ type: z.enum(OBJECT_TYPES), id: z.string(), calls: z.int() }))
    .meta({ description: 'Calls of what is changed beside the policy: of a server, an API, one of its definitions.' }),
  changes: z.array(replayedCall).meta({ description: 'The first of the changed calls.' }),
});

export type PreviewReplay = z.output<typeof replay>;

const previewDocumentSchema = z
  .object({
    policy: z.object({
      revision: z.int().meta({ description: 'Of the policy in force that it was compared with.' }),
      before: z.string(),
      after: z.string(),
    }),
    direction,
    summary: z.array(z.string()).meta({ description: 'What the change does, one sentence each, what decides first.' }),
    differences: z.array(difference),
    risk: z
      .object({
        gained: z.array(
          z.object({
            role: z.string(),
            capability: z.string(),
            access: z.enum(['read', 'write', 'unknown']),
            destructive: z.boolean(),
            spends: z.boolean(),
          }),
        ),
        grants_lost: z.int(),
        guards_loosened: z.int(),
        guards_tightened: z.int(),
        guards_changed: z.int(),
        caps_loosened: z.int(),
        approvals_loosened: z.int(),
        workspace_wide: z.boolean(),
      })
      .meta({ description: 'What its class is found by.' }),
    objects: z.array(objectChange),
    matrix: matrixDifference,
    agents: affectedAgents,
    tools: z.array(toolDifference),
    lint: z.object({ new: z.array(findingSchema), resolved: z.array(findingSchema) }),
    misfits: z.array(z.object({ origin: z.string(), path: z.string(), message: z.string(), remedy: z.string() })).meta({
      description: 'Guards that would not fit the capabilities. A change with any is refused when it is activated.',
    }),
    tests: testRun,
    blast_radius: radiusDifference,
    replay: replay.nullable().meta({ description: 'Null: it was not asked for.' }),
  })
  .meta({ id: 'PreviewDocument' });

/** Plain JSON, the same for the same change of the same world and log. */
export type PreviewDocument = z.output<typeof previewDocumentSchema>;

export const previewSchema = z
  .object({
    object: z.literal('preview'),
    id: z.string().nullable().meta({ description: 'Null: it was asked for and not stored.' }),
    state: z.enum(['running', 'done', 'failed']).meta({
      description: '`running`: the log is being replayed; the rest is there. It can be approved by when it is done.',
    }),
    sha256: z
      .string()
      .nullable()
      .meta({ description: 'Of the canonical form (RFC 8785) of the document; null until it is done.' }),
    created: z.int(),
    error: z.string().nullable(),
    document: previewDocumentSchema,
  })
  .meta({ id: 'Preview' });

export type Preview = z.output<typeof previewSchema>;

/** `sha256:<hex>`: what an approval is bound to. */
export function previewHash(document: PreviewDocument): string {
  return contentHash(JSON.parse(JSON.stringify(document)));
}
