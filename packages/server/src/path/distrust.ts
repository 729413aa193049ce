/** What was edited past HiveKey, as far as this node knows: nothing is allowed by it until it is put right. */
import type { AgentId } from '../ids.ts';

export interface Distrust {
  /** The rows of the policy, or the archive of it, are not what the log says: what the log says is enforced. */
  readonly policy: boolean;
  /** Whose roles are not those that were approved. */
  readonly agentIds: ReadonlySet<AgentId>;
  /** What is not what a person has let in. */
  readonly capabilities: ReadonlySet<string>;
  /** Namespaces of servers that are not where, or not given what, was approved. */
  readonly namespaces: ReadonlySet<string>;
}

/** Why nothing is allowed; undefined: this is as it was approved. */
export function distrusted(distrust: Distrust | undefined, agentId: AgentId, capability: string): string | undefined {
  if (distrust === undefined) return undefined;
  const { agentIds, capabilities, namespaces } = distrust;
  if (agentIds.has(agentId)) return 'the roles of the agent are not those that were approved';
  const [namespace = ''] = capability.split('.', 1);
  if (capabilities.has(capability) || namespaces.has(namespace)) return `${capability} is not what was approved`;
  return undefined;
}

export function isSameDistrust(one: Distrust | undefined, other: Distrust | undefined): boolean {
  return textOf(one) === textOf(other);
}

function textOf(distrust: Distrust | undefined): string {
  if (distrust === undefined) return '';
  const { policy, agentIds, capabilities, namespaces } = distrust;
  return JSON.stringify([policy, ...[agentIds, capabilities, namespaces].map((names) => [...names].sort())]);
}
