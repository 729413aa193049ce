/** Making the documents of a change what is there: in its one transaction, and before, in one that is rolled back. */
import type { JsonValue, PolicySet } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { loadPolicySet } from '../roles/index.ts';
import { type ControlledTypes, contentHash, nameOf, type ObjectRef, type ObjectType } from '../versions/index.ts';
import { documentNow, typeOf } from './draft.ts';
import type { ChangeRow } from './rows.ts';
import type { ChangeOperation } from './types.ts';

/** What others refer to comes first; what is removed goes in the opposite order, after everything else. */
const ORDER: readonly ObjectType[] = [
  'mcp_server',
  'http_api',
  'capability',
  'definition',
  'sources',
  'role',
  'workspace_guards',
  'assignment',
  'freeze',
  'breaker',
  'detection',
  'person_authority',
  'approval_reminders',
  'agent_settings',
  'containment_settings',
  'change_settings',
];

export interface Located {
  readonly operation: ChangeOperation;
  /** What is there now; null: nothing. */
  readonly before: JsonValue | null;
}

/** In the order of the operations. */
export async function locate(
  client: ClientBase,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  operations: readonly ChangeOperation[],
): Promise<readonly Located[]> {
  const located: Located[] = [];
  for (const operation of operations)
    located.push({ operation, before: await documentNow(client, workspaceId, controlled, operation) });
  return located;
}

/** Those that are not what the change was drafted on any more. */
export function movedIn(located: readonly Located[]): readonly ChangeOperation[] {
  return located
    .filter(({ operation: { base }, before }) => (before === null ? null : contentHash(before)) !== base)
    .map(({ operation }) => operation);
}

/** `who`: in whose name, which is the author's. Throws `change_invalid`. */
export async function carryOut(
  transaction: LoggedTransaction,
  controlled: ControlledTypes,
  who: Administrator,
  operations: readonly ChangeOperation[],
): Promise<void> {
  for (const operation of inOrder(operations))
    try {
      const { type, id, document } = operation;
      await refuseOtherName(transaction.client, who.workspaceId, controlled, { type, id });
      const of = typeOf(controlled, type);
      await of.apply(transaction, who, id, document === null ? null : of.parse(id, document));
    } catch (error) {
      throw error instanceof Failure ? invalid(operation, error) : error;
    }
}

/** Of which a workspace has one. */
const SINGLE: ReadonlySet<ObjectType> = new Set([
  'workspace_guards',
  'sources',
  'approval_reminders',
  'agent_settings',
  'containment_settings',
  'change_settings',
]);
/** What comes about elsewhere, and is found by another name as well. */
const NEVER_NEW: ReadonlySet<ObjectType> = new Set(['assignment', 'person_authority']);

/** An object has one name: under another it would be compared with nothing, and stand in a change twice. Throws `object_misnamed`. */
async function refuseOtherName(
  client: ClientBase,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  { type, id }: ObjectRef,
): Promise<void> {
  const what = type.replaceAll('_', ' ');
  if (SINGLE.has(type) && id !== '*')
    throw new Failure(422, 'object_misnamed', `Of ${what} there is one.`, 'Name it "*".');
  if (NEVER_NEW.has(type) && (await documentNow(client, workspaceId, controlled, { type, id })) === null)
    throw new Failure(422, 'object_misnamed', `No ${what} has the id "${id}".`, 'Name the agent or person by its id.');
}

function inOrder(operations: readonly ChangeOperation[]): readonly ChangeOperation[] {
  const place = ({ type, document }: ChangeOperation) =>
    document === null ? 2 * ORDER.length - ORDER.indexOf(type) : ORDER.indexOf(type);
  return operations.toSorted((a, b) => place(a) - place(b));
}

function invalid(operation: ChangeOperation, { code, message, remedy, problems }: Failure): Failure {
  return new Failure(422, 'change_invalid', `Of ${nameOf(operation)}: ${message}`, remedy, [
    { type: operation.type, id: operation.id, code, message, remedy, ...(problems === undefined ? {} : { problems }) },
  ]);
}

export interface Rehearsal {
  readonly located: readonly Located[];
  readonly before: PolicySet;
  readonly after: PolicySet;
}

/** Ends the transaction, so that nothing of it stays. */
class RolledBack extends Error {
  readonly rehearsal: Rehearsal;

  constructor(rehearsal: Rehearsal) {
    super('a rehearsal is rolled back');
    this.rehearsal = rehearsal;
  }
}

/** Carries the change out and takes all of it back: what would refuse it at its activation refuses it now. Throws `change_stale`, `change_invalid`. */
export async function rehearse(
  log: ActionLog,
  controlled: ControlledTypes,
  who: Administrator,
  row: ChangeRow,
): Promise<Rehearsal> {
  try {
    return await log.transact(row.workspace_id, async (transaction) => {
      const { client } = transaction;
      const located = await locate(client, row.workspace_id, controlled, row.operations);
      const moved = movedIn(located);
      if (moved.length > 0) throw staleBase(moved);
      const { set: before } = await loadPolicySet(client, row.workspace_id);
      await carryOut(transaction, controlled, who, row.operations);
      const { set: after } = await loadPolicySet(client, row.workspace_id);
      throw new RolledBack({ located, before, after });
    });
  } catch (error) {
    if (error instanceof RolledBack) return error.rehearsal;
    throw error;
  }
}

export function staleBase(moved: readonly ChangeOperation[]): Failure {
  const [first] = moved;
  return new Failure(
    409,
    'change_stale',
    `${first === undefined ? 'An object' : nameOf(first)} is not what the change was drafted on any more.`,
    'Draft it again on what is there now.',
    moved.map(({ type, id, base }) => ({ type, id, base })),
  );
}
