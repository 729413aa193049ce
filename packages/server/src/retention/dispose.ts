/** A disposal: lets go what has outlived its period, record by record, and certifies it. */
import {
  canonicalJson,
  DISPOSAL_VERSION,
  type DisposalCertificate,
  disposalNote,
  formatRuns,
  parseJson,
  parseRuns,
} from '@hivekey/action-log';
import type { Pool } from 'pg';
import { newId, type WorkspaceId } from '../ids.ts';
import { CLASSES, type Periods } from './classes.ts';
import { type Kept, readDisposal, unfinishedDisposal } from './disposal.ts';
import { type Batch, type Bounds, boundsOf, countDue, nextBatch, readersOf } from './due.ts';
import { coverHolds, refuseUncovered } from './hold-reach.ts';
import { holdsInForce } from './holds.ts';
import { readSettings } from './settings.ts';
import { carryOut, type WorkContext } from './work.ts';

export interface DisposeContext extends WorkContext {
  readonly nodeId: string;
  readonly clock: () => number;
}

/** What is due now, and how far it may go. */
export interface Due {
  readonly periods: Periods;
  readonly bounds: Bounds;
  /** The last entry that may go: no reader of the log is behind it. */
  readonly limit: number;
  readonly behind: Kept['behind'];
}

export async function dueNow(pool: Pool, workspaceId: WorkspaceId): Promise<Due> {
  const { periods } = await readSettings(pool, workspaceId);
  const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const now = rows[0]?.now;
  if (now === undefined) throw new Error('the database has no time');
  const bounds = await boundsOf(pool, workspaceId, periods, now);
  const last = Math.max(...CLASSES.map((each) => bounds[each]));
  const behind = (await readersOf(pool, workspaceId)).filter(({ through }) => through < last);
  return { periods, bounds, limit: Math.min(last, ...behind.map(({ through }) => through)), behind };
}

/**
 * Runs one disposal to its end, or takes up one that was left. One node at a time: undefined while another is at it, null where
 * nothing is due.
 */
export async function dispose(
  context: DisposeContext,
  workspaceId: WorkspaceId,
  actor: string,
): Promise<string | null | undefined> {
  return alone(context.pool, workspaceId, async () => {
    await carryOut(context, workspaceId);
    const due = await dueNow(context.pool, workspaceId);
    let disposal = await unfinishedDisposal(context.pool, workspaceId);
    // What is let go by a record and kept by a hold that came in between is not looked at again this time.
    for (let after = 0; after < due.limit; ) {
      await coverHolds(context, workspaceId, due.limit);
      const batch = await nextBatch(context.pool, workspaceId, due.bounds, after, due.limit);
      if (batch === undefined) break;
      after = batch.runs.at(-1)?.last ?? due.limit;
      disposal = await record(context, workspaceId, disposal ?? { id: newId<string>('dsp'), actor }, due, batch);
      await carryOut(context, workspaceId);
    }
    if (disposal === undefined) return null;
    await certify(context, workspaceId, disposal, due);
    return disposal.id;
  });
}

/** Session lock: whoever dies lets go of it. */
async function alone<T>(pool: Pool, workspaceId: WorkspaceId, work: () => Promise<T>): Promise<T | undefined> {
  const client = await pool.connect();
  let isHeld = false;
  try {
    const key = `hivekey retention ${workspaceId}`;
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held',
      [key],
    );
    isHeld = rows[0]?.held === true;
    if (!isHeld) return undefined;
    return await work();
  } finally {
    // The lock goes with the session.
    client.release(isHeld);
  }
}

type Disposal = NonNullable<Awaited<ReturnType<typeof unfinishedDisposal>>>;

async function record(
  { log }: DisposeContext,
  workspaceId: WorkspaceId,
  disposal: Disposal,
  { periods, bounds }: Due,
  { runs, count, root, kinds }: Batch,
): Promise<Disposal> {
  await log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    await refuseUncovered(client, workspaceId, runs.at(-1)?.last ?? 0);
    await client.query(
      `INSERT INTO disposals (workspace_id, id, actor, policy) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
      [workspaceId, disposal.id, disposal.actor, JSON.stringify({ periods, bounds })],
    );
    const eventId = transaction.log({
      kind: 'log.pruned',
      actor: disposal.actor,
      disposal_id: disposal.id,
      periods,
      first_seq: runs[0]?.first,
      last_seq: runs.at(-1)?.last,
      entries: formatRuns(runs),
      count,
      root,
      kinds,
    });
    await client.query(
      `INSERT INTO retention_work (workspace_id, event_id, kind, disposal_id) VALUES ($1, $2, 'prune', $3)`,
      [workspaceId, eventId, disposal.id],
    );
  });
  return disposal;
}

async function certify(
  context: DisposeContext,
  workspaceId: WorkspaceId,
  { id, actor }: Disposal,
  due: Due,
): Promise<void> {
  const { pool, log, nodeId, clock } = context;
  const kept = await keptOf(pool, workspaceId, due);
  const { rows } = await pool.query<{ name: string; environment: string; started_at: Date; now: Date }>(
    `SELECT w.name, w.environment, d.started_at, clock_timestamp() AS now
       FROM disposals d JOIN workspaces w ON w.id = d.workspace_id WHERE d.workspace_id = $1 AND d.id = $2`,
    [workspaceId, id],
  );
  const [about] = rows;
  if (about === undefined) throw new Error(`there is no disposal ${id}`);
  const records = await certifiedRecords(context, workspaceId, id);
  const kinds: Record<string, number> = {};
  for (const each of records)
    for (const [kind, count] of Object.entries(each.kinds)) kinds[kind] = (kinds[kind] ?? 0) + count;
  const certificate: DisposalCertificate = {
    v: DISPOSAL_VERSION,
    issued_at: new Date(clock()).toISOString(),
    issued_by: nodeId,
    workspace: about.name,
    workspace_id: workspaceId,
    environment: about.environment,
    disposal: { id, actor, started_at: about.started_at.toISOString(), ended_at: about.now.toISOString() },
    periods: due.periods,
    kinds,
    count: records.reduce((sum, { record: { count } }) => sum + count, 0),
    records: records.map(({ record: each }) => each),
    kept,
  };
  const note = log.sign(workspaceId, disposalNote(certificate));
  const text = canonicalJson({ certificate, note });
  await log.transact(workspaceId, async (transaction) => {
    await transaction.client.query(
      `UPDATE disposals SET ended_at = $3, kept = $4, certificate = $5 WHERE workspace_id = $1 AND id = $2 AND ended_at IS NULL`,
      [workspaceId, id, about.now, JSON.stringify(kept), text],
    );
    transaction.log({
      kind: 'retention.disposed',
      actor,
      disposal_id: id,
      count: certificate.count,
      removed: certificate.records.reduce((sum, { removed }) => sum + removed, 0),
      records: certificate.records.length,
      kept: kept.reasons,
      holds: kept.holds.map((hold) => hold.id),
    });
  });
}

async function keptOf(pool: Pool, workspaceId: WorkspaceId, due: Due): Promise<Kept> {
  const reasons: Kept['reasons'] = {};
  for (const { stays, count } of await countDue(pool, workspaceId, due.bounds, due.limit))
    if (stays !== null) reasons[stays] = (reasons[stays] ?? 0) + count;
  const holds = (await holdsInForce(pool, workspaceId)).map(({ id, matter, entries }) => ({ id, matter, entries }));
  return { reasons, holds, behind: due.behind };
}

async function certifiedRecords({ pool, log }: DisposeContext, workspaceId: WorkspaceId, disposalId: string) {
  const { records } = await readDisposal(pool, workspaceId, disposalId);
  const certified: {
    readonly record: DisposalCertificate['records'][number];
    readonly kinds: Readonly<Record<string, number>>;
  }[] = [];
  for (const { event_id, removed } of records) {
    const proof = await log.prove(workspaceId, event_id);
    if (proof === undefined) throw new Error(`the log has no record ${event_id}`);
    const { entries, count, root, kinds } = parseJson(proof.canonical);
    if (parseRuns(entries) === undefined) throw new Error(`${event_id} names no entries`);
    certified.push({ record: { event_id, seq: proof.seq, entries, count, root, removed, proof }, kinds });
  }
  return certified;
}
