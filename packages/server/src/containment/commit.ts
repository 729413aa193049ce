/** The part of a stop that is one transaction: who is covered, the state, the tokens, the records. */
import { readAgent, settleStatus } from '../agents/index.ts';
import { cancelOfAgents, cancelOfCapability } from '../approvals/index.ts';
import { Failure } from '../errors.ts';
import { type AgentId, newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { PERMIT_LEASE_MS } from '../permit-lease.ts';
import { publishPolicy } from '../roles/index.ts';
import type { NewContainment } from './containment.ts';
import { type ProbeSubject, probeSubject } from './probe.ts';
import type { Actor } from './quarantine.ts';
import { standingOrder } from './standing.ts';
import { type Worn, wornUnder } from './tools.ts';

/** Nodes that wrote to the log within this time are expected to say what they aborted. */
const EXPECTED_WITHIN_SECONDS = 60;

/** A stop as it is to be given. */
export interface Order extends NewContainment {
  /** Two people wanted it. */
  readonly proposalId?: string;
  /** It is of a shadow agent, and no stop of the workspace's. */
  readonly rehearsalId?: string;
}

interface Target {
  /** As it stands on the order: handle, role, e-mail, capability or `*`. */
  readonly name: string;
  readonly agentIds: readonly AgentId[];
}

/** What a committed stop reaches. */
export interface Stop {
  readonly id: string;
  readonly scope: NewContainment['scope'];
  readonly target: string;
  readonly agentIds: readonly AgentId[];
}

export interface CommittedStop extends Stop {
  /** For whom a refusal can be measured. */
  readonly subject: ProbeSubject | undefined;
  /** Absent where its tools are listed already. */
  readonly worn: readonly Worn[] | undefined;
}

async function agentIds(
  { client }: LoggedTransaction,
  query: string,
  values: readonly unknown[],
): Promise<readonly AgentId[]> {
  const { rows } = await client.query<{ id: AgentId }>(query, [...values]);
  return rows.map(({ id }) => id);
}

/** Throws `agent_not_found`, `role_not_found`, `person_not_found`, `capability_not_found`, `target_invalid`. */
export async function resolveTarget(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  { scope, target, rehearsalId }: Order,
): Promise<Target> {
  const { client } = transaction;
  switch (scope) {
    case 'agent': {
      const agent = await readAgent(client, workspaceId, target, { rehearsalId });
      return { name: agent.name, agentIds: [agent.id] };
    }
    case 'role': {
      await require(transaction, 'roles', workspaceId, target);
      const worn = `SELECT r.agent_id AS id FROM agent_roles r
                      JOIN agents a ON a.workspace_id = r.workspace_id AND a.id = r.agent_id AND a.rehearsal_id IS NULL
                     WHERE r.workspace_id = $1 AND r.role = $2`;
      return { name: target, agentIds: await agentIds(transaction, worn, [workspaceId, target]) };
    }
    case 'owner': {
      const person = await readPerson(client, workspaceId, target);
      const owned = 'SELECT id FROM agents WHERE workspace_id = $1 AND owner_id = $2 AND rehearsal_id IS NULL';
      return { name: person.email, agentIds: await agentIds(transaction, owned, [workspaceId, person.id]) };
    }
    case 'tool':
      await require(transaction, 'capabilities', workspaceId, target);
      return { name: target, agentIds: [] };
    case 'workspace': {
      if (target !== '*')
        throw new Failure(400, 'target_invalid', 'The target of a workspace stop is not "*".', 'Send "target": "*".');
      const all = 'SELECT id FROM agents WHERE workspace_id = $1 AND rehearsal_id IS NULL';
      return { name: '*', agentIds: await agentIds(transaction, all, [workspaceId]) };
    }
  }
}

async function require(
  { client }: LoggedTransaction,
  table: 'roles' | 'capabilities',
  workspaceId: WorkspaceId,
  name: string,
): Promise<void> {
  const { rowCount } = await client.query(`SELECT FROM ${table} WHERE workspace_id = $1 AND name = $2`, [
    workspaceId,
    name,
  ]);
  if (rowCount !== 0) return;
  const what = table === 'roles' ? 'role' : 'capability';
  throw new Failure(404, `${what}_not_found`, `There is no ${what} "${name}".`, `List them with GET /v1/${table}.`);
}

/** Gives the order, or finds that it stands already, and for whom its effect can be measured. */
export async function commitStop(
  transaction: LoggedTransaction,
  who: Actor,
  wanted: Order,
  orderedAtMs: number,
  nodeId: string,
): Promise<CommittedStop> {
  const stop = await giveOrder(transaction, who, wanted, orderedAtMs, nodeId);
  const { client } = transaction;
  const subject = await probeSubject(client, who.workspaceId, stop);
  return { ...stop, subject, worn: await wornUnder(client, who.workspaceId, stop) };
}

/**
 * The transaction holds the workspace's state row, which
 * every recording transaction shares: whatever is recorded after this commits was decided under the stop.
 */
async function giveOrder(
  transaction: LoggedTransaction,
  who: Actor,
  wanted: Order,
  orderedAtMs: number,
  nodeId: string,
): Promise<Stop> {
  const { workspaceId, actor } = who;
  const { client } = transaction;
  const { scope, reason, proposalId, rehearsalId } = wanted;
  const target = await resolveTarget(transaction, workspaceId, wanted);
  const standing = await standingOrder(client, workspaceId, scope, target.name);
  if (standing !== undefined) {
    const covered = 'SELECT agent_id AS id FROM containment_agents WHERE workspace_id = $1 AND containment_id = $2';
    const covers = await agentIds(transaction, covered, [workspaceId, standing]);
    return { id: standing, scope, target: target.name, agentIds: covers };
  }

  const id = newId<string>('stop');
  const order = { containment_id: id, scope, target: target.name, reason };
  const eventId = transaction.log({
    kind: 'containment.ordered',
    actor,
    ...order,
    agents: target.agentIds.length,
    proposal_id: proposalId,
    rehearsal: rehearsalId,
  });
  await client.query(
    `INSERT INTO containments (workspace_id, id, scope, target, reason, actor, ordered_at, node, event_id, proposal_id, rehearsal_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      workspaceId,
      id,
      scope,
      target.name,
      reason,
      actor,
      new Date(orderedAtMs),
      nodeId,
      eventId,
      proposalId ?? null,
      rehearsalId ?? null,
    ],
  );
  await client.query(
    `INSERT INTO containment_acks (workspace_id, containment_id, node, lease_ms)
     SELECT DISTINCT workspace_id, $2, holder, $5::int FROM log_shards
      WHERE workspace_id = $1 AND holder <> $3 AND updated_at > now() - make_interval(secs => $4)`,
    [workspaceId, id, nodeId, EXPECTED_WITHIN_SECONDS, PERMIT_LEASE_MS],
  );
  await cover(transaction, who, id, target.agentIds, { reason, rehearsal: rehearsalId });
  // What waits for people is called off with the agents, before it can be released.
  const cancellation = { actor, reason: 'stopped', containmentId: id };
  const cancelled =
    scope === 'tool'
      ? await cancelOfCapability(transaction, workspaceId, target.name, cancellation)
      : await cancelOfAgents(transaction, workspaceId, target.agentIds, cancellation);
  if (cancelled > 0)
    await client.query('UPDATE containments SET approvals_cancelled = $3 WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      id,
      cancelled,
    ]);
  if (scope === 'tool') publishPolicy(transaction, workspaceId, actor, 'stops');
  if (scope === 'workspace') {
    await client.query("UPDATE workspace_state SET status = 'stopped', updated_at = now() WHERE workspace_id = $1", [
      workspaceId,
    ]);
    transaction.log({
      kind: 'workspace.changed',
      actor,
      changes: { status: ['active', 'stopped'] },
      containment_id: id,
    });
  }
  return { id, scope, target: target.name, agentIds: target.agentIds };
}

/** Writes down who is covered, ends their tokens and settles their status. */
async function cover(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Actor,
  containmentId: string,
  agents: readonly AgentId[],
  why: { readonly reason: string; readonly rehearsal: string | undefined },
): Promise<void> {
  if (agents.length === 0) return;
  const { client } = transaction;
  const { rows } = await client.query<{ agent_id: AgentId; tokens_ended: number }>(
    `WITH ended AS (
       UPDATE agent_tokens SET revoked_at = clock_timestamp()
        WHERE workspace_id = $1 AND agent_id = ANY($3) AND revoked_at IS NULL AND expires_at > clock_timestamp()
       RETURNING agent_id),
     counted AS (SELECT agent_id, count(*) AS tokens FROM ended GROUP BY agent_id)
     INSERT INTO containment_agents (workspace_id, containment_id, agent_id, tokens_ended, handle, owner)
     SELECT $1, $2, a.id, coalesce(c.tokens, 0), a.handle, p.email
       FROM agents a
       JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
       LEFT JOIN counted c ON c.agent_id = a.id
      WHERE a.workspace_id = $1 AND a.id = ANY($3)
     RETURNING agent_id, tokens_ended`,
    [workspaceId, containmentId, agents],
  );
  const tokensEnded = new Map(rows.map(({ agent_id, tokens_ended }) => [agent_id, tokens_ended]));
  const settled = await settleStatus(transaction, workspaceId, agents, { endsTokens: true });
  for (const { agentId, agent, owner, before } of settled) {
    transaction.log({
      kind: 'agent.revoked',
      actor,
      agent,
      agent_id: agentId,
      owner,
      ...why,
      containment_id: containmentId,
      status_before: before,
      tokens_ended: tokensEnded.get(agentId) ?? 0,
    });
  }
}
