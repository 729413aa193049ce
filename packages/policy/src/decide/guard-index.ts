/** Guards by what they cover, so that a capability finds its own without looking at all; what they share, made once. */
import { readField } from '../documents/fields.ts';
import { covers, patternsCovering } from '../documents/names.ts';
import { conditionInWords } from '../documents/sentence.ts';
import { stricterOf } from '../documents/verdicts.ts';
import type { Capability, Condition, Guard, PolicySet, ReasonClass, Verdict } from '../model.ts';
import { compileCondition, FALSE, type Test, TRUE, UNKNOWNS } from './condition.ts';
import { firstUsesIn, usedOver } from './first-use.ts';
import { PlannedFreeze } from './freezes.ts';
import type { Outcome } from './plan.ts';
import { prerequisiteField, prerequisitesIn, type StepKey, stepKeysOf, type TestCondition } from './prerequisites.ts';

export interface IndexedGuard {
  readonly guard: Guard;
  /** The role that carries it, or `workspace`. */
  readonly origin: string;
  /** Place among all guards. */
  readonly place: number;
  /** Trace steps it can end in, by truth; empty for a window. */
  readonly outcomes: readonly Outcome[];
  /** A single comparison of `amount`: being beyond it is being over a cap. */
  readonly comparesAmount: boolean;
  /** Its condition, where that does not depend on the capability. */
  readonly test: Test | undefined;
  readonly prerequisites: readonly TestCondition[];
  readonly firstUses: readonly TestCondition[];
  /** Whether its condition looks at the state. */
  readonly readsState: boolean;
}

export class GuardIndex {
  readonly #byAction = new Map<string, IndexedGuard[]>();
  readonly #windowsByPattern = new Map<string, IndexedGuard[]>();
  readonly #prerequisites = new Map<string, TestCondition[]>();
  readonly #usesByPattern = new Map<string, { readonly test: TestCondition; readonly origin: string }[]>();

  readonly #capabilities: ReadonlyMap<string, Capability>;
  readonly #declared = new Map<string, boolean>();
  readonly #freezes: readonly PlannedFreeze[];

  constructor({ roles, workspaceGuards, capabilities, freezes = [], candidates = [] }: PolicySet) {
    this.#freezes = [...freezes].sort((a, b) => (a.name < b.name ? -1 : 1)).map((freeze) => new PlannedFreeze(freeze));
    this.#capabilities = new Map(capabilities.map((capability) => [capability.name, capability]));
    let place = 0;
    const tried = candidates.map(({ name, guards }) => ({
      name,
      guards: guards.map((guard): Guard => ({ ...guard, mode: 'shadow' })),
    }));
    for (const { name, guards } of [{ name: 'workspace', guards: workspaceGuards }, ...roles, ...tried])
      for (const guard of guards) {
        const indexed = indexGuard(guard, name, place);
        place += 1;
        push(this.#byAction, guard.action, indexed);
        if ('kind' in guard.when) for (const pattern of guard.when.over) push(this.#windowsByPattern, pattern, indexed);
        for (const condition of indexed.prerequisites)
          push(this.#prerequisites, prerequisiteField(condition.field)?.capability ?? '', condition);
        for (const test of indexed.firstUses)
          for (const pattern of usedOver(test)) push(this.#usesByPattern, pattern, { test, origin: name });
      }
  }

  /** Guards that apply to the capability, by origin, each list in document order. */
  applicable(capability: string): ReadonlyMap<string, readonly IndexedGuard[]> {
    const found = patternsCovering(capability).flatMap((pattern) => this.#byAction.get(pattern) ?? []);
    const byOrigin = new Map<string, IndexedGuard[]>();
    for (const indexed of found.sort((a, b) => a.place - b.place)) push(byOrigin, indexed.origin, indexed);
    return byOrigin;
  }

  capability(name: string): Capability | undefined {
    return this.#capabilities.get(name);
  }

  /** Whether any capability that the patterns cover declares the unit. */
  declaredUnder(unit: string, over: readonly string[]): boolean {
    const key = `${unit} ${over.join(' ')}`;
    let declared = this.#declared.get(key);
    if (declared === undefined) {
      declared = [...this.#capabilities.values()].some(
        ({ name, impact }) => Object.hasOwn(impact, unit) && over.some((pattern) => covers(pattern, name)),
      );
      this.#declared.set(key, declared);
    }
    return declared;
  }

  /** Change freezes that can stop calls of the capability. */
  freezes(name: string): readonly PlannedFreeze[] {
    const capability = this.#capabilities.get(name);
    return this.#freezes.filter((freeze) => freeze.concerns(name, capability));
  }

  /** How calls of the capability are found again by those that need them. */
  stepKeys(capability: string): readonly StepKey[] {
    return stepKeysOf(this.#prerequisites.get(capability) ?? []);
  }

  /** Tests of first uses for which calls of the capability use their value. */
  usesOf(capability: string): readonly { readonly test: TestCondition; readonly origin: string }[] {
    return patternsCovering(capability).flatMap((pattern) => this.#usesByPattern.get(pattern) ?? []);
  }

  /** Guards whose windows count calls of the capability. */
  windows(capability: string): readonly IndexedGuard[] {
    return patternsCovering(capability).flatMap((pattern) => this.#windowsByPattern.get(pattern) ?? []);
  }
}

function indexGuard(guard: Guard, origin: string, place: number): IndexedGuard {
  const { when } = guard;
  if ('kind' in when)
    return {
      guard,
      origin,
      place,
      outcomes: [],
      comparesAmount: false,
      test: undefined,
      prerequisites: [],
      firstUses: [],
      readsState: false,
    };
  const comparesAmount = 'field' in when && when.field === 'amount' && ORDER.includes(when.operator);
  return {
    guard,
    origin,
    place,
    outcomes: outcomesOf(guard, origin, when, comparesAmount ? 'cap' : 'guard'),
    comparesAmount,
    test: readsAmount(when) ? undefined : compileCondition(when, () => undefined, origin),
    prerequisites: prerequisitesIn(when),
    firstUses: firstUsesIn(when),
    readsState: readsState(when),
  };
}

const ORDER = ['lt', 'lte', 'gt', 'gte', 'between'];

const STATE: ReadonlySet<string> = new Set(['prerequisite', 'firstUse', 'provenance', 'risk']);

function readsState(when: Condition): boolean {
  if ('field' in when) return STATE.has(readField(when.field)?.field.kind ?? '');
  if ('not' in when) return readsState(when.not);
  return ('all' in when ? when.all : when.any).some(readsState);
}

function readsAmount(when: Condition): boolean {
  if ('field' in when) return when.field === 'amount';
  if ('not' in when) return readsAmount(when.not);
  return ('all' in when ? when.all : when.any).some(readsAmount);
}

/** `denied` is the class of a deny that the condition was answered for. */
function outcomesOf({ id, sentence, effect, otherwise }: Guard, origin: string, when: Condition, denied: ReasonClass) {
  const outcome = (result: Verdict, detail: string, reasonClass: ReasonClass): Outcome => ({
    step: { rule: id, origin, sentence, result, detail },
    reasonClass,
  });
  const answered = (result: Verdict, holds: boolean) =>
    outcome(result, conditionInWords(when, holds), result === 'deny' ? denied : 'guard');
  const outcomes: Outcome[] = [];
  outcomes[FALSE] = answered(otherwise, false);
  outcomes[TRUE] = answered(effect, true);
  const subject = 'field' in when ? when.field : 'a field';
  for (const [code, why] of Object.entries(UNKNOWNS))
    outcomes[Number(code)] = outcome(stricterOf(effect, otherwise), `${subject} ${why}`, 'guard');
  return outcomes;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const held = map.get(key);
  if (held === undefined) map.set(key, [value]);
  else held.push(value);
}
