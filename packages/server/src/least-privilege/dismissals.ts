/** Proposals that somebody does not want to see for a while. */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Proposal } from './judged.ts';
import type { Dismissal } from './proposal.ts';

const MAX_DAYS = 366;

/** Those that have not ended, by proposal. */
export async function readDismissals(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<ReadonlyMap<string, Dismissal>> {
  const { rows } = await client.query<Dismissal>(
    `SELECT proposal, actor, reason, floor(extract(epoch FROM at))::bigint AS at, floor(extract(epoch FROM until))::bigint AS until
       FROM dismissed_proposals WHERE workspace_id = $1 AND until > now()`,
    [workspaceId],
  );
  return new Map(rows.map((row) => [row.proposal, row]));
}

/** `until`: epoch seconds. Throws `until_invalid`. */
export function dismiss(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  { id, kind, object, sentence }: Proposal,
  { reason, until }: { readonly reason: string; readonly until: number },
): Promise<void> {
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const end = new Date(until * 1000);
    if (end <= now || end.getTime() > now.getTime() + MAX_DAYS * 86_400_000)
      throw new Failure(
        422,
        'until_invalid',
        'until is not within the next 366 days.',
        'Give the epoch seconds at which the proposal is to be seen again.',
      );
    await client.query(
      `INSERT INTO dismissed_proposals (workspace_id, proposal, reason, actor, until) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (workspace_id, proposal) DO UPDATE SET reason = excluded.reason, actor = excluded.actor,
         at = clock_timestamp(), until = excluded.until`,
      [workspaceId, id, reason, actor, end],
    );
    record({
      kind: 'least_privilege.dismissed',
      actor,
      proposal: id,
      proposal_kind: kind,
      object_type: object.type,
      object_id: object.id,
      sentence,
      reason,
      until: end.toISOString(),
    });
  });
}
