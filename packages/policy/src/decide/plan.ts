/** What the calls of a capability need, compiled as it is asked for: measures, counters to charge, guards. */
import type { Capability, Guard, ReasonClass, TraceStep, WindowCondition } from '../model.ts';
import { currencyOf, formatMoney, unitOf } from '../values/money.ts';
import { type AmountSlot, boundsOf, compileCondition, scaled, type Test } from './condition.ts';
import { type FirstUse, firstUseOf, keyOnce } from './first-use.ts';
import type { PlannedFreeze } from './freezes.ts';
import type { GuardIndex, IndexedGuard } from './guard-index.ts';
import { partsOf } from './kept-apart.ts';
import type { KeyTemplate } from './keys.ts';
import { type Measure, measureOf, moneyUnitOf, type Spending, spendingOf } from './measure.ts';
import { Prerequisite, type StepKey } from './prerequisites.ts';

export interface Outcome {
  readonly step: TraceStep;
  readonly reasonClass: ReasonClass;
}

interface ConditionStep {
  readonly kind: 'condition';
  readonly test: Test;
  /** By truth: false, true, then the unknowns. */
  readonly outcomes: readonly Outcome[];
  /** The amount that is compared, to be told in the trace. */
  readonly told: { readonly slot: number; readonly currency: string } | undefined;
  /** Measures that the test reads. */
  readonly slots: readonly number[];
  readonly prerequisites: readonly Prerequisite[];
  readonly firstUses: readonly FirstUse[];
  readonly readsState: boolean;
  readonly isShadow: boolean;
  /** Of a guard that compares the amount alone and has what is above wait for people: the largest it lets through, in minor units. */
  readonly holdsAbove: number | undefined;
}

export interface WindowStep {
  readonly kind: 'window';
  readonly guard: Guard;
  readonly origin: string;
  readonly window: WindowCondition;
  readonly key: KeyTemplate;
  /** Measure of the unit; none for a count. */
  readonly slots: readonly number[];
  readonly isShadow: boolean;
  readonly holdsAbove: undefined;
}

export type Step = ConditionStep | WindowStep;

export interface ChargePlan {
  readonly key: KeyTemplate;
  /** Undefined for a count. */
  readonly unit: string | undefined;
  /** Undefined for a count. */
  readonly slot: number | undefined;
  readonly keepSeconds: number;
  readonly unattended: boolean;
  /** Charged when the amount cannot be known: it fills the largest window. */
  readonly unknownAmount: number;
}

export interface MeasuredUnit {
  readonly unit: string;
  readonly spending: Spending;
  readonly measure: Measure;
}

export class CapabilityPlan {
  readonly name: string;
  readonly charges: readonly ChargePlan[];
  readonly freezes: readonly PlannedFreeze[];
  readonly stepKeys: readonly StepKey[];
  /** What a call leaves for those that ask about first uses. */
  readonly leaves: readonly FirstUse[];
  readonly #index: GuardIndex;
  readonly #capability: Capability | undefined;
  readonly #guards: ReadonlyMap<string, readonly IndexedGuard[]>;
  readonly #steps = new Map<string, readonly Step[]>();
  /** Grows while guards are compiled; a slot, once given, stays. */
  readonly #units: MeasuredUnit[] = [];
  readonly #slots = new Map<string, number>();

  constructor(name: string, index: GuardIndex) {
    this.name = name;
    this.#index = index;
    this.#capability = index.capability(name);
    this.#guards = index.applicable(name);
    for (const unit of Object.keys(this.#capability?.impact ?? {})) this.#place(unit, 'declared');
    this.charges = this.#chargePlans(index.windows(name));
    this.freezes = index.freezes(name);
    this.stepKeys = index.stepKeys(name);
    this.leaves = keyOnce(index.usesOf(name).map(({ test, origin }) => firstUseOf(test, origin)));
  }

  /** By slot. */
  get units(): readonly MeasuredUnit[] {
    return this.#units;
  }

  /** The guards of a role, or of `workspace`, for this capability, in document order. */
  steps(origin: string): readonly Step[] {
    const held = this.#steps.get(origin);
    if (held !== undefined) return held;
    const steps = (this.#guards.get(origin) ?? []).map((indexed) => this.#step(indexed));
    this.#steps.set(origin, steps);
    return steps;
  }

  #place(unit: string, spending: Spending): number {
    const id = `${unit} ${spending}`;
    const held = this.#slots.get(id);
    if (held !== undefined) return held;
    this.#slots.set(id, this.#units.length);
    return this.#units.push({ unit, spending, measure: measureOf(unit, spending, this.#capability) }) - 1;
  }

  #step(indexed: IndexedGuard): Step {
    const { guard, origin, outcomes, comparesAmount, test, prerequisites: needed, readsState } = indexed;
    const { when } = guard;
    const isShadow = guard.mode === 'shadow';
    if ('kind' in when) {
      const slot = this.#windowSlot(when);
      const slots = slot === undefined ? [] : [slot];
      return {
        kind: 'window',
        guard,
        origin,
        window: when,
        key: keyOf(origin, when),
        slots,
        isShadow,
        holdsAbove: undefined,
      };
    }
    const slots = new Set<number>();
    const amountSlot: AmountSlot = (currency) => {
      const found = this.#amountSlot(currency);
      if (found !== undefined) slots.add(found.slot);
      return found;
    };
    const compiled = test ?? compileCondition(when, amountSlot, origin);
    const told = comparesAmount && 'field' in when ? amountSlot(boundsOf(when.operand).currency) : undefined;
    const prerequisites = needed.map(({ field, operand }) => new Prerequisite(field, operand));
    return {
      kind: 'condition',
      test: compiled,
      outcomes,
      told,
      slots: [...slots],
      prerequisites,
      firstUses: indexed.firstUses.map((each) => firstUseOf(each, origin)),
      readsState,
      isShadow,
      holdsAbove: told === undefined ? undefined : holdsAbove(guard, told.currency),
    };
  }

  /** Where `amount` is found; undefined means the bare argument. */
  #amountSlot(currency: string | undefined): ReturnType<AmountSlot> {
    const unit = moneyUnitOf(this.#capability);
    const declared = unit === undefined ? undefined : currencyOf(unit);
    const asked = currency ?? declared;
    if (asked === undefined) return undefined;
    const spending = declared === undefined ? 'amount' : asked === declared ? 'declared' : 'otherCurrency';
    return { slot: this.#place(unitOf(asked), spending), currency: asked };
  }

  #windowSlot({ kind, unit, over }: WindowCondition): number | undefined {
    if (kind === 'count' || unit === undefined) return undefined;
    return this.#place(unit, spendingOf(unit, this.name, this.#capability, over, this.#index));
  }

  #chargePlans(guards: readonly IndexedGuard[]): ChargePlan[] {
    const charges = guards.flatMap(({ guard, origin }) => {
      const { when } = guard;
      if (!('kind' in when)) return [];
      const { windowSeconds: keepSeconds, limit: unknownAmount, unit, unattended = false } = when;
      return [{ key: keyOf(origin, when), unit, slot: this.#windowSlot(when), keepSeconds, unattended, unknownAmount }];
    });
    return chargeOnce(charges);
  }
}

/** Of a single comparison of the amount. */
function holdsAbove({ when, effect, otherwise }: Guard, currency: string): number | undefined {
  if (!('field' in when)) return undefined;
  const { numbers, currency: written } = boundsOf(when.operand);
  const bound = numbers.at(-1);
  if (bound === undefined) return undefined;
  const minor = written === undefined ? scaled(bound, currency) : bound;
  switch (when.operator) {
    case 'lte':
    case 'between':
      return otherwise === 'review' ? Math.floor(minor) : undefined;
    case 'lt':
      return otherwise === 'review' ? Math.ceil(minor) - 1 : undefined;
    case 'gt':
      return effect === 'review' ? Math.floor(minor) : undefined;
    case 'gte':
      return effect === 'review' ? Math.ceil(minor) - 1 : undefined;
    default:
      return undefined;
  }
}

/** Each counter once: several guards may keep windows on one. */
export function chargeOnce(charges: readonly ChargePlan[]): ChargePlan[] {
  const found = new Map<string, ChargePlan>();
  for (const charge of charges) {
    const { scope, role, rest, per } = charge.key;
    const id = `${scope}/${role ?? ''}/${rest}/${per?.name ?? ''}`;
    const held = found.get(id) ?? charge;
    found.set(id, {
      ...charge,
      keepSeconds: Math.max(held.keepSeconds, charge.keepSeconds),
      unknownAmount: Math.max(held.unknownAmount, charge.unknownAmount),
    });
  }
  return [...found.values()];
}

function keyOf(origin: string, window: WindowCondition): KeyTemplate {
  const { scope, per } = window;
  return {
    scope,
    role: scope === 'role' && origin !== 'workspace' ? origin : undefined,
    rest: countedIn(window),
    per: per === undefined ? undefined : { name: per, parts: partsOf(per) },
  };
}

/** What of a counter's key tells what is counted: `usd/payments.*`, `unattended usd/payments.*`. */
export function countedIn({ kind, unit, over, unattended }: WindowCondition): string {
  const counted = kind === 'count' ? 'count' : (unit ?? '');
  return `${unattended === true ? `unattended ${counted}` : counted}/${[...over].sort().join(',')}`;
}

/** "$300.00: amount is more than $200.00" */
export function tellAmount(
  { rule, origin, sentence, result, detail }: TraceStep,
  amount: number,
  currency: string,
): TraceStep {
  return { rule, origin, sentence, result, detail: `${formatMoney(amount, currency)}: ${detail}` };
}
