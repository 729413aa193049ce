/** Who is told, and when, that a held call waits, under change control. */
import { z } from 'zod';
import { type ControlledType, documentOf, shaped } from '../versions/index.ts';
import { newRulesSchema, readReminderRules, writeReminderRulesIn } from './reminder-rules.ts';

const documentSchema = z.strictObject({ rules: newRulesSchema });

export const approvalRemindersType: ControlledType = {
  type: 'approval_reminders',
  isPolicy: false,
  parse: (_id, document) => documentOf(rulesOf(document)),
  async list(client, workspaceId) {
    const rules = await readReminderRules(client, workspaceId);
    return new Map(rules.length === 0 ? [] : [['*', documentOf({ rules })]]);
  },
  async read(client, workspaceId) {
    const rules = await readReminderRules(client, workspaceId);
    return rules.length === 0 ? undefined : documentOf({ rules });
  },
  async apply(transaction, who, _id, document) {
    await writeReminderRulesIn(transaction, who, document === null ? [] : rulesOf(document).rules);
  },
};

/** In the order and form in which they are read again. */
function rulesOf(document: unknown): z.output<typeof documentSchema> {
  const { rules } = shaped(documentSchema, document, 'reminders_invalid', 'The list of reminders');
  return {
    rules: rules
      .map(({ escalate, ...rule }) => ({
        ...rule,
        escalate: escalate && { ...escalate, to: [...new Set(escalate.to)].sort() },
      }))
      .toSorted((a, b) => (a.capability < b.capability ? -1 : 1)),
  };
}
