/** What follows a departure: aborting, measuring, the word of the other nodes, the receipt. Any node can do it again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { isRefused, type ProbeSubject, type StopContext } from '../containment/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { StopReport } from '../path/index.ts';
import { PERMIT_LEASE_MS } from '../permit-lease.ts';
import { recordEnded, stopPermits } from '../permits/index.ts';
import type { Departure } from './leave.ts';

export type LeaveContext = StopContext;

/** Notifications on this channel name a new task: `{"workspace", "id"}`. */
export const DEPARTURE_CHANNEL = 'hivekey_departure';
const notice = z.object({ workspace: z.custom<WorkspaceId>((value) => typeof value === 'string'), id: z.string() });

const ACK_POLL_MS = 10;
/** A node that was ordered and has kept no receipt for so long is gone. */
const LOST_AFTER_SECONDS = 10;

interface OrderedAt {
  readonly startedMs: number;
}

/** Resolves when nothing that the agents had recorded can begin any more. What cannot be kept now is kept by a later round. */
export async function completeDeparture(
  context: LeaveContext,
  workspaceId: WorkspaceId,
  { taskId, agentIds, subject }: Departure,
  { startedMs }: OrderedAt,
): Promise<void> {
  if (taskId === undefined) return;
  const report = stopHere(context, workspaceId, agentIds);
  const committedAtMs = context.clock();
  const others = othersHaveStopped(context, workspaceId, taskId);
  const isSeen = await seeRefusal(context, workspaceId, subject);
  const firstRefusalMs = isSeen ? performance.now() - startedMs : null;
  const effectiveAtMs = subject === undefined ? committedAtMs : isSeen ? context.clock() : null;
  const found = await report;
  await others;
  const measured = { committedAtMs, effectiveAtMs, firstRefusalMs };
  await keep(context, workspaceId, taskId, agentIds, found, measured).catch((error: unknown) =>
    context.logger.error({ err: error, task: taskId }, 'a person has left, the receipt could not be kept yet'),
  );
}

/** All that is aborted and closed is so before this returns its promise. */
function stopHere(
  { path }: Pick<LeaveContext, 'path'>,
  workspaceId: WorkspaceId,
  agentIds: readonly AgentId[],
): Promise<StopReport> {
  return path.stop(workspaceId, { kind: 'agents', agentIds: new Set(agentIds) });
}

/** Whether the recording transaction was seen to refuse. Not asked is not refused: the receipt then says that nobody saw it. */
async function seeRefusal(
  context: LeaveContext,
  workspaceId: WorkspaceId,
  subject: ProbeSubject | undefined,
): Promise<boolean> {
  if (subject === undefined) return false;
  return isRefused(context, workspaceId, subject).catch(() => false);
}

interface Measured {
  readonly committedAtMs: number;
  readonly effectiveAtMs: number | null;
  readonly firstRefusalMs: number | null;
}

async function keep(
  context: LeaveContext,
  workspaceId: WorkspaceId,
  taskId: string,
  agentIds: readonly AgentId[],
  found: StopReport,
  { committedAtMs, effectiveAtMs, firstRefusalMs }: Measured,
): Promise<void> {
  // On the log's own connection: whatever keeps the pool busy does not keep this waiting.
  const ended = await context.log.transact(workspaceId, async ({ client }) => {
    await client.query(
      `UPDATE transfer_tasks SET committed_at = $3, effective_at = $4, first_refusal_ms = $5
        WHERE workspace_id = $1 AND id = $2 AND committed_at IS NULL`,
      [
        workspaceId,
        taskId,
        new Date(committedAtMs),
        effectiveAtMs === null ? null : new Date(effectiveAtMs),
        firstRefusalMs === null ? null : Math.round(firstRefusalMs * 100) / 100,
      ],
    );
    await acknowledge(client, workspaceId, taskId, context.nodeId, found, committedAtMs);
    // Whoever holds a permit in memory has closed it by now; what is left was a node's that is gone.
    return stopPermits(client, workspaceId, { agentIds });
  });
  recordEnded(context, ended);
}

async function acknowledge(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  taskId: string,
  nodeId: string,
  { calls, sessionsClosed }: StopReport,
  atMs: number,
): Promise<void> {
  await client.query(
    `INSERT INTO transfer_task_acks AS ack (workspace_id, task_id, node, effective_at, calls, sessions_closed)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (workspace_id, task_id, node) DO UPDATE SET
       effective_at = coalesce(ack.effective_at, excluded.effective_at), calls = ack.calls || excluded.calls,
       sessions_closed = ack.sessions_closed + excluded.sessions_closed`,
    [
      workspaceId,
      taskId,
      nodeId,
      new Date(atMs),
      JSON.stringify(calls.map(({ eventId, ...call }) => ({ event_id: eventId, ...call }))),
      sessionsClosed,
    ],
  );
}

/** Resolves when every node that is expected to has said that it has stopped, or what it had recorded can begin no more. Never rejects. */
async function othersHaveStopped({ pool }: LeaveContext, workspaceId: WorkspaceId, taskId: string): Promise<void> {
  const deadline = performance.now() + PERMIT_LEASE_MS;
  const wait = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const { rowCount } = await pool.query(
        'SELECT FROM transfer_task_acks WHERE workspace_id = $1 AND task_id = $2 AND effective_at IS NULL LIMIT 1',
        [workspaceId, taskId],
      );
      if (rowCount === 0) return;
      await sleep(ACK_POLL_MS);
    }
  };
  const leaseIsOver = (): Promise<void> => sleep(Math.max(0, deadline - performance.now()), undefined, { ref: false });
  // Where nobody's word can be read, only time tells.
  await Promise.race([wait().catch(leaseIsOver), leaseIsOver()]);
}

interface TaskRow {
  readonly agents: readonly AgentId[];
}

const AGENTS = `
SELECT array_agg(a.agent_id) AS agents FROM transfer_tasks t
  JOIN transfer_task_agents a ON a.workspace_id = t.workspace_id AND a.task_id = t.id
 WHERE t.workspace_id = $1 AND t.id = $2`;

/** `payload` of a notification on DEPARTURE_CHANNEL: another node was ordered; this one aborts what it runs, and says so. */
export async function hearDeparture(
  context: Pick<LeaveContext, 'pool' | 'path' | 'nodeId' | 'clock'>,
  payload: string,
): Promise<void> {
  const { workspace, id } = notice.parse(JSON.parse(payload));
  const { rows } = await context.pool.query<TaskRow>(`${AGENTS} AND t.node <> $3 GROUP BY t.id`, [
    workspace,
    id,
    context.nodeId,
  ]);
  const [row] = rows;
  if (row === undefined) return;
  const report = stopHere(context, workspace, row.agents);
  const atMs = context.clock();
  await acknowledge(context.pool, workspace, id, context.nodeId, await report, atMs);
}

/** Departures whose node was lost between the commit and the receipt. The agents were stopped by the commit. */
export async function completeLost(context: LeaveContext): Promise<void> {
  const { rows } = await context.pool.query<{ workspace_id: WorkspaceId; id: string }>(
    `SELECT workspace_id, id FROM transfer_tasks
      WHERE committed_at IS NULL AND opened_at < clock_timestamp() - make_interval(secs => $1) LIMIT 20`,
    [LOST_AFTER_SECONDS],
  );
  for (const { workspace_id: workspaceId, id } of rows) {
    const agents = await context.pool.query<TaskRow>(`${AGENTS} GROUP BY t.id`, [workspaceId, id]);
    const agentIds = agents.rows[0]?.agents ?? [];
    const found = await stopHere(context, workspaceId, agentIds);
    // When it was first refused, nobody has measured.
    const measured = { committedAtMs: context.clock(), effectiveAtMs: null, firstRefusalMs: null };
    await keep(context, workspaceId, id, agentIds, found, measured);
  }
}
