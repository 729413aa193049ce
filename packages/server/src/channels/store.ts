/** The rows of channels: what is set, and who sends. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import {
  type ChannelKind,
  type EmailSettings,
  emailSettingsSchema,
  type SlackSettings,
  slackSettingsSchema,
} from './settings.ts';

/** A sender that gives no sign of life for this long is replaced. */
const LEASE_SECONDS = 30;
/** Workspaces of one installation that share a team in Slack: each of their secrets is tried on a request. */
const MAX_OF_A_TEAM = 200;

interface Common {
  readonly workspaceId: WorkspaceId;
  readonly updatedAt: Date;
  readonly updatedBy: string;
  /** Global number of the last record that messages were made of. */
  readonly cursorSeq: number;
  readonly leaseEpoch: number;
}
export interface SlackChannel extends Common {
  readonly kind: 'slack';
  readonly settings: SlackSettings;
  readonly teamId: string;
}
export interface EmailChannel extends Common {
  readonly kind: 'email';
  readonly settings: EmailSettings;
}
export type Channel = SlackChannel | EmailChannel;

interface Row extends Common {
  kind: ChannelKind;
  settings: unknown;
  teamId: string | null;
}

const COLUMNS = `workspace_id AS "workspaceId", kind, settings, team_id AS "teamId", updated_at AS "updatedAt",
  updated_by AS "updatedBy", cursor_seq AS "cursorSeq", lease_epoch AS "leaseEpoch"`;

function channelOf({ kind, settings, teamId, ...common }: Row): Channel {
  return kind === 'slack'
    ? { ...common, kind, settings: slackSettingsSchema.parse(settings), teamId: teamId ?? '' }
    : { ...common, kind, settings: emailSettingsSchema.parse(settings) };
}

/** Sets it; who sends now begins anew with it. A new one tells of what comes after `newestSeq`. */
export async function putChannel(
  client: ClientBase,
  workspaceId: WorkspaceId,
  set: Pick<SlackChannel, 'kind' | 'settings' | 'teamId'> | Pick<EmailChannel, 'kind' | 'settings'>,
  { newestSeq, actor, now }: { readonly newestSeq: number; readonly actor: string; readonly now: Date },
): Promise<Channel> {
  const { rows } = await client.query<Row>(
    `INSERT INTO channels (workspace_id, kind, settings, team_id, updated_at, updated_by, cursor_seq)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (workspace_id, kind) DO UPDATE
        SET settings = excluded.settings, team_id = excluded.team_id, updated_at = excluded.updated_at,
            updated_by = excluded.updated_by, lease_node = NULL, lease_until = NULL,
            lease_epoch = channels.lease_epoch + 1, paused_until = NULL
     RETURNING ${COLUMNS}`,
    [workspaceId, set.kind, JSON.stringify(set.settings), 'teamId' in set ? set.teamId : null, now, actor, newestSeq],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('INSERT … RETURNING gave no row');
  return channelOf(row);
}

export async function listChannels(pool: Pool | ClientBase, workspaceId: WorkspaceId): Promise<readonly Channel[]> {
  const { rows } = await pool.query<Row>(`SELECT ${COLUMNS} FROM channels WHERE workspace_id = $1 ORDER BY kind DESC`, [
    workspaceId,
  ]);
  return rows.map(channelOf);
}

export async function removeChannel(client: ClientBase, workspaceId: WorkspaceId, kind: ChannelKind): Promise<boolean> {
  const { rowCount } = await client.query('DELETE FROM channels WHERE workspace_id = $1 AND kind = $2', [
    workspaceId,
    kind,
  ]);
  return rowCount === 1;
}

/** Those whose signing secret may have signed a request that speaks of one of these teams. */
export async function slackChannelsOf(pool: Pool, teams: readonly string[]): Promise<readonly SlackChannel[]> {
  const { rows } = await pool.query<Row>(
    `SELECT ${COLUMNS} FROM channels WHERE kind = 'slack' AND team_id = ANY($1) ORDER BY workspace_id LIMIT ${MAX_OF_A_TEAM}`,
    [teams],
  );
  return rows.map(channelOf).filter((channel) => channel.kind === 'slack');
}

// A lease of this node that it does not know of was left by its last life.
const LEASE = `
UPDATE channels SET lease_node = $1, lease_until = now() + interval '${LEASE_SECONDS} seconds', lease_epoch = lease_epoch + 1
 WHERE (workspace_id, kind) IN (
   SELECT workspace_id, kind FROM channels
    WHERE workspace_id || ' ' || kind <> ALL($2) AND (lease_node IS NULL OR lease_node = $1 OR lease_until <= now())
    FOR UPDATE SKIP LOCKED)
RETURNING ${COLUMNS}`;

/** Of `held` below. */
export function laneOf({ workspaceId, kind }: Channel): string {
  return `${workspaceId} ${kind}`;
}

/** Takes every channel over which nobody sends. `held`: lanes of this node. */
export async function leaseChannels(pool: Pool, nodeId: string, held: readonly string[]): Promise<readonly Channel[]> {
  const { rows } = await pool.query<Row>({ name: 'channel-lease', text: LEASE, values: [nodeId, held] });
  return rows.map(channelOf);
}

/** False when it was set anew, removed or taken over. */
export async function keepLease(pool: Pool, { workspaceId, kind, leaseEpoch }: Channel): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'channel-keep',
    text: `UPDATE channels SET lease_until = now() + interval '${LEASE_SECONDS} seconds'
            WHERE workspace_id = $1 AND kind = $2 AND lease_epoch = $3`,
    values: [workspaceId, kind, leaseEpoch],
  });
  return rowCount === 1;
}

export async function releaseLease(pool: Pool, { workspaceId, kind, leaseEpoch }: Channel): Promise<void> {
  await pool.query(
    `UPDATE channels SET lease_node = NULL, lease_until = NULL
      WHERE workspace_id = $1 AND kind = $2 AND lease_epoch = $3`,
    [workspaceId, kind, leaseEpoch],
  );
}

/** Moves the cursor, in the transaction that keeps the messages. False when the lease was lost: then nothing may be kept. */
export async function moveCursor(
  client: ClientBase,
  { workspaceId, kind, leaseEpoch }: Channel,
  seq: number,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE channels SET cursor_seq = $4
      WHERE workspace_id = $1 AND kind = $2 AND lease_epoch = $3 AND cursor_seq < $4`,
    [workspaceId, kind, leaseEpoch, seq],
  );
  return rowCount === 1;
}

/** The receiver wants to be left alone for so long, by every node. */
export async function pauseChannel(pool: Pool, { workspaceId, kind }: Channel, seconds: number): Promise<void> {
  await pool.query(
    `UPDATE channels SET paused_until = greatest(paused_until, now() + make_interval(secs => $3))
      WHERE workspace_id = $1 AND kind = $2`,
    [workspaceId, kind, seconds],
  );
}
