/** `first_use(payee)`: whether a value was never used before, within a time and by somebody. */
import type { CounterScope } from '../model.ts';
import { parseDuration } from '../values/duration.ts';
import { isObject, member } from '../values/json.ts';
import { type DocumentPath, type Problems, quote } from './problems.ts';
import { readTest, testDocument } from './test.ts';
import type { TestReading } from './when.ts';
import { readOver, readScope, refuseUncounted } from './window.ts';

export interface FirstUseOperand {
  readonly seconds: number;
  readonly scope: CounterScope;
  /** Capabilities whose calls use a value. Sorted. */
  readonly over: readonly string[];
}

/** Reads the test of a guard that covers `action`. */
export function readFirstUse(
  value: unknown,
  path: DocumentPath,
  action: string,
  problems: Problems,
): TestReading | undefined {
  const test = readTest(value, path, problems, ['scope', 'over']);
  if (test === undefined || !isObject(value)) return undefined;
  const before = problems.count;
  const { operator, operand, reading } = test;
  const seconds = operator === 'within' && typeof operand === 'string' ? parseDuration(operand) : undefined;
  if (seconds === undefined)
    problems.add(
      [...path, operator],
      'bad_operator',
      `${quote(operand)} does not say how far back ${reading.canonical} looks`,
      'Write within: and a time span, such as 90d.',
    );
  const scope = readScope(member(value, 'scope'), [...path, 'scope'], problems);
  const over = readOver(member(value, 'over'), [...path, 'over'], problems);
  const counted = over ?? [action];
  // or what the guard is for would be a first use for ever
  refuseUncounted(counted, action, path, problems);
  if (seconds === undefined || problems.count > before) return undefined;
  return {
    document: {
      ...testDocument(reading.canonical, operator, operand),
      ...(scope === undefined ? {} : { scope }),
      ...(over === undefined ? {} : { over }),
    },
    model: {
      field: reading.canonical,
      operator,
      operand: { seconds, scope: scope ?? 'agent', over: [...new Set(counted)].sort() },
    },
  };
}
