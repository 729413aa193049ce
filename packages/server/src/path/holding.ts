/** When a call may wait for people, and which part of the policy its approval is bound to. Pure. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import { type Evaluation, type PolicySet, policyHash } from '@hivekey/policy';

/** Whether the windows, which are looked at later, can still make a review of it. */
export function canHold({ verdict, demands }: Evaluation): boolean {
  return (
    verdict === 'review' ||
    (verdict === 'allow' &&
      demands.some(
        ({ effect, otherwise, shadow }) => shadow !== true && (effect === 'review' || otherwise === 'review'),
      ))
  );
}

/**
 * `sha256:<hex>` of what of the policy has a say about calls of this capability by who wears these roles: the roles
 * and the workspace guards, as the policy hash takes them, and the capability as it is declared. Freezes and other
 * roles are left out: a change of them is met when the call is decided again, or does not concern it.
 */
export function appliedPolicy(set: PolicySet, roles: readonly string[], name: string): string {
  const capability = set.capabilities.find((each) => each.name === name);
  const rules = policyHash({
    revision: 0,
    roles: set.roles.filter((role) => roles.includes(role.name)),
    workspaceGuards: set.workspaceGuards,
    capabilities: capability === undefined ? [] : [capability],
  });
  const content = canonicalJson({ rules, roles: [...new Set(roles)].sort(), capability: capability ?? null });
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
