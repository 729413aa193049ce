/** A policy set → a decision function: closures, one plan for each capability, one for each (roles, capability). */

import { NOTHING_TRUSTED } from '../documents/sources.ts';
import type {
  CompiledPolicy,
  DecisionRequest,
  Evaluation,
  JsonObject,
  PolicySet,
  Provenance,
  ReadToolReference,
  ReasonClass,
  Role,
  Settlement,
  Sources,
  StateView,
} from '../model.ts';
import { type DecisionPlan, planDecision } from './decision-plan.ts';
import { evaluatePlan } from './evaluate.ts';
import { GuardIndex } from './guard-index.ts';
import { policyHash } from './hash.ts';
import { keysOf } from './keys.ts';
import { CapabilityPlan } from './plan.ts';
import { confine, harmless, type WornRole } from './quarantine.ts';
import { referenceOf } from './reference.ts';
import { settlementOf } from './settlement.ts';
import { contentOf } from './sources.ts';
import { type ReadSubjects, subjectsOf } from './subjects.ts';

/** Role sets and decisions kept together; beyond it the cache starts again. */
const MAX_CACHED = 50_000;

const NOTHING_KNOWN: StateView = {};
const NO_KEYS: readonly string[] = [];

/** Throws for two roles or two capabilities of one name: a bug of the caller, which must not decide anything. */
export function compilePolicy(set: PolicySet): CompiledPolicy {
  return new Compiled(set);
}

/** Roles worn together. */
interface RoleSet {
  readonly asked: readonly string[];
  /** In the order of their names. */
  readonly worn: readonly WornRole[];
  readonly decisions: Map<string, DecisionPlan>;
  granted: ReadonlySet<string> | undefined;
}

class Compiled implements CompiledPolicy {
  readonly hash: string;
  readonly revision: number;
  readonly #roles: ReadonlyMap<string, WornRole>;
  readonly #index: GuardIndex;
  readonly #sources: Sources;
  readonly #candidates: ReadonlyMap<string, Role>;
  readonly #plans = new Map<string, CapabilityPlan>();
  readonly #roleSets = new Map<string, RoleSet>();
  readonly #settlements = new Map<string, Settlement>();
  readonly #references = new Map<string, ReadToolReference>();
  readonly #subjects = new Map<string, ReadSubjects>();
  readonly #reads: ReadonlySet<string>;
  #cached = 0;

  constructor(set: PolicySet) {
    this.hash = policyHash(set);
    this.revision = set.revision;
    this.#roles = new Map(set.roles.map((role) => [role.name, { role, allow: new Set(role.allow) }]));
    const names = new Set(set.capabilities.map(({ name }) => name));
    if (this.#roles.size !== set.roles.length || names.size !== set.capabilities.length)
      throw new TypeError('two roles or two capabilities of a policy set have one name');
    this.#reads = harmless(set.capabilities);
    this.#index = new GuardIndex(set);
    this.#sources = set.sources ?? NOTHING_TRUSTED;
    this.#candidates = new Map(set.candidates?.map((role) => [role.name, role]));
    for (const capability of set.capabilities) {
      const settlement = settlementOf(capability);
      if (settlement !== undefined) this.#settlements.set(capability.name, settlement);
      const reference = referenceOf(capability);
      if (reference !== undefined) this.#references.set(capability.name, reference);
    }
  }

  granted(roles: readonly string[]): ReadonlySet<string> {
    const roleSet = this.#roleSet(roles);
    roleSet.granted ??= new Set(roleSet.worn.flatMap(({ allow }) => [...allow]).sort());
    return roleSet.granted;
  }

  evaluate(request: DecisionRequest, state: StateView = NOTHING_KNOWN): Evaluation {
    try {
      const roleSet = this.#roleSet(request.roles);
      const plan = roleSet.decisions.get(request.capability) ?? this.#plan(roleSet, request.capability);
      if (plan === undefined) return this.#refuse('scope', 'scope: capability not granted');
      return evaluatePlan(plan, request, state, this);
    } catch {
      return this.#refuse('error', 'error: the policy could not be evaluated');
    }
  }

  settlement(capability: string): Settlement | undefined {
    return this.#settlements.get(capability);
  }

  reference(capability: string): ReadToolReference | undefined {
    return this.#references.get(capability);
  }

  about(name: string, args: JsonObject): ReturnType<ReadSubjects> {
    let read = this.#subjects.get(name);
    if (read === undefined) {
      const capability = this.#index.capability(name);
      // Names that callers make up are never kept.
      if (capability === undefined) return {};
      read = subjectsOf(capability);
      this.#subjects.set(name, read);
    }
    return read(args);
  }

  approvalThreshold(roles: readonly string[], capability: string): number | undefined {
    // What cannot be planned is refused by `evaluate`, and has none.
    try {
      const roleSet = this.#roleSet(roles);
      return (roleSet.decisions.get(capability) ?? this.#plan(roleSet, capability))?.approvalThreshold;
    } catch {
      return undefined;
    }
  }

  content(capability: string): Provenance {
    return contentOf(capability, this.#sources);
  }

  prerequisites(request: DecisionRequest): readonly string[] {
    return this.#keys(request, ({ prerequisites }) => prerequisites.flatMap((each) => each.keyOf(request) ?? []));
  }

  usedValues(request: DecisionRequest): readonly string[] {
    return this.#keys(request, ({ firstUses, grantingRoles }) =>
      firstUses.flatMap(({ key }) => keysOf(key, grantingRoles, request) ?? []),
    );
  }

  #keys(request: DecisionRequest, keysIn: (plan: DecisionPlan) => readonly string[]): readonly string[] {
    try {
      const roleSet = this.#roleSet(request.roles);
      const plan = roleSet.decisions.get(request.capability) ?? this.#plan(roleSet, request.capability);
      return plan === undefined ? NO_KEYS : keysIn(plan);
    } catch {
      return NO_KEYS;
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
      worn: confine(
        names,
        names.flatMap((name) => this.#roles.get(name) ?? []),
        (name) => this.#roles.get(name),
        this.#reads,
      ),
      decisions: new Map(),
      granted: undefined,
    };
    this.#makeRoom();
    this.#roleSets.set(key, made);
    return made;
  }

  /** Undefined where nothing is granted: names that callers make up are never kept. */
  #plan(roleSet: RoleSet, name: string): DecisionPlan | undefined {
    const [first, ...others] = roleSet.worn.flatMap(({ role, allow }) => (allow.has(name) ? [role] : []));
    if (first === undefined) return undefined;
    let capability = this.#plans.get(name);
    if (capability === undefined) {
      capability = new CapabilityPlan(name, this.#index);
      this.#plans.set(name, capability);
    }
    const worn = roleSet.worn.map(({ role }) => role);
    const plan = planDecision(capability, worn, [first, ...others], this.#candidates);
    this.#makeRoom();
    roleSet.decisions.set(name, plan);
    return plan;
  }

  #makeRoom(): void {
    if (this.#cached >= MAX_CACHED) {
      this.#roleSets.clear();
      this.#cached = 0;
    }
    this.#cached += 1;
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
