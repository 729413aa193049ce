/** The most that one call can have of each unit, on a line: caps, thresholds and allow-lists, before any window. */

import { moneyUnitOf, spendingOf } from '../decide/measure.ts';
import { type Answer, canAnswer } from '../lint/satisfiable.ts';
import type { Capability, Condition, Guard, ImpactRule, WindowCondition } from '../model.ts';
import { currencyOf } from '../values/money.ts';
import type { Ground, Hat } from './ground.ts';
import { type GuardedLine, passes, unknownPasses } from './passing.ts';
import { type AnyCall, answersOf, FAILS, HOLDS, type KnownAmount, turningPoints, UNKNOWN } from './truths.ts';

/** What a call of a capability can have of a unit. */
export type Spend =
  | { readonly kind: 'none' }
  /** Integer, or infinite where no guard caps it. */
  | {
      readonly kind: 'most';
      readonly perCall: number /** Every call has exactly that. */;
      readonly isConstant: boolean;
    }
  /** Nobody has said, or a call without a measurable amount passes. */
  | { readonly kind: 'unknown'; readonly sentence: string }
  | { readonly kind: 'unbounded'; readonly sentence: string };

/** Calls of a capability under a hat, on a line. */
export interface Calls {
  readonly capability: string;
  readonly declared: Capability | undefined;
  /** Enforced guards. */
  readonly guards: readonly Guard[];
  /** Whether any call passes. */
  readonly passes: boolean;
  spend(unit: string): Spend;
}

/** What is unit of every capability that reads, whether or not it says so. */
const READ_UNIT = 'records_read';

const NEVER: Spend = { kind: 'none' };

export function callsOf(ground: Ground, hat: Hat, capability: string, line: GuardedLine): Calls {
  const key = `${line} ${hat.key} ${capability}`;
  const held = ground.calls.get(key) ?? new PlannedCalls(ground, hat, capability, line);
  ground.calls.set(key, held);
  return held;
}

class PlannedCalls implements Calls {
  readonly capability: string;
  readonly declared: Capability | undefined;
  readonly guards: readonly Guard[];
  readonly passes: boolean;
  readonly #ground: Ground;
  readonly #line: GuardedLine;
  readonly #spends = new Map<string, Spend>();

  constructor(ground: Ground, hat: Hat, capability: string, line: GuardedLine) {
    this.capability = capability;
    this.declared = ground.capability(capability);
    this.guards = ground.guards(hat, capability);
    this.#ground = ground;
    this.#line = line;
    this.passes = hat.granted.includes(capability) && this.#canPass();
  }

  spend(unit: string): Spend {
    if (!this.passes) return NEVER;
    const held = this.#spends.get(unit) ?? this.#spend(unit);
    this.#spends.set(unit, held);
    return held;
  }

  #spend(unit: string): Spend {
    const { capability, declared } = this;
    if (declared === undefined) return { kind: 'unknown', sentence: `${capability} is not declared` };
    const rule = Object.hasOwn(declared.impact, unit) ? declared.impact[unit] : undefined;
    if (rule === undefined) return undeclaredSpend(declared, unit) ?? this.#otherCurrency(unit);
    const most = this.#most(unit, rule);
    if (most < Number.POSITIVE_INFINITY && this.#passesUnmeasured(unit, rule))
      return { kind: 'unknown', sentence: `a call of ${capability} passes whose ${unit} cannot be measured` };
    // what settles below its constant adds up to any sum
    const isConstant = rule.kind === 'constant' && rule.settle === undefined;
    return most <= 0 ? NEVER : { kind: 'most', perCall: most, isConstant };
  }

  /** Money of another currency than the declared one passes where no guard refuses what it cannot compare. */
  #otherCurrency(unit: string): Spend {
    const money = moneyUnitOf(this.declared);
    const rule = money === undefined ? undefined : this.declared?.impact[money];
    if (currencyOf(unit) === undefined || money === undefined || rule?.kind !== 'field') return NEVER;
    if (rule.currencyField === undefined || !this.#passesUnmeasured(money, rule)) return NEVER;
    return { kind: 'unknown', sentence: `a call of ${this.capability} passes that states another currency` };
  }

  /** Largest amount with which a call can pass all guards, infinite where every amount can; -1 where none can. */
  #most(unit: string, rule: ImpactRule): number {
    const [beyond = 0, ...points] = this.#amounts(unit, rule);
    if (this.#passesWith(unit, rule, beyond)) return rule.kind === 'constant' ? beyond : Number.POSITIVE_INFINITY;
    return points.find((amount) => this.#passesWith(unit, rule, amount)) ?? -1;
  }

  /** Amounts between which nothing changes, largest first; the first is beyond all bounds. */
  #amounts(unit: string, rule: ImpactRule): readonly number[] {
    if (rule.kind === 'constant') return [rule.amount];
    const { declared } = this;
    const points = this.guards.flatMap(({ when }) =>
      'kind' in when ? [] : turningPoints(when, { declared, unit, rule }),
    );
    const limits = this.guards.flatMap(({ when }) => ('kind' in when && when.unit === unit ? [when.limit] : []));
    return [...new Set([0, 1, ...points, ...limits, ...limits.map((limit) => limit + 1)])].sort((a, b) => b - a);
  }

  #passesWith(unit: string, rule: ImpactRule, amount: number | undefined): boolean {
    const { capability, declared } = this;
    return this.guards.every((guard) => {
      const { when } = guard;
      if ('kind' in when) return this.#windowPasses(guard, when, unit, amount);
      return this.#conditionPasses(guard, when, { capability, declared, unit, rule, amount });
    });
  }

  #passesUnmeasured(unit: string, rule: ImpactRule): boolean {
    return rule.kind !== 'constant' && this.#passesWith(unit, rule, undefined);
  }

  #conditionPasses(guard: Guard, when: Condition, call: KnownAmount | AnyCall): boolean {
    const answers = answersOf(when, call);
    if (answers & HOLDS && passes(guard.effect, guard, this.#line)) return true;
    if (answers & FAILS && passes(guard.otherwise, guard, this.#line)) return true;
    return (answers & UNKNOWN) !== 0 && unknownPasses(guard, this.#line);
  }

  /** Whether a call of that amount can enter the window as it may be filled. */
  #windowPasses(guard: Guard, when: WindowCondition, unit: string, amount: number | undefined): boolean {
    const [fits, full] = [passes(guard.effect, guard, this.#line), passes(guard.otherwise, guard, this.#line)];
    if (when.unit !== unit) return fits || full;
    if (amount === undefined) return unknownPasses(guard, this.#line);
    if (amount === 0) return fits;
    return full || (fits && amount <= when.limit);
  }

  #canPass(): boolean {
    const { capability, declared, guards } = this;
    const line = this.#line;
    const impact = Object.entries(declared?.impact ?? {});
    return (
      guards.every((guard) => {
        const { when } = guard;
        return 'kind' in when
          ? this.#canEnter(guard, when)
          : this.#conditionPasses(guard, when, { capability, declared });
      }) &&
      impact.every(([unit, rule]) => this.#most(unit, rule) >= 0 || this.#passesUnmeasured(unit, rule)) &&
      canAnswer(
        guards.flatMap((guard) => neededAnswer(guard, line)),
        { capability, currency: currencyOf(moneyUnitOf(declared) ?? '') },
      )
    );
  }

  /** Of a declared unit each amount is looked at by itself. */
  #canEnter(guard: Guard, { unit, limit, over }: WindowCondition): boolean {
    const [fits, full] = [passes(guard.effect, guard, this.#line), passes(guard.otherwise, guard, this.#line)];
    if (unit === undefined) return full || (fits && limit >= 1);
    switch (spendingOf(unit, this.capability, this.declared, over, this.#ground.index)) {
      case 'none':
        return fits;
      case 'unknown':
      case 'otherCurrency':
        return unknownPasses(guard, this.#line);
      default:
        return fits || full;
    }
  }
}

/** The one answer with which the guard lets a call pass, if there is one. */
function neededAnswer(guard: Guard, line: GuardedLine): readonly Answer[] {
  const { when, effect, otherwise } = guard;
  if ('kind' in when || unknownPasses(guard, line)) return [];
  const [holds, fails] = [passes(effect, guard, line), passes(otherwise, guard, line)];
  return holds === fails ? [] : [{ condition: when, holds }];
}

function undeclaredSpend(declared: Capability, unit: string): Spend | undefined {
  const { name, access, impact } = declared;
  if (access === 'read' && unit === READ_UNIT)
    return { kind: 'unbounded', sentence: `${name} reads, and does not say how many records a call reads` };
  if (access === 'write' && Object.keys(impact).length === 0)
    return { kind: 'unknown', sentence: `${name} changes something, and does not say what a call spends` };
  return undefined;
}

/** What a call can have of a unit where nothing of the gateway holds. */
export function spendOutside(capability: string, declared: Capability | undefined, unit: string): Spend {
  if (declared === undefined) return { kind: 'unknown', sentence: `${capability} is not declared` };
  const rule = Object.hasOwn(declared.impact, unit) ? declared.impact[unit] : undefined;
  if (rule === undefined) return undeclaredSpend(declared, unit) ?? NEVER;
  if (rule.kind !== 'constant') return { kind: 'most', perCall: Number.POSITIVE_INFINITY, isConstant: false };
  return rule.amount === 0 ? NEVER : { kind: 'most', perCall: rule.amount, isConstant: true };
}
