/**
 * The rules of a workspace over its log: a function of the sealed entries and signed checkpoints, and of nothing else. Which
 * rules are in force follows from the records of their versions, where these stand on the log; so a replay finds the same.
 */
import { sha256 } from '@hivekey/action-log';
import {
  createEngine,
  type Engine,
  type EngineState,
  type EvaluatorError,
  type Finding,
  type FlatEvent,
} from '@hivekey/detections';
import { flatEntry } from '@hivekey/siem';
import { z } from 'zod';
import type { LogRecord, SignedCheckpoint, StoredEntry } from '../log/index.ts';
import { type ChainFault, faultOf } from './chain.ts';
import { type Detection, loadDetections, type Setting, type Settings, severityOf } from './rule-set.ts';

/** A place on the log: an entry, or a checkpoint behind it. */
export interface Position {
  readonly seq: number;
  /** 0: the entry itself. */
  readonly checkpoint: number;
}

export interface Found {
  readonly kind: 'finding';
  readonly at: Position;
  readonly finding: Finding;
  readonly detection: string;
  readonly setting: Setting;
  readonly learned: boolean;
  /** The live test that it belongs to. */
  readonly testId: string | undefined;
}

export type Output =
  | Found
  | { readonly kind: 'error'; readonly at: Position; readonly error: EvaluatorError; readonly detection: string }
  /** An alert was closed. */
  | {
      readonly kind: 'closed';
      readonly at: Position;
      readonly alertId: string;
      readonly disposition: string | undefined;
    };

/** Enough to go on from: JSON. */
export interface Snapshot {
  readonly v: 1;
  readonly engine: EngineState;
  readonly versions: Readonly<Record<string, number>>;
  readonly lastSeq: number;
  /** Digest of a rule → when its last error was told, milliseconds. */
  readonly errors: Readonly<Record<string, number>>;
  readonly tests: Readonly<Record<string, { readonly detection: string; readonly engine: EngineState }>>;
  /** Policies that an edit has taken out of force, and when. */
  readonly replaced: Readonly<Record<string, number>>;
}

/** What a policy that was in force says about a call. */
export type DecideAgain = (call: FlatEvent, policy: string) => 'allow' | 'deny' | 'review' | undefined;

export interface EvaluationParts {
  readonly settings: Settings;
  readonly snapshot: Snapshot | undefined;
  readonly decideAgain: DecideAgain;
}

/** The rule that is on the integrity of the log. */
const INTEGRITY = 'D10';
/** Of a rule that throws again and again, one error is told in this time. */
const ERROR_EVERY_MS = 600_000;
/** The longest time after which a rule asks what the policy before would have said. */
const ASKED_WITHIN_MS = 2 * 3_600_000;

const versioned = z.object({ object_type: z.literal('detection'), object_id: z.string(), version: z.int() });
const started = z.object({ test_id: z.string(), detection: z.string() });
const ended = z.object({ test_id: z.string() });
const closed = z.object({ alert_id: z.string(), disposition: z.string().optional() });

/** A version of a detection that comes into force at an entry. */
export function versionIn(record: LogRecord): { readonly name: string; readonly version: number } | undefined {
  if (record.kind !== 'object.versioned' || record.object_type !== 'detection') return undefined;
  const { object_id: name, version } = versioned.parse(record);
  return { name, version };
}

/** The policy that an edit has taken out of force, where it may have been the stricter one. */
export function replacedIn(record: LogRecord): string | undefined {
  const { kind, prev_policy: policy, loosens } = record;
  return kind === 'policy.changed' && loosens !== false && typeof policy === 'string' ? policy : undefined;
}

export class Evaluation {
  readonly #decideAgain: DecideAgain;
  readonly #settings: Map<string, Setting>;
  readonly #tests = new Map<string, { readonly detection: string; readonly engine: Engine }>();
  readonly #errors: Map<string, number>;
  readonly #replaced: Map<string, number>;
  #detections: readonly Detection[];
  /** By id of the rule. */
  #owners: ReadonlyMap<string, Detection> = new Map();
  #engine: Engine;
  #lastSeq: number;

  constructor({ settings, snapshot, decideAgain }: EvaluationParts) {
    this.#decideAgain = decideAgain;
    this.#settings = new Map(settings);
    this.#errors = new Map(Object.entries(snapshot?.errors ?? {}));
    this.#replaced = new Map(Object.entries(snapshot?.replaced ?? {}));
    this.#lastSeq = snapshot?.lastSeq ?? 0;
    this.#detections = [];
    this.#engine = this.#load(snapshot?.engine);
    for (const [id, { detection, engine }] of Object.entries(snapshot?.tests ?? {}))
      this.#beginTest(id, detection, engine);
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Of policies that may still be asked: to be had at hand after a restart. */
  get replaced(): readonly string[] {
    return [...this.#replaced.keys()];
  }

  /** Rules that cannot run, with the reason. */
  get problems(): readonly Pick<Detection, 'name' | 'problem'>[] {
    return this.#detections.filter(({ problem }) => problem !== null);
  }

  stats() {
    return this.#engine.stats();
  }

  /** The next entry. `setting`: of the version that its record brings; undefined where it removes one. */
  take(entry: StoredEntry, record: LogRecord, setting: Setting | undefined): readonly Output[] {
    const at = { seq: entry.seq, checkpoint: 0 };
    this.#lastSeq = entry.seq;
    const outputs: Output[] = [];
    const fault = faultOf(entry);
    if (fault !== undefined) this.#tellFault(at, entry, record, fault, outputs);
    const { absent: _, ...stored } = entry;
    const event = flatEntry({ type: 'entry', ...stored, record });
    const isTest = record.synthetic === true;
    // A test has its own memory: what it makes up counts for no rule of the workspace. Its place on the log does.
    this.#run(at, this.#engine, isTest ? placeOf(event) : event, undefined, outputs);
    if (isTest && typeof record.run_id === 'string') {
      const test = this.#tests.get(record.run_id);
      if (test !== undefined) {
        const before = outputs.length;
        this.#run(at, test.engine, event, record.run_id, outputs);
        // One alert is what a test waits for.
        if (outputs.slice(before).some(({ kind }) => kind === 'finding')) this.#tests.delete(record.run_id);
      }
    }
    this.#follow(at, record, setting, outputs);
    return outputs;
  }

  takeCheckpoint({ id, treeSize, rootHash, createdAt }: SignedCheckpoint): readonly Output[] {
    const outputs: Output[] = [];
    const ts = createdAt.toISOString();
    const event = { kind: 'stream.checkpoint', event_id: `ckp_${id}`, ts, tree_size: treeSize, root_hash: rootHash };
    this.#run({ seq: treeSize, checkpoint: id }, this.#engine, event, undefined, outputs);
    return outputs;
  }

  snapshot(): Snapshot {
    return {
      v: 1,
      engine: this.#engine.state(),
      versions: Object.fromEntries(
        [...this.#settings].flatMap(([name, { version }]) => (version === null ? [] : [[name, version]])),
      ),
      lastSeq: this.#lastSeq,
      errors: Object.fromEntries(this.#errors),
      tests: Object.fromEntries(
        [...this.#tests].map(([id, { detection, engine }]) => [id, { detection, engine: engine.state() }]),
      ),
      replaced: Object.fromEntries(this.#replaced),
    };
  }

  /** What the record changes about what is evaluated behind it. */
  #follow(at: Position, record: LogRecord, setting: Setting | undefined, outputs: Output[]): void {
    switch (record.kind) {
      case 'object.versioned': {
        const version = versionIn(record);
        if (version === undefined) return;
        if (setting === undefined) this.#settings.delete(version.name);
        else this.#settings.set(version.name, setting);
        this.#engine = this.#load(this.#engine.state());
        return;
      }
      case 'rule_test.started': {
        const { test_id: id, detection } = started.parse(record);
        this.#beginTest(id, detection, undefined);
        return;
      }
      case 'rule_test.ended':
        this.#tests.delete(ended.parse(record).test_id);
        return;
      case 'alert.closed': {
        const { alert_id: alertId, disposition } = closed.parse(record);
        outputs.push({ kind: 'closed', at, alertId, disposition });
        return;
      }
      case 'policy.changed': {
        const nowMs = Date.parse(record.ts);
        const policy = replacedIn(record);
        if (policy !== undefined) this.#replaced.set(policy, nowMs);
        for (const [hash, sinceMs] of this.#replaced)
          if (sinceMs < nowMs - ASKED_WITHIN_MS) this.#replaced.delete(hash);
        return;
      }
      default:
    }
  }

  #load(state: EngineState | undefined): Engine {
    this.#detections = loadDetections(this.#settings);
    this.#owners = new Map(this.#detections.flatMap((each) => each.rules.map((rule) => [rule.document.id, each])));
    const rules = this.#detections.filter(({ document }) => document.enabled).flatMap((each) => each.rules);
    return createEngine(rules, state, { decideAgain: this.#decideAgain });
  }

  /** The rule under test runs whether or not it is switched on, and tells everything. */
  #beginTest(id: string, name: string, state: EngineState | undefined): void {
    const detection = this.#detections.find((each) => each.name === name);
    if (detection === undefined) return;
    const rules = detection.rules.map((rule) => ({ ...rule, document: { ...rule.document, suppressionSeconds: 0 } }));
    this.#tests.set(id, { detection: name, engine: createEngine(rules, state, { decideAgain: this.#decideAgain }) });
  }

  #run(at: Position, engine: Engine, event: FlatEvent, testId: string | undefined, outputs: Output[]): void {
    const { findings, errors } = engine.take(event);
    for (const finding of findings) this.#tell(at, finding, testId, outputs);
    for (const error of errors) {
      const nowMs = typeof event.ts === 'string' ? Date.parse(event.ts) : 0;
      if ((this.#errors.get(error.digest) ?? Number.NEGATIVE_INFINITY) > nowMs - ERROR_EVERY_MS) continue;
      this.#errors.set(error.digest, nowMs);
      outputs.push({ kind: 'error', at, error, detection: this.#owners.get(error.rule_id)?.name ?? error.ref });
    }
  }

  #tell(at: Position, finding: Finding, testId: string | undefined, outputs: Output[]): void {
    const detection = this.#owners.get(finding.rule_id);
    if (detection === undefined) return;
    const { document, version, name } = detection;
    outputs.push({
      kind: 'finding',
      at,
      finding: { ...finding, level: severityOf(detection, finding.level) },
      detection: name,
      setting: { document, version },
      learned: detection.rules.some((rule) => rule.document.learned),
      testId,
    });
  }

  #tellFault(at: Position, entry: StoredEntry, record: LogRecord, fault: ChainFault, outputs: Output[]): void {
    const detection = this.#detections.find(({ name }) => name === INTEGRITY);
    const [rule] = detection?.rules ?? [];
    if (detection?.document.enabled !== true || rule === undefined) return;
    const { id, ref, version, title, level } = rule.document;
    const made = [rule.digest, fault.clause, String(entry.seq), fault.found].join('\n');
    this.#tell(
      at,
      {
        id: `fnd_${sha256(Buffer.from(made)).toString('hex').slice(0, 26)}`,
        rule_id: id,
        ref,
        version,
        title,
        level,
        file_digest: rule.fileDigest,
        digest: rule.digest,
        engine_version: this.#engine.state().engine,
        clause: fault.clause,
        group: { shard: record.shard },
        key: record.shard,
        window: { from: record.ts, to: record.ts },
        count: 1,
        count_is_exact: true,
        evidence: [record.event_id],
        measured: { seq: entry.seq, expected: fault.expected, found: fault.found },
        reason:
          fault.clause === 'link'
            ? `The link of entry ${entry.seq} does not follow from the one before.`
            : `Entry ${entry.seq} is not what its hash was made of.`,
        suppressed: 0,
        synthetic: false,
      },
      undefined,
      outputs,
    );
  }
}

/** What is left of a test's event for the rules of the workspace: where it stands on the log. */
function placeOf({ kind: _, ...event }: FlatEvent): FlatEvent {
  const { event_id, ts, seq, shard, shard_seq, entry_hash, prev_hash, hash } = event;
  return { kind: 'synthetic', event_id, ts, seq, shard, shard_seq, entry_hash, prev_hash, hash };
}

/** Whether `one` lies before `other`, or is it. */
export function isUpTo(one: Position, other: Position): boolean {
  return one.seq < other.seq || (one.seq === other.seq && one.checkpoint <= other.checkpoint);
}
