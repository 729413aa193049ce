/** Alerts and cases as the API shows them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { ALERT_SOURCES, type AlertSource } from './raise.ts';
import { SEVERITIES, type Severity } from './severity.ts';

export const ALERT_STATUSES = ['open', 'acknowledged', 'triaged', 'closed'] as const;
export const DISPOSITIONS = ['true_positive', 'benign', 'false_positive', 'test', 'duplicate'] as const;

const subjectSchema = z.object({ kind: z.string(), id: z.string(), name: z.string() });

export const alertSchema = z
  .object({
    id: z.string(),
    object: z.literal('alert'),
    source: z.enum(ALERT_SOURCES),
    rule: z.string(),
    rule_version: z.string().nullable(),
    severity: z.enum(SEVERITIES),
    severity_floor: z.enum(SEVERITIES).meta({ description: 'Nobody grades it below this.' }),
    subject: subjectSchema,
    title: z.string(),
    facts: z.record(z.string(), z.unknown()).meta({ description: 'What else the finding says.' }),
    evidence: z.array(z.string()).meta({ description: 'Ids of the first records.' }),
    evidence_count: z.int(),
    window_from: z.int().nullable(),
    window_to: z.int().nullable(),
    link: z.string().nullable().meta({ description: 'A page of the console, from its root.' }),
    synthetic: z.boolean().meta({ description: 'Made by a test: in no count.' }),
    case: z.string().nullable(),
    repeats: z.int().meta({ description: 'How often it was found again while it was suppressed.' }),
    last_found_at: z.int(),
    over_at: z.int().nullable().meta({ description: 'What it tells of is over since.' }),
    status: z.enum(ALERT_STATUSES),
    opened_at: z.int(),
    event_id: z.string(),
    assignee: z.string().nullable(),
    assigned_at: z.int().nullable(),
    acknowledged_by: z.string().nullable(),
    acknowledged_at: z.int().nullable(),
    triaged_by: z.string().nullable(),
    triaged_at: z.int().nullable(),
    disposition: z.enum(DISPOSITIONS).nullable(),
    reason: z.string(),
    duplicate_of: z.string().nullable(),
    incident: z.string().nullable(),
    closed_by: z.string().nullable(),
    closed_at: z.int().nullable(),
    reopened: z.int(),
    acknowledge_due_at: z.int().nullable(),
    close_due_at: z.int().nullable(),
    overdue: z.enum(['acknowledge', 'close']).nullable().meta({ description: 'What was not done in time.' }),
  })
  .meta({ id: 'Alert' });
export type AlertView = z.output<typeof alertSchema>;

export interface AlertRow extends AlertView {
  readonly opened_us: number;
  readonly assignee_id: PersonId | null;
}

const seconds = (column: string): string => `floor(extract(epoch FROM a.${column}))::bigint AS ${column}`;

export const ALERTS = `
SELECT a.id, 'alert' AS object, a.source, a.rule, a.rule_version, a.severity, a.severity_floor,
       json_build_object('kind', a.subject_kind, 'id', a.subject_id, 'name', a.subject_name) AS subject, a.title, a.facts,
       a.evidence, a.evidence_count, ${seconds('window_from')}, ${seconds('window_to')}, a.link, a.synthetic, a.case_id AS case,
       a.repeats, ${seconds('last_found_at')}, ${seconds('over_at')}, a.status, ${seconds('opened_at')}, a.event_id,
       a.assignee_id, a.assignee, ${seconds('assigned_at')}, a.acknowledged_by, ${seconds('acknowledged_at')}, a.triaged_by,
       ${seconds('triaged_at')}, a.disposition, a.reason, a.duplicate_of, a.incident_id AS incident, a.closed_by, ${seconds('closed_at')},
       a.reopened, ${seconds('acknowledge_due_at')}, ${seconds('close_due_at')},
       CASE WHEN a.status <> 'closed' AND a.close_due_at <= clock_timestamp() THEN 'close'
            WHEN a.status = 'open' AND a.acknowledge_due_at <= clock_timestamp() THEN 'acknowledge' END AS overdue,
       (extract(epoch FROM a.opened_at) * 1000000)::bigint AS opened_us
  FROM alerts a WHERE a.workspace_id = $1`;

/** Throws `alert_not_found`. */
export async function readAlert(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<AlertRow> {
  const { rows } = await client.query<AlertRow>(`${ALERTS} AND a.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(404, 'alert_not_found', `There is no alert "${id}".`, 'List them with GET /v1/alerts.');
}

/** What every record about an alert says of it. */
export function alertFields({ id, source, rule, severity, subject, title, case: caseId, synthetic }: AlertRow): {
  readonly alert_id: string;
  readonly source: AlertSource;
  readonly rule: string;
  readonly severity: Severity;
  readonly subject: AlertView['subject'];
  readonly title: string;
  readonly case_id: string | undefined;
  readonly synthetic: true | undefined;
} {
  return {
    alert_id: id,
    source,
    rule,
    severity,
    subject,
    title,
    case_id: caseId ?? undefined,
    synthetic: synthetic ? true : undefined,
  };
}

export const caseSchema = z
  .object({
    id: z.string(),
    object: z.literal('alert_case'),
    title: z.string().meta({ description: 'Of its first alert.' }),
    subject: subjectSchema,
    synthetic: z.boolean(),
    severity: z.enum(SEVERITIES).meta({ description: 'The highest of its alerts.' }),
    alerts: z.int(),
    unclosed: z.int(),
    opened_at: z.int(),
    last_alert_at: z.int(),
  })
  .meta({ id: 'AlertCase' });
export type CaseView = z.output<typeof caseSchema>;
