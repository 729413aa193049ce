/** The population of alerts as a table: every one of a period, those of tests marked as such. */
import { Readable } from 'node:stream';
import type { Pool } from 'pg';
import { csvLine } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { AlertRow } from './alert.ts';
import { type AlertFilter, listAlerts } from './read.ts';

const COLUMNS = [
  'alert_id',
  'rule',
  'severity',
  'opened',
  'assigned',
  'triaged',
  'disposition',
  'incident_id',
  'closed',
  'source',
  'rule_version',
  'subject_kind',
  'subject_id',
  'subject',
  'title',
  'case_id',
  'synthetic',
  'status',
  'acknowledged',
  'acknowledged_by',
  'assignee',
  'triaged_by',
  'closed_by',
  'reason',
  'duplicate_of',
  'reopened',
  'repeats',
  'evidence_count',
  'acknowledge_due',
  'close_due',
  'event_id',
] as const;

const ROWS_AT_ONCE = 500;

/** Newest first; a page of rows is in memory at a time. */
export function alertTable(pool: Pool, workspaceId: WorkspaceId, filter: AlertFilter): Readable {
  async function* lines(): AsyncGenerator<string> {
    yield csvLine(COLUMNS);
    let after: { readonly atUs: number; readonly id: string } | undefined;
    while (true) {
      const rows = await listAlerts(pool, workspaceId, filter, after, ROWS_AT_ONCE);
      yield rows.map((row) => csvLine(cellsOf(row))).join('');
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_AT_ONCE) return;
      after = { atUs: last.opened_us, id: last.id };
    }
  }
  return Readable.from(lines(), { objectMode: false });
}

function cellsOf(alert: AlertRow): readonly (string | number | boolean | null)[] {
  return [
    alert.id,
    alert.rule,
    alert.severity,
    at(alert.opened_at),
    at(alert.assigned_at),
    at(alert.triaged_at),
    alert.disposition,
    alert.incident,
    at(alert.closed_at),
    alert.source,
    alert.rule_version,
    alert.subject.kind,
    alert.subject.id,
    alert.subject.name,
    alert.title,
    alert.case,
    alert.synthetic,
    alert.status,
    at(alert.acknowledged_at),
    alert.acknowledged_by,
    alert.assignee,
    alert.triaged_by,
    alert.closed_by,
    alert.reason,
    alert.duplicate_of,
    alert.reopened,
    alert.repeats,
    alert.evidence_count,
    at(alert.acknowledge_due_at),
    at(alert.close_due_at),
    alert.event_id,
  ];
}

function at(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}
