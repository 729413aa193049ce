/** Who is told, and when, that a held call still waits: settings of the workspace. */
import { isDeepStrictEqual } from 'node:util';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { capabilityPatternSchema } from '../capabilities/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { emailSchema, groupSchema, readPerson } from '../people/index.ts';

const MIN_SECONDS = 60;
const MAX_SECONDS = 30 * 86_400;
const after = z.int().min(MIN_SECONDS).max(MAX_SECONDS);

const newRuleSchema = z
  .strictObject({
    capability: capabilityPatternSchema.meta({
      description: 'Of which calls. The narrowest rule that covers a call counts.',
    }),
    remind_after_seconds: after.nullable().default(null).meta({
      description: 'Who may still decide is told this long after the call was held; null: not.',
    }),
    escalate: z
      .strictObject({
        after_seconds: after,
        to: z
          .array(z.union([emailSchema, groupSchema]))
          .min(1)
          .max(20)
          .meta({
            description: 'Groups, and e-mails of people, who are told as well. They may decide no more than before.',
          }),
      })
      .nullable()
      .default(null),
  })
  .refine(({ remind_after_seconds: remind, escalate }) => remind !== null || escalate !== null, {
    error: 'tells nobody of anything: give remind_after_seconds, escalate or both',
  });

export const newRulesSchema = z
  .array(newRuleSchema)
  .max(200)
  .refine((rules) => new Set(rules.map(({ capability }) => capability)).size === rules.length, {
    error: 'names a capability twice',
  });

export const reminderRuleSchema = z
  .object({
    capability: z.string(),
    remind_after_seconds: z.int().nullable(),
    escalate: z.object({ after_seconds: z.int(), to: z.array(z.string()) }).nullable(),
  })
  .meta({ id: 'ReminderRule' });

export type ReminderRule = z.output<typeof reminderRuleSchema>;

interface Row {
  capability: string;
  remind_after_seconds: number | null;
  escalate_after_seconds: number | null;
  escalate_to: string[];
}

/** By capability. */
export async function readReminderRules(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<ReminderRule[]> {
  const { rows } = await client.query<Row>(
    `SELECT capability, remind_after_seconds, escalate_after_seconds, escalate_to FROM approval_reminders
      WHERE workspace_id = $1 ORDER BY capability COLLATE "C"`,
    [workspaceId],
  );
  return rows.map(({ capability: name, remind_after_seconds, escalate_after_seconds, escalate_to }) => ({
    capability: name,
    remind_after_seconds,
    escalate: escalate_after_seconds === null ? null : { after_seconds: escalate_after_seconds, to: escalate_to },
  }));
}

/** All of them at once; the same ones change nothing. Throws `person_not_found` for an e-mail of nobody. */
export function writeReminderRules(
  log: ActionLog,
  who: Administrator,
  rules: readonly ReminderRule[],
): Promise<ReminderRule[]> {
  return log.transact(who.workspaceId, (transaction) => writeReminderRulesIn(transaction, who, rules));
}

export async function writeReminderRulesIn(
  { client, log: record }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  rules: readonly ReminderRule[],
): Promise<ReminderRule[]> {
  const before = await readReminderRules(client, workspaceId);
  for (const name of new Set(rules.flatMap(({ escalate }) => escalate?.to ?? [])))
    if (name.includes('@')) await readPerson(client, workspaceId, name);
  await client.query('DELETE FROM approval_reminders WHERE workspace_id = $1', [workspaceId]);
  for (const { capability: name, remind_after_seconds: remind, escalate } of rules)
    await client.query(
      `INSERT INTO approval_reminders (workspace_id, capability, remind_after_seconds, escalate_after_seconds, escalate_to)
         VALUES ($1, $2, $3, $4, $5)`,
      [workspaceId, name, remind, escalate?.after_seconds, [...new Set(escalate?.to)].sort()],
    );
  const now = await readReminderRules(client, workspaceId);
  if (!isDeepStrictEqual(before, now))
    record({ kind: 'workspace.changed', actor, change: 'reminders', changes: { approval_reminders: [before, now] } });
  return now;
}
