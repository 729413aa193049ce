/** All tests of rules, live ones and samples, as a reviewer reads them; and which rules a quarter still wants tested. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { alertTimes } from '../alerts/index.ts';
import { csvLine } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';
import { type LiveTestRow, type LiveTestView, liveTestsBetween } from './live-test-store.ts';
import type { Quarter } from './quarter.ts';
import type { Detection } from './rule-set.ts';

export const ruleTestSchema = z
  .object({
    test_id: z.string(),
    detection: z.string(),
    method: z.enum(['live', 'samples']),
    kind: z.enum(['attack', 'near-miss', 'benign']),
    rule_version: z.string(),
    file_digest: z.string(),
    injected_event_ids: z.array(z.string()),
    injected_at: z.string().nullable(),
    arrived_at: z.string().nullable(),
    alerted_at: z.string().nullable(),
    alert_id: z.string().nullable(),
    notified: z.array(z.string()).meta({ description: 'Who was told of the alert.' }),
    acknowledged_by: z.string().nullable(),
    acknowledged_at: z.string().nullable(),
    closed_at: z.string().nullable(),
    siem_alert_id: z.string().nullable(),
    siem_alerted_at: z.string().nullable(),
    tested_at: z.string(),
    result: z.enum(['passed', 'failed', 'running']),
    failure: z.string().nullable(),
  })
  .meta({ id: 'RuleTest' });
export type RuleTestView = z.output<typeof ruleTestSchema>;

/** As soc2 evidence names them, and behind them what else is known. */
const COLUMNS = [
  'test_id',
  'rule_version',
  'injected_event_ids',
  'injected_at',
  'arrived_at',
  'alerted_at',
  'alert_id',
  'notified',
  'acknowledged_by',
  'acknowledged_at',
  'closed_at',
  'result',
  'detection',
  'method',
  'kind',
  'file_digest',
  'siem_alert_id',
  'siem_alerted_at',
  'tested_at',
  'failure',
] as const satisfies readonly (keyof RuleTestView)[];

/** A live test with what has become of its alert. */
export async function liveTestViews(
  pool: Pool,
  workspaceId: WorkspaceId,
  rows: readonly LiveTestRow[],
): Promise<readonly LiveTestView[]> {
  const times = await alertTimes(pool, workspaceId, alertsOf(rows));
  return rows.map(({ agent_id: _, last_seq: __, started_us: ___, ...test }) => {
    const alert = times.get(test.alert_id ?? '');
    return {
      ...test,
      acknowledged_by: alert?.acknowledgedBy ?? null,
      acknowledged_at: alert?.acknowledgedAt?.toISOString() ?? null,
      closed_at: alert?.closedAt?.toISOString() ?? null,
    };
  });
}

function alertsOf(rows: readonly LiveTestRow[]): readonly string[] {
  return rows.flatMap(({ alert_id: id }) => id ?? []);
}

/** Of the period, the oldest first. */
export async function ruleTests(
  { pool, log }: { readonly pool: Pool; readonly log: Pick<RunningLog, 'find'> },
  workspaceId: WorkspaceId,
  { from, to }: Pick<Quarter, 'from' | 'to'>,
): Promise<readonly RuleTestView[]> {
  const rows = await liveTestsBetween(pool, workspaceId, from, to);
  const times = await alertTimes(pool, workspaceId, alertsOf(rows));
  const live = (await liveTestViews(pool, workspaceId, rows)).map(async (test): Promise<RuleTestView> => {
    const { id, status, detection, kind, started_at, started_by: _, ...rest } = test;
    const opened = times.get(test.alert_id ?? '')?.eventId;
    const to = opened === undefined ? undefined : (await log.find(workspaceId, opened))?.event.record.to;
    return {
      test_id: id,
      detection,
      method: 'live',
      kind,
      rule_version: rest.rule_version,
      file_digest: rest.file_digest,
      injected_event_ids: rest.injected_event_ids,
      injected_at: rest.injected_at,
      arrived_at: rest.arrived_at,
      alerted_at: rest.alerted_at,
      alert_id: rest.alert_id,
      notified: Array.isArray(to) ? to.map(String) : [],
      acknowledged_by: rest.acknowledged_by,
      acknowledged_at: rest.acknowledged_at,
      closed_at: rest.closed_at,
      siem_alert_id: rest.siem_alert_id,
      siem_alerted_at: rest.siem_alerted_at,
      tested_at: started_at,
      result: status === 'passed' || status === 'failed' ? status : 'running',
      failure: rest.failure,
    };
  });
  const tests = [...(await Promise.all(live)), ...(await sampleTests(pool, workspaceId, from, to))];
  return tests.sort((a, b) => (a.tested_at < b.tested_at ? -1 : 1));
}

async function sampleTests(
  pool: Pool,
  workspaceId: WorkspaceId,
  from: Date,
  to: Date,
): Promise<readonly RuleTestView[]> {
  const { rows } = await pool.query<{
    report_id: string;
    detection: string;
    kind: RuleTestView['kind'];
    rule_version: string;
    file_digest: string;
    passed: boolean;
    tested_at: Date;
  }>(
    `SELECT report_id, detection, kind, rule_version, file_digest, passed, tested_at FROM detection_sample_tests
      WHERE workspace_id = $1 AND tested_at >= $2 AND tested_at < $3 ORDER BY tested_at, detection, kind`,
    [workspaceId, from, to],
  );
  return rows.map(({ report_id, detection, kind, rule_version, file_digest, passed, tested_at }) => ({
    test_id: `${report_id}/${detection}/${kind}`,
    detection,
    method: 'samples',
    kind,
    rule_version,
    file_digest,
    injected_event_ids: [],
    injected_at: null,
    arrived_at: null,
    alerted_at: null,
    alert_id: null,
    notified: [],
    acknowledged_by: null,
    acknowledged_at: null,
    closed_at: null,
    siem_alert_id: null,
    siem_alerted_at: null,
    tested_at: tested_at.toISOString(),
    result: passed ? 'passed' : 'failed',
    failure: null,
  }));
}

export function ruleTestTable(tests: readonly RuleTestView[]): string {
  const cellOf = (value: RuleTestView[keyof RuleTestView]): string | null =>
    Array.isArray(value) ? value.join(' ') : value;
  return [csvLine(COLUMNS), ...tests.map((test) => csvLine(COLUMNS.map((column) => cellOf(test[column]))))].join('');
}

export const testDutySchema = z
  .object({
    detection: z.string(),
    positive_at: z
      .string()
      .nullable()
      .meta({ description: 'Of the newest test of the quarter that fired as it should.' }),
    negative_at: z.string().nullable().meta({ description: 'And of one that rightly did not.' }),
    is_done: z.boolean(),
  })
  .meta({ id: 'RuleTestDuty' });
export type TestDuty = z.output<typeof testDutySchema>;

/** Of the rules that are switched on: each wants one of both in a quarter, of the rule as it now is. Pure. */
export function dutiesOf(detections: readonly Detection[], tests: readonly RuleTestView[]): readonly TestDuty[] {
  return detections
    .filter(({ document, rules }) => document.enabled && rules.length > 0)
    .map(({ name, rules }) => {
      const digests = new Set(rules.map(({ fileDigest }) => fileDigest));
      const passed = tests.filter(
        (test) => test.detection === name && test.result === 'passed' && digests.has(test.file_digest),
      );
      const newest = (isPositive: boolean): string | null =>
        passed.filter(({ kind }) => (kind === 'attack') === isPositive).at(-1)?.tested_at ?? null;
      const [positive, negative] = [newest(true), newest(false)];
      return {
        detection: name,
        positive_at: positive,
        negative_at: negative,
        is_done: positive !== null && negative !== null,
      };
    });
}
