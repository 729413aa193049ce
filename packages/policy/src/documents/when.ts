/** The `when` of a guard: typed, total, in its canonical form and as the model. */

import { prerequisitesIn } from '../decide/prerequisites.ts';
import type { Condition, JsonObject, JsonValue, Operator, WindowCondition } from '../model.ts';
import { isList, isObject, member } from '../values/json.ts';
import { formatMoney, parseMoney } from '../values/money.ts';
import { isWindowField, readField } from './fields.ts';
import { readFirstUse } from './first-use.ts';
import { checkOperand } from './operands.ts';
import { readPrerequisite } from './prerequisite.ts';
import { type DocumentPath, listOf, objectOf, type Problems } from './problems.ts';
import { ORDER, readTest, testDocument } from './test.ts';
import type { WhenDocument } from './types.ts';
import { readWindow } from './window.ts';

const MAX_NESTING = 8;
const MAX_PARTS = 50;

export interface WhenReading {
  readonly document: WhenDocument;
  readonly model: Condition | WindowCondition;
  /** The published condition is true when the window does not fit. */
  readonly inverted: boolean;
}

/** Of a test that may have more beside its operator than that. */
export interface TestReading {
  readonly document: WhenDocument;
  readonly model: Extract<Condition, { readonly field: string }>;
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
  if (isObject(value) && reading !== undefined && isWindowField(reading.field))
    return readWindow(value, path, action, problems);
  const condition = readCondition(value, path, action, problems, 1);
  return condition === undefined ? undefined : { ...condition, inverted: false };
}

interface ConditionReading {
  readonly document: WhenDocument;
  readonly model: Condition;
}

function readCondition(
  value: unknown,
  path: DocumentPath,
  action: string,
  problems: Problems,
  depth: number,
): ConditionReading | undefined {
  if (depth > MAX_NESTING) {
    problems.add(path, 'too_deep', 'the condition is nested too deeply', `Keep it to ${MAX_NESTING} levels.`);
    return undefined;
  }
  if (isObject(value))
    for (const joint of ['all', 'any', 'not'] as const)
      if (Object.hasOwn(value, joint)) return readJoint(value, joint, path, action, problems, depth);
  const named = isObject(value) ? member(value, 'field') : undefined;
  const kind = typeof named === 'string' ? readField(named)?.field.kind : undefined;
  if (kind === 'prerequisite') return readPrerequisite(value, path, problems);
  if (kind === 'firstUse') return readFirstUse(value, path, action, problems);
  const test = readTest(value, path, problems);
  if (test === undefined) return undefined;
  const { reading, operator, operand } = test;
  if (isWindowField(reading.field)) {
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
  action: string,
  problems: Problems,
  depth: number,
) {
  objectOf(value, path, 'the condition', [joint], problems);
  if (joint === 'not') {
    const part = readCondition(member(value, 'not'), [...path, 'not'], action, problems, depth + 1);
    if (part !== undefined && prerequisitesIn(part.model).length > 0)
      problems.add(
        [...path, 'not'],
        'prerequisite_negated',
        'a prerequisite cannot be negated: having done something is no reason to refuse what needs it',
        'Take it out of not, or write a rate for what may happen only once.',
      );
    return part === undefined ? undefined : { document: { not: part.document }, model: { not: part.model } };
  }
  const parts = listOf(member(value, joint), [...path, joint], joint, MAX_PARTS, problems);
  if (parts === undefined) return undefined;
  if (parts.length === 0) problems.add([...path, joint], 'empty', `${joint} holds no condition`, 'Write at least one.');
  const read = parts.map((part, i) => readCondition(part, [...path, joint, i], action, problems, depth + 1));
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
