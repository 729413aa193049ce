/** Windows: counts and sums over a trailing time span. */
import type { CounterScope, JsonObject, JsonValue, Operator } from '../model.ts';
import { member } from '../values/json.ts';
import { currencyOf, parseMoney, unitOf } from '../values/money.ts';
import { readField } from './fields.ts';
import { coversAll, isUnitName, patternOf } from './names.ts';
import { type DocumentPath, listOf, type Problems, quote } from './problems.ts';
import { ORDER, readTest, type Test, testDocument } from './test.ts';
import type { WhenReading } from './when.ts';

const SCOPES: readonly CounterScope[] = ['agent', 'role', 'owner', 'workspace'];
const MAX_OVER = 50;
/** `20/hour/agent` */
const RATE = /^([0-9]{1,15}) ?\/ ?(second|minute|hour|day|week)(?: ?\/ ?(agent|role|owner|workspace))?$/;

/** Reads a window. `action` is what the guard covers. */
export function readWindow(
  value: JsonObject,
  path: DocumentPath,
  action: string,
  problems: Problems,
): WhenReading | undefined {
  const test = readTest(value, path, problems, ['scope', 'over', 'per', 'unattended']);
  if (test === undefined) return undefined;
  const { operator, operand } = test;
  const { field } = test.reading;
  const at = [...path, operator];
  if (!ORDER.includes(operator)) {
    const remedy = `Write one of ${ORDER.join(', ')}.`;
    problems.add(at, 'bad_operator', `a window is not compared with ${operator}`, remedy);
    return undefined;
  }
  if (field.kind === 'calls') {
    const plain = plainRate(value, operator, operand);
    if (plain !== undefined) return readWindow(plain, path, action, problems);
    const remedy = 'Write a count, a period and who shares it: 20/hour/agent.';
    problems.add(at, 'bad_rate', `${quote(operand)} is no rate`, remedy);
    return undefined;
  }
  const before = problems.count;
  const scope = readScope(member(value, 'scope'), [...path, 'scope'], problems);
  const over = readOver(member(value, 'over'), [...path, 'over'], problems);
  const per = readPer(member(value, 'per'), [...path, 'per'], problems);
  if (field.kind !== 'count' && field.kind !== 'sum') return undefined;
  const counted = field.kind === 'sum' ? readSum(field.of, operand, over, action) : { over: over ?? [action] };
  refuseUncounted(counted.over, action, path, problems);
  const unattended = readUnattended(member(value, 'unattended'), [...path, 'unattended'], problems);
  const limit = readLimit(test, counted.unit, at, problems);
  if (limit === undefined || problems.count > before) return undefined;
  return {
    document: {
      ...testDocument(test.reading.canonical, operator, operand),
      ...(scope === undefined ? {} : { scope }),
      ...(over === undefined ? {} : { over }),
      ...(per === undefined ? {} : { per }),
      ...unattended,
    },
    model: {
      kind: field.kind,
      ...(counted.unit === undefined ? {} : { unit: counted.unit }),
      windowSeconds: field.windowSeconds,
      limit,
      scope: scope ?? 'agent',
      over: [...new Set(counted.over)].sort(),
      ...(per === undefined ? {} : { per }),
      ...unattended,
    },
    inverted: operator === 'gt' || operator === 'gte',
  };
}

/** `tool.calls ≤ 20/hour/owner` as `rate.per_hour ≤ 20` with its scope. */
function plainRate(value: JsonObject, operator: Operator, operand: JsonValue): JsonObject | undefined {
  const found = typeof operand === 'string' ? RATE.exec(operand) : null;
  if (found === null) return undefined;
  const [, count, period, who] = found;
  const { field: _, [operator]: __, ...rest } = value;
  const shared = who === undefined || who === 'agent' ? {} : { scope: who };
  return { field: `rate.per_${period}`, [operator]: Number(count), ...rest, ...shared };
}

export function readScope(
  value: JsonValue | undefined,
  path: DocumentPath,
  problems: Problems,
): CounterScope | undefined {
  const scope = SCOPES.find((each) => each === value);
  if (value !== undefined && scope === undefined)
    problems.add(path, 'bad_scope', `${quote(value)} is no scope of a counter`, `Write ${SCOPES.join(', ')}.`);
  return scope;
}

/** What a guard is for has to be among what it counts. */
export function refuseUncounted(over: readonly string[], action: string, path: DocumentPath, problems: Problems): void {
  if (over.some((pattern) => coversAll(pattern, action))) return;
  problems.add(
    path,
    'not_counted',
    `what counts is ${over.join(', ')}, and the guard is for ${action}`,
    'Count what the guard is for: name it in over, or choose another action.',
  );
}

function readUnattended(
  value: JsonValue | undefined,
  path: DocumentPath,
  problems: Problems,
): { readonly unattended?: true } {
  if (value === undefined) return {};
  if (value !== true)
    problems.add(path, 'bad_unattended', `${quote(value)} is not true`, 'Write unattended: true, or leave it out.');
  return { unattended: true };
}

/** `payee`, `session`, `action`, or an argument: each of its values has a counter of its own. */
function readPer(value: JsonValue | undefined, path: DocumentPath, problems: Problems): string | undefined {
  if (value === undefined) return undefined;
  if (value === 'session') return value;
  const reading = typeof value === 'string' ? readField(value) : undefined;
  const kind = reading?.field.kind;
  if (kind === 'payee' || kind === 'action' || kind === 'argument') return reading?.canonical;
  problems.add(
    path,
    'bad_per',
    `${quote(value)} is nothing that counters are kept apart by`,
    'Write payee, session, action, or an argument such as customer_id or args.session.',
  );
  return undefined;
}

export function readOver(
  value: JsonValue | undefined,
  path: DocumentPath,
  problems: Problems,
): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const items = listOf(value, path, 'over', MAX_OVER, problems);
  if (items === undefined) return undefined;
  if (items.length === 0)
    problems.add(path, 'empty', 'over names no capability', 'Name what counts, or leave over out.');
  return items.map((item, i) => patternOf(item, [...path, i], problems)).filter((each) => each !== undefined);
}

interface Counted {
  readonly over: readonly string[];
  readonly unit?: string;
}

/**
 * What `sum(of, …)` adds up. `of` is a unit, over what the guard covers; or, as in the published
 * `sum(payments, 24h)`, the namespace whose money is summed. A limit without currency is US dollars there.
 */
function readSum(of: string, operand: JsonValue, over: readonly string[] | undefined, action: string): Counted {
  const money = typeof operand === 'string' ? parseMoney(operand) : undefined;
  const currency = typeof money === 'object' ? money.currency : undefined;
  const isNamespace = !isUnitName(of) || coversAll(`${of}.*`, action);
  if (isNamespace || (currency !== undefined && currencyOf(of) === undefined))
    return { unit: unitOf(currency ?? 'USD'), over: over ?? [action === of ? of : `${of}.*`] };
  return { unit: of, over: over ?? [action] };
}

/** Largest total that still fits; in minor units for money. */
function readLimit({ operator, operand }: Test, unit: string | undefined, path: DocumentPath, problems: Problems) {
  const currency = unit === undefined ? undefined : currencyOf(unit);
  const bound = currency === undefined ? wholeNumber(operand) : minorUnits(operand, currency);
  const limit = bound !== undefined && (operator === 'lt' || operator === 'gte') ? bound - 1 : bound;
  if (limit !== undefined && limit >= 0) return limit;
  const remedy =
    currency === undefined
      ? 'Write a whole number from 0.'
      : `Write an amount of ${currency}, such as ${currency} 500.`;
  problems.add(path, 'bad_limit', `${quote(operand)} cannot be the limit of this window`, remedy);
  return undefined;
}

function wholeNumber(operand: JsonValue): number | undefined {
  return typeof operand === 'number' && Number.isSafeInteger(operand) && operand >= 0 ? operand : undefined;
}

function minorUnits(operand: JsonValue, currency: string): number | undefined {
  const money = parseMoney(typeof operand === 'number' ? `${operand} ${currency}` : String(operand));
  return typeof money === 'object' && money.currency === currency ? money.minor : undefined;
}
