/** A blast radius as the API shows it. */
import { type BlastRadius, type RadiusAmount, type RadiusChange, radiusInWords } from '@hivekey/policy';
import { z } from 'zod';
import { containmentSchema } from './containment-time.ts';

export const SUBJECT_KINDS = ['agent', 'role', 'owner', 'workspace'] as const;
export const LINES = ['alone', 'fooled', 'bypassed'] as const;

export const subjectSchema = z.object({
  kind: z.enum(SUBJECT_KINDS),
  id: z.string().meta({ description: '`*` for the workspace.' }),
  name: z.string().meta({ description: 'Handle, name, or e-mail of an owner.' }),
});

export const amountSchema = z
  .object({
    kind: z.enum(['bounded', 'unbounded', 'unknown']),
    value: z.int().nullable().meta({ description: 'Money in minor units. Null: there is no number, and it is not 0.' }),
    text: z.string(),
    reasons: z.array(z.object({ capability: z.string().nullable(), sentence: z.string() })),
  })
  .meta({ id: 'RadiusAmount' });

const bindingSchema = z.object({
  rule: z.string(),
  origin: z.string().meta({ description: 'The role that carries the guard, `workspace`, or `tool`.' }),
  sentence: z.string(),
  kind: z.enum(['sum', 'count']),
  unit: z.string().nullable(),
  limit: z.int(),
  window_seconds: z.int(),
  scope: z.enum(['agent', 'role', 'owner', 'workspace', 'tool']),
  windows: z.int().meta({ description: 'That the horizon touches.' }),
  counters: z.int(),
  per_call: z.int().nullable(),
  value: z.int().meta({ description: 'How much of the number it answers for.' }),
  capabilities: z.array(z.string()),
  used: z
    .object({
      largest: z.int().meta({ description: 'The most that any of its windows held.' }),
      share: z.number().meta({ description: 'Of the limit; 0.61 is 61 %.' }),
      from: z.string(),
    })
    .nullable()
    .meta({ description: 'Null: nothing is known of its use.' }),
});

const cellSchema = z.object({
  unit: z.string(),
  horizon: z.string(),
  line: z.enum(LINES),
  amount: amountSchema,
  binding: z.array(bindingSchema).meta({ description: 'What binds it, largest part first.' }),
  contributing: z.array(z.string()),
  without_escalation: amountSchema.nullable(),
});

const acceptanceFacts = z.object({
  id: z.string(),
  person: z.string(),
  accepted_at: z.int(),
  until: z.int(),
  exceeded: z.boolean().meta({ description: 'A number is larger now than what was accepted.' }),
  expired: z.boolean(),
});

export const radiusSchema = z
  .object({
    object: z.literal('blast_radius'),
    subject: subjectSchema.extend({
      status: z
        .enum(['active', 'suspended', 'revoked'])
        .nullable()
        .meta({ description: 'Of an agent. One that is stopped is judged as if it were not.' }),
    }),
    policy: z.string(),
    policy_revision: z.int(),
    agents: z.int(),
    containment: containmentSchema,
    horizons: z.array(z.object({ id: z.string(), seconds: z.int().nullable() })),
    units: z.array(z.string()),
    cells: z.array(cellSchema).meta({ description: 'Every unit × horizon × line.' }),
    capabilities: z.array(
      z.object({
        capability: z.string(),
        reach: z.enum(['alone', 'approval', 'never']),
        granted_by: z.array(z.string()),
        declared: z.boolean(),
      }),
    ),
    escalations: z.array(
      z.object({
        kind: z.enum(['agent', 'roles', 'everything']),
        reach: z.enum(['alone', 'approval']),
        agent_id: z.string(),
        capability: z.string().nullable(),
        to_agent_id: z.string().nullable(),
        sentence: z.string(),
      }),
    ),
    excluded: z.array(z.string()).meta({ description: 'What the numbers do not hold.' }),
    digest: z.string(),
    acceptance: acceptanceFacts.nullable(),
  })
  .meta({ id: 'BlastRadius' });

export type RadiusView = z.output<typeof radiusSchema>;
type CellView = RadiusView['cells'][number];

export function amountView(amount: RadiusAmount, unit: string): z.output<typeof amountSchema> {
  const text = radiusInWords(amount, unit);
  if (amount.kind === 'bounded') return { kind: 'bounded', value: amount.value, text, reasons: [] };
  return {
    kind: amount.kind,
    value: null,
    text,
    reasons: amount.reasons.map(({ capability, sentence }) => ({ capability: capability ?? null, sentence })),
  };
}

export const movedSchema = z.object({
  unit: z.string(),
  horizon: z.string(),
  line: z.enum(LINES),
  before: amountSchema,
  after: amountSchema,
  rises: z.boolean(),
  sentence: z.string(),
});

export function movedView({ unit, before, after, ...rest }: RadiusChange): z.output<typeof movedSchema> {
  return { unit, ...rest, before: amountView(before, unit), after: amountView(after, unit) };
}

/** Largest use and share of a limit; undefined where nothing is known. */
export type UseOf = (
  binding: BlastRadius['cells'][number]['binding'][number],
) => { readonly largest: number; readonly from: string } | undefined;

function cellView(cell: BlastRadius['cells'][number], useOf: UseOf = () => undefined): CellView {
  const { unit, horizon, line, amount, binding, contributing, withoutEscalation } = cell;
  return {
    unit,
    horizon,
    line,
    amount: amountView(amount, unit),
    binding: binding.map((each) => {
      const use = useOf(each);
      return {
        rule: each.rule,
        origin: each.origin,
        sentence: each.sentence,
        kind: each.kind,
        unit: each.unit ?? null,
        limit: each.limit,
        window_seconds: each.windowSeconds,
        scope: each.scope,
        windows: each.windows,
        counters: each.counters,
        per_call: each.perCall ?? null,
        value: each.value,
        capabilities: [...each.capabilities],
        used:
          use === undefined || each.limit === 0
            ? null
            : { largest: use.largest, share: use.largest / each.limit, from: use.from },
      };
    }),
    contributing: [...contributing],
    without_escalation: withoutEscalation === undefined ? null : amountView(withoutEscalation, unit),
  };
}

export function radiusView(
  radius: BlastRadius,
  more: Pick<RadiusView, 'subject' | 'containment' | 'acceptance'>,
  useOf?: UseOf,
): RadiusView {
  return {
    object: 'blast_radius',
    subject: more.subject,
    policy: radius.policyHash,
    policy_revision: radius.policyRevision,
    agents: radius.agents,
    containment: more.containment,
    horizons: radius.horizons.map(({ id, seconds }) => ({ id, seconds: seconds ?? null })),
    units: [...radius.units],
    cells: radius.cells.map((cell) => cellView(cell, useOf)),
    capabilities: radius.capabilities.map(({ capability, reach, grantedBy, declared }) => ({
      capability,
      reach,
      granted_by: [...grantedBy],
      declared,
    })),
    escalations: radius.escalations.map(({ kind, reach, agentId, capability, toAgentId, sentence }) => ({
      kind,
      reach,
      agent_id: agentId,
      capability: capability ?? null,
      to_agent_id: toAgentId ?? null,
      sentence,
    })),
    excluded: [...radius.excluded],
    digest: radius.digest,
    acceptance: more.acceptance,
  };
}
