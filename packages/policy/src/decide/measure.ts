/** How many units one call spends. A measure is an integer from 0, or a negative code that says why there is none. */
import { covers } from '../documents/names.ts';
import type { Capability, ImpactRule, JsonObject, JsonValue } from '../model.ts';
import { isList, isObject, member } from '../values/json.ts';
import { currencyOf, exponentOf, type MoneyFault, toMinor } from '../values/money.ts';

/** Codes from here up cannot be known: the guards that read the unit take their stricter branch. */
export const MISSING = -1;
export const WRONG_TYPE = -2;
export const OTHER_CURRENCY = -3;
/** Codes from here down are no amounts at all: the call is refused. */
export const NEGATIVE = -4;
const OVERFLOW = -5;
const TOO_PRECISE = -6;
const UNKNOWN_CURRENCY = -7;

export const MEASURE_FAULTS: Readonly<Record<number, string>> = {
  [MISSING]: 'is missing',
  [WRONG_TYPE]: 'has the wrong type',
  [OTHER_CURRENCY]: 'is in another currency',
  [NEGATIVE]: 'is negative',
  [OVERFLOW]: 'is too large',
  [TOO_PRECISE]: 'is finer than its unit',
  [UNKNOWN_CURRENCY]: 'has an unknown currency',
};
const MONEY_CODES: Readonly<Record<MoneyFault, number>> = {
  negative: NEGATIVE,
  overflow: OVERFLOW,
  too_precise: TOO_PRECISE,
  not_a_number: WRONG_TYPE,
};

export type Measure = (args: JsonObject) => number;

/** The unit of money the capability declares, if any. */
export function moneyUnitOf(capability: Capability | undefined): string | undefined {
  return capability === undefined
    ? undefined
    : Object.keys(capability.impact).find((unit) => currencyOf(unit) !== undefined);
}

/** How a call of a capability is taken to spend a unit. */
export type Spending = 'declared' | 'none' | 'amount' | 'unknown' | 'otherCurrency';

/**
 * What is declared is measured. What is not is taken so that no cap is passed by leaving a declaration out:
 *
 * - money, where other money is declared, cannot be compared;
 * - under a window over everything (`*`) nothing is spent;
 * - money, by a capability that the window names, or by a write whose namespace it names, is the argument
 *   `amount`; a read of that namespace spends none;
 * - another unit is not spent where a fellow under the same window declares it; else it is unknown.
 */
export function spendingOf(
  unit: string,
  name: string,
  capability: Capability | undefined,
  over: readonly string[],
  fellows: { declaredUnder(unit: string, over: readonly string[]): boolean },
): Spending {
  if (capability !== undefined && Object.hasOwn(capability.impact, unit)) return 'declared';
  const isMoney = currencyOf(unit) !== undefined;
  if (isMoney && moneyUnitOf(capability) !== undefined) return 'otherCurrency';
  if (over.every((pattern) => pattern === '*' || !covers(pattern, name))) return 'none';
  const isNamed = over.includes(name);
  if (isMoney) return !isNamed && capability?.access === 'read' ? 'none' : 'amount';
  return !isNamed && fellows.declaredUnder(unit, over) ? 'none' : 'unknown';
}

export function measureOf(unit: string, spending: Spending, capability: Capability | undefined): Measure {
  switch (spending) {
    case 'declared': {
      const rule = capability?.impact[unit];
      return rule === undefined ? () => MISSING : ruleMeasure(rule);
    }
    case 'none':
      return () => 0;
    case 'amount':
      return amountMeasure(currencyOf(unit) ?? '');
    case 'unknown':
      return () => MISSING;
    case 'otherCurrency':
      return () => OTHER_CURRENCY;
  }
}

/** The argument `amount` in major units, of a capability that declares no money; beside it `currency` may stand. */
function amountMeasure(currency: string): Measure {
  return moneyMeasure('amount', currency, exponentOf(currency) ?? 0, 'currency');
}

/** The measure that a rule describes. */
export function ruleMeasure(rule: ImpactRule): Measure {
  if (rule.kind === 'constant') return () => rule.amount;
  if (rule.field.includes('[]')) return sumMeasure(rule);
  const valueAt = argumentAt(rule.field);
  if (rule.kind === 'length') {
    return (args) => {
      const value = valueAt(args);
      return isList(value) ? value.length : value === undefined ? MISSING : WRONG_TYPE;
    };
  }
  if (rule.currency === undefined) return (args) => countOf(valueAt(args));
  const { currency, minor, field, currencyField } = rule;
  return moneyMeasure(field, currency, minor === true ? 0 : (exponentOf(currency) ?? 0), currencyField);
}

/** Holds an element while it is measured; no argument can be named so. */
const ELEMENT = '#';

/** What every element of a list spends, together. One without an amount leaves the whole without. */
function sumMeasure(rule: Exclude<ImpactRule, { readonly kind: 'constant' }>): Measure {
  const field = bare(rule.field);
  const list = field.slice(0, field.indexOf('[]'));
  const inElement = (path: string): string => `${ELEMENT}${path.slice(list.length + 2)}`;
  const currencyField =
    rule.kind === 'field' && rule.currencyField !== undefined ? bare(rule.currencyField) : undefined;
  const measure = ruleMeasure({
    ...rule,
    field: inElement(field),
    ...(currencyField === undefined
      ? {}
      : { currencyField: currencyField.startsWith(`${list}[]`) ? inElement(currencyField) : currencyField }),
  });
  const listAt = argumentAt(list);
  return (args) => {
    const items = listAt(args);
    if (!isList(items)) return items === undefined || items === null ? MISSING : WRONG_TYPE;
    let total = 0;
    let fault = 0;
    for (const item of items) {
      const amount = measure({ ...args, [ELEMENT]: item });
      if (amount < 0) fault = Math.min(fault, amount);
      else total = Math.min(total + amount, Number.MAX_SAFE_INTEGER + 1);
    }
    if (fault < 0) return fault;
    return Number.isSafeInteger(total) ? total : OVERFLOW;
  };
}

function bare(field: string): string {
  return field.startsWith('args.') ? field.slice(5) : field;
}

/** A call that states no currency is in the one that was declared. */
function moneyMeasure(field: string, currency: string, exponent: number, currencyField: string | undefined): Measure {
  const valueAt = argumentAt(field);
  if (currencyField === undefined) return (args) => moneyOf(valueAt(args), exponent);
  const currencyAt = argumentAt(currencyField);
  return (args) => {
    const stated = currencyAt(args);
    if (stated === undefined || stated === null || stated === currency) return moneyOf(valueAt(args), exponent);
    if (typeof stated !== 'string') return WRONG_TYPE;
    // tools write usd as well as USD
    const code = CODE.test(stated) ? stated.toUpperCase() : stated;
    if (code === currency) return moneyOf(valueAt(args), exponent);
    return exponentOf(code) === undefined ? UNKNOWN_CURRENCY : OTHER_CURRENCY;
  };
}

const CODE = /^[A-Za-z]{3}$/;

/** Major units as a number or a plain decimal text, in minor units. */
export function moneyOf(value: JsonValue | undefined, exponent: number): number {
  if (value === undefined || value === null) return MISSING;
  if (typeof value !== 'number' && typeof value !== 'string') return WRONG_TYPE;
  const minor = toMinor(value, exponent);
  return typeof minor === 'number' ? minor : MONEY_CODES[minor];
}

function countOf(value: JsonValue | undefined): number {
  if (value === undefined || value === null) return MISSING;
  if (typeof value !== 'number') return WRONG_TYPE;
  if (value < 0) return NEGATIVE;
  if (!Number.isInteger(value)) return TOO_PRECISE;
  return Number.isSafeInteger(value) ? value : OVERFLOW;
}

/** Reads a dotted path of own members. */
function argumentAt(field: string): (args: JsonObject) => JsonValue | undefined {
  const path = bare(field).split('.');
  return (args) => {
    let value: JsonValue | undefined = args;
    for (const name of path) {
      if (!isObject(value)) return undefined;
      value = member(value, name);
    }
    return value;
  };
}
