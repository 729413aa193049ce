/**
 * Watches the log and trips breakers. One node at a time watches a workspace: it holds the cursor's row. What it does
 * is one transaction of the log for each change, made only if the agent still stands where it was seen; so a node
 * that takes over in the middle does nothing twice.
 */
import type { Pool, PoolClient } from 'pg';
import { readAgent } from '../agents/index.ts';
import type { ApiContext } from '../api/route.ts';
import { endDueQuarantines, endQuarantine, orderStop } from '../containment/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import type { Breaker } from './breaker.ts';
import { judgeTrial, tripReason } from './judge.ts';
import { activityOf, loadBreakers, loadStandings, lockStanding, type Standing, setStanding } from './store.ts';
import { tripNow } from './trip.ts';

const LOOK_EVERY_MS = 500;

export type WatchContext = Pick<ApiContext, 'pool' | 'log' | 'path' | 'nodeId' | 'clock' | 'logger'>;

/** Also ends the quarantines whose time is over. */
export function watchBreakers(context: WatchContext): Rounds {
  return startRounds(
    LOOK_EVERY_MS,
    () => look(context),
    (error) => context.logger.warn({ err: error }, 'breakers could not be watched'),
  );
}

async function look(context: WatchContext): Promise<void> {
  await endDueQuarantines(context.pool, context.log);
  const { rows } = await context.pool.query<{ id: WorkspaceId }>('SELECT DISTINCT workspace_id AS id FROM breakers');
  for (const { id } of rows) await watchOnce(context, id);
}

/** Nothing while another node watches the workspace. */
async function watchOnce(context: WatchContext, workspaceId: WorkspaceId): Promise<void> {
  const client = await context.pool.connect();
  try {
    await client.query('BEGIN');
    const seen = await newActivity(client, workspaceId);
    if (seen !== undefined) await judge(context, client, workspaceId, seen);
    await client.query('COMMIT');
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/** Agents that did something since the last look; the cursor moves on with the transaction. */
async function newActivity(client: PoolClient, workspaceId: WorkspaceId): Promise<ReadonlySet<AgentId> | undefined> {
  const { rows: cursors } = await client.query<{ next_seq: number }>(
    'SELECT next_seq FROM breaker_cursors WHERE workspace_id = $1 FOR UPDATE SKIP LOCKED',
    [workspaceId],
  );
  const next = cursors[0]?.next_seq;
  if (next === undefined) return undefined;
  const { rows } = await client.query<{ agents: AgentId[] | null; last: number | null }>(
    `SELECT array_agg(DISTINCT agent_id) FILTER (WHERE kind IN ('tool.call', 'tool.result') AND NOT record ? 'synthetic') AS agents,
            max(seq) AS last
       FROM actions WHERE workspace_id = $1 AND seq >= $2`,
    [workspaceId, next],
  );
  const { agents, last } = rows[0] ?? {};
  if (last !== null && last !== undefined)
    await client.query('UPDATE breaker_cursors SET next_seq = $2 WHERE workspace_id = $1', [workspaceId, last + 1]);
  return new Set(agents ?? []);
}

async function judge(
  context: WatchContext,
  client: PoolClient,
  workspaceId: WorkspaceId,
  active: ReadonlySet<AgentId>,
): Promise<void> {
  const standings = await loadStandings(client, workspaceId);
  for (const breaker of await loadBreakers(client, workspaceId)) {
    const mine = new Map(standings.filter((each) => each.breaker === breaker.name).map((each) => [each.agentId, each]));
    for (const standing of mine.values())
      if (standing.state === 'open') await followUp(context, workspaceId, breaker, standing);
    for (const agentId of active) {
      const standing = mine.get(agentId);
      if (standing?.state === 'open' || !(await isWatched(client, workspaceId, breaker, agentId))) continue;
      await judgeAgent(context, client, workspaceId, breaker, agentId, standing);
    }
  }
}

async function isWatched(
  client: PoolClient,
  workspaceId: WorkspaceId,
  { document: { roles } }: Breaker,
  agentId: AgentId,
): Promise<boolean> {
  if (roles === undefined) return true;
  const { rowCount } = await client.query(
    'SELECT FROM agent_roles WHERE workspace_id = $1 AND agent_id = $2 AND role = ANY($3) LIMIT 1',
    [workspaceId, agentId, roles],
  );
  return rowCount !== 0;
}

async function judgeAgent(
  context: WatchContext,
  client: PoolClient,
  workspaceId: WorkspaceId,
  breaker: Breaker,
  agentId: AgentId,
  standing: Standing | undefined,
): Promise<void> {
  const activity = await activityOf(client, workspaceId, agentId, standing?.eventId, breaker.document);
  if (standing?.state === 'half_open') {
    const trial = judgeTrial(breaker.document, activity);
    if (trial.kind === 'trip') await trip(context, workspaceId, breaker, agentId, standing, trial.reason);
    else if (trial.kind === 'close') await close(context, workspaceId, breaker, standing);
    return;
  }
  const reason = tripReason(breaker.document, activity);
  if (reason !== undefined) await trip(context, workspaceId, breaker, agentId, standing, reason);
}

function isAsSeen(now: Standing | undefined, seen: Standing | undefined): boolean {
  return now?.state === seen?.state && now?.eventId === seen?.eventId;
}

async function trip(
  context: WatchContext,
  workspaceId: WorkspaceId,
  breaker: Breaker,
  agentId: AgentId,
  seen: Standing | undefined,
  measured: string,
): Promise<void> {
  const { name, document } = breaker;
  await context.log.transact(workspaceId, async (transaction) => {
    if (isAsSeen(await lockStanding(transaction.client, workspaceId, name, agentId), seen))
      await tripNow(transaction, workspaceId, breaker, agentId, measured);
  });
  context.path.invalidate(workspaceId, agentId);
  if (document.action === 'kill') await kill(context, workspaceId, name, agentId, measured);
}

/** Ordered twice, the standing stop is answered. */
async function kill(
  context: WatchContext,
  workspaceId: WorkspaceId,
  name: string,
  agentId: AgentId,
  reason: string,
): Promise<void> {
  const stop = await orderStop(
    context,
    { workspaceId, actor: `breaker:${name}` },
    { scope: 'agent', target: agentId, reason: `${name}: ${reason}` },
  );
  await setResponse(context.pool, workspaceId, name, agentId, stop.id);
}

async function setResponse(
  pool: Pool,
  workspaceId: WorkspaceId,
  name: string,
  agentId: AgentId,
  id: string,
): Promise<void> {
  await pool.query(
    `UPDATE breaker_states SET response = $4
      WHERE workspace_id = $1 AND breaker = $2 AND agent_id = $3 AND state = 'open' AND response IS NULL`,
    [workspaceId, name, agentId, id],
  );
}

/** An open breaker: its kill is given again if a node died over it; on trial once its quarantine or stop has ended. */
async function followUp(
  context: WatchContext,
  workspaceId: WorkspaceId,
  breaker: Breaker,
  seen: Standing,
): Promise<void> {
  const { name, document } = breaker;
  if (seen.response === null) return kill(context, workspaceId, name, seen.agentId, 'tripped before');
  const endsNow = document.exit === 'automatic' && seen.isOwn && seen.isCool && !seen.isEnded;
  if (!seen.isEnded && !endsNow) return;
  await context.log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const standing = await lockStanding(client, workspaceId, name, seen.agentId);
    if (standing === undefined || !isAsSeen(standing, seen)) return;
    const who = { workspaceId, actor: `breaker:${name}` };
    if (!standing.isEnded)
      await endQuarantine(transaction, who, standing.response ?? '', 'on trial after the cooldown');
    await move(transaction, workspaceId, name, standing, 'half_open');
  });
  context.path.invalidate(workspaceId, seen.agentId);
}

async function close(
  context: WatchContext,
  workspaceId: WorkspaceId,
  { name }: Breaker,
  seen: Standing,
): Promise<void> {
  await context.log.transact(workspaceId, async (transaction) => {
    const standing = await lockStanding(transaction.client, workspaceId, name, seen.agentId);
    if (standing !== undefined && isAsSeen(standing, seen))
      await move(transaction, workspaceId, name, standing, 'closed');
  });
}

async function move(
  transaction: Parameters<Parameters<WatchContext['log']['transact']>[1]>[0],
  workspaceId: WorkspaceId,
  name: string,
  { agentId }: Standing,
  state: 'half_open' | 'closed',
): Promise<void> {
  const { client } = transaction;
  const agent = await readAgent(client, workspaceId, agentId);
  const eventId = transaction.log({
    kind: state === 'closed' ? 'breaker.closed' : 'breaker.half_opened',
    actor: `breaker:${name}`,
    breaker: name,
    agent: agent.name,
    agent_id: agentId,
    owner: agent.owner,
  });
  await setStanding(client, workspaceId, name, agentId, { state, eventId, response: null });
}
