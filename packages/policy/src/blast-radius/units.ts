/** What is measured. */
import type { PolicySet } from '../model.ts';
import { currencyOf, unitOf } from '../values/money.ts';

/** Units that every document may use in one meaning; the others are what a workspace makes of them. */
export const WELL_KNOWN_UNITS: readonly string[] = Object.freeze([
  'records_read',
  'records_changed',
  'records_deleted',
  'messages',
  'recipients',
]);

/** Money first, then what is well known, then what this workspace counts. Money is measured even if nothing declares it. */
export function unitsOf(set: PolicySet): readonly string[] {
  const declared = [...new Set(set.capabilities.flatMap(({ impact }) => Object.keys(impact)))].sort();
  const guards = [...set.workspaceGuards, ...set.roles.flatMap((role) => role.guards)];
  const summed = guards.flatMap(({ when }) => ('kind' in when && when.unit !== undefined ? [when.unit] : []));
  const money = [...new Set([...declared, ...summed])].filter((unit) => currencyOf(unit) !== undefined).sort();
  const others = declared.filter((unit) => currencyOf(unit) === undefined && !WELL_KNOWN_UNITS.includes(unit));
  return [...(money.length === 0 ? [unitOf('USD')] : money), ...WELL_KNOWN_UNITS, ...others];
}
