/** Step 3, may it: the pure evaluation, and the refusals that stand before any policy. */
import type { DecisionRequest, Evaluation, ReasonClass, StateView } from '@hivekey/policy';
import { distrusted } from './distrust.ts';
import type { PolicyInForce } from './policy-in-force.ts';
import type { Action, Principal } from './types.ts';

/** A deny that no policy can lift. */
export function refuse(
  policy: { readonly hash: string; readonly revision: number },
  reasonClass: ReasonClass,
  reason: string,
  rule?: string,
): Evaluation {
  return {
    verdict: 'deny',
    reasonClass,
    reason,
    ...(rule === undefined ? {} : { rule }),
    trace: [],
    demands: [],
    charges: [],
    impact: {},
    policyHash: policy.hash,
    policyRevision: policy.revision,
  };
}

export function requestOf(
  { workspaceId, agentId, ownerId, roles }: Pick<Principal, 'workspaceId' | 'agentId' | 'ownerId' | 'roles'>,
  { capability, arguments: args, sessionId }: Action,
): DecisionRequest {
  return {
    workspaceId,
    agentId,
    ownerId,
    roles,
    capability,
    arguments: args,
    ...(sessionId === undefined ? {} : { sessionId }),
  };
}

/** Pure and total. A grant is checked first: a stop or a schema problem is told only to who may know the tool. */
export function decide(
  policy: PolicyInForce,
  principal: Pick<Principal, 'workspaceId' | 'agentId' | 'ownerId' | 'roles'>,
  action: Action,
  state: StateView,
): Evaluation {
  const { compiled, stoppedTools } = policy;
  const evaluation = compiled.evaluate(requestOf(principal, action), state);
  if (evaluation.reasonClass === 'scope') return evaluation;
  if (!action.known) return refuse(compiled, 'scope', 'scope: no such tool');
  const drifted = distrusted(policy.distrust, principal.agentId, action.capability);
  if (drifted !== undefined) return refuse(compiled, 'containment', `containment: ${drifted}`, 'drift');
  if (stoppedTools.has(action.capability))
    return refuse(compiled, 'containment', `containment: ${action.capability} is stopped`, 'tool stop');
  const found = action.refuse;
  if (found !== undefined) return refuse(compiled, found.reasonClass, found.reason, found.rule);
  return evaluation;
}
