/** What a workspace has set to be done about a finding, in the transaction that writes it. Nothing is done beyond that. */
import type { Finding } from '@hivekey/detections';
import { tripBreakerIn } from '../breakers/index.ts';
import { enterQuarantine, proposeStopIn } from '../containment/index.ts';
import { Failure } from '../errors.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { raiseRiskIn } from '../risks/index.ts';
import type { DetectionAction } from './document.ts';

/** What was done, or why it was not. */
export type Acted =
  | { readonly kind: Exclude<DetectionAction['kind'], 'none'>; readonly id: string | null }
  | { readonly kind: Exclude<DetectionAction['kind'], 'none'>; readonly refused: string };

export async function act(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  action: DetectionAction,
  detection: string,
  finding: Finding,
): Promise<Acted | null> {
  if (action.kind === 'none') return null;
  const { kind } = action;
  // What is refused has not changed anything; the finding stands without it.
  await transaction.client.query('SAVEPOINT act');
  try {
    const id = await carryOut(transaction, { workspaceId, actor: `detection:${detection}` }, action, finding);
    await transaction.client.query('RELEASE SAVEPOINT act');
    return { kind, id };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await transaction.client.query('ROLLBACK TO SAVEPOINT act');
    return { kind, refused: error.code };
  }
}

async function carryOut(
  transaction: LoggedTransaction,
  who: { readonly workspaceId: WorkspaceId; readonly actor: string },
  action: Exclude<DetectionAction, { kind: 'none' }>,
  { id, agent_id: agentId, owner, reason: words, title }: Finding,
): Promise<string | null> {
  const reason = `${id}: ${title}. ${words}`.slice(0, 500);
  switch (action.kind) {
    case 'risk': {
      const { level, expires_in_seconds } = action;
      const subject =
        agentId === undefined
          ? owner && { kind: 'owner' as const, id: owner }
          : { kind: 'agent' as const, id: agentId };
      if (subject === undefined || subject === '') throw nobody();
      return (await raiseRiskIn(transaction, who, { subject, level, reason, expires_in_seconds }))?.id ?? null;
    }
    case 'quarantine': {
      const { role, expires_in_seconds } = action;
      return (await enterQuarantine(transaction, who, named(agentId), { reason, role, expires_in_seconds })).id;
    }
    case 'breaker':
      await tripBreakerIn(transaction, who.workspaceId, action.breaker, named(agentId), reason);
      return action.breaker;
    case 'stop_proposal':
      return (await proposeStopIn(transaction, who, named(agentId), reason))?.id ?? null;
  }
}

function named(agentId: string | undefined): AgentId {
  if (agentId === undefined) throw nobody();
  return agentId as AgentId;
}

function nobody(): Failure {
  return new Failure(409, 'finding_without_agent', 'The finding names no agent.', 'Look at it by hand.');
}
