/** Reading alerts, cases and counts. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { ALERT_STATUSES, ALERTS, type AlertRow, type CaseView, DISPOSITIONS } from './alert.ts';
import { ALERT_SOURCES } from './raise.ts';
import { SEVERITIES } from './severity.ts';

const word = z.string().min(1).max(254);
const moment = z.iso.datetime({ offset: true });

/** Members of a query that selects alerts. */
export const alertQuery = {
  status: z.enum(ALERT_STATUSES).optional(),
  unclosed: z.stringbool().optional(),
  overdue: z.stringbool().optional().meta({ description: '`true`: what was not acknowledged or closed in time.' }),
  severity: z.enum(SEVERITIES).optional().meta({ description: 'At least this.' }),
  source: z.enum(ALERT_SOURCES).optional(),
  rule: word.optional(),
  subject: word.optional().meta({ description: 'Id or name of what it is about.' }),
  assignee: word.optional().meta({ description: 'E-mail.' }),
  disposition: z.enum(DISPOSITIONS).optional(),
  case: word.optional(),
  incident: word.optional(),
  synthetic: z.enum(['exclude', 'only', 'include']).default('exclude').meta({ description: 'Those that tests made.' }),
  from: moment.optional().meta({ description: 'Opened at or after.' }),
  to: moment.optional().meta({ description: 'Opened before.' }),
  q: word.optional().meta({ description: 'Words in the title, or in the name of what it is about.' }),
};
const filterSchema = z.object(alertQuery);
export type AlertFilter = z.output<typeof filterSchema>;

function conditionsOf(filter: AlertFilter, values: unknown[]): string {
  const conditions: string[] = [];
  const add = (condition: (place: string) => string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(` AND ${condition(`$${values.length}`)}`);
  };
  add((at) => `a.status = ${at}`, filter.status);
  if (filter.unclosed !== undefined) conditions.push(` AND a.status ${filter.unclosed ? '<>' : '='} 'closed'`);
  if (filter.overdue === true)
    conditions.push(
      ` AND (a.status <> 'closed' AND a.close_due_at <= clock_timestamp() OR a.status = 'open' AND a.acknowledge_due_at <= clock_timestamp())`,
    );
  if (filter.severity !== undefined)
    add((at) => `a.severity = ANY(${at})`, SEVERITIES.slice(SEVERITIES.indexOf(filter.severity)));
  add((at) => `a.source = ${at}`, filter.source);
  add((at) => `a.rule = ${at}`, filter.rule);
  add((at) => `(a.subject_id = ${at} OR a.subject_name = ${at})`, filter.subject);
  add((at) => `a.assignee = lower(${at})`, filter.assignee);
  add((at) => `a.disposition = ${at}`, filter.disposition);
  add((at) => `a.case_id = ${at}`, filter.case);
  add((at) => `a.incident_id = ${at}`, filter.incident);
  add((at) => `a.opened_at >= ${at}`, filter.from);
  add((at) => `a.opened_at < ${at}`, filter.to);
  add(
    (at) => `(position(lower(${at}) IN lower(a.title)) > 0 OR position(lower(${at}) IN lower(a.subject_name)) > 0)`,
    filter.q,
  );
  if (filter.synthetic !== 'include') conditions.push(` AND a.synthetic = ${filter.synthetic === 'only'}`);
  return conditions.join('');
}

/** Newest first. */
export async function listAlerts(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  filter: AlertFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<AlertRow[]> {
  const values: unknown[] = [workspaceId];
  let conditions = conditionsOf(filter, values);
  if (after !== undefined) {
    values.push(after.atUs, after.id);
    conditions += ` AND (a.opened_at, a.id) < ('epoch'::timestamptz + $${values.length - 1} * interval '1 microsecond', $${values.length})`;
  }
  values.push(limit);
  const { rows } = await client.query<AlertRow>(
    `${ALERTS}${conditions} ORDER BY a.opened_at DESC, a.id DESC LIMIT $${values.length}`,
    values,
  );
  return rows;
}

const level = z.object({
  informational: z.int(),
  low: z.int(),
  medium: z.int(),
  high: z.int(),
  critical: z.int(),
});
type Levels = z.output<typeof level>;

export const summarySchema = z
  .object({
    object: z.literal('alert_summary'),
    open: level.meta({ description: 'Nobody has acknowledged them yet.' }),
    unclosed: level,
    overdue_acknowledge: z.int(),
    overdue_close: z.int(),
    synthetic_unclosed: z.int().meta({ description: 'Those that tests made; in no other count.' }),
    days: z.int(),
    opened: z.int().meta({ description: 'In the last days.' }),
    dispositions: z.record(z.enum(DISPOSITIONS), z.int()),
    median_acknowledge_seconds: z.number().nullable(),
    median_close_seconds: z.number().nullable(),
  })
  .meta({ id: 'AlertSummary' });
type Summary = z.output<typeof summarySchema>;

const SUMMARY_DAYS = 30;
const zeros = (): Levels => ({ informational: 0, low: 0, medium: 0, high: 0, critical: 0 });

export async function summarize(pool: Pool, workspaceId: WorkspaceId): Promise<Summary> {
  const [unclosed, recent, tests] = await Promise.all([
    pool.query<{
      severity: keyof Levels;
      status: string;
      count: number;
      late_ack: number;
      late_close: number;
    }>(
      `SELECT severity, status, count(*) AS count,
              count(*) FILTER (WHERE status = 'open' AND acknowledge_due_at <= clock_timestamp()) AS late_ack,
              count(*) FILTER (WHERE close_due_at <= clock_timestamp()) AS late_close
         FROM alerts WHERE workspace_id = $1 AND status <> 'closed' AND NOT synthetic GROUP BY severity, status`,
      [workspaceId],
    ),
    pool.query<{
      opened: number;
      dispositions: Record<string, number> | null;
      acknowledge: number | null;
      close: number | null;
    }>(
      `WITH recent AS (SELECT * FROM alerts WHERE workspace_id = $1 AND NOT synthetic
                          AND opened_at > clock_timestamp() - make_interval(days => ${SUMMARY_DAYS}))
       SELECT count(*) AS opened,
              (SELECT json_object_agg(disposition, n) FROM (
                 SELECT disposition, count(*) AS n FROM recent WHERE disposition IS NOT NULL GROUP BY disposition) d) AS dispositions,
              percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM acknowledged_at - opened_at)::float8) AS acknowledge,
              percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - opened_at)::float8) AS close
         FROM recent`,
      [workspaceId],
    ),
    pool.query<{ count: number }>(
      `SELECT count(*) AS count FROM alerts WHERE workspace_id = $1 AND status <> 'closed' AND synthetic`,
      [workspaceId],
    ),
  ]);
  const open = zeros();
  const all = zeros();
  let lateAcknowledge = 0;
  let lateClose = 0;
  for (const row of unclosed.rows) {
    all[row.severity] += row.count;
    if (row.status === 'open') open[row.severity] += row.count;
    lateAcknowledge += row.late_ack;
    lateClose += row.late_close;
  }
  const [last] = recent.rows;
  return {
    object: 'alert_summary',
    open,
    unclosed: all,
    overdue_acknowledge: lateAcknowledge,
    overdue_close: lateClose,
    synthetic_unclosed: tests.rows[0]?.count ?? 0,
    days: SUMMARY_DAYS,
    opened: last?.opened ?? 0,
    dispositions: { true_positive: 0, benign: 0, false_positive: 0, test: 0, duplicate: 0, ...last?.dispositions },
    median_acknowledge_seconds: last?.acknowledge ?? null,
    median_close_seconds: last?.close ?? null,
  };
}

const CASES = `
SELECT c.id, 'alert_case' AS object, c.title, json_build_object('kind', c.subject_kind, 'id', c.subject_id, 'name', c.subject_name) AS subject,
       c.synthetic, n.severity, n.alerts, n.unclosed, floor(extract(epoch FROM c.opened_at))::bigint AS opened_at,
       floor(extract(epoch FROM c.last_alert_at))::bigint AS last_alert_at,
       (extract(epoch FROM c.last_alert_at) * 1000000)::bigint AS last_us
  FROM alert_cases c CROSS JOIN LATERAL (
       SELECT count(*) AS alerts, count(*) FILTER (WHERE a.status <> 'closed') AS unclosed,
              (ARRAY['informational', 'low', 'medium', 'high', 'critical'])[max(array_position(
                 ARRAY['informational', 'low', 'medium', 'high', 'critical'], a.severity))] AS severity
         FROM alerts a WHERE a.workspace_id = c.workspace_id AND a.case_id = c.id) n
 WHERE c.workspace_id = $1`;

export interface CaseRow extends CaseView {
  readonly last_us: number;
}

/** Those with the newest alerts first. */
export async function listCases(
  pool: Pool,
  workspaceId: WorkspaceId,
  { unclosed, synthetic }: { readonly unclosed: boolean | undefined; readonly synthetic: AlertFilter['synthetic'] },
  after: TimePosition | undefined,
  limit: number,
): Promise<CaseRow[]> {
  const { rows } = await pool.query<CaseRow>(
    `${CASES} AND ($2::boolean IS NULL OR (n.unclosed > 0) = $2) AND ($3::boolean IS NULL OR c.synthetic = $3)
       AND ($4::bigint IS NULL OR (c.last_alert_at, c.id) < ('epoch'::timestamptz + $4 * interval '1 microsecond', $5))
     ORDER BY c.last_alert_at DESC, c.id DESC LIMIT $6`,
    [
      workspaceId,
      unclosed ?? null,
      synthetic === 'include' ? null : synthetic === 'only',
      after?.atUs ?? null,
      after?.id ?? null,
      limit,
    ],
  );
  return rows;
}

/** Throws `alert_case_not_found`. */
export async function readCase(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<CaseRow> {
  const { rows } = await client.query<CaseRow>(`${CASES} AND c.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(404, 'alert_case_not_found', `There is no case "${id}".`, 'List them with GET /v1/alert-cases.');
}

export const toldSchema = z.object({
  channel: z.enum(['slack', 'email']),
  destination: z.string(),
  event_id: z.string(),
  status: z.enum(['waiting', 'delivered', 'dropped', 'failed']),
  delivered_at: z.int().nullable(),
});

/** Messages that told of it, of the last 30 days. */
export async function messagesAbout(
  pool: Pool,
  workspaceId: WorkspaceId,
  eventIds: readonly string[],
): Promise<readonly z.output<typeof toldSchema>[]> {
  const { rows } = await pool.query<z.output<typeof toldSchema>>(
    `SELECT channel, destination, event_id, status, floor(extract(epoch FROM delivered_at))::bigint AS delivered_at
       FROM channel_messages WHERE workspace_id = $1 AND event_id = ANY($2) AND purpose = 'alert' ORDER BY created_at, id LIMIT 200`,
    [workspaceId, eventIds],
  );
  return rows;
}
