/**
 * First use of a value: what is asked of the state, and what a call leaves there. Unlike the counters of windows,
 * values are compared as they were sent: a look-alike is another payee until somebody has looked at it.
 */

import { readField } from '../documents/fields.ts';
import type { FirstUseOperand } from '../documents/first-use.ts';
import type { Condition, JsonValue } from '../model.ts';
import { isList, isObject } from '../values/json.ts';
import { exactPartsOf } from './kept-apart.ts';
import type { KeyTemplate } from './keys.ts';

type TestCondition = Extract<Condition, { readonly field: string }>;

export interface FirstUse {
  readonly key: KeyTemplate;
  readonly withinMs: number;
}

/** `origin` is the role that carries the guard, or `workspace`. Throws a TypeError for a test that was not checked. */
export function firstUseOf({ field, operand }: TestCondition, origin: string): FirstUse {
  const read = readField(field)?.field;
  if (read?.kind !== 'firstUse') throw new TypeError(`the field ${field} was not checked`);
  const { seconds, scope, over } = operandOf(operand);
  return {
    key: {
      scope,
      role: scope === 'role' && origin !== 'workspace' ? origin : undefined,
      rest: `use/${over.join(',')}`,
      per: { name: read.of, parts: exactPartsOf(read.of) },
    },
    withinMs: seconds * 1_000,
  };
}

/** Capabilities whose calls use the value. */
export function usedOver({ operand }: TestCondition): readonly string[] {
  return operandOf(operand).over;
}

/** Every test of a first use in the condition. */
export function firstUsesIn(condition: Condition): readonly TestCondition[] {
  if ('field' in condition) return readField(condition.field)?.field.kind === 'firstUse' ? [condition] : [];
  if ('not' in condition) return firstUsesIn(condition.not);
  return ('all' in condition ? condition.all : condition.any).flatMap(firstUsesIn);
}

/** Several guards that look for the same find one key. */
export function keyOnce(uses: readonly FirstUse[]): readonly FirstUse[] {
  const found = new Map(
    uses.map((use) => [`${use.key.scope}/${use.key.role ?? ''}/${use.key.rest}/${use.key.per?.name}`, use]),
  );
  return [...found.values()];
}

function operandOf(operand: JsonValue): FirstUseOperand {
  const { seconds, scope, over } = isObject(operand) ? operand : {};
  if (typeof seconds !== 'number' || !isScope(scope) || !isList(over))
    throw new TypeError('a first use was not checked');
  return { seconds, scope, over: over.map(String) };
}

function isScope(value: JsonValue | undefined): value is FirstUseOperand['scope'] {
  return value === 'agent' || value === 'role' || value === 'owner' || value === 'workspace';
}
