/** How many counters a window that is kept apart can fill: as many as values get through, if a guard lists them. */

import { partsOf } from '../decide/kept-apart.ts';
import { readField } from '../documents/fields.ts';
import type { Condition, Guard, JsonObject, JsonValue } from '../model.ts';
import { itemsOf } from '../values/json.ts';
import { type GuardedLine, passes, unknownPasses } from './passing.ts';

/** The counters that calls under these guards can reach, by name; undefined where values can be made up. */
export function countersOf(per: string, guards: readonly Guard[], line: GuardedLine): readonly string[] | undefined {
  const lists = guards.flatMap((guard) => {
    const { when } = guard;
    if ('kind' in when || unknownPasses(guard, line)) return [];
    const [holds, fails] = [passes(guard.effect, guard, line), passes(guard.otherwise, guard, line)];
    const listed = holds === fails ? undefined : valuesOf(when, holds, per);
    return listed === undefined ? [] : [listed];
  });
  const [shortest] = lists.sort((a, b) => a.length - b.length);
  if (shortest === undefined) return undefined;
  // Spellings that share a counter are one.
  const parts = partsOf(per);
  return [...new Set(shortest.flatMap((value) => parts(callWith(per, value)) ?? []))].sort();
}

/** The only values of the field with which the condition has the answer; undefined where there are others. */
function valuesOf(condition: Condition, holds: boolean, per: string): readonly JsonValue[] | undefined {
  if ('not' in condition) return valuesOf(condition.not, !holds, per);
  if ('field' in condition) {
    const { field, operator, operand } = condition;
    const lists = holds ? operator === 'eq' || operator === 'in' : operator === 'ne' || operator === 'notIn';
    return lists && isSameField(field, per) ? itemsOf(operand) : undefined;
  }
  const parts = 'all' in condition ? condition.all : condition.any;
  const found = parts.map((part) => valuesOf(part, holds, per));
  const known = found.filter((each) => each !== undefined);
  // All have the answer: any of the lists will do. One has it: nobody knows which.
  if ('all' in condition === holds) return known.sort((a, b) => a.length - b.length)[0];
  return known.length < found.length ? undefined : known.flat();
}

function isSameField(field: string, per: string): boolean {
  const [a, b] = [readField(field)?.field, readField(per)?.field];
  if (a?.kind === 'payee' && b?.kind === 'payee') return true;
  return a?.kind === 'argument' && b?.kind === 'argument' && JSON.stringify(a.path) === JSON.stringify(b.path);
}

function callWith(per: string, value: JsonValue) {
  const field = readField(per)?.field;
  const args = field?.kind === 'argument' ? nested(field.path, value) : { payee: value };
  return { workspaceId: '', agentId: '', ownerId: '', roles: [], capability: '', arguments: args };
}

function nested(
  [step, ...rest]: readonly { readonly name: string; readonly each: boolean }[],
  value: JsonValue,
): JsonObject {
  if (step === undefined) return {};
  const inner = rest.length === 0 ? value : nested(rest, value);
  return { [step.name]: step.each ? [inner] : inner };
}
