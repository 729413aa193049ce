/**
 * Writing, changing and removing freezes. One that is in force is neither changed nor removed: that would lift it
 * for one person, where an override takes two.
 */
import { canonicalJson } from '@hivekey/action-log';
import type { FreezeDocument } from '@hivekey/policy';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { publishPolicy } from '../roles/index.ts';
import { type FreezeView, findFreeze, readFreeze } from './freeze.ts';

type FreezeChange = 'created' | 'updated' | 'unchanged';

interface AppliedFreeze {
  readonly freeze: FreezeView;
  readonly change: FreezeChange;
}

/** The same content changes nothing. Throws `freeze_in_force`. */
export function applyFreeze(log: ActionLog, who: Administrator, document: FreezeDocument): Promise<AppliedFreeze> {
  return log.transact(who.workspaceId, (transaction) => applyFreezeIn(transaction, who, document));
}

export async function applyFreezeIn(
  transaction: LoggedTransaction,
  who: Administrator,
  document: FreezeDocument,
): Promise<AppliedFreeze> {
  const { workspaceId, actor } = who;
  const { name } = document.metadata;
  const { client } = transaction;
  const current = await findFreeze(client, workspaceId, name);
  if (current !== undefined && canonicalJson(current.document) === canonicalJson(document))
    return { freeze: current, change: 'unchanged' };
  if (current?.in_force === true) throw inForce(name);
  await client.query(
    `INSERT INTO freezes (workspace_id, name, document, author) VALUES ($1, $2, $3, $4)
       ON CONFLICT (workspace_id, name) DO UPDATE SET document = excluded.document, author = excluded.author, updated_at = now()`,
    [workspaceId, name, JSON.stringify(document), actor],
  );
  const change = current === undefined ? 'created' : 'updated';
  const { metadata: _, apiVersion: __, kind: ___, ...content } = document;
  transaction.log({ kind: 'freeze.changed', actor, freeze: name, change, ...content });
  await publish(transaction, who);
  return { freeze: await readFreeze(client, workspaceId, name), change };
}

/** Throws `freeze_not_found`, `freeze_in_force`. */
export function removeFreeze(log: ActionLog, who: Administrator, name: string): Promise<FreezeView> {
  return log.transact(who.workspaceId, (transaction) => removeFreezeIn(transaction, who, name));
}

export async function removeFreezeIn(
  transaction: LoggedTransaction,
  who: Administrator,
  name: string,
): Promise<FreezeView> {
  const { workspaceId, actor } = who;
  const { client } = transaction;
  const freeze = await readFreeze(client, workspaceId, name);
  if (freeze.in_force) throw inForce(name);
  await client.query('DELETE FROM freezes WHERE workspace_id = $1 AND name = $2', [workspaceId, name]);
  // a later freeze of this name is another one
  await client.query(
    `UPDATE freeze_overrides SET in_policy = false, answer_by = least(answer_by, clock_timestamp()),
                                   ends_at = CASE WHEN ends_at > clock_timestamp() THEN clock_timestamp() ELSE ends_at END
        WHERE workspace_id = $1 AND freeze_name = $2`,
    [workspaceId, name],
  );
  transaction.log({ kind: 'freeze.changed', actor, freeze: name, change: 'removed' });
  await publish(transaction, who);
  return freeze;
}

/** The next policy revision, without overrides that are over. */
export async function publish(transaction: LoggedTransaction, { workspaceId, actor }: Administrator): Promise<void> {
  await transaction.client.query(
    'UPDATE freeze_overrides SET in_policy = false WHERE workspace_id = $1 AND in_policy AND ends_at <= clock_timestamp()',
    [workspaceId],
  );
  publishPolicy(transaction, workspaceId, actor);
}

function inForce(name: string): Failure {
  return new Failure(
    409,
    'freeze_in_force',
    `The freeze "${name}" is in force.`,
    'Wait until it ends, have it lifted with POST /v1/freezes/:name/overrides, which takes two people, or add another freeze beside it.',
  );
}
