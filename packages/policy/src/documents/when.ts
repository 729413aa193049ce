/** The `when` of a guard: typed, total, in its canonical form and as the model. */
import { RE2JS } from 're2js';
import type { Condition, CounterScope, JsonObject, JsonValue, Operator, WindowCondition } from '../model.ts';
import { domainPattern } from '../values/domain.ts';
import { currencyOf, formatMoney, parseMoney, unitOf } from '../values/money.ts';
import { isCleanPath } from '../values/path.ts';
import { type Field, readField } from './fields.ts';
import { capabilityOf, coversAll, isUnitName, patternOf } from './names.ts';
import {
  type DocumentPath,
  isList,
  isObject,
  listOf,
  member,
  objectOf,
  type Problems,
  quote,
  typeName,
} from './problems.ts';
import type { TestDocument, WhenDocument } from './types.ts';

const OPERATORS: readonly Operator[] = [
  'eq',
  'ne',
  'in',
  'notIn',
  'lt',
  'lte',
  'gt',
  'gte',
  'between',
  'startsWith',
  'endsWith',
  'contains',
  'domainIn',
  'pathUnder',
  'matches',
  'exists',
];
const ORDER: readonly Operator[] = ['lt', 'lte', 'gt', 'gte'];
const SCOPES: readonly CounterScope[] = ['agent', 'role', 'owner', 'workspace'];
const MAX_LIST = 10_000;
const MAX_NESTING = 8;
const MAX_PARTS = 50;
const MAX_TEXT = 1_000;
/** RE2 runs in time proportional to text × program; both are bounded. */
const MAX_PATTERN = 500;
const MAX_PROGRAM = 500;

export interface WhenReading {
  readonly document: WhenDocument;
  readonly model: Condition | WindowCondition;
  /** The published condition is true when the window does not fit. */
  readonly inverted: boolean;
}

/** Reads a condition or a window. `action` is what the guard covers. */
export function readWhen(
  value: unknown,
  path: DocumentPath,
  action: string,
  problems: Problems,
): WhenReading | undefined {
  const field = isObject(value) ? member(value, 'field') : undefined;
  const reading = typeof field === 'string' ? readField(field) : undefined;
  if (isObject(value) && reading !== undefined && ['count', 'calls', 'sum'].includes(reading.field.kind))
    return readWindow(value, reading.field, reading.canonical, path, action, problems);
  const condition = readCondition(value, path, problems, 1);
  return condition === undefined ? undefined : { ...condition, inverted: false };
}

interface ConditionReading {
  readonly document: WhenDocument;
  readonly model: Condition;
}

function readCondition(
  value: unknown,
  path: DocumentPath,
  problems: Problems,
  depth: number,
): ConditionReading | undefined {
  if (depth > MAX_NESTING) {
    problems.add(path, 'too_deep', 'the condition is nested too deeply', `Keep it to ${MAX_NESTING} levels.`);
    return undefined;
  }
  if (isObject(value))
    for (const joint of ['all', 'any', 'not'] as const)
      if (Object.hasOwn(value, joint)) return readJoint(value, joint, path, problems, depth);
  const test = readTest(value, path, problems);
  if (test === undefined) return undefined;
  const { reading, operator, operand } = test;
  if (reading.field.kind === 'count' || reading.field.kind === 'calls' || reading.field.kind === 'sum') {
    problems.add(
      [...path, 'field'],
      'window_nested',
      'a window stands alone in its guard',
      'Write a guard of its own for it.',
    );
    return undefined;
  }
  const checked = checkOperand(reading.field, operator, operand, [...path, operator], problems);
  if (checked === undefined) return undefined;
  return {
    document: testDocument(reading.canonical, operator, checked),
    model: { field: reading.canonical, operator, operand: modelOperand(operator, checked) },
  };
}

function readJoint(
  value: JsonObject,
  joint: 'all' | 'any' | 'not',
  path: DocumentPath,
  problems: Problems,
  depth: number,
) {
  objectOf(value, path, 'the condition', [joint], problems);
  if (joint === 'not') {
    const part = readCondition(member(value, 'not'), [...path, 'not'], problems, depth + 1);
    return part === undefined ? undefined : { document: { not: part.document }, model: { not: part.model } };
  }
  const parts = listOf(member(value, joint), [...path, joint], joint, MAX_PARTS, problems);
  if (parts === undefined) return undefined;
  if (parts.length === 0) problems.add([...path, joint], 'empty', `${joint} holds no condition`, 'Write at least one.');
  const read = parts.map((part, i) => readCondition(part, [...path, joint, i], problems, depth + 1));
  const whole = read.filter((part) => part !== undefined);
  if (whole.length !== read.length || whole.length === 0) return undefined;
  const documents = whole.map(({ document }) => document);
  const models = whole.map(({ model }) => model);
  return joint === 'all'
    ? { document: { all: documents }, model: { all: models } }
    : { document: { any: documents }, model: { any: models } };
}

/** One spelling for operands that mean the same, since the policy hash is taken over them. */
function modelOperand(operator: Operator, operand: JsonValue): JsonValue {
  if ((operator === 'domainIn' || operator === 'pathUnder') && !isList(operand)) return [operand];
  if (![...ORDER, 'between', 'eq', 'ne'].includes(operator)) return operand;
  return isList(operand) ? operand.map(plainMoney) : plainMoney(operand);
}

function plainMoney(operand: JsonValue): JsonValue {
  const money = typeof operand === 'string' ? parseMoney(operand) : undefined;
  return typeof money === 'object' ? formatMoney(money.minor, money.currency) : operand;
}

function testDocument(field: string, operator: Operator, operand: JsonValue): TestDocument {
  const operation: { readonly [key in Operator]?: JsonValue } = { [operator]: operand };
  return { field, ...operation };
}

interface Test {
  readonly reading: { readonly field: Field; readonly canonical: string };
  readonly operator: Operator;
  readonly operand: JsonValue;
}

function readTest(
  value: unknown,
  path: DocumentPath,
  problems: Problems,
  more: readonly string[] = [],
): Test | undefined {
  const test = objectOf(value, path, 'the condition', ['field', ...OPERATORS, ...more], problems);
  if (test === undefined) return undefined;
  const field = member(test, 'field');
  const reading = typeof field === 'string' ? readField(field) : undefined;
  if (reading === undefined)
    problems.add(
      [...path, 'field'],
      'bad_field',
      field === undefined ? 'the condition has no field' : `${quote(field)} names no field`,
      'Write to.domain, amount, rate.per_day, sum(payments, 24h), action, or an argument such as target or args.customer.id.',
    );
  else if (reading.field.kind === 'later')
    problems.add(
      [...path, 'field'],
      'guard_not_available',
      `guards on ${reading.canonical} are not available in this version`,
      'Remove the guard, or hold the action with effect: review.',
    );
  const operators = OPERATORS.filter((operator) => Object.hasOwn(test, operator));
  const operator = operators[0];
  if (operators.length > 1)
    problems.add(
      [...path, operators[1] ?? ''],
      'many_operators',
      'the condition has more than one operator',
      'Join two conditions with all.',
    );
  if (operator === undefined)
    problems.add(path, 'no_operator', 'the condition has no operator', `Write one of ${OPERATORS.join(', ')}.`);
  if (reading === undefined || reading.field.kind === 'later' || operator === undefined || operators.length > 1)
    return undefined;
  return { reading, operator, operand: member(test, operator) ?? null };
}

// --- windows

const CALLS = /^([0-9]{1,15}) ?\/ ?(second|minute|hour|day|week)(?: ?\/ ?(agent|role|owner|workspace))?$/;

function readWindow(
  value: JsonObject,
  field: Field,
  canonical: string,
  path: DocumentPath,
  action: string,
  problems: Problems,
): WhenReading | undefined {
  const test = readTest(value, path, problems, ['scope', 'over']);
  if (test === undefined) return undefined;
  const { operator } = test;
  if (!ORDER.includes(operator)) {
    problems.add(
      [...path, operator],
      'bad_operator',
      `a window is not compared with ${operator}`,
      'Write lte, lt, gt or gte.',
    );
    return undefined;
  }
  const named = member(value, 'scope');
  const scope = SCOPES.find((each) => each === named);
  if (named !== undefined && scope === undefined)
    problems.add(
      [...path, 'scope'],
      'bad_scope',
      `${quote(named)} is no scope of a counter`,
      `Write ${SCOPES.join(', ')}.`,
    );
  const over = readOver(member(value, 'over'), [...path, 'over'], problems);
  const place = [...path, operator];

  if (field.kind === 'calls') {
    const found = typeof test.operand === 'string' ? CALLS.exec(test.operand) : null;
    if (found === null) {
      problems.add(
        place,
        'bad_rate',
        `${quote(test.operand)} is no rate`,
        'Write a count, a period and who shares it: 20/hour/agent.',
      );
      return undefined;
    }
    const [, count, period = '', who] = found;
    const shared = SCOPES.find((each) => each === who);
    const rewritten: JsonObject = {
      field: `rate.per_${period}`,
      [operator]: Number(count),
      ...(shared === undefined ? (scope === undefined ? {} : { scope }) : shared === 'agent' ? {} : { scope: shared }),
      ...(over === undefined ? {} : { over }),
    };
    const again = readField(`rate.per_${period}`);
    return again === undefined
      ? undefined
      : readWindow(rewritten, again.field, again.canonical, path, action, problems);
  }
  if (field.kind !== 'count' && field.kind !== 'sum') return undefined;
  const counted =
    field.kind === 'count'
      ? { limit: test.operand, over: over ?? [action] }
      : readSum(field.of, test.operand, over, action);
  const unit = 'unit' in counted ? counted.unit : undefined;
  const uncounted = counted.over.every((pattern) => !coversAll(pattern, action));
  if (uncounted)
    problems.add(
      path,
      'not_counted',
      `the window counts ${counted.over.join(', ')}, and the guard is for ${action}`,
      'Count what the guard is for: name it in over, or choose another action.',
    );
  const limit = readLimit(counted.limit, operator, unit, place, problems);
  if (limit === undefined || uncounted) return undefined;
  const document: TestDocument = {
    ...testDocument(canonical, operator, test.operand),
    ...(scope === undefined ? {} : { scope }),
    ...(over === undefined ? {} : { over }),
  };
  return {
    document,
    model: {
      kind: field.kind,
      ...(unit === undefined ? {} : { unit }),
      windowSeconds: field.windowSeconds,
      limit,
      scope: scope ?? 'agent',
      over: [...new Set(counted.over)].sort(),
    },
    inverted: operator === 'gt' || operator === 'gte',
  };
}

function readOver(value: JsonValue | undefined, path: DocumentPath, problems: Problems): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const items = listOf(value, path, 'over', MAX_PARTS, problems);
  if (items === undefined) return undefined;
  if (items.length === 0)
    problems.add(path, 'empty', 'over names no capability', 'Name what is counted, or leave over out.');
  return items.map((item, i) => patternOf(item, [...path, i], problems)).filter((each) => each !== undefined);
}

/**
 * What `sum(of, …)` adds up. `of` is a unit, over what the guard covers; or, as in the published
 * `sum(payments, 24h)`, the namespace whose money is summed. A limit without currency is US dollars there.
 */
function readSum(of: string, operand: JsonValue, over: readonly string[] | undefined, action: string) {
  const money = typeof operand === 'string' ? parseMoney(operand) : undefined;
  const currency = typeof money === 'object' ? money.currency : undefined;
  const family = !isUnitName(of) || action === of || action === `${of}.*` || action.startsWith(`${of}.`);
  if (family || (currency !== undefined && currencyOf(of) === undefined))
    return { unit: unitOf(currency ?? 'USD'), limit: operand, over: over ?? [action === of ? of : `${of}.*`] };
  return { unit: of, limit: operand, over: over ?? [action] };
}

/** Largest total that still fits; in minor units for money. */
function readLimit(
  operand: JsonValue,
  operator: Operator,
  unit: string | undefined,
  path: DocumentPath,
  problems: Problems,
) {
  const currency = unit === undefined ? undefined : currencyOf(unit);
  let limit: number | undefined;
  if (currency !== undefined) {
    const money = parseMoney(typeof operand === 'number' ? `${operand} ${currency}` : String(operand));
    if (typeof money === 'object' && money.currency === currency) limit = money.minor;
  } else if (typeof operand === 'number' && Number.isSafeInteger(operand) && operand >= 0) limit = operand;
  if (limit !== undefined && (operator === 'lt' || operator === 'gte')) limit -= 1;
  if (limit === undefined || limit < 0) {
    const remedy =
      currency === undefined
        ? 'Write a whole number from 0.'
        : `Write an amount of ${currency}, such as ${currency} 500.`;
    problems.add(path, 'bad_limit', `${quote(operand)} cannot be the limit of this window`, remedy);
    return undefined;
  }
  return limit;
}

// --- operands

const FITTING: Readonly<Record<string, readonly Operator[]>> = {
  recipientDomains: ['eq', 'ne', 'in', 'notIn', 'domainIn', 'exists'],
  amount: ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'between', 'exists'],
  action: ['eq', 'ne', 'in', 'notIn'],
  payee: ['eq', 'ne', 'in', 'notIn', 'domainIn', 'matches', 'exists'],
};

/** The operand in its canonical form, or undefined with a problem reported. */
function checkOperand(field: Field, operator: Operator, operand: JsonValue, path: DocumentPath, problems: Problems) {
  const fitting = FITTING[field.kind];
  if (fitting !== undefined && !fitting.includes(operator)) {
    problems.add(path, 'bad_operator', `${operator} does not fit this field`, `Write one of ${fitting.join(', ')}.`);
    return undefined;
  }
  const before = problems.list.length;
  const checked = CHECKS[operator](operand, field, path, problems);
  return problems.list.length === before ? checked : undefined;
}

type OperandCheck = (operand: JsonValue, field: Field, path: DocumentPath, problems: Problems) => JsonValue | undefined;

function refuse(operand: JsonValue, path: DocumentPath, problems: Problems, remedy: string): undefined {
  problems.add(path, 'bad_operand', `${quote(operand)} does not fit the operator`, remedy);
  return undefined;
}

const scalar: OperandCheck = (operand, field, path, problems) => {
  if (field.kind === 'recipientDomains') return domain(operand, path, problems, false);
  if (field.kind === 'action') return capabilityOf(operand, path, problems);
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
