/** A state change and its records in one transaction. */
import type { PoolClient } from 'pg';
import { newEventId } from '../ids.ts';
import { type BatchContext, ShardLost } from './locked-batch.ts';
import { type LogIdentity, looseRecord, type RecordText } from './records.ts';
import { LOCK_SHARD, LOCK_WORKSPACE_EXCLUSIVELY } from './sql/lock.ts';
import type { BeforeCommit, LoggedTransaction, RecordDraft } from './types.ts';

/** A draft as it was logged inside the change. */
export interface Logged {
  readonly eventId: ReturnType<typeof newEventId>;
  readonly text: RecordText;
}

/** What `change` did. `failed` carries whatever it threw; the transaction is still open and must be rolled back. */
export type Changed<T> =
  | { readonly kind: 'changed'; readonly value: T; readonly logged: readonly Logged[] }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Opens the transaction, locks the workspace and runs the change. Throws ShardLost, and database errors of its own statements. */
export async function runChange<T>(
  context: BatchContext,
  identity: LogIdentity,
  clock: () => number,
  change: (transaction: LoggedTransaction) => Promise<T>,
  beforeCommit?: BeforeCommit,
): Promise<Changed<T>> {
  const { client, workspaceId, held, position } = context;
  const [, workspace, shard] = await Promise.all([
    client.query('BEGIN'),
    client.query<{ now: Date }>(LOCK_WORKSPACE_EXCLUSIVELY, [workspaceId]),
    client.query(LOCK_SHARD, [workspaceId, held.shardId, held.fence, position.block, position.head]),
  ]);
  if (shard.rowCount === 0) throw new ShardLost();
  const now = workspace.rows[0]?.now;
  if (now === undefined) return { kind: 'failed', error: new Error(`the workspace ${workspaceId} has no state`) };
  const logged: Logged[] = [];
  const records: RecordDraft[] = [];
  const steps = new Map<string, () => Promise<void>>();
  const transaction: LoggedTransaction = {
    client,
    now,
    log: (draft) => {
      const nowMs = clock();
      const eventId = newEventId(nowMs);
      logged.push({ eventId, text: looseRecord(draft, identity, eventId, nowMs) });
      records.push(draft);
      return eventId;
    },
    atEnd: (key, step) => {
      if (!steps.has(key)) steps.set(key, step);
    },
  };
  try {
    const value = await change(transaction);
    const eventIds = logged.map(({ eventId }) => eventId);
    await beforeCommit?.(transaction, { workspaceId, records, eventIds, steps: new Set(steps.keys()) });
    for (const step of steps.values()) await step();
    return { kind: 'changed', value, logged };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/** Name and environment of the workspace, as they stand on its records. */
export async function readIdentity(client: PoolClient, workspaceId: string): Promise<LogIdentity> {
  const { rows } = await client.query<LogIdentity>(
    'SELECT name AS workspace, environment FROM workspaces WHERE id = $1',
    [workspaceId],
  );
  const identity = rows[0];
  if (identity === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  return identity;
}
