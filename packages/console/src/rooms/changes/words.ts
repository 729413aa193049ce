/** Changes in words. Pure. */
import type { Change, ChangeClass, ChangedObject, ChangeStatus } from '../../api/change-types.ts';
import { plural } from '../../ui/format.ts';

export const STATUS_WORDS: Readonly<Record<ChangeStatus, string>> = {
  draft: 'draft',
  submitted: 'waiting',
  approved: 'approved',
  scheduled: 'scheduled',
  activated: 'in force',
  rejected: 'rejected',
  withdrawn: 'withdrawn',
  stale: 'stale',
  expired: 'expired',
  rolled_back: 'rolled back',
};

export const CLASS_WORDS: Readonly<Record<ChangeClass, string>> = {
  normal: 'normal',
  standard: 'standard: fits a pattern that was approved before',
  emergency: 'emergency',
  rollback: 'rollback',
  direct: 'direct: not reviewed here',
};

/** `role Billing`, `agent settings` */
export function objectWords({ type, id }: ChangedObject): string {
  const what = type.replaceAll('_', ' ');
  return id === '*' ? what : `${what} ${id}`;
}

export function objectsWords(objects: readonly ChangedObject[]): string {
  const [first, second, ...more] = objects;
  if (first === undefined) return 'nothing';
  const named = [first, ...(second === undefined ? [] : [second])].map(objectWords).join(', ');
  return more.length === 0 ? named : `${named} and ${plural(more.length, 'other')}`;
}

/** Who must still approve. */
export function missingWords({
  people,
  groups,
}: {
  readonly people: number;
  readonly groups: readonly string[];
}): string {
  if (people === 0) return 'nobody is missing';
  const among = groups.length === 0 ? '' : `, of ${groups.join(' and ')}`;
  return `${plural(people, 'person', 'people')} to approve${among}`;
}

/** Where it stands, in one sentence. */
export function stateWords(change: Change): string {
  const { status, missing, preview, waiting_for, activated_by, emergency_review, ended_by, ended_reason } = change;
  switch (status) {
    case 'draft':
      return 'A draft: nobody else has been asked yet.';
    case 'submitted':
      if (preview?.state === 'running') return 'Its preview is still being made; it can be approved when that is done.';
      return missing === null ? 'It waits.' : `It takes ${missingWords(missing)}.`;
    case 'approved':
      return ended_reason === null ? 'Approved, and not in force yet.' : `Approved, and not in force: ${ended_reason}`;
    case 'scheduled':
      return waiting_for.length === 0
        ? 'Approved; it takes effect at its time.'
        : `Its time has come, and it waits for the end of ${waiting_for.join(', ')}.`;
    case 'activated':
      if (emergency_review === 'due' || emergency_review === 'overdue')
        return `In force since an emergency${emergency_review === 'overdue' ? ', and its review is overdue' : ', to be reviewed'}.`;
      return `In force${activated_by === null ? '' : `, put there by ${activated_by}`}.`;
    case 'stale':
      return 'What it was drafted on is not there any more. Draft it again.';
    case 'rolled_back':
      return 'It was in force, and what it replaced has been put back.';
    case 'rejected':
    case 'withdrawn':
    case 'expired':
      return `${STATUS_WORDS[status].replace(/^./, (letter) => letter.toUpperCase())}${ended_by === null ? '' : ` by ${ended_by}`}${ended_reason === null || ended_reason === '' ? '' : `: ${ended_reason}`}.`;
  }
}

const BARS: Readonly<Record<string, string>> = {
  approver_is_author: 'you are an author of it',
  approver_same_person: 'you stand for an author, or an author stands for you',
  approver_decided_before: 'you have decided already',
  approver_not_needed: 'the places that are open are for other groups',
  approver_not_reviewer: 'it takes the role reviewer',
  person_required: 'your key belongs to no person',
  person_inactive: 'you are not active',
};

/** Why whoever looks may not approve. */
export function barWords(code: string): string {
  return BARS[code] ?? code.replaceAll('_', ' ');
}
