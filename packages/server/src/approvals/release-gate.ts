/** An approved call that is about to run: compared with what it was approved as, and consumed with its record. */
import { canonicalJson } from '@hivekey/action-log';
import type { Decision, JsonObject } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { PersonId } from '../ids.ts';
import type { Gate, GatedCall, RecordDraft, Ruling } from '../log/index.ts';
import type { GatedIntent } from '../path/index.ts';
import { boundCall, digestOf } from './binding.ts';
import { groupsOf, type Question, standingBarOf, type Voice } from './eligibility.ts';
import { type Person, peopleOf, questionOf } from './question.ts';
import { type Approver, isComplete } from './quorum.ts';
import {
  type ApprovalRow,
  type DecisionRow,
  decisionsOf,
  findApproval,
  peopleIn,
  recordFields,
  whoDecided,
} from './rows.ts';

type StopCode =
  | 'policy_changed'
  | 'definition_changed'
  | 'target_changed'
  | 'owner_changed'
  | 'binding_broken'
  | 'denied_now'
  | 'requirement_changed'
  | 'approver_changed';

interface Read {
  readonly row: ApprovalRow;
  readonly approvals: readonly DecisionRow[];
  /** Who approved and for whom, as they are now. */
  readonly people: ReadonlyMap<PersonId, Person>;
  readonly question: Question;
}

interface Difference {
  readonly code: StopCode;
  readonly reason: string;
}

export class ReleaseGate implements Gate {
  readonly key: string;
  readonly #id: string;
  readonly #intent: GatedIntent;
  #read: Read | undefined;
  #statement: { readonly text: string; readonly values: unknown[] } | undefined;

  constructor(approvalId: string, intent: GatedIntent) {
    this.#id = approvalId;
    this.#intent = intent;
    this.key = `release ${approvalId}`;
  }

  concerns(): boolean {
    return true;
  }

  async read(client: ClientBase): Promise<void> {
    this.#read = undefined;
    const { workspaceId, agentId } = this.#intent.principal;
    const row = await findApproval(client, workspaceId, this.#id, 'FOR UPDATE');
    // Somebody else's is as good as none.
    if (row === undefined || row.agent_id !== agentId || row.status !== 'approved') return;
    const decisions = await decisionsOf(client, workspaceId, [this.#id]);
    const approvals = decisions.filter(({ decision }) => decision === 'approve');
    const people = await peopleOf(client, workspaceId, peopleIn(approvals));
    const question = await questionOf(client, workspaceId, row);
    this.#read = { row, approvals, people, question };
  }

  rule(decision: Decision, { eventId, nowMs }: GatedCall): Ruling {
    this.#statement = undefined;
    const read = this.#read;
    if (read === undefined || read.row.expires_at.getTime() <= nowMs) return { kind: 'stale' };
    const { row, approvals } = read;
    const actor = `agent:${this.#intent.principal.agent}`;
    const difference = this.#difference(read, decision);
    if (difference !== undefined) {
      const { code, reason } = difference;
      this.#statement = {
        text: `UPDATE approvals SET status = 'stopped', stop_code = $3, ended_reason = $4, ended_at = clock_timestamp()
                WHERE workspace_id = $1 AND id = $2 AND status = 'approved'`,
        values: [row.workspace_id, row.id, code, reason],
      };
      const record: RecordDraft = {
        kind: 'approval.stopped',
        actor,
        ...recordFields(row),
        released_event_id: eventId,
        stop_code: code,
        reason,
      };
      return { kind: 'ruled', decision: refused(decision, difference), approvalId: row.id, records: [record] };
    }
    this.#statement = {
      text: `UPDATE approvals SET status = 'released', released_at = clock_timestamp(), call_event_id = $3
              WHERE workspace_id = $1 AND id = $2 AND status = 'approved'`,
      values: [row.workspace_id, row.id, eventId],
    };
    const record: RecordDraft = {
      kind: 'approval.released',
      actor,
      ...recordFields(row),
      released_event_id: eventId,
      approvers: approvals.map(({ person }) => person),
    };
    const names = approvals.map(whoDecided);
    return { kind: 'ruled', decision: allowed(decision, names), approvalId: row.id, records: [record] };
  }

  async write(client: ClientBase): Promise<void> {
    if (this.#statement === undefined) return;
    // The row is locked, so that it is where it was read.
    await client.query(this.#statement);
  }

  #difference({ row, approvals, people, question }: Read, decision: Decision): Difference | undefined {
    const bound = boundCall(this.#intent);
    const { binding } = row;
    const same = (member: keyof typeof bound): boolean => canonical(bound[member]) === canonical(binding[member]);
    if (digestOf(binding) !== row.hash || !same('request') || !same('args') || !same('entrance'))
      return { code: 'binding_broken', reason: 'what is stored is not what was approved' };
    if (!same('owner_id'))
      return { code: 'owner_changed', reason: 'the agent has had another owner since the call was held' };
    if (!this.#intent.action.known || !same('definition_pin') || !same('action'))
      return {
        code: 'definition_changed',
        reason: 'the tool is not offered any more as it was when the call was held',
      };
    if (!same('target'))
      return {
        code: 'target_changed',
        reason: 'the server or its credential is another than when the call was held',
      };
    if (!same('applied_policy'))
      return { code: 'policy_changed', reason: 'the policy that applies to the agent changed since the call was held' };
    if (decision.verdict === 'deny') return { code: 'denied_now', reason: decision.reason };
    const speakers: Approver[] = [];
    for (const approval of approvals) {
      const voice = voiceNow(approval, people);
      if (voice === undefined || standingBarOf(voice, question) !== undefined)
        return { code: 'approver_changed', reason: `${whoDecided(approval)} could not approve it any more` };
      // An approval was given as a member of groups then, and stands for those that are left.
      const now = groupsOf(voice);
      speakers.push({ groups: approval.groups.filter((group) => now.includes(group)) });
    }
    if (!isComplete(question.quorum, speakers))
      return { code: 'approver_changed', reason: 'an approver left the group spoken for' };
    if (decision.verdict === 'review') {
      const now = this.#intent.requirement(decision.trace);
      if (!isComplete(now, speakers))
        return {
          code: 'requirement_changed',
          reason: `it would now take ${now.people} people${now.groups.length === 0 ? '' : ` with ${now.groups.join(', ')}`}`,
        };
    }
    return undefined;
  }
}

/** Undefined when one of them is not there any more. */
function voiceNow(
  { person_id, on_behalf_of_id }: DecisionRow,
  people: ReadonlyMap<PersonId, Person>,
): Voice<Person> | undefined {
  const by = people.get(person_id);
  if (on_behalf_of_id === null) return by && { by };
  const onBehalfOf = people.get(on_behalf_of_id);
  return by && onBehalfOf && { by, onBehalfOf };
}

function canonical(value: JsonObject[string] | undefined): string {
  return canonicalJson(value ?? null);
}

function refused(decision: Decision, { code, reason }: Difference): Decision {
  if (code === 'denied_now') return decision;
  return {
    ...withoutWindow(decision),
    verdict: 'deny',
    reasonClass: 'guard',
    rule: 'approval',
    reason: `approval: ${reason}`,
  };
}

function allowed(decision: Decision, approvers: readonly string[]): Decision {
  const reason = `approved by ${approvers.join(', ')}`;
  return { ...withoutWindow(decision), verdict: 'allow', reasonClass: 'granted', reason };
}

/** No window has the last word any more, so nothing of it is told. */
function withoutWindow(decision: Decision): Decision {
  const { remaining: _, remainingUnit: __, retryAfterSeconds: ___, shared, ...rest } = decision;
  return shared === undefined ? rest : { ...rest, shared: shared.map((step) => ({ ...step, decides: false })) };
}
