/** What decided before versions were kept is taken as it is, once, and a record says so. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { standOn } from './basis.ts';
import { storeVersions } from './store.ts';
import { type ControlledTypes, differing } from './touched.ts';

/** For every workspace that has no version of anything; of the others nothing is taken. */
export async function adoptObjects(pool: Pool, log: ActionLog, controlled: ControlledTypes): Promise<void> {
  const { rows } = await pool.query<{ id: WorkspaceId }>(
    'SELECT id FROM workspaces w WHERE NOT EXISTS (SELECT FROM object_versions v WHERE v.workspace_id = w.id)',
  );
  for (const { id } of rows) await adoptIn(log, controlled, id);
}

function adoptIn(log: ActionLog, controlled: ControlledTypes, workspaceId: WorkspaceId): Promise<void> {
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const { rowCount } = await client.query('SELECT FROM object_versions WHERE workspace_id = $1 LIMIT 1', [
      workspaceId,
    ]);
    if (rowCount !== 0) return;
    const refs = [];
    for (const each of controlled.values())
      for (const id of (await each.list(client, workspaceId)).keys()) refs.push({ type: each.type, id });
    // Where versions were kept already, those that are missing now are found as drift.
    const { rowCount: adopted } = await client.query(
      `SELECT FROM actions WHERE workspace_id = $1 AND kind = 'versions.adopted' LIMIT 1`,
      [workspaceId],
    );
    if (refs.length === 0 || adopted !== 0) return;
    const found = await differing(client, workspaceId, controlled, refs);
    const counts = Map.groupBy(found, ({ type }) => type);
    standOn(transaction, { kind: 'adopted' });
    transaction.log({
      kind: 'versions.adopted',
      actor: 'system',
      objects: found.length,
      types: Object.fromEntries([...counts].map(([type, of]) => [type, of.length])),
    });
    await storeVersions(transaction, { workspaceId, actor: 'system' }, found, () => ({ kind: 'adopted' }));
  });
}
