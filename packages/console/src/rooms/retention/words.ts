/** How classes of records and reasons are spoken of. Pure. */
import type { HoldScope, RetentionClass, RetentionReason } from '@hivekey/sdk';

export const CLASSES: Readonly<Record<RetentionClass, string>> = {
  calls: 'Calls',
  results: 'Results of calls',
  approvals: 'Approvals',
  policy: 'Policy and changes',
  security: 'Stops, alerts, incidents',
  administrative: 'Agents, people, credentials',
  reads: 'Reads and exports of the log',
  system: 'HiveKey itself',
};

const REASONS: Readonly<Record<RetentionReason, string>> = {
  held: 'held',
  open_call: 'calls without a result',
  pending_approval: 'approvals that wait',
  in_force: 'of what is in force',
  call_stays: 'results of calls that stay',
};

export function periodWords(days: number | null): string {
  if (days === null) return 'for ever';
  if (days % 365 === 0) return days === 365 ? 'a year' : `${days / 365} years`;
  return days === 1 ? 'a day' : `${days} days`;
}

export function reasonsWords(reasons: Readonly<Partial<Record<RetentionReason, number>>>): string {
  const words = Object.entries(reasons).map(([reason, number]) => `${number} ${REASONS[reason as RetentionReason]}`);
  return words.length === 0 ? 'nothing' : words.join(', ');
}

export function scopeWords({ agent, owner, session, run, from, to }: HoldScope): string {
  return [
    agent === undefined ? [] : `agent ${agent}`,
    owner === undefined ? [] : `owner ${owner}`,
    session === undefined ? [] : `session ${session}`,
    run === undefined ? [] : `run ${run}`,
    from === undefined ? [] : `from ${from.slice(0, 10)}`,
    to === undefined ? [] : `before ${to.slice(0, 10)}`,
  ]
    .flat()
    .join(', ');
}
