import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { ChangesContext } from './context.ts';
import { closed } from './failures.ts';
import { end } from './move.ts';
import { recordingRefusals } from './refusals.ts';
import { authorsOf, type ChangeRow, findChange, nameOfChange } from './rows.ts';

const OPEN = new Set<string>(['draft', 'submitted', 'approved', 'scheduled']);

/** By an author, or an administrator. Throws `change_not_found`, `change_<status>`, `role_missing`. */
export function withdrawChange(
  context: ChangesContext,
  who: Administrator,
  idOrName: string,
  reason: string,
): Promise<ChangeRow> {
  const { workspaceId, actor, person } = who;
  return recordingRefusals(context, who, idOrName, 'withdraw', () =>
    context.log.transact(workspaceId, async (transaction) => {
      const { client } = transaction;
      const row = await findChange(client, workspaceId, idOrName, 'FOR UPDATE OF c');
      if (!OPEN.has(row.status)) throw closed(row);
      const authors = await authorsOf(client, workspaceId, row.id);
      if (!authors.some(({ id }) => id === person?.id) && !who.roles.includes('admin')) throw notYours(row);
      await end(transaction, { actor, person: person?.email }, row, 'withdrawn', { code: 'withdrawn', reason });
      return findChange(client, workspaceId, row.id);
    }),
  );
}

function notYours(row: ChangeRow): Failure {
  return new Failure(
    403,
    'role_missing',
    `${nameOfChange(row)} is of somebody else.`,
    'Its authors withdraw it, or an administrator; a reviewer rejects it.',
  );
}
