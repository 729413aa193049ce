/** A call that comes out as a review: attached to the approval of the same call that is there, or the first of its own. */
import type { Decision } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import { newId } from '../ids.ts';
import type { Gate, GatedCall, RecordDraft, Ruling } from '../log/index.ts';
import type { ApprovalStatus, ApprovalTicket, GatedIntent, Outcome } from '../path/index.ts';
import { bindingOf, digestOf, viewOf } from './binding.ts';
import { recordFields, requirementFields } from './rows.ts';
import type { Vault } from './vault.ts';

/** States that a repeat finds again until the deadline. Of the others a new call is held anew. */
const COLLECTABLE: ReadonlySet<ApprovalStatus> = new Set([
  'pending',
  'approved',
  'released',
  'finished',
  'unknown',
  'denied',
]);

interface Found {
  readonly id: string;
  readonly status: ApprovalStatus;
  readonly expires_at: Date;
  readonly hash: string;
  readonly outcome: Outcome['result'] | null;
}

type Statement = { readonly text: string; readonly values: unknown[] };

// What can still run comes first: there is one of it at most.
const NEWEST = `
SELECT id, status, expires_at, hash, outcome FROM approvals
 WHERE workspace_id = $1 AND agent_id = $2 AND call_digest = $3
 ORDER BY status IN ('pending', 'approved', 'released') DESC, requested_at DESC LIMIT 1`;

const INSERT = `
INSERT INTO approvals (workspace_id, id, agent_id, agent, owner_id, owner, roles, token_id, entrance, capability, tool,
                       namespace, access, destructive, impact, reason, rule, call_digest, binding, hash, policy_revision,
                       people, groups, wrapped_key, ciphertext, event_id, requested_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
        $26, $27, $28)`;

/** Calls of one agent that wait or run at once. Beyond it nobody would read them, and each is kept. */
const MAX_LIVE = 1000;

const LIVE = `
SELECT count(*)::int AS live FROM approvals
 WHERE workspace_id = $1 AND agent_id = $2 AND status IN ('pending', 'approved', 'released')`;

export class HoldGate implements Gate {
  readonly key: string;
  readonly #vault: Vault;
  readonly #intent: GatedIntent;
  readonly #callDigest: string;
  readonly #id = newId<string>('apr');
  #found: Found | undefined;
  #live = 0;
  #statements: readonly Statement[] = [];
  #ticket: ApprovalTicket | undefined;

  constructor(vault: Vault, intent: GatedIntent) {
    this.#vault = vault;
    this.#intent = intent;
    const { principal, action } = intent;
    this.#callDigest = `${action.entrance} ${action.capability} ${intent.requestDigest()}`;
    this.key = `hold ${principal.agentId} ${this.#callDigest}`;
  }

  /** Of the last ruling: what the call waits on. */
  get ticket(): ApprovalTicket | undefined {
    return this.#ticket;
  }

  concerns({ verdict }: Decision): boolean {
    return verdict === 'review';
  }

  async read(client: ClientBase): Promise<void> {
    const { workspaceId, agentId } = this.#intent.principal;
    const { rows } = await client.query<Found>(NEWEST, [workspaceId, agentId, this.#callDigest]);
    this.#found = rows[0];
    const { rows: counted } = await client.query<{ live: number }>(LIVE, [workspaceId, agentId]);
    this.#live = counted[0]?.live ?? 0;
  }

  rule(decision: Decision, call: GatedCall): Ruling {
    this.#statements = [];
    this.#ticket = undefined;
    if (decision.verdict !== 'review') return { kind: 'ruled', decision, records: [] };
    const found = this.#found;
    if (found !== undefined && isCollectable(found, call.nowMs)) {
      this.#ticket = { id: found.id, status: found.status, expiresAtMs: found.expires_at.getTime() };
      return { kind: 'ruled', decision, approvalId: found.id, records: [] };
    }
    if (this.#live >= MAX_LIVE) return { kind: 'ruled', decision: tooMany(decision), records: [] };
    return this.#open(decision, call, found !== undefined && isLive(found) ? found : undefined);
  }

  async write(client: ClientBase): Promise<void> {
    await Promise.all(this.#statements.map((statement) => client.query(statement)));
  }

  /** `overdue`: the one before it, whose time is over and which nobody has written down as expired yet. */
  #open(decision: Decision, { eventId, nowMs }: GatedCall, overdue: Found | undefined): Ruling {
    const { principal, action } = this.#intent;
    const { workspaceId } = principal;
    const requirement = this.#intent.requirement(decision.trace);
    // Whole milliseconds, as the binding writes them.
    const requestedAtMs = Math.floor(nowMs);
    const expiresAtMs = requestedAtMs + requirement.withinSeconds * 1000;
    const terms = { approvalId: this.#id, requirement, requestedAtMs, expiresAtMs };
    const view = viewOf(this.#intent, decision, terms);
    const binding = bindingOf(this.#intent, decision, terms, view);
    const hash = digestOf(binding);
    const held = { request: action.resumption.request(), view };
    const { wrappedKey, ciphertext } = this.#vault.seal(workspaceId, this.#id, 'held', held);
    const values = [
      workspaceId,
      this.#id,
      principal.agentId,
      principal.agent,
      principal.ownerId,
      principal.owner,
      principal.roles,
      principal.tokenId,
      action.entrance,
      action.capability,
      action.tool,
      action.namespace,
      action.access,
      action.destructive,
      JSON.stringify(decision.impact),
      decision.reason,
      decision.rule,
      this.#callDigest,
      JSON.stringify(binding),
      hash,
      decision.policyRevision,
      requirement.people,
      requirement.groups,
      wrappedKey,
      ciphertext,
      eventId,
      new Date(requestedAtMs),
      new Date(expiresAtMs),
    ];
    this.#statements = [
      ...(overdue === undefined
        ? []
        : [
            {
              text: "UPDATE approvals SET status = 'expired', ended_at = clock_timestamp() WHERE workspace_id = $1 AND id = $2",
              values: [workspaceId, overdue.id],
            },
          ]),
      { text: INSERT, values },
    ];
    this.#ticket = { id: this.#id, status: 'pending', expiresAtMs };
    const facts = {
      agent_id: principal.agentId,
      agent: principal.agent,
      owner: principal.owner,
      capability: action.capability,
    };
    const records: RecordDraft[] = [
      ...(overdue === undefined
        ? []
        : [{ kind: 'approval.expired', actor: 'system', ...recordFields({ ...facts, ...overdue }) } as const]),
      {
        kind: 'approval.requested',
        actor: `agent:${principal.agent}`,
        ...recordFields({ ...facts, id: this.#id, hash }),
        held_event_id: eventId,
        ...requirementFields(requirement),
        view: digestOf(view),
        rule: decision.rule,
        reason: decision.reason,
        impact: decision.impact,
        policy: decision.policyHash,
        policy_revision: decision.policyRevision,
        expires_at: new Date(expiresAtMs).toISOString(),
      },
    ];
    return { kind: 'ruled', decision, approvalId: this.#id, records };
  }
}

function tooMany(decision: Decision): Decision {
  const reason = `approval: ${MAX_LIVE} calls of this agent wait for people already`;
  return { ...decision, verdict: 'deny', reasonClass: 'guard', rule: 'approval', reason };
}

function isLive({ status }: Found): boolean {
  return status === 'pending' || status === 'approved' || status === 'released';
}

/** What is being carried out stays so past its deadline: its repeat must not begin another. */
function isCollectable({ status, expires_at, outcome }: Found, nowMs: number): boolean {
  if (status === 'released') return true;
  // Nothing was sent, so there is nothing to collect.
  if (outcome === 'not_attempted') return false;
  return COLLECTABLE.has(status) && expires_at.getTime() > nowMs;
}
