/** One test of a question as it is written: `amount > $1,000`, `to.domain outside acme.com`, `cc exists`. */
import { checkGuards } from '../documents/guards.ts';
import type { JsonObject, JsonValue } from '../model.ts';
import { currencyOf } from '../values/money.ts';
import type { QuestionTest, UnitOperator } from './question.ts';

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly cause: string; readonly remedy: string };

interface Written {
  readonly operator: string;
  /** Takes a list, separated by commas. */
  readonly isList?: true;
  /** Takes nothing: the operand is this. */
  readonly operand?: boolean;
  readonly isNegated?: true;
}

/** Longer ones first: `not in` is not `in`. */
const OPERATORS: readonly (readonly [string, Written])[] = [
  ['is not in', { operator: 'notIn', isList: true }],
  ['not in', { operator: 'notIn', isList: true }],
  ['is in', { operator: 'in', isList: true }],
  ['not under', { operator: 'pathUnder', isList: true, isNegated: true }],
  ['not matches', { operator: 'matches', isNegated: true }],
  ['starts with', { operator: 'startsWith' }],
  ['ends with', { operator: 'endsWith' }],
  ['is missing', { operator: 'exists', operand: false }],
  ['is given', { operator: 'exists', operand: true }],
  ['more than', { operator: 'gt' }],
  ['at least', { operator: 'gte' }],
  ['less than', { operator: 'lt' }],
  ['at most', { operator: 'lte' }],
  ['is not', { operator: 'ne' }],
  ['outside', { operator: 'domainIn', isList: true, isNegated: true }],
  ['inside', { operator: 'domainIn', isList: true }],
  ['contains', { operator: 'contains' }],
  ['matches', { operator: 'matches' }],
  ['exists', { operator: 'exists', operand: true }],
  ['under', { operator: 'pathUnder', isList: true }],
  ['in', { operator: 'in', isList: true }],
  ['is', { operator: 'eq' }],
  ['!=', { operator: 'ne' }],
  ['>=', { operator: 'gte' }],
  ['<=', { operator: 'lte' }],
  ['=', { operator: 'eq' }],
  ['>', { operator: 'gt' }],
  ['<', { operator: 'lt' }],
];
const FIELD = /^([A-Za-z_$@][A-Za-z0-9_$@.[\]-]*(?: ?\([^)]*\))?)\s*(.*)$/s;
const LISTED =
  'Write FIELD OPERATOR VALUE, such as amount > $1,000, target = production, to.domain outside acme.com, or cc exists.';

/** `units` are those that capabilities of the policy declare. */
export function readTestText(text: string, units: ReadonlySet<string>): Read<QuestionTest> {
  const [, field = '', rest = ''] = FIELD.exec(text.trim()) ?? [];
  const found = OPERATORS.find(([word]) => rest === word || (rest.startsWith(word) && isEnd(word, rest)));
  if (field === '' || found === undefined) return { ok: false, cause: `${text} is no test.`, remedy: LISTED };
  const [word, written] = found;
  const value = rest.slice(word.length).trim();
  if ((value === '') !== (written.operand !== undefined))
    return { ok: false, cause: `${word} takes ${value === '' ? 'a value' : 'no value'}.`, remedy: LISTED };
  if (units.has(field) && currencyOf(field) === undefined) return unitTest(field, written.operator, value);
  return conditionTest(field, written, written.operand ?? operandOf(value, written.isList === true));
}

function isEnd(word: string, rest: string): boolean {
  return /[=<>]$/.test(word) || /^[\s["]/.test(rest.slice(word.length));
}

const UNIT_OPERATORS: readonly UnitOperator[] = ['gt', 'gte', 'lt', 'lte', 'eq'];

function unitTest(unit: string, operator: string, value: string): Read<QuestionTest> {
  const known = UNIT_OPERATORS.find((each) => each === operator);
  const bound = Number(value.replaceAll(',', ''));
  if (known !== undefined && /^[0-9][0-9,]*$/.test(value) && Number.isSafeInteger(bound))
    return { ok: true, value: { kind: 'unit', unit, operator: known, bound } };
  return {
    ok: false,
    cause: `${unit} is a unit that calls spend, and cannot be asked about so.`,
    remedy: `Compare it with a whole number: ${unit} > 500. For an argument of that name, write args.${unit}.`,
  };
}

/** The rules for conditions of guards hold here, too. */
function conditionTest(field: string, { operator, isNegated }: Written, operand: JsonValue): Read<QuestionTest> {
  // addresses of mail are asked by their domains alone
  const [name, negated] =
    operator === 'domainIn' && /^to[._]domain$/.test(field)
      ? [isNegated === true ? 'notIn' : 'in', false]
      : [operator, isNegated === true];
  const test: JsonObject = { field, [name]: operand };
  const checked = checkGuards(
    [{ id: 'question', action: '*', when: negated ? { not: test } : test, effect: 'review', otherwise: 'allow' }],
    'workspace',
  );
  if (!checked.ok) {
    const [problem] = checked.problems;
    return { ok: false, cause: `${field}: ${problem?.message ?? 'is no test'}.`, remedy: problem?.remedy ?? LISTED };
  }
  const when = checked.value[0]?.when;
  if (when !== undefined && !('kind' in when)) return { ok: true, value: { kind: 'condition', condition: when } };
  return {
    ok: false,
    cause: `${field} is about several calls, and a question is about one.`,
    remedy: 'See the blast radius for what calls add up to.',
  };
}

function operandOf(value: string, isList: boolean): JsonValue {
  if (!isList) return scalarOf(value);
  const inside = /^\[(.*)\]$/s.exec(value)?.[1] ?? value;
  return splitOutside(inside, /^,/).map((part) => scalarOf(part.trim()));
}

/** A number, a truth, a text in quotes or without. `$1,000` is money by the rules of operands. */
function scalarOf(text: string): JsonValue {
  if (/^(?:-?[0-9]+(?:\.[0-9]+)?|true|false|"(?:[^"\\]|\\.)*")$/.test(text)) {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    } catch {
      return text;
    }
  }
  return text;
}

/** Parts between separators that stand in no quotes and no brackets. */
export function splitOutside(text: string, separator: RegExp): readonly string[] {
  const parts: string[] = [];
  let [start, depth, isQuoted] = [0, 0, false];
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (letter === '"' && text[at - 1] !== '\\') isQuoted = !isQuoted;
    if (isQuoted) continue;
    if (letter === '[' || letter === '(') depth += 1;
    if (letter === ']' || letter === ')') depth -= 1;
    const found = depth === 0 ? separator.exec(text.slice(at)) : null;
    if (found === null) continue;
    parts.push(text.slice(start, at));
    at += found[0].length - 1;
    start = at + 1;
  }
  return [...parts, text.slice(start)];
}
