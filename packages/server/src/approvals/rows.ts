/** Approvals as they are stored, and reading them. */
import type { ApprovalRequirement, JsonObject } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { AgentId, EventId, PersonId, WorkspaceId } from '../ids.ts';
import type { ApprovalStatus, Outcome } from '../path/index.ts';
import type { Decided } from './eligibility.ts';

export interface ApprovalRow {
  readonly workspace_id: WorkspaceId;
  readonly id: string;
  /** As it is at this moment: an approval past its deadline is expired, whether that was written down yet or not. */
  readonly status: ApprovalStatus;
  readonly agent_id: AgentId;
  readonly agent: string;
  readonly owner_id: PersonId;
  readonly owner: string;
  readonly token_id: string;
  readonly entrance: string;
  readonly capability: string;
  readonly tool: string;
  readonly namespace: string | null;
  readonly access: 'read' | 'write' | null;
  readonly destructive: boolean | null;
  readonly impact: Readonly<Record<string, number>>;
  readonly reason: string;
  readonly rule: string | null;
  readonly binding: JsonObject;
  readonly hash: string;
  readonly policy_revision: number;
  readonly roles: readonly string[];
  readonly people: number;
  readonly groups: readonly string[];
  readonly wrapped_key: Buffer;
  readonly ciphertext: Buffer;
  readonly event_id: EventId;
  readonly requested_at: Date;
  readonly expires_at: Date;
  readonly decided_at: Date | null;
  readonly released_at: Date | null;
  readonly call_event_id: EventId | null;
  readonly outcome: Outcome['result'] | null;
  readonly error_code: string | null;
  readonly stop_code: string | null;
  readonly ended_reason: string | null;
  readonly ended_at: Date | null;
  readonly result_key: Buffer | null;
  readonly result: Buffer | null;
}

export interface DecisionRow {
  readonly approval_id: string;
  readonly person_id: PersonId;
  readonly person: string;
  /** Whose say it was, where a delegate decided; the groups are theirs then. */
  readonly on_behalf_of_id: PersonId | null;
  readonly on_behalf_of: string | null;
  readonly groups: readonly string[];
  readonly decision: 'approve' | 'deny';
  readonly reason: string;
  readonly key_id: string;
  readonly key_name: string;
  readonly channel: 'api' | 'cli' | 'console' | 'slack';
  readonly authenticated_at: Date;
  readonly decided_at: Date;
  readonly bulk: number | null;
  readonly event_id: EventId;
}

const STATUS = `CASE WHEN status IN ('pending', 'approved') AND expires_at <= clock_timestamp() THEN 'expired' ELSE status END`;

export const APPROVAL_COLUMNS = `workspace_id, id, ${STATUS} AS status, agent_id, agent, owner_id, owner, roles, token_id,
  entrance, capability, tool, namespace, access, destructive, impact, reason, rule, binding, hash, policy_revision,
  people, groups, wrapped_key, ciphertext, event_id, requested_at, expires_at, decided_at, released_at, call_event_id,
  outcome, error_code, stop_code, ended_reason, ended_at, result_key, result`;

export async function findApproval(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  lock: 'FOR UPDATE' | '' = '',
): Promise<ApprovalRow | undefined> {
  const { rows } = await client.query<ApprovalRow>(
    `SELECT ${APPROVAL_COLUMNS} FROM approvals WHERE workspace_id = $1 AND id = $2 ${lock}`,
    [workspaceId, id],
  );
  return rows[0];
}

/** In the order in which they were given. */
export async function decisionsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  ids: readonly string[],
): Promise<readonly DecisionRow[]> {
  const { rows } = await client.query<DecisionRow>(
    `SELECT approval_id, person_id, person, on_behalf_of_id, on_behalf_of, groups, decision, reason, key_id, key_name,
            channel, authenticated_at, decided_at, bulk, event_id
       FROM approval_decisions WHERE workspace_id = $1 AND approval_id = ANY($2) ORDER BY decided_at, event_id`,
    [workspaceId, ids],
  );
  return rows;
}

/** Those who have a part in it, once each. */
export function peopleIn(decisions: readonly DecisionRow[]): readonly PersonId[] {
  return [...new Set(decisions.flatMap(({ person_id, on_behalf_of_id }) => [person_id, on_behalf_of_id ?? person_id]))];
}

export function decidedOf({ person_id, on_behalf_of_id, groups }: DecisionRow): Decided {
  return { id: person_id, onBehalfOf: on_behalf_of_id ?? undefined, groups };
}

/** `dana@acme.example`, or `dana@acme.example for lee@acme.example`. */
export function whoDecided({ person, on_behalf_of }: DecisionRow): string {
  return on_behalf_of === null ? person : `${person} for ${on_behalf_of}`;
}

/** What its records carry. */
export function recordFields(row: {
  readonly id: string;
  readonly agent_id: string;
  readonly agent: string;
  readonly owner: string;
  readonly capability: string;
  readonly hash: string;
}) {
  return {
    approval_id: row.id,
    agent: row.agent,
    agent_id: row.agent_id,
    owner: row.owner,
    action: row.capability,
    approval_hash: row.hash,
  } as const;
}

export function requirementFields({ people, groups, withinSeconds }: ApprovalRequirement) {
  return { people, groups, within_seconds: withinSeconds } as const;
}
