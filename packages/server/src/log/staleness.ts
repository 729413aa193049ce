/** Whether a decision still stands when its record is written: what a stop, a change and a record meet on. Pure. */
import type { AgentId } from '../ids.ts';
import type { Intent, RecordResult } from '../path/index.ts';

export interface WorkspaceRow {
  status: 'active' | 'stopped';
  policy_revision: number;
}

export interface AgentRow {
  agent_id: AgentId;
  status: 'active' | 'suspended' | 'revoked';
  revision: number;
  agent_seq: number;
}

/** Of an intent, what is compared. */
interface Decided {
  readonly principal: Pick<Intent['principal'], 'agentId' | 'agentRevision' | 'tokenExpiresAtMs' | 'chain'>;
  readonly evaluation: Pick<Intent['evaluation'], 'policyRevision' | 'holds'>;
  readonly evenIfStopped?: true;
}

/** Why the intent must be decided again; undefined when it stands. The rows are locked, and stay so until the commit. */
export function staleness(
  { principal, evaluation, evenIfStopped }: Decided,
  workspace: WorkspaceRow | undefined,
  agents: ReadonlyMap<AgentId, AgentRow>,
  nowMs: number,
): Extract<RecordResult, { kind: 'stale' }>['what'] | undefined {
  const agent = agents.get(principal.agentId);
  if (agent === undefined) return 'agent';
  if (evenIfStopped === true) return undefined;
  if (workspace?.status !== 'active') return 'workspace';
  if (agent.status !== 'active' || agent.revision !== principal.agentRevision) return 'agent';
  for (const { agentId, agentRevision } of principal.chain ?? []) {
    const delegator = agents.get(agentId);
    if (delegator?.status !== 'active' || delegator.revision !== agentRevision) return 'agent';
  }
  if (principal.tokenExpiresAtMs <= nowMs) return 'agent';
  if (workspace.policy_revision !== evaluation.policyRevision) return 'policy';
  const { holds } = evaluation;
  return holds === undefined || (holds.fromMs <= nowMs && nowMs < holds.untilMs) ? undefined : 'time';
}
