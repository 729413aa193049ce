/** The numbers of every agent. Agents that are alike for every guard have the same: they are computed once. */
import { type BlastRadius, blastRadius, type RadiusAgent, type RadiusAmount, type RadiusWorld } from '@hivekey/policy';
import type { World } from './world.ts';

/** Agents of one of these are alike: what they own in common is a bound of the same size for each. */
function alikeKey({ roles, actsAs = [] }: RadiusAgent): string {
  return JSON.stringify([[...roles].sort(), [...actsAs].sort()]);
}

export interface Alike {
  readonly radius: BlastRadius;
  readonly agents: readonly RadiusAgent[];
}

/** Each set of agents that are alike, with what any of them can do by itself. */
export function radiusOfAlike(world: RadiusWorld): Alike[] {
  return [...Map.groupBy(world.agents, alikeKey).values()].flatMap((agents) => {
    const [first] = agents;
    return first === undefined ? [] : [{ radius: blastRadius(world, { kind: 'agent', id: first.id }), agents }];
  });
}

export interface FleetRow {
  readonly agentId: string;
  readonly agent: string;
  readonly owner: string;
  readonly roles: readonly string[];
  /** unit → amount within the horizon on the line asked about. */
  readonly amounts: ReadonlyMap<string, RadiusAmount>;
  /** 2: something has no bound, 1: something is not known, 0: there are numbers for everything. */
  readonly rank: number;
  /** Of the unit that is sorted by; 0 where it has none. */
  readonly value: number;
}

export interface FleetQuery {
  readonly unit?: string | undefined;
  readonly horizon: string;
  readonly line: string;
}

/** What has no bound first, then what is not known, then the largest; by name where they are equal. */
export function fleetRows({ agents }: World, alike: readonly Alike[], { unit, horizon, line }: FleetQuery): FleetRow[] {
  const rows = alike.flatMap(({ radius, agents: members }) => {
    const amounts = new Map(
      radius.cells.flatMap((cell) =>
        cell.horizon === horizon && cell.line === line ? [[cell.unit, cell.amount] as const] : [],
      ),
    );
    const judged =
      unit === undefined ? [...amounts.values()] : [amounts.get(unit)].filter((each) => each !== undefined);
    const first = amounts.get(unit ?? radius.units[0] ?? '');
    return members.map((member): FleetRow => {
      const known = agents.get(member.id);
      return {
        agentId: member.id,
        agent: member.name,
        owner: known?.owner ?? '',
        roles: member.roles,
        amounts,
        rank: Math.max(0, ...judged.map(rankOf)),
        value: first?.kind === 'bounded' ? first.value : 0,
      };
    });
  });
  return rows.sort((a, b) => b.rank - a.rank || b.value - a.value || (a.agent < b.agent ? -1 : 1));
}

export function rankOf({ kind }: RadiusAmount): number {
  return { unbounded: 2, unknown: 1, bounded: 0 }[kind];
}
