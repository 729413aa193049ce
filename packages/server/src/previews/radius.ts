/** Blast radius before and after: of the workspace, of changed roles, and of agents that are concerned. */
import { setImmediate } from 'node:timers/promises';
import {
  type BlastRadius,
  blastRadius,
  type PolicySet,
  type RadiusAgent,
  type RadiusSubject,
  type RadiusWorld,
  radiusChanges,
  radiusInWords,
} from '@hivekey/policy';
import type { AffectedAgent } from './affected.ts';
import type { PreviewDocument } from './preview.ts';

const MAX_NAMED = 100;
const MARK = 'quarantine:';

interface Subject {
  readonly subject: RadiusSubject;
  readonly name: string;
  /** Agents that are alike. */
  readonly agents: number;
}

/**
 * `most`: so many roles, and so many groups of agents that wear the same, are computed. The numbers of a large fleet take
 * their time, and calls are decided in between.
 */
export async function radiusDifference(
  world: RadiusWorld,
  after: PolicySet,
  affected: readonly AffectedAgent[],
  roles: readonly string[],
  most: number,
): Promise<PreviewDocument['blast_radius']> {
  const worn = new Map(affected.map((agent) => [agent.before.id, agent]));
  const later: RadiusWorld = { ...world, set: after, agents: world.agents.map((agent) => dressed(agent, worn)) };
  const subjects = subjectsOf(world, later, worn, roles, most);
  const compared: PreviewDocument['blast_radius']['named'] = [];
  for (const { subject, name, agents } of subjects) {
    await setImmediate();
    const changes = radiusChanges(knownRadius(world, subject), blastRadius(later, subject));
    compared.push({
      kind: subject.kind === 'owner' ? ('agent' as const) : subject.kind,
      id: 'id' in subject ? subject.id : null,
      name,
      agents,
      numbers: changes.map(({ unit, horizon, line, before: was, after: is, rises, sentence }) => ({
        unit,
        horizon,
        line,
        before: radiusInWords(was, unit),
        after: radiusInWords(is, unit),
        rises,
        sentence,
      })),
    });
  }
  const changed = compared.filter(({ numbers }) => numbers.length > 0);
  return { subjects: subjects.length, changed: changed.length, named: changed.slice(0, MAX_NAMED) };
}

/** Of the policy in force, which stays the same while somebody drafts. */
const KNOWN = new WeakMap<PolicySet, Map<string, BlastRadius>>();

function knownRadius(world: RadiusWorld, subject: RadiusSubject): BlastRadius {
  const { set, containmentSeconds = null } = world;
  const held = KNOWN.get(set) ?? new Map<string, BlastRadius>();
  KNOWN.set(set, held);
  const key = JSON.stringify([subject, containmentSeconds]);
  const known = held.get(key) ?? blastRadius(world, subject);
  held.set(key, known);
  return known;
}

/** With the roles it is given; a quarantine stays. */
function dressed(agent: RadiusAgent, worn: ReadonlyMap<string, AffectedAgent>): RadiusAgent {
  const given = worn.get(agent.id);
  if (given === undefined || given.before.roles.join('\0') === given.after.roles.join('\0')) return agent;
  return { ...agent, roles: [...given.after.roles, ...agent.roles.filter((role) => role.startsWith(MARK))] };
}

function subjectsOf(
  before: RadiusWorld,
  after: RadiusWorld,
  worn: ReadonlyMap<string, AffectedAgent>,
  roles: readonly string[],
  most: number,
): readonly Subject[] {
  const later = new Map(after.agents.map((agent) => [agent.id, agent]));
  const concerned = before.agents.filter(({ id }) => worn.has(id));
  const alike = Map.groupBy(concerned, ({ id, roles: was, actsAs = [] }) =>
    JSON.stringify([[...was].sort(), [...(later.get(id)?.roles ?? [])].sort(), [...actsAs].sort()]),
  );
  return [
    { subject: { kind: 'workspace' }, name: 'the workspace', agents: before.agents.length },
    ...roles.slice(0, most).map((name): Subject => {
      const agents = after.agents.filter((agent) => agent.roles.includes(name)).length;
      return { subject: { kind: 'role', id: name }, name, agents };
    }),
    ...[...alike.values()].slice(0, most).flatMap((agents): Subject[] => {
      const [first] = agents;
      return first === undefined
        ? []
        : [{ subject: { kind: 'agent', id: first.id }, name: first.name, agents: agents.length }];
    }),
  ];
}
