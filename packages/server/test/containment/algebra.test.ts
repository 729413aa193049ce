/** Overlapping stops, suspensions, owners that leave: in any order, against a model made of sets. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { changeAgent, suspendAgent } from '../../src/agents/change.ts';
import { readAgent } from '../../src/agents/read.ts';
import { askForLift, askToRestore } from '../../src/containment/propose.ts';
import type { Scope } from '../../src/containment/standing.ts';
import { Failure } from '../../src/errors.ts';
import { changePerson } from '../../src/people/change.ts';
import { type Node, type Nodes, openNodes } from './nodes.ts';

const ROLES = ['billing', 'support', 'deploy'] as const;
const OWNERS = ['dana@acme.example', 'lee@acme.example'] as const;
const AGENTS = ['a', 'b', 'c', 'd'] as const;
type AgentName = (typeof AGENTS)[number];

let nodes: Nodes;
let node: Node;

beforeAll(async () => {
  nodes = await openNodes();
  node = await nodes.add();
  for (const role of ROLES) await nodes.role(role);
  for (const [i, agent] of AGENTS.entries()) await nodes.agent(agent, ['support'], OWNERS[i % 2]);
});
afterAll(() => nodes.close());

interface Stop {
  readonly id: string;
  readonly scope: Scope;
  readonly target: string;
  readonly covers: ReadonlySet<AgentName>;
}

class Model {
  stops: Stop[] = [];
  readonly suspended = new Set<AgentName>();
  readonly ownerLeft = new Set<AgentName>();
  readonly inactive = new Set<string>();
  readonly owner = new Map<AgentName, string>(AGENTS.map((agent, i) => [agent, OWNERS[i % 2] ?? '']));
  readonly roles = new Map<AgentName, readonly string[]>(AGENTS.map((agent) => [agent, ['support']]));
  /** Agents whose token was ended. */
  readonly dead = new Set<AgentName>();

  standing(scope: Scope, target: string): Stop | undefined {
    return this.stops.find((stop) => stop.scope === scope && stop.target === target);
  }

  covered(scope: Scope, target: string): ReadonlySet<AgentName> {
    switch (scope) {
      case 'agent':
        return new Set(AGENTS.filter((agent) => agent === target));
      case 'role':
        return new Set(AGENTS.filter((agent) => this.roles.get(agent)?.includes(target)));
      case 'owner':
        return new Set(AGENTS.filter((agent) => this.owner.get(agent) === target));
      case 'workspace':
        return new Set(AGENTS);
      case 'tool':
        return new Set();
    }
  }

  status(agent: AgentName): string {
    if (this.stops.some(({ covers }) => covers.has(agent))) return 'revoked';
    return this.suspended.has(agent) || this.ownerLeft.has(agent) ? 'suspended' : 'active';
  }
}

type Step = (model: Model) => Promise<void>;

const agentName = fc.constantFrom(...AGENTS);
const owner = fc.constantFrom(...OWNERS);

const target: fc.Arbitrary<[Scope, string]> = fc.oneof(
  fc.tuple(fc.constant<Scope>('agent'), agentName),
  fc.tuple(fc.constant<Scope>('role'), fc.constantFrom(...ROLES)),
  fc.tuple(fc.constant<Scope>('owner'), owner),
  fc.tuple(fc.constant<Scope>('workspace'), fc.constant('*')),
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: target.map(([scope, name]) => order(scope, name)) },
  { weight: 4, arbitrary: fc.nat(7).map(lift) },
  { weight: 1, arbitrary: agentName.map(suspend) },
  { weight: 2, arbitrary: agentName.map(restore) },
  { weight: 2, arbitrary: fc.tuple(agentName, owner).map(([agent, email]) => give(agent, email)) },
  { weight: 1, arbitrary: fc.tuple(agentName, fc.subarray([...ROLES], { minLength: 1 })).map(([a, r]) => dress(a, r)) },
  { weight: 1, arbitrary: fc.tuple(owner, fc.boolean()).map(([email, active]) => activate(email, active)) },
);

function order(scope: Scope, name: string): Step {
  return async (model) => {
    const standing = model.standing(scope, name);
    const covers = standing?.covers ?? model.covered(scope, name);
    const stop = await node.stop({ scope, target: name });
    expect(stop.receipt.agents.map((agent) => agent.name)).toEqual([...covers].sort());
    if (standing !== undefined) {
      expect(stop.id).toBe(standing.id);
      return;
    }
    // A token is ended once, by the first stop that covers its agent.
    const ended = stop.receipt.agents.filter(({ tokens_ended }) => tokens_ended > 0).map((agent) => agent.name);
    expect(ended).toEqual([...covers].filter((agent) => !model.dead.has(agent)).sort());
    model.stops.push({ id: stop.id, scope, target: name, covers });
    for (const agent of covers) model.dead.add(agent);
  };
}

function lift(index: number): Step {
  return async (model) => {
    const stop = model.stops[index % Math.max(1, model.stops.length)];
    if (stop === undefined) return;
    const lifted = await askForLift(node.log, nodes.who, stop.id, 'over');
    expect(lifted).toMatchObject({ object: 'containment', lifted_at: expect.any(Number) });
    expect(await askForLift(node.log, nodes.who, stop.id, 'again')).toEqual(lifted);
    model.stops = model.stops.filter((each) => each !== stop);
  };
}

function suspend(agent: AgentName): Step {
  return async (model) => {
    await suspendAgent(node.log, nodes.who, agent, 'pause');
    model.suspended.add(agent);
  };
}

function restore(agent: AgentName): Step {
  return async (model) => {
    const own = model.standing('agent', agent);
    const isHeld = model.suspended.has(agent) || model.ownerLeft.has(agent);
    const refusal =
      model.status(agent) === 'active'
        ? undefined
        : model.inactive.has(model.owner.get(agent) ?? '')
          ? 'owner_inactive'
          : own === undefined && !isHeld
            ? 'agent_stopped_otherwise'
            : undefined;
    await expectCode(askToRestore(node.log, nodes.who, agent, 'back'), refusal);
    if (refusal !== undefined || model.status(agent) === 'active') return;
    model.stops = model.stops.filter((stop) => stop !== own);
    model.suspended.delete(agent);
    model.ownerLeft.delete(agent);
  };
}

function give(agent: AgentName, email: string): Step {
  return async (model) => {
    const isSame = model.owner.get(agent) === email;
    const refusal = isSame
      ? undefined
      : model.inactive.has(email)
        ? 'owner_inactive'
        : model.standing('owner', email) !== undefined
          ? 'owner_stopped'
          : undefined;
    await expectCode(changeAgent(node.log, nodes.who, agent, { owner: email }), refusal);
    if (isSame || refusal !== undefined) return;
    model.owner.set(agent, email);
    model.ownerLeft.delete(agent);
  };
}

function dress(agent: AgentName, roles: readonly string[]): Step {
  return async (model) => {
    const worn = model.roles.get(agent) ?? [];
    const isRefused = roles.some((role) => !worn.includes(role) && model.standing('role', role) !== undefined);
    await expectCode(changeAgent(node.log, nodes.who, agent, { roles }), isRefused ? 'role_stopped' : undefined);
    if (!isRefused) model.roles.set(agent, roles);
  };
}

function activate(email: string, active: boolean): Step {
  return async (model) => {
    await changePerson(node, nodes.who, email, { active });
    if (active) model.inactive.delete(email);
    else if (!model.inactive.has(email)) {
      model.inactive.add(email);
      for (const agent of AGENTS) {
        if (model.owner.get(agent) !== email) continue;
        model.ownerLeft.add(agent);
        model.dead.add(agent);
      }
    }
  };
}

async function expectCode(change: Promise<unknown>, code: string | undefined): Promise<void> {
  const outcome = await change.then(
    () => undefined,
    (error: unknown) => (error instanceof Failure ? error.code : error),
  );
  expect(outcome).toBe(code);
}

async function checkAll(model: Model, tokens: ReadonlyMap<AgentName, string>): Promise<void> {
  for (const agent of AGENTS) {
    const { status, owner: email, roles } = await readAgent(node.pool, nodes.who.workspaceId, agent);
    expect({ agent, status, email, roles }).toEqual({
      agent,
      status: model.status(agent),
      email: model.owner.get(agent),
      roles: model.roles.get(agent),
    });
    const principal = await node.path.authenticate(tokens.get(agent), { tool: 'probe' });
    const isLive = !('kind' in principal);
    const mayLive = model.status(agent) === 'active' && !model.inactive.has(email) && !model.dead.has(agent);
    expect([agent, isLive]).toEqual([agent, mayLive]);
  }
}

/** Back to how every run begins: nothing stands, nobody is suspended, everybody is active, all as at first. */
async function reset(model: Model): Promise<void> {
  for (const email of OWNERS) await changePerson(node, nodes.who, email, { active: true });
  for (const stop of [...model.stops]) await askForLift(node.log, nodes.who, stop.id, 'reset');
  for (const [i, agent] of AGENTS.entries()) {
    await askToRestore(node.log, nodes.who, agent, 'reset');
    await changeAgent(node.log, nodes.who, agent, { owner: OWNERS[i % 2], roles: ['support'] });
    expect((await readAgent(node.pool, nodes.who.workspaceId, agent)).status).toBe('active');
  }
}

it('an agent is back exactly when nothing that covers it stands, and its old tokens never are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 14 }), async (run) => {
      const model = new Model();
      const tokens = new Map<AgentName, string>();
      for (const agent of AGENTS) tokens.set(agent, await nodes.token(agent));
      try {
        for (const step of run) {
          await step(model);
          await checkAll(model, tokens);
        }
      } finally {
        await reset(model);
      }
    }),
    { numRuns: 15 },
  );
});
