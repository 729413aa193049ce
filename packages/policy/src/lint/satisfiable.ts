/**
 * Whether conditions can have given answers together, for some arguments of a call. Sound in one direction: "no"
 * is certain, "yes" may be wrong. Candidates are judged by the engine's own compiled tests, so that lint and
 * decision cannot disagree about an operator.
 *
 * A list answers with one voice, so that what a list can do, each of its elements can: one value is enough of a witness.
 */
import { boundsOf, compileCondition, type Test, TRUE } from '../decide/condition.ts';
import { type Field, type PathStep, readField } from '../documents/fields.ts';
import type { Condition, JsonObject, JsonValue, Operator } from '../model.ts';
import { itemsOf } from '../values/json.ts';
import { exponentOf, toMinor } from '../values/money.ts';

type TestCondition = Extract<Condition, { readonly field: string }>;

export interface Answer {
  readonly condition: Condition;
  readonly holds: boolean;
}

/** What is known of the capability that is called. */
export interface Subject {
  readonly capability: string;
  /** Currency of the money it declares. */
  readonly currency: string | undefined;
}

/** Conjunctions looked at before giving up; a condition may have 50 parts on 8 levels. */
const MAX_TERMS = 256;

/** Whether one call can give all the answers. */
export function canAnswer(answers: readonly Answer[], subject: Subject): boolean {
  let terms: readonly (readonly Literal[])[] | undefined = [[]];
  for (const { condition, holds } of answers) {
    if (terms === undefined) return true;
    terms = product(terms, termsOf(condition, holds));
  }
  return terms === undefined || terms.some((term) => canHold(term, subject));
}

interface Literal {
  readonly test: TestCondition;
  readonly holds: boolean;
}

/** The condition's answer as a disjunction of conjunctions; undefined when there are too many. */
function termsOf(condition: Condition, holds: boolean): readonly (readonly Literal[])[] | undefined {
  if ('not' in condition) return termsOf(condition.not, !holds);
  if ('field' in condition) return [[{ test: condition, holds }]];
  const parts = 'all' in condition ? condition.all : condition.any;
  if ('all' in condition === holds) {
    let terms: readonly (readonly Literal[])[] | undefined = [[]];
    for (const part of parts) {
      if (terms === undefined) return undefined;
      terms = product(terms, termsOf(part, holds));
    }
    return terms;
  }
  const terms: (readonly Literal[])[] = [];
  for (const part of parts) {
    const more = termsOf(part, holds);
    if (more === undefined || terms.length + more.length > MAX_TERMS) return undefined;
    terms.push(...more);
  }
  return terms;
}

function product(a: readonly (readonly Literal[])[], b: readonly (readonly Literal[])[] | undefined) {
  if (b === undefined || a.length * b.length > MAX_TERMS) return undefined;
  return a.flatMap((left) => b.map((right) => [...left, ...right]));
}

/** Literals about different values do not bear on each other: each value is looked at alone. */
function canHold(term: readonly Literal[], subject: Subject): boolean {
  const groups = new Map<string, Literal[]>();
  for (const literal of term) {
    const key = valueKey(literal.test, subject);
    if (key === undefined) return false;
    groups.set(key, [...(groups.get(key) ?? []), literal]);
  }
  return [...groups].every(([key, literals]) => isPossible(key, literals, subject));
}

/** Which value the test reads; undefined when it reads none that could be compared. */
function valueKey({ field, operator, operand }: TestCondition, { currency }: Subject): string | undefined {
  const read = readField(field)?.field;
  switch (read?.kind) {
    case 'argument':
      // money is compared with amounts in minor units, numbers with numbers
      return `argument ${JSON.stringify(read.path)} ${ORDER.includes(operator) ? (boundsOf(operand).currency ?? '') : ''}`;
    case 'amount': {
      const asked = operator === 'exists' ? currency : (boundsOf(operand).currency ?? currency);
      // an amount that is declared in one currency never compares with another
      if (currency !== undefined && asked !== currency) return undefined;
      return asked === undefined ? 'bare amount' : `amount ${asked}`;
    }
    default:
      return read?.kind ?? `other ${field}`;
  }
}

const ORDER: readonly Operator[] = ['lt', 'lte', 'gt', 'gte', 'between'];

const READ_HERE: ReadonlySet<Field['kind']> = new Set(['amount', 'argument', 'payee', 'recipientDomains']);

function isPossible(key: string, literals: readonly Literal[], subject: Subject): boolean {
  const [first] = literals;
  const field = first === undefined ? undefined : readField(first.test.field)?.field;
  if (field === undefined) return true;
  if (field.kind === 'action') return literals.every((literal) => passes(literal, {}, [], subject));
  if (!READ_HERE.has(field.kind)) return true;
  const given = literals.filter(({ test }) => test.operator === 'exists');
  const tests = literals.filter(({ test }) => test.operator !== 'exists');
  const wanted = new Set(given.map(({ test, holds }) => (test.operand === true) === holds));
  // what is not there is no answer to any other test
  if (wanted.size > 1 || (wanted.has(false) && tests.length > 0)) return false;
  if (field.kind === 'amount') {
    const measured = key !== 'bare amount';
    return amountsOf(tests, subject).some((amount) =>
      tests.every((literal) => passes(literal, measured ? {} : { amount }, [amount], subject, measured)),
    );
  }
  // a list that contains two things is another witness than one value
  const compared = tests.filter(({ test }) => test.operator !== 'contains');
  if (compared.length === 0) return true;
  const candidates = candidatesOf(field, compared);
  if (candidates === undefined) return !clash(compared);
  return candidates.some((value) =>
    compared.every((literal) => passes(literal, argumentsWith(field, value), [], subject)),
  );
}

function passes(
  { test, holds }: Literal,
  args: JsonObject,
  amounts: readonly number[],
  { capability, currency }: Subject,
  measured = false,
): boolean {
  return (
    compiledTest(test, measured, currency)({ args, amounts, capability, state: undefined }) ===
    (holds ? TRUE : 1 - TRUE)
  );
}

/** Tests that read no amount are the same for every capability; a pair of guards is looked at many times. */
const COMPILED = new WeakMap<TestCondition, Test>();

function compiledTest(test: TestCondition, measured: boolean, currency: string | undefined): Test {
  if (measured) return compileCondition(test, (asked) => ({ slot: 0, currency: asked ?? currency ?? '' }), 'workspace');
  const held = COMPILED.get(test) ?? compileCondition(test, () => undefined, 'workspace');
  COMPILED.set(test, held);
  return held;
}

/** Amounts on, between and beside all bounds: what no one of them does, no amount does. */
function amountsOf(literals: readonly Literal[], { currency }: Subject): number[] {
  const bounds = literals.flatMap(({ test }) => {
    const { numbers, currency: written } = boundsOf(test.operand);
    const exponent = currency === undefined || written !== undefined ? 0 : (exponentOf(currency) ?? 0);
    return numbers.map((bound) => {
      const minor = exponent === 0 ? bound : toMinor(bound, exponent);
      return typeof minor === 'number' ? minor : bound * 10 ** exponent;
    });
  });
  const whole = bounds.filter(Number.isFinite).flatMap((bound) => [Math.floor(bound), Math.ceil(bound)]);
  // the bare argument may have a fraction
  const points = currency === undefined ? [...whole, ...between(bounds)] : whole;
  const beside = points.flatMap((point) => [point - 1, point, point + 1]);
  return [...new Set([0, ...beside, ...bounds.filter(Number.isInteger)])].filter((each) => each >= 0);
}

function between(bounds: readonly number[]): number[] {
  const sorted = [...new Set(bounds)].sort((a, b) => a - b);
  return sorted.flatMap((bound, i) => [bound, (bound + (sorted[i + 1] ?? bound + 1)) / 2]);
}

/** Values one of which answers if any does; undefined when they cannot be listed. */
function candidatesOf(field: Field, literals: readonly Literal[]): readonly JsonValue[] | undefined {
  if (field.kind === 'recipientDomains') {
    const patterns = literals.flatMap(({ test }) => itemsOf(test.operand).map(String));
    let unused = 'any';
    while (patterns.some((pattern) => pattern.includes(unused))) unused += 'x';
    const hosts = patterns.map((pattern) => (pattern.startsWith('*.') ? `${unused}${pattern.slice(1)}` : pattern));
    return [...hosts, `${unused}.example`].map((host) => `any@${host}`);
  }
  const listed = literals.find(({ test, holds }) => listsAnswer(test.operator, holds));
  if (listed !== undefined) return itemsOf(listed.test.operand);
  if (!literals.every(({ test }) => isNumeric(test))) return undefined;
  const bounds = literals.flatMap(({ test }) => itemsOf(test.operand).map(Number));
  const smallest = Math.min(...bounds);
  return [smallest - 1, ...between(bounds), Math.max(...bounds) + 1];
}

/** Whether only a value of the operand gives the answer. */
function listsAnswer(operator: Operator, holds: boolean): boolean {
  return holds ? operator === 'eq' || operator === 'in' : operator === 'ne' || operator === 'notIn';
}

function isNumeric({ operator, operand }: TestCondition): boolean {
  if (!ORDER.includes(operator) && !['eq', 'ne', 'in', 'notIn'].includes(operator)) return false;
  const items = itemsOf(operand);
  return items.length > 0 && items.every((item) => typeof item === 'number');
}

/** Tests of types that no value has both of, or of beginnings that no text has both of. */
function clash(literals: readonly Literal[]): boolean {
  const types = new Set(literals.flatMap(({ test }) => typeTested(test) ?? []));
  if (types.size > 1) return true;
  const starts = literals.flatMap(({ test, holds }) =>
    holds && test.operator === 'startsWith' ? [String(test.operand)] : [],
  );
  return starts.some((a) => starts.some((b) => !a.startsWith(b) && !b.startsWith(a)));
}

/** The one type a definite answer needs; undefined for several. */
function typeTested({ operator, operand }: TestCondition): string | undefined {
  const [item] = itemsOf(operand);
  switch (operator) {
    case 'eq':
    case 'ne':
    case 'in':
    case 'notIn':
      return typeof (item ?? '');
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
    case 'between':
      return typeof item === 'number' ? 'number' : undefined;
    case 'exists':
    case 'contains':
      return undefined;
    default:
      return 'string';
  }
}

function argumentsWith(field: Field, value: JsonValue): JsonObject {
  if (field.kind === 'payee') return { payee: value };
  return field.kind === 'argument' ? nest(field.path, value) : { to: value };
}

function nest([step, ...rest]: readonly PathStep[], value: JsonValue): JsonObject {
  if (step === undefined) return {};
  const inner = rest.length === 0 ? value : nest(rest, value);
  return { [step.name]: step.each ? [inner] : inner };
}
