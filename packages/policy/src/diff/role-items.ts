/** Differences of roles: what they gain and lose, in words that hold what limits it. */

import { readField } from '../documents/fields.ts';
import { covers } from '../documents/names.ts';
import { testsOf } from '../lint/outcomes.ts';
import type { Guard, PolicySet, Role } from '../model.ts';
import { isObject } from '../values/json.ts';
import { grantedIn, guardItems } from './guard-items.ts';
import type { DifferenceItem, Direction } from './types.ts';
import { inTelling, listed, phraseOf, shapeOf } from './words.ts';

const MAX_PHRASES = 4;

export function roleItems(before: PolicySet, after: PolicySet): readonly DifferenceItem[] {
  const [old, now] = [byName(before), byName(after)];
  const grantedAfter = grantedIn(after);
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)];
    const gained = is === undefined ? [] : unique(is.allow).filter((each) => was?.allow.includes(each) !== true);
    const lost = was === undefined ? [] : unique(was.allow).filter((each) => is?.allow.includes(each) !== true);
    const isTold = (guard: Guard): boolean =>
      lost.some((capability) => covers(guard.action, capability)) ||
      (gained.includes(guard.action) && phrasesOn(guard.action, name, after).includes(guard));
    const guards = guardItems(name, was?.guards ?? [], is?.guards ?? [], isTold, grantedAfter);
    const head = headOf(name, was, is);
    return [
      ...head,
      ...gained.map((capability) => gainedItem(name, capability, after)),
      ...lost.map((capability) => lostItem(name, capability, before, after)),
      ...guards,
    ];
  });
}

function byName({ roles }: PolicySet): ReadonlyMap<string, Role> {
  return new Map(roles.map((role) => [role.name, role]));
}

/** That a role is there or not, decides nothing by itself: what it grants and asks is said one by one. */
function headOf(name: string, was: Role | undefined, is: Role | undefined): readonly DifferenceItem[] {
  const item = (direction: Direction, sentence: string) => [
    { kind: 'role' as const, origin: name, direction, sentence },
  ];
  if (was === undefined) return item(is?.allow.length === 0 ? 'narrows' : 'widens', `the role ${name} is new`);
  if (is === undefined) return item('narrows', `the role ${name} is gone`);
  if (was.description !== is.description) return item('neutral', `${name} is described as “${is.description}”`);
  if (was.allow.join() !== is.allow.join() && isSameSet(was.allow, is.allow))
    return item('neutral', `${name} lists its grants in another order`);
  return [];
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return unique(a).sort().join() === unique(b).sort().join();
}

function gainedItem(role: string, capability: string, set: PolicySet): DifferenceItem {
  return {
    kind: 'grant',
    origin: role,
    direction: 'widens',
    sentence: `${role} gains ${capability}${limitsInWords(capability, role, set)}`,
    action: capability,
  };
}

/** " to acme.com, at most 500 in 24 h": what limits a capability for somebody with this role alone. */
function limitsInWords(capability: string, role: string, set: PolicySet): string {
  const told = phrasesOn(capability, role, set);
  const others = guardsOn(capability, role, set).length - told.length;
  const phrases = told.map((guard) => phraseOf(guard) ?? '');
  const [first, ...more] = phrases;
  const rest =
    others === 0 ? [] : [`under ${others} ${told.length === 0 ? '' : 'further '}${others === 1 ? 'rule' : 'rules'}`];
  const [head, tail] = first === undefined ? [rest[0], []] : [first, [...more, ...rest]];
  if (head === undefined) return '';
  const isList = told[0] !== undefined && shapeOf(told[0]).kind === 'list';
  return `${isList ? ' ' : ', '}${[head, ...tail].join(', ')}`;
}

/** Guards that are said in few words, what narrows to whom first. */
function phrasesOn(capability: string, role: string, set: PolicySet): readonly Guard[] {
  const told = guardsOn(capability, role, set).filter((guard) => phraseOf(guard) !== undefined);
  return inTelling(told).slice(0, MAX_PHRASES);
}

function guardsOn(capability: string, role: string, { roles, workspaceGuards }: PolicySet): readonly Guard[] {
  const own = roles.find(({ name }) => name === role)?.guards ?? [];
  return [...own, ...workspaceGuards].filter(({ mode, action }) => mode !== 'shadow' && covers(action, capability));
}

function lostItem(role: string, capability: string, before: PolicySet, after: PolicySet): DifferenceItem {
  const others = after.roles.flatMap(({ name, allow }) => (allow.includes(capability) ? [name] : []));
  const direction = others.length > 0 && isCountedByRole(capability, before, after) ? 'changes' : 'narrows';
  const still =
    others.length === 0 ? '' : `; ${listed(others, 'and')} still ${others.length === 1 ? 'has' : 'have'} it`;
  return {
    kind: 'grant',
    origin: role,
    direction,
    sentence: `${role} loses ${capability}${still}`,
    action: capability,
  };
}

/**
 * What the workspace counts or remembers by role is counted for each role that grants: with one role less, what another
 * role still grants is under one counter less.
 */
function isCountedByRole(capability: string, ...sets: readonly PolicySet[]): boolean {
  return sets.some(({ workspaceGuards }) =>
    workspaceGuards.some((guard) => covers(guard.action, capability) && countsByRole(guard)),
  );
}

/** Whether each role that grants the action has a counter, or a memory, of its own. */
export function countsByRole({ when }: Guard): boolean {
  if ('kind' in when) return when.scope === 'role';
  return testsOf(when).some(
    ({ field, operand }) =>
      readField(field)?.field.kind === 'firstUse' && isObject(operand) && operand.scope === 'role',
  );
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
