/**
 * A policy over a recorded log: what it would have decided of each call, with windows and prerequisites as they
 * would have been then. Nothing is guessed. A call whose decision depends on what the log does not hold (masked
 * arguments, what was before the log begins, an earlier call of that kind) has no verdict here but a reason why.
 * Memory is bounded by what the windows hold, not by the length of the log.
 */

import { compilePolicy } from '../decide/compile.ts';
import { firstUsesIn } from '../decide/first-use.ts';
import { settle } from '../decide/settle.ts';
import type {
  CompiledPolicy,
  DecisionRequest,
  Evaluation,
  Guard,
  JsonObject,
  JsonValue,
  MetPrerequisite,
  PolicySet,
  Risk,
  StateView,
  Verdict,
  WindowUsage,
} from '../model.ts';
import { isList, isObject, member } from '../values/json.ts';
import { type Entered, ReplayedCounters } from './counters.ts';
import { watchArguments } from './redacted.ts';
import { ReplayedUses } from './uses.ts';

/** Why a call has no verdict. */
export type Unreplayable =
  /** A masked or shortened argument had a say. */
  | 'arguments'
  /** The recorded state does not hold what the policy asks for. */
  | 'state'
  /** A window reaches behind the beginning of the log, to the edge of its clock, or over calls that cannot be replayed. */
  | 'window'
  /** The record is not one that this version reads. */
  | 'record';

export interface ReplayedCall {
  readonly seq: number;
  readonly eventId: string;
  readonly ts: string;
  readonly agent: string;
  readonly action: string;
  readonly before: { readonly verdict: Verdict; readonly rule?: string; readonly reason: string };
  readonly after:
    | { readonly verdict: Verdict; readonly rule?: string; readonly reason: string }
    | { readonly unreplayable: Unreplayable; readonly detail: string };
}

export interface ReplayOptions {
  readonly set: PolicySet;
  /** The first record is the first of the log: before it there was nothing. */
  readonly isFromStart: boolean;
  /** Every call, in the order of the log. */
  readonly onCall: (call: ReplayedCall) => void;
}

/** Verdicts that no policy document decides: they stay. */
const OUTSIDE: ReadonlySet<string> = new Set(['containment', 'credential', 'error']);
const OUTSIDE_RULES: ReadonlySet<string> = new Set(['input schema', 'name', 'tool stop']);
/** Entrances that carry a call out themselves, so that its success is known. */
const CARRIED_OUT: ReadonlySet<string> = new Set(['mcp', 'http']);
const NO_SUCH_TOOL = 'scope: no such tool';
/** An open call whose result is not on the log yet is remembered for so long. */
const OPEN_CALL_MS = 7 * 86_400_000;
const MAX_OPEN_CALLS = 500_000;

interface OpenCall {
  readonly atMs: number;
  readonly entered: readonly Entered[];
  readonly meets: readonly string[];
  /** Undefined where nobody knows which. */
  readonly leaves: readonly string[] | undefined;
  /** The gateway saw the answer itself; what an agent says of its own tool is no proof of anything. */
  readonly isSeen: boolean;
  /** People had approved it. */
  readonly isReleased: boolean;
  /** Whether it was made at all under this policy. */
  readonly isSure: boolean;
}

export class Replay {
  readonly #policy: CompiledPolicy;
  /** The same counters, and no refusals: what a call would charge if it were allowed. */
  readonly #charging: CompiledPolicy;
  readonly #onCall: (call: ReplayedCall) => void;
  readonly #isFromStart: boolean;
  readonly #open = new Map<string, OpenCall>();
  readonly #met = new Map<string, MetPrerequisite[]>();
  #counters: ReplayedCounters | undefined;
  #used: ReplayedUses | undefined;
  #nowMs = Number.NEGATIVE_INFINITY;
  /** A call that may have met a prerequisite, nobody knows which. */
  #lostPrerequisites = false;

  constructor({ set, isFromStart, onCall }: ReplayOptions) {
    this.#policy = compilePolicy(set);
    this.#charging = compilePolicy(withoutRefusals(set));
    this.#isFromStart = isFromStart;
    this.#onCall = onCall;
  }

  /** Of the policy that is replayed. */
  get policyHash(): string {
    return this.#policy.hash;
  }

  /** Records in the order of the log, all kinds of them. */
  add(record: JsonObject, seq: number): void {
    // Made up by a test: nobody asked for it.
    if (member(record, 'synthetic') === true) return;
    const ts = textAt(record, 'ts');
    const atMs = Date.parse(ts);
    if (Number.isFinite(atMs)) this.#nowMs = Math.max(this.#nowMs, atMs);
    const knownFromMs = this.#isFromStart ? Number.NEGATIVE_INFINITY : this.#nowMs;
    this.#counters ??= new ReplayedCounters(knownFromMs);
    this.#used ??= new ReplayedUses(knownFromMs);
    const kind = member(record, 'kind');
    if (kind === 'tool.call') this.#call(record, seq, ts, this.#counters, this.#used);
    else if (kind === 'tool.result') this.#result(record, this.#used);
  }

  #call(record: JsonObject, seq: number, ts: string, counters: ReplayedCounters, uses: ReplayedUses): void {
    const verdict = verdictAt(record);
    const head = {
      seq,
      ts,
      eventId: textAt(record, 'event_id'),
      agent: textAt(record, 'agent'),
      action: textAt(record, 'action'),
    };
    const reason = textAt(record, 'reason');
    const before = { verdict: verdict ?? 'deny', reason, ...ruleOf(textAt(record, 'rule')) };
    if (verdict === undefined || !Number.isFinite(Date.parse(ts))) {
      this.#onCall({ ...head, before, after: { unreplayable: 'record', detail: 'the record has no verdict or time' } });
      return;
    }
    if (isOutside(record, verdict, reason)) {
      this.#onCall({ ...head, before, after: before });
      return;
    }
    const request = requestOf(record);
    const args = member(record, 'args');
    const watched = isObject(args) ? watchArguments(args) : undefined;
    if (watched === undefined) {
      counters.lose(this.#nowMs);
      this.#lostPrerequisites = true;
      this.#remember(head.eventId, { ...UNKNOWN_CALL, atMs: this.#nowMs, leaves: undefined });
      const detail = 'the arguments are not on the log';
      this.#onCall({ ...head, before, after: { unreplayable: 'arguments', detail } });
      return;
    }
    const asked = { ...request, arguments: watched.arguments };
    const state = this.#stateFor(asked, record, uses);
    const evaluation = this.#policy.evaluate(asked, state.view);
    if (watched.lookedAt.size > 0) {
      const masked = [...watched.lookedAt];
      this.#unknown(head.eventId, asked, watched.lookedAt, counters);
      const detail = `${masked.sort().join(', ')} is masked on the log`;
      this.#onCall({ ...head, before, after: { unreplayable: 'arguments', detail } });
      return;
    }
    const other = state.other === undefined ? evaluation : this.#policy.evaluate(asked, state.other);
    const isUnsureUse = other !== evaluation && answersOf(evaluation) !== answersOf(other);
    const lacking = state.isUnsure ? UNSURE_PREREQUISITE : isUnsureUse ? UNSURE_USE : lackingOf(evaluation, record);
    if (lacking !== undefined) {
      this.#unknown(head.eventId, asked, watched.lookedAt, counters);
      const detail = lacking;
      this.#onCall({ ...head, before, after: { unreplayable: 'state', detail } });
      return;
    }
    const decision = this.#settle(evaluation, counters);
    if (typeof decision === 'string') {
      this.#unknown(head.eventId, asked, watched.lookedAt, counters);
      this.#onCall({ ...head, before, after: { unreplayable: 'window', detail: decision } });
      return;
    }
    const isReleased = verdict === 'allow' && textAt(record, 'approval_id') !== '';
    const isApproved = decision.verdict === 'review' && isReleased;
    const after = isApproved ? { ...decision, verdict: 'allow' as const } : decision;
    if (after.verdict === 'allow')
      this.#allow(head.eventId, evaluation, counters, {
        isApproved,
        isReleased,
        isSeen: CARRIED_OUT.has(textAt(record, 'entrance')),
      });
    const told = { verdict: after.verdict, reason: after.reason, ...ruleOf(after.rule ?? '') };
    this.#onCall({ ...head, before, after: told });
  }

  /** The decision, or in words why it cannot be told: it would differ within what the windows may hold. */
  #settle(evaluation: Evaluation, counters: ReplayedCounters) {
    const usages: WindowUsage[] = [];
    for (const demand of evaluation.demands) {
      const { least, most } = counters.used(demand, this.#nowMs);
      const [fits, mayNot] = [least + demand.amount <= demand.limit, most + demand.amount > demand.limit];
      if (fits && mayNot && demand.shadow !== true)
        return `${demand.guardId}: ${Number.isFinite(most) ? 'calls at the edge of its window, or that cannot be replayed, have a say' : 'its window reaches behind the beginning of the log'}`;
      usages.push({ used: Math.min(least, Number.MAX_SAFE_INTEGER) });
    }
    return settle(evaluation, usages);
  }

  #allow(
    eventId: string,
    evaluation: Evaluation,
    counters: ReplayedCounters,
    { isApproved, isReleased, isSeen }: Pick<OpenCall, 'isSeen' | 'isReleased'> & { readonly isApproved: boolean },
  ): void {
    const charges = isReleased ? evaluation.charges.filter(({ unattended }) => !unattended) : evaluation.charges;
    const entered = counters.enter(charges, this.#nowMs, 'sure');
    for (const used of evaluation.uses ?? []) this.#use(used);
    const meets = evaluation.meets ?? [];
    if (isApproved) for (const key of meets) this.#keep(key, { key, eventId, approvedAtMs: this.#nowMs });
    const leaves = evaluation.leaves ?? [];
    this.#remember(eventId, { atMs: this.#nowMs, entered, meets, leaves, isSeen, isReleased, isSure: true });
  }

  /** A call that may or may not be made under this policy: what it would change is unsure from here on. */
  #unknown(eventId: string, request: DecisionRequest, lookedAt: Set<string>, counters: ReplayedCounters): void {
    lookedAt.clear();
    const { charges, leaves = [] } = this.#charging.evaluate(request, { atMs: this.#nowMs });
    this.#lostPrerequisites = true;
    // which of the counters that are kept apart, is hidden too
    if (lookedAt.size > 0 && charges.some(({ key }) => KEPT_APART.test(key))) counters.lose(this.#nowMs);
    const entered = counters.enter(charges, this.#nowMs, lookedAt.size > 0 ? 'unsure amount' : 'unsure');
    const isHidden = lookedAt.size > 0 && leaves.length > 0;
    this.#remember(eventId, { ...UNKNOWN_CALL, atMs: this.#nowMs, entered, leaves: isHidden ? undefined : leaves });
  }

  #remember(eventId: string, call: OpenCall): void {
    if (call.entered.length === 0 && call.meets.length === 0 && call.leaves?.length === 0) return;
    this.#forgetOld();
    this.#open.set(eventId, call);
  }

  #result(record: JsonObject, uses: ReplayedUses): void {
    const eventId = textAt(record, 'call_event_id');
    const call = this.#open.get(eventId);
    if (call === undefined) return;
    const outcome = textAt(record, 'outcome');
    const spent = member(record, 'spent');
    for (const { counter, index, charge } of call.entered) {
      const told = isObject(spent) && charge.unit !== undefined ? member(spent, charge.unit) : undefined;
      const amount = outcome === 'not_attempted' ? 0 : told;
      if (typeof amount === 'number') counter.credit(index, charge.amount - amount);
    }
    // what asked for input had done nothing yet
    const isDone = outcome === 'success' && textAt(record, 'error_code') !== 'input_required';
    if (isDone && call.isSeen) for (const key of call.meets) this.#keep(key, { key, eventId, doneAtMs: this.#nowMs });
    if (isDone && call.leaves === undefined) uses.lose(this.#nowMs);
    else if (isDone && (call.isSeen || call.isReleased || !call.isSure))
      uses.add(call.leaves ?? [], eventId, this.#nowMs, call.isSure);
    // what is unknown may still be told
    if (outcome !== 'unknown') this.#open.delete(eventId);
  }

  #keep(key: string, met: MetPrerequisite): void {
    const held = this.#met.get(key) ?? [];
    const same = held.find(({ eventId }) => eventId === met.eventId);
    if (same === undefined) this.#met.set(key, [...held, met]);
    else this.#met.set(key, [...held.filter((each) => each !== same), { ...same, ...met }]);
  }

  #use(eventId: string): void {
    for (const [key, met] of this.#met) {
      const left = met.filter((each) => each.eventId !== eventId);
      if (left.length === 0) this.#met.delete(key);
      else if (left.length < met.length) this.#met.set(key, left);
    }
  }

  /**
   * The state as of the call: what is recorded of it, and prerequisites and used values as this policy would have
   * left them. `other`: as it may have been as well.
   */
  #stateFor(
    request: DecisionRequest,
    record: JsonObject,
    uses: ReplayedUses,
  ): { readonly view: StateView; readonly other?: StateView; readonly isUnsure: boolean } {
    const recorded = recordedState(record);
    const keys = this.#policy.prerequisites(request);
    const view: StateView = {
      atMs: recorded.atMs ?? this.#nowMs,
      provenance: recorded.provenance ?? 'untrusted',
      risks: recorded.risks ?? UNRECORDED_RISKS,
      ...(keys.length === 0 ? {} : { prerequisites: keys.flatMap((key) => this.#met.get(key) ?? []) }),
    };
    const isUnsure = keys.length > 0 && (this.#lostPrerequisites || !this.#isFromStart);
    const values = this.#policy.usedValues(request);
    if (values.length === 0) return { view: { ...view, used: [] }, isUnsure };
    const { least, most } = uses.views(values, this.#nowMs);
    return { view: { ...view, used: least }, other: { ...view, used: most }, isUnsure };
  }

  #forgetOld(): void {
    for (const [eventId, { atMs }] of this.#open) {
      if (atMs > this.#nowMs - OPEN_CALL_MS && this.#open.size < MAX_OPEN_CALLS) return;
      this.#open.delete(eventId);
    }
  }
}

const UNSURE_PREREQUISITE = 'a call before it, that it depends on, is not on the log or cannot be replayed';
const UNSURE_USE = 'a value that it depends on may or may not have been used before';
/** Nobody knows whether it was made under this policy. */
const UNKNOWN_CALL = { entered: [], meets: [], isSeen: false, isReleased: false, isSure: false } as const;

/** What an evaluation answers, apart from what it has read. */
function answersOf({ verdict, reason, trace, demands, leaves }: Evaluation): string {
  return JSON.stringify([verdict, reason, trace, demands, leaves]);
}

/** Stands for risks that the record does not tell: a decision that has read it is none. */
const UNRECORDED_RISKS: readonly Risk[] = [];

function recordedState(record: JsonObject): Pick<StateView, 'atMs' | 'provenance' | 'risks'> {
  const state = member(record, 'state');
  if (!isObject(state)) return {};
  const atMs = Date.parse(textAt(state, 'at'));
  const provenance = member(state, 'provenance');
  const risks = member(state, 'risks');
  return {
    ...(Number.isFinite(atMs) ? { atMs } : {}),
    ...(provenance === 'trusted' || provenance === 'untrusted' ? { provenance } : {}),
    ...(isList(risks) ? { risks: risks.flatMap(riskOf) } : {}),
  };
}

const LEVELS: readonly Risk['level'][] = ['low', 'medium', 'high', 'critical'];

function riskOf(value: JsonValue): Risk[] {
  if (!isObject(value)) return [];
  const level = LEVELS.find((each) => each === member(value, 'level'));
  const untilMs = Date.parse(textAt(value, 'until'));
  return level === undefined || !Number.isFinite(untilMs) ? [] : [{ id: textAt(value, 'id'), level, untilMs }];
}

/** What the decision has read and the record does not hold; live decisions record all that they read. */
function lackingOf({ read }: Evaluation, record: JsonObject): string | undefined {
  const recorded = recordedState(record);
  if (read?.risks === UNRECORDED_RISKS) return 'risk signals of that time are not on the record';
  if (read?.provenance !== undefined && recorded.provenance === undefined)
    return 'the provenance of that time is not on the record';
  return undefined;
}

/** A key that ends in what the counter is kept apart by. */
const KEPT_APART = /:[^/]*$/;

function withoutRefusals(set: PolicySet): PolicySet {
  const counting = (guards: readonly Guard[]) =>
    guards.flatMap((guard): Guard[] =>
      'kind' in guard.when || firstUsesIn(guard.when).length > 0
        ? [{ ...guard, effect: 'allow', otherwise: 'allow' }]
        : [],
    );
  return {
    ...set,
    roles: set.roles.map((role) => ({ ...role, guards: counting(role.guards) })),
    workspaceGuards: counting(set.workspaceGuards),
    candidates: (set.candidates ?? []).map((role) => ({ ...role, guards: counting(role.guards) })),
    freezes: [],
  };
}

function isOutside(record: JsonObject, verdict: Verdict, reason: string): boolean {
  if (verdict !== 'deny') return false;
  // an approval that no longer binds refuses by itself
  if (textAt(record, 'approval_id') !== '') return true;
  return (
    OUTSIDE.has(textAt(record, 'reason_class')) || OUTSIDE_RULES.has(textAt(record, 'rule')) || reason === NO_SUCH_TOOL
  );
}

/** People are told apart by their address: records do not hold their ids. */
function requestOf(record: JsonObject): Omit<DecisionRequest, 'arguments'> {
  const roles = member(record, 'roles');
  const sessionId = textAt(record, 'session_id');
  return {
    workspaceId: textAt(record, 'workspace'),
    agentId: textAt(record, 'agent_id'),
    ownerId: textAt(record, 'owner'),
    roles: Array.isArray(roles) ? roles.filter((role: JsonValue) => typeof role === 'string') : [],
    capability: textAt(record, 'action'),
    ...(sessionId === '' ? {} : { sessionId }),
  };
}

function textAt(object: JsonObject, name: string): string {
  const value = member(object, name);
  return typeof value === 'string' ? value : '';
}

function verdictAt(record: JsonObject): Verdict | undefined {
  const verdict = member(record, 'verdict');
  return verdict === 'allow' || verdict === 'deny' || verdict === 'review' ? verdict : undefined;
}

function ruleOf(rule: string): { readonly rule?: string } {
  return rule === '' ? {} : { rule };
}
