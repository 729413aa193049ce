/** Delegations that end before their time. */
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';

interface EndedRow {
  id: string;
  from_id: PersonId;
  from: string;
  to_id: PersonId;
  to: string;
}

/** Returns how many were not over yet. */
export async function endWhere(
  { client, now, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  which: 'd.id = $5' | '(d.from_id = $5 OR d.to_id = $5)',
  value: string,
  { actor, reason }: { readonly actor: string; readonly reason: string },
): Promise<number> {
  const { rows } = await client.query<EndedRow>(
    `UPDATE delegations d SET ended_at = $2, ended_by = $3, ended_reason = $4
       FROM people f, people t
      WHERE d.workspace_id = $1 AND ${which} AND d.ended_at IS NULL AND d.ends_at > clock_timestamp()
        AND f.workspace_id = $1 AND f.id = d.from_id AND t.workspace_id = $1 AND t.id = d.to_id
     RETURNING d.id, d.from_id, f.email AS "from", d.to_id, t.email AS "to"`,
    [workspaceId, now, actor, reason, value],
  );
  for (const row of rows)
    log({
      kind: 'delegation.ended',
      actor,
      delegation_id: row.id,
      from: row.from,
      from_id: row.from_id,
      to: row.to,
      to_id: row.to_id,
      reason: reason === '' ? undefined : reason,
    });
  return rows.length;
}

/**
 * Whoever leaves takes along what was handed over, in either direction. Belongs into the transaction that
 * deactivates the person. Returns how many.
 */
export function endDelegationsOf(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  actor: string,
  person: { readonly id: PersonId; readonly email: string },
): Promise<number> {
  const reason = `${person.email} was deactivated`;
  return endWhere(transaction, workspaceId, '(d.from_id = $5 OR d.to_id = $5)', person.id, { actor, reason });
}
