/** What may stand beside an operator: typed by the operator and by the field. */
import { RE2JS } from 're2js';
import type { JsonValue, Operator } from '../model.ts';
import { domainPattern } from '../values/domain.ts';
import { isList } from '../values/json.ts';
import { parseMoney } from '../values/money.ts';
import { isCleanPath } from '../values/path.ts';
import type { Field } from './fields.ts';
import { capabilityOf, patternOf } from './names.ts';
import { type DocumentPath, listOf, type Problems, quote, typeName } from './problems.ts';

const MAX_LIST = 10_000;
const MAX_TEXT = 1_000;
/** RE2 runs in time proportional to text × program; both are bounded. */
const MAX_PATTERN = 500;
const MAX_PROGRAM = 500;

const FITTING: Readonly<Record<string, readonly Operator[]>> = {
  recipientDomains: ['eq', 'ne', 'in', 'notIn', 'domainIn', 'exists'],
  amount: ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'between', 'exists'],
  action: ['eq', 'ne', 'in', 'notIn'],
  provenance: ['eq', 'ne'],
  risk: ['eq', 'ne', 'in', 'notIn', 'lt', 'lte', 'gt', 'gte'],
  payee: ['eq', 'ne', 'in', 'notIn', 'domainIn', 'matches', 'exists'],
};

/** The operand in its canonical form, or undefined with a problem reported. */
export function checkOperand(
  field: Field,
  operator: Operator,
  operand: JsonValue,
  path: DocumentPath,
  problems: Problems,
) {
  const fitting = FITTING[field.kind];
  if (fitting !== undefined && !fitting.includes(operator)) {
    problems.add(path, 'bad_operator', `${operator} does not fit this field`, `Write one of ${fitting.join(', ')}.`);
    return undefined;
  }
  if (field.kind === 'risk') return riskLevels(operator, operand, path, problems);
  const before = problems.count;
  const checked = CHECKS[operator](operand, field, path, problems);
  return problems.count === before ? checked : undefined;
}

/** `none` is below all levels. */
export const RISK_LEVELS: readonly string[] = ['none', 'low', 'medium', 'high', 'critical'];

function riskLevels(operator: Operator, operand: JsonValue, path: DocumentPath, problems: Problems) {
  const isListed = operator === 'in' || operator === 'notIn';
  const items = isListed ? (listOf(operand, path, 'the list', RISK_LEVELS.length, problems) ?? []) : [operand];
  const wrong = items.find((item) => typeof item !== 'string' || !RISK_LEVELS.includes(item));
  if (wrong !== undefined) return refuse(wrong, path, problems, `Write ${RISK_LEVELS.join(', ')}.`);
  return operand;
}

type OperandCheck = (operand: JsonValue, field: Field, path: DocumentPath, problems: Problems) => JsonValue | undefined;

function refuse(operand: JsonValue, path: DocumentPath, problems: Problems, remedy: string): undefined {
  problems.add(path, 'bad_operand', `${quote(operand)} does not fit the operator`, remedy);
  return undefined;
}

const scalar: OperandCheck = (operand, field, path, problems) => {
  if (field.kind === 'recipientDomains') return domain(operand, path, problems, false);
  if (field.kind === 'action') return capabilityOf(operand, path, problems);
  if (field.kind === 'provenance' && operand !== 'trusted' && operand !== 'untrusted')
    return refuse(operand, path, problems, 'Write trusted or untrusted.');
  if (field.kind === 'amount') return quantity(operand, field, path, problems);
  if (typeof operand === 'string' || typeof operand === 'number' || typeof operand === 'boolean')
    return short(operand, path, problems);
  return refuse(operand, path, problems, 'Write text, a number, true or false; for "is missing" use exists: false.');
};

function short(operand: string | number | boolean, path: DocumentPath, problems: Problems) {
  if (typeof operand === 'string' && operand.length > MAX_TEXT)
    problems.add(path, 'too_long', `the text is ${operand.length} characters long`, `Keep it to ${MAX_TEXT}.`);
  return operand;
}

function domain(operand: JsonValue, path: DocumentPath, problems: Problems, wildcard: boolean): string | undefined {
  const found = typeof operand === 'string' ? domainPattern(operand) : undefined;
  if (found !== undefined && (wildcard || !found.startsWith('*.'))) return found;
  problems.add(
    path,
    'bad_domain',
    `${quote(operand)} is no domain`,
    wildcard
      ? 'Write acme.com, or *.acme.com for all below it; other scripts as xn--….'
      : 'Write acme.com; other scripts as xn--….',
  );
  return undefined;
}

const quantity: OperandCheck = (operand, _field, path, problems) => {
  if (typeof operand === 'number') return operand;
  const money = typeof operand === 'string' ? parseMoney(operand) : undefined;
  if (typeof money === 'object') return operand;
  if (money === 'unknown_currency')
    problems.add(
      path,
      'unknown_currency',
      `${quote(operand)} has an unknown currency`,
      'Write an ISO 4217 code, such as EUR 200.',
    );
  else if (money !== undefined)
    problems.add(
      path,
      'bad_money',
      `${quote(operand)} is ${MONEY_FAULTS[money]}`,
      'Write a positive amount with the decimals of its currency.',
    );
  else return refuse(operand, path, problems, 'Write a number, or money such as $200 or 200 EUR.');
  return undefined;
};

const MONEY_FAULTS = {
  negative: 'negative',
  overflow: 'too large',
  too_precise: 'finer than the currency',
  not_a_number: 'not an amount',
} as const;

const set: OperandCheck = (operand, field, path, problems) => {
  const items = listOf(operand, path, 'the list', MAX_LIST, problems);
  if (items === undefined) return undefined;
  if (field.kind === 'recipientDomains')
    return items.map((item, i) => domain(item, [...path, i], problems, true) ?? '');
  if (field.kind === 'action') return items.map((item, i) => patternOf(item, [...path, i], problems) ?? '');
  const kind = typeof items[0];
  items.forEach((item, i) => {
    if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'boolean')
      refuse(item, [...path, i], problems, 'Write text, numbers, true or false.');
    else if (typeof item !== kind)
      refuse(item, [...path, i], problems, 'Write a list of one type: all text, or all numbers.');
    else short(item, [...path, i], problems);
  });
  return items;
};

const text: OperandCheck = (operand, _field, path, problems) => {
  if (typeof operand === 'string' && operand !== '') return short(operand, path, problems);
  return refuse(operand, path, problems, 'Write text that is not empty.');
};

const CHECKS: Readonly<Record<Operator, OperandCheck>> = {
  eq: scalar,
  ne: scalar,
  in: set,
  notIn: set,
  lt: quantity,
  lte: quantity,
  gt: quantity,
  gte: quantity,
  between: (operand, field, path, problems) => {
    if (!isList(operand) || operand.length !== 2) return refuse(operand, path, problems, 'Write two bounds: [10, 20].');
    const [low, high] = operand.map((bound, i) => quantity(bound, field, [...path, i], problems));
    if (low === undefined || high === undefined) return undefined;
    if (!inOrder(low, high))
      return refuse(operand, path, problems, 'Write the lower bound first, both in one currency.');
    return operand;
  },
  startsWith: text,
  endsWith: text,
  contains: (operand, field, path, problems) =>
    operand === '' ? text(operand, field, path, problems) : scalar(operand, field, path, problems),
  domainIn: (operand, _field, path, problems) => {
    if (typeof operand === 'string') return domain(operand, path, problems, true);
    return listOf(operand, path, 'the list', MAX_LIST, problems)?.map(
      (item, i) => domain(item, [...path, i], problems, true) ?? '',
    );
  },
  pathUnder: (operand, _field, path, problems) => {
    const folders = typeof operand === 'string' ? [operand] : listOf(operand, path, 'the list', MAX_LIST, problems);
    folders?.forEach((folder, i) => {
      if (typeof folder !== 'string' || !isCleanPath(folder))
        refuse(
          folder,
          isList(operand) ? [...path, i] : path,
          problems,
          'Write an absolute path without . and .. parts, such as /srv/reports.',
        );
    });
    return operand;
  },
  matches: (operand, _field, path, problems) => {
    if (typeof operand !== 'string' || operand === '' || operand.length > MAX_PATTERN)
      return refuse(operand, path, problems, `Write an RE2 pattern of at most ${MAX_PATTERN} characters.`);
    const fault = patternFault(operand);
    if (fault !== undefined) return refuse(operand, path, problems, fault);
    return operand;
  },
  within: (operand, _field, path, problems) =>
    refuse(operand, path, problems, 'within is for done(…), approved(…) and first_use(…).'),
  exists: (operand, _field, path, problems) =>
    typeof operand === 'boolean'
      ? operand
      : refuse(operand, path, problems, `Write true or false, not ${typeName(operand)}.`),
};

function inOrder(low: JsonValue, high: JsonValue): boolean {
  if (typeof low === 'number' && typeof high === 'number') return low <= high;
  const [a, b] = [low, high].map((bound) => (typeof bound === 'string' ? parseMoney(bound) : undefined));
  return typeof a === 'object' && typeof b === 'object' && a.currency === b.currency && a.minor <= b.minor;
}

function patternFault(pattern: string): string | undefined {
  try {
    const size = RE2JS.compile(pattern).programSize();
    return size <= MAX_PROGRAM
      ? undefined
      : `Simplify the pattern: it compiles to ${size} steps, and ${MAX_PROGRAM} is the most.`;
  } catch {
    return 'Write RE2 syntax: no look-around, no back-references.';
  }
}
