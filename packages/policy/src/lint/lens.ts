/** The policy seen from one capability: which guards its calls meet, and which amounts they read. */
import { boundsOf } from '../decide/condition.ts';
import { moneyUnitOf, spendingOf } from '../decide/measure.ts';
import { covers, patternsCovering } from '../documents/names.ts';
import type { Capability, Condition, Guard, PolicySet } from '../model.ts';
import { currencyOf, unitOf } from '../values/money.ts';
import { conditionOf, type Lens, type Measure, readsAction, testsOf, windowOf } from './outcomes.ts';

/** A guard with its place among those of its document. */
export interface PlacedGuard {
  readonly guard: Guard;
  readonly index: number;
}

export interface View extends Lens {
  readonly name: string;
  readonly declared: Capability | undefined;
  /** That cover it; those of the workspace first, then by role, in document order. */
  readonly guards: readonly PlacedGuard[];
  /** Roles that grant it. */
  readonly grantedBy: ReadonlySet<string>;
}

export function placedGuards({ workspaceGuards, roles }: PolicySet): readonly PlacedGuard[] {
  return [workspaceGuards, ...roles.map(({ guards }) => guards)].flatMap((guards) =>
    guards.map((guard, index) => ({ guard, index })),
  );
}

/** Every capability that is known or granted. */
export function viewsOf(set: PolicySet): readonly View[] {
  const declared = new Map(set.capabilities.map((capability) => [capability.name, capability]));
  const grantedBy = new Map<string, Set<string>>();
  for (const { name, allow } of set.roles)
    for (const capability of allow) grantedBy.set(capability, (grantedBy.get(capability) ?? new Set()).add(name));
  const byAction = new Map<string, PlacedGuard[]>();
  for (const placed of placedGuards(set)) {
    const held = byAction.get(placed.guard.action);
    if (held === undefined) byAction.set(placed.guard.action, [placed]);
    else held.push(placed);
  }
  const fellows = {
    declaredUnder: (unit: string, over: readonly string[]) =>
      set.capabilities.some(
        ({ name, impact }) => Object.hasOwn(impact, unit) && over.some((pattern) => covers(pattern, name)),
      ),
  };
  const order = new Map(placedGuards(set).map(({ guard }, i) => [guard, i]));
  return [...new Set([...declared.keys(), ...grantedBy.keys()])].sort().map((name) => {
    const capability = declared.get(name);
    const money = moneyUnitOf(capability);
    return {
      name,
      capability: name,
      declared: capability,
      currency: money === undefined ? undefined : currencyOf(money),
      guards: patternsCovering(name)
        .flatMap((pattern) => byAction.get(pattern) ?? [])
        .sort((a, b) => (order.get(a.guard) ?? 0) - (order.get(b.guard) ?? 0)),
      grantedBy: grantedBy.get(name) ?? new Set(),
      answers: new Map(),
      measureOf: (guard) => measureOf(guard, name, capability, fellows),
    };
  });
}

function measureOf(
  guard: Guard,
  name: string,
  capability: Capability | undefined,
  fellows: Parameters<typeof spendingOf>[4],
): Measure | undefined {
  const window = windowOf(guard);
  if (window !== undefined) {
    if (window.unit === undefined) return undefined;
    const spending = spendingOf(window.unit, name, capability, window.over, fellows);
    return { id: `${window.unit} ${spending}`, isDeclared: spending !== 'amount' };
  }
  const condition = conditionOf(guard);
  const units = new Set(condition === undefined ? [] : amountUnits(condition, moneyUnitOf(capability)));
  const [unit] = units;
  if (unit === undefined) return undefined;
  const declared = moneyUnitOf(capability);
  const isDeclared = declared !== undefined;
  // several amounts are not one: the id is shared with no window
  if (units.size > 1) return { id: `several ${[...units].sort().join()}`, isDeclared };
  return { id: `${unit} ${isDeclared ? (unit === declared ? 'declared' : 'otherCurrency') : 'amount'}`, isDeclared };
}

/** Units in which the tests on `amount` compare; none where they read the bare argument. */
function amountUnits(condition: Condition, declared: string | undefined): string[] {
  return testsOf(condition).flatMap(({ field, operator, operand }) => {
    if (field !== 'amount') return [];
    const written = operator === 'exists' ? undefined : boundsOf(operand).currency;
    const unit = written === undefined ? declared : unitOf(written);
    return unit === undefined ? ['bare'] : [unit];
  });
}

/**
 * What tells two capabilities apart for the guards on them. Analyses that look at pairs of guards are made once for
 * all capabilities of one kind: a workspace of a thousand tools has few kinds.
 */
export function kindOf({ name, guards, declared, currency, grantedBy }: View): string {
  const byName = guards.some(({ guard }) => readsAction(guard) || windowOf(guard)?.unit !== undefined);
  return JSON.stringify([
    guards.map(({ guard: { origin, id } }) => [origin, id]),
    currency ?? '',
    grantedBy.size > 0,
    byName ? [name, declared?.access, declared?.impact] : '',
  ]);
}
