/** How much a call spends, as terms: the measures of decide/measure.ts. */
import type { Spending } from '../decide/measure.ts';
import { readField } from '../documents/fields.ts';
import type { Capability, ImpactRule, Operator } from '../model.ts';
import { currencies, currencyOf, exponentOf } from '../values/money.ts';
import type { ValueNode } from './arguments.ts';
import { DECIMALS, stepsOf } from './decimals.ts';
import type { Script } from './script.ts';
import { and, equal, FALSE, implies, integer, ite, not, or, type Term, TRUE } from './smt.ts';
import type { Texts } from './texts.ts';
import { answered, type Truth } from './truth.ts';

/** Exactly one of these holds, or none: then it is there and cannot be known. */
export interface Amount {
  readonly isMissing: Term;
  readonly isKnown: Term;
  /** No amount at all: where it is judged the call is denied. */
  readonly isFaulty: Term;
  /** Integer from 0, where it is known; minor units for money. */
  readonly value: Term;
}

const NOTHING: Amount = { isMissing: FALSE, isKnown: TRUE, isFaulty: FALSE, value: '0' };
const MISSING: Amount = { isMissing: TRUE, isKnown: FALSE, isFaulty: FALSE, value: '0' };
const INCOMPARABLE: Amount = { isMissing: FALSE, isKnown: FALSE, isFaulty: FALSE, value: '0' };
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

export function amountOf(
  unit: string,
  spending: Spending,
  capability: Capability | undefined,
  args: ValueNode,
  script: Script,
  texts: Texts,
): Amount {
  switch (spending) {
    case 'declared': {
      const rule = capability?.impact[unit];
      return rule === undefined ? MISSING : amountBy(rule, args, script, texts, unit);
    }
    case 'none':
      return NOTHING;
    case 'unknown':
      return MISSING;
    case 'otherCurrency':
      return INCOMPARABLE;
    case 'amount': {
      const currency = currencyOf(unit) ?? '';
      return moneyBeside(args.child('amount'), args.child('currency'), currency, exponentOf(currency) ?? 0, texts);
    }
  }
}

function amountBy(rule: ImpactRule, args: ValueNode, script: Script, texts: Texts, unit: string): Amount {
  if (rule.kind === 'constant') return { ...NOTHING, value: String(rule.amount) };
  if (rule.field.includes('[]')) return sumOf(rule, args, script, texts, unit);
  return measured(rule, (field) => nodeAt(args, field), texts);
}

/** Of one field; `at` finds the node of a path. */
function measured(
  rule: Exclude<ImpactRule, { readonly kind: 'constant' }>,
  at: (field: string) => ValueNode,
  texts: Texts,
): Amount {
  const node = at(rule.field);
  if (rule.kind === 'length')
    return { isMissing: node.isMissing, isKnown: node.is('list'), isFaulty: FALSE, value: node.length };
  if (rule.currency === undefined) return countOf(node);
  const { currency, minor, currencyField } = rule;
  const exponent = minor === true ? 0 : (exponentOf(currency) ?? 0);
  return currencyField === undefined
    ? moneyOf(node, exponent, texts)
    : moneyBeside(node, at(currencyField), currency, exponent, texts);
}

/** Any amount, in a call that is not known; of one element, in one that is shown. */
function sumOf(
  rule: Exclude<ImpactRule, { readonly kind: 'constant' }>,
  args: ValueNode,
  script: Script,
  texts: Texts,
  unit: string,
): Amount {
  const name = `sum of ${unit}`;
  const isNew = !script.isNamed(`${name} value`);
  const sum: Amount = {
    isMissing: script.declare(`${name} is missing`, 'Bool'),
    isKnown: script.declare(`${name} is known`, 'Bool'),
    isFaulty: script.declare(`${name} is none`, 'Bool'),
    value: script.declare(`${name} value`, 'Int'),
  };
  if (!isNew) return sum;
  const [list = '', ...below] = bareField(rule.field).split('[]');
  const node = nodeAt(args, list);
  const states = [sum.isMissing, sum.isKnown, sum.isFaulty];
  for (const [i, state] of states.entries())
    script.assert(implies(state, not(or(states.filter((_, other) => other !== i)))));
  script.assert(and([`(<= 0 ${sum.value} ${LARGEST})`, implies(sum.isKnown, node.is('list'))]));
  script.widened.add(`the sum of ${rule.field} stands for every amount`);
  const [first] = node.items;
  if (first === undefined || below.length > 1) return sum;
  const inFirst = (field: string): ValueNode =>
    bareField(field).startsWith(`${list}[]`)
      ? nodeAt(first, bareField(field).slice(list.length + 3))
      : nodeAt(args, field);
  const one = measured(rule, inFirst, texts);
  script.prefer(and([equal(node.length, '1'), sum.isKnown, one.isKnown, equal(sum.value, one.value)]));
  return sum;
}

function bareField(field: string): string {
  return field.startsWith('args.') ? field.slice(5) : field;
}

/** Of a dotted path; of an empty one, the node itself. */
function nodeAt(node: ValueNode, field: string): ValueNode {
  const path = readField(`args.${bareField(field)}`)?.field;
  return path?.kind === 'argument' ? path.path.reduce((at, { name }) => at.child(name), node) : node;
}

function countOf(node: ValueNode): Amount {
  const unit = 10n ** BigInt(DECIMALS);
  return numberOf(node, unit, not(node.isGiven));
}

/** A number that must be a whole, safe count of units of so many steps. */
function numberOf(node: ValueNode, unit: bigint, isMissing: Term): Amount {
  const value = `(div ${node.steps} ${unit})`;
  const isWhole = and([not(node.finer), equal(`(mod ${node.steps} ${unit})`, '0'), `(<= 0 ${value} ${LARGEST})`]);
  const isNumber = node.is('number');
  return { isMissing, isKnown: and([isNumber, isWhole]), isFaulty: and([isNumber, not(isWhole)]), value };
}

/** Major units, as a number or a decimal text, in minor units. */
export function moneyOf(node: ValueNode, exponent: number, texts: Texts): Amount {
  const unit = 10n ** BigInt(DECIMALS - exponent);
  const number = numberOf(node, unit, not(node.isGiven));
  const isText = node.is('text');
  const value = `(div ${node.decimal} ${unit})`;
  const isDecimal = and([isText, texts.isDecimal(node.text)]);
  const isWhole = and([
    not(node.decimalFiner),
    equal(`(mod ${node.decimal} ${unit})`, '0'),
    `(<= ${value} ${LARGEST})`,
  ]);
  return {
    isMissing: number.isMissing,
    isKnown: or([number.isKnown, and([isDecimal, isWhole])]),
    isFaulty: or([number.isFaulty, and([isDecimal, not(isWhole)]), and([isText, texts.isNegative(node.text)])]),
    value: ite(isText, value, number.value),
  };
}

/** A call that states no currency is in the one that was declared. */
function moneyBeside(node: ValueNode, stated: ValueNode, currency: string, exponent: number, texts: Texts): Amount {
  const amount = moneyOf(node, exponent, texts);
  const isText = stated.is('text');
  const isOwn = or([
    not(stated.isGiven),
    and([isText, texts.isCode(stated.text, [currency], `is ${currency}, in any case`)]),
  ]);
  const isNoCode = and([isText, not(texts.isCode(stated.text, currencies(), 'is the code of a currency'))]);
  return {
    isMissing: and([isOwn, amount.isMissing]),
    isKnown: and([isOwn, amount.isKnown]),
    isFaulty: or([and([isOwn, amount.isFaulty]), and([not(isOwn), isNoCode])]),
    value: amount.value,
  };
}

export function compareAmount(amount: Amount, operator: Operator, bounds: readonly number[]): Truth | undefined {
  const scale = 10n ** BigInt(DECIMALS);
  const holds = compared(`(* ${scale} ${amount.value})`, FALSE, operator, bounds);
  return holds === undefined ? undefined : answered(amount.isKnown, holds);
}

/** A number of so many steps, or a finer one, against bounds; undefined for a bound that is finer than a step. */
export function compared(steps: Term, finer: Term, operator: Operator, bounds: readonly number[]): Term | undefined {
  const exact = bounds.map((bound) => stepsOf(bound));
  const terms = exact.flatMap((bound) => (bound === undefined || bound.finer ? [] : [integer(bound.steps)]));
  const [low, high = low] = terms;
  if (low === undefined || high === undefined || terms.length !== bounds.length) return undefined;
  const isAtMost = (bound: Term) => or([`(< ${steps} ${bound})`, and([equal(steps, bound), not(finer)])]);
  switch (operator) {
    case 'eq':
      return and([equal(steps, low), not(finer)]);
    case 'ne':
      return not(and([equal(steps, low), not(finer)]));
    case 'lt':
      return `(< ${steps} ${low})`;
    case 'lte':
      return isAtMost(low);
    case 'gt':
      return not(isAtMost(low));
    case 'gte':
      return `(>= ${steps} ${low})`;
    case 'between':
      return and([`(>= ${steps} ${low})`, isAtMost(high)]);
    default:
      return undefined;
  }
}
