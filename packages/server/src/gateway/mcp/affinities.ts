/**
 * Upstream sessions of modern agents. They have no session of their own, but a legacy upstream needs one;
 * it ends when the agent is stopped or has not called for a while.
 */
import type { ActionPath, Principal } from '../../path/index.ts';

interface Affinity {
  lastUsedMs: number;
  readonly unregister: () => void;
}

export class ModernAffinities {
  readonly #path: ActionPath;
  readonly #end: (affinity: string) => void;
  readonly #used = new Map<string, Affinity>();

  /** `end` closes the upstream sessions of an affinity. */
  constructor(path: ActionPath, end: (affinity: string) => void) {
    this.#path = path;
    this.#end = end;
  }

  /** The affinity of the agent's calls to legacy upstreams. */
  use({ workspaceId, agentId }: Principal, nowMs: number): string {
    const name = `${workspaceId}/${agentId}`;
    const known = this.#used.get(name);
    if (known !== undefined) {
      known.lastUsedMs = nowMs;
      return name;
    }
    const unregister = this.#path.onStop(workspaceId, agentId, () => this.#drop(name));
    this.#used.set(name, { lastUsedMs: nowMs, unregister });
    return name;
  }

  endIdle(beforeMs: number): void {
    for (const [name, { lastUsedMs }] of this.#used) if (lastUsedMs < beforeMs) this.#drop(name);
  }

  endAll(): void {
    for (const name of this.#used.keys()) this.#drop(name);
  }

  #drop(name: string): void {
    const affinity = this.#used.get(name);
    if (affinity === undefined) return;
    this.#used.delete(name);
    affinity.unregister();
    this.#end(name);
  }
}
