/** Checks that compare what runs with what was approved, and what they found. */
import type { Facts, Row, TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import { population } from '../population.ts';
import type { ReportScope } from '../report.ts';
import { streamRows } from '../snapshot.ts';

export const CHECKS: TableShape = {
  name: 'drift-checks',
  title: 'Checks of what runs against what was approved',
  columns: [
    column('checked_at', 'time', 'When; at most one an hour is on the log, though the check runs more often.'),
    column('node', 'text', 'Which node looked.'),
    column('objects', 'integer', 'How many objects were compared.'),
    column('findings', 'integer', 'How many were not what was approved.'),
    column('took_ms', 'integer', 'How long it took.'),
    column('event_id', 'id', 'The record of the log.'),
    column('seq', 'integer', 'Its number in the log.'),
  ],
};

export const DRIFT: TableShape = {
  name: 'drift-findings',
  title: 'What the checks found',
  columns: [
    column('finding_id', 'id', 'Of the finding.'),
    column('found_at', 'time', 'When it was found.'),
    column('what', 'text', '`object`, `version`, `policy` or `archive`: what is not what it should be.'),
    column('object_type', 'text', 'Type of the object.'),
    column('object_id', 'id', 'Its id.'),
    column('expected', 'text', 'Hash of what was approved, or `none`.'),
    column('found', 'text', 'Hash of what was there, `none` or `unreadable`.'),
    column(
      'held_meanwhile',
      'text',
      '`approved`: what was approved was enforced; `denied`; `gate`; `told`: nothing but that it was found.',
    ),
    column('resolved_at', 'time', 'When it was put right, up to the end of the period.'),
    column('event_id', 'id', 'The record of the log.'),
    column('seq', 'integer', 'Its number in the log.'),
  ],
};

const CHECKED = `
SELECT ts AS checked_at, record ->> 'node' AS node, (record ->> 'objects')::bigint AS objects, (record ->> 'findings')::bigint AS findings,
       (record ->> 'took_ms')::bigint AS took_ms, event_id, seq
  FROM actions WHERE workspace_id = $1 AND kind = 'drift.checked' AND ts >= $2 AND ts < $3 ORDER BY seq`;
const FOUND = `
SELECT a.record ->> 'finding_id' AS finding_id, a.ts AS found_at, a.record ->> 'what' AS what, a.record ->> 'object_type' AS object_type,
       a.record ->> 'object_id' AS object_id, a.record ->> 'expected' AS expected, a.record ->> 'found' AS found,
       a.record ->> 'holds' AS held_meanwhile, r.ts AS resolved_at, a.event_id, a.seq
  FROM actions a
  LEFT JOIN LATERAL (SELECT x.ts FROM actions x
                      WHERE x.workspace_id = a.workspace_id AND x.kind = 'drift.resolved' AND x.seq > a.seq AND x.ts < $3
                        AND x.record ->> 'finding_id' = a.record ->> 'finding_id' ORDER BY x.seq LIMIT 1) r ON true
 WHERE a.workspace_id = $1 AND a.kind = 'drift.found' AND a.ts >= $2 AND a.ts < $3 ORDER BY a.seq`;

/** Records come hourly; one that comes late for a minute is none that is missing. */
const MISSING_AFTER_MS = 2 * 3_600_000;

interface Drift {
  readonly rows: Readonly<Record<string, AsyncIterable<Row>>>;
  readonly facts: () => Promise<Readonly<Record<string, Facts>>>;
}

export async function driftIn({ client, workspaceId, period }: ReportScope, end: string): Promise<Drift> {
  const values = [workspaceId, period.from, end];
  const seen: number[] = [];
  async function* checks(): AsyncGenerator<object, void, undefined> {
    for await (const row of streamRows<{ checked_at: Date }>(client, CHECKED, values)) {
      seen.push(row.checked_at.getTime());
      yield row;
    }
  }
  const checked = population(CHECKS, checks(), { seq: 'seq', sum: [{ column: 'findings' }] });
  const found = population(DRIFT, streamRows(client, FOUND, values), { seq: 'seq', count: ['what', 'held_meanwhile'] });
  return {
    rows: { [CHECKS.name]: checked.rows, [DRIFT.name]: found.rows },
    facts: async () => {
      const { rows } = await client.query<{ checks: number; findings: number; began: Date }>(
        `SELECT (SELECT count(*) FROM actions WHERE workspace_id = $1 AND kind = 'drift.checked' AND ts >= $2 AND ts < $3) AS checks,
                (SELECT count(*) FROM drift_findings f WHERE f.workspace_id = $1 AND EXISTS (
                   SELECT FROM actions a WHERE a.workspace_id = $1 AND a.event_id = f.event_id AND a.ts >= $2 AND a.ts < $3)) AS findings,
                greatest($2, w.created_at) AS began
           FROM workspaces w WHERE w.id = $1`,
        values,
      );
      const [known] = rows;
      if (known === undefined) throw new Error('a count said nothing');
      const gaps = gapsBetween([known.began.getTime(), ...seen, Date.parse(end)]);
      return {
        [CHECKS.name]: checked.facts({ log: known.checks }, { gaps }),
        [DRIFT.name]: found.facts({ database: known.findings }),
      };
    },
  };
}

function gapsBetween(times: readonly number[]): Facts['gaps'] {
  return times.flatMap((at, i) => {
    const next = times[i + 1];
    return next === undefined || next - at <= MISSING_AFTER_MS
      ? []
      : [
          {
            from: new Date(at).toISOString(),
            to: new Date(next).toISOString(),
            reason: 'No check is on the log for more than two hours.',
          },
        ];
  });
}
