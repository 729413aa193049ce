/** Runs: made of one snapshot, signed, on the log, and never changed. What fails opens a deficiency; what passes closes it. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { Period } from '@hivekey/evidence';
import type { RunDocument } from '@hivekey/evidence/controls';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { ApiContext, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { inSnapshot } from '../evidence/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import { settleDeficiencies } from './deficiencies.ts';
import { runDocument } from './document.ts';

export type RunContext = Pick<ApiContext, 'pool' | 'log' | 'version'>;

export const countsSchema = z.object({
  pass: z.int(),
  fail: z.int(),
  not_enough_data: z.int(),
  did_not_occur: z.int(),
  not_applicable: z.int(),
});

export const runSchema = z
  .object({
    object: z.literal('readiness_run'),
    id: z.string(),
    kind: z.enum(['daily', 'asked']),
    period_from: z.string(),
    period_to: z.string(),
    as_of: z.string(),
    actor: z.string(),
    counts: countsSchema,
    headline: z.string(),
    states: z.record(z.string(), z.string()).meta({ description: 'Control → state, for the trend.' }),
    sha256: z.string().meta({ description: 'Of the canonical JSON of the run.' }),
    event_id: z.string(),
    made_at: z.int(),
  })
  .meta({ id: 'ReadinessRun' });
type RunView = z.output<typeof runSchema>;

export interface StoredRun {
  readonly view: RunView;
  readonly run: RunDocument;
  /** The very bytes that the hash is over. */
  readonly text: string;
  /** Signed note by the key of the log. */
  readonly note: string;
}

interface Row extends Omit<RunView, 'object' | 'headline' | 'states' | 'period_from' | 'period_to' | 'as_of'> {
  period_from: Date;
  period_to: Date;
  as_of: Date;
  document: string;
  note: string;
  made_us: number;
}

const RUNS = `
SELECT id, kind, period_from, period_to, as_of, actor, counts, document, sha256, note, event_id,
       floor(extract(epoch FROM made_at))::bigint AS made_at, (extract(epoch FROM made_at) * 1000000)::bigint AS made_us
  FROM readiness_runs WHERE workspace_id = $1`;

function storedOf({ document, note, made_us: _, ...row }: Row): StoredRun {
  // What we wrote, and the database does not change.
  const run: RunDocument = JSON.parse(document);
  return {
    view: {
      object: 'readiness_run',
      ...row,
      period_from: row.period_from.toISOString(),
      period_to: row.period_to.toISOString(),
      as_of: row.as_of.toISOString(),
      headline: run.headline,
      states: Object.fromEntries(run.controls.map(({ id, state }) => [id, state])),
    },
    run,
    text: document,
    note,
  };
}

/** Newest first. */
export async function listRuns(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly { readonly stored: StoredRun; readonly position: TimePosition }[]> {
  const { rows } = await pool.query<Row>(
    `${RUNS} AND ($2::bigint IS NULL OR (readiness_runs.made_at, id) < ('epoch'::timestamptz + $2 * interval '1 microsecond', $3))
     ORDER BY readiness_runs.made_at DESC, id DESC LIMIT $4`,
    [workspaceId, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map((row) => ({ stored: storedOf(row), position: { atUs: row.made_us, id: row.id } }));
}

/** Throws `run_not_found`. */
export async function readRun(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<StoredRun> {
  const { rows } = await client.query<Row>(`${RUNS} AND id = $2`, [workspaceId, id]);
  const [row] = rows;
  if (row !== undefined) return storedOf(row);
  throw new Failure(404, 'run_not_found', 'There is no such run.', 'List them with GET /v1/readiness/runs.');
}

/** Of exactly that period where one is named. */
export async function newestRun(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  period?: Period,
): Promise<StoredRun | undefined> {
  const { rows } = await (period === undefined
    ? client.query<Row>(`${RUNS} ORDER BY readiness_runs.made_at DESC, id DESC LIMIT 1`, [workspaceId])
    : client.query<Row>(
        `${RUNS} AND period_from = $2 AND period_to = $3 ORDER BY readiness_runs.made_at DESC, id DESC LIMIT 1`,
        [workspaceId, period.from, period.to],
      ));
  return rows[0] && storedOf(rows[0]);
}

/** Tests all controls now, and stores nothing. */
export async function testNow(
  context: RunContext,
  workspaceId: WorkspaceId,
  period: Period,
  about: { readonly id: string; readonly actor: string },
): Promise<RunDocument> {
  return inSnapshot(context, workspaceId, ({ client, asOf, workspace, isSampleData, log }) =>
    runDocument({ client, workspaceId, asOf }, period, {
      ...{ ...about, codeVersion: context.version, workspace, isSampleData, log },
    }),
  );
}

/** Of a daily run that another node has made meanwhile the database refuses a second one. */
export async function makeRun(
  context: RunContext,
  { workspaceId, actor }: { readonly workspaceId: WorkspaceId; readonly actor: string },
  period: Period,
  kind: 'daily' | 'asked',
): Promise<StoredRun> {
  const id = newId<string>('run');
  const run = await testNow(context, workspaceId, period, { id, actor });
  const text = canonicalJson(run);
  const sha256 = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const note = context.log.sign(workspaceId, noteOf(run, sha256));
  return context.log.transact(workspaceId, async (transaction) => {
    const { client, log } = transaction;
    const eventId = log({
      kind: 'readiness.ran',
      actor,
      run_id: id,
      run_kind: kind,
      from: run.period_from,
      to: run.period_to,
      as_of: run.as_of,
      counts: run.counts,
      failed: run.controls.flatMap(({ id: control, state }) => (state === 'fail' ? [control] : [])),
      sha256,
    });
    const { rowCount } = await client.query(
      `INSERT INTO readiness_runs (workspace_id, id, kind, period_from, period_to, as_of, actor, counts, document, sha256, note, event_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        ...[workspaceId, id, kind, run.period_from, run.period_to, run.as_of, actor],
        ...[JSON.stringify(run.counts), text, sha256, note, eventId],
      ],
    );
    if (rowCount !== 1) throw new Error('a run was not stored');
    await settleDeficiencies(transaction, workspaceId, run);
    return readRun(client, workspaceId, id);
  });
}

/** First line: what is signed, which is never a checkpoint. */
const NOTE_TITLE = 'HiveKey readiness run v1';

function noteOf({ id, workspace, period_from, period_to, headline, banner }: RunDocument, sha256: string): string {
  return `${[NOTE_TITLE, workspace, id, `${period_from} ${period_to}`, sha256, headline, banner].join('\n')}\n`;
}
