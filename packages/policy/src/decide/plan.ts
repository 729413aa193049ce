/** What the calls of a capability need, compiled as it is asked for: measures, counters to charge, guards. */
import type { Capability, CounterScope, Guard, ReasonClass, TraceStep, WindowCondition } from '../model.ts';
import { currencyOf, formatMoney, unitOf } from '../values/money.ts';
import { type AmountSlot, boundsOf, compileCondition, type Test } from './condition.ts';
import type { GuardIndex, IndexedGuard } from './guard-index.ts';
import { type Measure, measureOf, moneyUnitOf, type Spending, spendingOf } from './measure.ts';

export interface Outcome {
  readonly step: TraceStep;
  readonly reasonClass: ReasonClass;
}

export interface ConditionStep {
  readonly kind: 'condition';
  readonly test: Test;
  /** By truth: false, true, then the unknowns. */
  readonly outcomes: readonly Outcome[];
  /** The amount that is compared, to be told in the trace. */
  readonly told: { readonly slot: number; readonly currency: string } | undefined;
}

export interface WindowStep {
  readonly kind: 'window';
  readonly guard: Guard;
  readonly origin: string;
  readonly window: WindowCondition;
  /** Measure of the unit; -1 for a count. */
  readonly slot: number;
  readonly key: KeyTemplate;
}

export type Step = ConditionStep | WindowStep;

/** `<scope>/<scope id>/<rest>` */
export interface KeyTemplate {
  readonly scope: CounterScope;
  /** The role that shares the counter; absent for a workspace guard, whose counter each granting role has. */
  readonly role: string | undefined;
  readonly rest: string;
}

export interface ChargePlan {
  readonly key: KeyTemplate;
  readonly slot: number;
  readonly keepSeconds: number;
  /** Charged when the amount cannot be known: it fills the largest window. */
  readonly unknownAmount: number;
}

interface MeasuredUnit {
  readonly unit: string;
  readonly measure: Measure;
  /** Part of the call's impact; otherwise measured for one counter only. */
  readonly told: boolean;
}

export class CapabilityPlan {
  readonly name: string;
  /** Grows while guards are compiled; a slot, once given, stays. */
  readonly units: MeasuredUnit[] = [];
  readonly charges: readonly ChargePlan[];
  readonly #index: GuardIndex;
  readonly #capability: Capability | undefined;
  readonly #guards: ReadonlyMap<string, readonly IndexedGuard[]>;
  readonly #steps = new Map<string, readonly Step[]>();
  readonly #slots = new Map<string, number>();

  constructor(name: string, index: GuardIndex) {
    this.name = name;
    this.#index = index;
    this.#capability = index.capability(name);
    this.#guards = index.applicable(name);
    for (const unit of Object.keys(this.#capability?.impact ?? {})) this.#place(unit, 'declared');
    this.charges = this.#chargePlans(index.windows(name));
  }

  /** The guards of a role, or of `workspace`, for this capability, in document order. */
  steps(origin: string): readonly Step[] {
    const held = this.#steps.get(origin);
    if (held !== undefined) return held;
    const steps = (this.#guards.get(origin) ?? []).map((indexed) => this.#step(indexed));
    this.#steps.set(origin, steps);
    return steps;
  }

  #slot(unit: string, over: readonly string[]): number {
    const index = this.#index;
    const spending = spendingOf(unit, this.name, this.#capability, over, (...asked) => index.declaredUnder(...asked));
    return this.#place(unit, spending);
  }

  #place(unit: string, spending: Spending): number {
    const id = `${unit} ${spending}`;
    const held = this.#slots.get(id);
    if (held !== undefined) return held;
    this.#slots.set(id, this.units.length);
    const measure = measureOf(unit, spending, this.#capability);
    return this.units.push({ unit, measure, told: spending !== 'none' }) - 1;
  }

  /** Where `amount` is found; undefined means the bare argument. */
  readonly #amountSlot: AmountSlot = (currency) => {
    const unit = moneyUnitOf(this.#capability);
    const declared = unit === undefined ? undefined : currencyOf(unit);
    if (declared === undefined)
      return currency === undefined ? undefined : { slot: this.#place(unitOf(currency), 'amount'), currency };
    const same = currency === undefined || currency === declared;
    return {
      slot: this.#place(unitOf(currency ?? declared), same ? 'declared' : 'otherCurrency'),
      currency: currency ?? declared,
    };
  };

  #step(indexed: IndexedGuard): Step {
    const { guard, origin, outcomes } = indexed;
    const { when } = guard;
    if ('kind' in when)
      return { kind: 'window', guard, origin, window: when, slot: this.#windowSlot(when), key: keyOf(origin, when) };
    const told =
      indexed.comparesAmount && 'field' in when ? this.#amountSlot(boundsOf(when.operand).currency) : undefined;
    const test = indexed.test ?? compileCondition(when, this.#amountSlot);
    return { kind: 'condition', test, outcomes, told };
  }

  #windowSlot({ kind, unit, over }: WindowCondition): number {
    return kind === 'count' || unit === undefined ? -1 : this.#slot(unit, over);
  }

  #chargePlans(guards: readonly IndexedGuard[]): ChargePlan[] {
    const plans = new Map<string, ChargePlan>();
    for (const { guard, origin } of guards) {
      const { when } = guard;
      if (!('kind' in when)) continue;
      const key = keyOf(origin, when);
      const id = `${key.scope}/${key.role ?? ''}/${key.rest}`;
      const held = plans.get(id);
      plans.set(id, {
        key,
        slot: this.#windowSlot(when),
        keepSeconds: Math.max(held?.keepSeconds ?? 0, when.windowSeconds),
        unknownAmount: Math.max(held?.unknownAmount ?? 0, when.limit),
      });
    }
    return [...plans.values()];
  }
}

function keyOf(origin: string, { kind, unit, scope, over }: WindowCondition): KeyTemplate {
  const rest = `${kind === 'count' ? 'count' : (unit ?? '')}/${[...over].sort().join(',')}`;
  return { scope, role: scope === 'role' && origin !== 'workspace' ? origin : undefined, rest };
}

/** "$300.00: amount is more than $200.00" */
export function tellAmount(
  { rule, origin, sentence, result, detail }: TraceStep,
  amount: number,
  currency: string,
): TraceStep {
  return { rule, origin, sentence, result, detail: `${formatMoney(amount, currency)}: ${detail}` };
}
