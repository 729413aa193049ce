/** One capability for roles worn together: the guards that apply, what they read and which counters a call enters. */
import type { Role } from '../model.ts';
import type { PlannedFreeze } from './freezes.ts';
import { type CapabilityPlan, type ChargePlan, chargeOnce, type MeasuredUnit, type Step } from './plan.ts';

export interface DecisionPlan {
  readonly capability: string;
  readonly grantedBy: Role;
  readonly grantingRoles: readonly string[];
  /** Change freezes for the capability and these roles. */
  readonly freezes: readonly PlannedFreeze[];
  readonly steps: readonly Step[];
  readonly charges: readonly ChargePlan[];
  readonly measured: readonly PlannedUnit[];
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
): DecisionPlan {
  const names = worn.map(({ name }) => name);
  const grantingRoles = granting.map(({ name }) => name);
  const freezes = capability.freezes.filter((freeze) => freeze.concernsWearer(names));
  const steps = ['workspace', ...names].flatMap((origin) => capability.steps(origin));
  const charges = chargesOfRoles(capability.charges, names, grantingRoles);
  const read = new Set(steps.flatMap(({ slots }) => slots));
  const charged = new Set(charges.map(({ slot }) => slot));
  const measured = capability.units.flatMap((unit, slot) => {
    const judged = unit.spending === 'declared' || read.has(slot);
    return judged || charged.has(slot) ? [{ ...unit, slot, judged }] : [];
  });
  return { capability: capability.name, grantedBy: granting[0], grantingRoles, freezes, steps, charges, measured };
}

/** The counters that a call under these roles enters. */
function chargesOfRoles(
  charges: readonly ChargePlan[],
  worn: readonly string[],
  granting: readonly string[],
): readonly ChargePlan[] {
  const charged = charges.flatMap((charge) => {
    const { key } = charge;
    if (key.scope !== 'role') return [charge];
    const roles = key.role === undefined ? granting : worn.filter((name) => name === key.role);
    return roles.map((role) => ({ ...charge, key: { ...key, role } }));
  });
  return chargeOnce(charged);
}
