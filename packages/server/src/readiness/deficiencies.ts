/**
 * The register of deficiencies. A control that fails has one that is open; it is closed by a later run in which the control passes, or
 * by a person who says why. Nothing is deleted, and no word in it changes a state.
 */
import { controlOf, type RunControl, type RunDocument } from '@hivekey/evidence/controls';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { signingPerson } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import { type ActionLog, changesOf, type LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';

/** On one row; the run has the first of each control. */
const MOST_RECORDS = 1_000;
/** On one record of the log. */
const TOLD_RECORDS = 50;

const remediation = z.strictObject({
  changes: z.array(z.string().max(64)).max(50),
  incidents: z.array(z.string().max(64)).max(50),
});

export const deficiencySchema = z
  .object({
    object: z.literal('deficiency'),
    id: z.string(),
    control: z.string(),
    title: z.string(),
    status: z.enum(['open', 'closed']),
    severity: z.enum(['low', 'medium', 'high']),
    record_ids: z.array(z.string()),
    owner: z.string().nullable(),
    due_at: z.int().nullable(),
    remediation,
    compensating: z.string().meta({ description: 'What lessens the risk meanwhile.' }),
    remark: z.string(),
    opened_by_run: z.string(),
    opened_at: z.int(),
    failed_run: z.string().meta({ description: 'The newest run that failed.' }),
    failed_at: z.int(),
    closed_at: z.int().nullable(),
    closed_by_run: z.string().nullable(),
    closed_by: z.string().nullable(),
    close_reason: z.string().nullable(),
  })
  .meta({ id: 'Deficiency' });
export type Deficiency = z.output<typeof deficiencySchema>;

export const deficiencyChange = z.strictObject({
  severity: deficiencySchema.shape.severity.optional(),
  owner: z.string().max(254).nullable().optional().meta({ description: 'E-mail or id of a person.' }),
  due_at: z.iso.datetime({ offset: true }).nullable().optional(),
  remediation: remediation.optional(),
  compensating: z.string().max(4_000).optional(),
  remark: z.string().max(4_000).optional(),
  close: z
    .strictObject({ reason: z.string().trim().min(1).max(1_000) })
    .optional()
    .meta({ description: 'Closes it without a passing run. The control goes on failing as long as it does.' }),
});
export type DeficiencyChange = z.output<typeof deficiencyChange>;

interface Row extends Omit<Deficiency, 'object' | 'title'> {
  owner_id: PersonId | null;
  opened_us: number;
}

const DEFICIENCIES = `
SELECT d.id, d.control, d.status, d.severity, d.record_ids, p.email AS owner, d.owner_id, d.remediation, d.compensating, d.remark,
       floor(extract(epoch FROM d.due_at))::bigint AS due_at, d.opened_by_run, d.failed_run,
       floor(extract(epoch FROM d.opened_at))::bigint AS opened_at, (extract(epoch FROM d.opened_at) * 1000000)::bigint AS opened_us,
       floor(extract(epoch FROM d.failed_at))::bigint AS failed_at, floor(extract(epoch FROM d.closed_at))::bigint AS closed_at,
       d.closed_by_run, d.closed_by, d.close_reason
  FROM deficiencies d LEFT JOIN people p ON p.workspace_id = d.workspace_id AND p.id = d.owner_id
 WHERE d.workspace_id = $1`;

function viewOf({ opened_us: _, owner_id: __, ...row }: Row): Deficiency {
  return { object: 'deficiency', ...row, title: controlOf(row.control)?.title ?? '' };
}

/** Newest first. */
export async function listDeficiencies(
  pool: Pool,
  workspaceId: WorkspaceId,
  { status, control }: { readonly status?: string | undefined; readonly control?: string | undefined },
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly { readonly deficiency: Deficiency; readonly position: TimePosition }[]> {
  const { rows } = await pool.query<Row>(
    `${DEFICIENCIES} AND ($2::text IS NULL OR d.status = $2) AND ($3::text IS NULL OR d.control = $3)
       AND ($4::bigint IS NULL OR (d.opened_at, d.id) < ('epoch'::timestamptz + $4 * interval '1 microsecond', $5))
     ORDER BY d.opened_at DESC, d.id DESC LIMIT $6`,
    [workspaceId, status ?? null, control ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map((row) => ({ deficiency: viewOf(row), position: { atUs: row.opened_us, id: row.id } }));
}

/** Throws `deficiency_not_found`. */
export async function readDeficiency(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<Deficiency> {
  return viewOf(await readRow(client, workspaceId, id));
}

async function readRow(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Row> {
  const { rows } = await client.query<Row>(`${DEFICIENCIES} AND d.id = $2`, [workspaceId, id]);
  const [row] = rows;
  if (row !== undefined) return row;
  throw new Failure(
    404,
    'deficiency_not_found',
    'There is no such deficiency.',
    'List them with GET /v1/deficiencies.',
  );
}

interface Open {
  id: string;
  control: string;
  record_ids: string[];
  failed_from: Date;
  failed_to: Date;
  failed_as_of: Date;
}

const OPEN = `
SELECT d.id, d.control, d.record_ids, r.period_from AS failed_from, r.period_to AS failed_to, r.as_of AS failed_as_of
  FROM deficiencies d JOIN readiness_runs r ON r.workspace_id = d.workspace_id AND r.id = d.failed_run
 WHERE d.workspace_id = $1 AND d.status = 'open' FOR UPDATE OF d`;

/** In the transaction that stores the run. */
export async function settleDeficiencies(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  run: RunDocument,
): Promise<void> {
  const { rows } = await transaction.client.query<Open>(OPEN, [workspaceId]);
  const open = new Map(rows.map((row) => [row.control, row]));
  for (const control of run.controls) {
    const known = open.get(control.id);
    if (control.state === 'fail') await failed(transaction, workspaceId, run, control, known);
    else if (control.state === 'pass' && known !== undefined && isAnswer(run, known))
      await passed(transaction, workspaceId, run, known);
  }
}

/** A shorter period, or an older one, may pass only because it leaves out what failed. */
function isAnswer({ period_from, period_to, as_of }: RunDocument, failed: Open): boolean {
  const length = Date.parse(period_to) - Date.parse(period_from);
  return (
    Date.parse(as_of) > failed.failed_as_of.getTime() &&
    Date.parse(period_to) >= failed.failed_to.getTime() &&
    length >= failed.failed_to.getTime() - failed.failed_from.getTime()
  );
}

async function failed(
  { client, log, now }: LoggedTransaction,
  workspaceId: WorkspaceId,
  run: RunDocument,
  control: RunControl,
  known: Open | undefined,
): Promise<void> {
  const found = control.deviations.map(({ record_id }) => record_id);
  if (known !== undefined) {
    const records = [...new Set([...known.record_ids, ...found])].slice(0, MOST_RECORDS);
    await client.query(
      `UPDATE deficiencies SET record_ids = $3, failed_run = $4, failed_at = $5, updated_at = $5 WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, known.id, records, run.id, now],
    );
    return;
  }
  const { rows } = await client.query<{ records: string[] }>(
    `SELECT coalesce(array_agg(DISTINCT r.record), '{}') AS records FROM deficiencies d CROSS JOIN LATERAL unnest(d.record_ids) AS r (record)
      WHERE d.workspace_id = $1 AND d.control = $2 AND d.closed_by IS NOT NULL`,
    [workspaceId, control.id],
  );
  const judged = new Set(rows[0]?.records);
  const isNews = found.some((record) => !judged.has(record)) || control.deviating > control.deviations.length;
  if (!isNews) return;
  const id = newId('def');
  await client.query(
    `INSERT INTO deficiencies (workspace_id, id, control, severity, record_ids, opened_by_run, opened_at, failed_run, failed_at, updated_at)
     VALUES ($1, $2, $3, 'medium', $4, $5, $6, $5, $6, $6)`,
    [workspaceId, id, control.id, found, run.id, now],
  );
  log({
    kind: 'deficiency.opened',
    actor: 'system',
    deficiency_id: id,
    control: control.id,
    run_id: run.id,
    reason: control.reason,
    records: found.slice(0, TOLD_RECORDS),
    records_count: control.deviating,
  });
}

async function passed(
  { client, log, now }: LoggedTransaction,
  workspaceId: WorkspaceId,
  run: RunDocument,
  { id, control }: Open,
): Promise<void> {
  await client.query(
    `UPDATE deficiencies SET status = 'closed', closed_at = $3, closed_by_run = $4, updated_at = $3 WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, now, run.id],
  );
  log({ kind: 'deficiency.closed', actor: 'system', deficiency_id: id, control, run_id: run.id });
}

/** Throws `deficiency_not_found`, `deficiency_closed`, `person_not_found`, `link_not_found`, and what a person is asked for. */
export function changeDeficiency(
  log: ActionLog,
  who: Administrator,
  id: string,
  change: DeficiencyChange,
): Promise<Deficiency> {
  return log.transact(who.workspaceId, async (transaction) => {
    const { client, now } = transaction;
    const { workspaceId } = who;
    const person = await signingPerson(client, who, 'sign_off', now);
    await client.query('SELECT FROM deficiencies WHERE workspace_id = $1 AND id = $2 FOR UPDATE', [workspaceId, id]);
    const row = await readRow(client, workspaceId, id);
    const before = viewOf(row);
    if (before.status === 'closed')
      throw new Failure(
        409,
        'deficiency_closed',
        'It is closed, and stays as it was closed.',
        'A run that fails opens another.',
      );
    const ownerId = await ownerOf(client, workspaceId, change.owner, row.owner_id);
    const dueAt = change.due_at === undefined ? secondsToDate(before.due_at) : change.due_at;
    const remediation = change.remediation ?? before.remediation;
    await checkLinks(client, workspaceId, remediation);
    await client.query(
      `UPDATE deficiencies SET severity = $3, owner_id = $4, due_at = $5, remediation = $6, compensating = $7, remark = $8, updated_at = $9
        WHERE workspace_id = $1 AND id = $2`,
      [
        ...[workspaceId, id, change.severity ?? before.severity, ownerId, dueAt, JSON.stringify(remediation)],
        ...[change.compensating ?? before.compensating, change.remark ?? before.remark, now],
      ],
    );
    if (change.close !== undefined)
      await client.query(
        `UPDATE deficiencies SET status = 'closed', closed_at = $3, closed_by = $4, close_reason = $5 WHERE workspace_id = $1 AND id = $2`,
        [workspaceId, id, now, person.email, change.close.reason],
      );
    const after = await readDeficiency(client, workspaceId, id);
    tell(transaction, who.actor, person.email, before, after);
    return after;
  });
}

/** Absent: as it was. */
async function ownerOf(
  client: ClientBase,
  workspaceId: WorkspaceId,
  wanted: string | null | undefined,
  before: PersonId | null,
): Promise<PersonId | null> {
  if (wanted === undefined) return before;
  return wanted === null ? null : (await readPerson(client, workspaceId, wanted)).id;
}

function secondsToDate(seconds: number | null): Date | null {
  return seconds === null ? null : new Date(seconds * 1000);
}

function tell({ log }: LoggedTransaction, actor: string, person: string, before: Deficiency, after: Deficiency): void {
  const { id, control } = after;
  const shown = ({ severity, owner, due_at, remediation, compensating, remark }: Deficiency) => ({
    ...{ severity, owner, due_at, remediation, compensating, remark },
  });
  const changes = changesOf(shown(before), shown(after));
  if (Object.keys(changes).length > 0)
    log({ kind: 'deficiency.changed', actor, deficiency_id: id, control, person, changes });
  if (after.status === 'closed')
    log({ kind: 'deficiency.closed', actor, deficiency_id: id, control, person, reason: after.close_reason });
}

/** What is to put it right is there. */
async function checkLinks(
  client: ClientBase,
  workspaceId: WorkspaceId,
  { changes, incidents }: Deficiency['remediation'],
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM unnest($2::text[]) AS c (id) WHERE NOT EXISTS (SELECT FROM changes k WHERE k.workspace_id = $1 AND k.id = c.id)
     UNION ALL
     SELECT id FROM unnest($3::text[]) AS i (id) WHERE NOT EXISTS (SELECT FROM incidents k WHERE k.workspace_id = $1 AND k.id = i.id)`,
    [workspaceId, changes, incidents],
  );
  const [row] = rows;
  if (row !== undefined)
    throw new Failure(422, 'link_not_found', `There is no change and no incident ${row.id}.`, 'Name them by id.');
}
