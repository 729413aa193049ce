/** Ways to more than an agent's own roles: other agents' credentials, and capabilities that change authority. */
import { covers } from '../documents/names.ts';
import { type AgentClass, classesOf, type Member } from './fleet.ts';
import type { Ground } from './ground.ts';
import type { GuardedLine } from './passing.ts';
import { callsOf } from './spending.ts';
import type { AuthorityCapability, Escalation, RadiusAgent } from './types.ts';

/**
 * Names under which tools commonly change who may do what. Whoever can hand out roles can wear any; whoever can change
 * policy, or read secrets, is held by no guard.
 */
export const AUTHORITY_CAPABILITIES: readonly AuthorityCapability[] = Object.freeze([
  { capability: 'roles.*', gives: 'roles' },
  { capability: 'agents.*', gives: 'roles' },
  { capability: 'hivekey.*', gives: 'everything' },
  { capability: 'policy.*', gives: 'everything' },
  { capability: 'policies.*', gives: 'everything' },
  { capability: 'guards.*', gives: 'everything' },
  { capability: 'iam.*', gives: 'everything' },
  { capability: 'secrets.*', gives: 'everything' },
  { capability: 'vault.*', gives: 'everything' },
]);

export interface Reached {
  /** With all that the ways lead to. */
  readonly classes: readonly AgentClass[];
  readonly escalations: readonly Escalation[];
  /** Those after which no limit holds. */
  readonly limitless: readonly Escalation[];
}

/** The closure: what the members come to, and what those come to in turn. */
export function reachedBy(
  ground: Ground,
  members: readonly Member[],
  agents: readonly RadiusAgent[],
  authority: readonly AuthorityCapability[],
  line: GuardedLine,
): Reached {
  const found: Escalation[] = [];
  const reached = new Map<string, Member>(members.map((member) => [member.agent.id, member]));
  const waiting = [...members];
  for (let member = waiting.pop(); member !== undefined; member = waiting.pop()) {
    const ways = waysOf(ground, member, authority, line);
    found.push(...ways);
    if (ways.some(({ kind }) => kind === 'roles')) {
      const hats = new Map(member.hats.map((hat) => [hat.key, hat]));
      for (const hat of ground.hats(ground.roleNames)) hats.set(hat.key, hat);
      if (hats.size > member.hats.length) {
        const wider = { agent: member.agent, hats: [...hats.values()] };
        reached.set(member.agent.id, wider);
        // what the new roles grant may lead further
        waiting.push(wider);
      }
    }
    for (const id of member.agent.actsAs ?? []) {
      const agent = agents.find((each) => each.id === id);
      if (agent === undefined || id === member.agent.id) continue;
      found.push({
        kind: 'agent',
        reach: 'alone',
        agentId: member.agent.id,
        toAgentId: id,
        sentence: `${member.agent.name} can come by the credentials of ${agent.name}`,
      });
      if (reached.has(id)) continue;
      const other = { agent, hats: ground.hats(agent.roles) };
      reached.set(id, other);
      waiting.push(other);
    }
  }
  const escalations = unique(found);
  return {
    classes: classesOf([...reached.values()]),
    escalations,
    limitless: escalations.filter(({ kind }) => kind === 'everything'),
  };
}

function waysOf(
  ground: Ground,
  { agent, hats }: Member,
  authority: readonly AuthorityCapability[],
  line: GuardedLine,
): readonly Escalation[] {
  const granted = [...new Set(hats.flatMap((hat) => hat.granted))].sort();
  return granted.flatMap((capability) =>
    authority.flatMap(({ capability: pattern, gives }): Escalation[] => {
      // looking at who may do what changes nothing; a secret that is read is out
      const isHarmless = gives === 'roles' && ground.capability(capability)?.access === 'read';
      if (!covers(pattern, capability) || isHarmless) return [];
      const can = (on: GuardedLine) => hats.some((hat) => callsOf(ground, hat, capability, on).passes);
      if (!can(line)) return [];
      const leads = gives === 'roles' ? 'can wear any role' : 'is held by no limit any more';
      return [
        {
          kind: gives,
          reach: can('alone') ? 'alone' : 'approval',
          agentId: agent.id,
          capability,
          sentence: `${agent.name} can call ${capability}, and then ${leads}`,
        },
      ];
    }),
  );
}

function unique(ways: readonly Escalation[]): readonly Escalation[] {
  const found = new Map(
    ways.map((way) => [JSON.stringify([way.agentId, way.kind, way.capability, way.toAgentId]), way]),
  );
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, way]) => way);
}
