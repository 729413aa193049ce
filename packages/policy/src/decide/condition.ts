/**
 * Conditions compiled to closures. Three-valued: what cannot be evaluated is unknown, and the guard then
 * takes the stricter of its two verdicts. A list must answer with one voice: where some elements pass and
 * others do not, the answer is unknown.
 */
import { RE2JS } from 're2js';
import { type FieldReading, type PathStep, readField } from '../documents/fields.ts';
import { covers } from '../documents/names.ts';
import { RISK_LEVELS } from '../documents/operands.ts';
import type { Condition, JsonObject, JsonValue, Operator } from '../model.ts';
import { domainMatcher, domainOf, domainsOfAddresses } from '../values/domain.ts';
import { isList, isObject, itemsOf, member } from '../values/json.ts';
import { exponentOf, parseMoney, toMinor } from '../values/money.ts';
import { isCleanPath, isUnder } from '../values/path.ts';
import { firstUseOf } from './first-use.ts';
import { MISSING, moneyOf, OTHER_CURRENCY, WRONG_TYPE } from './measure.ts';
import { Prerequisite, prerequisitesIn } from './prerequisites.ts';
import type { StateReader } from './state-reader.ts';

/** 0 false, 1 true; from 2 on unknown, and why. */
type Truth = number;
export const FALSE = 0;
export const TRUE = 1;
export const UNKNOWN_MISSING = 2;
const UNKNOWN_TYPE = 3;
const UNKNOWN_MIXED = 4;
const UNKNOWN_FORM = 5;
const UNKNOWN_CURRENCY = 6;
const UNKNOWN_AMOUNT = 7;
const UNKNOWN_STATE = 8;

export const UNKNOWNS: Readonly<Record<number, string>> = {
  [UNKNOWN_MISSING]: 'is missing',
  [UNKNOWN_TYPE]: 'has the wrong type',
  [UNKNOWN_MIXED]: 'gives both answers, one for each of several values',
  [UNKNOWN_FORM]: 'has a form that programs read differently',
  [UNKNOWN_CURRENCY]: 'is in another currency',
  [UNKNOWN_AMOUNT]: 'is no amount',
  [UNKNOWN_STATE]: 'cannot be known',
};

/** What a condition may look at. */
interface Call {
  readonly args: JsonObject;
  readonly capability: string;
  /** Measures of the plan, by slot. */
  readonly amounts: readonly number[];
  /** Undefined where no condition of the capability reads it. */
  readonly state: StateReader | undefined;
}
export type Test = (call: Call) => Truth;

/** How `amount` is found for the capability that is compiled for; undefined operand currency means the capability's own. */
export type AmountSlot = (
  currency: string | undefined,
) => { readonly slot: number; readonly currency: string } | undefined;

/** `origin` is the role that carries the guard, or `workspace`. */
export function compileCondition(condition: Condition, amountSlot: AmountSlot, origin: string): Test {
  if ('all' in condition)
    return allOf(stateLast(condition.all).map((part) => compileCondition(part, amountSlot, origin)));
  if ('any' in condition)
    return anyOf(stateLast(condition.any).map((part) => compileCondition(part, amountSlot, origin)));
  if ('not' in condition) {
    const test = compileCondition(condition.not, amountSlot, origin);
    return (call) => {
      const truth = test(call);
      return truth > TRUE ? truth : 1 - truth;
    };
  }
  const { field, operator, operand } = condition;
  const reading = readField(field);
  if (reading === undefined) throw new TypeError(`the field ${field} was not checked`);
  if (reading.field.kind === 'prerequisite') return prerequisiteTest(field, operand);
  if (reading.field.kind === 'firstUse') {
    const use = firstUseOf(condition, origin);
    return ({ state }) => {
      const isFirst = state?.isFirstUse(use);
      return isFirst === undefined ? UNKNOWN_STATE : truth(isFirst);
    };
  }
  return compileTest(reading, operator, operand, amountSlot);
}

/** The order of the parts changes no answer. What is settled without a prerequisite must not use it up. */
function stateLast(parts: readonly Condition[]): readonly Condition[] {
  const needs = (part: Condition): number => (prerequisitesIn(part).length === 0 ? 0 : 1);
  return [...parts].sort((a, b) => needs(a) - needs(b));
}

/** Kleene's conjunction: false decides, then unknown. */
function allOf(tests: readonly Test[]): Test {
  return (call) => {
    let result = TRUE;
    for (const test of tests) {
      const truth = test(call);
      if (truth === FALSE) return FALSE;
      if (truth > TRUE && result === TRUE) result = truth;
    }
    return result;
  };
}

function anyOf(tests: readonly Test[]): Test {
  return (call) => {
    let result = FALSE;
    for (const test of tests) {
      const truth = test(call);
      if (truth === TRUE) return TRUE;
      if (truth > TRUE && result === FALSE) result = truth;
    }
    return result;
  };
}

function compileTest({ field }: FieldReading, operator: Operator, operand: JsonValue, amountSlot: AmountSlot): Test {
  switch (field.kind) {
    case 'action': {
      const test = actionTest(operator, operand);
      return ({ capability }) => test(capability);
    }
    case 'recipientDomains': {
      if (operator === 'exists') return ({ args }) => truth(recipientsIn(args).length > 0 === operand);
      const test = domainTest(operator, operand);
      return ({ args }) => recipientVoice(recipientsIn(args), test);
    }
    case 'payee': {
      if (operator === 'exists') return ({ args }) => truth(payeesIn(args).length > 0 === operand);
      const test = valueTest(operator, operand);
      return ({ args }) => {
        const payees = payeesIn(args);
        return payees.length === 0 ? UNKNOWN_MISSING : oneVoice(payees, (value) => overList(value, test));
      };
    }
    case 'risk': {
      const test = riskTest(operator, operand);
      return ({ state }) => {
        const level = state?.risk();
        return level === undefined ? UNKNOWN_STATE : truth(test(level));
      };
    }
    case 'provenance': {
      const wanted = operator === 'eq' ? operand : operand === 'trusted' ? 'untrusted' : 'trusted';
      return ({ state }) => {
        const provenance = state?.provenance();
        return provenance === undefined ? UNKNOWN_STATE : truth(provenance === wanted);
      };
    }
    case 'amount':
      return amountTest(operator, operand, amountSlot);
    case 'argument': {
      const test = valueTest(operator, operand);
      const valuesAt = readerOf(field.path);
      if (operator === 'exists')
        return ({ args }) => {
          const value = valuesAt(args);
          return truth(isGiven(value) === operand);
        };
      const listed = operator === 'contains';
      return ({ args }) => {
        const value = valuesAt(args);
        if (value === undefined || value === null) return UNKNOWN_MISSING;
        return listed ? test(value) : overList(value, test);
      };
    }
    default:
      throw new TypeError(`${operator} was compiled for a window`);
  }
}

function prerequisiteTest(field: string, operand: JsonValue): Test {
  const prerequisite = new Prerequisite(field, operand);
  return ({ state }) => {
    const isMet = state?.isMet(prerequisite);
    return isMet === undefined ? UNKNOWN_STATE : truth(isMet);
  };
}

/** On the place of a level among the levels. */
function riskTest(operator: Operator, operand: JsonValue): NumberTest {
  const levels = itemsOf(operand).map((level) => RISK_LEVELS.indexOf(String(level)));
  if (operator === 'in') return (level) => levels.includes(level);
  if (operator === 'notIn') return (level) => !levels.includes(level);
  return comparison(operator, levels);
}

function truth(value: boolean): Truth {
  return value ? TRUE : FALSE;
}

/** Null is not given. */
function isGiven(value: JsonValue | undefined): value is JsonValue {
  return value !== undefined && value !== null;
}

type ValueTest = (value: JsonValue) => Truth;

/** The test on a value, or on every element of a list. */
function overList(value: JsonValue, test: ValueTest): Truth {
  return isList(value) ? oneVoice(value, test) : test(value);
}

function oneVoice<T>(values: readonly T[], test: (value: T) => Truth): Truth {
  let voice = -1;
  for (const value of values) {
    const answer = test(value);
    if (answer > TRUE) return answer;
    if (voice === -1) voice = answer;
    else if (voice !== answer) return UNKNOWN_MIXED;
  }
  return voice === -1 ? UNKNOWN_MISSING : voice;
}

// --- fields

export function readerOf(path: readonly PathStep[]): (args: JsonObject) => JsonValue | undefined {
  const [only] = path;
  if (path.length === 1 && only !== undefined && !only.each) {
    const { name } = only;
    return (args) => member(args, name);
  }
  return (args) => readStep(args, path, 0);
}

/** Undefined when any of the branches has no value. */
function readStep(value: JsonValue, path: readonly PathStep[], at: number): JsonValue | undefined {
  const step = path[at];
  if (step === undefined) return value;
  const next = isObject(value) ? member(value, step.name) : undefined;
  if (next === undefined) return undefined;
  if (!step.each) return readStep(next, path, at + 1);
  if (!isList(next)) return undefined;
  const values: JsonValue[] = [];
  for (const item of next) {
    const found = readStep(item, path, at + 1);
    if (found === undefined || found === null) return undefined;
    for (const each of itemsOf(found)) values.push(each);
  }
  return values;
}

/** Mail leaves for every address of these, whatever the case of the key. */
const RECIPIENT_KEYS: ReadonlySet<string> = new Set(['to', 'cc', 'bcc']);
const PAYEE_KEYS: ReadonlySet<string> = new Set(['to', 'payee', 'recipient']);

function valuesUnder(args: JsonObject, keys: ReadonlySet<string>): JsonValue[] {
  const values: JsonValue[] = [];
  for (const key of Object.keys(args)) {
    if (key.length > 9 || !(keys.has(key) || keys.has(key.toLowerCase()))) continue;
    const value = args[key];
    if (value !== undefined && value !== null) values.push(value);
  }
  return values;
}

export function payeesIn(args: JsonObject): JsonValue[] {
  return valuesUnder(args, PAYEE_KEYS);
}

/** Addresses as written; an empty list or text among them is left out, as nobody is written to. */
function recipientsIn(args: JsonObject): JsonValue[] {
  return valuesUnder(args, RECIPIENT_KEYS).flatMap((value) => (value === '' ? [] : itemsOf(value)));
}

function recipientVoice(addresses: readonly JsonValue[], test: (domain: string) => Truth): Truth {
  return oneVoice(addresses, (address) => {
    if (typeof address !== 'string') return UNKNOWN_TYPE;
    const domains = domainsOfAddresses(address);
    return domains === undefined ? UNKNOWN_FORM : oneVoice(domains, test);
  });
}

// --- tests

function domainTest(operator: Operator, operand: JsonValue): (domain: string) => Truth {
  const patterns = textsOf(operand);
  const matches = domainMatcher(patterns);
  return operator === 'ne' || operator === 'notIn'
    ? (domain) => truth(!matches(domain))
    : (domain) => truth(matches(domain));
}

function actionTest(operator: Operator, operand: JsonValue): (capability: string) => Truth {
  const patterns = textsOf(operand);
  const negative = operator === 'ne' || operator === 'notIn';
  return (capability) => truth(patterns.some((pattern) => covers(pattern, capability)) !== negative);
}

function textsOf(operand: JsonValue): readonly string[] {
  return itemsOf(operand).map(String);
}

/** The test of an operator on one value that is there. */
function valueTest(operator: Operator, operand: JsonValue): ValueTest {
  switch (operator) {
    case 'eq':
      return memberTest([operand], true);
    case 'ne':
      return memberTest([operand], false);
    case 'in':
    case 'notIn':
      return memberTest(itemsOf(operand), operator === 'in');
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
    case 'between':
      return orderTest(operator, operand);
    case 'startsWith':
      return stringTest((value) => value.startsWith(String(operand)));
    case 'endsWith':
      return stringTest((value) => value.endsWith(String(operand)));
    case 'contains':
      return (value) => {
        if (isList(value)) return truth(value.includes(operand));
        return typeof value === 'string' && typeof operand === 'string' ? truth(value.includes(operand)) : UNKNOWN_TYPE;
      };
    case 'domainIn': {
      const matches = domainMatcher(textsOf(operand));
      return (value) => {
        if (typeof value !== 'string') return UNKNOWN_TYPE;
        const domain = domainOf(value);
        return domain === undefined ? UNKNOWN_FORM : truth(matches(domain));
      };
    }
    case 'pathUnder': {
      const folders = textsOf(operand);
      return (value) => {
        if (typeof value !== 'string') return UNKNOWN_TYPE;
        return isCleanPath(value) ? truth(folders.some((folder) => isUnder(value, folder))) : UNKNOWN_FORM;
      };
    }
    case 'matches': {
      const pattern = RE2JS.compile(String(operand));
      return (value) => {
        if (typeof value !== 'string') return UNKNOWN_TYPE;
        return value.length > MAX_MATCHED ? UNKNOWN_FORM : truth(pattern.matches(value));
      };
    }
    case 'exists':
      return () => TRUE;
    case 'within':
      throw new TypeError('within was compiled for a value');
  }
}

/**
 * Membership by exact equality of one type. A text that differs only by case, surrounding space, width or
 * invisible characters may be the same to the tool: whether it is, is unknown here.
 */
function memberTest(items: readonly JsonValue[], inside: boolean): ValueTest {
  const exact = new Set(items);
  const type = typeof (items[0] ?? '');
  const folded = type === 'string' ? new Set(items.map((item) => fold(String(item)))) : undefined;
  return (value) => {
    if (exact.has(value)) return truth(inside);
    if (typeof value !== type) return UNKNOWN_TYPE;
    if (typeof value === 'string' && folded !== undefined && folded.has(fold(value))) return UNKNOWN_FORM;
    return truth(!inside);
  };
}

const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/** Texts longer than any operand are equal to none. */
const MAX_FOLDED = 4_000;

export function fold(text: string): string {
  if (text.length > MAX_FOLDED) return text;
  if (PLAIN.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKC')
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    .trim()
    .toLowerCase();
}

/** Longer values are not matched: the time of a match is text × program. */
const MAX_MATCHED = 4_096;

function stringTest(test: (value: string) => boolean): ValueTest {
  return (value) => (typeof value === 'string' ? truth(test(value)) : UNKNOWN_TYPE);
}

type NumberTest = (value: number) => boolean;

function comparison(operator: Operator, bounds: readonly number[]): NumberTest {
  const [low = 0, high = low] = bounds;
  switch (operator) {
    case 'eq':
      return (value) => value === low;
    case 'ne':
      return (value) => value !== low;
    case 'lt':
      return (value) => value < low;
    case 'lte':
      return (value) => value <= low;
    case 'gt':
      return (value) => value > low;
    case 'gte':
      return (value) => value >= low;
    case 'between':
      return (value) => value >= low && value <= high;
    default:
      throw new TypeError(`${operator} does not compare amounts`);
  }
}

/** Bounds as written, and their currency when they are money. */
export function boundsOf(operand: JsonValue): { readonly numbers: readonly number[]; readonly currency?: string } {
  const items = itemsOf(operand);
  const money = items.map((item) => (typeof item === 'string' ? parseMoney(item) : undefined));
  const [first] = money;
  if (typeof first === 'object')
    return { numbers: money.map((each) => (typeof each === 'object' ? each.minor : 0)), currency: first.currency };
  return { numbers: items.map(Number) };
}

/** Numbers with numbers; money is an argument in major units against an amount in minor ones. */
function orderTest(operator: Operator, operand: JsonValue): ValueTest {
  const { numbers, currency } = boundsOf(operand);
  const compare = comparison(operator, numbers);
  if (currency === undefined) return (value) => (typeof value === 'number' ? truth(compare(value)) : UNKNOWN_TYPE);
  const exponent = exponentOf(currency) ?? 0;
  return (value) => {
    const minor = moneyOf(value, exponent);
    return minor < 0 ? unknownAmount(minor) : truth(compare(minor));
  };
}

function unknownAmount(code: number): Truth {
  if (code === MISSING) return UNKNOWN_MISSING;
  if (code === WRONG_TYPE) return UNKNOWN_TYPE;
  return code === OTHER_CURRENCY ? UNKNOWN_CURRENCY : UNKNOWN_AMOUNT;
}

/** `amount`: the money the call spends; the bare argument where the capability declares no money and the bound no currency. */
function amountTest(operator: Operator, operand: JsonValue, amountSlot: AmountSlot): Test {
  if (operator === 'exists') {
    const found = amountSlot(undefined);
    if (found === undefined) return ({ args }) => truth(isGiven(member(args, 'amount')) === operand);
    return ({ amounts }) => truth(((amounts[found.slot] ?? MISSING) !== MISSING) === operand);
  }
  const { numbers, currency } = boundsOf(operand);
  const found = amountSlot(currency);
  if (found === undefined) {
    const compare = comparison(operator, numbers);
    return ({ args }) => {
      const value = member(args, 'amount');
      if (value === undefined || value === null) return UNKNOWN_MISSING;
      if (typeof value !== 'number') return UNKNOWN_TYPE;
      return value < 0 ? UNKNOWN_AMOUNT : truth(compare(value));
    };
  }
  const bounds = currency === undefined ? numbers.map((bound) => scaled(bound, found.currency)) : numbers;
  const compare = comparison(operator, bounds);
  const { slot } = found;
  return ({ amounts }) => {
    const amount = amounts[slot] ?? MISSING;
    return amount < 0 ? unknownAmount(amount) : truth(compare(amount));
  };
}

/** A bound without currency is in the major units of the capability's. A finer one keeps its fraction: amounts have none. */
export function scaled(bound: number, currency: string): number {
  const exponent = exponentOf(currency) ?? 0;
  const minor = toMinor(bound, exponent);
  return typeof minor === 'number' ? minor : bound * 10 ** exponent;
}
