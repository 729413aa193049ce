/** The rows of messages: what is to be sent, and what became of it. */
import type { ClientBase, Pool } from 'pg';
import type { TimePosition } from '../api/route.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { ChannelKind } from './settings.ts';
import type { Channel } from './store.ts';

/** An attempt that is not heard of for this long is made again: longer than any attempt takes. */
const ATTEMPT_SECONDS = 60;
const KEPT_DAYS = 30;

export type Purpose = 'request' | 'reminder' | 'escalation' | 'delegation' | 'transfer' | 'alert';
type MessageStatus = 'waiting' | 'delivered' | 'dropped' | 'failed';

export interface Message {
  readonly workspaceId: WorkspaceId;
  readonly id: string;
  /** The agent whose call is held; `people` where none asked. */
  readonly turn: string;
  readonly channel: ChannelKind;
  readonly purpose: Purpose;
  /** A Slack channel or user; an e-mail address. */
  readonly destination: string;
  readonly approvalId: string | null;
  readonly eventId: string;
  readonly facts: unknown;
  readonly status: MessageStatus;
  readonly wanted: number;
  readonly shown: number;
  readonly postedTs: string | null;
  readonly failures: number;
  readonly failingSince: Date | null;
  readonly dueAt: Date;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly deliveredAt: Date | null;
}

const COLUMNS = `workspace_id AS "workspaceId", id, turn, channel, purpose, destination, approval_id AS "approvalId",
  event_id AS "eventId", facts, status, wanted, shown, posted_ts AS "postedTs", failures,
  failing_since AS "failingSince", due_at AS "dueAt", last_error AS "lastError", created_at AS "createdAt",
  delivered_at AS "deliveredAt"`;

export interface NewMessage {
  readonly purpose: Purpose;
  readonly destination: string;
  readonly approvalId: string | null;
  readonly eventId: string;
  readonly facts?: object;
}

/** Of a request there is one in each place: asking for it again changes nothing. */
export async function addMessages(
  client: ClientBase,
  { workspaceId, kind }: Channel,
  messages: readonly NewMessage[],
): Promise<void> {
  for (const { purpose, destination, approvalId, eventId, facts = {} } of messages)
    await client.query(
      `INSERT INTO channel_messages (workspace_id, id, channel, purpose, destination, approval_id, event_id, facts, turn)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
               coalesce((SELECT agent_id FROM approvals WHERE workspace_id = $1 AND id = $6), 'people'))
       ON CONFLICT DO NOTHING`,
      [workspaceId, newId('msg'), kind, purpose, destination, approvalId, eventId, JSON.stringify(facts)],
    );
}

/** What was posted of the approval is to be posted anew, as it is now. */
export async function renewRequests(
  client: ClientBase | Pool,
  { workspaceId, kind }: Pick<Channel, 'workspaceId' | 'kind'>,
  approvalId: string,
): Promise<void> {
  await client.query(
    `UPDATE channel_messages SET wanted = wanted + 1, status = 'waiting', due_at = now()
      WHERE workspace_id = $1 AND channel = $2 AND approval_id = $3 AND purpose = 'request'
        AND (posted_ts IS NOT NULL OR status = 'waiting')`,
    [workspaceId, kind, approvalId],
  );
}

// Of one turn the oldest, a request before the notes about it. Taking a message moves its time on, so that whoever else sends over this channel leaves it alone meanwhile.
const TAKE = `
UPDATE channel_messages SET due_at = now() + interval '${ATTEMPT_SECONDS} seconds'
 WHERE (workspace_id, id) IN (
   SELECT workspace_id, id FROM channel_messages
    WHERE workspace_id = $1 AND channel = $2 AND turn > $4 AND status = 'waiting' AND due_at <= now()
      AND EXISTS (SELECT FROM channels WHERE workspace_id = $1 AND kind = $2 AND lease_epoch = $3
                     AND (paused_until IS NULL OR paused_until <= now()))
    ORDER BY turn, due_at, purpose <> 'request', id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING ${COLUMNS}`;

/** The next one that is due, while the lease is held: of the turn after this one, or of the first after the last. */
export async function takeMessage(
  pool: Pool,
  { workspaceId, kind, leaseEpoch }: Channel,
  after: string,
): Promise<Message | undefined> {
  for (const turn of new Set([after, ''])) {
    const { rows } = await pool.query<Message>({
      name: 'channel-take',
      text: TAKE,
      values: [workspaceId, kind, leaseEpoch, turn],
    });
    if (rows[0] !== undefined) return rows[0];
  }
  return undefined;
}

/** `postedTs`: where Slack put it. What was changed meanwhile is due again. */
export async function keepDelivered(
  pool: Pool,
  { workspaceId, id, wanted }: Message,
  postedTs: string | undefined,
): Promise<void> {
  await pool.query(
    `UPDATE channel_messages
        SET shown = greatest(shown, $3), posted_ts = coalesce(posted_ts, $4), delivered_at = now(), failures = 0,
            failing_since = NULL, last_error = NULL,
            status = CASE WHEN wanted <= $3 THEN 'delivered' ELSE 'waiting' END,
            due_at = CASE WHEN wanted <= $3 THEN due_at ELSE now() END
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, wanted, postedTs ?? null],
  );
}

/** There is nothing to tell any more. One that failed until then has failed. */
export async function keepDropped(pool: Pool, { workspaceId, id, wanted }: Message): Promise<void> {
  await pool.query(
    `UPDATE channel_messages SET status = CASE WHEN last_error IS NULL THEN 'dropped' ELSE 'failed' END
      WHERE workspace_id = $1 AND id = $2 AND wanted = $3`,
    [workspaceId, id, wanted],
  );
}

/** `retryInSeconds`: undefined when it is not tried again. */
export async function keepFailed(
  pool: Pool,
  { workspaceId, id }: Message,
  why: string,
  retryInSeconds: number | undefined,
): Promise<void> {
  await pool.query(
    `UPDATE channel_messages SET failures = failures + 1, failing_since = coalesce(failing_since, now()), last_error = $3,
            status = CASE WHEN $4::float8 IS NULL THEN 'failed' ELSE 'waiting' END,
            due_at = CASE WHEN $4::float8 IS NULL THEN due_at ELSE now() + make_interval(secs => $4) END
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, why, retryInSeconds ?? null],
  );
}

/** Nothing was sent: it is due when the channel is not paused any more. */
export async function giveBack(pool: Pool, { workspaceId, id }: Message): Promise<void> {
  await pool.query('UPDATE channel_messages SET due_at = now() WHERE workspace_id = $1 AND id = $2', [workspaceId, id]);
}

/** Where the request stands in this place. */
export async function requestIn(
  pool: Pool,
  { workspaceId, channel, destination, approvalId }: Message,
): Promise<string | null> {
  const { rows } = await pool.query<{ posted_ts: string | null }>(
    `SELECT posted_ts FROM channel_messages WHERE workspace_id = $1 AND channel = $2 AND destination = $3
        AND approval_id = $4 AND purpose = 'request'`,
    [workspaceId, channel, destination, approvalId],
  );
  return rows[0]?.posted_ts ?? null;
}

/** What waits over a channel that is removed is not sent. */
export async function dropWaiting(client: ClientBase, workspaceId: WorkspaceId, kind: ChannelKind): Promise<void> {
  await client.query(
    `UPDATE channel_messages SET status = 'dropped' WHERE workspace_id = $1 AND channel = $2 AND status = 'waiting'`,
    [workspaceId, kind],
  );
}

/** What waits over a channel that is set anew is tried at once. */
export async function hastenWaiting(client: ClientBase, workspaceId: WorkspaceId, kind: ChannelKind): Promise<void> {
  await client.query(
    `UPDATE channel_messages SET due_at = least(due_at, now())
      WHERE workspace_id = $1 AND channel = $2 AND status = 'waiting' AND failures > 0`,
    [workspaceId, kind],
  );
}

/** Of a failed one; undefined when there is no failed one of that id. */
export async function retryMessage(pool: Pool, workspaceId: WorkspaceId, id: string): Promise<Message | undefined> {
  const { rows } = await pool.query<Message>(
    `UPDATE channel_messages SET status = 'waiting', due_at = now(), failures = 0, failing_since = NULL, last_error = NULL
      WHERE workspace_id = $1 AND id = $2 AND status = 'failed' RETURNING ${COLUMNS}`,
    [workspaceId, id],
  );
  return rows[0];
}

export interface MessageFilter {
  readonly channel?: ChannelKind | undefined;
  readonly status?: MessageStatus | undefined;
  readonly approval?: string | undefined;
}

/** Newest first. */
export async function listMessages(
  pool: Pool,
  workspaceId: WorkspaceId,
  { channel, status, approval }: MessageFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly (Message & { readonly createdUs: number })[]> {
  const { rows } = await pool.query<Message & { createdUs: number }>(
    `SELECT ${COLUMNS}, (extract(epoch FROM created_at) * 1000000)::bigint AS "createdUs" FROM channel_messages
      WHERE workspace_id = $1 AND ($2::text IS NULL OR channel = $2) AND ($3::text IS NULL OR status = $3)
        AND ($4::text IS NULL OR approval_id = $4)
        AND ($5::bigint IS NULL OR ((extract(epoch FROM created_at) * 1000000)::bigint, id) < ($5, $6))
      ORDER BY created_at DESC, id DESC LIMIT $7`,
    [workspaceId, channel ?? null, status ?? null, approval ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

export interface Tally {
  readonly waiting: number;
  readonly failed: number;
  readonly deliveredAt: Date | null;
  /** Of those that wait after a failure, the newest. */
  readonly lastError: string | null;
}

export async function tallyOf(pool: Pool, workspaceId: WorkspaceId, kind: ChannelKind): Promise<Tally> {
  const { rows } = await pool.query<Tally>(
    `SELECT count(*) FILTER (WHERE status = 'waiting') AS waiting, count(*) FILTER (WHERE status = 'failed') AS failed,
            max(delivered_at) AS "deliveredAt",
            (SELECT last_error FROM channel_messages WHERE workspace_id = $1 AND channel = $2 AND last_error IS NOT NULL
              ORDER BY failing_since DESC LIMIT 1) AS "lastError"
       FROM channel_messages WHERE workspace_id = $1 AND channel = $2`,
    [workspaceId, kind],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('an aggregate gave no row');
  return row;
}

export async function forgetMessages(pool: Pool): Promise<void> {
  await pool.query(
    `DELETE FROM channel_messages WHERE status <> 'waiting' AND created_at < now() - interval '${KEPT_DAYS} days'`,
  );
}
