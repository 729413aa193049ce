/** Which verdicts let a call run on a line, and which answers of a guard end in one. */

import { DEFAULT_APPROVAL } from '../documents/approval.ts';
import { stricterOf } from '../documents/verdicts.ts';
import type { Guard, Verdict } from '../model.ts';

/** Lines on which the gateway decides. */
export type GuardedLine = 'alone' | 'fooled';

export function passes(verdict: Verdict, { approval = DEFAULT_APPROVAL }: Guard, line: GuardedLine): boolean {
  if (verdict === 'review') return line === 'fooled' && approval.people <= 1 && approval.groups.length <= 1;
  return verdict === 'allow';
}

/** What a window does on a line: everything passes, what fits passes, or what is no such simple limit. */
export function windowLimits(guard: Guard, line: GuardedLine): boolean {
  return passes(guard.effect, guard, line) && !passes(guard.otherwise, guard, line);
}

/** What cannot be evaluated takes the stricter branch. */
export function unknownPasses(guard: Guard, line: GuardedLine): boolean {
  return passes(stricterOf(guard.effect, guard.otherwise), guard, line);
}
