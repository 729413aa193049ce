/** One capability for roles worn together: the guards that apply, what they read and which counters a call enters. */
import type { Role, TraceStep } from '../model.ts';
import type { FirstUse } from './first-use.ts';
import type { PlannedFreeze } from './freezes.ts';
import { forRoles } from './keys.ts';
import { type CapabilityPlan, type ChargePlan, chargeOnce, type MeasuredUnit, type Step } from './plan.ts';
import type { Prerequisite, StepKey } from './prerequisites.ts';

export interface DecisionPlan {
  readonly capability: string;
  readonly grantedBy: Role;
  readonly grantingRoles: readonly string[];
  /** Change freezes for the capability and these roles. */
  readonly freezes: readonly PlannedFreeze[];
  readonly prerequisites: readonly Prerequisite[];
  readonly stepKeys: readonly StepKey[];
  readonly firstUses: readonly FirstUse[];
  /** What the call leaves for those that ask about first uses. */
  readonly leaves: readonly FirstUse[];
  /** Whether anything but windows is read of the state. */
  readonly readsState: boolean;
  readonly steps: readonly Step[];
  /** Of guards that are not enforced. */
  readonly shadowSteps: readonly Step[];
  /** Set where the candidates of the granting roles grant it no more. */
  readonly withheld: TraceStep | undefined;
  readonly charges: readonly ChargePlan[];
  readonly measured: readonly PlannedUnit[];
  /** The smallest of the amounts above which a guard has a call wait for people, in minor units. */
  readonly approvalThreshold: number | undefined;
}

interface PlannedUnit extends MeasuredUnit {
  readonly slot: number;
  /** Declared, or read by one of the guards: then an impossible amount is refused, and the amount is told. */
  readonly judged: boolean;
}

/** `granting` are those of the worn roles that grant the capability, at least one. */
export function planDecision(
  capability: CapabilityPlan,
  worn: readonly Role[],
  granting: readonly [Role, ...Role[]],
  candidates: ReadonlyMap<string, Role>,
): DecisionPlan {
  const names = worn.map(({ name }) => name);
  const grantingRoles = granting.map(({ name }) => name);
  const freezes = capability.freezes.filter((freeze) => freeze.concernsWearer(names));
  const all = ['workspace', ...names].flatMap((origin) => capability.steps(origin));
  const steps = all.filter(({ isShadow }) => !isShadow);
  const shadowSteps = all.filter(({ isShadow }) => isShadow);
  const prerequisites = all.flatMap((step) => (step.kind === 'condition' ? step.prerequisites : []));
  const firstUses = all.flatMap((step) => (step.kind === 'condition' ? step.firstUses : []));
  const readsState = freezes.length > 0 || all.some((step) => step.kind === 'condition' && step.readsState);
  const charges = chargeOnce(forRoles(capability.charges, names, grantingRoles));
  const read = new Set(steps.flatMap(({ slots }) => slots));
  // what is not enforced needs the amount, and must not have an impossible one refused
  const unjudged = new Set([
    ...charges.map(({ slot }) => slot),
    ...shadowSteps.flatMap(({ slots }): readonly (number | undefined)[] => slots),
  ]);
  const measured = capability.units.flatMap((unit, slot) => {
    const judged = unit.spending === 'declared' || read.has(slot);
    return judged || unjudged.has(slot) ? [{ ...unit, slot, judged }] : [];
  });
  return {
    capability: capability.name,
    grantedBy: granting[0],
    grantingRoles,
    freezes,
    prerequisites,
    stepKeys: capability.stepKeys,
    firstUses,
    leaves: forRoles(capability.leaves, names, grantingRoles),
    readsState,
    steps,
    shadowSteps,
    withheld: withheldBy(capability.name, granting, candidates),
    charges,
    measured,
    approvalThreshold: steps.reduce<number | undefined>((least, { holdsAbove }) => {
      if (holdsAbove === undefined) return least;
      return least === undefined ? holdsAbove : Math.min(least, holdsAbove);
    }, undefined),
  };
}

function withheldBy(
  capability: string,
  granting: readonly [Role, ...Role[]],
  candidates: ReadonlyMap<string, Role>,
): TraceStep | undefined {
  if (granting.some(({ name, allow }) => (candidates.get(name)?.allow ?? allow).includes(capability))) return undefined;
  const [{ name }] = granting;
  const detail = `the candidate of ${name} does not grant ${capability}`;
  return { rule: 'scope', origin: name, sentence: `Without a grant of ${capability}.`, result: 'deny', detail };
}
