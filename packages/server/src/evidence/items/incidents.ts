/** Incidents that were open in the period, with what the log says of them until its end. */
import type { Json, TableShape } from '@hivekey/evidence';
import { sentenceOf } from '../../incidents/index.ts';
import type { LogRecord } from '../../log/index.ts';
import { column } from '../column.ts';
import { endOf } from '../period.ts';
import { population } from '../population.ts';
import type { Report, ReportContent, ReportScope } from '../report.ts';
import { streamRows } from '../snapshot.ts';

const INCIDENTS: TableShape = {
  name: 'incidents',
  title: 'Incidents that were open at any moment of the period',
  columns: [
    column('incident_id', 'id', 'Of the incident.'),
    column('title', 'text', 'What it is called.'),
    column('severity', 'text', '`low` to `critical`, at the end of the period.'),
    column('status', 'text', '`open` or `closed`, at the end of the period.'),
    column('exercise', 'boolean', 'Whether it was made by a test or a drill.'),
    column('lead', 'text', 'Who leads it.'),
    column('began_at', 'time', 'When what it is about began, as far as it is known.'),
    column('opened_at', 'time', 'When it was opened.'),
    column('opened_by', 'text', 'By whom.'),
    column('contained_at', 'time', 'When it was contained.'),
    column('decision', 'text', 'What was decided, as it was written when it was closed.'),
    column('root_cause', 'text', 'Why it came about.'),
    column('closed_at', 'time', 'When it was closed.'),
    column('closed_by', 'text', 'By whom.'),
    column('close_reason', 'text', 'Why.'),
    column('alerts', 'integer', 'How many alerts it had when it was closed.'),
    column('times_reopened', 'integer', 'How often it was taken up again.'),
    column('hours_open', 'integer', 'From when it was opened until it was closed, or the period ended.'),
    column('event_id', 'id', 'The record of the log that opened it.'),
    column('seq', 'integer', 'Its number in the log.'),
  ],
};

const STEPS: TableShape = {
  name: 'incident-steps',
  title: 'What was done about them',
  columns: [
    column('incident_id', 'id', 'Of the incident.'),
    column('at', 'time', 'When.'),
    column('seq', 'integer', 'Number in the log.'),
    column('kind', 'text', 'Kind of the record.'),
    column('actor', 'text', 'Who.'),
    column('what', 'text', 'In one sentence.'),
    column('event_id', 'id', 'The record of the log.'),
  ],
};

interface Row {
  incident_id: string;
  title: string;
  severity: string;
  lead: string;
  exercise: boolean;
  began_at: Date | null;
  opened_at: Date;
  opened_by: string;
  contained_at: Date | null;
  last_kind: string | null;
  last_at: Date | null;
  last: Readonly<Record<string, Json>> | null;
  times_reopened: number;
  event_id: string;
  seq: number | null;
  changed: readonly { readonly changes: Readonly<Record<string, readonly Json[]>> }[];
  end: Date;
}

const INCIDENT = `
SELECT i.id AS incident_id, i.title, i.severity, i.lead, i.synthetic AS exercise, i.began_at, i.opened_at, i.opened_by,
       CASE WHEN i.contained_at < $3 THEN i.contained_at END AS contained_at, l.kind AS last_kind, l.ts AS last_at, l.record AS last,
       (SELECT count(*) FROM actions x WHERE x.workspace_id = i.workspace_id AND x.kind = 'incident.reopened' AND x.kind LIKE 'incident.%'
           AND x.record ->> 'incident_id' = i.id AND x.ts < $3) AS times_reopened,
       i.event_id, o.seq, $3::timestamptz AS end,
       (SELECT coalesce(json_agg(json_build_object('changes', x.record -> 'changes') ORDER BY x.seq), '[]') FROM actions x
         WHERE x.workspace_id = i.workspace_id AND x.kind = 'incident.changed' AND x.kind LIKE 'incident.%'
           AND x.record ->> 'incident_id' = i.id AND x.ts >= $3) AS changed
  FROM incidents i
  LEFT JOIN LATERAL (SELECT x.seq FROM actions x WHERE x.workspace_id = i.workspace_id AND x.event_id = i.event_id LIMIT 1) o ON true
  LEFT JOIN LATERAL (SELECT x.kind, x.ts, x.record FROM actions x
                      WHERE x.workspace_id = i.workspace_id AND x.kind IN ('incident.closed', 'incident.reopened') AND x.kind LIKE 'incident.%'
                        AND x.record ->> 'incident_id' = i.id AND x.ts < $3 ORDER BY x.seq DESC LIMIT 1) l ON true
 WHERE i.workspace_id = $1 AND i.opened_at < $3 AND (l.kind IS DISTINCT FROM 'incident.closed' OR l.ts >= $2)
 ORDER BY i.opened_at, i.id`;

const STEP = `
SELECT record ->> 'incident_id' AS incident_id, ts AS at, seq, kind, record ->> 'actor' AS actor, record, event_id
  FROM actions
 WHERE workspace_id = $1 AND kind LIKE 'incident.%' AND record ? 'incident_id' AND ts >= $2 AND ts < $3 ORDER BY seq`;

export const incidentsReport: Report = {
  id: 'incidents',
  folder: '12_incidents',
  item: 0,
  title: 'Incidents',
  about:
    'Every incident that was open in the period, with its decision and root cause, and every step that was taken about it. It proves that what was found was decided upon, by whom and when.',
  controls: ['AG-17'],
  tables: [INCIDENTS, STEPS],
  query: INCIDENT.trim(),
  read: readIncidents,
};

async function readIncidents(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period } = scope;
  const values = [workspaceId, period.from, endOf(period, scope.asOf)];
  async function* found(): AsyncGenerator<object, void, undefined> {
    for await (const row of streamRows<Row>(client, INCIDENT, values)) yield rowOf(row);
  }
  async function* taken(): AsyncGenerator<object, void, undefined> {
    for await (const { record, ...row } of streamRows<{ record: LogRecord }>(client, STEP, values))
      yield { ...row, what: sentenceOf(record) };
  }
  const incidents = population(INCIDENTS, found(), { count: ['severity', 'status', 'exercise'], seq: 'seq' });
  const steps = population(STEPS, taken(), { count: ['kind'], seq: 'seq' });
  return {
    rows: { [INCIDENTS.name]: incidents.rows, [STEPS.name]: steps.rows },
    facts: async () => {
      const { rows } = await client.query<{ opened: number; before: number; steps: number }>(
        `SELECT (SELECT count(*) FROM actions WHERE workspace_id = $1 AND kind = 'incident.opened' AND ts >= $2 AND ts < $3) AS opened,
                (SELECT count(*) FROM incidents i WHERE i.workspace_id = $1 AND i.opened_at < $2 AND coalesce((
                   SELECT x.kind <> 'incident.closed' OR x.ts >= $2 FROM actions x
                    WHERE x.workspace_id = $1 AND x.kind IN ('incident.closed', 'incident.reopened') AND x.kind LIKE 'incident.%'
                      AND x.record ->> 'incident_id' = i.id AND x.ts < $3 ORDER BY x.seq DESC LIMIT 1), true)) AS before,
                (SELECT count(*) FROM actions WHERE workspace_id = $1 AND kind LIKE 'incident.%' AND record ? 'incident_id'
                    AND ts >= $2 AND ts < $3) AS steps`,
        values,
      );
      const { opened = 0, before = 0, steps: counted = 0 } = rows[0] ?? {};
      return {
        [INCIDENTS.name]: incidents.facts({ 'log, and open before': opened + before }),
        [STEPS.name]: steps.facts({ log: counted }),
      };
    },
  };
}

function rowOf(row: Row): Record<string, unknown> {
  // The first change after the end has what was there at the end.
  const then = (field: string, now: Json): Json => {
    const change = row.changed.find(({ changes }) => Array.isArray(changes[field]));
    return change === undefined ? now : (change.changes[field]?.[0] ?? null);
  };
  const closed = row.last_kind === 'incident.closed' ? row.last : null;
  const closedAt = closed === null ? null : row.last_at;
  const until = closedAt ?? row.end;
  return {
    ...row,
    title: then('title', row.title),
    severity: then('severity', row.severity),
    lead: then('lead', row.lead),
    status: closed === null ? 'open' : 'closed',
    decision: closed?.decision,
    root_cause: closed?.root_cause,
    closed_at: closedAt,
    closed_by: closed?.actor,
    close_reason: closed?.reason,
    alerts: closed?.alerts_count,
    hours_open: Math.floor((until.getTime() - row.opened_at.getTime()) / 3_600_000),
  };
}
