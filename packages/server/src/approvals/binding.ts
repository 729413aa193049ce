/**
 * What deciders are shown of a held call, and what their approval is bound to; the members are those of
 * docs/reference/approvals.md. Pure.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { ApprovalRequirement, Decision, JsonObject } from '@hivekey/policy';
import { type GatedIntent, maskSensitive } from '../path/index.ts';

/** A JSON object whose digest is part of the binding. */
export type View = JsonObject;

export interface Terms {
  readonly approvalId: string;
  readonly requirement: ApprovalRequirement;
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
}

/** `sha256:<hex>` of the RFC 8785 form. */
export function digestOf(value: JsonObject): string {
  return `sha256:${createHash('sha256').update(canonicalJson(value)).digest('hex')}`;
}

function requirementOf({ people, groups, withinSeconds }: ApprovalRequirement): JsonObject {
  return { people, groups: [...groups], within_seconds: withinSeconds };
}

export function viewOf({ principal, action }: GatedIntent, decision: Decision, terms: Terms): View {
  return {
    approval: terms.approvalId,
    workspace: principal.workspace,
    environment: principal.environment,
    agent: principal.agent,
    agent_id: principal.agentId,
    owner: principal.owner,
    roles: [...principal.roles],
    entrance: action.entrance,
    action: action.capability,
    tool: action.tool,
    namespace: action.namespace ?? null,
    access: action.access ?? null,
    destructive: action.destructive ?? null,
    arguments: maskSensitive(action.arguments, action.sensitivePaths),
    impact: { ...decision.impact },
    reason: decision.reason,
    rules: decision.trace
      .filter(({ result }) => result === 'review')
      .map(({ rule, origin, sentence, detail }) => ({ rule, origin, sentence, detail })),
    policy: decision.policyHash,
    requirement: requirementOf(terms.requirement),
    requested_at: new Date(terms.requestedAtMs).toISOString(),
    expires_at: new Date(terms.expiresAtMs).toISOString(),
  };
}

/** What of the binding must be the same when the call is released. */
export function boundCall({ principal, action, argumentsDigest, requestDigest, appliedPolicy }: GatedIntent) {
  const { target } = action.resumption;
  return {
    workspace_id: principal.workspaceId,
    agent_id: principal.agentId,
    owner_id: principal.ownerId,
    entrance: action.entrance,
    action: action.capability,
    tool: action.tool,
    namespace: action.namespace ?? null,
    upstream_tool: action.upstreamTool ?? null,
    request: requestDigest(),
    args: argumentsDigest,
    definition_pin: action.definitionPin ?? null,
    target: target === undefined ? null : { credential: target.credential, settings: target.settings },
    applied_policy: appliedPolicy(),
  } as const satisfies JsonObject;
}

export function bindingOf(intent: GatedIntent, decision: Decision, terms: Terms, view: View): JsonObject {
  return {
    v: 1,
    approval: terms.approvalId,
    token_id: intent.principal.tokenId,
    ...boundCall(intent),
    policy: decision.policyHash,
    policy_revision: decision.policyRevision,
    requirement: requirementOf(terms.requirement),
    expires_at: new Date(terms.expiresAtMs).toISOString(),
    view: digestOf(view),
  };
}
