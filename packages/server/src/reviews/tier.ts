/** How much care an item takes. Pure. */
import type { PolicySet } from '@hivekey/policy';
import type { ItemType } from './kinds.ts';
import type { Subject } from './subjects.ts';

export type Tier = 'low' | 'medium' | 'high' | 'critical';
const ORDER: readonly Tier[] = ['low', 'medium', 'high', 'critical'];

/** What people hold over the workspace itself is never of the low tier. */
const AT_LEAST: Readonly<Partial<Record<ItemType, Tier>>> = {
  grant: 'medium',
  delegation: 'medium',
  standing_approval: 'high',
  break_glass: 'critical',
  temporary_grant: 'high',
};

/** The highest of what people said of the agent, what its capabilities can do, and what the item is. */
export function tierOf(
  { type, agent, capabilities, manages }: Pick<Subject, 'type' | 'agent' | 'capabilities' | 'manages'>,
  set: PolicySet,
): Tier {
  const known = new Map(set.capabilities.map((each) => [each.name, each]));
  const tiers: Tier[] = [agent?.riskTier ?? 'low', AT_LEAST[type] ?? 'low'];
  for (const name of type === 'grant' || type === 'delegation' ? [] : capabilities) {
    const capability = known.get(name);
    // What nobody has declared may do anything.
    if (capability === undefined || capability.destructive) tiers.push('high');
    else if (capability.access === 'write') tiers.push('medium');
  }
  if (manages) tiers.push('high');
  return tiers.reduce((highest, tier) => (ORDER.indexOf(tier) > ORDER.indexOf(highest) ? tier : highest));
}

export function isPrivileged(tier: Tier): boolean {
  return tier === 'high' || tier === 'critical';
}
