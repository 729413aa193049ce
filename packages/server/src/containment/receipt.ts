/**
 * The receipt of a stop, signed by the key of the log. It is made anew each time it is asked for, as nodes and results
 * come later than the order does; what it says of the past does not change.
 */
import {
  type ContainmentReceipt,
  canonicalJson,
  type EventProof,
  RECEIPT_VERSION,
  receiptNote,
} from '@hivekey/action-log';
import type { Pool } from 'pg';
import { z } from 'zod';
import { jsonObject } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import { readConnections } from './connections.ts';
import { readContainment } from './containment.ts';
import { readProposal } from './proposal.ts';
import type { StopContext } from './stop.ts';

export const signedReceiptSchema = z
  .object({
    note: z.string().meta({ description: 'A signed note over the digest of `receipt`, by the key of the log.' }),
    receipt: jsonObject,
  })
  .meta({ id: 'SignedReceipt' });

interface ToolRow {
  capability: string;
  agents: number;
  established: 'probe' | 'state';
  refused_at: Date | null;
}

interface NodeRow {
  node: string;
  effective_at: Date | null;
  lease_ms: number | null;
}

interface AgentRow {
  id: string;
  name: string;
  owner: string;
  tokens_ended: number;
  last_allowed_at: Date | null;
  first_denied_at: Date | null;
}

const TOOLS = `
SELECT capability, agents, established, refused_at FROM containment_tools
 WHERE workspace_id = $1 AND containment_id = $2 ORDER BY capability COLLATE "C"`;

const NODES = `
SELECT node, effective_at, lease_ms FROM containment_acks
 WHERE workspace_id = $1 AND containment_id = $2 ORDER BY node COLLATE "C"`;

// By the log's projection: what is in flight to it at this moment is in a later receipt.
const AGENTS = `
SELECT a.id, coalesce(c.handle, a.handle) AS name, coalesce(c.owner, p.email) AS owner, c.tokens_ended,
       (SELECT max(x.ts) FROM actions x WHERE x.workspace_id = $1 AND x.agent_id = a.id AND x.kind = 'tool.call'
           AND x.verdict = 'allow' AND x.ts <= coalesce(k.committed_at, k.ordered_at)) AS last_allowed_at,
       (SELECT min(x.ts) FROM actions x WHERE x.workspace_id = $1 AND x.agent_id = a.id AND x.kind = 'tool.call'
           AND x.reason_class = 'containment' AND x.ts >= k.ordered_at
           AND x.ts <= coalesce(k.lifted_at, 'infinity')) AS first_denied_at
  FROM containment_agents c
  JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id
  JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.agent_id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
 WHERE c.workspace_id = $1 AND c.containment_id = $2 ORDER BY coalesce(c.handle, a.handle) COLLATE "C"`;

const WORKSPACE = `
SELECT w.name, w.environment, k.tools_listed AS listed FROM workspaces w JOIN containments k ON k.workspace_id = w.id
 WHERE w.id = $1 AND k.id = $2`;

const PERMITS = `
SELECT event_id, agent, capability FROM containment_permits WHERE workspace_id = $1 AND containment_id = $2 ORDER BY event_id`;

const CREDITS = `
SELECT call_event_id AS event_id, key, amount::float8 AS amount FROM window_credits
 WHERE workspace_id = $1 AND call_event_id = ANY($2) ORDER BY call_event_id, key COLLATE "C"`;

async function rowsOf<Row extends object>(pool: Pool, query: string, values: readonly unknown[]): Promise<Row[]> {
  return (await pool.query<Row>(query, [...values])).rows;
}

function iso(at: Date | null): string | null {
  return at?.toISOString() ?? null;
}

/** The canonical text `{"note","receipt"}`. Throws `containment_not_found`. */
export async function signedReceipt(
  { pool, log, nodeId, clock }: StopContext,
  workspaceId: WorkspaceId,
  id: string,
): Promise<string> {
  const stop = await readContainment(pool, workspaceId, id);
  const about = [workspaceId, id];
  const { receipt: kept } = stop;
  const calls = kept.calls.map(({ event_id }) => event_id);
  const proof: EventProof | null = (await log.prove(workspaceId, kept.event_id)) ?? null;
  const [tools, nodes, agents, permits, credits, [workspace], connections] = await Promise.all([
    rowsOf<ToolRow>(pool, TOOLS, about),
    rowsOf<NodeRow>(pool, NODES, about),
    rowsOf<AgentRow>(pool, AGENTS, about),
    rowsOf<ContainmentReceipt['permits_ended'][number]>(pool, PERMITS, about),
    rowsOf<ContainmentReceipt['reservations_released'][number]>(pool, CREDITS, [workspaceId, calls]),
    rowsOf<{ name: string; environment: string; listed: boolean }>(pool, WORKSPACE, about),
    readConnections(pool, workspaceId, id),
  ]);
  const proposal = stop.proposal === null ? null : await readProposal(pool, workspaceId, stop.proposal);
  const receipt: ContainmentReceipt = {
    v: RECEIPT_VERSION,
    issued_at: new Date(clock()).toISOString(),
    issued_by: nodeId,
    workspace: workspace?.name ?? '',
    workspace_id: workspaceId,
    environment: workspace?.environment ?? '',
    containment: {
      id: stop.id,
      scope: stop.scope,
      target: stop.target,
      reason: stop.reason,
      actor: stop.actor,
      rehearsal: stop.rehearsal,
    },
    two_people:
      proposal === null
        ? null
        : {
            proposal: proposal.id,
            proposed_by: proposal.proposed_by_person,
            proposed_at: new Date(proposal.proposed_at * 1000).toISOString(),
            confirmed_by: proposal.confirmed_by_person ?? '',
          },
    times: {
      ordered_at: kept.ordered_at,
      committed_at: kept.committed_at,
      effective_at: kept.effective_at,
      first_refusal_ms: kept.first_refusal_ms,
    },
    agents: agents.map(({ last_allowed_at, first_denied_at, ...agent }) => ({
      ...agent,
      last_allowed_at: iso(last_allowed_at),
      first_denied_at: iso(first_denied_at),
    })),
    tools:
      workspace?.listed === true
        ? tools.map(({ refused_at, ...tool }) => ({ ...tool, refused_at: iso(refused_at) }))
        : null,
    connections,
    nodes: nodes.map(({ effective_at, lease_ms, node }) => ({
      node,
      effective_at: iso(effective_at),
      // Of a node that did not answer: what it had recorded before could begin until then, and no later.
      bound_at:
        effective_at === null && lease_ms !== null && kept.committed_at !== null
          ? new Date(Date.parse(kept.committed_at) + lease_ms).toISOString()
          : null,
    })),
    calls: kept.calls,
    permits_ended: permits,
    reservations_released: credits,
    approvals_cancelled: kept.approvals_cancelled,
    sessions_closed: kept.sessions_closed,
    log: { event_id: kept.event_id, proof },
  };
  return canonicalJson({ note: log.sign(workspaceId, receiptNote(receipt)), receipt });
}
