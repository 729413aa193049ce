/** Ends of a change that nobody put in force. */
import type { LoggedTransaction } from '../log/index.ts';
import { type ChangeRow, changeFields } from './rows.ts';

export type Ended = 'rejected' | 'withdrawn' | 'stale' | 'expired';

/** The change is locked, and in a state from which it can end so. */
export async function end(
  { client, now, log }: LoggedTransaction,
  { actor, person }: { readonly actor: string; readonly person?: string | undefined },
  row: ChangeRow,
  status: Ended,
  { code, reason }: { readonly code: string; readonly reason: string },
): Promise<void> {
  await client.query(
    `UPDATE changes SET status = $3, ended_at = $4, ended_by = $5, ended_code = $6, ended_reason = $7, due_at = NULL, waiting_for = '{}'
      WHERE workspace_id = $1 AND id = $2`,
    [row.workspace_id, row.id, status, now, person ?? actor, code, reason],
  );
  log({
    kind: `change.${status}`,
    actor,
    person,
    ...changeFields(row),
    code,
    reason: reason === '' ? undefined : reason,
  });
}
