/** What becomes of versions with time: previous ones are erased, and people are warned before a credential ends. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../../ids.ts';
import type { ActionLog } from '../../log/index.ts';
import { WARN_DAYS } from './secret-views.ts';

interface Due {
  readonly workspaceId: WorkspaceId;
  readonly name: string;
}

/** Erases the previous versions whose time is over. Gives their names. */
export async function retireDue(pool: Pool, log: ActionLog): Promise<readonly Due[]> {
  const due = await workspacesWith(pool, "state = 'previous' AND retires_at <= now()");
  const retired: Due[] = [];
  for (const workspaceId of due)
    await log.transact(workspaceId, async (transaction) => {
      const { rows } = await transaction.client.query<{ name: string; version: number }>(
        `UPDATE upstream_secrets SET state = 'retired', retires_at = NULL, wrapped_key = '', ciphertext = ''
          WHERE workspace_id = $1 AND state = 'previous' AND retires_at <= now() RETURNING name, version`,
        [workspaceId],
      );
      for (const { name, version } of rows) {
        transaction.log({ kind: 'secret.changed', actor: 'system', secret: name, version, change: 'retired' });
        retired.push({ workspaceId, name });
      }
    });
  return retired;
}

const ENDING = `state = 'current' AND warned_at IS NULL AND expires_at < now() + make_interval(days => ${WARN_DAYS})`;

/** One record for each version that ends soon, so that whoever follows the log hears of it. */
export async function warnOfExpiry(pool: Pool, log: ActionLog): Promise<void> {
  for (const workspaceId of await workspacesWith(pool, ENDING))
    await log.transact(workspaceId, async (transaction) => {
      const { rows } = await transaction.client.query<{ name: string; version: number; expires_at: Date }>(
        `UPDATE upstream_secrets SET warned_at = now() WHERE workspace_id = $1 AND ${ENDING}
         RETURNING name, version, expires_at`,
        [workspaceId],
      );
      for (const { name, version, expires_at } of rows)
        transaction.log({
          kind: 'secret.changed',
          actor: 'system',
          secret: name,
          version,
          change: 'expiring',
          expires_at: expires_at.toISOString(),
        });
    });
}

async function workspacesWith(pool: Pool, condition: string): Promise<readonly WorkspaceId[]> {
  const { rows } = await pool.query<{ workspace_id: WorkspaceId }>(
    `SELECT DISTINCT workspace_id FROM upstream_secrets WHERE ${condition}`,
  );
  return rows.map(({ workspace_id }) => workspace_id);
}
