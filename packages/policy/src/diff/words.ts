/** Rules in few words, as they stand in a comparison: "at most $5,000 in 24 h". The whole sentence of a guard is its own. */
import { boundsOf } from '../decide/condition.ts';
import { readField } from '../documents/fields.ts';
import type { Condition, Guard, JsonValue, Verdict, WindowCondition } from '../model.ts';
import { itemsOf } from '../values/json.ts';
import { currencyOf, formatMoney } from '../values/money.ts';
import { approvalOf } from './guards.ts';

/** What a guard is, for people. */
export type Shape =
  /** Allowed while the sum, or the number of calls, of a window lasts. */
  | { readonly kind: 'cap' | 'rate'; readonly window: WindowCondition; readonly beyond: Verdict }
  /** Allowed up to an amount by one call. */
  | { readonly kind: 'call cap'; readonly bound: string; readonly isIncluded: boolean }
  /** A person decides above an amount. */
  | { readonly kind: 'threshold'; readonly bound: string; readonly isIncluded: boolean }
  /** Allowed for listed values alone. */
  | { readonly kind: 'list'; readonly field: ListField; readonly items: readonly string[]; readonly beyond: Verdict }
  | { readonly kind: 'refusal' }
  | { readonly kind: 'approval' }
  | { readonly kind: 'rule' };

type ListField =
  | { readonly of: 'recipients' }
  | { readonly of: 'payees' }
  | { readonly of: 'argument'; readonly name: string };

export function shapeOf({ action, when, effect, otherwise }: Guard): Shape {
  if (effect === otherwise && effect === 'deny') return { kind: 'refusal' };
  if (effect === otherwise && effect === 'review') return { kind: 'approval' };
  if ('kind' in when) {
    if (effect !== 'allow' || otherwise === 'allow') return { kind: 'rule' };
    return { kind: when.kind === 'sum' ? 'cap' : 'rate', window: when, beyond: otherwise };
  }
  if (!('field' in when)) return { kind: 'rule' };
  if (when.field === 'action' && effect === 'deny' && otherwise === 'allow' && isOnly(when, action))
    return { kind: 'refusal' };
  return amountShape(when, effect, otherwise) ?? listShape(when, effect, otherwise) ?? { kind: 'rule' };
}

type Test = Extract<Condition, { readonly field: string }>;

function isOnly({ operator, operand }: Test, action: string): boolean {
  return (operator === 'eq' || operator === 'in') && itemsOf(operand).includes(action);
}

function amountShape(test: Test, effect: Verdict, otherwise: Verdict): Shape | undefined {
  const { field, operator, operand } = test;
  if (field !== 'amount') return undefined;
  // the call is within the bound where the first of the two is answered
  const [within, beyond] = operator === 'lte' || operator === 'lt' ? [effect, otherwise] : [otherwise, effect];
  if (!['lt', 'lte', 'gt', 'gte'].includes(operator) || within !== 'allow' || beyond === 'allow') return undefined;
  const bound = moneyOf(operand);
  const isIncluded = operator === 'lte' || operator === 'gt';
  return { kind: beyond === 'deny' ? 'call cap' : 'threshold', bound, isIncluded };
}

function moneyOf(operand: JsonValue): string {
  const { numbers, currency } = boundsOf(operand);
  const [number = 0] = numbers;
  return currency === undefined ? grouped(String(number)) : money(number, currency);
}

function listShape({ field, operator, operand }: Test, effect: Verdict, otherwise: Verdict): Shape | undefined {
  const isPositive = ['eq', 'in', 'domainIn'].includes(operator);
  if (!isPositive && !['ne', 'notIn'].includes(operator)) return undefined;
  const [inside, beyond] = isPositive ? [effect, otherwise] : [otherwise, effect];
  const of = listField(field);
  if (of === undefined || inside !== 'allow' || beyond === 'allow') return undefined;
  return { kind: 'list', field: of, items: itemsOf(operand).map(plain), beyond };
}

function listField(field: string): ListField | undefined {
  const read = readField(field)?.field;
  switch (read?.kind) {
    case 'recipientDomains':
      return { of: 'recipients' };
    case 'payee':
      return { of: 'payees' };
    case 'argument':
      return { of: 'argument', name: field };
    default:
      return undefined;
  }
}

/** Guards in the order in which they are said: to whom, how much by one call, how much in a time, when a person decides. */
export function inTelling(guards: readonly Guard[]): readonly Guard[] {
  return guards.toSorted((a, b) => ORDER.indexOf(shapeOf(a).kind) - ORDER.indexOf(shapeOf(b).kind));
}

const ORDER: readonly Shape['kind'][] = ['list', 'call cap', 'cap', 'rate', 'threshold', 'approval', 'refusal', 'rule'];

/** "at most $5,000 in 24 h", as it stands behind what is granted; undefined where only its own sentence says it. */
export function phraseOf(guard: Guard): string | undefined {
  const shape = shapeOf(guard);
  switch (shape.kind) {
    case 'cap':
    case 'rate':
      return `at most ${limitInWords(shape.window)}${shape.beyond === 'review' ? ' without approval' : ''}`;
    case 'call cap':
      return `${shape.isIncluded ? 'at most' : 'less than'} ${shape.bound} a call`;
    case 'threshold':
      return `with approval${peopleInWords(guard)} ${shape.isIncluded ? 'above' : 'from'} ${shape.bound}${shape.isIncluded ? '' : ' on'}`;
    case 'list':
      return `${listPhrase(shape.field, listed(shape.items, 'or'))}${shape.beyond === 'review' ? ', or with approval' : ''}`;
    case 'approval':
      return `with approval${peopleInWords(guard)} of every call`;
    case 'refusal':
      return 'though every call is refused';
    case 'rule':
      return undefined;
  }
}

function listPhrase(field: ListField, items: string): string {
  if (field.of === 'recipients') return `to ${items}`;
  return field.of === 'payees' ? `paid to ${items}` : `with ${field.name} ${items}`;
}

/** " by 2 people, finance among them"; nothing for one person, whoever it is. */
export function peopleInWords(guard: Guard): string {
  const { people, groups } = approvalOf(guard);
  if (people === 1) return groups.length === 0 ? '' : ` by ${listed(groups, 'and')}`;
  return ` by ${people} people${groups.length === 0 ? '' : `, ${listed(groups, 'and')} among them,`}`;
}

/** "$5,000 in 24 h", "500 in 1 h for the whole workspace". */
export function limitInWords(window: WindowCondition): string {
  return `${amountInWords(window)} in ${shortDuration(window.windowSeconds)}${sharersInWords(window)}`;
}

export function amountInWords({ kind, unit, limit }: WindowCondition): string {
  if (kind === 'count' || unit === undefined) return grouped(String(limit));
  const currency = currencyOf(unit);
  return currency === undefined ? `${grouped(String(limit))} ${unit.replaceAll('_', ' ')}` : money(limit, currency);
}

export function sharersInWords({ scope, per, unattended }: WindowCondition): string {
  const who = { agent: '', role: ' by all of the role', owner: ' by all of an owner', workspace: ' by all together' };
  const each = per === undefined ? '' : ` for each ${per}`;
  return `${who[scope]}${each}${unattended === true ? ' that nobody approved' : ''}`;
}

/** `$5,000`, `$0.50`, `500 EUR`. */
export function money(minor: number, currency: string): string {
  return grouped(formatMoney(minor, currency).replace(/\.0+(?=$| )/, ''));
}

export function grouped(text: string): string {
  return text.replace(/\d+/, (digits) => digits.replaceAll(/\B(?=(?:\d{3})+$)/g, ','));
}

/** `24 h`, `7 d`, `30 s`. */
export function shortDuration(seconds: number): string {
  for (const [unit, length] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
  ] as const)
    if (seconds % length === 0 && !(unit === 'd' && seconds === 86_400)) return `${seconds / length} ${unit}`;
  return `${seconds} s`;
}

const MAX_LISTED = 6;

export function listed(items: readonly string[], joint: 'and' | 'or'): string {
  if (items.length === 0) return 'nobody';
  const shown = items.slice(0, MAX_LISTED);
  if (items.length > MAX_LISTED) return `${shown.join(', ')} ${joint} ${items.length - MAX_LISTED} more`;
  const last = shown.pop() ?? '';
  return shown.length === 0 ? last : `${shown.join(', ')} ${joint} ${last}`;
}

function plain(value: JsonValue): string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : JSON.stringify(value);
}

/** "payments.pay", "everything". */
export function actionInWords(action: string): string {
  return action === '*' ? 'everything' : action;
}
