/** What the console calls things of ownership. */
import type { FullTransferTask, Orphan, TransferTask } from '../../api/agent-types.ts';

export const TASK_STATUSES: Readonly<Record<TransferTask['status'], string>> = {
  open: 'waiting',
  done: 'finished',
  expired: 'overdue',
  superseded: 'superseded',
};

export const CAUSES: Readonly<Record<TransferTask['cause'], string>> = {
  administrator: 'an administrator',
  scim: 'the directory',
};

type Outcome = NonNullable<FullTransferTask['agents'][number]['outcome']>;

export const OUTCOMES: Readonly<Record<Outcome, string>> = {
  accepted: 'accepted by its new owner',
  given: 'given to another owner, unasked',
  kept: 'kept by the owner who came back',
  retired: 'revoked at the deadline',
  superseded: 'in a later task',
};

export const FATES: Readonly<Record<FullTransferTask['receipt']['calls'][number]['fate'], string>> = {
  aborted_before_upstream: 'aborted before the upstream saw it',
  unknown: 'aborted; the upstream may have acted',
  finished: 'had finished',
};

export const ORPHANED: Readonly<Record<Orphan['why'], string>> = {
  owner_inactive: 'its owner has left',
  deputies_gone: 'none of its deputies is left',
};
