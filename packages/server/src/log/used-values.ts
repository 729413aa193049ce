/** Values that calls were carried out with: written with the record of the result, read for the state of a decision. */
import type { UsedValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { EventId, WorkspaceId } from '../ids.ts';
import type { Entry } from './entries.ts';

/** No guard looks further back. */
const KEPT_DAYS = 367;

// In key order, so that two writers cannot wait for each other in a circle. The clock is read once the row is locked.
const USE = `
INSERT INTO used_values (workspace_id, key, event_id)
SELECT $1, key, event_id FROM unnest($2::text[], $3::text[]) AS u (key, event_id) ORDER BY key
ON CONFLICT (workspace_id, key) DO UPDATE SET event_id = excluded.event_id, used_at = clock_timestamp()`;

/** In the transaction of the records. Of two calls of one batch with the same value the later one counts. */
export async function useValues(client: ClientBase, workspaceId: WorkspaceId, entries: Iterable<Entry>): Promise<void> {
  const used = new Map<string, EventId>();
  for (const entry of entries) {
    if (entry.kind !== 'plain' || entry.settles === undefined) continue;
    for (const key of entry.leaves ?? []) used.set(key, entry.settles);
  }
  if (used.size === 0) return;
  const values = [workspaceId, [...used.keys()], [...used.values()]];
  await client.query({ name: 'log-use-values', text: USE, values });
}

// Rounded up: a value must not have been used before it was by the clock that it is compared with.
const FIND = `
SELECT key, event_id AS "eventId", ceil(extract(epoch FROM used_at) * 1000)::float8 AS "usedAtMs"
  FROM used_values WHERE workspace_id = $1 AND key = ANY($2)`;

export async function findUsedValues(
  pool: Pool,
  workspaceId: WorkspaceId,
  keys: readonly string[],
): Promise<readonly UsedValue[]> {
  const { rows } = await pool.query<UsedValue>({ name: 'used-values', text: FIND, values: [workspaceId, keys] });
  return rows;
}

export async function forgetUsedValues(pool: Pool): Promise<void> {
  await pool.query('DELETE FROM used_values WHERE used_at < now() - make_interval(days => $1)', [KEPT_DAYS]);
}
