/** What each agent has open here: requests, streams and sessions, with the limits on them. */
import type { AgentId, WorkspaceId } from '../ids.ts';

interface Presence {
  inFlight: number;
  streams: number;
  /** Requests that may still come in this moment. */
  allowance: number;
  filledAtMs: number;
}

export interface PresenceLimits {
  readonly maxConcurrentPerAgent: number;
  readonly maxStreamsPerAgent: number;
  readonly requestsPerMinute: number;
}

export class Presences {
  readonly #limits: PresenceLimits;
  readonly #burst: number;
  readonly #of = new Map<string, Presence>();

  constructor(limits: PresenceLimits) {
    this.#limits = limits;
    this.#burst = Math.max(1, limits.requestsPerMinute / 6);
  }

  /** Counts a request in; the returned function counts it out. Undefined when the agent is at a limit. */
  enterRequest(workspaceId: WorkspaceId, agentId: AgentId, nowMs: number): (() => void) | undefined {
    const presence = this.#get(workspaceId, agentId, nowMs);
    if (presence.inFlight >= this.#limits.maxConcurrentPerAgent || !this.#take(presence, nowMs)) return undefined;
    presence.inFlight += 1;
    return () => {
      presence.inFlight -= 1;
    };
  }

  /** Counts in what has no answer to wait for. False when the agent is over its rate. */
  enterMessage(workspaceId: WorkspaceId, agentId: AgentId, nowMs: number): boolean {
    return this.#take(this.#get(workspaceId, agentId, nowMs), nowMs);
  }

  enterStream(workspaceId: WorkspaceId, agentId: AgentId, nowMs: number): (() => void) | undefined {
    const presence = this.#get(workspaceId, agentId, nowMs);
    if (presence.streams >= this.#limits.maxStreamsPerAgent) return undefined;
    presence.streams += 1;
    return () => {
      presence.streams -= 1;
    };
  }

  /** Forgets agents with nothing open whose allowance has been refilled meanwhile. */
  sweep(nowMs: number): void {
    for (const [key, presence] of this.#of) {
      if (presence.inFlight === 0 && presence.streams === 0 && nowMs - presence.filledAtMs > 60_000)
        this.#of.delete(key);
    }
  }

  counts(): { readonly agents: number; readonly inFlight: number; readonly streams: number } {
    let inFlight = 0;
    let streams = 0;
    for (const presence of this.#of.values()) {
      inFlight += presence.inFlight;
      streams += presence.streams;
    }
    return { agents: this.#of.size, inFlight, streams };
  }

  #take(presence: Presence, nowMs: number): boolean {
    const refill = ((nowMs - presence.filledAtMs) * this.#limits.requestsPerMinute) / 60_000;
    presence.allowance = Math.min(this.#burst, presence.allowance + Math.max(0, refill));
    presence.filledAtMs = nowMs;
    if (presence.allowance < 1) return false;
    presence.allowance -= 1;
    return true;
  }

  #get(workspaceId: WorkspaceId, agentId: AgentId, nowMs: number): Presence {
    const key = `${workspaceId} ${agentId}`;
    const known = this.#of.get(key);
    if (known !== undefined) return known;
    const presence = { inFlight: 0, streams: 0, allowance: this.#burst, filledAtMs: nowMs };
    this.#of.set(key, presence);
    return presence;
  }
}
