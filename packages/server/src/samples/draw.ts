/**
 * Draws a sample: the population is counted and hashed, the request is kept and on the log, and only then are rows chosen, in a
 * second reading of the same snapshot. Whoever asks for what differs afterwards adds a draw; none is changed or taken back.
 */
import { createHash } from 'node:crypto';
import {
  type DrawnUnit,
  listHash,
  PopulationCounter,
  type PopulationSummary,
  planSample,
  type Row,
  SampleDraw,
  type SamplePlan,
  type Unit,
} from '@hivekey/evidence';
import type { Administrator, ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import {
  inSnapshot,
  periodOf,
  type ReportScope,
  readReport,
  reportOf,
  rowsOf,
  scopeOf,
  tableOf,
} from '../evidence/index.ts';
import { newId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type Selection, unitsOf } from './population.ts';
import { type NewSample, readSample, type SampleView, sampleView } from './sample.ts';

/**
 * Who may, the route says; of somebody of an engagement it is a draw of that engagement. Throws `report_not_found`,
 * `table_not_found`, `parameter_invalid`, `period_invalid`, `period_in_future`, `sample_column_invalid`, `sample_incomplete`,
 * `population_empty`, `sample_too_small`.
 */
export async function drawSample(context: ApiContext, who: Administrator, wanted: NewSample): Promise<SampleView> {
  const { log, pool, clock } = context;
  const { workspaceId } = who;
  const report = reportOf(wanted.report);
  const table = tableOf(report, wanted.table);
  const period = periodOf(wanted.from, wanted.to, clock());
  const selection = selectionOf(wanted);
  const id = newId<string>('smp');
  await inSnapshot(context, workspaceId, async (snapshot) => {
    const scope = scopeOf(context, snapshot, { report, period, parameters: wanted.parameters });
    const read = () => unitsIn(scope, wanted, selection);
    const counter = new PopulationCounter(createHash('sha256'));
    for await (const { unit } of read()) counter.add(unit);
    const population = counter.summary();
    const plan = planSample(wanted, population);
    if (plan === undefined) throw notDrawable(wanted, population);
    await log.transact(workspaceId, (transaction) =>
      keepRequest(transaction, who, { id, wanted, selection, table: table.name, scope, population, plan }),
    );
    const draw = new SampleDraw<Row>(wanted, plan);
    const again = new PopulationCounter(createHash('sha256'));
    for await (const { unit, row } of read()) {
      again.add(unit);
      draw.add(unit, row);
    }
    // One snapshot gives one population; a report that does not is no population.
    if (again.summary().sha256 !== population.sha256)
      throw new Error(`${report.id}/${table.name} is read differently twice`);
    await log.transact(workspaceId, (transaction) => keepDraw(transaction, who, id, draw.drawn()));
  });
  return sampleView(await readSample(pool, workspaceId, id));
}

/** The units of a table, with their rows, in its order. */
export async function* unitsIn(
  scope: ReportScope,
  { report: reportId, table: tableName }: Pick<NewSample, 'report' | 'table'>,
  selection: Selection,
): AsyncGenerator<{ readonly unit: Unit; readonly row: Row }, void, undefined> {
  const report = reportOf(reportId);
  const table = tableOf(report, tableName);
  const unitOf = unitsOf(table, selection);
  const content = await readReport(report, scope);
  for await (const row of rowsOf(content, table)) yield { unit: unitOf(row), row };
}

/** Throws `sample_incomplete`. */
function selectionOf({ method, stratify_by: stratifyBy, amount, currency }: NewSample): Selection {
  const isMoney = method === 'monetary_unit';
  if (method === 'stratified' && stratifyBy === undefined)
    throw incomplete(
      'A stratified sample says by which column.',
      'Give stratify_by, such as verdict, agent_id or day.',
    );
  if (method !== 'stratified' && stratifyBy !== undefined)
    throw incomplete('Only a stratified sample has strata.', 'Leave stratify_by out, or ask for method stratified.');
  if (isMoney && currency === undefined)
    throw incomplete('A monetary unit sample says of which currency.', 'Give currency, such as USD.');
  if (!isMoney && (amount ?? currency) !== undefined)
    throw incomplete(
      'Only a monetary unit sample counts money.',
      'Leave amount and currency out, or ask for method monetary_unit.',
    );
  return { method, stratifyBy, amount: isMoney ? (amount ?? 'amount_minor') : undefined, currency };
}

function incomplete(cause: string, remedy: string): Failure {
  return new Failure(422, 'sample_incomplete', cause, remedy);
}

function notDrawable({ method, size }: NewSample, { count, strata }: PopulationSummary): Failure {
  if (count === 0 || method !== 'stratified')
    return new Failure(
      409,
      'population_empty',
      count === 0 ? 'There is no row in that time.' : 'There is no money in that population.',
      'Ask for another period, table or currency.',
    );
  return new Failure(
    422,
    'sample_too_small',
    `${size} rows cannot be one of each of ${strata.size} strata.`,
    'Ask for more rows, or for other strata.',
  );
}

interface Requested {
  readonly id: string;
  readonly wanted: NewSample;
  readonly selection: Selection;
  readonly table: string;
  readonly scope: ReportScope;
  readonly population: PopulationSummary;
  readonly plan: SamplePlan;
}

/** Ids of draws before it, on its record. */
const MAX_EARLIER = 50;

async function keepRequest(
  { client, log, now }: LoggedTransaction,
  who: Administrator,
  { id, wanted, selection, table, scope, population, plan }: Requested,
): Promise<void> {
  const { workspaceId, actor, person, engagement } = who;
  const { period, parameters, asOf } = scope;
  const { method, size, seed, report, reason, currency } = wanted;
  // The workspace is locked: of two at once, one is the first.
  const { rows: earlier } = await client.query<{ id: string }>(
    `SELECT id FROM samples WHERE workspace_id = $1 AND report = $2 AND table_name = $3 AND period_from = $4 AND period_to = $5 ORDER BY draw DESC`,
    [workspaceId, report, table, period.from, period.to],
  );
  const strata =
    plan.kind === 'smallest' && method === 'stratified'
      ? [...plan.take].map(([stratum, drawn]) => ({ stratum, population: population.strata.get(stratum) ?? 0, drawn }))
      : [];
  const total = method === 'monetary_unit' ? String(population.totalMinor) : null;
  const eventId = log({
    kind: 'sample.requested',
    actor,
    sample_id: id,
    report,
    table,
    from: period.from,
    to: period.to,
    parameters,
    as_of: asOf,
    population_count: population.count,
    population_sha256: population.sha256,
    population_minor: total ?? undefined,
    method,
    stratify_by: selection.stratifyBy,
    amount: selection.amount,
    currency,
    size,
    seed,
    draw: earlier.length + 1,
    earlier: earlier.length === 0 ? undefined : earlier.slice(0, MAX_EARLIER).map((each) => each.id),
    engagement_id: engagement?.id,
    person: person?.email,
    reason,
  });
  await client.query(
    `INSERT INTO samples (workspace_id, id, report, table_name, period_from, period_to, parameters, as_of, population_count, population_sha256,
                          population_minor, strata, method, stratify_by, amount, currency, size, seed, draw, reason, requested_by, person,
                          engagement_id, requested_at, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)`,
    [
      ...[workspaceId, id, report, table, period.from, period.to, JSON.stringify(parameters), asOf],
      ...[population.count, population.sha256, total, JSON.stringify(strata), method, selection.stratifyBy ?? null],
      ...[
        selection.amount ?? null,
        currency ?? null,
        size,
        seed,
        earlier.length + 1,
        reason,
        actor,
        person?.email ?? null,
      ],
      ...[engagement?.id ?? null, now, eventId],
    ],
  );
}

async function keepDraw(
  { client, log, now }: LoggedTransaction,
  { workspaceId, actor, engagement }: Administrator,
  id: string,
  drawn: readonly DrawnUnit<Row>[],
): Promise<void> {
  const sha256 = listHash(drawn);
  const eventId = log({
    kind: 'sample.drawn',
    actor,
    sample_id: id,
    count: drawn.length,
    list_sha256: sha256,
    engagement_id: engagement?.id,
  });
  const items = drawn.map(({ id: unitId, stratum, amountMinor, rank, hits, row }, at) => ({
    n: at + 1,
    unit_id: unitId,
    stratum,
    amount_minor: String(amountMinor),
    rank,
    hits,
    cells: row.map((cell) => (typeof cell === 'bigint' ? String(cell) : cell)),
  }));
  await client.query(
    `INSERT INTO sample_items (workspace_id, sample_id, n, unit_id, stratum, amount_minor, rank, hits, cells)
     SELECT $1, $2, i.n, i.unit_id, i.stratum, i.amount_minor, i.rank, i.hits, i.cells
       FROM jsonb_to_recordset($3::jsonb) AS i (n integer, unit_id text, stratum text, amount_minor numeric, rank text, hits integer, cells jsonb)`,
    [workspaceId, id, withoutNul(JSON.stringify(items))],
  );
  await client.query(
    `UPDATE samples SET drawn_at = $3, drawn_count = $4, list_sha256 = $5, drawn_event_id = $6 WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, now, drawn.length, sha256, eventId],
  );
}

/** jsonb holds no U+0000; it is shown as U+FFFD. */
function withoutNul(json: string): string {
  return json.replaceAll(/\\(?:u0000|.)/gs, (sequence) => (sequence === '\\u0000' ? '\\ufffd' : sequence));
}
