/** Putting back what a change replaced, as a change of its own. */
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { contentHash, nameOf } from '../versions/index.ts';
import { refuseUnlessWriter } from './authority.ts';
import { locate } from './carry-out.ts';
import type { ChangesContext } from './context.ts';
import { insertDraft } from './draft.ts';
import { closed } from './failures.ts';
import { recordingRefusals } from './refusals.ts';
import { type ChangeRow, findChange, nameOfChange } from './rows.ts';
import { submitChange } from './submit.ts';
import type { ChangeOperation } from './types.ts';

/** Drafts and submits it. Throws `change_<status>`, `change_superseded`, `rollback_open`, `role_missing`, and what submitting may: then the draft stays. */
export async function rollBackChange(
  context: ChangesContext,
  who: Administrator,
  idOrName: string,
  reason: string,
): Promise<ChangeRow> {
  const drafted = await recordingRefusals(context, who, idOrName, 'rollback', () =>
    context.log.transact(who.workspaceId, async (transaction) => {
      const row = await findChange(transaction.client, who.workspaceId, idOrName, 'FOR UPDATE OF c');
      refuseUnlessWriter(who.roles, row.operations);
      return draftRollbackIn(transaction, context, who, row, reason);
    }),
  );
  return submitChange(context, who, drafted.id);
}

/** Of a change that is locked. A Failure as value where there is nothing to put back. */
export async function draftRollbackIn(
  transaction: LoggedTransaction,
  context: ChangesContext,
  who: Administrator,
  row: ChangeRow,
  reason: string,
): Promise<ChangeRow | Failure> {
  const { client } = transaction;
  const { workspace_id: workspaceId, replaced } = row;
  if (row.status !== 'activated' || replaced === null) return closed(row);
  const { rows: open } = await client.query<{ number: number }>(
    `SELECT number FROM changes WHERE workspace_id = $1 AND rollback_of = $2 AND status IN ('draft', 'submitted', 'approved', 'scheduled')`,
    [workspaceId, row.id],
  );
  if (open[0] !== undefined) return rollbackOpen(row, open[0].number);
  const operations = row.operations.map(
    ({ type, id, document }, place): ChangeOperation => ({
      type,
      id,
      document: replaced[place] ?? null,
      base: document === null ? null : contentHash(document),
    }),
  );
  const located = await locate(client, workspaceId, context.controlled, operations);
  const superseded = located.find(
    ({ operation, before }) => (before === null ? null : contentHash(before)) !== operation.base,
  );
  if (superseded !== undefined) return changeSuperseded(row, superseded.operation);
  return insertDraft(transaction, who, {
    class: 'rollback',
    title: `Roll back ${nameOfChange(row)}: ${row.title}`.slice(0, 200),
    justification: reason,
    ticket: row.ticket,
    operations,
    activate_at: null,
    source: null,
    rollback_of: row.id,
  });
}

/** One that could not be submitted stays a draft, to be seen, and its refusal is on the log. */
export async function submitRollback(context: ChangesContext, who: Administrator, id: string): Promise<void> {
  try {
    await submitChange(context, who, id);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

function changeSuperseded(row: ChangeRow, operation: ChangeOperation): Failure {
  return new Failure(
    409,
    'change_superseded',
    `${nameOf(operation)} was changed again since ${nameOfChange(row)}.`,
    'Draft a change of class normal with the documents that shall be there.',
  );
}

function rollbackOpen(row: ChangeRow, number: number): Failure {
  return new Failure(
    409,
    'rollback_open',
    `CHG-${number} already rolls back ${nameOfChange(row)}.`,
    'Go on with that one, or withdraw it.',
  );
}
