/** A guard as a spoken sentence, for traces, the console and approvers. */
import type { Condition, Guard, JsonValue, Operator, Verdict, WindowCondition } from '../model.ts';
import { durationInWords } from '../values/duration.ts';
import { formatMoney, formatUnits, parseMoney } from '../values/money.ts';

/** "payments.*: when amount is more than $200.00, a person must approve." */
export function guardSentence({
  action,
  when,
  effect,
  otherwise,
}: Pick<Guard, 'action' | 'when' | 'effect' | 'otherwise'>): string {
  const subject = action === '*' ? 'Everything' : action;
  if ('kind' in when) return `${subject}: ${windowSentence(when, action, effect, otherwise)}.`;
  const condition = conditionInWords(when);
  if (effect === 'allow' && otherwise === 'deny') return `${subject}: only when ${condition}.`;
  const rest = effect !== 'allow' && otherwise === 'allow' ? '' : `; otherwise ${VERDICTS[otherwise]}`;
  return `${subject}: when ${condition}, ${VERDICTS[effect]}${rest}.`;
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  allow: 'allow',
  deny: 'deny',
  review: 'a person must approve',
};

function windowSentence(window: WindowCondition, action: string, effect: Verdict, otherwise: Verdict): string {
  const { kind, unit, windowSeconds, limit, scope, over } = window;
  const amount = kind === 'count' ? formatUnits(limit, undefined) : formatUnits(limit, unit);
  const counted = over.length === 1 && over[0] === action ? '' : ` over ${listInWords(over, 'and')}`;
  const bound = `at most ${amount} in any ${durationInWords(windowSeconds)} per ${scope}${counted}`;
  if (effect === 'allow') return otherwise === 'deny' ? bound : `${bound}; beyond that ${VERDICTS[otherwise]}`;
  return `within ${bound.slice(8)} ${VERDICTS[effect]}; beyond that ${VERDICTS[otherwise]}`;
}

export function conditionInWords(condition: Condition): string {
  if ('all' in condition) return condition.all.map(part).join(' and ');
  if ('any' in condition) return condition.any.map(part).join(' or ');
  if ('not' in condition) return `it is not so that ${part(condition.not)}`;
  const { field, operator, operand } = condition;
  return `${field} ${OPERATORS[operator](operand)}`;
}

function part(condition: Condition): string {
  return 'all' in condition || 'any' in condition ? `(${conditionInWords(condition)})` : conditionInWords(condition);
}

const OPERATORS: Readonly<Record<Operator, (operand: JsonValue) => string>> = {
  eq: (operand) => `is ${word(operand)}`,
  ne: (operand) => `is not ${word(operand)}`,
  in: (operand) => `is ${oneOf(operand)}`,
  notIn: (operand) => `is not ${oneOf(operand)}`,
  lt: (operand) => `is less than ${word(operand)}`,
  lte: (operand) => `is at most ${word(operand)}`,
  gt: (operand) => `is more than ${word(operand)}`,
  gte: (operand) => `is at least ${word(operand)}`,
  between: (operand) => `is between ${listInWords(Array.isArray(operand) ? operand : [operand], 'and')}`,
  startsWith: (operand) => `starts with ${word(operand)}`,
  endsWith: (operand) => `ends with ${word(operand)}`,
  contains: (operand) => `contains ${word(operand)}`,
  domainIn: (operand) => `leads to ${oneOf(operand)}`,
  pathUnder: (operand) => `is under ${listInWords(Array.isArray(operand) ? operand : [operand], 'or')}`,
  matches: (operand) => `matches /${String(operand)}/`,
  exists: (operand) => (operand === true ? 'is given' : 'is not given'),
};

function oneOf(operand: JsonValue): string {
  if (!Array.isArray(operand)) return word(operand);
  if (operand.length === 0) return 'on the list (which is empty)';
  return operand.length === 1 ? listInWords(operand, 'or') : `one of ${listInWords(operand, 'or')}`;
}

const MAX_LISTED = 8;

function listInWords(items: readonly JsonValue[], joint: 'and' | 'or'): string {
  const words = items.slice(0, MAX_LISTED).map(word);
  if (items.length > MAX_LISTED) return `${words.join(', ')} ${joint} ${items.length - MAX_LISTED} more`;
  const last = words.pop() ?? '';
  return words.length === 0 ? last : `${words.join(', ')} ${joint} ${last}`;
}

function word(value: JsonValue): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  const money = parseMoney(value);
  if (typeof money === 'object') return formatMoney(money.minor, money.currency);
  return /^[A-Za-z0-9_.*@/:-]+$/.test(value) ? value : JSON.stringify(value);
}
