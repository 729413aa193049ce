/**
 * Each node looks for itself: what it finds it distrusts at once, whether or not it can be written down. The records are
 * made by whichever node comes first.
 */
import type { ApiContext } from '../api/route.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { Distrust, ProvenPolicy } from '../path/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { adoptObjects } from '../versions/index.ts';
import { type Drift, Finder } from './find.ts';
import { noteCheck, settleDrift } from './settle.ts';

const LOOK_EVERY_MS = 15_000;

export type DriftContext = Pick<ApiContext, 'pool' | 'log' | 'path' | 'controlled' | 'nodeId' | 'logger' | 'metrics'>;

export interface DriftWatch {
  /** Looks now. Rejects when it could not. */
  check(workspaceId: WorkspaceId): Promise<void>;
  close(): Promise<void>;
}

/** Resolves when everything was looked at once. */
export async function watchDrift(context: DriftContext, proven: ProvenPolicy): Promise<DriftWatch> {
  const watch = new Watch(context, proven);
  await watch.lookAtAll().catch((error: unknown) => watch.failed(error));
  watch.start();
  return watch;
}

class Watch implements DriftWatch {
  readonly #context: DriftContext;
  readonly #proven: ProvenPolicy;
  readonly #finders = new Map<WorkspaceId, Finder>();
  readonly #found = new Map<WorkspaceId, readonly Drift[]>();
  /** Of one workspace one look at a time, in their order. */
  readonly #looks = new Map<WorkspaceId, Promise<void>>();
  /** Of which the policy was read and is looked at soon. */
  readonly #soon = new Set<WorkspaceId>();
  #rounds: Rounds | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(context: DriftContext, proven: ProvenPolicy) {
    this.#context = context;
    this.#proven = proven;
    context.metrics.gauge('hivekey_drift_findings', 'What differs from what was approved, on this node.', () =>
      [...this.#found.values()].reduce((sum, found) => sum + found.length, 0),
    );
  }

  start(): void {
    this.#rounds = startRounds(
      LOOK_EVERY_MS,
      () => this.lookAtAll(),
      (error) => this.failed(error),
    );
    this.#unsubscribe = this.#context.path.onPolicyRead((workspaceId) => this.#lookAtPolicySoon(workspaceId));
  }

  failed(error: unknown): void {
    this.#context.logger.warn({ err: error }, 'could not look for drift');
  }

  async lookAtAll(): Promise<void> {
    const { pool, log, controlled } = this.#context;
    await adoptObjects(pool, log, controlled);
    const { rows } = await pool.query<{ id: WorkspaceId }>('SELECT id FROM workspaces ORDER BY id');
    for (const { id } of rows) await this.check(id);
  }

  check(workspaceId: WorkspaceId): Promise<void> {
    return this.#inTurn(workspaceId, () => this.#look(workspaceId));
  }

  #inTurn(workspaceId: WorkspaceId, look: () => Promise<void>): Promise<void> {
    const before = this.#looks.get(workspaceId) ?? Promise.resolve();
    const mine = before.then(look, look);
    this.#looks.set(workspaceId, mine);
    return mine;
  }

  async #look(workspaceId: WorkspaceId): Promise<void> {
    const startedAt = performance.now();
    const { drift, objects } = await this.#finderOf(workspaceId).look();
    const tookMs = Math.round(performance.now() - startedAt);
    await this.#conclude(workspaceId, drift);
    await noteCheck(this.#context, workspaceId, { objects, tookMs, findings: drift.length });
  }

  /** Reading the policy takes as long as it takes: what it says is compared with the log right after. */
  #lookAtPolicySoon(workspaceId: WorkspaceId): void {
    if (this.#soon.has(workspaceId) || this.#rounds === undefined) return;
    this.#soon.add(workspaceId);
    setTimeout(() => {
      this.#soon.delete(workspaceId);
      this.#inTurn(workspaceId, () => this.#lookAtPolicy(workspaceId)).catch((error: unknown) => this.failed(error));
    }, SOON_MS).unref();
  }

  async #lookAtPolicy(workspaceId: WorkspaceId): Promise<void> {
    if (this.#rounds === undefined) return;
    const policy = await this.#finderOf(workspaceId).lookAtPolicy();
    const others = (this.#found.get(workspaceId) ?? []).filter(({ type }) => type !== 'policy');
    await this.#conclude(workspaceId, [...others, ...policy]);
  }

  async #conclude(workspaceId: WorkspaceId, drift: readonly Drift[]): Promise<void> {
    this.#found.set(workspaceId, drift);
    this.#context.path.distrust(workspaceId, distrustOf(drift));
    await settleDrift(this.#context, workspaceId, drift);
  }

  #finderOf(workspaceId: WorkspaceId): Finder {
    const { pool, log, controlled } = this.#context;
    const finder =
      this.#finders.get(workspaceId) ?? new Finder({ pool, log, controlled, proven: this.#proven }, workspaceId);
    this.#finders.set(workspaceId, finder);
    return finder;
  }

  async close(): Promise<void> {
    this.#unsubscribe?.();
    const rounds = this.#rounds;
    this.#rounds = undefined;
    await rounds?.close();
    await Promise.allSettled(this.#looks.values());
  }
}

/** Several readings, one after the other, are looked at once. */
const SOON_MS = 100;

function distrustOf(drift: readonly Drift[]): Distrust | undefined {
  if (drift.length === 0) return undefined;
  const idsOf = (...types: readonly Drift['type'][]) =>
    drift.flatMap(({ type, id }) => (types.includes(type) ? [id] : []));
  return {
    policy: drift.some(({ type }) => type === 'policy'),
    agentIds: new Set(idsOf('assignment').map((id) => id as AgentId)),
    capabilities: new Set(idsOf('definition')),
    namespaces: new Set(idsOf('mcp_server', 'http_api')),
  };
}
