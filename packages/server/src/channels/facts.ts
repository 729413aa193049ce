/** What messages keep of the records that they tell of. */
import { z } from 'zod';
import { raisedFacts, raisedLines, raisedSentence } from './raised-facts.ts';

/** Of `approval.reminded` and `approval.escalated`. */
export const noticeFacts = z.object({ to: z.array(z.string()).default([]), named: z.array(z.string()).default([]) });

/** Of `delegation.created` and `delegation.ended`. */
export const delegationFacts = z.object({
  ended: z.boolean(),
  from: z.string(),
  to: z.string(),
  capabilities: z.array(z.string()).nullable().default(null),
  starts_at: z.string().nullable().default(null),
  ends_at: z.string().nullable().default(null),
  reason: z.string().default(''),
});

/** Of the records of agents that are to have another owner. */
export const transferFacts = z.object({
  kind: z.enum(['transfer.opened', 'transfer.reminded', 'transfer.escalated', 'transfer.closed', 'transfer.proposed']),
  to: z.array(z.string()).default([]),
  task_id: z.string().nullable().default(null),
  /** Who has left. */
  person: z.string().nullable().default(null),
  agents: z.array(z.string()).default([]),
  agents_count: z.int().nullable().default(null),
  retired_count: z.int().nullable().default(null),
  due_at: z.string().nullable().default(null),
  transfer_id: z.string().nullable().default(null),
  agent: z.string().nullable().default(null),
  owner: z.string().nullable().default(null),
  answer_by: z.string().nullable().default(null),
  reason: z.string().default(''),
});

export type TransferFacts = z.output<typeof transferFacts>;

const TRANSFER_SENTENCES: Readonly<Record<TransferFacts['kind'], string>> = {
  'transfer.opened': 'Somebody has left: their agents are suspended and need another owner.',
  'transfer.reminded': 'Agents still need another owner.',
  'transfer.escalated': 'Escalated: agents still need another owner.',
  'transfer.closed': 'Agents were revoked, as nobody had taken them over.',
  'transfer.proposed': 'You are asked to take over an agent.',
};

/** Of the records of accounts for emergencies. */
const breakGlassFacts = z.object({
  kind: z.enum(['break_glass.used', 'break_glass.changed']),
  /** E-mails of administrators. */
  to: z.array(z.string()).default([]),
  person: z.string(),
  actor: z.string(),
  change: z.string().nullable().default(null),
  address: z.string().nullable().default(null),
  ts: z.string(),
});

/** Of a blast radius that is not as it was accepted, or not as it was computed. */
const blastRadiusFacts = z.object({
  kind: z.enum(['blast_radius.exceeded', 'blast_radius.differs']),
  to: z.array(z.string()).default([]),
  subject: z.object({ kind: z.string(), name: z.string() }).nullable().default(null),
  /** Who had accepted it. */
  person: z.string().nullable().default(null),
  cause: z.enum(['passed', 'expired']).nullable().default(null),
  sentence: z.string().nullable().default(null),
  until: z.string().nullable().default(null),
  policy: z.string().nullable().default(null),
  differences: z.int().nullable().default(null),
  certificate: z.string().nullable().default(null),
  ts: z.string(),
});

const driftFacts = z.object({
  kind: z.literal('drift.found'),
  to: z.array(z.string()).default([]),
  what: z.string(),
  object_type: z.string(),
  object_id: z.string(),
  expected: z.string(),
  found: z.string(),
  holds: z.string(),
  ts: z.string(),
});

/** Of a change of what decides that waits for a reviewer, before it is in force or after. */
export const changeFacts = z.object({
  kind: z.enum(['change.submitted', 'change.overdue']),
  /** E-mails of those who may review it. */
  to: z.array(z.string()).default([]),
  change: z.string(),
  title: z.string(),
  class: z.string(),
  risk: z.string().nullable().default(null),
  author: z.string(),
  activated_by: z.string().nullable().default(null),
  review_due_at: z.string().nullable().default(null),
});

export const alertFacts = z.discriminatedUnion('kind', [
  breakGlassFacts,
  blastRadiusFacts,
  driftFacts,
  changeFacts,
  raisedFacts,
]);

type AlertFacts = z.output<typeof alertFacts>;

export function alertSentence(facts: AlertFacts): string {
  switch (facts.kind) {
    case 'break_glass.used':
      return 'Somebody has signed in to an account for emergencies.';
    case 'break_glass.changed':
      return 'An account for emergencies was changed.';
    case 'blast_radius.exceeded':
      return facts.cause === 'expired'
        ? 'What a blast radius was accepted as is over.'
        : 'A blast radius is larger than what was accepted.';
    case 'drift.found':
      return 'What decides was edited past HiveKey.';
    case 'change.submitted':
      return 'A change of what decides waits for a reviewer.';
    case 'change.overdue':
      return 'Escalated: nobody has reviewed an emergency change in time.';
    case 'blast_radius.differs':
      return 'What the decision function lets through is not what blast radii are computed from.';
    case 'alert.opened':
    case 'alert.assigned':
    case 'alert.escalated':
      return raisedSentence(facts);
  }
}

export function alertLines(facts: AlertFacts): readonly (readonly [string, string])[] {
  return linesOf(facts).flatMap(([name, text]) => (text === null ? [] : [[name, text] as const]));
}

function linesOf(facts: AlertFacts): readonly (readonly [string, string | null])[] {
  if (facts.kind === 'drift.found')
    return [
      ['what', `${facts.object_type} ${facts.object_id}`],
      ['approved', facts.expected],
      ['found', facts.found],
      ['holds', facts.holds],
      ['at', facts.ts],
    ];
  if ('alert_id' in facts) return raisedLines(facts);
  if ('risk' in facts)
    return [
      ['change', facts.change],
      ['title', facts.title],
      ['class', facts.class],
      ['risk', facts.risk],
      ['author', facts.author],
      ['activated by', facts.activated_by],
      ['to be reviewed by', facts.review_due_at],
    ];
  if ('address' in facts)
    return [
      ['account', facts.person],
      ['change', facts.change],
      ['by', facts.change === null ? null : facts.actor],
      ['from', facts.address],
      ['at', facts.ts],
    ];
  return [
    ['of', facts.subject === null ? null : `${facts.subject.kind} ${facts.subject.name}`],
    ['now', facts.sentence],
    ['accepted by', facts.person],
    ['until', facts.until],
    ['certificate', facts.certificate],
    ['differences', facts.differences === null ? null : String(facts.differences)],
    ['policy', facts.policy],
    ['at', facts.ts],
  ];
}

/** Where it can be read, and decided by whoever signs in: nothing is decided from a message. `url`: origin of the console. */
export function alertEnd(url: string, facts: AlertFacts): { readonly words: string; readonly link?: string } {
  if ('alert_id' in facts)
    return { words: 'See it, and what can be done, in HiveKey', link: `${url}/alerts/${facts.alert_id}` };
  return 'risk' in facts
    ? { words: 'Read and review it in HiveKey', link: `${url}/changes/${facts.change}` }
    : { words: 'Look at the log of HiveKey.' };
}

/** Names that a message shows. */
const MAX_NAMES = 10;

export function transferSentence({ kind }: TransferFacts): string {
  return TRANSFER_SENTENCES[kind];
}

/** The page of the console: of the task, or of what is offered. `url`: origin of the console. */
export function transferLink(url: string, { task_id: task, kind }: TransferFacts): string {
  return kind === 'transfer.proposed' || task === null ? `${url}/agents?tab=transfers` : `${url}/transfers/${task}`;
}

export function transferLines(facts: TransferFacts): readonly (readonly [string, string])[] {
  const { agents, agents_count: count, retired_count: retired } = facts;
  const names = agents.slice(0, MAX_NAMES).join(', ');
  const lines: readonly (readonly [string, string | null])[] = [
    ['left', facts.person],
    ['agents', count === null ? null : count > MAX_NAMES ? `${count}: ${names}, …` : names],
    ['revoked', retired === null ? null : String(retired)],
    ['until', facts.due_at],
    ['agent', facts.agent],
    ['owner', facts.owner],
    ['reason', facts.reason === '' ? null : facts.reason],
    ['answer by', facts.answer_by],
    ['task', facts.task_id],
    ['offer', facts.transfer_id],
  ];
  return lines.flatMap(([name, text]) => (text === null ? [] : [[name, text] as const]));
}

export type NoticeFacts = z.output<typeof noticeFacts>;
export type DelegationFacts = z.output<typeof delegationFacts>;

/** In words that are ours. */
export function delegationSentence({ ended }: DelegationFacts): string {
  return ended ? 'A delegation of approvals has ended.' : 'Approvals are delegated.';
}

export function delegationLines(facts: DelegationFacts): readonly (readonly [string, string])[] {
  const { from, to, capabilities, starts_at, ends_at, reason } = facts;
  return [
    ['from', from],
    ['to', to],
    ['of', capabilities === null ? 'all capabilities' : capabilities.join(', ')],
    ...(starts_at === null ? [] : [['begins', starts_at] as const]),
    ...(ends_at === null ? [] : [['ends', ends_at] as const]),
    ...(reason === '' ? [] : [['reason', reason] as const]),
  ];
}
