/**
 * What a guard can answer for the calls of one capability, and whether another guard is always at least as strict.
 * Sound in one direction: what is called impossible or covered is so for every call.
 */
import { readField } from '../documents/fields.ts';
import { isStricter, stricterOf } from '../documents/verdicts.ts';
import type { Condition, Guard, Verdict, WindowCondition } from '../model.ts';
import { formatMoney } from '../values/money.ts';
import { type Answer, canAnswer, type Subject } from './satisfiable.ts';

/** Answers of a condition. */
export type Truth = 'holds' | 'fails' | 'unknown';

/** How the amounts of a capability are read by a guard, as the engine does. */
export interface Lens extends Subject {
  /** Measure that a condition on `amount`, or a window of the unit, reads; undefined where it is the bare argument, or none. */
  measureOf(guard: Guard): Measure | undefined;
  /** Answers that were worked out for this capability. */
  readonly answers: Map<Condition, readonly Truth[]>;
}

export interface Measure {
  /** Two guards of one id read one amount. */
  readonly id: string;
  /** Impossible amounts are refused whichever guards there are. */
  readonly isDeclared: boolean;
}

export function windowOf({ when }: Guard): WindowCondition | undefined {
  return 'kind' in when && (when.kind === 'sum' || when.kind === 'count') ? when : undefined;
}

/** The condition of a guard that is decided from the call alone. */
export function conditionOf({ when }: Guard): Condition | undefined {
  return 'kind' in when ? undefined : when;
}

/** Fields that the condition reads. */
export function fieldsOf(condition: Condition): readonly string[] {
  if ('field' in condition) return [condition.field];
  if ('not' in condition) return fieldsOf(condition.not);
  return ('all' in condition ? condition.all : condition.any).flatMap(fieldsOf);
}

export function testsOf(condition: Condition): readonly Extract<Condition, { field: string }>[] {
  if ('field' in condition) return [condition];
  if ('not' in condition) return testsOf(condition.not);
  return ('all' in condition ? condition.all : condition.any).flatMap(testsOf);
}

export function truthsOf(condition: Condition, lens: Lens): readonly Truth[] {
  const held = lens.answers.get(condition);
  if (held !== undefined) return held;
  const truths: Truth[] = [];
  if (canAnswer([{ condition, holds: true }], lens)) truths.push('holds');
  if (canAnswer([{ condition, holds: false }], lens)) truths.push('fails');
  if (!isTotal(condition)) truths.push('unknown');
  lens.answers.set(condition, truths);
  return truths;
}

/** Never unknown: the capability is always known, and whether something is given is. */
function isTotal(condition: Condition): boolean {
  return testsOf(condition).every(({ field, operator }) => operator === 'exists' || field === 'action');
}

function resultOf({ effect, otherwise }: Guard, truth: Truth): Verdict {
  if (truth === 'unknown') return stricterOf(effect, otherwise);
  return truth === 'holds' ? effect : otherwise;
}

/** Verdicts the guard can give for the capability; both of a window, which depends on what came before. */
export function verdictsOf(guard: Guard, lens: Lens): ReadonlySet<Verdict> {
  const condition = conditionOf(guard);
  const truths = condition === undefined ? (['holds', 'fails'] as const) : truthsOf(condition, lens);
  return new Set(truths.map((truth) => resultOf(guard, truth)));
}

function isAtLeast(a: Verdict, b: Verdict): boolean {
  return !isStricter(b, a);
}

/** Whether no call of the capability is decided otherwise when `guard` is taken away, as long as `other` stays. */
export function isCoveredBy(guard: Guard, other: Guard, lens: Lens): boolean {
  if (!asksNoLess(guard, other)) return false;
  const everything = verdictsOf(other, lens);
  if (windowOf(other) === undefined && everything.size === 1 && everything.has('deny')) return true;
  if (!readsNoLess(guard, other, lens) || readsState(guard)) return false;
  const [window, otherWindow] = [windowOf(guard), windowOf(other)];
  if (window !== undefined) return otherWindow !== undefined && windowCovers(guard, window, other, otherWindow);
  if (otherWindow !== undefined) return isBeyondWindow(guard, other, otherWindow, lens);
  return conditionCovers(guard, other, lens);
}

/** Where both may hold a call, the same people must approve. */
function asksNoLess(guard: Guard, other: Guard): boolean {
  const mayHold = [guard.effect, guard.otherwise].includes('review');
  return !mayHold || JSON.stringify(guard.approval) === JSON.stringify(other.approval);
}

/** What it reads besides the call, it may use up: without it, later calls find another state. */
function readsState(guard: Guard): boolean {
  const condition = conditionOf(guard);
  return condition !== undefined && fieldsOf(condition).some((field) => !OF_THE_CALL.has(readField(field)?.field.kind));
}

const OF_THE_CALL: ReadonlySet<string | undefined> = new Set([
  'argument',
  'amount',
  'action',
  'payee',
  'recipientDomains',
]);

/** A guard that reads an undeclared amount refuses impossible ones; one that stands in for it must read it too. */
function readsNoLess(guard: Guard, other: Guard, lens: Lens): boolean {
  const measure = lens.measureOf(guard);
  return measure === undefined || measure.isDeclared || lens.measureOf(other)?.id === measure.id;
}

/** Over the same counter, a window that is no shorter and no higher is full whenever this one is. */
function windowCovers(guard: Guard, window: WindowCondition, other: Guard, otherWindow: WindowCondition): boolean {
  return (
    guard.effect === 'allow' &&
    window.kind === otherWindow.kind &&
    window.unit === otherWindow.unit &&
    window.per === otherWindow.per &&
    window.unattended === otherWindow.unattended &&
    window.scope === otherWindow.scope &&
    (window.scope !== 'role' || guard.origin === other.origin) &&
    [...window.over].sort().join() === [...otherWindow.over].sort().join() &&
    otherWindow.windowSeconds >= window.windowSeconds &&
    otherWindow.limit <= window.limit &&
    isAtLeast(other.otherwise, guard.otherwise) &&
    isAtLeast(stricterOf(other.effect, other.otherwise), stricterOf(guard.effect, guard.otherwise))
  );
}

/** The condition refuses only amounts that alone are more than the window holds. */
function isBeyondWindow(guard: Guard, other: Guard, { kind, unit, limit }: WindowCondition, lens: Lens): boolean {
  const condition = conditionOf(guard);
  const measure = lens.measureOf(guard);
  if (condition === undefined || kind !== 'sum' || unit === undefined || measure === undefined) return false;
  if (lens.measureOf(other)?.id !== measure.id || !readsOnlyAmount(condition)) return false;
  const within: Condition = { field: 'amount', operator: 'lte', operand: formatMoney(limit, unit.toUpperCase()) };
  for (const [holds, result] of [
    [true, guard.effect],
    [false, guard.otherwise],
  ] as const) {
    if (result === 'allow') continue;
    if (!isAtLeast(other.otherwise, result)) return false;
    const answers = [
      { condition, holds },
      { condition: within, holds: true },
    ];
    if (canAnswer(answers, lens)) return false;
  }
  return isAtLeast(stricterOf(other.effect, other.otherwise), stricterOf(guard.effect, guard.otherwise));
}

function readsOnlyAmount(condition: Condition): boolean {
  return testsOf(condition).every(({ field, operator }) => field === 'amount' && operator !== 'exists');
}

function conditionCovers(guard: Guard, other: Guard, lens: Lens): boolean {
  const [condition, otherCondition] = [conditionOf(guard), conditionOf(other)];
  if (condition === undefined || otherCondition === undefined) return false;
  if (!shareField(condition, otherCondition)) {
    // they do not bear on each other: any answer of the one goes with any of the other
    const laxest = [...verdictsOf(other, lens)].reduce((a, b) => (isStricter(a, b) ? b : a));
    return [...verdictsOf(guard, lens)].every((each) => isAtLeast(laxest, each));
  }
  const isSame = JSON.stringify(condition) === JSON.stringify(otherCondition);
  for (const truth of truthsOf(condition, lens)) {
    const result = resultOf(guard, truth);
    if (result === 'allow') continue;
    const beside = isSame ? [truth] : truthsBeside(condition, truth, otherCondition, guard, other, lens);
    if (!beside.every((each) => isAtLeast(resultOf(other, each), result))) return false;
  }
  return true;
}

/** What the second condition can answer to a call that the first answers with `truth`. */
function truthsBeside(
  condition: Condition,
  truth: Truth,
  otherCondition: Condition,
  guard: Guard,
  other: Guard,
  lens: Lens,
): readonly Truth[] {
  const measure = lens.measureOf(guard);
  const isOneMeasure =
    measure !== undefined &&
    lens.measureOf(other)?.id === measure.id &&
    readsOnlyAmount(condition) &&
    readsOnlyAmount(otherCondition);
  // both are unknown when the amount is, and only then
  if (isOneMeasure && truth === 'unknown') return ['unknown'];
  const truths = truthsOf(otherCondition, lens);
  if (truth === 'unknown') return truths;
  const first: Answer = { condition, holds: truth === 'holds' };
  return truths.filter((each) => {
    if (each === 'unknown') return !isOneMeasure;
    return canAnswer([first, { condition: otherCondition, holds: each === 'holds' }], lens);
  });
}

/** Whether the two together deny every call, and neither does alone. */
export function contradict(guard: Guard, other: Guard, lens: Lens): boolean {
  const [condition, otherCondition] = [conditionOf(guard), conditionOf(other)];
  if (condition === undefined || otherCondition === undefined) return false;
  for (const truth of truthsOf(condition, lens)) {
    if (resultOf(guard, truth) === 'deny') continue;
    const beside = truthsBeside(condition, truth, otherCondition, guard, other, lens);
    if (beside.some((each) => resultOf(other, each) !== 'deny')) return false;
  }
  return true;
}

export function shareField(a: Condition, b: Condition): boolean {
  const fields = new Set(fieldsOf(a).map(canonicalField));
  return fieldsOf(b).some((field) => fields.has(canonicalField(field)));
}

/** `args.target` is `target`. */
function canonicalField(field: string): string {
  const read = readField(field)?.field;
  return read?.kind === 'argument' ? JSON.stringify(read.path) : field;
}

/** A condition that depends on which capability is called. */
export function readsAction(guard: Guard): boolean {
  const condition = conditionOf(guard);
  return condition !== undefined && fieldsOf(condition).some((field) => readField(field)?.field.kind === 'action');
}
