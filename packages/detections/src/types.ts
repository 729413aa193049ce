/** What rules are made of, and what they find. */
import type { Evaluator } from './evaluator.ts';

/** Levels of the Sigma specification 2.1.0, the lowest first. */
export const LEVELS = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Level = (typeof LEVELS)[number];

/**
 * The flat view of a sealed record or of a checkpoint (`kind` `stream.checkpoint`): names without dots, values that are
 * text, numbers, booleans or lists of them. `kind`, `ts` and `event_id` are in each; `seq`, `entry_hash`, `prev_hash`
 * and `hash` in each that is sealed.
 */
export type FlatEvent = Readonly<Record<string, unknown>>;

export type ParameterValue = number | string | boolean | readonly string[];

/** A number or list of a rule that the customer may set. */
export interface ParameterDocument {
  readonly description: string;
  readonly default: ParameterValue;
  /** Of a number or of a duration in seconds. */
  readonly min?: number;
  readonly max?: number;
}

/** What the file of a rule says about it, beside what it matches. */
export interface RuleDocument {
  /** UUID; the same in every version. */
  readonly id: string;
  /** `D01` for those that are shipped, else the name or id. */
  readonly ref: string;
  readonly version: number;
  readonly title: string;
  readonly description: string;
  /** Of a finding, unless its clause says otherwise. */
  readonly level: Level;
  readonly form: 'sigma' | 'native';
  /** After a finding, no other of the same rule and key for so long; 0: each is told. */
  readonly suppressionSeconds: number;
  /** Ids of the frameworks' catalogues that the rule supports: no statement about conformity. */
  readonly criteria: { readonly soc2: readonly string[]; readonly owasp_agentic: readonly string[] };
  readonly falsePositives: readonly string[];
  /** What to look at, and what to do, when it fires. */
  readonly response: string;
  /** Whether it rests on a learned baseline: such a rule informs, and never acts by itself. */
  readonly learned: boolean;
  /** Whether switching on an action is offered (D09, D10, D11, D13). */
  readonly offersAction: boolean;
  readonly parameters: Readonly<Record<string, ParameterDocument>>;
  /** Fields of the flat view that it reads. */
  readonly fields: readonly string[];
}

/** A rule that can run. Made by `loadRules`. */
export interface Rule {
  readonly document: RuleDocument;
  /** The file that it came from, as the caller names it. */
  readonly file: string;
  /** `sha256:<hex>` of the file's text. */
  readonly fileDigest: string;
  /** `sha256:<hex>` over all that has a say: files of it, of what it refers to and of filters on it; parameters. State is kept under it. */
  readonly digest: string;
  /** In force: the defaults, and what was set. */
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  /** With an empty memory. */
  start(outside: Outside): Evaluator;
}

/** What a rule has found. It is a function of the log up to its last event: a replay gives the same. */
export interface Finding {
  /** `fnd_` and 26 characters made of rule digest, clause, key and last event: the same whenever it is found again. */
  readonly id: string;
  readonly rule_id: string;
  readonly ref: string;
  readonly version: number;
  readonly title: string;
  readonly level: Level;
  /** `sha256:<hex>` of the rule's file, as in the report of its tests. */
  readonly file_digest: string;
  readonly digest: string;
  readonly engine_version: string;
  /** Which part of the rule, where it has several. */
  readonly clause?: string;
  /** Field → value that the events have in common. */
  readonly group: Readonly<Record<string, string>>;
  /** `group` as one text, for comparison: values joined by ` · `; empty where all events are one group. */
  readonly key: string;
  /** Event time, ISO 8601, UTC. Both ends are those of the window; `to` is the time of the last event. */
  readonly window: { readonly from: string; readonly to: string };
  /** How many events it rests on, also of those that are not listed. */
  readonly count: number;
  /** False where more events lie in the window than are kept one by one: `count` is then up to a sixtieth of the window off. */
  readonly count_is_exact: boolean;
  /** Newest at most 100 of them, the oldest first. */
  readonly evidence: readonly string[];
  /** What was measured, such as `{distinct: 6}` or `{sum: 30000, limit: 25000}`. */
  readonly measured: Readonly<Record<string, number | string>>;
  /** One sentence: what happened. */
  readonly reason: string;
  /** How many findings of this rule and key were suppressed since the one before. */
  readonly suppressed: number;
  /** Of the event that completed it, where it has them; they tie findings of one agent or run together. */
  readonly agent_id?: string;
  readonly agent?: string;
  readonly owner?: string;
  readonly run_id?: string;
  /** True where each event it rests on is a marked test. */
  readonly synthetic: boolean;
}

/** A rule threw on an event; it goes on with the next. The caller records `evaluator.error`. */
export interface EvaluatorError {
  readonly rule_id: string;
  readonly ref: string;
  readonly digest: string;
  readonly event_id: string;
  readonly message: string;
}

export interface Taken {
  readonly findings: readonly Finding[];
  readonly errors: readonly EvaluatorError[];
}

/** What the engine knows, as JSON. Belongs to the log up to the last event that was taken, and is saved with that cursor. */
export interface EngineState {
  readonly v: 1;
  /** What another version has kept is not used. */
  readonly engine: string;
  /** Milliseconds since 1970: the greatest event time so far. */
  readonly clock: number;
  /** The greatest number in the log so far; 0: none. */
  readonly seq: number;
  /** The newest events: id and entry hash. */
  readonly seen: readonly (readonly [id: string, hash: string])[];
  /** By `Rule.digest`. A rule whose digest has changed starts anew; state of rules that are gone is dropped. */
  readonly rules: Readonly<Record<string, { readonly evaluator: unknown; readonly suppression: unknown }>>;
}

export interface EngineStats {
  readonly events: number;
  readonly duplicates: number;
  /** By `ref`: keys in memory, and keys that fell out because there were too many. */
  readonly rules: Readonly<Record<string, { readonly keys: number; readonly evicted: number }>>;
}

export interface Engine {
  /**
   * The next event of the log, in `seq` order. Repeated `event_id`s are dropped. A signed checkpoint
   * (`kind: stream.checkpoint`) also tells the time to the rules that wait for something: nothing else does, so that a
   * replay of the same entries and checkpoints finds the same.
   */
  take(event: FlatEvent): Taken;
  state(): EngineState;
  stats(): EngineStats;
}

/** What the engine asks the outside, at the moment of an event. Both must answer the same on replay. */
export interface Outside {
  /**
   * D12b: what the policy `policy` (digest of a revision that was in force) says about the call. Undefined: it cannot
   * be told any more, and the rule does not match.
   */
  readonly decideAgain?: (call: FlatEvent, policy: string) => 'allow' | 'deny' | 'review' | undefined;
}
