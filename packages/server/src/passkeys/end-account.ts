/** Ending an account for emergencies: as somebody who leaves, and while enough others stay. */
import type { Administrator } from '../api/route.ts';
import { type LeaveContext, withDepartures } from '../departures/index.ts';
import { administratorsOf, refuseBreakGlassLoss } from '../identity/index.ts';
import { readAccount } from './break-glass.ts';

/** Throws `break_glass_not_found`, `break_glass_minimum`. */
export async function endAccount(
  context: LeaveContext,
  who: Pick<Administrator, 'workspaceId' | 'actor'>,
  name: string,
): Promise<void> {
  const { workspaceId, actor } = who;
  await withDepartures(context, workspaceId, async (transaction, leave) => {
    const person = await readAccount(transaction.client, workspaceId, name);
    await refuseBreakGlassLoss(transaction.client, workspaceId, person.id);
    await leave(who, person, 'administrator');
    const about = { person: person.email, person_id: person.id };
    const to = await administratorsOf(transaction.client, workspaceId);
    transaction.log({ kind: 'person.changed', actor, change: 'changed', ...about, changes: { active: [true, false] } });
    transaction.log({ kind: 'break_glass.changed', actor, severity: 'high', to, change: 'removed', ...about });
  });
}
