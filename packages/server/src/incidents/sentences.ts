/** A record of the log in one sentence, for a timeline. Pure. */
import type { LogRecord } from '../log/index.ts';

type Words = (of: (field: string) => string) => string;

const SENTENCES: Readonly<Record<string, Words>> = {
  'tool.call': (of) => `${of('agent')} asked for ${of('action')}: ${of('verdict')}. ${of('reason')}`,
  'tool.result': (of) => `${of('agent')}: ${of('action')} ended with ${of('outcome')}.`,
  'alert.opened': (of) => `Alert, ${of('severity')}: ${of('title')}`,
  'alert.acknowledged': (of) => `${of('person')} acknowledged the alert ${of('alert_id')}. ${of('reason')}`,
  'alert.assigned': (of) => `The alert ${of('alert_id')} was given to ${of('assignee')}. ${of('reason')}`,
  'alert.triaged': (of) => `${of('person')} judged the alert ${of('alert_id')}: ${of('disposition')}. ${of('reason')}`,
  'alert.closed': (of) => `${of('person')} closed the alert ${of('alert_id')}. ${of('reason')}`,
  'alert.reopened': (of) => `${of('person')} reopened the alert ${of('alert_id')}. ${of('reason')}`,
  'alert.escalated': (of) => `Nobody did in time for the alert ${of('alert_id')}: ${of('missed')}.`,
  'alert.acted': (of) => `Because of the alert ${of('alert_id')}: ${of('action')}. ${of('reason')}`,
  'alert.over': (of) => `What the alert ${of('alert_id')} tells of is over.`,
  'incident.opened': (of) => `${of('person')} opened the incident: ${of('title')}. ${of('reason')}`,
  'incident.changed': (of) => `${of('person')} changed the incident: ${of('changes')}. ${of('reason')}`,
  'incident.linked': (of) => `${of('person')} ${of('change')} ${of('link_kind')} ${of('name')}. ${of('reason')}`,
  'incident.noted': (of) => of('note'),
  'incident.follow_up': (of) =>
    `Follow-up ${of('change')}: ${of('follow_up')}, by ${of('owner')} until ${of('due_at')}, ${of('status')}.`,
  'incident.closed': (of) => `${of('person')} closed the incident. ${of('reason')}`,
  'incident.reopened': (of) => `${of('person')} reopened the incident. ${of('reason')}`,
  'agent.revoked': (of) => `The agent ${of('agent')} was stopped. ${of('reason')}`,
  'agent.restored': (of) => `The agent ${of('agent')} was let go on. ${of('reason')}`,
  'agent.changed': (of) => `The agent ${of('agent')} was changed: ${of('changes')}. ${of('reason')}`,
  'containment.ordered': (of) =>
    `A stop was ordered: ${of('scope')} ${of('target')}, ${of('agents')} agents. ${of('reason')}`,
  'containment.lifted': (of) => `A stop was lifted: ${of('scope')} ${of('target')}. ${of('reason')}`,
  'containment.proposal': (of) =>
    `A ${of('proposed')} was ${of('change')}: ${of('scope')} ${of('target')}. ${of('reason')}`,
  'quarantine.entered': (of) => `The agent ${of('agent')} was put into quarantine. ${of('reason')}`,
  'quarantine.ended': (of) => `The quarantine of ${of('agent')} ended. ${of('reason')}`,
  'breaker.tripped': (of) => `The breaker ${of('breaker')} tripped for ${of('agent')}. ${of('reason')}`,
  'risk.raised': (of) => `Risk raised: ${of('level')}. ${of('reason')}`,
  'risk.cleared': (of) => `Risk cleared. ${of('reason')}`,
  'approval.requested': (of) => `${of('agent')} asked for approval of ${of('action')}.`,
  'approval.decided': (of) => `${of('person')} decided about ${of('action')} of ${of('agent')}: ${of('decision')}.`,
  'approval.granted': (of) => `${of('action')} of ${of('agent')} was approved.`,
  'approval.stopped': (of) => `The approved ${of('action')} of ${of('agent')} was stopped.`,
  'change.submitted': (of) => `${of('change')} was submitted: ${of('title')}.`,
  'change.approved': (of) => `${of('change')} was approved: ${of('title')}.`,
  'change.activated': (of) => `${of('change')} is in force: ${of('title')}.`,
  'change.rolled_back': (of) => `${of('change')} was rolled back: ${of('title')}.`,
};

/** Values are what the record says, cut to a line each. */
export function sentenceOf(record: LogRecord): string {
  const of = (field: string): string => textOf(record[field]);
  const words = SENTENCES[record.kind];
  const subject = ['agent', 'change', 'role', 'title', 'reason'].map(of).filter((text) => text !== '');
  const sentence = words === undefined ? [record.kind, ...subject].join(' · ') : words(of);
  return sentence.replaceAll(/\s+/g, ' ').trim();
}

const MAX_TEXT = 2_000;

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
