/** The calls and sessions of this process that a stop must reach. */
import type { AgentId, EventId, WorkspaceId } from '../ids.ts';
import type { AbortedCall, StopReport, StopTarget } from './index.ts';
import { PERMIT_LEASE_MS } from './lease.ts';
import type { Outcome } from './types.ts';

interface Call {
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly agent: string;
  readonly capability: string;
  readonly controller: AbortController;
  /** Of its permit, counted from before its record. */
  readonly beginByMs: number;
  readonly ended: Promise<Outcome | undefined>;
  readonly end: (outcome: Outcome | undefined) => void;
  eventId: EventId | undefined;
}

interface Session {
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly close: () => void;
}

function reaches(target: StopTarget, item: { readonly agentId: AgentId; readonly capability?: string }): boolean {
  switch (target.kind) {
    case 'workspace':
      return true;
    case 'agents':
      return target.agentIds.has(item.agentId);
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
  readonly #calls = new Set<Call>();
  readonly #sessions = new Set<Session>();

  get size(): number {
    return this.#calls.size;
  }

  enter(workspaceId: WorkspaceId, agentId: AgentId, agent: string, capability: string): Call {
    const { promise: ended, resolve: end } = Promise.withResolvers<Outcome | undefined>();
    const call: Call = {
      workspaceId,
      agentId,
      agent,
      capability,
      controller: new AbortController(),
      beginByMs: performance.now() + PERMIT_LEASE_MS,
      ended,
      end,
      eventId: undefined,
    };
    this.#calls.add(call);
    return call;
  }

  /** The call ended, or came to nothing (`undefined`: it was refused or held). */
  leave(call: Call, outcome: Outcome | undefined): void {
    this.#calls.delete(call);
    call.end(outcome);
  }

  addSession(session: Session): () => void {
    this.#sessions.add(session);
    return () => this.#sessions.delete(session);
  }

  /** Aborts and closes at once; then waits for the fates, at most `graceMs`. */
  async stop(workspaceId: WorkspaceId, target: StopTarget, graceMs: number): Promise<StopReport> {
    const hit = [...this.#calls].filter((call) => call.workspaceId === workspaceId && reaches(target, call));
    for (const call of hit) call.controller.abort();
    const closed = [...this.#sessions].filter(
      (session) => session.workspaceId === workspaceId && reaches(target, session),
    );
    for (const session of closed) session.close();
    const fates = await Promise.all(hit.map((call) => withDeadline(call.ended, graceMs)));
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
    await Promise.all([...this.#calls].map((call) => withDeadline(call.ended, graceMs)));
    for (const call of this.#calls) call.controller.abort();
    await Promise.all([...this.#calls].map((call) => withDeadline(call.ended, graceMs)));
  }
}

export type { Call };

async function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: deadline, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
