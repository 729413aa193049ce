/** What a workspace sets about a detection rule, or has as a rule of its own. It is under change control, as one document. */
import { LEVELS } from '@hivekey/detections';
import { z } from 'zod';
import { newQuarantineSchema } from '../containment/index.ts';
import { newRiskSchema } from '../risks/index.ts';

/** `D01`, or as people call it. */
export const detectionNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$/, 'is not 1 to 64 letters, digits, hyphens and underscores');

const MAX_SIGMA = 65_536;
const WEEK_SECONDS = 7 * 86_400;

const { role, expires_in_seconds: quarantineSeconds } = newQuarantineSchema.unwrap().shape;

/** What is done about a finding, beside the alert. It is done once for each finding, and never about a test. */
export const detectionActionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z
      .literal('risk')
      .meta({ description: 'A risk signal about the agent, or its owner where no agent is named.' }),
    level: newRiskSchema.shape.level,
    expires_in_seconds: newRiskSchema.shape.expires_in_seconds,
  }),
  z.strictObject({
    kind: z.literal('quarantine').meta({ description: 'The agent reads on, and does nothing else.' }),
    role,
    expires_in_seconds: quarantineSeconds,
  }),
  z.strictObject({
    kind: z.literal('breaker').meta({ description: 'Trips a circuit breaker for the agent.' }),
    breaker: z.string().min(1).max(64),
  }),
  z.strictObject({
    kind: z.literal('stop_proposal').meta({ description: 'Proposes to stop the agent; a person confirms it.' }),
  }),
]);
export type DetectionAction = z.output<typeof detectionActionSchema>;

const parameterSchema = z.union([
  z.number(),
  z.string().max(1_000),
  z.boolean(),
  z.array(z.string().max(1_000)).max(10_000),
]);

export const detectionDocument = z.strictObject({
  enabled: z.boolean().default(true),
  severity: z.enum(LEVELS).optional().meta({ description: 'In place of the one that the rule names.' }),
  suppression_seconds: z.int().min(0).max(WEEK_SECONDS).optional().meta({
    description: 'After a finding, no other of the same rule and key for so long; 0: each is told.',
  }),
  parameters: z.record(z.string().max(64), parameterSchema).default({}).meta({
    description: 'Of a shipped rule: numbers and lists that differ from its own.',
  }),
  action: detectionActionSchema.prefault({ kind: 'none' }),
  owner: z.email().max(254).optional().meta({ description: 'Who answers for the rule.' }),
  sigma: z.string().min(1).max(MAX_SIGMA).optional().meta({
    description: 'The rule itself, as Sigma 2.1.0 in YAML: of one of the workspace’s own.',
  }),
});
export type DetectionDocument = z.output<typeof detectionDocument>;

export const DEFAULT_DOCUMENT: DetectionDocument = detectionDocument.parse({});
