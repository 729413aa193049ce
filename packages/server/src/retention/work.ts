/** Carries out what records of the log have announced, in their order. Whoever dies over it leaves the rest to the next. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';
import { clearPlaces } from './places.ts';

export interface WorkContext {
  readonly pool: Pool;
  readonly log: Pick<RunningLog, 'letGo' | 'placeOf' | 'transact' | 'size' | 'catchUp' | 'prove' | 'sign'>;
}

interface Work {
  readonly event_id: string;
  readonly kind: 'prune' | 'redact' | 'release';
  readonly hold_id: string | null;
}

/** What is open: all of it, or that of a request or a hold. Rejects at the first that cannot be done. */
export async function carryOut(context: WorkContext, workspaceId: WorkspaceId, of?: string): Promise<void> {
  const { rows } = await context.pool.query<Work>(
    `SELECT event_id, kind, hold_id FROM retention_work
      WHERE workspace_id = $1 AND done_at IS NULL AND ($2::text IS NULL OR request_id = $2 OR hold_id = $2)
      ORDER BY recorded_at, event_id`,
    [workspaceId, of ?? null],
  );
  for (const work of rows) await carryOutOne(context, workspaceId, work);
}

async function carryOutOne({ pool, log }: WorkContext, workspaceId: WorkspaceId, work: Work): Promise<void> {
  const done =
    work.kind === 'release'
      ? await release(pool, log, workspaceId, work)
      : await log.letGo(workspaceId, work.event_id, async (client, seqs) => {
          await clearPlaces(client, workspaceId, seqs);
          await client.query(
            'UPDATE retention_work SET removed = removed + $3 WHERE workspace_id = $1 AND event_id = $2',
            [workspaceId, work.event_id, seqs.length],
          );
        });
  await pool.query(
    'UPDATE retention_work SET seq = $3, done_at = clock_timestamp() WHERE workspace_id = $1 AND event_id = $2',
    [workspaceId, work.event_id, done.seq],
  );
}

/** The database takes it from the record, who must be another person than placed the hold. */
async function release(pool: Pool, log: WorkContext['log'], workspaceId: WorkspaceId, { event_id, hold_id }: Work) {
  const seq = await log.placeOf(workspaceId, event_id);
  if (seq === undefined) throw new Error(`the log has no record ${event_id}`);
  await pool.query(
    'UPDATE legal_holds SET release_seq = $3 WHERE workspace_id = $1 AND id = $2 AND release_seq IS NULL',
    [workspaceId, hold_id, seq],
  );
  return { seq };
}
