/** What an agent may spend at most by calls of a capability, as far as caps say. Pure. */
import type { Budget } from '../../api/types.ts';
import { impactWords, plural } from '../../ui/format.ts';

const CALLS = 'Calls';

/**
 * For each unit of the call and each that a cap over such calls counts, and for the calls themselves: what is left
 * under the tightest cap. A cap bounds only where it denies what is beyond it, for everybody it is paid to and
 * whoever approved: any other leaves a way, so that no number is told for it.
 */
export function boundsOf(
  budgets: readonly Budget[],
  action: string,
  units: readonly string[],
): readonly (readonly [name: string, value: string])[] {
  const concerned = budgets.filter((budget) => covers(budget.action, action));
  const names = new Set([...units, ...concerned.flatMap(({ unit }) => unit ?? [])]);
  const most = (unit: string | null): number | undefined => {
    const left = concerned.filter((budget) => budget.unit === unit && isBound(budget)).map((budget) => budget.left);
    return left.length === 0 ? undefined : Math.min(...left);
  };
  const calls = most(null);
  return [
    ...[...names].map((unit): [string, string] => {
      const left = most(unit);
      return [unit, left === undefined ? `unbounded: no cap bounds it` : `at most ${impactWords(unit, left)}`];
    }),
    [CALLS, calls === undefined ? 'unbounded: no cap or rate bounds them' : `at most ${plural(calls, 'call')}`],
  ];
}

function isBound({ otherwise, per, unattended }: Budget): boolean {
  return otherwise === 'deny' && per === null && !unattended;
}

/** As the policy reads it: a capability, `crm.*`, or `*`. */
function covers(pattern: string, capability: string): boolean {
  return (
    pattern === '*' ||
    pattern === capability ||
    (pattern.endsWith('.*') && `${capability}.`.startsWith(pattern.slice(0, -1)))
  );
}
