/** How ownership changes hands in a workspace, and how long what a leaver leaves behind may wait. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { type ActionLog, changesOf } from '../log/index.ts';
import { readPerson } from '../people/index.ts';

export const ownershipSettingsSchema = z
  .object({
    object: z.literal('ownership_settings'),
    acceptance_required: z.boolean().meta({
      description: 'Agents change owners by an offer that the new owner accepts, and in no other way.',
    }),
    transfer_hours: z.int().meta({
      description: 'Agents of somebody who left that have no other owner after that are revoked.',
    }),
    remind_after_hours: z.int().meta({ description: 'Deputies and administrators are told again that agents wait.' }),
    escalate_after_hours: z.int().meta({ description: 'And those of `escalate_to` as well.' }),
    escalate_to: z.array(z.string()).meta({ description: 'Groups, and e-mails of people.' }),
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'OwnershipSettings' });

export type OwnershipSettings = z.output<typeof ownershipSettingsSchema>;

type Settable = Omit<OwnershipSettings, 'object' | 'author' | 'updated_at'>;

export type OwnershipChange = { readonly [Field in keyof Settable]?: Settable[Field] | undefined };

const DEFAULTS: OwnershipSettings = {
  object: 'ownership_settings',
  acceptance_required: false,
  transfer_hours: 14 * 24,
  remind_after_hours: 3 * 24,
  escalate_after_hours: 7 * 24,
  escalate_to: [],
  author: null,
  updated_at: null,
};

export async function readOwnershipSettings(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<OwnershipSettings> {
  const { rows } = await client.query<OwnershipSettings>(
    `SELECT 'ownership_settings' AS object, acceptance_required, transfer_hours, remind_after_hours, escalate_after_hours,
            escalate_to, author, floor(extract(epoch FROM updated_at))::bigint AS updated_at
       FROM ownership_settings WHERE workspace_id = $1`,
    [workspaceId],
  );
  return rows[0] ?? DEFAULTS;
}

/** What is absent stays. Tasks that are open keep the times they were opened with. Throws `person_not_found`, `times_out_of_order`. */
export function changeOwnershipSettings(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  change: OwnershipChange,
): Promise<OwnershipSettings> {
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const before = await readOwnershipSettings(client, workspaceId);
    const after: Settable = {
      acceptance_required: change.acceptance_required ?? before.acceptance_required,
      transfer_hours: change.transfer_hours ?? before.transfer_hours,
      remind_after_hours: change.remind_after_hours ?? before.remind_after_hours,
      escalate_after_hours: change.escalate_after_hours ?? before.escalate_after_hours,
      escalate_to: change.escalate_to ?? before.escalate_to,
    };
    if (after.remind_after_hours >= after.escalate_after_hours || after.escalate_after_hours >= after.transfer_hours)
      throw new Failure(
        422,
        'times_out_of_order',
        'It is reminded, then escalated, then over: the hours are not in that order.',
        'Send remind_after_hours < escalate_after_hours < transfer_hours.',
      );
    for (const name of after.escalate_to) if (name.includes('@')) await readPerson(client, workspaceId, name);
    const changes = changesOf(before, after);
    if (Object.keys(changes).length === 0) return before;
    await client.query(
      `INSERT INTO ownership_settings (workspace_id, acceptance_required, transfer_hours, remind_after_hours, escalate_after_hours, escalate_to, author)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (workspace_id) DO UPDATE SET acceptance_required = excluded.acceptance_required,
         transfer_hours = excluded.transfer_hours, remind_after_hours = excluded.remind_after_hours,
         escalate_after_hours = excluded.escalate_after_hours, escalate_to = excluded.escalate_to, author = excluded.author,
         updated_at = clock_timestamp()`,
      [
        workspaceId,
        after.acceptance_required,
        after.transfer_hours,
        after.remind_after_hours,
        after.escalate_after_hours,
        after.escalate_to,
        actor,
      ],
    );
    record({ kind: 'workspace.changed', actor, change: 'ownership', changes });
    return readOwnershipSettings(client, workspaceId);
  });
}
