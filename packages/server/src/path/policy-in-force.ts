/** The compiled policy of each workspace, read again when a newer revision is heard of. */
import { type CompiledPolicy, compilePolicy, type PolicySet, type Risk } from '@hivekey/policy';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import {
  findArchived,
  isIntact,
  loadPolicyState,
  type PolicyState,
  PolicyUnreadable,
  type PublishedPolicy,
} from '../roles/index.ts';
import { type Distrust, isSameDistrust } from './distrust.ts';

export interface PolicyInForce {
  readonly compiled: CompiledPolicy;
  /** What it was compiled from. */
  readonly set: PolicySet;
  readonly stoppedTools: ReadonlySet<string>;
  /** Capability → what detectors say of it. */
  readonly toolRisks: ReadonlyMap<string, readonly Risk[]>;
  /** Of the MCP servers' catalogue that belongs to this revision. */
  readonly catalogueVersion: string;
  readonly distrust: Distrust | undefined;
}

interface Held {
  readonly reading: Promise<PolicyInForce>;
  /** Once it is read. */
  policy: PolicyInForce | undefined;
}

/** What the signed log says was published last; undefined when it cannot be shown. */
export type ProvenPolicy = (workspaceId: WorkspaceId) => Promise<PublishedPolicy | undefined>;

/** Neither the rows nor the archive are what was published: nothing may be decided. */
class PolicyDrift extends Failure {
  constructor(problem: string) {
    super(
      503,
      'policy_drift',
      `Nothing can be decided: the policy was edited past HiveKey, and ${problem}.`,
      'An administrator sees more with GET /v1/drift, and puts back what was approved with POST /v1/drift/restore.',
    );
  }
}

export class Policies {
  readonly #pool: Pool;
  readonly #proven: ProvenPolicy;
  readonly #held = new Map<WorkspaceId, Held>();
  readonly #distrust = new Map<WorkspaceId, Distrust>();
  readonly #listeners = new Set<(workspaceId: WorkspaceId) => void>();
  readonly #readers = new Set<(workspaceId: WorkspaceId) => void>();

  /** Without `proven`, the archive is taken at its word. */
  constructor(pool: Pool, proven?: ProvenPolicy) {
    this.#pool = pool;
    this.#proven = proven ?? ((workspaceId) => this.#archived(workspaceId));
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

  /** Holds from the next decision on. */
  distrust(workspaceId: WorkspaceId, distrust: Distrust | undefined): void {
    if (isSameDistrust(this.#distrust.get(workspaceId), distrust)) return;
    if (distrust === undefined) this.#distrust.delete(workspaceId);
    else this.#distrust.set(workspaceId, distrust);
    this.changed(workspaceId);
  }

  onChange(listener: (workspaceId: WorkspaceId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Is told of each reading, also of one that found nothing that may be enforced. */
  onRead(listener: (workspaceId: WorkspaceId) => void): () => void {
    this.#readers.add(listener);
    return () => this.#readers.delete(listener);
  }

  async #read(workspaceId: WorkspaceId): Promise<PolicyInForce> {
    try {
      const state = await loadPolicyState(this.#pool, workspaceId);
      const distrust = this.#distrust.get(workspaceId);
      const { compiled, set } = await this.#enforced(workspaceId, state, distrust?.policy === true);
      const { stoppedTools, toolRisks, catalogueVersion } = state;
      return { compiled, set, stoppedTools, toolRisks, catalogueVersion, distrust };
    } finally {
      for (const reader of this.#readers) reader(workspaceId);
    }
  }

  /** The rows, where they are what was published; else what was published, as it was kept. Throws PolicyDrift. */
  async #enforced(
    workspaceId: WorkspaceId,
    { set, revision, published }: PolicyState,
    isDistrusted: boolean,
  ): Promise<Pick<PolicyInForce, 'compiled' | 'set'>> {
    const rows = set instanceof PolicyUnreadable ? undefined : { set, compiled: compilePolicy(set) };
    const isPublished = published === undefined || rows?.compiled.hash === published.hash;
    if (rows !== undefined && isPublished && !isDistrusted) return rows;
    const proven = await this.#proven(workspaceId);
    if (proven === undefined) throw new PolicyDrift('what was published cannot be shown');
    if (rows?.compiled.hash === proven.hash) return rows;
    const kept = await findArchived(this.#pool, workspaceId, { kind: 'hash', hash: proven.hash });
    if (kept === undefined || !isIntact(kept)) throw new PolicyDrift('what was published is not kept as it was');
    // Every record is compared with the revision that is current, which a stop moves on.
    const approved = { ...kept.set, revision };
    return { set: approved, compiled: compilePolicy(approved) };
  }

  async #archived(workspaceId: WorkspaceId): Promise<PublishedPolicy | undefined> {
    const newest = await findArchived(this.#pool, workspaceId, { kind: 'newest' });
    return newest !== undefined && isIntact(newest) ? newest : undefined;
  }
}
