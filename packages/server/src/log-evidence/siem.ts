/** Item 8: that the log reaches whoever watches it, every day and whole; what is looked for in it; that it was tried; what was found. */
import { canonicalJson } from '@hivekey/action-log';
import { readCatalogue } from '../detections/index.ts';
import {
  type Attachment,
  endOf,
  population,
  type Report,
  type ReportContent,
  type ReportScope,
  streamRows,
} from '../evidence/index.ts';
import { type PipelineRow, pipelineOf } from './pipeline.ts';
import { ALERTS, LEDGER, PIPELINE, RULE_TESTS, RULES } from './siem-tables.ts';

// $1 workspace, $2 from, $3 end, $4 as of: days are whole ones, as far as they are over. A day of which nothing was settled has a row, too.
const LEDGER_QUERY = `
WITH live AS (
  SELECT s.id, s.name, v.from_seq, CASE WHEN s.status = 'deleted' THEN s.updated_at ELSE 'infinity' END AS until
    FROM sinks s JOIN sink_streams v ON v.workspace_id = s.workspace_id AND v.sink_id = s.id AND v.purpose = 'live'
   WHERE s.workspace_id = $1 AND s.created_at < $3 AND (s.status <> 'deleted' OR s.updated_at >= $2)),
bounds AS (
  SELECT date_trunc('day', $2::timestamptz AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS from_day,
         least(date_trunc('day', $3::timestamptz AT TIME ZONE 'UTC' + interval '1 day' - interval '1 microsecond') AT TIME ZONE 'UTC', $4::timestamptz) AS to_day),
logged AS (
  SELECT v.id, (a.ts AT TIME ZONE 'UTC')::date AS day, count(*) AS in_log
    FROM live v CROSS JOIN bounds b JOIN actions a ON a.workspace_id = $1 AND a.seq >= v.from_seq AND a.ts < v.until AND a.ts >= b.from_day AND a.ts < b.to_day
   GROUP BY 1, 2),
settled AS (
  SELECT l.* FROM sink_ledger l CROSS JOIN bounds b
   WHERE l.workspace_id = $1 AND l.day >= (b.from_day AT TIME ZONE 'UTC')::date AND l.day::timestamp AT TIME ZONE 'UTC' < b.to_day)
SELECT d.day::text AS day, coalesce(l.produced, 0) AS produced, coalesce(l.accepted, 0) AS accepted, coalesce(l.rejected, 0) AS rejected,
       coalesce(l.retried, 0) AS retried, coalesce(l.max_lag_ms, 0) / 1000.0::float8 AS max_lag_s, coalesce(l.gap_seconds, 0) / 60.0::float8 AS gap_minutes,
       l.first_seq, l.last_seq, v.id AS sink_id, v.name AS sink, coalesce(l.filtered, 0) AS left_out, coalesce(n.in_log, 0) AS in_log,
       greatest(coalesce(n.in_log, 0) - coalesce(l.produced, 0) - coalesce(l.filtered, 0), 0) AS open,
       coalesce(l.unconfirmed, 0) AS unconfirmed, coalesce(l.checkpoints, 0) AS checkpoints,
       coalesce(l.produced, 0) = coalesce(l.accepted, 0) AND coalesce(n.in_log, 0) <= coalesce(l.produced, 0) + coalesce(l.filtered, 0) AS is_equal
  FROM (SELECT id, day FROM logged UNION SELECT sink_id, day FROM settled) d JOIN live v ON v.id = d.id
  LEFT JOIN settled l ON l.sink_id = d.id AND l.day = d.day LEFT JOIN logged n ON n.id = d.id AND n.day = d.day
 ORDER BY d.day, v.name COLLATE "C", v.id`;

const TESTS_QUERY = `
SELECT t.id AS test_id, t.rule_version, t.event_ids AS injected_event_ids, t.injected_at, t.arrived_at, t.alerted_at, t.alert_id,
       ARRAY(SELECT DISTINCT m.channel FROM channel_messages m JOIN alerts x ON x.workspace_id = m.workspace_id AND x.event_id = m.event_id
              WHERE m.workspace_id = t.workspace_id AND x.id = t.alert_id AND m.purpose = 'alert' ORDER BY 1) AS notified,
       a.acknowledged_by, a.acknowledged_at, a.closed_at, CASE WHEN t.status IN ('passed', 'failed') THEN t.status ELSE 'running' END AS result,
       t.detection AS rule_id, t.kind AS case, t.failure, t.started_by, t.started_at, t.siem_alert_id, t.siem_alerted_at, t.siem_reported_how,
       t.file_digest AS file_sha256
  FROM detection_live_tests t LEFT JOIN alerts a ON a.workspace_id = t.workspace_id AND a.id = t.alert_id
 WHERE t.workspace_id = $1 AND t.started_at >= $2 AND t.started_at < $3 ORDER BY t.started_at, t.id`;

const ALERTS_QUERY = `
SELECT id AS alert_id, rule, severity, opened_at AS opened, assigned_at AS assigned, triaged_at AS triaged, disposition, incident_id, closed_at AS closed,
       source, subject_kind || ' ' || subject_name AS subject, title, synthetic, status, acknowledged_at AS acknowledged, acknowledged_by, assignee,
       triaged_by, closed_by, reason, acknowledge_due_at AS acknowledge_due, close_due_at AS close_due,
       acknowledge_missed_at IS NOT NULL OR close_missed_at IS NOT NULL AS is_late, event_id
  FROM alerts WHERE workspace_id = $1 AND opened_at >= $2 AND opened_at < $3 ORDER BY opened_at, id`;

export const siemReport: Report = {
  id: 'siem',
  folder: '08_siem',
  item: 8,
  title: 'SIEM integration',
  about:
    'For each day and receiver, what the log produced and what the receiver took: the two are equal, or what is missing is listed. Beside it the rules with their logic, tests that were injected through the real path, and every alert with what became of it. What the SIEM itself did with an event, only its own screens show.',
  controls: ['AG-16', 'AG-17'],
  tables: [LEDGER, PIPELINE, RULES, RULE_TESTS, ALERTS],
  query: `delivery-ledger:${LEDGER_QUERY}\n\nrule-tests:${TESTS_QUERY}\n\nalerts:${ALERTS_QUERY}\n\npipeline: the records sink.changed, sink.paused and sink.resumed before the end of the period, one after the other. rules: as they are set when this is read.`,
  read,
};

async function read(scope: ReportScope): Promise<ReportContent> {
  const { client, context, workspaceId, period, asOf } = scope;
  const values = [workspaceId, period.from, endOf(period, asOf)];
  const [sinks, catalogue] = [await pipelineOf(scope), await readCatalogue(context.pool, workspaceId)];
  const days = population(LEDGER, streamRows(client, LEDGER_QUERY, [...values, asOf]), {
    count: ['is_equal'],
    sum: ['produced', 'accepted', 'rejected', 'open'].map((column) => ({ column, by: 'sink_id' })),
  });
  const pipeline = population(PIPELINE, sinks, { count: ['status'] });
  const rules = population(
    RULES,
    catalogue.map(({ maps_to: maps, change, file_digest: file, ...rule }) => ({
      ...rule,
      maps_to: [...maps.soc2, ...maps.owasp_agentic],
      change_id: change,
      file_sha256: file,
    })),
    { count: ['enabled'] },
  );
  const tests = population(RULE_TESTS, streamRows(client, TESTS_QUERY, values), { count: ['result', 'case'] });
  const alerts = population(ALERTS, streamRows(client, ALERTS_QUERY, values), {
    count: ['severity', 'disposition', 'status', 'synthetic', 'is_late'],
  });
  return {
    rows: {
      [LEDGER.name]: days.rows,
      [PIPELINE.name]: pipeline.rows,
      [RULES.name]: rules.rows,
      [RULE_TESTS.name]: tests.rows,
      [ALERTS.name]: alerts.rows,
    },
    facts: async () => {
      const { rows } = await client.query<{ tests: number; alerts: number }>(
        `SELECT count(*) FILTER (WHERE kind = 'rule_test.started') AS tests, count(*) FILTER (WHERE kind = 'alert.opened') AS alerts
           FROM actions WHERE workspace_id = $1 AND ts >= $2 AND ts < $3 AND kind IN ('rule_test.started', 'alert.opened')`,
        values,
      );
      const { tests: logged = 0, alerts: opened = 0 } = rows[0] ?? {};
      return {
        [LEDGER.name]: days.facts({}),
        [PIPELINE.name]: pipeline.facts({ log: sinks.length }),
        [RULES.name]: rules.facts(
          { engine: catalogue.length },
          {
            filters: [
              'Rules as they are set when this is read; enabled_from and enabled_to say since when and until when.',
            ],
          },
        ),
        [RULE_TESTS.name]: tests.facts({ log: logged }),
        [ALERTS.name]: alerts.facts({ log: opened }),
      };
    },
    attachments: () => files(sinks, catalogue),
  };
}

async function* files(
  sinks: readonly PipelineRow[],
  catalogue: Awaited<ReturnType<typeof readCatalogue>>,
): AsyncGenerator<Attachment, void, undefined> {
  const text = (value: string) => Buffer.from(value.endsWith('\n') ? value : `${value}\n`);
  yield { path: 'pipeline.json', bytes: text(JSON.stringify(JSON.parse(canonicalJson(sinks)), null, 2)) };
  for (const { name, rule, ...about } of catalogue) {
    const stem = `rules/${name.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`;
    yield { path: `${stem}.yml`, bytes: text(rule) };
    yield { path: `${stem}.json`, bytes: text(JSON.stringify(JSON.parse(canonicalJson({ name, ...about })), null, 2)) };
  }
}
