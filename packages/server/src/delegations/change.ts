/** Handing one's say over, and taking it back. Each change is one transaction with its record. */
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { ownSignInProblem } from '../identity/index.ts';
import { newId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import {
  type DelegationView,
  MAX_SECONDS,
  MAX_SECONDS_AHEAD,
  type NewDelegation,
  readDelegation,
} from './delegation.ts';
import { endWhere } from './end.ts';

const CLOCK_TOLERANCE_MS = 60_000;

/**
 * Only its holder hands a say over, so nobody names from whom. Throws `person_required`, `person_inactive`,
 * `sign_in_required`, `person_not_found`, `delegation_to_self`, `delegation_times`.
 */
export function createDelegation(log: ActionLog, who: Administrator, wanted: NewDelegation): Promise<DelegationView> {
  const { workspaceId, actor, credentialId, person } = who;
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'Only the person whose say it is hands it over, and this key belongs to none.',
      'Make a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const unsigned = await ownSignInProblem(client, who);
    if (unsigned !== undefined) throw unsigned;
    const from = await readPerson(client, workspaceId, person.id);
    const to = await readPerson(client, workspaceId, wanted.to);
    for (const { active, email } of [from, to])
      if (!active)
        throw new Failure(
          409,
          'person_inactive',
          `${email} is not active.`,
          'Name somebody who is, to be decided for by.',
        );
    if (from.id === to.id)
      throw new Failure(409, 'delegation_to_self', `${from.email} decides already.`, 'Name another person.');
    const wantedStart = wanted.starts_at === undefined ? now : new Date(wanted.starts_at * 1000);
    const startsAt = isJustPast(wantedStart, now) ? now : wantedStart;
    const endsAt = new Date(wanted.ends_at * 1000);
    const fault = timesFault(now, startsAt, endsAt);
    if (fault !== undefined)
      throw new Failure(
        422,
        'delegation_times',
        fault,
        'It begins now or within 90 days, and lasts at most 30 days. Make another one when it is over.',
      );
    const id = newId<string>('dlg');
    await client.query(
      `INSERT INTO delegations (workspace_id, id, from_id, to_id, capabilities, reason, starts_at, ends_at, created_at, created_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [workspaceId, id, from.id, to.id, wanted.capabilities, wanted.reason, startsAt, endsAt, now, actor],
    );
    record({
      kind: 'delegation.created',
      actor,
      delegation_id: id,
      from: from.email,
      from_id: from.id,
      to: to.email,
      to_id: to.id,
      capabilities: wanted.capabilities,
      starts_at: startsAt.toISOString(),
      ends_at: endsAt.toISOString(),
      reason: wanted.reason,
      key_id: credentialId,
    });
    return readDelegation(client, workspaceId, id);
  });
}

/** What says "now" by another clock, or in whole seconds. */
function isJustPast(at: Date, now: Date): boolean {
  const past = now.getTime() - at.getTime();
  return past > 0 && past <= CLOCK_TOLERANCE_MS;
}

function timesFault(now: Date, startsAt: Date, endsAt: Date): string | undefined {
  const ahead = startsAt.getTime() - now.getTime();
  const lasts = endsAt.getTime() - startsAt.getTime();
  if (ahead < 0) return 'It would have begun already.';
  if (ahead > MAX_SECONDS_AHEAD * 1000) return 'It would begin more than 90 days ahead.';
  if (lasts <= 0) return 'It would be over before it begins.';
  return lasts > MAX_SECONDS * 1000 ? 'It would last more than 30 days.' : undefined;
}

/** By either of the two, or by any administrator. Throws `delegation_not_found`, `delegation_over`. */
export function endDelegation(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  id: string,
  reason: string,
): Promise<DelegationView> {
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    await readDelegation(client, workspaceId, id);
    const ended = await endWhere(transaction, workspaceId, 'd.id = $5', id, { actor, reason });
    if (ended === 0)
      throw new Failure(409, 'delegation_over', `The delegation "${id}" is over.`, 'Nothing is left to end.');
    return readDelegation(client, workspaceId, id);
  });
}
