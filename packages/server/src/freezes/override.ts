/** Lifting a freeze in an emergency: one person asks, another agrees, and it binds again by itself. */
import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance } from '../identity/index.ts';
import { newId, type PersonId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { publish } from './change.ts';
import { ANSWER_WITHIN_MINUTES, type OverrideView, readFreeze, readOverride } from './freeze.ts';

/** Lifts nothing yet. Throws `person_required`, `person_inactive`, `freeze_not_found`. */
export function requestOverride(
  log: ActionLog,
  who: Administrator,
  name: string,
  { reason, minutes }: { readonly reason: string; readonly minutes: number },
): Promise<OverrideView> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const person = await holderOf(client, who);
    await checkAssurance(client, who, 'override', now);
    await readFreeze(client, workspaceId, name);
    const id = newId<string>('ovr');
    await client.query(
      `INSERT INTO freeze_overrides (workspace_id, id, freeze_name, reason, minutes, requested_by, requested_by_id, answer_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + make_interval(mins => $8))`,
      [workspaceId, id, name, reason, minutes, actor, person.id, ANSWER_WITHIN_MINUTES],
    );
    record({
      kind: 'freeze.override',
      actor,
      person: person.email,
      override_id: id,
      freeze: name,
      change: 'requested',
      reason,
      minutes,
    });
    return readOverride(client, workspaceId, name, id);
  });
}

/**
 * It counts from now. Two people, not two keys: throws `person_required`, `person_inactive`, `override_not_found`,
 * `override_own`, `override_closed`, `requester_inactive`.
 */
export function approveOverride(log: ActionLog, who: Administrator, name: string, id: string): Promise<OverrideView> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const person = await holderOf(client, who);
    await checkAssurance(client, who, 'override', transaction.now);
    await readFreeze(client, workspaceId, name);
    const override = await readOverride(client, workspaceId, name, id);
    if (override.status !== 'requested') throw closed(override);
    if (override.requested_by_person === null)
      throw new Failure(
        409,
        'override_own',
        `Of which person ${override.requested_by} is was not kept.`,
        'End it, and ask for another one.',
      );
    if (override.requested_by === actor || override.requested_by_person === person.email)
      throw new Failure(
        403,
        'override_own',
        `${person.email} has asked for this override.`,
        'Have another person agree to it, with a key of their own.',
      );
    // Whoever has left since is no second person.
    const { active } = await readPerson(client, workspaceId, override.requested_by_person);
    if (!active)
      throw new Failure(
        409,
        'requester_inactive',
        `${override.requested_by_person}, who has asked for this override, is not active.`,
        'End it, and ask for another one.',
      );
    await client.query(
      `UPDATE freeze_overrides SET approved_by = $3, approved_by_id = $4, starts_at = t.now, ends_at = t.now + make_interval(mins => minutes), in_policy = true
         FROM (SELECT clock_timestamp() AS now) t WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, id, actor, person.id],
    );
    const approved = await readOverride(client, workspaceId, name, id);
    const { reason, minutes, requested_by, requested_by_person } = approved;
    transaction.log({
      kind: 'freeze.override',
      actor,
      person: person.email,
      override_id: id,
      freeze: name,
      change: 'approved',
      reason,
      minutes,
      requested_by,
      requested_by_person,
      ends_at: new Date((approved.ends_at ?? 0) * 1000).toISOString(),
    });
    await publish(transaction, who);
    return approved;
  });
}

/** Before its time, or before anybody agreed. Throws `override_not_found`, `override_closed`. */
export function endOverride(log: ActionLog, who: Administrator, name: string, id: string): Promise<OverrideView> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const override = await readOverride(client, workspaceId, name, id);
    if (override.status !== 'active' && override.status !== 'requested') throw closed(override);
    await client.query(
      `UPDATE freeze_overrides SET ended_by = $3, in_policy = false, answer_by = least(answer_by, clock_timestamp()),
                                   ends_at = CASE WHEN ends_at > clock_timestamp() THEN clock_timestamp() ELSE ends_at END
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, id, actor],
    );
    transaction.log({ kind: 'freeze.override', actor, override_id: id, freeze: name, change: 'ended' });
    if (override.status === 'active') await publish(transaction, who);
    return readOverride(client, workspaceId, name, id);
  });
}

async function holderOf(
  client: ClientBase,
  { workspaceId, person }: Administrator,
): Promise<{ readonly id: PersonId; readonly email: string }> {
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'Two people lift a freeze, and this key belongs to none.',
      'Make a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  const { active } = await readPerson(client, workspaceId, person.id);
  if (active) return person;
  throw new Failure(403, 'person_inactive', `${person.email} is not active.`, 'Have somebody else do it.');
}

function closed({ id, status }: OverrideView): Failure {
  return new Failure(409, 'override_closed', `The override "${id}" is ${status}.`, 'Ask for another one.');
}
