/** Detections as the API shows them: what a rule says, what is set about it, what it has found. */
import { LEVELS, shippedRules } from '@hivekey/detections';
import { z } from 'zod';
import { DEFAULT_DOCUMENT, detectionActionSchema, detectionDocument } from './document.ts';
import type { FoundLately } from './findings.ts';
import type { Detection } from './rule-set.ts';
import type { StoredSetting } from './store.ts';

const parameterValue = z.union([z.number(), z.string(), z.boolean(), z.array(z.string())]);

export const detectionSchema = z
  .object({
    object: z.literal('detection'),
    name: z.string(),
    shipped: z.boolean(),
    rule_id: z.string().nullable().meta({ description: 'UUID; the same in every version.' }),
    title: z.string(),
    description: z.string(),
    form: z.enum(['sigma', 'native']).nullable(),
    rule_version: z.int().nullable(),
    file_digest: z.string().nullable(),
    digest: z.string().nullable(),
    settings_version: z.int().nullable().meta({ description: 'Null: it is as it is shipped.' }),
    enabled: z.boolean(),
    problem: z.string().nullable().meta({ description: 'Why it does not run.' }),
    level: z.enum(LEVELS).nullable().meta({ description: 'As the rule says, or the workspace in its place.' }),
    severity: z.enum(LEVELS).nullable().meta({ description: 'What the workspace has set.' }),
    suppression_seconds: z.int().nullable(),
    parameters: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        value: parameterValue,
        default: parameterValue,
        min: z.number().nullable(),
        max: z.number().nullable(),
      }),
    ),
    action: detectionActionSchema,
    learned: z.boolean().meta({ description: 'It rests on a learned baseline: it informs, and never acts.' }),
    offers_action: z.boolean(),
    owner: z.string().nullable(),
    criteria: z.object({ soc2: z.array(z.string()), owasp_agentic: z.array(z.string()) }),
    false_positives: z.array(z.string()),
    response: z.string(),
    fields: z.array(z.string()).meta({ description: 'What it reads of records.' }),
    findings_30_days: z.int(),
    last_finding_at: z.int().nullable(),
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'Detection' });
export type DetectionView = z.output<typeof detectionSchema>;

export const fullDetectionSchema = detectionSchema
  .extend({
    rule: z.string().meta({ description: 'The rule as it is written.' }),
    document: detectionDocument.meta({ description: 'What PUT takes: all that is set.' }),
  })
  .meta({ id: 'FullDetection' });

/** One of several rules of a file stands for all: the first that fires. */
export function viewOf(
  { name, isShipped, document, version, problem, rules: [rule] }: Detection,
  stored: StoredSetting | undefined,
  found: FoundLately | undefined,
): DetectionView {
  const about = rule?.document;
  return {
    object: 'detection',
    name,
    shipped: isShipped,
    rule_id: about?.id ?? null,
    title: about?.title ?? name,
    description: about?.description ?? '',
    form: about?.form ?? null,
    rule_version: about?.version ?? null,
    file_digest: rule?.fileDigest ?? null,
    digest: rule?.digest ?? null,
    settings_version: version,
    enabled: document.enabled,
    problem,
    level: about?.level ?? null,
    severity: document.severity ?? null,
    suppression_seconds: about?.suppressionSeconds ?? null,
    parameters: Object.entries(about?.parameters ?? {}).map(([parameter, { description, default: own, min, max }]) => ({
      name: parameter,
      description,
      value: copyOf(rule?.parameters[parameter] ?? own),
      default: copyOf(own),
      min: min ?? null,
      max: max ?? null,
    })),
    action: document.action,
    learned: about?.learned ?? false,
    offers_action: about?.offersAction ?? false,
    owner: document.owner ?? null,
    criteria: { soc2: [...(about?.criteria.soc2 ?? [])], owasp_agentic: [...(about?.criteria.owasp_agentic ?? [])] },
    false_positives: [...(about?.falsePositives ?? [])],
    response: about?.response ?? '',
    fields: [...(about?.fields ?? [])],
    findings_30_days: found?.findings ?? 0,
    last_finding_at: found?.lastAt ?? null,
    author: stored?.author ?? null,
    updated_at: stored?.updatedAt ?? null,
  };
}

const TEXTS: ReadonlyMap<string, string> = new Map(shippedRules().map(({ name, text }) => [name, text]));

export function ruleTextOf({ document, rules: [rule] }: Detection): string {
  return document.sigma ?? TEXTS.get(rule?.file ?? '') ?? '';
}

export function fullViewOf(detection: Detection, stored: StoredSetting | undefined, found: FoundLately | undefined) {
  const document = stored?.document ?? DEFAULT_DOCUMENT;
  return { ...viewOf(detection, stored, found), rule: ruleTextOf(detection), document };
}

function copyOf(value: number | string | boolean | readonly string[]): z.output<typeof parameterValue> {
  return typeof value === 'object' ? [...value] : value;
}
