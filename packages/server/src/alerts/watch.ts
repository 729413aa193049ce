/** Alerts that nobody has acknowledged or closed in time: said once each, to whoever is set, and they stay so until it is done. */
import type { ApiContext } from '../api/route.ts';
import { administratorsOf } from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { alertFields, readAlert } from './alert.ts';
import { peopleNamed } from './raise.ts';
import { readAlertSettings } from './settings.ts';

const LOOK_EVERY_MS = 5_000;
const AT_ONCE = 100;

type WatchContext = Pick<ApiContext, 'pool' | 'log' | 'logger'>;

export function watchAlerts(context: WatchContext): Rounds {
  return startRounds(
    LOOK_EVERY_MS,
    () => escalateMissed(context),
    (error) => context.logger.warn({ err: error }, 'alerts could not be watched'),
  );
}

type Missed = 'acknowledge' | 'close';

const DUE: Readonly<Record<Missed, string>> = {
  acknowledge: `status = 'open' AND acknowledge_missed_at IS NULL AND acknowledge_due_at <= clock_timestamp()`,
  close: `status <> 'closed' AND close_missed_at IS NULL AND close_due_at <= clock_timestamp()`,
};

async function escalateMissed({ pool, log }: Pick<WatchContext, 'pool' | 'log'>): Promise<void> {
  for (const missed of ['acknowledge', 'close'] as const) {
    const { rows } = await pool.query<{ workspace_id: WorkspaceId; id: string }>(
      `SELECT workspace_id, id FROM alerts WHERE ${DUE[missed]} ORDER BY ${missed}_due_at LIMIT ${AT_ONCE}`,
    );
    for (const { workspace_id: workspaceId, id } of rows)
      await log.transact(workspaceId, (transaction) => escalate(transaction, workspaceId, id, missed));
  }
}

/** Whoever marks the row writes the record. */
async function escalate(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
  missed: Missed,
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE alerts SET ${missed}_missed_at = clock_timestamp() WHERE workspace_id = $1 AND id = $2 AND ${DUE[missed]}`,
    [workspaceId, id],
  );
  if (rowCount === 0) return;
  const alert = await readAlert(client, workspaceId, id);
  const { notify, escalate_to: escalateTo } = await readAlertSettings(client, workspaceId);
  const named = await peopleNamed(client, workspaceId, [...notify, ...escalateTo]);
  const to = new Set([
    ...(alert.assignee === null ? [] : [alert.assignee]),
    ...(named.length === 0 ? await administratorsOf(client, workspaceId) : named),
  ]);
  const dueAt = missed === 'acknowledge' ? alert.acknowledge_due_at : alert.close_due_at;
  log({
    kind: 'alert.escalated',
    actor: 'system',
    ...alertFields(alert),
    missed,
    due_at: dueAt === null ? undefined : new Date(dueAt * 1000).toISOString(),
    assignee: alert.assignee ?? undefined,
    named: escalateTo,
    to: [...to].sort(),
  });
}
