/** Who must approve a held call: what every guard that asked for a review demands, together. */
import { DEFAULT_APPROVAL } from '../documents/approval.ts';
import type { ApprovalRequirement, PolicySet, TraceStep } from '../model.ts';

/** Pure. The largest number of people, every group, the shortest time; the default where no guard says more. */
export function approvalRequirement(
  { roles, workspaceGuards }: Pick<PolicySet, 'roles' | 'workspaceGuards'>,
  trace: readonly TraceStep[],
): ApprovalRequirement {
  const asked = trace.flatMap(({ rule, origin, result }) => {
    if (result !== 'review') return [];
    const guards = origin === 'workspace' ? workspaceGuards : roles.find(({ name }) => name === origin)?.guards;
    return [guards?.find(({ id }) => id === rule)?.approval ?? DEFAULT_APPROVAL];
  });
  const all = asked.length === 0 ? [DEFAULT_APPROVAL] : asked;
  const groups = [...new Set(all.flatMap((each) => each.groups))].sort();
  return {
    people: Math.max(groups.length, ...all.map(({ people }) => people)),
    groups,
    withinSeconds: Math.min(...all.map(({ withinSeconds }) => withinSeconds)),
  };
}
