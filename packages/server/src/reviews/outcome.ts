/** What was said of an item comes to. Pure. */
import type { AssignmentRow, DecisionRow, ItemRow } from './rows.ts';

/** Who reviews it now. */
export function current({ assignments }: Pick<ItemRow, 'assignments'>): readonly AssignmentRow[] {
  return assignments.filter(({ endedAt }) => endedAt === null);
}

/** What stands of an assignment, submitted or not. */
export function standing({ decisions }: Pick<ItemRow, 'decisions'>, assignment: number): DecisionRow | undefined {
  return decisions.findLast((each) => each.assignment === assignment && each.supersededAt === null);
}

/**
 * What all of its reviewers have submitted comes to. Any revoke wins, and waits for nobody; then any change. Undefined: somebody
 * has not said anything yet. Pure.
 */
export function outcomeOf(item: Pick<ItemRow, 'assignments' | 'decisions'>): DecisionRow | undefined {
  const said = current(item).map(({ number }) => {
    const decision = standing(item, number);
    return decision?.submittedAt === null || decision?.decision === 'escalate' ? undefined : decision;
  });
  const revoke = said.find((each) => each?.decision === 'revoke');
  if (revoke !== undefined) return revoke;
  if (said.length === 0 || said.some((each) => each === undefined)) return undefined;
  return said.find((each) => each?.decision === 'modify') ?? said[0];
}
