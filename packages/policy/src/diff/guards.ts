/** Guards of one origin, before and after: which of them are the same, which became another, and which way that goes. */
import { boundsOf } from '../decide/condition.ts';
import { guardText } from '../decide/hash.ts';
import { DEFAULT_APPROVAL } from '../documents/approval.ts';
import { coversAll } from '../documents/names.ts';
import { isStricter, stricterOf } from '../documents/verdicts.ts';
import { testsOf } from '../lint/outcomes.ts';
import type { ApprovalRequirement, Guard, Verdict } from '../model.ts';
import { isOneCounter, type Movement, movement } from './truth.ts';
import type { Direction } from './types.ts';

/** Guards that decide; of several with one content, the first. */
export interface PairedGuards {
  readonly changed: readonly { readonly before: Guard; readonly after: Guard }[];
  readonly gone: readonly Guard[];
  readonly come: readonly Guard[];
  /** Of the same content under another id. */
  readonly renamed: readonly { readonly before: Guard; readonly after: Guard }[];
}

export function pairGuards(before: readonly Guard[], after: readonly Guard[]): PairedGuards {
  const [old, now] = [byContent(before), byContent(after)];
  const renamed = [...old].flatMap(([text, guard]) => {
    const same = now.get(text);
    return same === undefined || same.id === guard.id ? [] : [{ before: guard, after: same }];
  });
  let gone = [...old].flatMap(([text, guard]) => (now.has(text) ? [] : [guard]));
  let come = [...now].flatMap(([text, guard]) => (old.has(text) ? [] : [guard]));
  const changed: { before: Guard; after: Guard }[] = [];
  for (const isPair of ALIKE) {
    for (const guard of gone) {
      const found = come.find((each) => isPair(guard, each));
      if (found === undefined) continue;
      changed.push({ before: guard, after: found });
      gone = gone.filter((each) => each !== guard);
      come = come.filter((each) => each !== found);
    }
  }
  return { changed, gone, come, renamed };
}

function byContent(guards: readonly Guard[]): ReadonlyMap<string, Guard> {
  const found = new Map<string, Guard>();
  for (const guard of guards) {
    const text = guardText(guard);
    if (guard.mode !== 'shadow' && !found.has(text)) found.set(text, guard);
  }
  return found;
}

/** What two guards are about, the surest first. */
const ALIKE: readonly ((a: Guard, b: Guard) => boolean)[] = [
  (a, b) => a.id === b.id && a.action === b.action && measures(a, b) && windowSeconds(a) === windowSeconds(b),
  (a, b) => a.action === b.action && measures(a, b) && windowSeconds(a) === windowSeconds(b),
  (a, b) => a.action === b.action && measures(a, b),
  (a, b) => a.id === b.id && (coversAll(a.action, b.action) || coversAll(b.action, a.action)),
];

function windowSeconds({ when }: Guard): number | undefined {
  return 'kind' in when ? when.windowSeconds : undefined;
}

function measures({ when: a }: Guard, { when: b }: Guard): boolean {
  if ('kind' in a || 'kind' in b) return 'kind' in a && 'kind' in b && isOneCounter(a, b);
  const fields = (when: typeof a) => [...new Set(testsOf(when).map(({ field }) => field))].sort().join();
  return fields(a) === fields(b);
}

type Truth = 'fails' | 'unknown' | 'holds';
type Step = readonly [before: Truth, after: Truth];

const STILL: readonly Step[] = [
  ['fails', 'fails'],
  ['unknown', 'unknown'],
  ['holds', 'holds'],
];
const UP: readonly Step[] = [
  ['fails', 'unknown'],
  ['fails', 'holds'],
  ['unknown', 'holds'],
];
const DOWN: readonly Step[] = UP.map(([before, after]) => [after, before]);
const STEPS: Readonly<Record<Movement, readonly Step[]>> = {
  same: STILL,
  grows: [...STILL, ...UP],
  shrinks: [...STILL, ...DOWN],
};
const ANY: readonly Step[] = [...STILL, ...UP, ...DOWN];

export function guardDirection(before: Guard, after: Guard): Direction {
  if (isAtLeastAsStrict(before, after)) return 'narrows';
  return isAtLeastAsStrict(after, before) ? 'widens' : 'changes';
}

/** Whether the second, in place of the first, decides no call more laxly, and asks for no fewer people. */
function isAtLeastAsStrict(guard: Guard, other: Guard): boolean {
  if (!coversAll(other.action, guard.action) || !readsNoFewerAmounts(guard, other)) return false;
  if (mayHold(guard) && mayHold(other) && !asksNoLess(approvalOf(guard), approvalOf(other))) return false;
  const moved = movement(guard.when, other.when);
  const steps = moved === undefined ? ANY : STEPS[moved];
  return steps.every(([from, to]) => !isStricter(resultOf(guard, from), resultOf(other, to)));
}

function resultOf({ effect, otherwise }: Guard, truth: Truth): Verdict {
  if (truth === 'unknown') return stricterOf(effect, otherwise);
  return truth === 'holds' ? effect : otherwise;
}

function mayHold({ effect, otherwise }: Guard): boolean {
  return effect === 'review' || otherwise === 'review';
}

export function approvalOf({ approval = DEFAULT_APPROVAL }: Guard): ApprovalRequirement {
  return approval;
}

function asksNoLess(before: ApprovalRequirement, after: ApprovalRequirement): boolean {
  return (
    after.people >= before.people &&
    after.withinSeconds <= before.withinSeconds &&
    before.groups.every((group) => after.groups.includes(group))
  );
}

/** Whoever reads an amount refuses impossible ones, whatever else it answers. */
function readsNoFewerAmounts(guard: Guard, other: Guard): boolean {
  const read = new Set(amountsRead(other));
  return amountsRead(guard).every((amount) => read.has(amount));
}

function amountsRead({ when }: Guard): readonly string[] {
  if ('kind' in when) return when.unit === undefined ? [] : [`${when.unit} over ${[...when.over].sort().join()}`];
  return testsOf(when).flatMap(({ field, operator, operand }) =>
    field === 'amount' && operator !== 'exists' ? [boundsOf(operand).currency ?? 'bare'] : [],
  );
}
