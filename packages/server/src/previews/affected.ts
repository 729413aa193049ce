/** Whom a change concerns, and what they see before and after it. Pure. */
import { covers, type Difference, type DifferenceItem, type PolicySet } from '@hivekey/policy';
import type { PreviewDocument } from './preview.ts';
import { compiled, toolsOf, type World, type WorldAgent } from './world.ts';

export interface AffectedAgent {
  readonly before: WorldAgent;
  readonly after: WorldAgent;
}

/** Wearers of roles that are changed, those who are granted what is changed for everybody, and those given other roles. */
export function affectedAgents(before: World, after: World, difference: Difference): readonly AffectedAgent[] {
  const deciding = difference.items.filter(({ direction }) => direction !== 'neutral');
  const roles = new Set(deciding.flatMap(({ kind, origin }) => (isOfRole(kind, origin) ? [origin] : [])));
  const reach = reachOf(deciding, before.set, after.set);
  const [old, now] = [grantsOf(before.set), grantsOf(after.set)];
  const switched = [...after.switchedOff].filter((name) => !before.switchedOff.has(name));
  const later = new Map(after.agents.map((agent) => [agent.id, agent]));
  return before.agents.flatMap((was): AffectedAgent[] => {
    const is = later.get(was.id) ?? was;
    const worn = [...was.roles, ...is.roles];
    const granted = () => [...old(was.roles), ...now(is.roles)];
    const isAffected =
      was.roles.join('\0') !== is.roles.join('\0') ||
      worn.some((role) => roles.has(role)) ||
      ((reach !== undefined || switched.length > 0) &&
        granted().some((name) => reach?.(name) === true || switched.includes(name)));
    return isAffected ? [{ before: was, after: is }] : [];
  });
}

function isOfRole(kind: DifferenceItem['kind'], origin: string): boolean {
  return (kind === 'role' || kind === 'grant' || kind === 'guard') && origin !== 'workspace';
}

/** Capabilities that something is changed for, whoever has them; undefined for none. */
function reachOf(
  items: readonly DifferenceItem[],
  before: PolicySet,
  after: PolicySet,
): ((capability: string) => boolean) | undefined {
  const patterns = new Set<string>();
  for (const { kind, origin, action } of items) {
    if (kind === 'sources') patterns.add('*');
    if (kind === 'capability' || (kind === 'guard' && origin === 'workspace')) patterns.add(action ?? '*');
    if (kind !== 'freeze') continue;
    for (const set of [before, after])
      for (const freeze of set.freezes ?? [])
        if (freeze.name === origin)
          for (const each of freeze.scope.actions.length === 0 ? ['*'] : freeze.scope.actions) patterns.add(each);
  }
  if (patterns.size === 0) return undefined;
  return (capability) => [...patterns].some((pattern) => covers(pattern, capability));
}

/** What roles worn together grant; worked out once for those who wear the same. */
function grantsOf(set: PolicySet): (roles: readonly string[]) => readonly string[] {
  const policy = compiled(set);
  const held = new Map<string, readonly string[]>();
  return (roles) => {
    const key = roles.join('\0');
    const granted = held.get(key) ?? [...policy.granted(roles)];
    held.set(key, granted);
    return granted;
  };
}

const MAX_NAMED = 50;

export function agentsInWords(affected: readonly AffectedAgent[]): PreviewDocument['agents'] {
  return {
    count: affected.length,
    named: affected.slice(0, MAX_NAMED).map(({ before, after }) => ({
      id: before.id,
      name: before.name,
      owner: before.owner,
      status: before.status,
      roles_before: [...before.roles],
      roles_after: [...after.roles],
    })),
  };
}

const MAX_TOOL_LISTS = 50;
const MAX_TOOLS = 200;

/** Of affected agents by the roles they wear, and of each changed role alone. */
export function toolDifferences(
  before: World,
  after: World,
  affected: readonly AffectedAgent[],
  changedRoles: readonly string[],
): PreviewDocument['tools'] {
  const worn = Map.groupBy(affected, ({ before: was, after: is }) => JSON.stringify([was.roles, is.roles]));
  const lists = [
    ...changedRoles.map((role) => ({ was: [role], is: [role] as readonly string[], agents: 0 })),
    ...[...worn.values()].flatMap((agents) => {
      const [first] = agents;
      return first === undefined ? [] : [{ was: first.before.roles, is: first.after.roles, agents: agents.length }];
    }),
  ];
  const merged = new Map<string, (typeof lists)[number]>();
  for (const list of lists) {
    const key = JSON.stringify([list.was, list.is]);
    merged.set(key, { ...list, agents: (merged.get(key)?.agents ?? 0) + list.agents });
  }
  return [...merged.values()].slice(0, MAX_TOOL_LISTS).flatMap(({ was, is, agents }) => {
    const [old, now] = [byName(before, was), byName(after, is)];
    const added = [...now.keys()].filter((name) => !old.has(name));
    const removed = [...old.keys()].filter((name) => !now.has(name));
    const guarded = [...now].flatMap(([name, guards]) => {
      const then = old.get(name);
      return then === undefined || then === guards ? [] : [name];
    });
    return [
      {
        roles: [...is],
        agents,
        before: old.size,
        after: now.size,
        added: added.slice(0, MAX_TOOLS),
        removed: removed.slice(0, MAX_TOOLS),
        guarded: guarded.slice(0, MAX_TOOLS),
      },
    ];
  });
}

/** Name of a tool → its guards in words. */
function byName(world: World, roles: readonly string[]): ReadonlyMap<string, string> {
  return new Map(toolsOf(world, roles).map(({ name, guards }) => [name, guards.join('\n')]));
}
