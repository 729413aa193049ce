/** One test: a field and exactly one operator. */
import type { JsonValue, Operator } from '../model.ts';
import { member } from '../values/json.ts';
import { type Field, readField } from './fields.ts';
import { type DocumentPath, objectOf, type Problems, quote } from './problems.ts';
import type { TestDocument } from './types.ts';

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
  'within',
];
export const ORDER: readonly Operator[] = ['lt', 'lte', 'gt', 'gte'];

export function testDocument(field: string, operator: Operator, operand: JsonValue): TestDocument {
  const operation: { readonly [key in Operator]?: JsonValue } = { [operator]: operand };
  return { field, ...operation };
}

export interface Test {
  readonly reading: { readonly field: Field; readonly canonical: string };
  readonly operator: Operator;
  readonly operand: JsonValue;
}

export function readTest(
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
  if (reading === undefined || operator === undefined || operators.length > 1) return undefined;
  return { reading, operator, operand: member(test, operator) ?? null };
}
