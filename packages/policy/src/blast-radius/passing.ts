/** Which verdicts let a call run on a line, and which answers of a guard end in one. */

import { DEFAULT_APPROVAL } from '../documents/approval.ts';
import { stricterOf } from '../documents/verdicts.ts';
import type { Guard, Verdict } from '../model.ts';

/** Lines on which the gateway decides; on `approved`, as many people as are needed approve. */
export type GuardedLine = 'alone' | 'fooled' | 'approved';

export function passes(verdict: Verdict, { approval = DEFAULT_APPROVAL }: Guard, line: GuardedLine): boolean {
  if (verdict !== 'review') return verdict === 'allow';
  if (line === 'fooled') return approval.people <= 1 && approval.groups.length <= 1;
  return line === 'approved';
}

/** Whether what fits into the window passes and what does not fit is kept back. */
export function windowLimits(guard: Guard, line: GuardedLine): boolean {
  return passes(guard.effect, guard, line) && !passes(guard.otherwise, guard, line);
}

/** What cannot be evaluated takes the stricter branch. */
export function unknownPasses(guard: Guard, line: GuardedLine): boolean {
  return passes(stricterOf(guard.effect, guard.otherwise), guard, line);
}
