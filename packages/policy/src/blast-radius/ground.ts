/** The policy as the bound reads it: through the index and the grants that decisions are made from. */

import { GuardIndex } from '../decide/guard-index.ts';
import { policyHash } from '../decide/hash.ts';
import { confine, harmless, type WornRole } from '../decide/quarantine.ts';
import { patternsCovering } from '../documents/names.ts';
import type { Capability, Guard, PolicySet } from '../model.ts';
import type { Calls } from './spending.ts';
import { unitsOf } from './units.ts';

/** Roles worn together. */
export interface Hat {
  readonly key: string;
  readonly names: readonly string[];
  readonly worn: readonly WornRole[];
  /** By name. */
  readonly granted: readonly string[];
}

export class Ground {
  readonly set: PolicySet;
  readonly hash: string;
  readonly index: GuardIndex;
  readonly units: readonly string[];
  readonly #roles: ReadonlyMap<string, WornRole>;
  readonly #reads: ReadonlySet<string>;
  readonly #hats = new Map<string, Hat>();
  /** Enforced guards by origin and action. */
  readonly #guards: ReadonlyMap<string, ReadonlyMap<string, readonly Guard[]>>;
  #namespaces: ReadonlyMap<string, readonly string[]> | undefined;
  /** What was worked out of a call, by who calls what. */
  readonly calls = new Map<string, Calls>();

  private constructor(set: PolicySet) {
    this.set = set;
    this.hash = policyHash(set);
    this.index = new GuardIndex(set);
    this.units = unitsOf(set);
    this.#roles = new Map(set.roles.map((role) => [role.name, { role, allow: new Set(role.allow) }]));
    this.#reads = harmless(set.capabilities);
    this.#guards = new Map(
      [{ name: 'workspace', guards: set.workspaceGuards }, ...set.roles].map(({ name, guards }) => [
        name,
        Map.groupBy(
          guards.filter(({ mode }) => mode !== 'shadow'),
          ({ action }) => action,
        ),
      ]),
    );
  }

  static readonly #held = new WeakMap<PolicySet, Ground>();

  static of(set: PolicySet): Ground {
    const held = Ground.#held.get(set) ?? new Ground(set);
    Ground.#held.set(set, held);
    return held;
  }

  capability(name: string): Capability | undefined {
    return this.index.capability(name);
  }

  /**
   * Ways for an agent to wear its roles. Its token can be narrowed to any of them; what one role alone lets through is
   * let through by no more of them, so that one at a time is enough. Marks of a quarantine cannot be left off.
   */
  hats(names: readonly string[]): readonly Hat[] {
    const roles = names.filter((name) => this.#roles.has(name));
    const marks = names.filter((name) => !this.#roles.has(name));
    return [...new Set(roles)].sort().map((name) => this.hat([name, ...marks]));
  }

  hat(names: readonly string[]): Hat {
    const sorted = [...new Set(names)].sort();
    const key = JSON.stringify(sorted);
    const held = this.#hats.get(key);
    if (held !== undefined) return held;
    const worn = confine(
      sorted,
      sorted.flatMap((name) => this.#roles.get(name) ?? []),
      (name) => this.#roles.get(name),
      this.#reads,
    );
    const granted = [...new Set(worn.flatMap(({ allow }) => [...allow]))].sort();
    const hat = { key, names: sorted, worn, granted };
    this.#hats.set(key, hat);
    return hat;
  }

  /** Enforced guards that are asked of the capability under the hat. */
  guards({ worn }: Hat, capability: string): readonly Guard[] {
    const patterns = patternsCovering(capability);
    return ['workspace', ...worn.map(({ role }) => role.name)].flatMap((origin) => {
      const byAction = this.#guards.get(origin);
      return byAction === undefined ? [] : patterns.flatMap((pattern) => byAction.get(pattern) ?? []);
    });
  }

  /** Capabilities of the namespace; a name without a dot is its own. */
  namespace(name: string): readonly string[] {
    this.#namespaces ??= Map.groupBy(
      this.set.capabilities.map((each) => each.name),
      namespaceOf,
    );
    return this.#namespaces.get(name) ?? [];
  }

  get roleNames(): readonly string[] {
    return [...this.#roles.keys()].sort();
  }
}

export function namespaceOf(capability: string): string {
  const dot = capability.indexOf('.');
  return dot === -1 ? capability : capability.slice(0, dot);
}
