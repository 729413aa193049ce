/** An answer to one of an auditor's four questions: one sentence, the claims it is made of, and the record behind each. */
import { z } from 'zod';

export const QUESTIONS = ['authority', 'blast_radius', 'activity', 'revocation'] as const;
export type Question = (typeof QUESTIONS)[number];

/** As an auditor asks them. */
export const ASKED: Readonly<Record<Question, string>> = {
  authority: 'How does this agent get its permissions, and who approved them?',
  blast_radius: 'If compromised, what is the maximum impact?',
  activity: 'What did this agent do in the period?',
  revocation: 'How would you revoke this agent right now?',
};

const claimSchema = z.object({
  topic: z.string(),
  sentence: z.string(),
  at: z.string().nullable().meta({ description: 'ISO 8601 UTC.' }),
  by: z.string().nullable(),
  record: z.string().nullable().meta({ description: 'Id of the record of the log that says so.' }),
  computed_from: z.string().nullable().meta({
    description: 'What it was computed from, where no record says it: a policy by its hash, a range of the log.',
  }),
  missing: z.boolean().meta({ description: 'There should be a record, and there is none.' }),
});

const cell = z.union([z.string(), z.number(), z.null()]);

const tableSchema = z.object({
  name: z.string(),
  title: z.string(),
  columns: z.array(z.string()),
  rows: z.array(z.array(cell)),
});

export const answerSchema = z
  .object({
    object: z.literal('answer'),
    question: z.enum(QUESTIONS),
    asked: z.string().meta({ description: 'The question in words.' }),
    agent: z.string(),
    agent_id: z.string(),
    as_of: z.string().meta({ description: 'The instant that it is about, ISO 8601 UTC.' }),
    period: z
      .object({ from: z.string(), to: z.string() })
      .nullable()
      .meta({ description: 'Half-open. Null where the answer is about one instant.' }),
    sentence: z.string(),
    claims: z.array(claimSchema),
    tables: z.array(tableSchema),
    not_covered: z.array(z.string()).meta({ description: 'What the answer says nothing about.' }),
  })
  .meta({ id: 'Answer' });

export type Answer = z.output<typeof answerSchema>;
export type Claim = z.output<typeof claimSchema>;

interface Said {
  readonly at?: string | null;
  readonly by?: string | null;
}

/** A claim that a record of the log carries; without one it is shown as missing, never left out. */
export function recorded(topic: string, sentence: string, record: string | null, { at, by }: Said = {}): Claim {
  return { topic, sentence, at: at ?? null, by: by ?? null, record, computed_from: null, missing: record === null };
}

/** A claim that follows from what can be computed again. */
export function computed(topic: string, sentence: string, from: string, { at, by }: Said = {}): Claim {
  return { topic, sentence, at: at ?? null, by: by ?? null, record: null, computed_from: from, missing: false };
}

/** What nobody has written down. */
export function unrecorded(topic: string, sentence: string): Claim {
  return recorded(topic, sentence, null);
}

/** Epoch seconds. */
export function iso(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}
