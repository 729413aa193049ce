/** The calls and sessions of this process that a stop must reach. */
import type { AgentId, EventId, WorkspaceId } from '../ids.ts';
import { PERMIT_LEASE_MS } from '../permit-lease.ts';
import { Roster } from '../roster.ts';
import { StopController } from '../stop-signal.ts';
import type { AbortedCall, StopReport, StopTarget } from './index.ts';
import type { Delegator, Outcome } from './types.ts';

export class Call {
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly agent: string;
  readonly capability: string;
  /** Whose stop reaches it, too. */
  readonly chain: readonly Delegator[] | undefined;
  readonly stop = new StopController();
  /** Of its permit, counted from before its record. */
  readonly beginByMs = performance.now() + PERMIT_LEASE_MS;
  /** Once there is a permit. */
  eventId: EventId | undefined;
  readonly #leave: () => void;
  #end: ((outcome: Outcome | undefined) => void) | undefined;

  constructor(
    calls: Roster<Call>,
    workspaceId: WorkspaceId,
    agentId: AgentId,
    agent: string,
    capability: string,
    chain: readonly Delegator[] | undefined,
  ) {
    this.#leave = calls.enter(this);
    this.workspaceId = workspaceId;
    this.agentId = agentId;
    this.agent = agent;
    this.capability = capability;
    this.chain = chain;
  }

  /** How it ended. To be asked before it has. */
  ended(): Promise<Outcome | undefined> {
    return new Promise((resolve) => {
      const before = this.#end;
      this.#end = (outcome) => {
        before?.(outcome);
        resolve(outcome);
      };
    });
  }

  end(outcome: Outcome | undefined): void {
    this.#leave();
    this.#end?.(outcome);
  }
}

interface Session {
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly chain: readonly Delegator[] | undefined;
  readonly close: () => void;
}

interface Reachable {
  readonly agentId: AgentId;
  readonly chain: readonly Delegator[] | undefined;
  readonly capability?: string;
}

function reaches(target: StopTarget, item: Reachable): boolean {
  switch (target.kind) {
    case 'workspace':
      return true;
    case 'agents':
      return (
        target.agentIds.has(item.agentId) || item.chain?.some(({ agentId }) => target.agentIds.has(agentId)) === true
      );
    case 'tool':
      return item.capability === target.capability;
  }
}

function fateOf(outcome: Outcome | undefined): AbortedCall['fate'] {
  if (outcome === undefined || outcome.result === 'unknown') return 'unknown';
  return outcome.result === 'not_attempted' ? 'aborted_before_upstream' : 'finished';
}

/**
 * A call is entered before its intent is recorded, so that a stop committed at any later moment finds it;
 * whoever gets a permit must look at the signal in the tick in which the first byte leaves.
 */
export class CallsInFlight {
  readonly #calls = new Roster<Call>();
  readonly #sessions = new Roster<Session>();

  get size(): number {
    return this.#calls.size;
  }

  enter(
    workspaceId: WorkspaceId,
    agentId: AgentId,
    agent: string,
    capability: string,
    chain?: readonly Delegator[],
  ): Call {
    return new Call(this.#calls, workspaceId, agentId, agent, capability, chain);
  }

  /** The call ended, or came to nothing (`undefined`: it was refused or held). */
  leave(call: Call, outcome: Outcome | undefined): void {
    call.end(outcome);
  }

  addSession(session: Session): () => void {
    return this.#sessions.enter(session);
  }

  /** Aborts and closes at once; then waits for the fates, at most `graceMs`. */
  async stop(workspaceId: WorkspaceId, target: StopTarget, graceMs: number): Promise<StopReport> {
    const hit = this.#calls.present().filter((call) => call.workspaceId === workspaceId && reaches(target, call));
    // Asked before aborting: who hears of it may end the call in this very tick.
    const endings = hit.map((call) => call.ended());
    for (const call of hit) call.stop.abort();
    const closed = this.#sessions
      .present()
      .filter((session) => session.workspaceId === workspaceId && reaches(target, session));
    for (const session of closed) session.close();
    const fates = await Promise.all(endings.map((ended) => withDeadline(ended, graceMs)));
    const calls = hit.flatMap((call, index) =>
      // Without an event id the intent never became a permit: the call was refused, nothing was in flight.
      call.eventId === undefined
        ? []
        : [{ eventId: call.eventId, agent: call.agent, capability: call.capability, fate: fateOf(fates[index]) }],
    );
    return { calls, sessionsClosed: closed.length };
  }

  /** Waits until all calls have ended, at most `graceMs`, then aborts the rest and waits once more. */
  async drain(graceMs: number): Promise<void> {
    await Promise.all(this.#calls.present().map((call) => withDeadline(call.ended(), graceMs)));
    const left = this.#calls.present();
    const endings = left.map((call) => call.ended());
    for (const call of left) call.stop.abort();
    await Promise.all(endings.map((ended) => withDeadline(ended, graceMs)));
  }
}

async function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: deadline, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
