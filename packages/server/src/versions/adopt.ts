/** What decided before versions were kept is taken as it is, once, and a record says so. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import type { ObjectRef } from './object.ts';
import { storeVersions } from './store.ts';
import { type ControlledTypes, differing } from './touched.ts';

/** So many in one transaction: others have their turn in between. */
const AT_ONCE = 500;
const ADOPTED = { kind: 'adopted' } as const;

/** For every workspace of which it was not done. It goes on where it was broken off. */
export async function adoptObjects(pool: Pool, log: ActionLog, controlled: ControlledTypes): Promise<void> {
  const { rows } = await pool.query<{ id: WorkspaceId }>(
    'SELECT id FROM workspaces w WHERE NOT EXISTS (SELECT FROM object_adoptions a WHERE a.workspace_id = w.id)',
  );
  for (const { id } of rows) await adoptIn(pool, log, controlled, id);
}

async function adoptIn(
  pool: Pool,
  log: ActionLog,
  controlled: ControlledTypes,
  workspaceId: WorkspaceId,
): Promise<void> {
  const refs: ObjectRef[] = [];
  for (const { type, list } of controlled.values())
    for (const id of (await list(pool, workspaceId)).keys()) refs.push({ type, id });
  for (let from = 0; from < refs.length; from += AT_ONCE) {
    const some = refs.slice(from, from + AT_ONCE);
    await log.transact(workspaceId, async (transaction) => {
      if (await isAdopted(transaction, workspaceId)) return;
      const found = await differing(transaction.client, workspaceId, controlled, some);
      await storeVersions(transaction, { workspaceId, actor: 'system' }, found, () => ADOPTED);
    });
  }
  await log.transact(workspaceId, async (transaction) => {
    if (await isAdopted(transaction, workspaceId)) return;
    await transaction.client.query('INSERT INTO object_adoptions (workspace_id, objects) VALUES ($1, $2)', [
      workspaceId,
      refs.length,
    ]);
    const counts = Map.groupBy(refs, ({ type }) => type);
    transaction.log({
      kind: 'versions.adopted',
      actor: 'system',
      objects: refs.length,
      types: Object.fromEntries([...counts].map(([type, of]) => [type, of.length])),
    });
  });
}

async function isAdopted({ client }: LoggedTransaction, workspaceId: WorkspaceId): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM object_adoptions WHERE workspace_id = $1', [workspaceId]);
  return rowCount !== 0;
}
