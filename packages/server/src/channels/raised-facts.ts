/** What messages keep of alerts that were raised, given to somebody, or left too long. */
import { z } from 'zod';

const subject = z.object({ kind: z.string(), name: z.string() });

export const raisedFacts = z.object({
  kind: z.enum(['alert.opened', 'alert.assigned', 'alert.escalated']),
  /** E-mails. */
  to: z.array(z.string()).default([]),
  alert_id: z.string(),
  source: z.string(),
  rule: z.string(),
  severity: z.enum(['informational', 'low', 'medium', 'high', 'critical']),
  subject,
  title: z.string(),
  evidence: z.array(z.string()).default([]),
  evidence_count: z.int().default(0),
  window_from: z.string().nullable().default(null),
  window_to: z.string().nullable().default(null),
  case_id: z.string().nullable().default(null),
  synthetic: z.boolean().default(false),
  /** Of an assignment. */
  assignee: z.string().nullable().default(null),
  actor: z.string(),
  /** Of an escalation: what was not done in time. */
  missed: z.enum(['acknowledge', 'close']).nullable().default(null),
  due_at: z.string().nullable().default(null),
  acknowledge_due_at: z.string().nullable().default(null),
  ts: z.string(),
});

export type RaisedFacts = z.output<typeof raisedFacts>;

/** Records that a message names; the console has all of them. */
const MAX_EVIDENCE = 3;

/** In words that are ours: titles and names stand beside them, where they cannot pass for a sentence. */
export function raisedSentence({ kind, severity, missed, synthetic }: RaisedFacts): string {
  const test = synthetic ? ' This is a test.' : '';
  switch (kind) {
    case 'alert.opened':
      return `Alert, ${severity}.${test}`;
    case 'alert.assigned':
      return `An alert, ${severity}, was given to you.${test}`;
    case 'alert.escalated':
      return missed === 'close'
        ? `Escalated: nobody has closed an alert, ${severity}, in time.`
        : `Escalated: nobody has acknowledged an alert, ${severity}, in time.`;
  }
}

export function raisedLines(facts: RaisedFacts): readonly (readonly [string, string | null])[] {
  const { evidence, evidence_count: count } = facts;
  const shown = evidence.slice(0, MAX_EVIDENCE).join(', ');
  return [
    ['what', facts.title],
    ['about', `${facts.subject.kind} ${facts.subject.name}`],
    ['rule', `${facts.source} ${facts.rule}`],
    [
      'evidence',
      count === 0
        ? null
        : `${count} ${count === 1 ? 'record' : 'records'}: ${shown}${count > MAX_EVIDENCE ? ', …' : ''}`,
    ],
    ['from', facts.window_from],
    ['to', facts.window_to],
    ['given by', facts.kind === 'alert.assigned' ? facts.actor : null],
    ['due', facts.kind === 'alert.escalated' ? facts.due_at : facts.acknowledge_due_at],
    ['case', facts.case_id],
    ['alert', facts.alert_id],
    ['at', facts.ts],
  ];
}
