/**
 * How the answer of a condition can move when the condition is changed. Answers are ordered as Kleene's logic has them,
 * fails < unknown < holds; `all` and `any` keep that order, `not` turns it round. Sound: a movement that is told holds for
 * every call and every state; undefined where none is known.
 */
import { boundsOf } from '../decide/condition.ts';
import { conditionText } from '../decide/hash.ts';
import { readField } from '../documents/fields.ts';
import { coversAll } from '../documents/names.ts';
import type { Condition, JsonValue, Operator, WindowCondition } from '../model.ts';
import { itemsOf } from '../values/json.ts';
import { isUnder } from '../values/path.ts';

/** `grows`: never a lower answer than before; `shrinks`: never a higher one. */
export type Movement = 'same' | 'grows' | 'shrinks';

type Test = Extract<Condition, { readonly field: string }>;

export function movement(
  before: Condition | WindowCondition,
  after: Condition | WindowCondition,
): Movement | undefined {
  if (conditionText(before) === conditionText(after)) return 'same';
  if ('kind' in before || 'kind' in after)
    return 'kind' in before && 'kind' in after ? windowMovement(before, after) : undefined;
  if ('not' in before && 'not' in after) return opposite(movement(before.not, after.not));
  if ('field' in before && 'field' in after) return testMovement(before, after);
  if ('field' in before || 'field' in after || 'not' in before || 'not' in after) return joinedWithOne(before, after);
  const joint = 'all' in before && 'all' in after ? 'all' : 'any' in before && 'any' in after ? 'any' : undefined;
  return joint === undefined ? joinedWithOne(before, after) : joinedMovement(joint, partsOf(before), partsOf(after));
}

/** One condition and an `all` or `any` that holds it. */
function joinedWithOne(before: Condition, after: Condition): Movement | undefined {
  if ('all' in after) return joinedMovement('all', [before], after.all);
  if ('any' in after) return joinedMovement('any', [before], after.any);
  if ('all' in before) return joinedMovement('all', before.all, [after]);
  if ('any' in before) return joinedMovement('any', before.any, [after]);
  return undefined;
}

function partsOf(condition: Condition): readonly Condition[] {
  if ('all' in condition) return condition.all;
  return 'any' in condition ? condition.any : [condition];
}

/** Parts that are in both are paired; of one that is left on each side, the movement is looked at. */
function joinedMovement(
  joint: 'all' | 'any',
  before: readonly Condition[],
  after: readonly Condition[],
): Movement | undefined {
  const [old, now] = [new Set(before.map(conditionText)), new Set(after.map(conditionText))];
  const gone = before.filter((part) => !now.has(conditionText(part)));
  const come = after.filter((part) => !old.has(conditionText(part)));
  const [one, other] = [gone[0], come[0]];
  if (one === undefined && other === undefined) return 'same';
  if (one === undefined) return joint === 'all' ? 'shrinks' : 'grows';
  if (other === undefined) return joint === 'all' ? 'grows' : 'shrinks';
  return gone.length === 1 && come.length === 1 ? movement(one, other) : undefined;
}

function opposite(moved: Movement | undefined): Movement | undefined {
  if (moved === 'grows') return 'shrinks';
  return moved === 'shrinks' ? 'grows' : moved;
}

/** `grows` where the first is within the second, `shrinks` the other way round. */
function byInclusion(isWithin: boolean, isAround: boolean): Movement | undefined {
  if (isWithin) return isAround ? 'same' : 'grows';
  return isAround ? 'shrinks' : undefined;
}

/** A window holds while the call fits. Of one counter, a higher limit or a shorter time lets more fit. */
function windowMovement(before: WindowCondition, after: WindowCondition): Movement | undefined {
  if (!isOneCounter(before, after)) return undefined;
  return byInclusion(
    before.limit <= after.limit && before.windowSeconds >= after.windowSeconds,
    before.limit >= after.limit && before.windowSeconds <= after.windowSeconds,
  );
}

/** Whether two windows of one origin count the same calls in the same counters. */
export function isOneCounter(a: WindowCondition, b: WindowCondition): boolean {
  const over = (window: WindowCondition) => [...new Set(window.over)].sort().join();
  return (
    a.kind === b.kind &&
    a.unit === b.unit &&
    a.scope === b.scope &&
    a.per === b.per &&
    a.unattended === b.unattended &&
    over(a) === over(b)
  );
}

const NEGATIVE: ReadonlySet<Operator> = new Set(['ne', 'notIn']);
const MEMBERSHIP: ReadonlySet<Operator> = new Set(['eq', 'ne', 'in', 'notIn']);
const UPPER: ReadonlySet<Operator> = new Set(['lt', 'lte']);
const LOWER: ReadonlySet<Operator> = new Set(['gt', 'gte']);

function testMovement(before: Test, after: Test): Movement | undefined {
  const [field, other] = [readField(before.field), readField(after.field)];
  if (field === undefined || other === undefined || !isOneField(before.field, after.field)) return undefined;
  const { kind } = field.field;
  if (kind === 'prerequisite' || kind === 'firstUse') return undefined;
  if (MEMBERSHIP.has(before.operator) && MEMBERSHIP.has(after.operator)) {
    if (NEGATIVE.has(before.operator) !== NEGATIVE.has(after.operator)) return undefined;
    const moved = listMovement(kind, itemsOf(before.operand), itemsOf(after.operand));
    return NEGATIVE.has(before.operator) ? opposite(moved) : moved;
  }
  if (before.operator !== after.operator) return undefined;
  return operandMovement(before.operator, kind, before.operand, after.operand);
}

function isOneField(a: string, b: string): boolean {
  const [one, other] = [readField(a)?.field, readField(b)?.field];
  return JSON.stringify(one) === JSON.stringify(other);
}

function listMovement(kind: string, before: readonly JsonValue[], after: readonly JsonValue[]): Movement | undefined {
  const isCovered = COVERED[kind] ?? ((item, by) => item === by);
  // values of another type are unknown to the one and no member to the other
  if (!sameTypes(before, after)) return undefined;
  const within = (items: readonly JsonValue[], others: readonly JsonValue[]) =>
    items.every((item) => others.some((other) => isCovered(item, other)));
  return byInclusion(within(before, after), within(after, before));
}

const COVERED: Readonly<Record<string, (item: JsonValue, by: JsonValue) => boolean>> = {
  recipientDomains: (item, by) => isDomainCovered(String(item), String(by)),
  action: (item, by) => coversAll(String(by), String(item)),
};

function isDomainCovered(domain: string, by: string): boolean {
  return domain === by || (by.startsWith('*.') && domain.endsWith(by.slice(1)));
}

/** The first item says of what type a list is. */
function sameTypes(a: readonly JsonValue[], b: readonly JsonValue[]): boolean {
  return typeof (a[0] ?? '') === typeof (b[0] ?? '');
}

function operandMovement(operator: Operator, kind: string, before: JsonValue, after: JsonValue): Movement | undefined {
  if (UPPER.has(operator) || LOWER.has(operator) || operator === 'between')
    return kind === 'risk' ? undefined : orderMovement(operator, before, after);
  const [old, now] = [itemsOf(before).map(String), itemsOf(after).map(String)];
  const within = (items: readonly string[], others: readonly string[], isWithin: (a: string, b: string) => boolean) =>
    items.every((item) => others.some((other) => isWithin(item, other)));
  const by = (isWithin: (a: string, b: string) => boolean) =>
    byInclusion(within(old, now, isWithin), within(now, old, isWithin));
  switch (operator) {
    case 'domainIn':
      return by(isDomainCovered);
    case 'pathUnder':
      return by(isUnder);
    case 'startsWith':
      return by((text, start) => text.startsWith(start));
    case 'endsWith':
      return by((text, end) => text.endsWith(end));
    default:
      return undefined;
  }
}

function orderMovement(operator: Operator, before: JsonValue, after: JsonValue): Movement | undefined {
  const [old, now] = [boundsOf(before), boundsOf(after)];
  if (old.currency !== now.currency) return undefined;
  const [[from = Number.NaN, to = from], [low = Number.NaN, high = low]] = [old.numbers, now.numbers];
  if (UPPER.has(operator)) return byInclusion(from <= low, from >= low);
  if (LOWER.has(operator)) return byInclusion(from >= low, from <= low);
  return byInclusion(from >= low && to <= high, from <= low && to >= high);
}
