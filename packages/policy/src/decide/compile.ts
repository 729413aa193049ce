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
import { GuardIndex } from './guard-index.ts';
import { policyHash } from './hash.ts';
import { MEASURE_FAULTS, MISSING, NEGATIVE } from './measure.ts';
import { CapabilityPlan, type ChargePlan, type KeyTemplate, type Step, tellAmount, type WindowStep } from './plan.ts';

/** Role sets and decisions kept together; beyond it the cache starts again. Some 300 bytes each. */
const MAX_CACHED = 50_000;

/** Throws for two roles or two capabilities of one name: a bug of the caller, which must not decide anything. */
export function compilePolicy(set: PolicySet): CompiledPolicy {
  return new Compiled(set);
}

interface KnownRole {
  readonly role: Role;
  readonly allow: ReadonlySet<string>;
}

/** Roles worn together. */
interface RoleSet {
  readonly asked: readonly string[];
  /** In the order of their names. */
  readonly roles: readonly KnownRole[];
  readonly decisions: Map<string, DecisionPlan>;
  granted: ReadonlySet<string> | undefined;
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
  readonly #roles: ReadonlyMap<string, KnownRole>;
  readonly #index: GuardIndex;
  readonly #plans = new Map<string, CapabilityPlan>();
  readonly #roleSets = new Map<string, RoleSet>();
  #cached = 0;

  constructor(set: PolicySet) {
    this.hash = policyHash(set);
    this.revision = set.revision;
    this.#roles = new Map(set.roles.map((role) => [role.name, { role, allow: new Set(role.allow) }]));
    const names = new Set(set.capabilities.map(({ name }) => name));
    if (this.#roles.size !== set.roles.length || names.size !== set.capabilities.length)
      throw new TypeError('two roles or two capabilities of a policy set have one name');
    this.#index = new GuardIndex(set);
  }

  granted(roles: readonly string[]): ReadonlySet<string> {
    const roleSet = this.#roleSet(roles);
    roleSet.granted ??= new Set(roleSet.roles.flatMap(({ role }) => role.allow).sort());
    return roleSet.granted;
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
    // compared name by name: a name that holds the separator must not pass for two
    if (held !== undefined && sameNames(held.asked, asked)) return held;
    const names = [...new Set(asked)].sort();
    const made: RoleSet = {
      asked: [...asked],
      roles: names.flatMap((name) => this.#roles.get(name) ?? []),
      decisions: new Map(),
      granted: undefined,
    };
    this.#count();
    this.#roleSets.set(key, made);
    return made;
  }

  #count(): void {
    if (this.#cached >= MAX_CACHED) {
      this.#roleSets.clear();
      this.#cached = 0;
    }
    this.#cached += 1;
  }

  /** Undefined where nothing is granted: names that callers make up are never kept. */
  #plan(roleSet: RoleSet, name: string): DecisionPlan | undefined {
    const granting = roleSet.roles.filter(({ allow }) => allow.has(name));
    const [first] = granting;
    if (first === undefined) return undefined;
    let capability = this.#plans.get(name);
    if (capability === undefined) {
      capability = new CapabilityPlan(name, this.#index);
      this.#plans.set(name, capability);
    }
    const worn = roleSet.roles.map(({ role }) => role.name);
    const grantingRoles = granting.map(({ role }) => role.name);
    const plan: DecisionPlan = {
      capability,
      steps: collect(capability, ['workspace', ...worn]),
      charges: chargesOfRoles(capability.charges, worn, grantingRoles),
      grantedBy: first.role,
      grantingRoles,
    };
    this.#count();
    roleSet.decisions.set(name, plan);
    return plan;
  }

  #decide(plan: DecisionPlan, request: DecisionRequest): Evaluation {
    const { grantedBy, capability } = plan;
    const amounts: number[] = [];
    const impact: Record<string, number> = {};
    const trace: TraceStep[] = [];
    const demands: WindowDemand[] = [];
    let verdict: Verdict = 'allow';
    let reasonClass: ReasonClass = 'granted';
    let deciding: TraceStep | undefined;

    for (const { unit, measure, told } of capability.units) {
      const amount = measure(request.arguments);
      amounts.push(amount);
      if (amount >= 0) {
        if (told) impact[unit] = Math.max(impact[unit] ?? 0, amount);
      } else if (amount <= NEGATIVE && deciding === undefined) {
        deciding = noAmount(capability.name, unit, amount);
        trace.push(deciding);
        verdict = 'deny';
        reasonClass = 'guard';
      }
    }

    const call: Call = { args: request.arguments, capability: request.capability, amounts };
    for (const step of plan.steps) {
      let traced: TraceStep | undefined;
      let stepClass: ReasonClass = 'guard';
      if (step.kind === 'condition') {
        const outcome = step.outcomes[step.test(call)];
        if (outcome === undefined) throw new TypeError('a condition gave no answer');
        traced = outcome.step;
        stepClass = outcome.reasonClass;
        const amount = step.told === undefined ? MISSING : (amounts[step.told.slot] ?? MISSING);
        if (step.told !== undefined && amount >= 0) traced = tellAmount(traced, amount, step.told.currency);
      } else traced = enterWindow(step, plan, request, amounts, trace.length, demands);
      if (traced === undefined) continue;
      trace.push(traced);
      if (isStricter(traced.result, verdict)) {
        verdict = traced.result;
        reasonClass = stepClass;
        deciding = traced;
      }
    }

    const evaluation = {
      verdict,
      reasonClass,
      reason: deciding === undefined ? `granted by ${grantedBy.name}` : `${reasonClass}: ${deciding.detail}`,
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
    return deciding === undefined ? evaluation : { ...evaluation, rule: deciding.rule };
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

function collect(capability: CapabilityPlan, origins: readonly string[]): readonly Step[] {
  return origins.flatMap((origin) => capability.steps(origin));
}

/** The counters of these roles, each once: a role's own guard and one of the workspace may share a counter. */
function chargesOfRoles(
  charges: readonly ChargePlan[],
  worn: readonly string[],
  granting: readonly string[],
): readonly ChargePlan[] {
  const found = new Map<string, ChargePlan>();
  for (const charge of charges) {
    const { key } = charge;
    const own = key.role === undefined ? granting : worn.filter((name) => name === key.role);
    for (const role of key.scope === 'role' ? own : [undefined]) {
      const id = `${key.scope}/${role ?? ''}/${key.rest}`;
      const held = found.get(id) ?? charge;
      found.set(id, {
        key: { ...key, role },
        slot: charge.slot,
        keepSeconds: Math.max(held.keepSeconds, charge.keepSeconds),
        unknownAmount: Math.max(held.unknownAmount, charge.unknownAmount),
      });
    }
  }
  return [...found.values()];
}

/** A negative or impossible amount is refused, whether a guard reads it or not. */
function noAmount(capability: string, unit: string, code: number): TraceStep {
  return {
    rule: `impact.${unit}`,
    origin: 'capability',
    sentence: `${capability} spends ${unit}.`,
    result: 'deny',
    detail: `the amount of ${unit} ${MEASURE_FAULTS[code] ?? 'is no amount'}`,
  };
}

/** Demands the window, or returns the step of a window that needs no counter. */
function enterWindow(
  { guard, origin, window, slot, key }: WindowStep,
  plan: DecisionPlan,
  request: DecisionRequest,
  amounts: readonly number[],
  afterSteps: number,
  demands: WindowDemand[],
): TraceStep | undefined {
  const { id, sentence, effect, otherwise } = guard;
  const amount = slot === -1 ? 1 : (amounts[slot] ?? MISSING);
  const { kind, unit, windowSeconds, limit } = window;
  if (amount < 0) {
    const detail = `the amount of ${unit ?? 'calls'} ${MEASURE_FAULTS[amount] ?? 'is unknown'}`;
    return { rule: id, origin, sentence, result: stricterOf(effect, otherwise), detail };
  }
  if (amount === 0)
    return { rule: id, origin, sentence, result: effect, detail: `the call adds no ${unit ?? 'calls'}` };
  for (const counter of keysOf(key, plan.grantingRoles, request)) {
    const demand = {
      key: counter,
      guardId: id,
      origin,
      sentence,
      kind,
      windowSeconds,
      limit,
      amount,
      effect,
      otherwise,
      afterSteps,
    };
    demands.push(unit === undefined ? demand : { ...demand, unit });
  }
  return undefined;
}

function chargesOf(plan: DecisionPlan, request: DecisionRequest, amounts: readonly number[]): WindowCharge[] {
  const charged: WindowCharge[] = [];
  for (const { key, slot, keepSeconds, unknownAmount } of plan.charges) {
    const measured = slot === -1 ? 1 : (amounts[slot] ?? MISSING);
    const amount = measured < 0 ? unknownAmount : measured;
    if (amount === 0) continue;
    for (const counter of keysOf(key, plan.grantingRoles, request)) charged.push({ key: counter, amount, keepSeconds });
  }
  return charged;
}

/** One key; for a workspace guard that counts by role, one for each granting role. */
function keysOf(
  { scope, role, rest }: KeyTemplate,
  grantingRoles: readonly string[],
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
      return role === undefined ? grantingRoles.map((name) => `role/${name}/${rest}`) : [`role/${role}/${rest}`];
  }
}
