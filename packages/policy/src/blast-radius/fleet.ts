/** Agents that are alike for every guard are counted, not listed: who owns them and how they can wear their roles. */

import type { Ground, Hat } from './ground.ts';
import type { RadiusAgent } from './types.ts';

export interface AgentClass {
  readonly ownerId: string;
  readonly agents: number;
  /** Each by itself; the counters of an agent are shared by its hats. */
  readonly hats: readonly Hat[];
}

export interface Member {
  readonly agent: RadiusAgent;
  readonly hats: readonly Hat[];
}

export function membersOf(ground: Ground, agents: readonly RadiusAgent[]): readonly Member[] {
  return agents.map((agent) => ({ agent, hats: ground.hats(agent.roles) }));
}

export function classesOf(members: readonly Member[]): readonly AgentClass[] {
  const classes = new Map<string, AgentClass>();
  for (const { agent, hats } of members) {
    const key = JSON.stringify([agent.ownerId, hats.map((hat) => hat.key)]);
    const held = classes.get(key);
    classes.set(key, { ownerId: agent.ownerId, agents: (held?.agents ?? 0) + 1, hats });
  }
  return [...classes.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}
