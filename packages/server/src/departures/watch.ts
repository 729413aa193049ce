/**
 * What happens to transfer tasks by themselves. Any number of nodes look; whoever moves a row writes its record, in one
 * transaction, so nothing is done twice, and what a dead node left is done by the next.
 */
import { readAgent } from '../agents/index.ts';
import { commitStop, completeStop } from '../containment/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { closeFinished } from './close.ts';
import { completeLost, type LeaveContext } from './complete.ts';
import { concerned, MAX_NAMED } from './open-task.ts';
import { readOwnershipSettings } from './settings.ts';
import { readTask } from './task.ts';
import { endOffers } from './transfer.ts';

const LOOK_EVERY_MS = 1_000;
/** Most rows that one look takes on. */
const AT_ONCE = 100;

export function watchDepartures(context: LeaveContext): Rounds {
  return startRounds(
    LOOK_EVERY_MS,
    () => lookAfterTasks(context),
    (error) => context.logger.warn({ err: error }, 'transfer tasks could not be looked after'),
  );
}

/** One look. What fails keeps nothing else from being done, and is due again in the next one. */
async function lookAfterTasks(context: LeaveContext): Promise<void> {
  const failures: unknown[] = [];
  for (const work of [completeLost, keepRestored, lapseOffers, tell, retire])
    await work(context).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'some of it could not be done');
}

interface Due {
  readonly workspace_id: WorkspaceId;
  readonly id: string;
}

/** Whoever came back, and whose agent was restored, keeps it. */
async function keepRestored({ pool, log }: LeaveContext): Promise<void> {
  const { rows } = await pool.query<Due & { readonly agent_id: AgentId }>(
    `SELECT k.workspace_id, k.task_id AS id, k.agent_id FROM transfer_task_agents k
       JOIN agent_state s ON s.workspace_id = k.workspace_id AND s.agent_id = k.agent_id
      WHERE k.outcome IS NULL AND NOT s.owner_left LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id, agent_id: agentId } of rows)
    await log.transact(workspaceId, async (transaction) => {
      const { rowCount } = await transaction.client.query(
        `UPDATE transfer_task_agents k SET outcome = 'kept', ended_at = $4
           FROM agent_state s
          WHERE k.workspace_id = $1 AND k.task_id = $2 AND k.agent_id = $3 AND k.outcome IS NULL
            AND s.workspace_id = k.workspace_id AND s.agent_id = k.agent_id AND NOT s.owner_left`,
        [workspaceId, id, agentId, transaction.now],
      );
      if (rowCount === 0) return;
      const reason = 'it was restored with its owner';
      await endOffers(transaction, workspaceId, { agentId }, 'withdrawn', { actor: 'system', reason });
      await closeFinished(transaction, workspaceId, id);
    });
}

/** No answer is a no. */
async function lapseOffers({ pool, log }: LeaveContext): Promise<void> {
  const { rows } = await pool.query<Due>(
    `SELECT workspace_id, id FROM ownership_transfers
      WHERE status = 'proposed' AND answer_by <= clock_timestamp() ORDER BY answer_by LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id } of rows)
    await log.transact(workspaceId, (transaction) =>
      endOffers(transaction, workspaceId, { id }, 'lapsed', { actor: 'system', reason: '' }),
    );
}

/** Reminded, then escalated; of a task that is that far behind both at once. */
async function tell({ pool, log }: LeaveContext): Promise<void> {
  for (const kind of ['reminded', 'escalated'] as const) {
    const at = kind === 'reminded' ? 'remind_at' : 'escalate_at';
    const { rows } = await pool.query<Due>(
      `SELECT workspace_id, id FROM transfer_tasks
        WHERE status = 'open' AND ${at} <= clock_timestamp() AND ${kind}_at IS NULL ORDER BY ${at} LIMIT ${AT_ONCE}`,
    );
    for (const { workspace_id: workspaceId, id } of rows)
      await log.transact(workspaceId, (transaction) => tellOf(transaction, workspaceId, id, kind));
  }
}

async function tellOf(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
  kind: 'reminded' | 'escalated',
): Promise<void> {
  const { client, now } = transaction;
  const { rowCount } = await client.query(
    `UPDATE transfer_tasks SET ${kind}_at = $3
      WHERE workspace_id = $1 AND id = $2 AND status = 'open' AND ${kind}_at IS NULL`,
    [workspaceId, id, now],
  );
  if (rowCount === 0) return;
  const task = await readTask(client, workspaceId, id);
  const { escalate_to: named } = await readOwnershipSettings(client, workspaceId);
  const waiting = task.agents.filter(({ outcome }) => outcome === null);
  transaction.log({
    kind: `transfer.${kind}`,
    actor: 'system',
    task_id: id,
    person_id: task.person_id,
    person: task.person,
    agents: waiting.slice(0, MAX_NAMED).map(({ agent }) => agent),
    agents_count: waiting.length,
    to: await concerned(
      client,
      workspaceId,
      waiting.map(({ agent_id }) => agent_id),
      { leaver: task.person_id, named: kind === 'escalated' ? named : [] },
    ),
    named: kind === 'escalated' ? named : undefined,
    due_at: new Date(task.due_at * 1000).toISOString(),
  });
}

/** At the deadline an agent that nobody has taken over is revoked. When the task is over people are told of it. */
async function retire(context: LeaveContext): Promise<void> {
  const { rows } = await context.pool.query<Due & { readonly agent_id: AgentId }>(
    `SELECT t.workspace_id, t.id, k.agent_id FROM transfer_tasks t
       JOIN transfer_task_agents k ON k.workspace_id = t.workspace_id AND k.task_id = t.id AND k.outcome IS NULL
      WHERE t.status = 'open' AND t.due_at <= clock_timestamp() ORDER BY t.due_at, k.agent_id LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id, agent_id: agentId } of rows) {
    const order = { orderedAtMs: context.clock(), started: performance.now() };
    const stop = await context.log.transact(workspaceId, (transaction) =>
      retireOne(transaction, context.nodeId, order.orderedAtMs, workspaceId, id, agentId),
    );
    if (stop !== undefined) await completeStop(context, workspaceId, stop, order);
  }
}

async function retireOne(
  transaction: LoggedTransaction,
  nodeId: string,
  orderedAtMs: number,
  workspaceId: WorkspaceId,
  taskId: string,
  agentId: AgentId,
): Promise<Awaited<ReturnType<typeof commitStop>> | undefined> {
  const { client, now, log } = transaction;
  const { rowCount } = await client.query(
    `UPDATE transfer_task_agents SET outcome = 'retired', ended_at = $4
      WHERE workspace_id = $1 AND task_id = $2 AND agent_id = $3 AND outcome IS NULL`,
    [workspaceId, taskId, agentId, now],
  );
  if (rowCount === 0) return undefined;
  const who = { workspaceId, actor: 'system' };
  const agent = await readAgent(client, workspaceId, agentId);
  await endOffers(transaction, workspaceId, { agentId }, 'lapsed', { actor: who.actor, reason: '' });
  const task = await readTask(client, workspaceId, taskId);
  const reason = `nobody took it over from ${task.person} by the deadline of ${taskId}`;
  const stop = await commitStop(transaction, who, { scope: 'agent', target: agentId, reason }, orderedAtMs, nodeId);
  log({
    kind: 'transfer.retired',
    actor: who.actor,
    task_id: taskId,
    person_id: task.person_id,
    person: task.person,
    agent: agent.name,
    agent_id: agent.id,
    owner: agent.owner,
    containment_id: stop.id,
  });
  await closeFinished(transaction, workspaceId, taskId);
  return stop;
}
