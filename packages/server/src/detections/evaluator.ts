/**
 * Evaluates each workspace's log on one node at a time. What is found is written with the place up to which everything is
 * written; the state is saved by itself, and less often. A node that takes over takes again what lies between the two: the
 * evaluation is a function of the log, so it finds the same, and what is written is not written again.
 */

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { parseJson } from '@hivekey/action-log';
import type { Pool } from 'pg';
import { Lanes } from '../delivery/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LogRecord, RunningLog, SignedCheckpoint, StoredEntry } from '../log/index.ts';
import type { Logger, Metrics } from '../observability/index.ts';
import type { ActionPath } from '../path/index.ts';
import { PoliciesBefore } from './decide-again.ts';
import { Evaluation, isUpTo, type Output, type Position, replacedIn, versionIn } from './evaluation.ts';
import {
  keepEvaluator,
  type Lease,
  leaseEvaluators,
  loadEvaluator,
  releaseEvaluator,
  saveEvaluator,
} from './evaluator-store.ts';
import type { Setting } from './rule-set.ts';
import { settingsAt, settingsBefore } from './store.ts';
import { LeaseLost, writeOutputs } from './write.ts';

export interface EvaluatorOptions {
  readonly pool: Pool;
  readonly log: RunningLog;
  readonly path: Pick<ActionPath, 'invalidate'>;
  readonly nodeId: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

/** Without news it looks by itself. */
const LOOK_EVERY_MS = 500;
/** Longest turn, so that calls of agents do not wait for it. */
const TURN_MS = 4;
/** How often the state is saved, at least where there is anything new and at most. */
const SAVE_AFTER_MS = 2_000;
const SAVE_AFTER_ENTRIES = 50_000;
/** Of a large state, saving may take no more than this part of the time. */
const SAVE_SHARE = 0.05;
const KEEP_EVERY_MS = 5_000;
const RETRY_SECONDS = 5;

export interface DetectionWatch {
  /** Seconds by which the evaluation is behind the log; 0 for a workspace that another node evaluates. */
  lagSeconds(workspaceId: WorkspaceId): number;
  close(): Promise<void>;
}

export function watchDetections(options: EvaluatorOptions): DetectionWatch {
  const { pool, nodeId, logger, metrics } = options;
  const running = new Map<WorkspaceId, Runner>();
  const lanes = new Lanes<Lease>({
    what: 'detections',
    logger,
    lease: (held) => leaseEvaluators(pool, nodeId, held),
    idOf: ({ workspaceId }) => workspaceId,
    run: async (lease, signal) => {
      const runner = new Runner(options, lease, signal);
      running.set(lease.workspaceId, runner);
      try {
        await runner.run();
      } finally {
        running.delete(lease.workspaceId);
      }
    },
  });
  const each = (read: (runner: Runner) => number): number => Math.max(0, ...[...running.values()].map(read));
  metrics.gauge('hivekey_detections_lag_seconds', 'Age of the oldest entry that detections have not seen.', () =>
    each((runner) => runner.lagSeconds()),
  );
  metrics.gauge('hivekey_detections_keys', 'Keys that rules keep in memory.', () => each((runner) => runner.keys()));
  metrics.gauge('hivekey_detections_evicted', 'Keys that fell out because there were too many.', () =>
    each((runner) => runner.evicted()),
  );
  return {
    lagSeconds: (workspaceId) => running.get(workspaceId)?.lagSeconds() ?? 0,
    close: () => lanes.close(),
  };
}

class Runner {
  readonly #options: EvaluatorOptions;
  readonly #lease: Lease;
  readonly #signal: AbortSignal;
  readonly #policies: PoliciesBefore;
  #evaluation: Evaluation | undefined;
  #nextSeq = 1;
  #checkpoint = 0;
  #written: Position = { seq: 0, checkpoint: 0 };
  #savedAt = performance.now();
  #saveAfterMs = SAVE_AFTER_MS;
  #keptAt = performance.now();
  #unsaved = 0;
  /** Time of the record that is evaluated, while there are more behind it. */
  #behindMs: number | undefined;

  constructor(options: EvaluatorOptions, lease: Lease, signal: AbortSignal) {
    this.#options = options;
    this.#lease = lease;
    this.#signal = signal;
    this.#policies = new PoliciesBefore(options.pool, lease.workspaceId);
  }

  lagSeconds(): number {
    return this.#behindMs === undefined ? 0 : Math.max(0, (this.#options.clock() - this.#behindMs) / 1000);
  }

  keys(): number {
    return this.#sum(({ keys }) => keys);
  }

  evicted(): number {
    return this.#sum(({ evicted }) => evicted);
  }

  /** Until the lease is lost, or the signal aborts. */
  async run(): Promise<void> {
    const { pool, logger } = this.#options;
    let failure: { why: string; retryInSeconds: number } | undefined;
    try {
      const evaluation = await this.#begin();
      if (evaluation !== undefined) {
        while (!this.#signal.aborted && (await this.#round(evaluation)));
        await this.#save(evaluation);
      }
    } catch (error) {
      if (error instanceof LeaseLost) return;
      const why = error instanceof Error ? error.message : String(error);
      failure = { why: why.slice(0, 500), retryInSeconds: RETRY_SECONDS };
      logger.warn({ err: error, workspace: this.#lease.workspaceId }, 'detections could not be evaluated');
    }
    await releaseEvaluator(pool, this.#lease, failure);
  }

  async #begin(): Promise<Evaluation | undefined> {
    const { pool } = this.#options;
    const { workspaceId } = this.#lease;
    const saved = await loadEvaluator(pool, this.#lease);
    if (saved === undefined) return undefined;
    const { snapshot } = saved;
    this.#nextSeq = saved.nextSeq;
    this.#checkpoint = saved.checkpoint;
    this.#written = saved.written;
    const settings =
      snapshot === undefined
        ? await settingsBefore(pool, workspaceId, saved.nextSeq)
        : await settingsAt(
            pool,
            workspaceId,
            Object.entries(snapshot.versions).map(([name, version]) => ({ name, version })),
          );
    const evaluation = new Evaluation({ settings, snapshot, decideAgain: this.#policies.decide });
    await this.#policies.prepare(evaluation.replaced);
    this.#evaluation = evaluation;
    return evaluation;
  }

  /** False: the lease is lost. */
  async #round(evaluation: Evaluation): Promise<boolean> {
    const { log, pool } = this.#options;
    const { workspaceId } = this.#lease;
    const news = new AbortController();
    const told = log.news(workspaceId, news.signal);
    try {
      const entries = await log.entries(workspaceId, this.#nextSeq);
      const last = entries.at(-1)?.seq ?? this.#nextSeq - 1;
      const checkpoints = await log.checkpointsBehind(workspaceId, this.#checkpoint, last);
      if (entries.length > 0 || checkpoints.length > 0) await this.#take(evaluation, entries, checkpoints);
      else {
        this.#behindMs = undefined;
        if (this.#unsaved > 0 && performance.now() - this.#savedAt > this.#saveAfterMs) await this.#save(evaluation);
        await Promise.race([told, pause(LOOK_EVERY_MS, this.#signal)]);
      }
    } finally {
      news.abort();
    }
    if (performance.now() - this.#keptAt < KEEP_EVERY_MS) return true;
    this.#keptAt = performance.now();
    return keepEvaluator(pool, this.#lease);
  }

  /** In the order of the log: a checkpoint comes behind the last entry that it covers. */
  async #take(
    evaluation: Evaluation,
    entries: readonly StoredEntry[],
    checkpoints: readonly SignedCheckpoint[],
  ): Promise<void> {
    const read = entries.map((entry) => {
      const record: LogRecord = parseJson(entry.canonical);
      return { entry, record };
    });
    const settings = await this.#settingsIn(read);
    await this.#policies.prepare(read.flatMap(({ record }) => replacedIn(record) ?? []));
    const outputs: Output[] = [];
    let nextCheckpoint = 0;
    const takeCheckpoints = (upTo: number): void => {
      for (; nextCheckpoint < checkpoints.length; nextCheckpoint += 1) {
        const checkpoint = checkpoints[nextCheckpoint];
        if (checkpoint === undefined || checkpoint.treeSize > upTo) return;
        this.#checkpoint = checkpoint.id;
        // Of a log that is not evaluated from its beginning, those before are no news.
        if (checkpoint.treeSize >= this.#nextSeq - 1) outputs.push(...evaluation.takeCheckpoint(checkpoint));
      }
    };
    let turnEnds = performance.now() + TURN_MS;
    takeCheckpoints(this.#nextSeq - 1);
    for (const { entry, record } of read) {
      outputs.push(...evaluation.take(entry, record, settings.get(entry.seq)));
      this.#nextSeq = entry.seq + 1;
      this.#behindMs = Date.parse(record.ts);
      takeCheckpoints(entry.seq);
      if (performance.now() < turnEnds) continue;
      await nextTurn();
      turnEnds = performance.now() + TURN_MS;
    }
    this.#unsaved += entries.length + checkpoints.length;
    await this.#write(outputs);
    if (performance.now() - this.#savedAt > this.#saveAfterMs || this.#unsaved > SAVE_AFTER_ENTRIES)
      await this.#save(evaluation);
  }

  async #write(outputs: readonly Output[]): Promise<void> {
    const { log, path } = this.#options;
    const { workspaceId } = this.#lease;
    const fresh = outputs.filter(({ at }) => !isUpTo(at, this.#written));
    const [last] = fresh.slice(-1);
    if (last === undefined) return;
    const changed = await writeOutputs(log, this.#lease, fresh);
    this.#written = last.at;
    if (changed.size > 0) path.invalidate(workspaceId);
  }

  /** By number of the entry that brings it; none for a version that removes. */
  async #settingsIn(
    read: readonly { readonly entry: StoredEntry; readonly record: LogRecord }[],
  ): Promise<ReadonlyMap<number, Setting>> {
    const { pool } = this.#options;
    const { workspaceId } = this.#lease;
    const found = new Map<number, Setting>();
    for (const { entry, record } of read) {
      const version = versionIn(record);
      if (version === undefined) continue;
      const setting = (await settingsAt(pool, workspaceId, [version])).get(version.name);
      if (setting !== undefined) found.set(entry.seq, setting);
    }
    return found;
  }

  async #save(evaluation: Evaluation): Promise<void> {
    const { pool } = this.#options;
    if (this.#unsaved === 0) return;
    const startedAt = performance.now();
    const saved = { nextSeq: this.#nextSeq, checkpoint: this.#checkpoint, snapshot: evaluation.snapshot() };
    if (!(await saveEvaluator(pool, this.#lease, saved))) throw new LeaseLost('another node evaluates the workspace');
    this.#savedAt = performance.now();
    this.#saveAfterMs = Math.max(SAVE_AFTER_MS, (this.#savedAt - startedAt) / SAVE_SHARE);
    this.#unsaved = 0;
  }

  #sum(read: (rule: { readonly keys: number; readonly evicted: number }) => number): number {
    const rules = Object.values(this.#evaluation?.stats().rules ?? {});
    return rules.reduce((sum, rule) => sum + read(rule), 0);
  }
}

/** Resolves also when the signal has been aborted before. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
