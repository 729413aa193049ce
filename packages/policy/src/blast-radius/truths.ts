/**
 * The answers that a condition can have when the amount of one unit is known and all else is the caller's choice. Too
 * many answers are possible here, never too few: arguments that hang together are taken as free of each other.
 * Comparisons are made by the engine's own compiled tests.
 */

import { boundsOf, compileCondition, FALSE, TRUE } from '../decide/condition.ts';
import { moneyUnitOf } from '../decide/measure.ts';
import { type PathStep, readField } from '../documents/fields.ts';
import type { Capability, Condition, ImpactRule, JsonObject, JsonValue } from '../model.ts';
import { itemsOf } from '../values/json.ts';
import { currencyOf, exponentOf, toMinor, unitOf } from '../values/money.ts';

type TestCondition = Extract<Condition, { readonly field: string }>;

/** Sets of answers, as bits. */
export const FAILS = 1;
export const HOLDS = 2;
export const UNKNOWN = 4;
const ANY = FAILS | HOLDS | UNKNOWN;

/** A call of which the amount of one unit is known. */
export interface KnownAmount {
  readonly capability: string;
  readonly declared: Capability | undefined;
  readonly unit: string;
  readonly rule: ImpactRule;
  /** Minor units of money; undefined: it has none that can be measured. */
  readonly amount: number | undefined;
}

/** A call of which nothing is known but what it is of. */
export type AnyCall = Pick<KnownAmount, 'capability' | 'declared'>;

export function answersOf(condition: Condition, call: KnownAmount | AnyCall): number {
  if ('not' in condition) {
    const answers = answersOf(condition.not, call);
    return (answers & UNKNOWN) | (answers & HOLDS ? FAILS : 0) | (answers & FAILS ? HOLDS : 0);
  }
  if ('all' in condition) return joined(condition.all, call, FAILS, HOLDS);
  if ('any' in condition) return joined(condition.any, call, HOLDS, FAILS);
  return testAnswers(condition, call);
}

/** `decides` is the answer that no other can undo; `needs` is that of all together. */
function joined(parts: readonly Condition[], call: KnownAmount | AnyCall, decides: number, needs: number): number {
  let answers = 0;
  let allNeeded = true;
  let noneDecides = true;
  let someUnknown = false;
  for (const part of parts) {
    const each = answersOf(part, call);
    if (each & decides) answers |= decides;
    if (!(each & needs)) allNeeded = false;
    if (!(each & (needs | UNKNOWN))) noneDecides = false;
    if (each & UNKNOWN) someUnknown = true;
  }
  if (allNeeded) answers |= needs;
  if (noneDecides && someUnknown) answers |= UNKNOWN;
  return answers;
}

function testAnswers(test: TestCondition, call: KnownAmount | AnyCall): number {
  const field = readField(test.field)?.field;
  if (field?.kind === 'action') return answerTo(test, {}, call);
  if (field?.kind === 'amount') return amountAnswers(test, call);
  if (field?.kind === 'argument' && 'rule' in call && measures(call.rule, field.path)) return ruleAnswers(test, call);
  return test.operator === 'exists' ? FAILS | HOLDS : ANY;
}

/** `amount` is the money that is declared; of another currency it is never known. */
function amountAnswers(test: TestCondition, call: KnownAmount | AnyCall): number {
  const money = moneyUnitOf(call.declared);
  if (money === undefined) return test.operator === 'exists' ? FAILS | HOLDS : ANY;
  const asked = test.operator === 'exists' ? undefined : boundsOf(test.operand).currency;
  if (asked !== undefined && unitOf(asked) !== money) return UNKNOWN;
  if (!('unit' in call) || call.unit !== money) return test.operator === 'exists' ? FAILS | HOLDS : ANY;
  if (call.amount === undefined) return test.operator === 'exists' ? FAILS | HOLDS : UNKNOWN;
  return answerTo(test, {}, call, call.amount);
}

/** The argument that is measured, in every spelling that has the amount. */
function ruleAnswers(test: TestCondition, call: KnownAmount): number {
  const { amount, unit, rule } = call;
  const field = readField(test.field)?.field;
  if (amount === undefined || field?.kind !== 'argument') return test.operator === 'exists' ? FAILS | HOLDS : ANY;
  return spellings(amount, unit, rule).reduce<number>(
    (answers, value) => answers | answerTo(test, nested(field.path, value), call),
    0,
  );
}

function answerTo(test: TestCondition, args: JsonObject, call: AnyCall, amount?: number): number {
  const money = moneyUnitOf(call.declared);
  const currency = money === undefined ? undefined : currencyOf(money);
  const slot = (asked: string | undefined) =>
    amount === undefined ? undefined : { slot: 0, currency: asked ?? currency ?? '' };
  const truth = compileCondition(
    test,
    slot,
    'workspace',
  )({ args, capability: call.capability, amounts: amount === undefined ? [] : [amount], state: undefined });
  if (truth === TRUE) return HOLDS;
  return truth === FALSE ? FAILS : UNKNOWN;
}

/** Whether the test reads the very argument that the rule measures. */
function measures(rule: ImpactRule, path: readonly PathStep[]): boolean {
  if (rule.kind !== 'field' || path.some(({ each }) => each)) return false;
  const field = rule.field.startsWith('args.') ? rule.field.slice(5) : rule.field;
  return field === path.map(({ name }) => name).join('.');
}

function spellings(amount: number, unit: string, rule: ImpactRule): readonly JsonValue[] {
  const currency = currencyOf(unit);
  if (currency === undefined) return [amount];
  const exponent = rule.kind === 'field' && rule.minor === true ? 0 : (exponentOf(currency) ?? 0);
  const digits = String(amount).padStart(exponent + 1, '0');
  const text = exponent === 0 ? digits : `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
  return [Number(text), text];
}

function nested([step, ...rest]: readonly PathStep[], value: JsonValue): JsonObject {
  if (step === undefined) return {};
  return { [step.name]: rest.length === 0 ? value : nested(rest, value) };
}

/**
 * Amounts of the unit among which the answers of a condition change, with one beyond them all: what holds for each of
 * these holds for every amount.
 */
export function turningPoints(
  condition: Condition,
  measured: Pick<KnownAmount, 'declared' | 'unit' | 'rule'>,
): readonly number[] {
  if ('not' in condition) return turningPoints(condition.not, measured);
  if (!('field' in condition))
    return ('all' in condition ? condition.all : condition.any).flatMap((part) => turningPoints(part, measured));
  const { declared, unit, rule } = measured;
  const field = readField(condition.field)?.field;
  const reads =
    (field?.kind === 'amount' && moneyUnitOf(declared) === unit) ||
    (field?.kind === 'argument' && measures(rule, field.path));
  if (!reads) return [];
  const factor = 10 ** (exponentOf(currencyOf(unit) ?? '') ?? 0);
  return itemsOf(condition.operand).flatMap((item) => {
    const bound = boundsOf([item]).numbers[0];
    if (bound === undefined || !Number.isFinite(bound)) return [];
    // in whichever of minor and major units it is meant: a point too many changes nothing
    return [bound, exactly(bound, factor), bound / factor].flatMap((each) =>
      [Math.floor(each) - 1, Math.floor(each), Math.ceil(each), Math.ceil(each) + 1].filter(
        (point) => point >= 0 && Number.isSafeInteger(point),
      ),
    );
  });
}

function exactly(bound: number, factor: number): number {
  const minor = toMinor(Math.abs(bound), Math.round(Math.log10(factor)));
  return typeof minor === 'number' ? minor : bound * factor;
}
