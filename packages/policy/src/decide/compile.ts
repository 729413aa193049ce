/** A policy set → a decision function: closures, one plan for each capability, one for each (roles, capability). */
import { isStricter, stricterOf } from '../documents/verdicts.ts';
import type {
  CompiledPolicy,
  DecisionRequest,
  Evaluation,
  PolicySet,
  ReasonClass,
  Role,
  TraceStep,
  Verdict,
  WindowCharge,
  WindowDemand,
} from '../model.ts';
import type { Call } from './condition.ts';
import { policyHash } from './hash.ts';
import { MEASURE_FAULTS, NEGATIVE } from './measure.ts';
import {
  CapabilityPlan,
  type ChargePlan,
  GuardIndex,
  type KeyTemplate,
  type Step,
  tellAmount,
  type WindowStep,
} from './plan.ts';

/** Beyond this many cached role sets, or decisions of one, the cache starts again. */
const MAX_CACHED = 20_000;

/** Never throws for checked documents. Two roles of one name are a bug of the caller. */
export function compilePolicy(set: PolicySet): CompiledPolicy {
  return new Compiled(set);
}

/** Roles worn together. */
interface RoleSet {
  readonly asked: readonly string[];
  readonly granted: ReadonlySet<string>;
  readonly roles: readonly Role[];
  readonly decisions: Map<string, DecisionPlan>;
}

interface DecisionPlan {
  readonly capability: CapabilityPlan;
  readonly steps: readonly Step[];
  readonly charges: readonly ChargePlan[];
  readonly grantedBy: Role;
  readonly grantingRoles: readonly string[];
}

class Compiled implements CompiledPolicy {
  readonly hash: string;
  readonly revision: number;
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #capabilities: ReadonlyMap<string, PolicySet['capabilities'][number]>;
  readonly #index: GuardIndex;
  readonly #plans = new Map<string, CapabilityPlan>();
  readonly #roleSets = new Map<string, RoleSet>();
  #cachedDecisions = 0;

  constructor(set: PolicySet) {
    this.hash = policyHash(set);
    this.revision = set.revision;
    this.#roles = new Map(set.roles.map((role) => [role.name, role]));
    if (this.#roles.size !== set.roles.length) throw new TypeError('two roles of a policy set have one name');
    this.#capabilities = new Map(set.capabilities.map((capability) => [capability.name, capability]));
    this.#index = new GuardIndex(set);
  }

  granted(roles: readonly string[]): ReadonlySet<string> {
    return this.#roleSet(roles).granted;
  }

  evaluate(request: DecisionRequest): Evaluation {
    try {
      const roleSet = this.#roleSet(request.roles);
      const plan = roleSet.decisions.get(request.capability) ?? this.#plan(roleSet, request.capability);
      return plan === undefined ? this.#refuse('scope', 'scope: capability not granted') : this.#decide(plan, request);
    } catch {
      return this.#refuse('error', 'error: the policy could not be evaluated');
    }
  }

  #refuse(reasonClass: ReasonClass, reason: string): Evaluation {
    return {
      verdict: 'deny',
      reasonClass,
      reason,
      trace: [],
      demands: [],
      charges: [],
      impact: {},
      policyHash: this.hash,
      policyRevision: this.revision,
    };
  }

  #roleSet(asked: readonly string[]): RoleSet {
    const key = asked.length === 1 ? `${asked[0]}` : asked.join('\0');
    const held = this.#roleSets.get(key);
    // names are compared too: a key made of names that hold the separator is not trusted
    if (held !== undefined && held.asked.length === asked.length && held.asked.every((name, i) => name === asked[i]))
      return held;
    const roles = [...new Set(asked)].sort().flatMap((name) => this.#roles.get(name) ?? []);
    const made: RoleSet = {
      asked: [...asked],
      granted: new Set(roles.flatMap(({ allow }) => allow).sort()),
      roles,
      decisions: new Map(),
    };
    if (this.#roleSets.size >= MAX_CACHED) this.#forget();
    this.#roleSets.set(key, made);
    return made;
  }

  #forget(): void {
    this.#roleSets.clear();
    this.#cachedDecisions = 0;
  }

  /** Undefined where nothing is granted: names that callers make up are never kept. */
  #plan(roleSet: RoleSet, name: string): DecisionPlan | undefined {
    const granting = roleSet.roles.filter(({ allow }) => allow.includes(name));
    const [grantedBy] = granting;
    if (grantedBy === undefined) return undefined;
    let capability = this.#plans.get(name);
    if (capability === undefined) {
      capability = new CapabilityPlan(name, this.#capabilities.get(name), this.#index);
      this.#plans.set(name, capability);
    }
    const { charges } = capability;
    const worn = roleSet.roles.map((role) => role.name);
    const plan: DecisionPlan = {
      capability,
      steps: ['workspace', ...worn].flatMap((origin) => capability.steps(origin)),
      charges: charges.filter(({ key }) => key.role === undefined || worn.includes(key.role)),
      grantedBy,
      grantingRoles: granting.map((role) => role.name),
    };
    if (this.#cachedDecisions >= MAX_CACHED) this.#forget();
    this.#cachedDecisions += 1;
    roleSet.decisions.set(name, plan);
    return plan;
  }

  #decide(plan: DecisionPlan, request: DecisionRequest): Evaluation {
    const { grantedBy, capability } = plan;
    const args = request.arguments;
    const units = capability.units;
    const amounts: number[] = [];
    const impact: Record<string, number> = {};
    const trace: TraceStep[] = [];
    const demands: WindowDemand[] = [];
    let verdict: Verdict = 'allow';
    let reasonClass: ReasonClass = 'granted';
    let deciding: TraceStep | undefined;

    for (const { unit, measure, told } of units) {
      const amount = measure(args);
      amounts.push(amount);
      if (!told) continue;
      if (amount >= 0) impact[unit] = amount;
      else if (amount <= NEGATIVE && verdict !== 'deny') {
        deciding = {
          rule: `impact.${unit}`,
          origin: 'capability',
          sentence: `${capability.name} spends ${unit}.`,
          result: 'deny',
          detail: `the amount of ${unit} ${MEASURE_FAULTS[amount] ?? 'is no amount'}`,
        };
        trace.push(deciding);
        verdict = 'deny';
        reasonClass = 'guard';
      }
    }

    const call: Call = { args, capability: request.capability, amounts };
    for (const step of plan.steps) {
      let traced: TraceStep | undefined;
      let stepClass: ReasonClass = 'guard';
      if (step.kind === 'condition') {
        const outcome = step.outcomes[step.test(call)];
        if (outcome === undefined) throw new TypeError('a condition gave no answer');
        traced = outcome.step;
        stepClass = outcome.reasonClass;
        if (step.told !== undefined) {
          const amount = amounts[step.told.slot] ?? -1;
          if (amount >= 0) traced = tellAmount(traced, amount, step.told.currency);
        }
      } else traced = enterWindow(step, plan, request, amounts, trace.length, demands);
      if (traced === undefined) continue;
      trace.push(traced);
      if (isStricter(traced.result, verdict)) {
        verdict = traced.result;
        reasonClass = stepClass;
        deciding = traced;
      }
    }

    const reason =
      deciding === undefined
        ? `granted by ${grantedBy.name}`
        : `${reasonClass}: ${deciding.sentence} ${deciding.detail}`;
    return {
      verdict,
      reasonClass,
      reason,
      ...(deciding === undefined ? {} : { rule: deciding.rule }),
      role: grantedBy.name,
      roleRevision: grantedBy.revision,
      trace,
      // a refusal needs no counters
      demands: verdict === 'deny' ? [] : demands,
      charges: verdict === 'deny' ? [] : chargesOf(plan, request, amounts),
      impact,
      policyHash: this.hash,
      policyRevision: this.revision,
    };
  }
}

/** Demands the window, or returns the step of a window that needs no counter. */
function enterWindow(
  { guard, window, slot, key }: WindowStep,
  plan: DecisionPlan,
  request: DecisionRequest,
  amounts: readonly number[],
  afterSteps: number,
  demands: WindowDemand[],
): TraceStep | undefined {
  const { id, origin, sentence, effect, otherwise } = guard;
  const amount = slot === -1 ? 1 : (amounts[slot] ?? -1);
  const { kind, unit, windowSeconds, limit } = window;
  if (amount < 0) {
    const detail = `the amount of ${unit ?? 'calls'} ${MEASURE_FAULTS[amount] ?? 'is unknown'}: the stricter verdict applies`;
    return { rule: id, origin, sentence, result: stricterOf(effect, otherwise), detail };
  }
  if (amount === 0)
    return { rule: id, origin, sentence, result: effect, detail: `the call adds no ${unit ?? 'calls'}` };
  for (const counter of keysOf(key, plan, request))
    demands.push({
      key: counter,
      guardId: id,
      origin,
      sentence,
      kind,
      ...(unit === undefined ? {} : { unit }),
      windowSeconds,
      limit,
      amount,
      effect,
      otherwise,
      afterSteps,
    });
  return undefined;
}

function chargesOf(
  { charges, ...plan }: DecisionPlan,
  request: DecisionRequest,
  amounts: readonly number[],
): WindowCharge[] {
  const charged: WindowCharge[] = [];
  for (const { key, slot, keepSeconds, unknownAmount } of charges) {
    const measured = slot === -1 ? 1 : (amounts[slot] ?? -1);
    const amount = measured < 0 ? unknownAmount : measured;
    if (amount > 0)
      for (const counter of keysOf(key, plan, request)) charged.push({ key: counter, amount, keepSeconds });
  }
  return charged;
}

/** One key; for a workspace guard that counts by role, one for each granting role. */
function keysOf(
  { scope, role, rest }: KeyTemplate,
  plan: Pick<DecisionPlan, 'grantingRoles'>,
  request: DecisionRequest,
): readonly string[] {
  switch (scope) {
    case 'agent':
      return [`agent/${request.agentId}/${rest}`];
    case 'owner':
      return [`owner/${request.ownerId}/${rest}`];
    case 'workspace':
      return [`workspace/${request.workspaceId}/${rest}`];
    case 'role':
      return (role === undefined ? plan.grantingRoles : [role]).map((name) => `role/${name}/${rest}`);
  }
}
