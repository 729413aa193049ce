/** The compiled policy of each workspace, read again when a newer revision is heard of. */
import { type CompiledPolicy, compilePolicy, type PolicySet, type Risk } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { loadPolicySet } from '../roles/index.ts';

export interface PolicyInForce {
  readonly compiled: CompiledPolicy;
  /** What it was compiled from. */
  readonly set: PolicySet;
  readonly stoppedTools: ReadonlySet<string>;
  /** Capability → what detectors say of it. */
  readonly toolRisks: ReadonlyMap<string, readonly Risk[]>;
  /** Of the MCP servers' catalogue that belongs to this revision. */
  readonly catalogueVersion: string;
}

interface Held {
  readonly reading: Promise<PolicyInForce>;
  /** Once it is read. */
  policy: PolicyInForce | undefined;
}

export class Policies {
  readonly #pool: Pool;
  readonly #held = new Map<WorkspaceId, Held>();
  readonly #listeners = new Set<(workspaceId: WorkspaceId) => void>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** As of the last revision heard of. Rejects when the policy cannot be read: then nothing may be decided. */
  current(workspaceId: WorkspaceId): Promise<PolicyInForce> {
    const known = this.#held.get(workspaceId);
    if (known !== undefined) return known.reading;
    const held: Held = { reading: this.#read(workspaceId), policy: undefined };
    this.#held.set(workspaceId, held);
    held.reading.then(
      (policy) => {
        held.policy = policy;
      },
      () => {
        if (this.#held.get(workspaceId) === held) this.#held.delete(workspaceId);
      },
    );
    return held.reading;
  }

  /** As of the database now, with its time (epoch milliseconds), for what is not checked again by a record's transaction. */
  async newest(workspaceId: WorkspaceId): Promise<{ readonly policy: PolicyInForce; readonly atMs: number }> {
    const policy = await this.current(workspaceId);
    const { rows } = await this.#pool.query<{ revision: number; at_ms: number }>({
      name: 'policy-revision',
      text: `SELECT policy_revision AS revision, floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS at_ms
               FROM workspace_state WHERE workspace_id = $1`,
      values: [workspaceId],
    });
    const [row] = rows;
    if (row === undefined) throw new Error(`there is no workspace ${workspaceId}`);
    if (row.revision === policy.compiled.revision) return { policy, atMs: row.at_ms };
    this.outdated(workspaceId, policy);
    return { policy: await this.current(workspaceId), atMs: row.at_ms };
  }

  /** The next decision reads the policy again. */
  changed(workspaceId: WorkspaceId): void {
    this.#held.delete(workspaceId);
    for (const listener of this.#listeners) listener(workspaceId);
  }

  /** A decision under this policy came too late. Many find that out at once; one of them has it read again. */
  outdated(workspaceId: WorkspaceId, policy: PolicyInForce): void {
    if (this.#held.get(workspaceId)?.policy === policy) this.changed(workspaceId);
  }

  onChange(listener: (workspaceId: WorkspaceId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #read(workspaceId: WorkspaceId): Promise<PolicyInForce> {
    const { set, stoppedTools, toolRisks, catalogueVersion } = await loadPolicySet(this.#pool, workspaceId);
    return { compiled: compilePolicy(set), set, stoppedTools, toolRisks, catalogueVersion };
  }
}
