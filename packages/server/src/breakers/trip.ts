/** A breaker trips for an agent: in the transaction of whoever found out why. A kill is given by whoever watches the breakers. */
import { readAgent } from '../agents/index.ts';
import { enterQuarantine } from '../containment/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type Breaker, breakerDocument } from './breaker.ts';
import { lockStanding, readBreaker, setStanding } from './store.ts';

export async function tripNow(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  { name, document }: Breaker,
  agentId: AgentId,
  measured: string,
): Promise<void> {
  const { client } = transaction;
  const who = { workspaceId, actor: `breaker:${name}` };
  const { signal, threshold, action, role } = document;
  const agent = await readAgent(client, workspaceId, agentId);
  const eventId = transaction.log({
    kind: 'breaker.tripped',
    actor: who.actor,
    breaker: name,
    agent: agent.name,
    agent_id: agentId,
    owner: agent.owner,
    signal,
    threshold,
    action,
    reason: measured,
  });
  const wanted = { reason: `${name}: ${measured}`, role };
  const response = action === 'quarantine' ? (await enterQuarantine(transaction, who, agentId, wanted)).id : null;
  await setStanding(client, workspaceId, name, agentId, { state: 'open', eventId, response });
}

/** False where it is open for the agent already. Throws `breaker_not_found`, `agent_not_found`, and as `enterQuarantine`. */
export async function tripBreakerIn(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  name: string,
  agentId: AgentId,
  why: string,
): Promise<boolean> {
  const { client } = transaction;
  const {
    object: _,
    agents: __,
    author: ___,
    updated_at: ____,
    name: _____,
    ...document
  } = await readBreaker(client, workspaceId, name);
  if ((await lockStanding(client, workspaceId, name, agentId))?.state === 'open') return false;
  await tripNow(transaction, workspaceId, { name, document: breakerDocument.parse(document) }, agentId, why);
  return true;
}
