/** Engagements in words. Pure. */
import type { Engagement, EngagementAct, EngagementRequest } from '@hivekey/sdk';

/** Whole days of UTC, the last one included: `2026-07-01 – 2026-09-30`. */
export function periodWords({
  period_from: from,
  period_to: to,
}: Pick<Engagement, 'period_from' | 'period_to'>): string {
  const last = new Date(Date.parse(to) - 1).toISOString();
  return `${from.slice(0, 10)} – ${last.slice(0, 10)}`;
}

export const ACT_WORDS: Readonly<Record<EngagementAct['act'], string>> = {
  opened: 'asked',
  commented: 'said',
  provided: 'provided',
  accepted: 'accepted it',
  returned: 'returned it',
  closed: 'closed it',
};

export const TONES: Readonly<Record<EngagementRequest['status'], 'allow' | 'deny' | 'review' | 'neutral'>> = {
  open: 'review',
  provided: 'neutral',
  accepted: 'allow',
  returned: 'deny',
  closed: 'neutral',
};

/** `person:ada@ledger.example` → `ada@ledger.example`. */
export function whoWords(actor: string): string {
  return actor.replace(/^(?:person|key):/, '');
}
