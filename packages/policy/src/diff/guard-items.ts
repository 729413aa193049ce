/** Differences of guards, each as one sentence. */
import { covers } from '../documents/names.ts';
import type { Guard, PolicySet, Verdict } from '../model.ts';
import { approvalOf, guardDirection, pairGuards } from './guards.ts';
import type { DifferenceItem, Direction } from './types.ts';
import {
  actionInWords,
  amountInWords,
  limitInWords,
  listed,
  peopleInWords,
  type Shape,
  shapeOf,
  sharersInWords,
  shortDuration,
} from './words.ts';

/**
 * `isTold`: the guard is part of what is said about what its role gains or loses, and is not said twice. `grantedAfter`
 * are all capabilities that somebody can be granted afterwards: a guard on nothing of these refuses nothing.
 */
export function guardItems(
  origin: string,
  before: readonly Guard[],
  after: readonly Guard[],
  isTold: (guard: Guard) => boolean,
  grantedAfter: ReadonlySet<string>,
): readonly DifferenceItem[] {
  const { changed, gone, come, renamed } = pairGuards(before, after);
  const item = (direction: Direction, sentence: string, action: string, guard: DifferenceItem['guard']) => ({
    kind: 'guard' as const,
    origin,
    direction,
    sentence: `${origin}: ${sentence}`,
    action,
    ...(guard === undefined ? {} : { guard }),
  });
  return [
    ...changed.map((pair) => {
      const ids = { before: pair.before.id, after: pair.after.id };
      return item(
        guardDirection(pair.before, pair.after),
        changeInWords(pair.before, pair.after),
        pair.after.action,
        ids,
      );
    }),
    ...gone.flatMap((guard) => {
      const isBinding = [...grantedAfter].some((name) => covers(guard.action, name));
      if (!isBinding && isTold(guard)) return [];
      const isTried = after.some(({ id, mode }) => id === guard.id && mode === 'shadow');
      const words = goneInWords(guard, isTried);
      const sentence = isBinding ? words : `${words}, and no role grants it`;
      return [item(isBinding ? 'widens' : 'narrows', sentence, guard.action, { before: guard.id })];
    }),
    ...come
      .filter((guard) => !isTold(guard))
      .map((guard) => item('narrows', comeInWords(guard), guard.action, { after: guard.id })),
    ...renamed.map((pair) =>
      item('neutral', `the rule ${pair.before.id} is called ${pair.after.id} now`, pair.after.action, {
        before: pair.before.id,
        after: pair.after.id,
      }),
    ),
    ...shadowItems(before, after).map((sentence) => item('neutral', sentence, '*', undefined)),
    ...(isReordered(before, after) ? [item('neutral', 'its rules stand in another order', '*', undefined)] : []),
  ];
}

/** A sentence says it by itself. */
const SHADOW = /^In shadow: /;

function shadowItems(before: readonly Guard[], after: readonly Guard[]): readonly string[] {
  const tried = (guards: readonly Guard[]) =>
    new Map(
      guards.flatMap((guard) =>
        guard.mode === 'shadow' ? [[guard.id, guard.sentence.replace(SHADOW, '')] as const] : [],
      ),
    );
  const [old, now] = [tried(before), tried(after)];
  return [
    ...[...now].flatMap(([id, text]) =>
      old.get(id) === text ? [] : [`${id} is tried without being enforced: “${text}”`],
    ),
    ...[...old.keys()].flatMap((id) => (now.has(id) ? [] : [`${id} is no longer tried`])),
  ];
}

function isReordered(before: readonly Guard[], after: readonly Guard[]): boolean {
  const ids = (guards: readonly Guard[], others: readonly Guard[]) =>
    guards.map(({ id }) => id).filter((id) => others.some((other) => other.id === id));
  return ids(before, after).join('\0') !== ids(after, before).join('\0');
}

function comeInWords(guard: Guard): string {
  const on = actionInWords(guard.action);
  const shape = shapeOf(guard);
  switch (shape.kind) {
    case 'cap':
      return `a cap on ${on} comes in: at most ${limitInWords(shape.window)}${beyondInWords(shape.beyond)}`;
    case 'rate':
      return `calls of ${on} are limited to ${limitInWords(shape.window)}${beyondInWords(shape.beyond)}`;
    case 'call cap':
      return `a call of ${on} may spend ${shape.isIncluded ? 'at most' : 'less than'} ${shape.bound}`;
    case 'threshold':
      return `approval${peopleInWords(guard)} is asked ${aboveInWords(shape)} for ${on}`;
    case 'list':
      return `${on} is limited ${listInWords(shape)}${shape.beyond === 'review' ? '; the rest takes approval' : ''}`;
    case 'refusal':
      return `every call of ${on} is refused`;
    case 'approval':
      return `approval${peopleInWords(guard)} is asked for every call of ${on}`;
    case 'rule':
      return `the rule ${guard.id} comes in: “${guard.sentence}”`;
  }
}

function goneInWords(guard: Guard, isTried: boolean): string {
  const on = actionInWords(guard.action);
  if (isTried) return `${guard.id} is no longer enforced, only tried: “${guard.sentence}”`;
  const shape = shapeOf(guard);
  switch (shape.kind) {
    case 'cap':
      return `the cap on ${on} of ${limitInWords(shape.window)} is gone`;
    case 'rate':
      return `calls of ${on} are no longer limited to ${limitInWords(shape.window)}`;
    case 'call cap':
      return `the cap on one call of ${on} of ${shape.bound} is gone`;
    case 'threshold':
      return `approval is no longer asked ${aboveInWords(shape)} for ${on}`;
    case 'list':
      return `${on} is no longer limited ${listInWords(shape)}`;
    case 'refusal':
      return `calls of ${on} are no longer all refused`;
    case 'approval':
      return `approval is no longer asked for every call of ${on}`;
    case 'rule':
      return `the rule ${guard.id} is gone: “${guard.sentence}”`;
  }
}

function changeInWords(before: Guard, after: Guard): string {
  const [old, now] = [shapeOf(before), shapeOf(after)];
  const on = actionInWords(after.action);
  const whole = `on ${on} the rule ${after.id} reads “${after.sentence}” instead of “${before.sentence}”`;
  if (before.action !== after.action || old.kind !== now.kind) return whole;
  const told = sameKindInWords(on, old, now, before, after);
  const [asked, asks] = [approvalOf(before), approvalOf(after)];
  const isAskedOfOthers = JSON.stringify(asked) !== JSON.stringify(asks);
  if (told === undefined) return whole;
  if (!isAskedOfOthers) return told === '' ? whole : told;
  const who = `approval of ${on} takes ${askedInWords(after)} instead of ${askedInWords(before)}`;
  return told === '' ? who : `${told}; ${who}`;
}

/** Nothing where the two say the same but for who approves; undefined where few words do not say it. */
function sameKindInWords(on: string, old: Shape, now: Shape, before: Guard, after: Guard): string | undefined {
  if ((old.kind === 'cap' && now.kind === 'cap') || (old.kind === 'rate' && now.kind === 'rate'))
    return windowInWords(on, old, now);
  if (old.kind === 'call cap' && now.kind === 'call cap')
    return old.isIncluded === now.isIncluded
      ? moved(`the cap on one call of ${on}`, old.bound, now.bound, before, after)
      : undefined;
  if (old.kind === 'threshold' && now.kind === 'threshold')
    return aboveInWords(old) === aboveInWords(now)
      ? ''
      : `approval is asked ${aboveInWords(now)} instead of ${aboveInWords(old)} for ${on}`;
  if (old.kind === 'list' && now.kind === 'list') return listsInWords(on, old, now);
  if (old.kind === 'approval' && now.kind === 'approval') return '';
  return undefined;
}

type Windowed = Extract<Shape, { readonly kind: 'cap' | 'rate' }>;

function windowInWords(on: string, old: Windowed, now: Windowed): string | undefined {
  const [a, b] = [old.window, now.window];
  if (sharersInWords(a) !== sharersInWords(b) || [...a.over].sort().join() !== [...b.over].sort().join())
    return undefined;
  const noun = old.kind === 'cap' ? `the cap on ${on}` : `the limit of calls of ${on}`;
  const beyond =
    old.beyond === now.beyond ? '' : `beyond it a call is ${ENDS[now.beyond]} instead of ${ENDS[old.beyond]}`;
  const isSameTime = a.windowSeconds === b.windowSeconds;
  if (a.limit === b.limit && isSameTime) return beyond === '' ? '' : `${noun} stays ${limitInWords(b)}, and ${beyond}`;
  const time = `in ${shortDuration(b.windowSeconds)}${sharersInWords(b)}`;
  const told = isSameTime
    ? `${noun} ${b.limit > a.limit ? 'rises' : 'falls'} from ${amountInWords(a)} to ${amountInWords(b)} ${time}`
    : a.limit === b.limit
      ? `${noun} of ${amountInWords(b)} counts ${shortDuration(b.windowSeconds)} instead of ${shortDuration(a.windowSeconds)}${sharersInWords(b)}`
      : `${noun} becomes ${limitInWords(b)} instead of ${amountInWords(a)} in ${shortDuration(a.windowSeconds)}`;
  return beyond === '' ? told : `${told}, and ${beyond}`;
}

const ENDS: Readonly<Record<Verdict, string>> = { allow: 'allowed', deny: 'refused', review: 'held for approval' };

function moved(noun: string, old: string, now: string, before: Guard, after: Guard): string {
  if (old === now) return '';
  const direction = guardDirection(before, after);
  const verb = direction === 'widens' ? 'rises from' : direction === 'narrows' ? 'falls from' : 'changes from';
  return `${noun} ${verb} ${old} to ${now}`;
}

type Listed = Extract<Shape, { readonly kind: 'list' }>;

function listsInWords(on: string, old: Listed, now: Listed): string | undefined {
  if (JSON.stringify(old.field) !== JSON.stringify(now.field)) return undefined;
  const more = now.items.filter((item) => !old.items.includes(item));
  const less = old.items.filter((item) => !now.items.includes(item));
  const verb = { recipients: 'go to', payees: 'pay', argument: 'have' }[now.field.of];
  const what = now.field.of === 'argument' ? ` as ${now.field.name}` : '';
  const parts = [
    ...(more.length === 0 ? [] : [`may also ${verb} ${listed(more, 'and')}${what}`]),
    ...(less.length === 0 ? [] : [`may no longer ${verb} ${listed(less, 'or')}${what}`]),
  ];
  const beyond =
    old.beyond === now.beyond ? [] : [`is ${ENDS[now.beyond]} instead of ${ENDS[old.beyond]} beyond the list`];
  const all = [...parts, ...beyond];
  return all.length === 0 ? '' : `${on} ${all.join(' and ')}`;
}

function listInWords({ field, items }: Listed): string {
  if (field.of === 'recipients') return `to recipients at ${listed(items, 'and')}`;
  return field.of === 'payees' ? `to the payees ${listed(items, 'and')}` : `to ${field.name} ${listed(items, 'or')}`;
}

function aboveInWords({ bound, isIncluded }: Extract<Shape, { readonly kind: 'threshold' }>): string {
  return isIncluded ? `above ${bound}` : `from ${bound} on`;
}

function beyondInWords(beyond: Verdict): string {
  return beyond === 'review' ? ', more takes approval' : '';
}

function askedInWords(guard: Guard): string {
  const { people, groups, withinSeconds } = approvalOf(guard);
  const who = people === 1 ? 'one person' : `${people} people`;
  return `${who}${groups.length === 0 ? '' : ` of ${listed(groups, 'and')}`} within ${shortDuration(withinSeconds)}`;
}

/** Every capability that a role of the set grants. */
export function grantedIn({ roles }: PolicySet): ReadonlySet<string> {
  return new Set(roles.flatMap(({ allow }) => allow));
}
