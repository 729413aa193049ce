/**
 * What happens to agents by themselves: their first action is noted, their end comes near and comes, they fall asleep
 * and wake. Any number of nodes look; whoever moves a row writes its record, in one transaction, so nothing is done twice.
 */
import type { Pool } from 'pg';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import type { ActionPath } from '../path/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { daysOf } from './attention.ts';
import { readAgentSettings } from './settings.ts';
import { settleStatus } from './status.ts';
import { instantOf } from './validity.ts';

const LOOK_EVERY_MS = 15_000;
/** Most rows that one look takes on. */
const AT_ONCE = 200;

interface Context {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly path: Pick<ActionPath, 'stop'>;
}

export function watchAgents(context: Context & { readonly logger: Logger }): Rounds {
  return startRounds(
    LOOK_EVERY_MS,
    () => lookAfterAgents(context),
    (error) => context.logger.warn({ err: error }, 'agents could not be looked after'),
  );
}

/** One look. What fails keeps nothing else from being done, and is due again in the next one. */
export async function lookAfterAgents(context: Context): Promise<void> {
  const failures: unknown[] = [];
  for (const work of [noteFirstActions, warn, expire, wake, fallAsleep])
    await work(context).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'some of it could not be done');
}

/**
 * Through AuthZEN an agent can act before it has a credential: that is not its first action here. Of the log's times, which
 * are a node's, only those count that the database's time of the credential is not after; so the order always holds.
 */
async function noteFirstActions({ pool }: Context): Promise<void> {
  await pool.query(
    `WITH due AS (
       SELECT a.workspace_id, a.id, a.first_credential_at FROM agents a
         JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
        WHERE a.first_action_at IS NULL AND a.first_credential_at IS NOT NULL AND a.rehearsal_id IS NULL
          AND s.last_action_at >= a.first_credential_at
        ORDER BY s.last_action_at DESC LIMIT ${AT_ONCE})
     UPDATE agents a SET first_action_at = f.ts
       FROM due CROSS JOIN LATERAL (
              SELECT e.ts FROM actions e
               WHERE e.workspace_id = due.workspace_id AND e.agent_id = due.id AND e.kind = 'tool.call'
                 AND e.ts >= due.first_credential_at ORDER BY e.seq LIMIT 1) AS f
      WHERE a.workspace_id = due.workspace_id AND a.id = due.id AND a.first_action_at IS NULL`,
  );
}

interface Due {
  readonly workspace_id: WorkspaceId;
  readonly id: AgentId;
}

interface Ending {
  readonly agent: string;
  readonly owner: string;
  readonly valid_until: number;
}

const ENDING = `
  FROM people p WHERE a.workspace_id = $1 AND a.id = $2 AND p.workspace_id = a.workspace_id AND p.id = a.owner_id`;
const ENDING_FACTS =
  'a.handle AS agent, p.email AS owner, floor(extract(epoch FROM a.valid_until))::bigint AS valid_until';

async function warn({ pool, log }: Context): Promise<void> {
  const isNear = `a.valid_until > clock_timestamp() AND a.valid_until <= clock_timestamp() + ${daysOf('a', 'warn_days')}
    AND a.warned_of IS DISTINCT FROM a.valid_until AND a.rehearsal_id IS NULL`;
  const { rows } = await pool.query<Due>(
    `SELECT a.workspace_id, a.id FROM agents a WHERE ${isNear} ORDER BY a.valid_until LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id } of rows)
    await log.transact(workspaceId, async (transaction) => {
      const { rows: moved } = await transaction.client.query<Ending>(
        `UPDATE agents a SET warned_of = a.valid_until ${ENDING} AND ${isNear} RETURNING ${ENDING_FACTS}`,
        [workspaceId, id],
      );
      for (const ending of moved) recordEnding(transaction, 'agent.expiring', id, ending);
    });
}

/** The token's look-up and every record refuse it from its end on; this writes it down and cuts what is in flight. */
async function expire({ pool, log, path }: Context): Promise<void> {
  const isOver =
    'a.valid_until <= clock_timestamp() AND a.expired_of IS DISTINCT FROM a.valid_until AND a.rehearsal_id IS NULL';
  const { rows } = await pool.query<Due>(
    `SELECT a.workspace_id, a.id FROM agents a WHERE ${isOver} ORDER BY a.valid_until LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id } of rows) {
    await log.transact(workspaceId, async (transaction) => {
      const { rows: moved } = await transaction.client.query<Ending>(
        `UPDATE agents a SET expired_of = a.valid_until ${ENDING} AND ${isOver} RETURNING ${ENDING_FACTS}`,
        [workspaceId, id],
      );
      if (moved.length === 0) return;
      await settleStatus(transaction, workspaceId, [id]);
      for (const ending of moved) recordEnding(transaction, 'agent.expired', id, ending);
    });
    await path.stop(workspaceId, { kind: 'agents', agentIds: new Set([id]) });
  }
}

function recordEnding(
  { log }: LoggedTransaction,
  kind: 'agent.expiring' | 'agent.expired',
  id: AgentId,
  { agent, owner, valid_until: validUntil }: Ending,
): void {
  log({ kind, actor: 'system', agent, agent_id: id, owner, valid_until: instantOf(validUntil) ?? undefined });
}

/** It acted. A suspension that came with its sleep was lifted by a person before. */
async function wake({ pool, log }: Context): Promise<void> {
  const { rows } = await pool.query<Due>(
    `SELECT a.workspace_id, a.id FROM agents a
       JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
      WHERE a.dormant_since IS NOT NULL AND s.last_action_at > a.dormant_since LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id } of rows)
    await log.transact(workspaceId, async (transaction) => {
      const { rows: woken } = await transaction.client.query<{ agent: string; owner: string; since: Date; at: Date }>(
        `UPDATE agents a SET dormant_since = NULL
           FROM people p, agent_state s, agents o
          WHERE a.workspace_id = $1 AND a.id = $2 AND o.workspace_id = a.workspace_id AND o.id = a.id
            AND p.workspace_id = a.workspace_id AND p.id = a.owner_id
            AND s.workspace_id = a.workspace_id AND s.agent_id = a.id AND s.last_action_at > a.dormant_since
         RETURNING a.handle AS agent, p.email AS owner, o.dormant_since AS since, s.last_action_at AS at`,
        [workspaceId, id],
      );
      for (const { agent, owner, since, at } of woken)
        transaction.log({
          kind: 'agent.woke',
          actor: 'system',
          agent,
          agent_id: id,
          owner,
          dormant_since: since.toISOString(),
          last_action_at: at.toISOString(),
        });
    });
}

interface Asleep {
  readonly agent: string;
  readonly owner: string;
  readonly last_action_at: Date | null;
}

/** An agent that was never used counts from when it was made, or got its first credential. */
async function fallAsleep({ pool, log, path }: Context): Promise<void> {
  const isAsleep = `a.dormant_since IS NULL AND a.rehearsal_id IS NULL AND s.status = 'active'
    AND greatest(s.last_action_at, a.first_credential_at, a.created_at) < clock_timestamp() - ${daysOf('a', 'dormant_days')}`;
  const { rows } = await pool.query<Due>(
    `SELECT a.workspace_id, a.id FROM agents a
       JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
      WHERE ${isAsleep} LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id } of rows) {
    const isSuspended = await log.transact(workspaceId, async (transaction) => {
      const { client } = transaction;
      const { rows: moved } = await client.query<Asleep>(
        `UPDATE agents a SET dormant_since = clock_timestamp()
           FROM people p, agent_state s
          WHERE a.workspace_id = $1 AND a.id = $2 AND p.workspace_id = a.workspace_id AND p.id = a.owner_id
            AND s.workspace_id = a.workspace_id AND s.agent_id = a.id AND ${isAsleep}
         RETURNING a.handle AS agent, p.email AS owner, s.last_action_at`,
        [workspaceId, id],
      );
      const [asleep] = moved;
      if (asleep === undefined) return false;
      const settings = await readAgentSettings(client, workspaceId);
      if (settings.suspend_dormant) {
        await client.query(
          `UPDATE agent_state SET suspended = true, stopped_reason = 'It did nothing for too long.'
            WHERE workspace_id = $1 AND agent_id = $2`,
          [workspaceId, id],
        );
        await settleStatus(transaction, workspaceId, [id]);
      }
      transaction.log({
        kind: 'agent.dormant',
        actor: 'system',
        agent: asleep.agent,
        agent_id: id,
        owner: asleep.owner,
        last_action_at: asleep.last_action_at?.toISOString(),
        dormant_days: settings.dormant_days,
        suspended: settings.suspend_dormant,
      });
      return settings.suspend_dormant;
    });
    if (isSuspended) await path.stop(workspaceId, { kind: 'agents', agentIds: new Set([id]) });
  }
}
