/** Creating, changing and suspending agents. Each is one transaction with its records. */
import type { Administrator } from '../api/route.ts';
import { standingOrder } from '../containment/index.ts';
import { giveAgent, readOwnershipSettings, setDeputiesIn } from '../departures/index.ts';
import { Failure } from '../errors.ts';
import { type AgentId, newId, type WorkspaceId } from '../ids.ts';
import { type ActionLog, changesOf, type LoggedTransaction } from '../log/index.ts';
import { ownerFor } from '../people/index.ts';
import { standOn } from '../versions/index.ts';
import type { Admission, AgentChange, AgentView, NewAgent } from './agent.ts';
import { skeletonOf } from './handle.ts';
import { type Agent, readAgent } from './read.ts';
import { settleStatus } from './status.ts';
import { instantOf, refusePast, refuseProlonging } from './validity.ts';
import { declareAttributes } from './versions.ts';

/** Throws `handle_taken`, `handle_looks_taken`, `role_not_found`, `role_stopped`, `owner_inactive`, `owner_stopped`, `workspace_stopped`. */
export function createAgent(log: ActionLog, who: Administrator, agent: NewAgent): Promise<AgentView> {
  return log.transact(who.workspaceId, async (transaction) => {
    await refuseUnreviewed(transaction, who.workspaceId);
    return createAgentIn(transaction, who, agent);
  });
}

/** Throws `agent_request_required` where agents are let in by somebody else. */
async function refuseUnreviewed({ client }: LoggedTransaction, workspaceId: WorkspaceId): Promise<void> {
  const { rowCount } = await client.query(
    `SELECT FROM agent_settings WHERE workspace_id = $1 AND admission = 'reviewed'`,
    [workspaceId],
  );
  if (rowCount === 0) return;
  throw new Failure(
    409,
    'agent_request_required',
    'In this workspace an agent is made only when somebody else lets it in.',
    'Ask for it: POST /v1/agent-requests, or hivekey agent request.',
  );
}

/** Throws as `createAgent`; whether it takes a request is not asked. */
export async function createAgentIn(
  transaction: LoggedTransaction,
  who: Administrator,
  agent: NewAgent,
  admission?: Admission,
): Promise<Agent> {
  const { workspaceId, actor } = who;
  const { client } = transaction;
  const order = await standingOrder(client, workspaceId, 'workspace', '*');
  if (order !== undefined)
    throw new Failure(
      409,
      'workspace_stopped',
      `The workspace is under the stop ${order}: no agent can be created.`,
      `Lift it with POST /v1/containments/${order}/lift.`,
    );
  await refuseTakenHandle(transaction, workspaceId, agent.name);
  await refuseRoles(transaction, workspaceId, agent.roles);
  if (agent.valid_until !== undefined) refusePast(transaction, agent.valid_until);
  const owner = await ownerFor(transaction, who, agent.owner);
  const id = newId<AgentId>('agt');
  await client.query(
    `INSERT INTO agents (workspace_id, id, handle, skeleton, owner_id, description, metadata, risk_tier, created_by, created_at,
                         request_id, requested_at, approved_at, approved_by, valid_until)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10::timestamptz, now()), $11, $12, $10, $13, to_timestamp($14))`,
    [
      workspaceId,
      id,
      agent.name,
      skeletonOf(agent.name),
      owner.id,
      agent.description,
      agent.metadata,
      agent.risk_tier ?? null,
      admission?.requestedBy ?? actor,
      admission?.approvedAt ?? null,
      admission?.requestId ?? null,
      admission?.requestedAt ?? null,
      admission === undefined ? null : actor,
      agent.valid_until ?? null,
    ],
  );
  await client.query('INSERT INTO agent_state (workspace_id, agent_id) VALUES ($1, $2)', [workspaceId, id]);
  if (admission !== undefined) standOn(transaction, { kind: 'agent_request' });
  await wear(transaction, who, id, agent.roles);
  transaction.log({
    kind: 'agent.created',
    actor,
    agent: agent.name,
    agent_id: id,
    owner: owner.email,
    roles: agent.roles,
    metadata: agent.metadata,
    risk_tier: agent.risk_tier ?? undefined,
    request_id: admission?.requestId,
    valid_until: instantOf(agent.valid_until ?? null) ?? undefined,
  });
  if (agent.attributes !== undefined)
    await declareAttributes(transaction, who, await readAgent(client, workspaceId, id), agent.attributes);
  const made = await readAgent(client, workspaceId, id);
  if (agent.deputies === undefined || agent.deputies.length === 0) return made;
  await setDeputiesIn(transaction, who, made, agent.deputies);
  return readAgent(client, workspaceId, id);
}

/** Throws `handle_taken`, `handle_looks_taken`. */
export async function refuseTakenHandle(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  handle: string,
): Promise<void> {
  const { rows } = await client.query<{ handle: string }>(
    'SELECT handle FROM agents WHERE workspace_id = $1 AND (lower(handle) = lower($2) OR skeleton = $3)',
    [workspaceId, handle, skeletonOf(handle)],
  );
  const [taken] = rows;
  if (taken === undefined) return;
  const remedy = 'Choose another name; a name is never given twice, not even after its agent is revoked.';
  if (taken.handle.toLowerCase() === handle.toLowerCase())
    throw new Failure(409, 'handle_taken', `There already is an agent "${taken.handle}".`, remedy);
  throw new Failure(409, 'handle_looks_taken', `"${handle}" can be taken for the agent "${taken.handle}".`, remedy);
}

/** Roles that an agent does not wear yet must exist and not be stopped. */
async function refuseRoles(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  roles: readonly string[],
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT name FROM roles WHERE workspace_id = $1 AND name = ANY($2) AND current_revision > 0',
    [workspaceId, roles],
  );
  const known = new Set(rows.map(({ name }) => name));
  for (const role of roles) {
    if (!known.has(role))
      throw new Failure(404, 'role_not_found', `There is no role "${role}".`, 'List roles with GET /v1/roles.');
    const order = await standingOrder(client, workspaceId, 'role', role);
    if (order !== undefined)
      throw new Failure(
        409,
        'role_stopped',
        `The role "${role}" is under the stop ${order}: it cannot be given to an agent.`,
        `Lift it with POST /v1/containments/${order}/lift, or give another role.`,
      );
  }
}

async function wear(
  { client }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  agentId: AgentId,
  roles: readonly string[],
): Promise<void> {
  // Whoever takes a role away stands in the history that the database keeps of it.
  await client.query(`SELECT set_config('hivekey.actor', $1, true)`, [actor]);
  await client.query('DELETE FROM agent_roles WHERE workspace_id = $1 AND agent_id = $2 AND role <> ALL($3)', [
    workspaceId,
    agentId,
    roles,
  ]);
  await client.query(
    `INSERT INTO agent_roles (workspace_id, agent_id, role, position, granted_by)
     SELECT $1, $2, role, position, $4 FROM unnest($3::text[]) WITH ORDINALITY AS given (role, position)
     ON CONFLICT (workspace_id, agent_id, role) DO UPDATE SET position = excluded.position`,
    [workspaceId, agentId, roles, actor],
  );
}

/** Giving the agent to another owner also ends a suspension that came from the former one's leaving. */
export function changeAgent(
  log: ActionLog,
  who: Administrator,
  agentOrId: string,
  change: AgentChange,
): Promise<AgentView> {
  return log.transact(who.workspaceId, (transaction) => changeAgentIn(transaction, who, agentOrId, change));
}

export async function changeAgentIn(
  transaction: LoggedTransaction,
  who: Administrator,
  agentOrId: string,
  change: AgentChange,
): Promise<AgentView> {
  const { workspaceId, actor } = who;
  const { client } = transaction;
  const before = await readAgent(client, workspaceId, agentOrId);
  const {
    roles = before.roles,
    description = before.description,
    metadata = before.metadata,
    risk_tier: tier = before.risk_tier,
    valid_until: validUntil = before.valid_until,
  } = change;
  const isGiven = change.owner !== undefined && change.owner !== before.owner;
  if (isGiven) await refuseUnaccepted(transaction, workspaceId, before.name);
  const owner = isGiven
    ? await ownerFor(transaction, who, change.owner ?? '')
    : { id: before.ownerId, email: before.owner };
  const after = {
    roles,
    owner: owner.email,
    description,
    metadata,
    risk_tier: tier,
    valid_until: instantOf(validUntil),
  };
  const was = {
    roles: before.roles,
    owner: before.owner,
    description: before.description,
    metadata: before.metadata,
    risk_tier: before.risk_tier,
    valid_until: instantOf(before.valid_until),
  };
  const changes = changesOf(was, after);
  if (validUntil !== before.valid_until) await refuseProlonging(transaction, who, before, validUntil, owner.id);
  if (change.attributes !== undefined) await declareAttributes(transaction, who, before, change.attributes);
  if (Object.keys(changes).length === 0) {
    if (change.attributes !== undefined) await settleStatus(transaction, workspaceId, [before.id]);
    return readAgent(client, workspaceId, before.id);
  }
  await refuseRoles(
    transaction,
    workspaceId,
    roles.filter((role) => !before.roles.includes(role)),
  );
  await client.query(
    `UPDATE agents SET description = $3, metadata = $4, risk_tier = $5, valid_until = to_timestamp($6)
        WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, before.id, description, metadata, tier, validUntil],
  );
  await wear(transaction, who, before.id, roles);
  if (isGiven) {
    await giveAgent(transaction, who, { agentId: before.id, from: before.ownerId, to: owner.id, reason: '' });
    await client.query('UPDATE agent_state SET owner_left = false WHERE workspace_id = $1 AND agent_id = $2', [
      workspaceId,
      before.id,
    ]);
  }
  await settleStatus(transaction, workspaceId, [before.id]);
  const agent = await readAgent(client, workspaceId, before.id);
  logChange(transaction, actor, agent, {
    ...changes,
    ...changesOf({ status: before.status }, { status: agent.status }),
  });
  return agent;
}

/** Throws `owner_must_accept` where the workspace asks for that. */
async function refuseUnaccepted({ client }: LoggedTransaction, workspaceId: WorkspaceId, agent: string): Promise<void> {
  const { acceptance_required: isRequired } = await readOwnershipSettings(client, workspaceId);
  if (!isRequired) return;
  throw new Failure(
    409,
    'owner_must_accept',
    `In this workspace "${agent}" changes hands only when its new owner accepts.`,
    'Offer it: POST /v1/agents/:agent/ownership-transfers.',
  );
}

function logChange(
  { log }: LoggedTransaction,
  actor: string,
  { id, name, owner }: Agent,
  changes: Readonly<Record<string, unknown>>,
  reason?: string,
): void {
  log({ kind: 'agent.changed', actor, agent: name, agent_id: id, owner, changes, reason });
}

/** Stops the agent and keeps its tokens. Suspending twice changes nothing. */
export function suspendAgent(log: ActionLog, who: Administrator, agentOrId: string, reason: string): Promise<Agent> {
  return log.transact(who.workspaceId, (transaction) => suspendAgentIn(transaction, who, agentOrId, reason));
}

/** What the agent has in flight is the caller's to stop, after the commit. */
export async function suspendAgentIn(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Pick<Administrator, 'workspaceId' | 'actor'>,
  agentOrId: string,
  reason: string,
): Promise<Agent> {
  const { client } = transaction;
  const before = await readAgent(client, workspaceId, agentOrId);
  const { rowCount } = await client.query(
    `UPDATE agent_state SET suspended = true, stopped_reason = $3
      WHERE workspace_id = $1 AND agent_id = $2 AND NOT suspended`,
    [workspaceId, before.id, reason],
  );
  if (rowCount === 0) return before;
  await settleStatus(transaction, workspaceId, [before.id]);
  const agent = await readAgent(client, workspaceId, before.id);
  logChange(transaction, actor, agent, { suspended: [false, true], status: [before.status, agent.status] }, reason);
  return agent;
}
