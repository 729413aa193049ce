/**
 * Calls that wait for people. The path asks for gates; an entrance looks at an approval, waits for it, and says how
 * the released call ended; people decide over the routes; time and dead nodes are dealt with by themselves.
 */
import type { KeyObject } from 'node:crypto';
import type { JsonObject } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import type { ApprovalStatus, ApprovalTicket, Holds, Outcome, Principal } from '../path/index.ts';
import type { StopSignal } from '../stop-signal.ts';
import { withdrawApproval } from './cancel.ts';
import { finishApproval } from './finish.ts';
import { HoldGate } from './hold-gate.ts';
import { expireApprovals, reconcileReleased } from './reaper.ts';
import { ReleaseGate } from './release-gate.ts';
import { Reminders } from './reminders.ts';
import { type ApprovalRow, decisionsOf, findApproval } from './rows.ts';
import { Vault } from './vault.ts';
import { Watch } from './watch.ts';

export type { FullApproval } from './approval.ts';
export { cancelOfAgents, cancelOfCapability } from './cancel.ts';
export { approvalRemindersType } from './controlled.ts';
export { type DecidingParty, decideApproval } from './decide.ts';
export { type Authority, hasAuthority } from './eligibility.ts';
export { cancelWithout } from './leaver.ts';
export { approvalLink } from './link.ts';
export { openApproval } from './open.ts';
export { fillPlaces, isComplete, type Quorum } from './quorum.ts';
export { readWholeApproval } from './read.ts';
export { Vault } from './vault.ts';
export { APPROVAL_CHANNEL } from './watch.ts';

const UPKEEP_EVERY_MS = 1_000;

/** An approval as the call that waits on it sees it. */
export interface CallApproval extends ApprovalTicket {
  readonly entrance: string;
  readonly capability: string;
  readonly requestedAtMs: number;
  /** When its status was last another. */
  readonly changedAtMs: number;
  /** Why it ended, where there is something to say. */
  readonly reason: string | null;
  /** Who denied it. */
  readonly deniedBy: string | null;
  readonly outcome: Outcome['result'] | null;
  readonly errorCode: string | null;
  /** There is something to collect. */
  readonly hasResult: boolean;
  /** What is carried out. Throws when it cannot be opened. */
  request(): JsonObject;
  /** What was kept of the call that ran; undefined when nothing was. Throws when it cannot be opened. */
  result(): JsonObject | undefined;
}

export interface Approvals {
  readonly holds: Holds;
  readonly vault: Vault;
  /** One of this agent's own; undefined when it has none of that id. Rejects when the database does not answer. */
  look(workspaceId: WorkspaceId, agentId: AgentId, id: string): Promise<CallApproval | undefined>;
  /** Waits until it is none of `statuses` any more, or something can be collected, at the latest until `untilMs` on the monotonic clock; then how it is. */
  wait(
    workspaceId: WorkspaceId,
    agentId: AgentId,
    id: string,
    statuses: readonly ApprovalStatus[],
    untilMs: number,
    signal: StopSignal,
  ): Promise<CallApproval | undefined>;
  /** Keeps what repeats collect while the call is not over. */
  keep(workspaceId: WorkspaceId, id: string, result: JsonObject): Promise<void>;
  /** The released call is over. Never rejects: what is lost here is found on the log. */
  finish(workspaceId: WorkspaceId, id: string, outcome: Outcome, result: JsonObject | undefined): Promise<void>;
  /** The agent does not want the call any more. False when nothing is left to withdraw: it runs, or is over. Rejects when the database does not answer. */
  withdraw(who: Pick<Principal, 'workspaceId' | 'agentId' | 'agent'>, id: string): Promise<boolean>;
  /** Payload of a notification on APPROVAL_CHANNEL; undefined when some may have been lost. */
  heard(payload: string | undefined): void;
  close(): Promise<void>;
}

export interface ApprovalsOptions {
  readonly pool: Pool;
  readonly log: ActionLog;
  /** Wraps data keys; 32 bytes. */
  readonly key: KeyObject;
  readonly logger: Logger;
}

export function createApprovals(options: ApprovalsOptions): Approvals {
  return new Service(options);
}

class Service implements Approvals {
  readonly holds: Holds;
  readonly vault: Vault;
  readonly #options: ApprovalsOptions;
  readonly #watch = new Watch();
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #running = new Map<() => Promise<unknown>, Promise<void>>();
  #isClosed = false;

  constructor(options: ApprovalsOptions) {
    const { pool, log, key } = options;
    this.#options = options;
    this.vault = new Vault(key);
    this.holds = {
      hold: (intent) => new HoldGate(this.vault, intent),
      release: (approvalId, intent) => new ReleaseGate(approvalId, intent),
    };
    const expire = (): Promise<number> => expireApprovals(pool, log);
    const reconcile = (): Promise<void> => reconcileReleased(pool, log);
    const reminders = new Reminders(pool, log);
    const remind = (): Promise<void> => reminders.look();
    this.#timers = [expire, reconcile, remind].map((work) =>
      setInterval(() => this.#run(work), UPKEEP_EVERY_MS).unref(),
    );
  }

  async look(workspaceId: WorkspaceId, agentId: AgentId, id: string): Promise<CallApproval | undefined> {
    const { pool } = this.#options;
    const row = await findApproval(pool, workspaceId, id);
    if (row === undefined || row.agent_id !== agentId) return undefined;
    const decisions = row.status === 'denied' ? await decisionsOf(pool, workspaceId, [id]) : [];
    return this.#viewOf(row, decisions.find(({ decision }) => decision === 'deny')?.person ?? null);
  }

  async wait(
    workspaceId: WorkspaceId,
    agentId: AgentId,
    id: string,
    statuses: readonly ApprovalStatus[],
    untilMs: number,
    signal: StopSignal,
  ): Promise<CallApproval | undefined> {
    const moved = async (): Promise<CallApproval | undefined> => {
      const approval = await this.look(workspaceId, agentId, id);
      return approval !== undefined && statuses.includes(approval.status) && !approval.hasResult ? undefined : approval;
    };
    return (await this.#watch.until(id, moved, untilMs, signal)) ?? (await this.look(workspaceId, agentId, id));
  }

  async keep(workspaceId: WorkspaceId, id: string, result: JsonObject): Promise<void> {
    const { wrappedKey, ciphertext } = this.vault.seal(workspaceId, id, 'result', result);
    await this.#options.pool.query(
      `UPDATE approvals SET result_key = $3, result = $4
        WHERE workspace_id = $1 AND id = $2 AND status IN ('released', 'finished', 'unknown') AND result IS NULL`,
      [workspaceId, id, wrappedKey, ciphertext],
    );
  }

  async finish(workspaceId: WorkspaceId, id: string, outcome: Outcome, result: JsonObject | undefined): Promise<void> {
    try {
      const sealed = result === undefined ? undefined : this.vault.seal(workspaceId, id, 'result', result);
      await finishApproval(this.#options.log, workspaceId, id, outcome, sealed);
    } catch (error) {
      this.#options.logger.warn({ err: error, approval: id }, 'the end of an approved call was not kept');
    }
  }

  withdraw(who: Pick<Principal, 'workspaceId' | 'agentId' | 'agent'>, id: string): Promise<boolean> {
    return withdrawApproval(this.#options.log, who, id);
  }

  heard(payload: string | undefined): void {
    if (payload === undefined) this.#watch.heard();
    else this.#watch.heard(String(JSON.parse(payload).id));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#running.values());
  }

  #viewOf(row: ApprovalRow, deniedBy: string | null): CallApproval {
    const { workspace_id: workspaceId, id, wrapped_key: wrappedKey, ciphertext, result_key: resultKey, result } = row;
    return {
      id,
      status: row.status,
      expiresAtMs: row.expires_at.getTime(),
      entrance: row.entrance,
      capability: row.capability,
      requestedAtMs: row.requested_at.getTime(),
      changedAtMs: (row.ended_at ?? row.released_at ?? row.decided_at ?? row.requested_at).getTime(),
      reason: row.ended_reason === '' ? null : row.ended_reason,
      deniedBy,
      outcome: row.outcome,
      errorCode: row.error_code,
      hasResult: result !== null,
      request: () => {
        const { request } = this.vault.open(workspaceId, id, 'held', { wrappedKey, ciphertext });
        if (request === undefined || request === null || typeof request !== 'object' || Array.isArray(request))
          throw new Error(`the approval ${id} has no request`);
        return request as JsonObject;
      },
      result: () =>
        resultKey === null || result === null
          ? undefined
          : this.vault.open(workspaceId, id, 'result', { wrappedKey: resultKey, ciphertext: result }),
    };
  }

  #run(work: () => Promise<unknown>): void {
    if (this.#isClosed || this.#running.has(work)) return;
    const running = work()
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'approvals could not be kept in order'))
      .then(() => {
        this.#running.delete(work);
      });
    this.#running.set(work, running);
  }
}
