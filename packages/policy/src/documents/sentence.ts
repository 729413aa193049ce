/** A guard as a spoken sentence, for traces, the console and approvers. */
import type {
  ApprovalRequirement,
  Condition,
  Freeze,
  Guard,
  JsonValue,
  Operator,
  Verdict,
  WindowCondition,
} from '../model.ts';
import { durationInWords } from '../values/duration.ts';
import { isObject, itemsOf } from '../values/json.ts';
import { formatMoney, formatUnits, parseMoney } from '../values/money.ts';
import { readField } from './fields.ts';

/** "payments.*: when amount is more than $200.00, a person must approve." */
export function guardSentence({
  action,
  when,
  effect,
  otherwise,
  approval,
}: Pick<Guard, 'action' | 'when' | 'effect' | 'otherwise' | 'approval'>): string {
  const subject = action === '*' ? 'Everything' : action;
  const words = approval === undefined ? VERDICTS : { ...VERDICTS, review: approvalInWords(approval) };
  if ('kind' in when) return `${subject}: ${windowSentence(when, action, effect, otherwise, words)}.`;
  const condition = conditionInWords(when);
  if (effect === 'allow' && otherwise === 'deny') return `${subject}: only when ${condition}.`;
  const rest = effect !== 'allow' && otherwise === 'allow' ? '' : `; otherwise ${words[otherwise]}`;
  return `${subject}: when ${condition}, ${words[effect]}${rest}.`;
}

/** "2 people must approve within 4 hours, finance and security among them" */
function approvalInWords({ people, groups, withinSeconds }: ApprovalRequirement): string {
  const time = withinSeconds === 3600 ? '' : ` within ${durationInWords(withinSeconds).replace(/^(?=[a-z])/, 'a ')}`;
  if (people === 1)
    return `${groups.length === 0 ? 'a person' : `a person of ${listInWords(groups, 'and')}`} must approve${time}`;
  const among = groups.length === 0 ? '' : `, ${listInWords(groups, 'and')} among them`;
  return `${people} people must approve${time}${among}`;
}

/** "Denied from 2026-12-18 18:00 to 2027-01-04 08:00 (Europe/Berlin): destructive actions of deploy." */
export function freezeSentence({
  timeZone,
  starts,
  ends,
  repeats,
  scope,
}: Pick<Freeze, 'timeZone' | 'starts' | 'ends' | 'repeats' | 'scope'>): string {
  const { actions, classes, roles, environments, changes = [] } = scope;
  const actionsNamed = actions.length + classes.length + roles.length > 0 || changes.length === 0;
  const changed = changes.includes('*') ? 'changes of policy' : `changes of ${listInWords(changes, 'and')}`;
  const what = [
    ...(changes.length === 0 ? [] : [changed.replaceAll('_', ' '), ...(actionsNamed ? ['and'] : [])]),
    ...(actionsNamed ? [classes.length === 0 ? 'actions' : `${listInWords(classes, 'and')} actions`] : []),
    ...(actions.length === 0 || actions.includes('*') ? [] : [`of ${listInWords(actions, 'and')}`]),
    ...(roles.length === 0 ? [] : [`by ${listInWords(roles, 'and')}`]),
    ...(environments.length === 0 ? [] : [`in ${listInWords(environments, 'and')}`]),
  ].join(' ');
  const again = repeats === undefined ? '' : `, again by ${repeats}`;
  return `Denied from ${wallTime(starts)} to ${wallTime(ends)} (${timeZone})${again}: ${what}.`;
}

function wallTime(text: string): string {
  return text.replace('T', ' ').replace(/:00$/, '');
}

type VerdictWords = Readonly<Record<Verdict, string>>;

const VERDICTS: VerdictWords = {
  allow: 'allow',
  deny: 'deny',
  review: 'a person must approve',
};

function windowSentence(
  window: WindowCondition,
  action: string,
  effect: Verdict,
  otherwise: Verdict,
  words: VerdictWords,
): string {
  const { kind, unit, windowSeconds, limit, scope, over, per, unattended } = window;
  const amount = kind === 'count' ? formatUnits(limit, undefined) : formatUnits(limit, unit);
  const counted = over.length === 1 && over[0] === action ? '' : ` over ${listInWords(over, 'and')}`;
  const bound = `at most ${amount} in any ${durationInWords(windowSeconds)} per ${scope}${per === undefined ? '' : ` and ${per}`}${counted}${unattended === true ? ' that no person approved' : ''}`;
  if (effect === 'allow') return otherwise === 'deny' ? bound : `${bound}; beyond that ${words[otherwise]}`;
  return `within ${bound.slice(8)} ${words[effect]}; beyond that ${words[otherwise]}`;
}

/** A condition, or its opposite. */
export function conditionInWords(condition: Condition, holds = true): string {
  if ('not' in condition) return conditionInWords(condition.not, !holds);
  const parts = 'all' in condition ? condition.all : 'any' in condition ? condition.any : undefined;
  if (parts !== undefined)
    // de Morgan: that not all hold means that one of their opposites does
    return parts.map((part) => inBrackets(part, holds)).join('all' in condition === holds ? ' and ' : ' or ');
  if (!('field' in condition)) return '';
  const { field, operator, operand } = condition;
  const first = readField(field)?.field;
  if (first?.kind === 'firstUse') return firstUseWords(first.of, operand, holds);
  const [positive, negative] = OPERATORS[operator](operand);
  return `${field} ${holds ? positive : negative}`;
}

function inBrackets(condition: Condition, holds: boolean): string {
  const words = conditionInWords(condition, holds);
  return 'all' in condition || 'any' in condition ? `(${words})` : words;
}

type Phrases = readonly [holds: string, holdsNot: string];

const OPERATORS: Readonly<Record<Operator, (operand: JsonValue) => Phrases>> = {
  eq: (operand) => [`is ${word(operand)}`, `is not ${word(operand)}`],
  ne: (operand) => [`is not ${word(operand)}`, `is ${word(operand)}`],
  in: (operand) => [`is ${oneOf(operand)}`, `is not ${oneOf(operand)}`],
  notIn: (operand) => [`is not ${oneOf(operand)}`, `is ${oneOf(operand)}`],
  lt: (operand) => [`is less than ${word(operand)}`, `is at least ${word(operand)}`],
  lte: (operand) => [`is at most ${word(operand)}`, `is more than ${word(operand)}`],
  gt: (operand) => [`is more than ${word(operand)}`, `is at most ${word(operand)}`],
  gte: (operand) => [`is at least ${word(operand)}`, `is less than ${word(operand)}`],
  between: (operand) => verb('is', 'is not', `between ${listInWords(itemsOf(operand), 'and')}`),
  startsWith: (operand) => verb('starts', 'does not start', `with ${word(operand)}`),
  endsWith: (operand) => verb('ends', 'does not end', `with ${word(operand)}`),
  contains: (operand) => verb('contains', 'does not contain', word(operand)),
  domainIn: (operand) => verb('leads', 'does not lead', `to ${oneOf(operand)}`),
  pathUnder: (operand) => verb('is', 'is not', `under ${listInWords(itemsOf(operand), 'or')}`),
  matches: (operand) => verb('matches', 'does not match', `/${String(operand)}/`),
  within: (operand) => withinWords(operand),
  exists: (operand) => (operand === true ? ['is given', 'is not given'] : ['is not given', 'is given']),
};

function verb(holds: string, holdsNot: string, rest: string): Phrases {
  return [`${holds} ${rest}`, `${holdsNot} ${rest}`];
}

function withinWords(operand: JsonValue): Phrases {
  const { seconds = 0, scope = 'session', bind = {} } = isObject(operand) ? operand : {};
  const bound = isObject(bind)
    ? Object.entries(bind).map(([there, here]) => (there === here ? `the same ${there}` : `${there} as ${word(here)}`))
    : [];
  const who = scope === 'workspace' ? '' : ` by this ${word(scope)}`;
  const how = bound.length === 0 ? '' : ` for ${bound.join(' and ')}`;
  const last = `in the last ${typeof seconds === 'number' ? durationInWords(seconds) : ''}${who}${how}`;
  return [`came ${last}`, `did not come ${last}, or was used`];
}

/** "payee was not used in the last 90 days by this agent" */
function firstUseWords(of: string, operand: JsonValue, holds: boolean): string {
  const { seconds = 0, scope = 'agent' } = isObject(operand) ? operand : {};
  const last = typeof seconds === 'number' ? durationInWords(seconds) : '';
  const who = { agent: 'by this agent', role: 'in this role', owner: "by this owner's agents" };
  const by = scope === 'agent' || scope === 'role' || scope === 'owner' ? ` ${who[scope]}` : '';
  return `${of} ${holds ? 'was not used' : 'was used'} in the last ${last}${by}`;
}

function oneOf(operand: JsonValue): string {
  const items = itemsOf(operand);
  if (items.length === 0) return 'on the list, which is empty';
  return items.length === 1 ? listInWords(items, 'or') : `one of ${listInWords(items, 'or')}`;
}

const MAX_LISTED = 8;

function listInWords(items: readonly JsonValue[], joint: 'and' | 'or'): string {
  const words = items.slice(0, MAX_LISTED).map(word);
  if (items.length > MAX_LISTED) return `${words.join(', ')} ${joint} ${items.length - MAX_LISTED} more`;
  const last = words.pop() ?? '';
  return words.length === 0 ? last : `${words.join(', ')} ${joint} ${last}`;
}

function word(value: JsonValue): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  const money = parseMoney(value);
  if (typeof money === 'object') return formatMoney(money.minor, money.currency);
  return /^[A-Za-z0-9_.*@/:-]+$/.test(value) ? value : JSON.stringify(value);
}
