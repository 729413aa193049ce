/** The rows of webhooks: what is registered, who delivers, how far, and how it goes. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

/** A deliverer that gives no sign of life for this long is replaced. */
const LEASE_SECONDS = 30;

export interface Webhook {
  readonly workspaceId: WorkspaceId;
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly status: 'active' | 'disabled';
  /** Global number of the last event delivered, or passed over. */
  readonly cursorSeq: number;
  readonly secretName: string;
  readonly failures: number;
  readonly failingSince: Date | null;
  readonly retryAt: Date;
  readonly lastError: string | null;
  readonly disabledReason: string | null;
  readonly deliveredAt: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly leaseEpoch: number;
}

const COLUMNS = `workspace_id AS "workspaceId", id, url, events, status, cursor_seq AS "cursorSeq", secret_name AS "secretName",
  failures, failing_since AS "failingSince", retry_at AS "retryAt", last_error AS "lastError",
  disabled_reason AS "disabledReason", delivered_at AS "deliveredAt", created_at AS "createdAt", created_by AS "createdBy",
  lease_epoch AS "leaseEpoch"`;

export async function insertWebhook(
  client: ClientBase,
  webhook: Pick<Webhook, 'workspaceId' | 'id' | 'url' | 'events' | 'secretName' | 'cursorSeq' | 'createdBy'>,
): Promise<Webhook> {
  const { rows } = await client.query<Webhook>(
    `INSERT INTO webhooks (workspace_id, id, url, events, secret_name, cursor_seq, created_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${COLUMNS}`,
    [
      webhook.workspaceId,
      webhook.id,
      webhook.url,
      webhook.events,
      webhook.secretName,
      webhook.cursorSeq,
      webhook.createdBy,
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`the webhook ${webhook.id} was not inserted`);
  return row;
}

/** By id. */
export async function listWebhooks(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<readonly Webhook[]> {
  const { rows } = await client.query<Webhook>(
    `SELECT ${COLUMNS} FROM webhooks WHERE workspace_id = $1 ORDER BY created_at, id`,
    [workspaceId],
  );
  return rows;
}

/** The row that was there; its deliverer finds it gone at its next look. */
export async function deleteWebhook(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<Webhook | undefined> {
  const { rows } = await client.query<Webhook>(
    `DELETE FROM webhooks WHERE workspace_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [workspaceId, id],
  );
  return rows[0];
}

/** Goes on where it stopped, at once. */
export async function enableWebhook(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<Webhook | undefined> {
  const { rows } = await client.query<Webhook>(
    `UPDATE webhooks SET status = 'active', failures = 0, failing_since = NULL, retry_at = now(), last_error = NULL,
            disabled_reason = NULL
      WHERE workspace_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [workspaceId, id],
  );
  return rows[0];
}

// A lease of this node that it does not know of was left by its last life.
const LEASE = `
UPDATE webhooks SET lease_node = $1, lease_until = now() + interval '${LEASE_SECONDS} seconds', lease_epoch = lease_epoch + 1
 WHERE (workspace_id, id) IN (
   SELECT workspace_id, id FROM webhooks
    WHERE status = 'active' AND retry_at <= now() AND id <> ALL($2)
      AND (lease_node IS NULL OR lease_node = $1 OR lease_until <= now())
    FOR UPDATE SKIP LOCKED)
RETURNING ${COLUMNS}`;

/** Takes every webhook that nobody delivers and whose time has come. `held` are delivered here already. */
export async function leaseWebhooks(pool: Pool, nodeId: string, held: readonly string[]): Promise<readonly Webhook[]> {
  const { rows } = await pool.query<Webhook>({ name: 'webhook-lease', text: LEASE, values: [nodeId, held] });
  return rows;
}

/** Keeps the lease and what has been delivered. False when the webhook was taken over, disabled or deleted. */
export async function keepLease(
  pool: Pool,
  { workspaceId, id, leaseEpoch }: Webhook,
  cursorSeq: number,
  deliveredAt: Date | null,
): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'webhook-keep',
    text: `UPDATE webhooks SET cursor_seq = $4, lease_until = now() + interval '${LEASE_SECONDS} seconds',
                  delivered_at = coalesce($5, delivered_at),
                  failures = CASE WHEN $5::timestamptz IS NULL THEN failures ELSE 0 END,
                  failing_since = CASE WHEN $5::timestamptz IS NULL THEN failing_since END,
                  last_error = CASE WHEN $5::timestamptz IS NULL THEN last_error END
            WHERE workspace_id = $1 AND id = $2 AND lease_epoch = $3 AND status = 'active'`,
    values: [workspaceId, id, leaseEpoch, cursorSeq, deliveredAt],
  });
  return rowCount === 1;
}

/** Gives the webhook back; `failure` says that the next attempt waits, and why. */
export async function releaseLease(
  pool: Pool,
  { workspaceId, id, leaseEpoch }: Webhook,
  cursorSeq: number,
  failure: { readonly why: string; readonly retryInSeconds: number } | undefined,
): Promise<void> {
  await pool.query(
    `UPDATE webhooks SET cursor_seq = $4, lease_node = NULL, lease_until = NULL,
            failures = failures + CASE WHEN $5::text IS NULL THEN 0 ELSE 1 END,
            failing_since = CASE WHEN $5::text IS NULL THEN failing_since ELSE coalesce(failing_since, now()) END,
            last_error = coalesce($5, last_error),
            retry_at = CASE WHEN $5::text IS NULL THEN retry_at ELSE now() + make_interval(secs => $6) END
      WHERE workspace_id = $1 AND id = $2 AND lease_epoch = $3`,
    [workspaceId, id, leaseEpoch, cursorSeq, failure?.why ?? null, failure?.retryInSeconds ?? 0],
  );
}

/** True when this call disabled it. */
export async function disableWebhook(
  client: ClientBase,
  { workspaceId, id, leaseEpoch }: Webhook,
  cursorSeq: number,
  why: string,
  reason: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE webhooks SET status = 'disabled', cursor_seq = $4, failures = failures + 1,
            failing_since = coalesce(failing_since, now()), last_error = $5, disabled_reason = $6,
            lease_node = NULL, lease_until = NULL
      WHERE workspace_id = $1 AND id = $2 AND lease_epoch = $3 AND status = 'active'`,
    [workspaceId, id, leaseEpoch, cursorSeq, why, reason],
  );
  return rowCount === 1;
}
