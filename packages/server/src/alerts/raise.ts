/** An alert, its case and its record, in the transaction of whatever found it. */
import { administratorsOf } from '../identity/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type AlertSettings, flooredSeverity, readAlertSettings } from './settings.ts';
import type { Severity } from './severity.ts';

export const ALERT_SOURCES = [
  'detection',
  'sink',
  'drift',
  'blast_radius',
  'change',
  'break_glass',
  'rule_test',
  'retention',
  'system',
] as const;
export type AlertSource = (typeof ALERT_SOURCES)[number];

/** What it is about. `name`: as it is called now. */
export interface AlertSubject {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
}

export interface NewAlert {
  readonly source: AlertSource;
  /** `D01`, `drift.found`: unique in its source. */
  readonly rule: string;
  readonly ruleVersion?: string | undefined;
  readonly severity: Severity;
  readonly subject: AlertSubject;
  /** One sentence. */
  readonly title: string;
  /** Ids of records, of which the first 100 are kept, and how many there are in truth. */
  readonly evidence: { readonly eventIds: readonly string[]; readonly count: number };
  readonly window?: { readonly from: Date; readonly to: Date } | undefined;
  /** A page of the console, from its root: `/log?agent=…`. */
  readonly link?: string | undefined;
  /** Made by a test: marked, and in no count. */
  readonly synthetic?: boolean | undefined;
  /** Alerts of one key become one case, while one of them is not closed. Absent: of no case. */
  readonly groupKey?: string | undefined;
  /** No second alert of this key for so long after the first; it is counted on the first one instead. */
  readonly suppress?: { readonly key: string; readonly seconds: number } | undefined;
  /** What else the finding says: digest of the rule, counts, thresholds. Stands in the record, so a few kilobytes at most. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
  /** As it stands in the log; `system` when absent. */
  readonly actor?: string | undefined;
}

export type Raised =
  | { readonly kind: 'raised'; readonly alertId: string; readonly caseId: string | null }
  /** Counted on the alert that suppresses it; nothing is recorded. */
  | { readonly kind: 'suppressed'; readonly alertId: string };

const MAX_EVIDENCE = 100;
const MAX_TITLE = 300;

export async function raiseAlert(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  alert: NewAlert,
): Promise<Raised> {
  const { client, log } = transaction;
  const { source, rule, subject, window, link, synthetic = false, facts = {}, actor = 'system' } = alert;
  const suppressing = await countSuppressed(transaction, workspaceId, alert);
  if (suppressing !== undefined) return { kind: 'suppressed', alertId: suppressing };
  const settings = await readAlertSettings(client, workspaceId);
  const severity = flooredSeverity(settings, alert);
  const { acknowledge_minutes: acknowledgeMinutes, close_minutes: closeMinutes } = settings.due[severity];
  const now = transaction.now.getTime();
  const acknowledgeDueAt = synthetic ? null : dueAt(now, acknowledgeMinutes);
  const closeDueAt = synthetic ? null : dueAt(now, closeMinutes);
  const alertId = newId<string>('alr');
  const caseId = await caseOf(transaction, workspaceId, alert);
  const title = alert.title.slice(0, MAX_TITLE);
  const evidence = alert.evidence.eventIds.slice(0, MAX_EVIDENCE);
  const evidenceCount = Math.max(alert.evidence.count, evidence.length);
  const eventId = log({
    kind: 'alert.opened',
    actor,
    alert_id: alertId,
    case_id: caseId ?? undefined,
    source,
    rule,
    rule_version: alert.ruleVersion,
    severity,
    found_severity: severity === alert.severity ? undefined : alert.severity,
    subject,
    title,
    evidence,
    evidence_count: evidenceCount,
    window_from: window?.from.toISOString(),
    window_to: window?.to.toISOString(),
    link,
    synthetic: synthetic ? true : undefined,
    facts: Object.keys(facts).length === 0 ? undefined : facts,
    acknowledge_due_at: acknowledgeDueAt?.toISOString(),
    close_due_at: closeDueAt?.toISOString(),
    to: await notified(transaction, workspaceId, settings),
  });
  await client.query(
    `INSERT INTO alerts (workspace_id, id, source, rule, rule_version, severity, severity_floor, subject_kind, subject_id, subject_name,
                         title, facts, evidence, evidence_count, window_from, window_to, link, synthetic, case_id, suppress_key,
                         last_found_at, opened_at, event_id, acknowledge_due_at, close_due_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $21, $22, $23, $24)`,
    [
      workspaceId,
      alertId,
      source,
      rule,
      alert.ruleVersion ?? null,
      severity,
      flooredSeverity(settings, { ...alert, severity: 'informational' }),
      subject.kind,
      subject.id,
      subject.name,
      title,
      JSON.stringify(facts),
      evidence,
      evidenceCount,
      window?.from ?? null,
      window?.to ?? null,
      link ?? null,
      synthetic,
      caseId,
      suppressKeyOf(alert) ?? null,
      transaction.now,
      eventId,
      acknowledgeDueAt,
      closeDueAt,
    ],
  );
  return { kind: 'raised', alertId, caseId };
}

/**
 * What the alerts tell of is over: a sink delivers again, rows are put back. They still wait for whoever looks at them.
 * Nothing where none of them is open.
 */
export async function endCondition(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  {
    source,
    rule,
    subject,
  }: { readonly source: AlertSource; readonly rule: string; readonly subject: Pick<AlertSubject, 'kind' | 'id'> },
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `UPDATE alerts SET over_at = clock_timestamp()
      WHERE workspace_id = $1 AND source = $2 AND rule = $3 AND subject_kind = $4 AND subject_id = $5 AND status <> 'closed' AND over_at IS NULL
      RETURNING id`,
    [workspaceId, source, rule, subject.kind, subject.id],
  );
  for (const { id } of rows) log({ kind: 'alert.over', actor: 'system', alert_id: id, source, rule });
}

/** Of the alert that suppresses this one; undefined when none does. */
async function countSuppressed(
  { client, now }: LoggedTransaction,
  workspaceId: WorkspaceId,
  alert: NewAlert,
): Promise<string | undefined> {
  const key = suppressKeyOf(alert);
  if (key === undefined) return undefined;
  const { rows } = await client.query<{ id: string }>(
    `UPDATE alerts SET repeats = repeats + 1, last_found_at = $4
      WHERE workspace_id = $1 AND id = (
        SELECT id FROM alerts WHERE workspace_id = $1 AND suppress_key = $2 AND opened_at > $3 ORDER BY opened_at DESC LIMIT 1)
      RETURNING id`,
    [workspaceId, key, new Date(now.getTime() - (alert.suppress?.seconds ?? 0) * 1000), now],
  );
  return rows[0]?.id;
}

/** One that a test made never suppresses a true one. */
function suppressKeyOf({ source, rule, synthetic, suppress }: NewAlert): string | undefined {
  return suppress === undefined ? undefined : JSON.stringify([source, rule, synthetic === true, suppress.key]);
}

async function caseOf(
  { client, now }: LoggedTransaction,
  workspaceId: WorkspaceId,
  { groupKey, title, subject, synthetic = false }: NewAlert,
): Promise<string | null> {
  if (groupKey === undefined) return null;
  const { rows } = await client.query<{ id: string }>(
    `UPDATE alert_cases SET last_alert_at = $4
      WHERE workspace_id = $1 AND id = (
        SELECT c.id FROM alert_cases c WHERE c.workspace_id = $1 AND c.group_key = $2 AND c.synthetic = $3
           AND EXISTS (SELECT FROM alerts a WHERE a.workspace_id = $1 AND a.case_id = c.id AND a.status <> 'closed')
         ORDER BY c.opened_at DESC LIMIT 1)
      RETURNING id`,
    [workspaceId, groupKey, synthetic, now],
  );
  if (rows[0] !== undefined) return rows[0].id;
  const id = newId<string>('cas');
  await client.query(
    `INSERT INTO alert_cases (workspace_id, id, group_key, title, subject_kind, subject_id, subject_name, synthetic, opened_at, last_alert_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
    [workspaceId, id, groupKey, title.slice(0, MAX_TITLE), subject.kind, subject.id, subject.name, synthetic, now],
  );
  return id;
}

function dueAt(nowMs: number, minutes: number | null): Date | null {
  return minutes === null ? null : new Date(nowMs + minutes * 60_000);
}

const MAX_TOLD = 200;

/** E-mails of who is told: those that are set, or whoever administers. */
async function notified(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  { notify }: AlertSettings,
): Promise<readonly string[]> {
  const named = notify.length === 0 ? [] : await peopleNamed(client, workspaceId, notify);
  return named.length === 0 ? administratorsOf(client, workspaceId) : named;
}

/** E-mails of the active people who are named, or are in a group that is. */
export async function peopleNamed(
  client: LoggedTransaction['client'],
  workspaceId: WorkspaceId,
  names: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await client.query<{ email: string }>(
    `SELECT email FROM people WHERE workspace_id = $1 AND active AND (email = ANY($2) OR groups && $2) ORDER BY email LIMIT ${MAX_TOLD}`,
    [workspaceId, names],
  );
  return rows.map(({ email }) => email);
}
