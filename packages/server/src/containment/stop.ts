/** The kill switch: commit the stop, abort what runs in the same tick, measure the refusal, keep the receipt. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase, Pool } from 'pg';
import type { ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import { type LoggedTransaction, LogOverloaded, LogUnavailable } from '../log/index.ts';
import type { StopReport, StopTarget } from '../path/index.ts';
import { PERMIT_LEASE_MS } from '../permit-lease.ts';
import { type ClosedPermit, recordEnded, stopPermits } from '../permits/index.ts';
import { type CommittedStop, commitStop, type Order, type Stop } from './commit.ts';
import { keepConnections } from './connections.ts';
import { type AbortedCallView, type ContainmentView, type NewContainment, readContainment } from './containment.ts';
import { seeRefusal } from './probe.ts';
import type { Actor } from './quarantine.ts';
import { keepTools, seeToolsRefused } from './tools.ts';

/** How long the answer waits for other nodes to say what they aborted. After that, what they had recorded can begin no more. */
const ACK_WAIT_MS = PERMIT_LEASE_MS;
const ACK_POLL_MS = 10;
/** How long a stop that cannot be recorded looks for whom it would have covered. */
const LOOK_UP_MS = 1_000;

export type StopContext = Pick<ApiContext, 'pool' | 'log' | 'path' | 'nodeId' | 'clock' | 'logger'>;

function targetOf({ scope, target, agentIds }: Omit<Stop, 'id'>): StopTarget {
  switch (scope) {
    case 'workspace':
      return { kind: 'workspace' };
    case 'tool':
      return { kind: 'tool', capability: target };
    default:
      return { kind: 'agents', agentIds: new Set(agentIds) };
  }
}

/** The part of a stop that is in this process. All that is aborted and closed is so before this returns its promise. */
export function stopHere(
  { path }: Pick<StopContext, 'path'>,
  workspaceId: WorkspaceId,
  stop: Omit<Stop, 'id'>,
): Promise<StopReport> {
  const report = path.stop(workspaceId, targetOf(stop));
  if (stop.scope === 'tool') path.invalidate(workspaceId);
  return report;
}

/** When a stop was ordered: epoch milliseconds, and by the process's steady clock. */
export interface OrderedAt {
  readonly orderedAtMs: number;
  readonly started: number;
}

/**
 * Stops and answers with the receipt, whoever asks: for what needs no second person, a breaker or a rehearsal. An
 * order that stands is answered again, and completed if its receipt never was. Throws `stop_not_recorded` (503) when it
 * could not be made durable: then only what is in flight on this node has been stopped.
 */
export async function orderStop(context: StopContext, who: Actor, wanted: Order): Promise<ContainmentView> {
  const order = { orderedAtMs: context.clock(), started: performance.now() };
  const stop = await commitOrAbort(context, who.workspaceId, wanted, (transaction) =>
    commitStop(transaction, who, wanted, order.orderedAtMs, context.nodeId),
  );
  return completeStop(context, who.workspaceId, stop, order);
}

/** Runs the transaction of a stop. When it cannot be made durable, what is in flight here under `wanted` is aborted all the same. */
export async function commitOrAbort<T>(
  context: StopContext,
  workspaceId: WorkspaceId,
  wanted: NewContainment | undefined,
  commit: (transaction: LoggedTransaction) => Promise<T>,
): Promise<T> {
  try {
    return await context.log.transact(workspaceId, commit);
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (wanted !== undefined) await stopUnrecorded(context, workspaceId, wanted);
    throw error instanceof LogUnavailable || error instanceof LogOverloaded ? notRecorded() : error;
  }
}

/** What follows the commit: aborting, measuring, the word of the other nodes, the receipt. */
export async function completeStop(
  context: StopContext,
  workspaceId: WorkspaceId,
  stop: CommittedStop,
  { started }: OrderedAt,
): Promise<ContainmentView> {
  const report = stopHere(context, workspaceId, stop);
  const committedAtMs = context.clock();

  const probe = await seeRefusal(context, workspaceId, stop);
  const measured = {
    refused: () => ({ effectiveAtMs: context.clock(), firstRefusalMs: performance.now() - started }),
    // With nobody to stop, the commit is all there is.
    nobody: () => ({ effectiveAtMs: committedAtMs, firstRefusalMs: null }),
    unseen: () => ({ effectiveAtMs: null, firstRefusalMs: null }),
  }[probe]();
  const others = Promise.race([acksOf(context, workspaceId, stop.id), sleep(ACK_WAIT_MS, undefined, { ref: false })]);
  const tools = await seeToolsRefused(context, workspaceId, stop, probe);
  const found = await report;
  await others;
  try {
    // On the log's own connection: whatever keeps the pool busy does not keep a stop from its answer.
    const { view, ended } = await context.log.transact(workspaceId, async (transaction) => {
      const { client } = transaction;
      await keepReceipt(client, workspaceId, stop.id, { committedAtMs, ...measured });
      await keepTools(client, workspaceId, stop.id, tools);
      await keepConnections(transaction, workspaceId, stop.id);
      // Whoever holds a permit in memory has closed it by now; what is left was a node's that is gone.
      const which = stop.scope === 'tool' ? { capability: stop.target } : { agentIds: stop.agentIds };
      const left = await stopPermits(client, workspaceId, which);
      await keepPermits(client, workspaceId, stop.id, left);
      await acknowledge(client, workspaceId, stop.id, context.nodeId, found, committedAtMs);
      return { view: await readContainment(client, workspaceId, stop.id), ended: left };
    });
    recordEnded(context, ended);
    return view;
  } catch (error) {
    context.logger.error({ err: error, containment: stop.id }, 'a stop is in force, its receipt could not be kept');
    throw new Failure(
      503,
      'receipt_unavailable',
      `The stop ${stop.id} is in force, but its receipt could not be kept.`,
      'Give the same order again: it answers the standing stop and completes the receipt.',
    );
  }
}

async function keepPermits(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  permits: readonly ClosedPermit[],
): Promise<void> {
  for (const { call } of permits)
    await client.query(
      `INSERT INTO containment_permits (workspace_id, containment_id, event_id, agent, capability)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      [workspaceId, id, call.eventId, call.principal.agent, call.action.capability],
    );
}

interface Measured {
  readonly committedAtMs: number;
  readonly effectiveAtMs: number | null;
  readonly firstRefusalMs: number | null;
}

/** The first measurement stays: a repeated order does not make a stop look slower than it was. */
async function keepReceipt(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  { committedAtMs, effectiveAtMs, firstRefusalMs }: Measured,
): Promise<void> {
  await client.query(
    `UPDATE containments SET committed_at = coalesce(committed_at, $3), effective_at = $4, first_refusal_ms = $5
      WHERE workspace_id = $1 AND id = $2 AND effective_at IS NULL`,
    [
      workspaceId,
      id,
      new Date(committedAtMs),
      effectiveAtMs === null ? null : new Date(effectiveAtMs),
      firstRefusalMs === null ? null : Math.round(firstRefusalMs * 100) / 100,
    ],
  );
}

/** This node's part of the receipt; what a repeated order finds is added. */
export async function acknowledge(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  nodeId: string,
  { calls, sessionsClosed }: StopReport,
  atMs: number,
): Promise<void> {
  const views = calls.map(({ eventId, ...call }): AbortedCallView => ({ event_id: eventId, ...call }));
  await client.query(
    `INSERT INTO containment_acks AS ack (workspace_id, containment_id, node, effective_at, calls, sessions_closed)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (workspace_id, containment_id, node) DO UPDATE SET
       effective_at = coalesce(ack.effective_at, excluded.effective_at), calls = ack.calls || excluded.calls,
       sessions_closed = ack.sessions_closed + excluded.sessions_closed`,
    [workspaceId, id, nodeId, new Date(atMs), JSON.stringify(views), sessionsClosed],
  );
}

/** Resolves when every node that is expected to has said what it aborted, or the time is over. Never rejects. */
async function acksOf({ pool }: StopContext, workspaceId: WorkspaceId, id: string): Promise<void> {
  const deadline = performance.now() + ACK_WAIT_MS;
  try {
    while (performance.now() < deadline) {
      const { rowCount } = await pool.query(
        'SELECT FROM containment_acks WHERE workspace_id = $1 AND containment_id = $2 AND effective_at IS NULL LIMIT 1',
        [workspaceId, id],
      );
      if (rowCount === 0) return;
      await sleep(ACK_POLL_MS);
    }
  } catch {
    // Nobody's word can be read: then only time tells that nothing can begin.
    await sleep(Math.max(0, deadline - performance.now()));
  }
}

/** Nothing of the stop is durable. What this node has in flight is stopped all the same, as far as it can tell whose it is. */
async function stopUnrecorded(context: StopContext, workspaceId: WorkspaceId, wanted: NewContainment): Promise<void> {
  const { scope, target } = wanted;
  const needsLookUp = scope === 'role' || scope === 'owner' || (scope === 'agent' && !target.startsWith('agt_'));
  const agentIds = needsLookUp ? await coveredNow(context, workspaceId, wanted) : [target as AgentId];
  await stopHere(context, workspaceId, { scope, target, agentIds });
}

async function coveredNow(
  { pool }: StopContext,
  workspaceId: WorkspaceId,
  { scope, target }: NewContainment,
): Promise<readonly AgentId[]> {
  const covered = pool
    .query<{ id: AgentId }>(
      `SELECT a.id FROM agents a JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
        WHERE a.workspace_id = $1 AND CASE $2
          WHEN 'agent' THEN lower(a.handle) = lower($3)
          WHEN 'owner' THEN p.email = lower($3) OR p.id = $3
          ELSE EXISTS (SELECT FROM agent_roles r WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id AND r.role = $3) END`,
      [workspaceId, scope, target],
    )
    .then(({ rows }) => rows.map(({ id }) => id))
    .catch(() => []);
  return Promise.race([covered, sleep(LOOK_UP_MS, [], { ref: false })]);
}

function notRecorded(): Failure {
  return new Failure(
    503,
    'stop_not_recorded',
    'The stop could not be recorded, so it is not in force. What this node had in flight under it was aborted; while the log cannot be written, no action runs at all.',
    'Give the order again until it is answered with a receipt.',
  );
}
