/**
 * What a policy decides differently from another, in words. Pure. The parts that are compared are those of the policy
 * hash, so that nothing is left out: where the hashes are equal no item decides, and where they differ one does.
 */
import { policyHash } from '../decide/hash.ts';
import type { PolicySet } from '../model.ts';
import { currencyOf } from '../values/money.ts';
import { grantedIn, guardItems } from './guard-items.ts';
import { capabilityItems, freezeItems, sourcesItems } from './other-items.ts';
import { roleItems } from './role-items.ts';
import type { Difference, DifferenceItem, Direction, RiskInputs } from './types.ts';
import { shapeOf } from './words.ts';

export function policyDiff(before: PolicySet, after: PolicySet): Difference {
  const found = [
    ...roleItems(before, after),
    ...guardItems('workspace', before.workspaceGuards, after.workspaceGuards, () => false, grantedIn(after)),
    ...capabilityItems(before, after),
    ...freezeItems(before, after),
    ...sourcesItems(before, after),
  ];
  const items = [...found.filter(isDeciding), ...found.filter((item) => !isDeciding(item))];
  const direction = directionOf(items);
  return {
    before: policyHash(before),
    after: policyHash(after),
    direction,
    items,
    risk: riskInputs(direction, items, before, after),
  };
}

function isDeciding({ direction }: DifferenceItem): boolean {
  return direction !== 'neutral';
}

function directionOf(items: readonly DifferenceItem[]): Direction {
  const found = new Set(items.filter(isDeciding).map(({ direction }) => direction));
  const [only] = found;
  if (only === undefined) return 'neutral';
  return found.size === 1 ? only : 'changes';
}

function riskInputs(
  direction: Direction,
  items: readonly DifferenceItem[],
  before: PolicySet,
  after: PolicySet,
): RiskInputs {
  const capabilities = new Map(after.capabilities.map((capability) => [capability.name, capability]));
  const grants = items.filter(({ kind }) => kind === 'grant');
  const guards = items.filter(({ kind }) => kind === 'guard');
  const count = (each: Direction) => guards.filter((item) => item.direction === each).length;
  const loosened = guards.flatMap(({ origin, direction: way, guard }) => {
    if (way !== 'widens' && way !== 'changes') return [];
    const all =
      origin === 'workspace' ? before.workspaceGuards : before.roles.find(({ name }) => name === origin)?.guards;
    const was = all?.find(({ id }) => id === guard?.before);
    return was === undefined ? [] : [was];
  });
  return {
    direction,
    gained: grants.flatMap(({ direction: way, origin: role, action: name = '' }) => {
      if (way !== 'widens') return [];
      const capability = capabilities.get(name);
      const { access = 'unknown' as const, destructive = true, impact = {} } = capability ?? {};
      const spends = Object.keys(impact).some((unit) => currencyOf(unit) !== undefined);
      return [{ role, capability: name, access, destructive, spends }];
    }),
    grantsLost: grants.filter(({ direction: way }) => way !== 'widens').length,
    guardsLoosened: count('widens'),
    guardsTightened: count('narrows'),
    guardsChanged: count('changes'),
    capsLoosened: loosened.filter((guard) => ['cap', 'rate', 'call cap'].includes(shapeOf(guard).kind)).length,
    approvalsLoosened: loosened.filter(({ effect, otherwise }) => effect === 'review' || otherwise === 'review').length,
    workspaceWide: items.some(
      ({ kind, origin, direction: way }) =>
        (way === 'widens' || way === 'changes') &&
        (kind === 'freeze' ||
          kind === 'sources' ||
          kind === 'capability' ||
          (kind === 'guard' && origin === 'workspace')),
    ),
  };
}
