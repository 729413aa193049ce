/** Offering an agent to another owner, and what the one who is asked says. Each is one transaction with its records. */
import { readAgent, settleStatus } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance, ownSignInProblem } from '../identity/index.ts';
import { type AgentId, newId, type PersonId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { ownerFor, readPerson } from '../people/index.ts';
import { giveAgent } from './give.ts';
import { readOwnershipSettings } from './settings.ts';
import { readTask } from './task.ts';
import { endOffers, openTransfer, readTransfer, type Transfer, type TransferView, transferFields } from './transfer.ts';

export interface NewOffer {
  /** E-mail. */
  readonly to: string;
  readonly reason: string;
}

function managesAgents({ roles }: Pick<Administrator, 'roles'>): boolean {
  return roles.includes('admin') || roles.includes('operator');
}

/** Throws `role_missing` unless it manages agents, or is the owner's own. */
export function refuseOthers({ roles, person }: Administrator, ownerId: PersonId): void {
  if (managesAgents({ roles }) || person?.id === ownerId) return;
  throw new Failure(
    403,
    'role_missing',
    'This takes the role admin or operator, or the owner of the agent.',
    'Ask the owner, or an administrator of the workspace.',
  );
}

/**
 * The same offer again answers the one that waits. Throws `agent_not_found`, `role_missing`, `owner_already`,
 * `person_not_found`, `owner_inactive`, `owner_stopped`, `transfer_open`.
 */
export function offerAgent(
  log: ActionLog,
  who: Administrator,
  agentOrId: string,
  offer: NewOffer,
): Promise<TransferView> {
  return log.transact(who.workspaceId, async (transaction) => {
    const agent = await readAgent(transaction.client, who.workspaceId, agentOrId);
    refuseOthers(who, agent.ownerId);
    return offerIn(transaction, who, agent, offer);
  });
}

/**
 * All agents of a task that wait, or those named, to one person. What was offered of them to somebody else is withdrawn.
 * Throws `task_not_found`, `task_over`, `agent_not_in_task`, and as `offerAgent`.
 */
export function offerTask(
  log: ActionLog,
  who: Administrator,
  taskId: string,
  { agents, ...offer }: NewOffer & { readonly agents?: readonly string[] | undefined },
): Promise<TransferView[]> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const task = await readTask(transaction.client, workspaceId, taskId);
    if (task.status !== 'open')
      throw new Failure(
        409,
        'task_over',
        `The task ${task.id} is ${task.status}.`,
        'Nothing waits for an owner in it.',
      );
    const waiting = task.agents.filter(({ outcome }) => outcome === null);
    const missing = agents?.find((name) => !waiting.some(({ agent, agent_id }) => agent === name || agent_id === name));
    if (missing !== undefined)
      throw new Failure(
        409,
        'agent_not_in_task',
        `"${missing}" does not wait for an owner in the task ${task.id}.`,
        'Name agents of the task whose outcome is null.',
      );
    const chosen = waiting.filter(
      ({ agent, agent_id }) => agents === undefined || agents.includes(agent) || agents.includes(agent_id),
    );
    const offers: TransferView[] = [];
    for (const { agent_id } of chosen) {
      const agent = await readAgent(transaction.client, workspaceId, agent_id);
      const open = await openTransfer(transaction.client, workspaceId, agent.id);
      if (open !== undefined && open.to !== offer.to)
        await endOffers(transaction, workspaceId, { id: open.id }, 'withdrawn', {
          actor,
          reason: 'offered to another',
        });
      offers.push(await offerIn(transaction, who, agent, offer));
    }
    return offers;
  });
}

async function offerIn(
  transaction: LoggedTransaction,
  who: Administrator,
  agent: { readonly id: AgentId; readonly name: string; readonly ownerId: PersonId; readonly owner: string },
  { to, reason }: NewOffer,
): Promise<TransferView> {
  const { client, now, log } = transaction;
  const { workspaceId, actor } = who;
  if (to === agent.owner)
    throw new Failure(409, 'owner_already', `"${agent.name}" is ${to}’s already.`, 'Name another person.');
  const open = await openTransfer(client, workspaceId, agent.id);
  if (open?.to === to) return open;
  if (open !== undefined)
    throw new Failure(
      409,
      'transfer_open',
      `"${agent.name}" is offered to ${open.to} (${open.id}).`,
      `Wait for the answer, or withdraw it: POST /v1/ownership-transfers/${open.id}/withdraw.`,
    );
  // One whose time is over is not marked yet.
  await endOffers(transaction, workspaceId, { agentId: agent.id }, 'lapsed', { actor: 'system', reason: '' });
  // Only who manages agents makes a person of an address, as where an agent is created.
  if (!managesAgents(who)) await readPerson(client, workspaceId, to);
  const person = await ownerFor(transaction, who, to);
  const { transfer_hours: hours } = await readOwnershipSettings(client, workspaceId);
  const id = newId<string>('otr');
  await client.query(
    `INSERT INTO ownership_transfers (workspace_id, id, agent_id, from_id, to_id, reason, proposed_by, proposed_at, answer_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, least($8::timestamptz + make_interval(hours => $9), (
       SELECT t.due_at FROM transfer_task_agents k JOIN transfer_tasks t ON t.workspace_id = k.workspace_id AND t.id = k.task_id
        WHERE k.workspace_id = $1 AND k.agent_id = $3 AND k.outcome IS NULL)))`,
    [workspaceId, id, agent.id, agent.ownerId, person.id, reason, actor, now, hours],
  );
  const made = await readTransfer(client, workspaceId, id);
  log({
    kind: 'transfer.proposed',
    actor,
    ...transferFields(made),
    to: [made.to],
    reason: reason === '' ? undefined : reason,
    answer_by: new Date(made.answer_by * 1000).toISOString(),
  });
  return made;
}

/**
 * By the person who is asked, with their own session or key. The agent is theirs then; one that was stopped when its
 * former owner left stays stopped until it is restored, and needs new tokens. Throws `transfer_not_found`,
 * `transfer_<status>`, `transfer_not_yours`, `owner_inactive`, `owner_stopped`, and where the workspace asks for more than a
 * key of theirs `sign_in_required`, `step_up_required`.
 */
export function acceptOffer(log: ActionLog, who: Administrator, id: string, reason: string): Promise<TransferView> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const offer = await mine(transaction, who, id);
    await checkAssurance(client, who, 'confirm', transaction.now);
    const to = await ownerFor(transaction, who, offer.to);
    await endOffers(transaction, workspaceId, { id }, 'accepted', { actor, reason });
    await giveAgent(transaction, who, {
      agentId: offer.agent_id,
      from: offer.from_id,
      to: to.id,
      reason: offer.reason,
      transferId: id,
    });
    await settleStatus(transaction, workspaceId, [offer.agent_id]);
    transaction.log({
      kind: 'agent.changed',
      actor,
      agent: offer.agent,
      agent_id: offer.agent_id,
      owner: to.email,
      changes: { owner: [offer.from, to.email] },
      reason: offer.reason === '' ? undefined : offer.reason,
      transfer_id: id,
    });
    return readTransfer(client, workspaceId, id);
  });
}

/** By the person who is asked. Throws as `acceptOffer`. */
export function declineOffer(log: ActionLog, who: Administrator, id: string, reason: string): Promise<TransferView> {
  return log.transact(who.workspaceId, async (transaction) => {
    await mine(transaction, who, id);
    const problem = await ownSignInProblem(transaction.client, who);
    if (problem !== undefined) throw problem;
    await endOffers(transaction, who.workspaceId, { id }, 'declined', { actor: who.actor, reason });
    return readTransfer(transaction.client, who.workspaceId, id);
  });
}

/** By whoever may offer the agent. Throws `transfer_not_found`, `transfer_<status>`, `role_missing`. */
export function withdrawOffer(log: ActionLog, who: Administrator, id: string, reason: string): Promise<TransferView> {
  return log.transact(who.workspaceId, async (transaction) => {
    const offer = await waiting(transaction, who, id);
    refuseOthers(who, offer.from_id);
    await endOffers(transaction, who.workspaceId, { id }, 'withdrawn', { actor: who.actor, reason });
    return readTransfer(transaction.client, who.workspaceId, id);
  });
}

async function waiting({ client }: LoggedTransaction, { workspaceId }: Administrator, id: string): Promise<Transfer> {
  const offer = await readTransfer(client, workspaceId, id);
  if (offer.status === 'proposed') return offer;
  throw new Failure(
    409,
    `transfer_${offer.status}`,
    `The offer ${id} is ${offer.status}.`,
    'Offer the agent anew: POST /v1/agents/:agent/ownership-transfers.',
  );
}

async function mine(transaction: LoggedTransaction, who: Administrator, id: string): Promise<Transfer> {
  const offer = await waiting(transaction, who, id);
  if (who.person?.id === offer.to_id) return offer;
  throw new Failure(
    403,
    'transfer_not_yours',
    `${offer.to} is asked, and nobody answers for somebody else.`,
    'Sign in as that person, or use a key of theirs: hivekey key create NAME --person E-MAIL.',
  );
}
