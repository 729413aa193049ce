/** A guard as a form: the two shapes that most rules have. What has another shape is edited as a document. Pure. */
import type { GuardApproval, Json, JsonObject, Verdict } from '@hivekey/sdk';
import type { GuardDocument } from '../../../api/types.ts';

interface Common {
  readonly id: string;
  readonly action: string;
  readonly effect: Verdict;
  readonly otherwise: Verdict;
  readonly approval: GuardApproval | undefined;
  readonly isShadow: boolean;
}

/** One test of the call: "when amount is more than $200". */
export interface TestForm extends Common {
  readonly kind: 'test';
  readonly field: string;
  readonly operator: TestOperator;
  /** As it is typed; of a list, one text an item. */
  readonly operand: string | readonly string[];
  /** Whether what is typed stands for numbers or truth values where it can. Texts that look like numbers stay texts. */
  readonly isText: boolean;
}

/** A trailing window: "at most $500 in any 24 hours per agent". */
export interface WindowForm extends Common {
  readonly kind: 'window';
  /** Impact unit or namespace that is summed; undefined: calls are counted. */
  readonly sum: string | undefined;
  /** `24h` */
  readonly length: string;
  readonly limit: string;
  readonly scope: WindowScope;
  readonly over: readonly string[];
  readonly per: string;
  readonly unattended: boolean;
}

export type RuleForm = TestForm | WindowForm;

export const TEST_OPERATORS = [
  'eq',
  'ne',
  'in',
  'notIn',
  'lt',
  'lte',
  'gt',
  'gte',
  'startsWith',
  'endsWith',
  'contains',
  'domainIn',
  'pathUnder',
  'matches',
  'exists',
] as const;
export type TestOperator = (typeof TEST_OPERATORS)[number];

export const WINDOW_SCOPES = ['agent', 'role', 'owner', 'workspace'] as const;
type WindowScope = (typeof WINDOW_SCOPES)[number];

const TAKES_LIST: ReadonlySet<TestOperator> = new Set(['in', 'notIn', 'domainIn', 'pathUnder']);

export function takesList(operator: TestOperator): boolean {
  return TAKES_LIST.has(operator);
}

const RATES: Readonly<Record<string, string>> = {
  'rate.per_second': '1s',
  'rate.per_minute': '1m',
  'rate.per_hour': '1h',
  'rate.per_day': '1d',
  'rate.per_week': '1w',
};
const WINDOW = /^(sum|count) ?\( ?(?:([A-Za-z0-9_.-]+) ?, ?)?([0-9]+[smhdw]) ?\)(?: ?\+ ?amount)?$/;
/** Fields whose operand is a list or a map of its own: what was done before, first uses, rates with the window in the operand. */
const ELSEWHERE = /^(?:done|approved|first_use) ?\(|^tool\.calls$/;
const DOCUMENT_KEYS: ReadonlySet<string> = new Set(['id', 'action', 'when', 'effect', 'otherwise', 'approval', 'mode']);

/** Undefined: only the document can say it. */
export function formOf(guard: unknown): RuleForm | undefined {
  if (!isGuard(guard)) return undefined;
  const { when, effect } = guard;
  const { field, ...rest } = when;
  if (typeof field !== 'string' || ELSEWHERE.test(field)) return undefined;
  const common: Common = {
    id: guard.id,
    action: guard.action,
    effect,
    otherwise: guard.otherwise ?? (effect === 'allow' ? 'deny' : 'allow'),
    approval: guard.approval,
    isShadow: guard.mode === 'shadow',
  };
  const window = RATES[field] === undefined ? WINDOW.exec(field) : (['', 'count', undefined, RATES[field]] as const);
  return window === null ? testOf(common, field, rest) : windowOf(common, window, rest);
}

function isGuard(guard: unknown): guard is GuardDocument {
  if (typeof guard !== 'object' || guard === null || Array.isArray(guard)) return false;
  const { id, action, when, effect, otherwise } = guard as Record<string, unknown>;
  const isWhen = typeof when === 'object' && when !== null && !Array.isArray(when);
  return (
    [id, action].every((text) => typeof text === 'string') &&
    isWhen &&
    isVerdict(effect) &&
    (otherwise === undefined || isVerdict(otherwise)) &&
    Object.keys(guard).every((key) => DOCUMENT_KEYS.has(key))
  );
}

function isVerdict(value: unknown): value is Verdict {
  return value === 'allow' || value === 'deny' || value === 'review';
}

function testOf(common: Common, field: string, rest: JsonObject): TestForm | undefined {
  const [[operator, operand] = [], second] = Object.entries(rest);
  const known = TEST_OPERATORS.find((each) => each === operator);
  if (known === undefined || operand === undefined || second !== undefined) return undefined;
  const items = Array.isArray(operand) ? (operand as readonly Json[]) : [operand];
  if (Array.isArray(operand) && !takesList(known)) return undefined;
  if (items.some((item) => item === null || typeof item === 'object')) return undefined;
  const texts = items.map(String);
  // "2" among texts is a text: read back as it would be typed, it would become a number.
  const isText = items.every((item) => typeof item === 'string');
  return {
    kind: 'test',
    ...common,
    field,
    operator: known,
    operand: takesList(known) ? texts : (texts[0] ?? ''),
    isText,
  };
}

function windowOf(
  common: Common,
  [, what, sum, length = '']: readonly (string | undefined)[],
  { lte, scope = 'agent', over = [], per = '', unattended = false, ...more }: JsonObject,
): WindowForm | undefined {
  const isNamed = what === 'sum' ? sum !== undefined : sum === undefined;
  const known = WINDOW_SCOPES.find((each) => each === scope);
  const isLimit = typeof lte === 'number' || typeof lte === 'string';
  if (!isNamed || known === undefined || !isLimit || Object.keys(more).length > 0) return undefined;
  if (!Array.isArray(over) || typeof per !== 'string') return undefined;
  return {
    kind: 'window',
    ...common,
    sum,
    length,
    limit: String(lte),
    scope: known,
    over: over.map(String),
    per,
    unattended: unattended === true,
  };
}

/** What the form stands for. What is left at its default is left out. */
export function documentOf(form: RuleForm): GuardDocument {
  const { id, action, effect, otherwise, approval, isShadow } = form;
  const holds = effect === 'review' || otherwise === 'review';
  const isDefault = otherwise === (effect === 'allow' ? 'deny' : 'allow');
  return {
    id,
    action,
    when: form.kind === 'test' ? testDocument(form) : windowDocument(form),
    effect,
    // An allow-list says what happens to the rest, also where that goes without saying.
    ...(isDefault && effect !== 'allow' ? {} : { otherwise }),
    ...(approval === undefined || !holds ? {} : { approval }),
    ...(isShadow ? { mode: 'shadow' } : {}),
  };
}

function testDocument({ field, operator, operand, isText }: TestForm): JsonObject {
  const read = (text: string): Json => (isText && operator !== 'exists' ? text : readValue(text));
  return { field, [operator]: typeof operand === 'string' ? read(operand) : operand.map(read) };
}

function windowDocument({ sum, length, limit, scope, over, per, unattended }: WindowForm): JsonObject {
  const rate = Object.entries(RATES).find(([, each]) => each === length)?.[0];
  const field = sum === undefined ? (rate ?? `count(${length})`) : `sum(${sum}, ${length})`;
  return {
    field,
    lte: readValue(limit),
    ...(scope === 'agent' ? {} : { scope }),
    ...(over.length === 0 ? {} : { over: [...over] }),
    ...(per === '' ? {} : { per }),
    ...(unattended ? { unattended } : {}),
  };
}

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;

/** A number or a truth value where it is written as one, as YAML reads it. */
function readValue(text: string): Json {
  const bare = text.trim();
  if (bare === 'true' || bare === 'false') return bare === 'true';
  const number = NUMBER.test(bare) ? Number(bare) : undefined;
  return number !== undefined && String(number) === bare ? number : text;
}
