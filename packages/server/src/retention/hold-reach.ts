/** Which entries holds hold, as the log says it: up to where anything is let go, before it is. */
import { formatRuns, runsOf } from '@hivekey/action-log';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction, RunningLog } from '../log/index.ts';
import { type Hold, holdsInForce } from './holds.ts';

/** A record has at most 64 KiB. */
const RUNS_OF_A_RECORD = 3_000;
/** What is looked at in one statement. */
const ENTRIES_AT_ONCE = 50_000;

interface CoverContext {
  readonly pool: Pool;
  readonly log: Pick<RunningLog, 'transact' | 'size'>;
}

/** Has the log say, up to the entry `through`, what each hold in force holds. */
export async function coverHolds(
  { pool, log }: CoverContext,
  workspaceId: WorkspaceId,
  through: number,
): Promise<void> {
  for (const { id, scope } of await holdsInForce(pool, workspaceId)) {
    for (let from = await reachOf(pool, workspaceId, id); from < through; ) {
      let { seqs, end } = await heldWithin(pool, workspaceId, scope, from, through);
      // Where nothing is held there is nothing to say before the end.
      while (seqs.length === 0 && end < through)
        ({ seqs, end } = await heldWithin(pool, workspaceId, scope, end, through));
      await log.transact(workspaceId, (transaction) => cover(transaction, workspaceId, id, from, end, seqs));
      from = end;
    }
  }
}

async function reachOf(client: Pool | ClientBase, workspaceId: WorkspaceId, holdId: string): Promise<number> {
  const { rows } = await client.query<{ through: number }>(
    'SELECT through FROM legal_hold_reach WHERE workspace_id = $1 AND hold_id = $2',
    [workspaceId, holdId],
  );
  return rows[0]?.through ?? 0;
}

/** As many as one record takes: the held entries behind `from`, up to `end`. */
async function heldWithin(
  pool: Pool,
  workspaceId: WorkspaceId,
  scope: Hold['scope'],
  from: number,
  through: number,
): Promise<{ readonly seqs: number[]; readonly end: number }> {
  const to = Math.min(through, from + ENTRIES_AT_ONCE);
  const { rows } = await pool.query<{ seq: number }>(
    'SELECT seq FROM actions WHERE workspace_id = $1 AND seq > $2 AND seq <= $3 AND log_holds($4, record::json) ORDER BY seq',
    [workspaceId, from, to, JSON.stringify(scope)],
  );
  const seqs = rows.map(({ seq }) => seq);
  const last = runsOf(seqs)[RUNS_OF_A_RECORD - 1]?.last;
  return last === undefined ? { seqs, end: to } : { seqs: seqs.filter((seq) => seq <= last), end: last };
}

async function cover(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  holdId: string,
  from: number,
  through: number,
  seqs: readonly number[],
): Promise<void> {
  // Another node was here first.
  if ((await reachOf(client, workspaceId, holdId)) !== from) return;
  await client.query(
    `INSERT INTO legal_hold_reach (workspace_id, hold_id, through, entries) VALUES ($1, $2, $3, $4)
     ON CONFLICT (workspace_id, hold_id) DO UPDATE SET through = excluded.through, entries = legal_hold_reach.entries + excluded.entries`,
    [workspaceId, holdId, through, seqs.length],
  );
  log({
    kind: 'hold.covers',
    actor: 'system',
    hold_id: holdId,
    from: from + 1,
    through,
    count: seqs.length,
    entries: seqs.length === 0 ? undefined : formatRuns(runsOf(seqs)),
  });
}

/** Throws `legal_hold_behind` unless the log says of each hold in force, up to the entry, what it holds. */
export async function refuseUncovered(client: ClientBase, workspaceId: WorkspaceId, through: number): Promise<void> {
  const behind = (await holdsInForce(client, workspaceId)).find((hold) => hold.through < through);
  if (behind === undefined) return;
  throw new Failure(
    409,
    'legal_hold_behind',
    `The hold "${behind.id}" was placed while this was prepared.`,
    'Try again.',
  );
}
