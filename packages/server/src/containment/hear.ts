/** The part of stops that other nodes were ordered: this node aborts what it has in flight, and says so. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { Scope } from './standing.ts';
import { acknowledge, type StopContext, stopHere } from './stop.ts';

/** What a node needs to follow a stop it was not ordered itself. */
export type HearContext = Pick<StopContext, 'pool' | 'path' | 'nodeId' | 'clock'>;

/** Notifications on this channel name a new stop: `{"workspace", "id"}`. */
export const CONTAINMENT_CHANNEL = 'hivekey_containment';
const notice = z.object({ workspace: z.string(), id: z.string() });

const READ_ATTEMPTS = 5;
const RETRY_MS = 200;

interface Row {
  workspace_id: WorkspaceId;
  id: string;
  scope: Scope;
  target: string;
  agents: AgentId[];
  /** This node wrote to the log when the stop was ordered, so its word is waited for. */
  is_expected: boolean;
}

const STOPS = `
SELECT k.workspace_id, k.id, k.scope, k.target,
       ARRAY(SELECT c.agent_id FROM containment_agents c WHERE c.workspace_id = k.workspace_id AND c.containment_id = k.id) AS agents,
       EXISTS (SELECT FROM containment_acks n WHERE n.workspace_id = k.workspace_id AND n.containment_id = k.id
                AND n.node = $1 AND n.effective_at IS NULL) AS is_expected
  FROM containments k WHERE k.node IS DISTINCT FROM $1 AND k.lifted_at IS NULL`;

async function apply(context: HearContext, { workspace_id, id, scope, target, agents, is_expected }: Row) {
  const report = stopHere(context, workspace_id, { scope, target, agentIds: agents });
  const atMs = context.clock();
  const found = await report;
  if (is_expected || found.calls.length > 0 || found.sessionsClosed > 0)
    await acknowledge(context.pool, workspace_id, id, context.nodeId, found, atMs);
}

/** A stop is not missed because the pool is busy for a moment. */
async function patiently(read: () => Promise<{ rows: Row[] }>): Promise<Row[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await read()).rows;
    } catch (error) {
      if (attempt === READ_ATTEMPTS) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** `payload` of a notification on CONTAINMENT_CHANNEL. */
export async function hearStop(context: HearContext, payload: string): Promise<void> {
  const { workspace, id } = notice.parse(JSON.parse(payload));
  const rows = await patiently(() =>
    context.pool.query<Row>(`${STOPS} AND k.workspace_id = $2 AND k.id = $3`, [context.nodeId, workspace, id]),
  );
  await Promise.all(rows.map((row) => apply(context, row)));
}

/** After notifications may have been lost: every stop that stands is applied to what runs here. */
export async function hearMissedStops(context: HearContext): Promise<void> {
  const rows = await patiently(() => context.pool.query<Row>(STOPS, [context.nodeId]));
  await Promise.all(rows.map((row) => apply(context, row)));
}
