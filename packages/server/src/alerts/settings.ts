/** What a workspace says of its alerts: how soon they are looked at, who is told, and where. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { changesOf } from '../log/index.ts';
import { isAtLeast, SEVERITIES, type Severity } from './severity.ts';

const MINUTES_A_DAY = 1_440;
const minutes = z
  .int()
  .min(1)
  .max(365 * MINUTES_A_DAY)
  .nullable()
  .meta({ description: 'null: without a time.' });
const due = z.strictObject({ acknowledge_minutes: minutes, close_minutes: minutes });
const severity = z.enum(SEVERITIES);
const word = z.string().min(1).max(128);

const floor = z
  .strictObject({
    source: word.optional(),
    rule: word.optional(),
    subject: word.optional().meta({ description: 'Id of the agent, owner, tool, …' }),
    at_least: severity,
  })
  .refine(({ source, rule, subject }) => source !== undefined || rule !== undefined || subject !== undefined, {
    error: 'says of no alert that it is meant: name a source, rule or subject',
  });

const mute = z.strictObject({
  source: word.optional(),
  rule: word.optional(),
  subject: word.optional(),
  until: z.iso.datetime({ offset: true }),
  reason: z.string().trim().min(1).max(500),
});

const channel = z.strictObject({
  min_severity: severity.default('low').meta({ description: 'Less severe alerts are not told here.' }),
  mutes: z.array(mute).max(100).default([]).meta({
    description:
      'Alerts that are not told here for a time; those without source, rule and subject mute all. Critical ones are told all the same.',
  }),
});

export const alertSettingsSchema = z
  .strictObject({
    due: z
      .strictObject({
        critical: due.default({ acknowledge_minutes: 15, close_minutes: MINUTES_A_DAY }),
        high: due.default({ acknowledge_minutes: 60, close_minutes: 3 * MINUTES_A_DAY }),
        medium: due.default({ acknowledge_minutes: 480, close_minutes: 7 * MINUTES_A_DAY }),
        low: due.default({ acknowledge_minutes: 3 * MINUTES_A_DAY, close_minutes: 30 * MINUTES_A_DAY }),
        informational: due.default({ acknowledge_minutes: null, close_minutes: null }),
      })
      .prefault({}),
    floors: z.array(floor).max(200).default([]).meta({ description: 'Alerts that are at least so severe.' }),
    notify: z.array(z.string().min(1).max(254)).max(50).default([]).meta({
      description: 'E-mails of people, names of groups. Nobody named: the administrators.',
    }),
    escalate_to: z.array(z.string().min(1).max(254)).max(50).default([]).meta({
      description: 'Who is told too when nobody has acknowledged or closed one in time.',
    }),
    separate_duties: z.boolean().default(true).meta({
      description: 'Whether high and critical alerts about a person, or agents that they own, are judged by another.',
    }),
    channels: z.strictObject({ slack: channel.prefault({}), email: channel.prefault({}) }).prefault({}),
  })
  .meta({ id: 'AlertSettings' });
export type AlertSettings = z.output<typeof alertSettingsSchema>;

export async function readAlertSettings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<AlertSettings> {
  const { rows } = await client.query<{ document: unknown }>(
    'SELECT document FROM alert_settings WHERE workspace_id = $1',
    [workspaceId],
  );
  return alertSettingsSchema.parse(rows[0]?.document ?? {});
}

export async function putAlertSettings(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: { readonly workspaceId: WorkspaceId; readonly actor: string },
  settings: AlertSettings,
): Promise<void> {
  const before = await readAlertSettings(client, workspaceId);
  const changes = changesOf(before, settings);
  if (Object.keys(changes).length === 0) return;
  await client.query(
    `INSERT INTO alert_settings (workspace_id, document, author) VALUES ($1, $2, $3)
     ON CONFLICT (workspace_id) DO UPDATE SET document = excluded.document, author = excluded.author, updated_at = clock_timestamp()`,
    [workspaceId, JSON.stringify(settings), actor],
  );
  log({ kind: 'alert.settings', actor, changes });
}

/** What of an alert settings are about. */
export interface Judged {
  readonly source: string;
  readonly rule: string;
  readonly subject: { readonly id: string };
}

function isMeant(
  {
    source,
    rule,
    subject,
  }: {
    readonly source?: string | undefined;
    readonly rule?: string | undefined;
    readonly subject?: string | undefined;
  },
  alert: Judged,
): boolean {
  return (
    (source === undefined || source === alert.source) &&
    (rule === undefined || rule === alert.rule) &&
    (subject === undefined || subject === alert.subject.id)
  );
}

/** As it was found, or higher where a floor says so. */
export function flooredSeverity(settings: AlertSettings, alert: Judged & { readonly severity: Severity }): Severity {
  return settings.floors
    .filter((each) => isMeant(each, alert))
    .reduce((severest, { at_least: least }) => (isAtLeast(severest, least) ? severest : least), alert.severity);
}

/** Whether it is told over the channel. */
export function isTold(
  settings: AlertSettings,
  kind: 'slack' | 'email',
  alert: Judged & { readonly severity: Severity },
  now: Date,
): boolean {
  const { min_severity: least, mutes } = settings.channels[kind];
  // What is critical cannot be kept from people by a setting.
  if (alert.severity === 'critical') return true;
  if (!isAtLeast(alert.severity, least)) return false;
  return !mutes.some((each) => new Date(each.until) > now && isMeant(each, alert));
}
