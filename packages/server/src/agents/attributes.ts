/** What an agent is made of: declared by people, kept in versions. Pure. */
import { hash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import { z } from 'zod';

const text = z.string().trim().min(1).max(300);
const MAX_TOOLS = 200;
/** They stand on one record, which has at most 64 KiB. */
const MAX_BYTES = 16_384;

const fields = {
  model: text.optional(),
  prompt_version: text.optional(),
  prompt_sha256: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'is not sha256: and 64 hex digits')
    .optional(),
  tools: z
    .array(z.string().trim().min(1).max(128))
    .max(MAX_TOOLS)
    .transform((tools) => [...new Set(tools)].sort())
    .optional(),
  framework: text.optional(),
  repository: text.optional(),
  deployment: text.optional(),
};

export const attributesSchema = z
  .strictObject(fields)
  .refine(
    (attributes) => Buffer.byteLength(JSON.stringify(attributes)) <= MAX_BYTES,
    `is larger than ${MAX_BYTES} bytes`,
  )
  .meta({ description: 'What the agent is made of, as declared. A change is a new version.' });

export type Attributes = z.output<typeof attributesSchema>;

/** As they are answered; `tools` in order. */
export const attributesView = z
  .object({ ...fields, prompt_sha256: z.string().optional(), tools: z.array(z.string()).optional() })
  .meta({ id: 'AgentAttributes' });

/** `sha256:<hex>` of the RFC 8785 form. */
export function digestOf(attributes: Attributes): string {
  return `sha256:${hash('sha256', canonicalJson(attributes))}`;
}

const NAMES = Object.keys(fields);

/** Field → before and after, of those that differ; null where it was not declared. */
export function attributeChanges(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Record<string, [unknown, unknown]> {
  return Object.fromEntries(
    NAMES.flatMap((name): [string, [unknown, unknown]][] => {
      const was = before[name] ?? null;
      const is = after[name] ?? null;
      return canonicalJson(was) === canonicalJson(is) ? [] : [[name, [was, is]]];
    }),
  );
}
