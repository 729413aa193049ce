/** What a capability's calls need, compiled once: measures, counters to charge, and guards as they are asked for. */
import { patternsCovering } from '../documents/names.ts';
import { conditionInWords } from '../documents/sentence.ts';
import { stricterOf } from '../documents/verdicts.ts';
import type {
  Capability,
  Condition,
  CounterScope,
  Guard,
  PolicySet,
  ReasonClass,
  TraceStep,
  WindowCondition,
} from '../model.ts';
import { currencyOf, formatMoney } from '../values/money.ts';
import { type AmountSlot, compileCondition, FALSE, type Test, TRUE, UNKNOWNS } from './condition.ts';
import { amountMeasure, type Measure, measureOf, moneyUnitOf } from './measure.ts';

export interface ConditionStep {
  readonly kind: 'condition';
  readonly test: Test;
  /** By truth: false, true, then the unknowns. */
  readonly outcomes: readonly Outcome[];
  /** The measure that is compared, to be told in the trace. */
  readonly told?: { readonly slot: number; readonly currency: string };
}

export interface Outcome {
  readonly step: TraceStep;
  readonly reasonClass: ReasonClass;
}

export interface WindowStep {
  readonly kind: 'window';
  readonly guard: Guard;
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
  readonly role?: string;
  readonly rest: string;
}

export interface ChargePlan {
  readonly key: KeyTemplate;
  readonly slot: number;
  readonly keepSeconds: number;
  /** Charged when the amount cannot be known: it fills the largest window. */
  readonly unknownAmount: number;
}

export interface MeasuredUnit {
  readonly unit: string;
  readonly measure: Measure;
  /** Part of the call's impact; otherwise measured for one counter only. */
  readonly told: boolean;
}

export class CapabilityPlan {
  readonly name: string;
  readonly units: MeasuredUnit[] = [];
  readonly charges: readonly ChargePlan[];
  readonly #capability: Capability | undefined;
  readonly #guards: ReadonlyMap<string, readonly Guard[]>;
  readonly #steps = new Map<string, readonly Step[]>();
  readonly #slots = new Map<string, number>();

  constructor(name: string, capability: Capability | undefined, index: GuardIndex) {
    this.name = name;
    this.#capability = capability;
    this.#guards = index.applicable(name);
    for (const unit of Object.keys(capability?.impact ?? {})) this.#slot(unit, [name]);
    this.charges = this.#chargePlans(index.windows(name));
    // compiled now, so that every slot exists before the first decision
    for (const [origin, guards] of this.#guards)
      this.#steps.set(
        origin,
        guards.map((guard) => this.#step(guard)),
      );
  }

  /** The guards of a role, or of `workspace`, for this capability. */
  steps(origin: string): readonly Step[] {
    return this.#steps.get(origin) ?? [];
  }

  #slot(unit: string, over: readonly string[]): number {
    const measure = measureOf(unit, this.name, this.#capability, over);
    const declared = this.#capability !== undefined && Object.hasOwn(this.#capability.impact, unit);
    const named = over.some((pattern) => pattern !== '*');
    return this.#place(declared ? unit : `${unit} ${named ? 'named' : 'wide'}`, unit, measure, declared || named);
  }

  #place(id: string, unit: string, measure: Measure, told: boolean): number {
    const held = this.#slots.get(id);
    if (held !== undefined) return held;
    this.#slots.set(id, this.units.length);
    return this.units.push({ unit, measure, told }) - 1;
  }

  /** Where `amount` is found; undefined means the bare argument. */
  readonly #amountSlot: AmountSlot = (currency) => {
    const unit = moneyUnitOf(this.#capability);
    const declared = unit === undefined ? undefined : currencyOf(unit);
    if (unit !== undefined && declared !== undefined && (currency === undefined || currency === declared))
      return { slot: this.#slot(unit, [this.name]), currency: declared };
    if (currency === undefined) return undefined;
    const asked = currency.toLowerCase();
    if (declared !== undefined) return { slot: this.#slot(asked, [this.name]), currency };
    return { slot: this.#place(`${asked} amount`, asked, amountMeasure(currency), true), currency };
  };

  #step(guard: Guard): Step {
    const { when } = guard;
    if ('kind' in when)
      return { kind: 'window', guard, window: when, slot: this.#windowSlot(when), key: keyOf(guard, when) };
    const test = compileCondition(when, this.#amountSlot);
    const amount = comparesAmount(when);
    const told = amount ? this.#amountSlot(currencyIn(when)) : undefined;
    return {
      kind: 'condition',
      test,
      outcomes: outcomesOf(guard, when, amount),
      ...(told === undefined ? {} : { told }),
    };
  }

  #windowSlot({ kind, unit, over }: WindowCondition): number {
    return kind === 'count' || unit === undefined ? -1 : this.#slot(unit, over);
  }

  #chargePlans(guards: readonly Guard[]): ChargePlan[] {
    const plans = new Map<string, ChargePlan>();
    for (const guard of guards) {
      const { when } = guard;
      if (!('kind' in when)) continue;
      const key = keyOf(guard, when);
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

function keyOf(guard: Guard, { kind, unit, scope, over }: WindowCondition): KeyTemplate {
  const rest = `${kind === 'count' ? 'count' : (unit ?? '')}/${[...over].sort().join(',')}`;
  return scope === 'role' && guard.origin !== 'workspace' ? { scope, role: guard.origin, rest } : { scope, rest };
}

/** A single comparison of `amount`: being beyond it is being over a cap. */
function comparesAmount(when: Condition): boolean {
  return 'field' in when && when.field === 'amount' && ['lt', 'lte', 'gt', 'gte', 'between'].includes(when.operator);
}

function currencyIn(when: Condition): string | undefined {
  if (!('field' in when)) return undefined;
  const bound = Array.isArray(when.operand) ? when.operand[0] : when.operand;
  const found = typeof bound === 'string' ? /[A-Z]{3}|[$€£]/.exec(bound)?.[0] : undefined;
  return found === undefined ? undefined : ({ $: 'USD', '€': 'EUR', '£': 'GBP' }[found] ?? found);
}

/** The trace steps a condition can end in, made once. */
function outcomesOf({ id, origin, sentence, effect, otherwise }: Guard, when: Condition, amount: boolean): Outcome[] {
  const words = conditionInWords(when);
  const negative = `it is not so that ${words}`;
  const stricter = stricterOf(effect, otherwise);
  const step = (result: TraceStep['result'], detail: string, reasonClass: ReasonClass): Outcome => ({
    step: { rule: id, origin, sentence, result, detail },
    reasonClass,
  });
  const over = amount ? 'cap' : 'guard';
  const outcomes: Outcome[] = [];
  outcomes[FALSE] = step(otherwise, negative, otherwise === 'deny' ? over : 'guard');
  outcomes[TRUE] = step(effect, words, effect === 'deny' ? over : 'guard');
  const subject = 'field' in when ? when.field : 'a field';
  for (const [code, why] of Object.entries(UNKNOWNS))
    outcomes[Number(code)] = step(stricter, `${subject} ${why}: the stricter verdict applies`, 'guard');
  return outcomes;
}

/** "amount $300.00: amount is more than $200.00" */
export function tellAmount(step: TraceStep, amount: number, currency: string): TraceStep {
  return { ...step, detail: `${formatMoney(amount, currency)}: ${step.detail}` };
}

/** A guard with the role that carries it (or `workspace`) and its place among all. */
interface Placed {
  readonly origin: string;
  readonly guard: Guard;
  readonly place: number;
}

/** Guards by what they cover, so that a capability finds its own without looking at all. */
export class GuardIndex {
  readonly #byAction = new Map<string, Placed[]>();
  readonly #windowsByPattern = new Map<string, Guard[]>();

  constructor({ roles, workspaceGuards }: PolicySet) {
    let place = 0;
    for (const { name: origin, guards } of [{ name: 'workspace', guards: workspaceGuards }, ...roles])
      for (const guard of guards) {
        push(this.#byAction, guard.action, { origin, guard, place });
        place += 1;
        if ('kind' in guard.when) for (const pattern of guard.when.over) push(this.#windowsByPattern, pattern, guard);
      }
  }

  /** Guards that apply to the capability, by origin, each list in document order. */
  applicable(capability: string): ReadonlyMap<string, readonly Guard[]> {
    const placed = patternsCovering(capability).flatMap((pattern) => this.#byAction.get(pattern) ?? []);
    const found = new Map<string, Guard[]>();
    for (const { origin, guard } of placed.sort((a, b) => a.place - b.place)) push(found, origin, guard);
    return found;
  }

  /** Guards whose windows count calls of the capability. */
  windows(capability: string): Guard[] {
    return patternsCovering(capability).flatMap((pattern) => this.#windowsByPattern.get(pattern) ?? []);
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const held = map.get(key);
  if (held === undefined) map.set(key, [value]);
  else held.push(value);
}
