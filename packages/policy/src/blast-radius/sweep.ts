/**
 * The sweep: the production decision function is asked about every agent and every capability, on and beside every bound
 * of the rules that apply, in every way to wear the roles. What it lets through must be what the bound takes for
 * reachable; a difference is a finding about one of the two.
 */
import { compilePolicy } from '../decide/compile.ts';
import { settle } from '../decide/settle.ts';
import { dimensionsOf, laxestProbe, type Probe } from '../diff/probes.ts';
import { isStricter } from '../documents/verdicts.ts';
import type { CompiledPolicy, DecisionRequest, StateView, Verdict, WindowDemand, WindowUsage } from '../model.ts';
import { digestOf } from './digest.ts';
import { Ground, type Hat } from './ground.ts';
import { callsOf } from './spending.ts';
import type { RadiusWorld, Reach } from './types.ts';

export interface SweepCell {
  /** The roles as the agent has them. */
  readonly roles: readonly string[];
  readonly capability: string;
  /** By the decision function. */
  readonly asked: Reach;
  /** By the rules, as the bound takes it. */
  readonly computed: Reach;
}

export interface Sweep {
  readonly policyHash: string;
  readonly policyRevision: number;
  readonly agents: number;
  readonly capabilities: number;
  /** Calls that were asked about. */
  readonly inputs: number;
  /** Reachable cells, and those that differ; every other one is never reached. One for agents of the same roles. */
  readonly cells: readonly SweepCell[];
  readonly differences: readonly SweepCell[];
  /** Agents by the roles they wear. */
  readonly wearers: readonly { readonly roles: readonly string[]; readonly agents: readonly string[] }[];
  /** `sha256:…` over the RFC 8785 form of all the above. */
  readonly digest: string;
}

/** Capabilities that one decision function is asked about: it keeps a plan of each, with the guards of every role. */
const AT_ONCE = 250;

/**
 * Freezes are left out: what they stop is reachable before and after. `compile` makes the decision function; another one
 * than that of production shows that a difference is found.
 */
export function sweep(
  { set, agents }: Pick<RadiusWorld, 'set' | 'agents'>,
  compile: typeof compilePolicy = compilePolicy,
): Sweep {
  const ground = Ground.of(set);
  const names = [
    ...new Set([...set.capabilities.map(({ name }) => name), ...set.roles.flatMap(({ allow }) => allow)]),
  ].sort();
  const wearers = new Map<string, { readonly roles: readonly string[]; readonly agents: string[] }>();
  for (const { id, roles } of agents) {
    const worn = [...new Set(roles)].sort();
    const key = JSON.stringify(worn);
    const held = wearers.get(key) ?? { roles: worn, agents: [] };
    held.agents.push(id);
    wearers.set(key, held);
  }
  const groups = [...wearers.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
  const found = new Map<string, SweepCell[]>();
  let inputs = 0;
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const engine = new Engine(ground, compile({ ...set, freezes: [] }));
    for (const { roles } of groups) {
      const hats = ground.hats(roles);
      const ways = [...new Set([ground.hat(roles), ...hats])];
      for (const capability of names.slice(from, from + AT_ONCE)) {
        const asked = widest(ways.map((hat) => engine.reach(hat, capability)));
        const computed = widest(hats.map((hat) => computedReach(ground, hat, capability)));
        if (asked === 'never' && computed === 'never') continue;
        const key = JSON.stringify(roles);
        found.set(key, [...(found.get(key) ?? []), { roles, capability, asked, computed }]);
      }
    }
    inputs += engine.inputs;
  }
  const cells = groups.flatMap(({ roles }) => found.get(JSON.stringify(roles)) ?? []);
  const content = {
    policyHash: ground.hash,
    policyRevision: set.revision,
    agents: agents.length,
    capabilities: names.length,
    inputs,
    cells,
    differences: cells.filter(({ asked, computed }) => asked !== computed),
    wearers: groups.map(({ roles, agents: ids }) => ({ roles, agents: ids.sort() })),
  };
  return { ...content, digest: digestOf(content) };
}

function computedReach(ground: Ground, hat: Hat, capability: string): Reach {
  if (!hat.granted.includes(capability)) return 'never';
  if (callsOf(ground, hat, capability, 'alone').passes) return 'alone';
  return callsOf(ground, hat, capability, 'approved').passes ? 'approval' : 'never';
}

function widest(reaches: readonly Reach[]): Reach {
  return reaches.includes('alone') ? 'alone' : reaches.includes('approval') ? 'approval' : 'never';
}

const NOBODY = { workspaceId: 'workspace', agentId: 'agent', ownerId: 'owner', sessionId: 'session' };
const AT_MS = Date.UTC(2026, 0, 1);
const SECOND_MS = 1_000;

class Engine {
  readonly #ground: Ground;
  readonly #policy: CompiledPolicy;
  readonly #reached = new Map<string, Reach>();
  inputs = 0;

  constructor(ground: Ground, policy: CompiledPolicy) {
    this.#ground = ground;
    this.#policy = policy;
  }

  reach(hat: Hat, capability: string): Reach {
    if (!this.#policy.granted(hat.names).has(capability)) return this.#refused(hat, capability);
    const key = `${hat.key} ${capability}`;
    const held = this.#reached.get(key) ?? this.#ask(hat, capability);
    this.#reached.set(key, held);
    return held;
  }

  /** What is not granted is refused before anything else is looked at: one call is enough to see it. */
  #refused(hat: Hat, capability: string): Reach {
    this.inputs += 1;
    const { verdict } = this.#policy.evaluate({ ...NOBODY, roles: hat.names, capability, arguments: {} });
    return reachOf(new Set([verdict]));
  }

  /** The laxest call that is found; then each thing moved once from there. */
  #ask(hat: Hat, capability: string): Reach {
    const dimensions = dimensionsOf(this.#ground.capability(capability), this.#ground.guards(hat, capability));
    const seen = new Set<Verdict>();
    const base = laxestProbe(dimensions, (probe) => this.#decide(hat, capability, probe, seen));
    for (const { moves } of dimensions) for (const move of moves) this.#decide(hat, capability, move(base), seen);
    return reachOf(seen);
  }

  /** How far the call is from being allowed, with each of its windows empty or full, whichever is laxer. */
  #decide(hat: Hat, capability: string, probe: Probe, seen: Set<Verdict>): number {
    const { request, state } = this.#callOf(hat, capability, probe);
    const evaluation = this.#policy.evaluate(request, state);
    this.inputs += 1;
    const { verdict, trace } = settle(evaluation, evaluation.demands.map(laxestUse));
    seen.add(verdict);
    return verdict === 'allow' ? 0 : trace.reduce((sum, { result }) => sum + STRICTNESS[result], 1);
  }

  #callOf(hat: Hat, capability: string, { arguments: args, state: asked }: Probe) {
    const request: DecisionRequest = { ...NOBODY, roles: hat.names, capability, arguments: args };
    const before = AT_MS - SECOND_MS;
    const state: StateView = {
      atMs: AT_MS,
      provenance: asked.provenance,
      risks: asked.risk === undefined ? [] : [{ id: 'risk', level: asked.risk, untilMs: AT_MS + SECOND_MS }],
      prerequisites: asked.isMet
        ? this.#policy
            .prerequisites(request)
            .map((key, i) => ({ key, eventId: `event ${i}`, doneAtMs: before, approvedAtMs: before }))
        : [],
      used: asked.isUsed
        ? this.#policy.usedValues(request).map((key) => ({ key, eventId: 'event', usedAtMs: before }))
        : [],
    };
    return { request, state };
  }
}

function reachOf(verdicts: ReadonlySet<Verdict>): Reach {
  return verdicts.has('allow') ? 'alone' : verdicts.has('review') ? 'approval' : 'never';
}

/** Every rule that refuses or holds a call counts, so that moving one thing at a time leads to the laxest. */
const STRICTNESS: Readonly<Record<Verdict, number>> = { allow: 0, review: 1, deny: 1_000 };

/** Empty where what fits is let through sooner, full where what does not fit is. */
function laxestUse({ effect, otherwise, amount, limit }: WindowDemand): WindowUsage {
  return { used: isStricter(effect, otherwise) ? Math.max(0, limit - amount + 1) : 0 };
}
