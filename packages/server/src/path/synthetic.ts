/**
 * Calls that a test makes up, recorded as every call is: by the same writer, in the same batches, under the agent's numbers.
 * They are of an agent that exists for the test alone and has no credential. What was decided about them is told, not
 * decided; they reserve nothing, give no permit, and nothing is sent to any upstream.
 */
import { createHmac, type KeyObject } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { Provenance, ReasonClass, Verdict } from '@hivekey/policy';
import type { Pool } from 'pg';
import { findAgent } from '../agents/index.ts';
import type { AgentId, EventId, TokenId, WorkspaceId } from '../ids.ts';
import { type ActionLog, type Gate, LogUnavailable } from '../log/index.ts';
import { redactArguments } from './redact.ts';
import type { Action, CallReference, Intent, Outcome, Principal } from './types.ts';

export interface SyntheticCall {
  readonly action: Pick<
    Action,
    | 'entrance'
    | 'capability'
    | 'tool'
    | 'access'
    | 'destructive'
    | 'namespace'
    | 'definitionPin'
    | 'arguments'
    | 'sessionId'
    | 'sourceAddress'
  > & { readonly runId: string };
  readonly decision: {
    readonly verdict: Verdict;
    readonly reasonClass: ReasonClass;
    readonly reason: string;
    readonly impact: Readonly<Record<string, number>>;
  };
  readonly about: NonNullable<Intent['about']>;
  readonly provenance?: Provenance | undefined;
  readonly approvalThreshold?: number | undefined;
  readonly approvalId?: string | undefined;
  /** IANA name: the hour on the record is that of there. */
  readonly timeZone?: string | undefined;
  /** As it stands on the record: the agent has none. */
  readonly tokenId?: string | undefined;
  /** In place of the outcome of an allowed call, which is that nothing was attempted. */
  readonly outcome?: Outcome | undefined;
}

export interface SyntheticParts {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly digest: KeyObject;
  /** Hash and revision of the policy in force, as of now. */
  readonly policy: (workspaceId: WorkspaceId) => Promise<{ readonly hash: string; readonly revision: number }>;
  /** Has what is known of the workspace read again. */
  readonly forget: (workspaceId: WorkspaceId) => void;
}

const MAX_TRIES = 8;
const NOBODY = { tokenId: 'tok_' as TokenId, tokenExpiresAtMs: Number.POSITIVE_INFINITY };

/** Answers the id of the record. Throws for an agent that is not synthetic, and LogUnavailable. */
export async function recordSynthetic(
  { pool, log, digest, policy, forget }: SyntheticParts,
  workspaceId: WorkspaceId,
  agentId: AgentId,
  call: SyntheticCall,
): Promise<EventId> {
  for (let round = 0; round < MAX_TRIES; round += 1) {
    const principal = (await findAgent(pool, workspaceId, agentId, NOBODY))?.principal;
    if (principal?.synthetic !== true) throw new Error(`the agent ${agentId} is not one of a test`);
    const { hash, revision } = await policy(workspaceId);
    const intent = intentOf(principal, call, digest, { hash, revision });
    const recorded = await log.recordIntent(intent);
    if (recorded.kind === 'stale') {
      forget(workspaceId);
      continue;
    }
    if (call.decision.verdict === 'allow')
      await log.recordOutcome(referenceOf(intent, recorded.eventId), call.outcome ?? { result: 'not_attempted' });
    return recorded.eventId;
  }
  throw new LogUnavailable('agent or policy changed again and again while the call was recorded');
}

function intentOf(
  agent: Principal,
  { action, decision, about, provenance, approvalThreshold, approvalId, timeZone, tokenId }: SyntheticCall,
  digest: KeyObject,
  policy: { readonly hash: string; readonly revision: number },
): Intent {
  const principal: Principal = {
    ...agent,
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(tokenId === undefined ? {} : { tokenId: tokenId as TokenId }),
  };
  const argumentsJson = canonicalJson(action.arguments);
  const keyed = createHmac('sha256', digest).update(`${principal.workspaceId}\0${argumentsJson}`).digest('hex');
  return {
    principal,
    action: { ...action, argumentsJson, known: true, receivedAtMs: Date.now() },
    evaluation: {
      ...decision,
      trace: [],
      demands: [],
      charges: [],
      policyHash: policy.hash,
      policyRevision: policy.revision,
    },
    redactedArguments: redactArguments(action.arguments),
    argumentsDigest: `hmac-sha256:${keyed}`,
    about,
    ...(provenance === undefined ? {} : { provenance }),
    ...(approvalThreshold === undefined ? {} : { approvalThreshold }),
    ...(approvalId === undefined ? {} : { gate: namesApproval(approvalId) }),
  };
}

/** Has the record name an approval, which need not be there. */
function namesApproval(approvalId: string): Gate {
  return {
    key: undefined,
    concerns: () => true,
    read: async () => undefined,
    rule: (decision) => ({ kind: 'ruled', decision, approvalId, records: [] }),
    write: async () => undefined,
  };
}

function referenceOf({ principal, action }: Intent, eventId: EventId): CallReference {
  return { principal, action, eventId };
}
