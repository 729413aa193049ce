/**
 * The typed model of a policy: what role, guard and capability documents become after checking.
 * Everything here is plain, frozen data; the compiled decision function is built from it.
 */

/** `review` means: a person must decide before the action runs. The strictest verdict wins: deny > review > allow. */
export type Verdict = 'allow' | 'deny' | 'review';

/** Why a decision came out as it did; the live stream prints `deny · cap`, `deny · guard`, `deny · scope`. */
export type ReasonClass =
  | 'granted'
  | 'scope'
  | 'guard'
  | 'cap'
  | 'rate'
  | 'freeze'
  | 'containment'
  | 'credential'
  | 'error';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** One key of `when` beside `field`. `all`, `any` and `not` nest further conditions. */
export type Condition =
  | { readonly field: string; readonly operator: Operator; readonly operand: JsonValue }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

export type Operator =
  | 'eq'
  | 'ne'
  | 'in'
  | 'notIn'
  | 'lt'
  | 'lte'
  | 'gt'
  | 'gte'
  | 'between'
  | 'startsWith'
  | 'endsWith'
  | 'contains'
  | 'domainIn'
  | 'pathUnder'
  | 'matches'
  | 'exists'
  /** Of a prerequisite, and of a first use, alone. */
  | 'within';

/** Who shares one counter. */
export type CounterScope = 'agent' | 'role' | 'owner' | 'workspace';

/** A sliding window: trailing `windowSeconds`, never a calendar bucket. */
export interface WindowCondition {
  readonly kind: 'sum' | 'count';
  /** Impact unit summed (`usd`, `records_read`); absent for `count`. Money is counted in integer minor units. */
  readonly unit?: string;
  readonly windowSeconds: number;
  /** Largest total allowed inside any window, this call included; integer (minor units for money). */
  readonly limit: number;
  readonly scope: CounterScope;
  /** Capabilities whose calls are counted; `*` counts every capability. */
  readonly over: readonly string[];
  /** A counter for each value of this: `payee`, `session`, `action`, or an argument. */
  readonly per?: string;
  /** Counts only what no person had approved. */
  readonly unattended?: true;
}

/** Who must approve a held call. */
export interface ApprovalRequirement {
  /** Different people; at least as many as groups. */
  readonly people: number;
  /** Each is spoken for by a person of its own. Sorted. */
  readonly groups: readonly string[];
  /** How long there is to decide and to run. */
  readonly withinSeconds: number;
}

export interface Guard {
  readonly id: string;
  /** Capability the guard applies to, `crm.*`, or `*`. */
  readonly action: string;
  readonly when: Condition | WindowCondition;
  readonly effect: Verdict;
  readonly otherwise: Verdict;
  /** Who must approve what it holds; absent: one person, within the hour. */
  readonly approval?: ApprovalRequirement;
  /** Evaluated and recorded, never enforced. */
  readonly mode?: 'shadow';
  /** Role that carries the guard, or `workspace`. */
  readonly origin: string;
  /** The guard as a spoken sentence, for traces and the console. */
  readonly sentence: string;
}

/** How many units of something one call spends, taken from its validated arguments. */
export type ImpactRule = (
  | { readonly kind: 'constant'; readonly amount: number }
  /** A number found at `field`, or the sum of several (`items[].amount`); for money `currency` is set and the result is in minor units. */
  | {
      readonly kind: 'field';
      readonly field: string;
      readonly currency?: string;
      readonly minor?: boolean;
      readonly currencyField?: string;
    }
  /** Number of elements of the array at `field`. */
  | { readonly kind: 'length'; readonly field: string }
) & { readonly settle?: SettleRule };

/** How the answer of a call tells what it really spent. Without one of `field` and `length`, only errors settle. */
export interface SettleRule {
  /** In the structured content of the result; for money in major units of the declared currency. */
  readonly field?: string;
  readonly length?: string;
  readonly minor?: boolean;
  readonly currencyField?: string;
  /** A call that the tool answers with an error has spent nothing. */
  readonly errors?: 'release';
}

/** What came back of a call. */
export interface CallAnswer {
  readonly isError: boolean;
  /** Structured content of the result. */
  readonly content: JsonValue | undefined;
}

/** How the tool itself knows the call, as its answer tells it; undefined where it does not. */
export type ReadToolReference = (answer: CallAnswer) => string | undefined;

/** unit → integer amount that the call spent, of the units that its answer tells. */
export type Settlement = (answer: CallAnswer) => Readonly<Record<string, number>>;

export interface Capability {
  /** Canonical dotted name (`payments.pay`) or one word (`deploy`). ASCII. */
  readonly name: string;
  readonly description: string;
  readonly access: 'read' | 'write';
  readonly destructive: boolean;
  /** unit name → how a call's amount is found. */
  readonly impact: Readonly<Record<string, ImpactRule>>;
  /** JSON Schema (2020-12) of the arguments, when known; lets guards be checked against it. */
  readonly inputSchema?: JsonObject;
  /** Whether a call reaches beyond the company. Absent: nobody has said. Decides nothing; stands on records. */
  readonly external?: boolean;
  /** The arguments that say what a call is about. They decide nothing; their values stand on records. */
  readonly about?: CallSubjects;
  /** Path in the structured content of the result (`id`, `charge.id`): how the tool itself knows the call. Decides nothing; stands on records. */
  readonly reference?: string;
}

/** Arguments by their paths (`order.vendor`), or what was found there. */
export interface CallSubjects {
  /** Who is paid. Without it, the `to`, `payee` or `recipient` of a call that spends money. */
  readonly payee?: string;
  /** Where it is sent to. Without it, the domain of the `to` of a call that reaches outside. */
  readonly dest?: string;
  /** What it is done to. */
  readonly resource?: string;
}

export interface Role {
  readonly name: string;
  readonly description: string;
  readonly revision: number;
  readonly allow: readonly string[];
  readonly guards: readonly Guard[];
}

/** What a change freeze stops. Values of one member are alternatives; all members that name any must fit. */
export interface FreezeScope {
  /** Capabilities, `crm.*`, or `*`. */
  readonly actions: readonly string[];
  /** `write` and `read` are the access of the capability; `destructive` is what cannot be undone. */
  readonly classes: readonly FreezeClass[];
  /** Roles worn by the agent, granting or not. */
  readonly roles: readonly string[];
  readonly environments: readonly string[];
  /** Changes of what decides, by type of object, or `*`; absent: none. Where nothing else but environments is named, no action is denied. */
  readonly changes?: readonly FrozenChange[];
}

/** What change control knows, and `*` for all of it. */
export type FrozenChange =
  | '*'
  | 'role'
  | 'workspace_guards'
  | 'capability'
  | 'freeze'
  | 'sources'
  | 'assignment'
  | 'mcp_server'
  | 'http_api'
  | 'definition'
  | 'person_authority'
  | 'breaker'
  | 'detection'
  | 'approval_reminders'
  | 'agent_settings'
  | 'containment_settings'
  | 'change_settings';

export type FreezeClass = 'read' | 'write' | 'destructive';

/** A time in which a freeze does not bind, agreed by two people. Epoch milliseconds; the end is outside. */
export interface FreezeOverride {
  readonly id: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A change freeze: while it is in force, what is in its scope is denied. */
export interface Freeze {
  readonly name: string;
  readonly description: string;
  /** IANA, `Europe/Berlin`. */
  readonly timeZone: string;
  /** Wall times of that zone, `2026-12-18T18:00:00`: the first time it is in force. */
  readonly starts: string;
  readonly ends: string;
  /** RFC 5545 recurrence rule of `starts`; each time lasts as long on the wall clock as the first. */
  readonly repeats?: string;
  readonly scope: FreezeScope;
  readonly overrides: readonly FreezeOverride[];
  readonly sentence: string;
}

/** All that can change a verdict, apart from live state. */
export interface PolicySet {
  readonly revision: number;
  readonly roles: readonly Role[];
  readonly workspaceGuards: readonly Guard[];
  readonly capabilities: readonly Capability[];
  /** Of this environment; in force or to come. */
  readonly freezes?: readonly Freeze[];
  /** What takes the place of roles of these names for the trial, beside them: it can change no verdict. */
  readonly candidates?: readonly Role[];
  /** Absent: nothing is trusted. */
  readonly sources?: Sources;
}

/** Where what led to a call came from. */
export type Provenance = 'trusted' | 'untrusted';

/** Whose content is trusted: capabilities, `crm.*` for those of a server, `*`. The narrowest mark counts. */
export interface Sources {
  readonly trusted: readonly string[];
  readonly untrusted: readonly string[];
  readonly unmarked: Provenance;
}

/**
 * What of the world has a say in a decision, as plain data: the evaluation reads nothing else. What is absent
 * takes the stricter branch.
 */
export interface StateView {
  /** The time by the database's clock, epoch milliseconds. Absent: every freeze is in force. */
  readonly atMs?: number;
  /** What was done before and not yet used, of that which the call asks for. */
  readonly prerequisites?: readonly MetPrerequisite[];
  /** Values that were used before, of those that the call asks about. */
  readonly used?: readonly UsedValue[];
  /** Whether what led to the call may have come from a source that is not trusted. */
  readonly provenance?: Provenance;
  /** What detectors say of the agent, its owner and the capability; empty where they say nothing. */
  readonly risks?: readonly Risk[];
}

export type RiskLevel = 'low' | 'medium' | 'high' | 'critical';

export interface Risk {
  readonly id: string;
  readonly level: RiskLevel;
  readonly untilMs: number;
}

/** Whose call a prerequisite has to be. */
export type PrerequisiteScope = 'session' | 'agent' | 'owner' | 'workspace';

/** An earlier call that was carried out, found again by its key. */
export interface MetPrerequisite {
  readonly key: string;
  readonly eventId: string;
  /** The gateway saw it succeed then. */
  readonly doneAtMs?: number;
  /** People had allowed it, and it was released then. */
  readonly approvedAtMs?: number;
}

/** A value of an argument that a call was carried out with, found again by its key. */
export interface UsedValue {
  readonly key: string;
  /** The newest such call. */
  readonly eventId: string;
  /** It was seen to succeed then. */
  readonly usedAtMs: number;
}

/** What a decision is asked about. Arguments have been decoded once, strictly. */
export interface DecisionRequest {
  readonly workspaceId: string;
  readonly agentId: string;
  readonly ownerId: string;
  /** Role names in force for this call. */
  readonly roles: readonly string[];
  /** Capability as resolved (dotted); an unknown one is simply not granted. */
  readonly capability: string;
  readonly arguments: JsonObject;
  /** For windows per session; a call without one takes the stricter branch there. */
  readonly sessionId?: string;
}

/** A window this call would enter if allowed; the recorder checks and reserves it in the transaction of the record. */
export interface WindowDemand {
  /** Stable counter key: `<scope>/<scope id>/<unit or count>/<sorted capabilities>`, and `/<per>:<digest>` where it is kept apart. Windows of different length share a counter. */
  readonly key: string;
  readonly guardId: string;
  readonly origin: string;
  readonly sentence: string;
  readonly kind: 'sum' | 'count';
  readonly unit?: string;
  readonly windowSeconds: number;
  readonly limit: number;
  /** Units this call adds; integer ≥ 0. */
  readonly amount: number;
  /** Who shares the counter; absent for the agent alone. */
  readonly scope?: Exclude<CounterScope, 'agent'>;
  readonly effect: Verdict;
  readonly otherwise: Verdict;
  /** Of a guard that is not enforced. */
  readonly shadow?: true;
  /** Steps of the evaluation's trace that come before this one, so that a trace keeps the order of the guards. */
  readonly afterSteps?: number;
}

/** An amount every matching counter must record if the call is allowed, whether or not a guard of this call reads it. */
export interface WindowCharge {
  readonly key: string;
  readonly amount: number;
  /** Absent for a count. */
  readonly unit?: string;
  /** Not of a call that people had approved. */
  readonly unattended?: true;
  /** Longest window any guard keeps on this key, so that entries can be pruned behind it. */
  readonly keepSeconds: number;
}

export interface TraceStep {
  readonly rule: string;
  readonly origin: string;
  readonly sentence: string;
  readonly result: Verdict;
  /** One sentence: what was compared with what. Never contains an argument marked sensitive. */
  readonly detail: string;
}

/** Everything that can be decided without counters. Feed it with usage to get the decision. */
export interface Evaluation {
  readonly verdict: Verdict;
  readonly reasonClass: ReasonClass;
  readonly reason: string;
  readonly rule?: string;
  /** Role that grants the capability (first in name order), when one does. */
  readonly role?: string;
  readonly roleRevision?: number;
  readonly trace: readonly TraceStep[];
  readonly demands: readonly WindowDemand[];
  readonly charges: readonly WindowCharge[];
  /** unit → integer amount of this call. */
  readonly impact: Readonly<Record<string, number>>;
  readonly policyHash: string;
  readonly policyRevision: number;
  /** For what is refused until a time that is known. */
  readonly retryAfterSeconds?: number;
  /** What of the state had a say: with it and the same policy, the same request is evaluated the same. */
  readonly read?: StateView;
  /** Answers of guards that are not enforced. */
  readonly shadow?: readonly TraceStep[];
  /** The evaluation holds at these times alone; the recorder compares its clock. Absent: at any time. */
  readonly holds?: { readonly fromMs: number; readonly untilMs: number };
  /** Events of the prerequisites that the call uses up if it is allowed. */
  readonly uses?: readonly string[];
  /** Keys under which the call can be found as a prerequisite of others, once it was carried out. */
  readonly meets?: readonly string[];
  /** Keys of the values that count as used, once the call was carried out. */
  readonly leaves?: readonly string[];
}

/** State of one window at the instant of the decision. */
export interface WindowUsage {
  /** Units already inside the trailing window. */
  readonly used: number;
  /** Seconds until enough leaves the window for this call to fit; absent when it can never fit. */
  readonly freesInSeconds?: number;
}

export interface Decision {
  readonly verdict: Verdict;
  readonly reasonClass: ReasonClass;
  readonly reason: string;
  readonly rule?: string;
  readonly role?: string;
  readonly roleRevision?: number;
  readonly trace: readonly TraceStep[];
  readonly impact: Readonly<Record<string, number>>;
  readonly policyHash: string;
  readonly policyRevision: number;
  /** For a refused window: units still free, of which unit (absent for calls), and when the call would fit. */
  readonly remaining?: number;
  readonly remainingUnit?: string;
  readonly retryAfterSeconds?: number;
  /** As on the evaluation. */
  readonly read?: StateView;
  /** Answers of guards that are not enforced, stricter than the verdict: what they would have refused or held. */
  readonly shadow?: readonly TraceStep[];
  /** Steps of the trace whose counter others share, with what an agent may be told of them; see `toldToAgent`. */
  readonly shared?: readonly SharedStep[];
}

export interface SharedStep {
  /** Index in the trace. */
  readonly step: number;
  readonly told: string;
  /** The reason, and what remains, are of this step. */
  readonly decides: boolean;
}

/** A checked policy, ready to decide. */
export interface CompiledPolicy {
  readonly hash: string;
  readonly revision: number;
  /** The grants of these roles together, sorted. The tool list and the call check both read this. */
  granted(roles: readonly string[]): ReadonlySet<string>;
  /** What a call of the capability brings back. */
  content(capability: string): Provenance;
  /** Keys of the prerequisites that the call asks for, to be looked up for the state. */
  prerequisites(request: DecisionRequest): readonly string[];
  /** Keys of the values that the call asks about, whether they were used before; to be looked up for the state. */
  usedValues(request: DecisionRequest): readonly string[];
  /** Pure, total, never throws: an internal error is a deny with reason class `error`. */
  evaluate(request: DecisionRequest, state?: StateView): Evaluation;
  /** Undefined where no answer of the capability tells what its call spent. */
  settlement(capability: string): Settlement | undefined;
  /** Undefined where the capability does not say how its tool knows a call. */
  reference(capability: string): ReadToolReference | undefined;
  /** What a call is about, of what `args` show: what the definition names, and nothing that they hide. */
  about(capability: string, args: JsonObject): CallSubjects & Pick<Capability, 'external'>;
  /** The largest amount, in minor units, that guards let these roles spend in one call without a person; undefined where none compares it. */
  approvalThreshold(roles: readonly string[], capability: string): number | undefined;
}

/** A finding in a document, with its place. Lines and columns count from 1. */
export interface DocumentProblem {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };
