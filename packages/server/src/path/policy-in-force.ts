/** The compiled policy of each workspace, read again when a newer revision is heard of. */
import { type CompiledPolicy, compilePolicy } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { loadPolicySet } from '../roles/policy-set.ts';

export interface PolicyInForce {
  readonly compiled: CompiledPolicy;
  readonly stoppedTools: ReadonlySet<string>;
}

export class Policies {
  readonly #pool: Pool;
  readonly #current = new Map<WorkspaceId, Promise<PolicyInForce>>();
  readonly #listeners = new Set<(workspaceId: WorkspaceId) => void>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Rejects when the policy cannot be read: then nothing may be decided. */
  current(workspaceId: WorkspaceId): Promise<PolicyInForce> {
    const held = this.#current.get(workspaceId);
    if (held !== undefined) return held;
    const loading = loadPolicySet(this.#pool, workspaceId).then(({ set, stoppedTools }) => ({
      compiled: compilePolicy(set),
      stoppedTools,
    }));
    this.#current.set(workspaceId, loading);
    loading.catch(() => {
      if (this.#current.get(workspaceId) === loading) this.#current.delete(workspaceId);
    });
    return loading;
  }

  /** The next decision reads the policy again. */
  changed(workspaceId: WorkspaceId): void {
    this.#current.delete(workspaceId);
    for (const listener of this.#listeners) listener(workspaceId);
  }

  onChange(listener: (workspaceId: WorkspaceId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
