/** The rows of permits. Whoever moves a row away from its state closes the permit, and records the result. */
import type { ClientBase, Pool } from 'pg';
import type { AgentId, EventId, WorkspaceId } from '../ids.ts';
import type { CallReference, Outcome, Permit, Reservation } from '../path/index.ts';

/** Another node's permit is closed here only this long after its time: its own node comes first. */
const FOREIGN_GRACE_SECONDS = 5;
/** A result that is not on the log this long after its permit was closed was lost with its node. */
const UNRECORDED_AFTER_SECONDS = 30;
/** Most permits that one look closes. */
export const PERMITS_AT_ONCE = 200;
const KEPT_HOURS = 24;

export type PermitState = 'open' | 'reported' | 'expired' | 'stopped';

/** A permit that the caller has closed: what its result says, and of which call. */
export interface ClosedPermit {
  readonly id: string;
  readonly call: CallReference;
  readonly outcome: Outcome;
}

interface CallRow {
  id: string;
  workspace_id: WorkspaceId;
  workspace: string;
  environment: string;
  agent_id: AgentId;
  event_id: EventId;
  agent: string;
  owner: string;
  capability: string;
  tool: string;
  access: 'read' | 'write' | null;
  destructive: boolean | null;
  session_id: string | null;
  run_id: string | null;
  reservations: Reservation[];
  leaves: string[];
  outcome: Outcome['result'];
  outcome_code: string | null;
  outcome_ms: number | null;
  outcome_reference: string | null;
}

const CALL = `p.id, p.workspace_id, w.name AS workspace, w.environment, p.agent_id, p.event_id, p.agent, p.owner,
  p.capability, p.tool, p.access, p.destructive, p.session_id, p.run_id, p.reservations, p.leaves, p.outcome, p.outcome_code, p.outcome_ms, p.outcome_reference`;

/** The permit's end, by the database's clock. */
export async function insertPermit(
  pool: Pool,
  nodeId: string,
  id: string,
  { principal, action, eventId, reservations = [], leaves = [] }: Permit,
  seconds: number,
): Promise<Date> {
  const { rows } = await pool.query<{ expires_at: Date }>({
    name: 'permit-insert',
    text: `INSERT INTO permits (workspace_id, id, node_id, agent_id, event_id, agent, owner, capability, tool, access,
                                destructive, session_id, run_id, expires_at, reservations, leaves)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now() + make_interval(secs => $14), $15, $16)
           RETURNING expires_at`,
    values: [
      principal.workspaceId,
      id,
      nodeId,
      principal.agentId,
      eventId,
      principal.agent,
      principal.owner,
      action.capability,
      action.tool,
      action.access,
      action.destructive,
      action.sessionId,
      action.runId,
      seconds,
      JSON.stringify(reservations),
      leaves,
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error(`the permit ${id} was not inserted`);
  return row.expires_at;
}

const REPORT = `
UPDATE permits p SET state = 'reported', outcome = $4, outcome_code = $5, outcome_ms = $6, outcome_reference = $7, closed_at = now(), recorded = false
  FROM workspaces w
 WHERE p.workspace_id = $1 AND p.id = $2 AND p.agent_id = $3 AND w.id = p.workspace_id
   AND p.state IN ('open', 'stopped') AND p.expires_at > now()
RETURNING ${CALL}`;

/** Closes the permit with what its agent says. Undefined when it is not open to that; `permitState` tells why. */
export async function reportPermit(
  pool: Pool,
  workspaceId: WorkspaceId,
  id: string,
  agentId: AgentId,
  outcome: Outcome,
): Promise<ClosedPermit | undefined> {
  const { rows } = await pool.query<CallRow>({
    name: 'permit-report',
    text: REPORT,
    values: [workspaceId, id, agentId, outcome.result, outcome.errorCode, outcome.upstreamMs, outcome.toolReference],
  });
  return rows[0] === undefined ? undefined : closedOf(rows[0]);
}

/** State of a permit of this agent; undefined when it has none of that id. */
export async function permitState(
  pool: Pool,
  workspaceId: WorkspaceId,
  id: string,
  agentId: AgentId,
): Promise<PermitState | undefined> {
  const { rows } = await pool.query<{ state: PermitState }>(
    'SELECT state FROM permits WHERE workspace_id = $1 AND id = $2 AND agent_id = $3',
    [workspaceId, id, agentId],
  );
  return rows[0]?.state;
}

const STOP = `
UPDATE permits p SET state = 'stopped', outcome = $3, outcome_code = 'aborted_by_stop', closed_at = now()
  FROM workspaces w
 WHERE p.workspace_id = $1 AND p.id = $2 AND w.id = p.workspace_id AND p.state = 'open'
RETURNING ${CALL}`;

/** Closes an open permit because of a stop. Undefined when it was closed before. */
export async function stopPermit(
  pool: Pool,
  workspaceId: WorkspaceId,
  id: string,
  result: 'unknown' | 'not_attempted',
): Promise<ClosedPermit | undefined> {
  const { rows } = await pool.query<CallRow>({ name: 'permit-stop', text: STOP, values: [workspaceId, id, result] });
  return rows[0] === undefined ? undefined : closedOf(rows[0]);
}

const STOP_LEFT = `
UPDATE permits p SET state = 'stopped', outcome = 'unknown', outcome_code = 'aborted_by_stop', closed_at = now()
  FROM workspaces w
 WHERE p.workspace_id = $1 AND w.id = p.workspace_id AND p.state = 'open' AND (p.agent_id = ANY($2) OR p.capability = $3)
RETURNING ${CALL}`;

/**
 * Closes what is open of the agents, or of the capability, whichever node issued it: that node is gone, or has not heard
 * of the stop. What became of the calls is not known; whoever closes them records that (`recordEnded`).
 */
export async function stopPermits(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { agentIds = [], capability }: { readonly agentIds?: readonly AgentId[]; readonly capability?: string },
): Promise<readonly ClosedPermit[]> {
  const { rows } = await client.query<CallRow>(STOP_LEFT, [workspaceId, agentIds, capability ?? null]);
  return rows.map(closedOf);
}

// SKIP LOCKED: another node at the same rows takes its own, and nobody waits.
const EXPIRE = `
WITH due AS (
  SELECT workspace_id, id FROM permits
   WHERE state = 'open' AND expires_at <= now() - CASE WHEN node_id = $1 THEN interval '0' ELSE interval '${FOREIGN_GRACE_SECONDS} seconds' END
   ORDER BY expires_at LIMIT ${PERMITS_AT_ONCE} FOR UPDATE SKIP LOCKED)
UPDATE permits p SET state = 'expired', outcome = 'unknown', outcome_code = 'permit_expired', closed_at = now()
  FROM due, workspaces w
 WHERE p.workspace_id = due.workspace_id AND p.id = due.id AND w.id = p.workspace_id
RETURNING ${CALL}`;

/** Closes permits whose time is over, of this node and of nodes that are gone. */
export async function expirePermits(pool: Pool, nodeId: string): Promise<readonly ClosedPermit[]> {
  const { rows } = await pool.query<CallRow>({ name: 'permit-expire', text: EXPIRE, values: [nodeId] });
  return rows.map(closedOf);
}

// Taking them for another while keeps other nodes from recording the same ones.
const LOST = `
WITH lost AS (
  SELECT workspace_id, id FROM permits
   WHERE state <> 'open' AND NOT recorded AND closed_at <= now() - interval '${UNRECORDED_AFTER_SECONDS} seconds'
   ORDER BY closed_at LIMIT ${PERMITS_AT_ONCE} FOR UPDATE SKIP LOCKED)
UPDATE permits p SET closed_at = now()
  FROM lost, workspaces w
 WHERE p.workspace_id = lost.workspace_id AND p.id = lost.id AND w.id = p.workspace_id
RETURNING ${CALL}`;

/** Permits that were closed, and whose node died before the result was on the log. */
export async function takeUnrecorded(pool: Pool): Promise<readonly ClosedPermit[]> {
  const { rows } = await pool.query<CallRow>({ name: 'permit-lost', text: LOST });
  return rows.map(closedOf);
}

/** The result of the permit is durable. Not when the permit has been closed again, with another result, meanwhile. */
export async function noteRecorded(pool: Pool, { id, call, outcome }: ClosedPermit): Promise<void> {
  await pool.query({
    name: 'permit-recorded',
    text: `UPDATE permits SET recorded = true WHERE workspace_id = $1 AND id = $2 AND outcome = $3 AND state <> 'open'`,
    values: [call.principal.workspaceId, id, outcome.result],
  });
}

/** Forgets permits that are over. They are kept for a while to tell a late or second report what happened. */
export async function forgetPermits(pool: Pool): Promise<void> {
  await pool.query(`DELETE FROM permits WHERE recorded AND closed_at < now() - interval '${KEPT_HOURS} hours'`);
}

function closedOf(row: CallRow): ClosedPermit {
  return {
    id: row.id,
    call: {
      principal: {
        workspaceId: row.workspace_id,
        workspace: row.workspace,
        environment: row.environment,
        agentId: row.agent_id,
        agent: row.agent,
        owner: row.owner,
      },
      action: {
        capability: row.capability,
        tool: row.tool,
        ...(row.access === null ? {} : { access: row.access }),
        ...(row.destructive === null ? {} : { destructive: row.destructive }),
        ...(row.session_id === null ? {} : { sessionId: row.session_id }),
        ...(row.run_id === null ? {} : { runId: row.run_id }),
      },
      eventId: row.event_id,
      ...(row.reservations.length === 0 ? {} : { reservations: row.reservations }),
      ...(row.leaves.length === 0 ? {} : { leaves: row.leaves }),
    },
    outcome: {
      result: row.outcome,
      ...(row.outcome_code === null ? {} : { errorCode: row.outcome_code }),
      ...(row.outcome_ms === null ? {} : { upstreamMs: row.outcome_ms }),
      ...(row.outcome_reference === null ? {} : { toolReference: row.outcome_reference }),
    },
  };
}
