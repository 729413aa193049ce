/** Live tests as they are stored: when their events were injected, when they arrived, when somebody was told. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';

const millis = z.iso.datetime();

export const liveTestSchema = z
  .object({
    id: z.string(),
    object: z.literal('live_test'),
    detection: z.string(),
    rule_version: z.string(),
    file_digest: z.string(),
    kind: z.enum(['attack', 'benign']),
    status: z.enum(['injecting', 'waiting', 'passed', 'failed']),
    failure: z.string().nullable(),
    started_by: z.string(),
    started_at: millis,
    wait_until: millis,
    injected_event_ids: z.array(z.string()),
    injected_at: millis.nullable().meta({ description: 'When the first of the events was injected.' }),
    arrivals: z.record(z.string(), z.string()).meta({
      description:
        'Sink → when its cursor had passed the last of the events: acknowledged as strongly as the sink can.',
    }),
    arrived_at: millis.nullable().meta({ description: 'When all sinks of the workspace had them.' }),
    finding_id: z.string().nullable(),
    alert_id: z.string().nullable(),
    alerted_at: millis.nullable(),
    siem_alert_id: z.string().nullable(),
    siem_alerted_at: millis.nullable(),
    siem_reported_by: z.string().nullable(),
    siem_reported_how: z.enum(['webhook', 'hand']).nullable(),
    acknowledged_by: z.string().nullable(),
    acknowledged_at: millis.nullable(),
    closed_at: millis.nullable(),
    ended_at: millis.nullable(),
  })
  .meta({ id: 'LiveTest' });
export type LiveTestView = z.output<typeof liveTestSchema>;

export interface LiveTestRow extends Omit<LiveTestView, 'acknowledged_by' | 'acknowledged_at' | 'closed_at'> {
  readonly agent_id: string | null;
  readonly last_seq: number | null;
  readonly started_us: number;
}

const iso = (column: string): string =>
  `to_char(t.${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${column}`;

const TESTS = `
SELECT t.id, 'live_test' AS object, t.detection, t.rule_version, t.file_digest, t.kind, t.status, t.failure, t.started_by,
       ${iso('started_at')}, ${iso('wait_until')}, t.event_ids AS injected_event_ids, ${iso('injected_at')}, t.arrivals,
       ${iso('arrived_at')}, t.finding_id, t.alert_id, ${iso('alerted_at')}, t.siem_alert_id, ${iso('siem_alerted_at')},
       t.siem_reported_by, t.siem_reported_how, ${iso('ended_at')}, t.agent_id, t.last_seq,
       (extract(epoch FROM t.started_at) * 1000000)::bigint AS started_us
  FROM detection_live_tests t WHERE t.workspace_id = $1`;

/** Throws `live_test_not_found`. */
export async function readLiveTest(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<LiveTestRow> {
  const { rows } = await client.query<LiveTestRow>(`${TESTS} AND t.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'live_test_not_found',
    `There is no live test "${id}".`,
    'List them with GET /v1/detections/live-tests.',
  );
}

/** Newest first. */
export async function listLiveTests(
  pool: Pool,
  workspaceId: WorkspaceId,
  detection: string | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly LiveTestRow[]> {
  const { rows } = await pool.query<LiveTestRow>(
    `${TESTS} AND ($2::text IS NULL OR t.detection = $2)
   AND ($3::bigint IS NULL OR (t.started_at, t.id) < ('epoch'::timestamptz + $3 * interval '1 microsecond', $4))
 ORDER BY t.started_at DESC, t.id DESC LIMIT $5`,
    [workspaceId, detection ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Those that began within the period, the oldest first. */
export async function liveTestsBetween(
  pool: Pool,
  workspaceId: WorkspaceId,
  from: Date,
  to: Date,
): Promise<readonly LiveTestRow[]> {
  const { rows } = await pool.query<LiveTestRow>(
    `${TESTS} AND t.started_at >= $2 AND t.started_at < $3 ORDER BY t.started_at, t.id`,
    [workspaceId, from, to],
  );
  return rows;
}

export interface OpenTest {
  readonly workspaceId: WorkspaceId;
  readonly id: string;
  readonly status: 'injecting' | 'waiting';
  readonly kind: 'attack' | 'benign';
  readonly node: string;
  readonly lastSeq: number | null;
  readonly arrivals: Readonly<Record<string, string>>;
  readonly hasArrived: boolean;
  readonly isAlerted: boolean;
  /** The rules have passed the last of its events. */
  readonly isEvaluated: boolean;
  readonly isOver: boolean;
  readonly ageSeconds: number;
}

/**
 * Whatever node they were begun on. What was found and how far the rules are is read in one statement: a finding that is
 * written between two would be taken for none.
 */
export async function openTests(pool: Pool): Promise<readonly OpenTest[]> {
  const { rows } = await pool.query<OpenTest>(
    `SELECT t.workspace_id AS "workspaceId", t.id, t.status, t.kind, t.node, t.last_seq AS "lastSeq", t.arrivals,
            t.arrived_at IS NOT NULL AS "hasArrived", t.alerted_at IS NOT NULL AS "isAlerted",
            coalesce(e.next_seq > t.last_seq, false) AS "isEvaluated", t.wait_until <= clock_timestamp() AS "isOver",
            extract(epoch FROM clock_timestamp() - t.started_at)::float8 AS "ageSeconds"
       FROM detection_live_tests t LEFT JOIN detection_evaluators e ON e.workspace_id = t.workspace_id
      WHERE t.status IN ('injecting', 'waiting') ORDER BY t.started_at LIMIT 100`,
  );
  return rows;
}

/** In the transaction that raises the alert. The first one counts. */
export async function noteAlert(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
  findingId: string,
  alertId: string,
): Promise<void> {
  await client.query(
    `UPDATE detection_live_tests SET finding_id = $3, alert_id = $4, alerted_at = clock_timestamp()
      WHERE workspace_id = $1 AND id = $2 AND alerted_at IS NULL`,
    [workspaceId, id, findingId, alertId],
  );
}

/** What the cursors of sinks say. `isAll`: all that the workspace has. */
export async function noteArrivals(
  pool: Pool,
  workspaceId: WorkspaceId,
  id: string,
  arrived: readonly string[],
  isAll: boolean,
  nowMs: number,
): Promise<void> {
  const at = new Date(nowMs).toISOString();
  await pool.query(
    `UPDATE detection_live_tests SET arrivals = $3::jsonb || arrivals,
            arrived_at = CASE WHEN $4 THEN coalesce(arrived_at, $5::timestamptz) ELSE arrived_at END
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, JSON.stringify(Object.fromEntries(arrived.map((sink) => [sink, at]))), isAll, at],
  );
}
