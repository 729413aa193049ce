/**
 * PATCH, RFC 7644 section 3.5.2, as the RFC, Okta and both dialects of Microsoft Entra write it. All of it is read before
 * anything is changed, and applied to a copy. Pure.
 */
import type { JsonValue } from '@hivekey/policy';
import { invalidPath, invalidValue, ScimFailure } from './failure.ts';
import { type Filter, type Path, parsePath } from './filter.ts';
import { matches } from './filter-match.ts';
import { type Attribute, keyOf, type Reference, type ResourceType } from './schema.ts';
import {
  type Attributes,
  checkComplete,
  type Item,
  isItem,
  isItems,
  isList,
  isObject,
  isPrimary,
  keysOf,
  membersOf,
  readItems,
  readSimple,
  readValue,
  type Value,
} from './values.ts';

const PATCH_URN = 'urn:ietf:params:scim:api:messages:2.0:patchop';
const MAX_OPERATIONS = 100;

export interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: Path;
  /** Undefined: none was given, which is not the same as null. */
  readonly value: JsonValue | undefined;
}

/** Sent along by clients, and kept by nobody: a person signs in elsewhere. */
const DROPPED: ReadonlySet<string> = new Set(['schemas', 'meta', 'password']);

/** One operation for each attribute: what came without a path is taken apart. */
export function readPatch(type: ResourceType, body: JsonValue | undefined): readonly Operation[] {
  if (!isObject(body)) throw new ScimFailure(400, 'invalidSyntax', 'The body is no JSON object.');
  const members = membersOf(body);
  const schemas = members.get('schemas');
  if (!isList(schemas) || !schemas.some((urn) => typeof urn === 'string' && urn.toLowerCase() === PATCH_URN))
    throw new ScimFailure(400, 'invalidSyntax', 'schemas does not name the PatchOp message.');
  const operations = members.get('operations');
  if (!isList(operations) || operations.length === 0)
    throw new ScimFailure(400, 'invalidSyntax', 'Operations is no list, or empty.');
  if (operations.length > MAX_OPERATIONS)
    throw new ScimFailure(400, 'invalidSyntax', `There are more than ${MAX_OPERATIONS} operations.`);
  return operations.flatMap((operation) => readOperation(type, operation));
}

function readOperation(type: ResourceType, given: JsonValue): readonly Operation[] {
  if (!isObject(given)) throw new ScimFailure(400, 'invalidSyntax', 'An operation is no object.');
  const members = membersOf(given);
  const op = members.get('op');
  const name = typeof op === 'string' ? op.toLowerCase() : '';
  if (name !== 'add' && name !== 'replace' && name !== 'remove')
    throw new ScimFailure(400, 'invalidSyntax', 'op is none of add, replace and remove.');
  const path = members.get('path');
  const value = members.get('value');
  if (typeof path === 'string' && path !== '') {
    if (name !== 'remove' && value === undefined) throw invalidValue(`${path} is given no value.`);
    return [{ op: name, path: parsePath(type, path, invalidPath), value }];
  }
  if (path !== undefined && path !== null && path !== '') throw invalidPath('path is no string.');
  if (name === 'remove') throw new ScimFailure(400, 'noTarget', 'Nothing is named that would be removed.');
  if (!isObject(value)) throw invalidValue('Without a path, value is an object of attributes.');
  return [...membersOf(value)]
    .filter(([key]) => !DROPPED.has(key))
    .map(([key, each]) => ({ op: name, path: parsePath(type, key, invalidPath), value: each }));
}

/** `current` holds `id`, so that it can be repeated. Throws; nothing of `current` changes. */
export function applyPatch(
  type: ResourceType,
  current: Attributes,
  operations: readonly Operation[],
): Map<string, Value> {
  const draft = new Map(current);
  for (const { op, path, value } of operations) {
    if (path.kind === 'extension') applyToExtension(draft, path.extension, op, value);
    else apply(draft, op, path, value);
  }
  checkComplete(type, draft);
  return draft;
}

function applyToExtension(
  draft: Map<string, Value>,
  extension: ResourceType['extensions'][number],
  op: Operation['op'],
  value: JsonValue | undefined,
): void {
  if (op === 'remove' || value === null) {
    for (const key of keysOf(extension)) draft.delete(key);
    return;
  }
  if (!isObject(value)) throw invalidValue(`${extension.id} is no object.`);
  for (const [name, part] of membersOf(value)) {
    if (DROPPED.has(name)) continue;
    const attribute = extension.attributes.find((each) => each.name.toLowerCase() === name);
    if (attribute === undefined) throw invalidPath(`${extension.id} has no attribute ${name}.`);
    const at = { key: keyOf(extension, attribute), attribute, sub: undefined };
    apply(draft, op, { kind: 'attribute', at, filter: undefined }, part);
  }
}

type AttributePath = Extract<Path, { kind: 'attribute' }>;

function apply(
  draft: Map<string, Value>,
  op: Operation['op'],
  { at, filter }: AttributePath,
  given: JsonValue | undefined,
) {
  if (isReadOnly(at)) {
    if (op !== 'remove' && at.sub === undefined && given !== undefined && given === draft.get(at.key)) return;
    throw new ScimFailure(400, 'mutability', `${at.attribute.name} is read-only.`);
  }
  const isRemoval = op === 'remove';
  if (at.attribute.multiValued) {
    const before = draft.get(at.key);
    const items = isItems(before) ? before : [];
    set(draft, at, severalAfter(op, at, filter, items, given));
  } else if (at.sub !== undefined) {
    const item = new Map(itemOf(draft.get(at.key)));
    if (isRemoval || given === null || given === undefined) item.delete(at.sub.name);
    else item.set(at.sub.name, readSimple(at.sub, given));
    set(draft, at, item.size === 0 ? undefined : item);
  } else if (isRemoval || given === undefined) {
    set(draft, at, undefined);
  } else if (at.attribute.type === 'complex' && isObject(given)) {
    set(draft, at, merged(at.attribute, itemOf(draft.get(at.key)), given));
  } else {
    set(draft, at, readValue(at.attribute, given));
  }
}

function isReadOnly({ attribute, sub }: Reference): boolean {
  return attribute.mutability === 'readOnly' || sub?.mutability === 'readOnly';
}

function itemOf(value: Value | undefined): Item {
  return isItem(value) ? value : new Map();
}

function set(draft: Map<string, Value>, { key, attribute }: Reference, value: Value | undefined): void {
  if (value !== undefined) draft.set(key, value);
  else if (attribute.required)
    throw new ScimFailure(400, 'mutability', `${attribute.name} is required and cannot be removed.`);
  else draft.delete(key);
}

/** Parts that are not named stay; parts that are null go. */
function merged(attribute: Attribute, before: Item, given: { readonly [name: string]: JsonValue }): Item | undefined {
  const item = new Map(before);
  for (const [name, part] of membersOf(given)) {
    const sub = attribute.subAttributes.find((each) => each.name.toLowerCase() === name);
    if (sub === undefined || sub.mutability === 'readOnly') continue;
    if (part === null) item.delete(sub.name);
    else item.set(sub.name, readSimple(sub, part));
  }
  return item.size === 0 ? undefined : item;
}

function severalAfter(
  op: Operation['op'],
  at: Reference,
  filter: Filter | undefined,
  items: readonly Item[],
  given: JsonValue | undefined,
): readonly Item[] | undefined {
  if (filter === undefined && at.sub === undefined) {
    if (op === 'remove') return given === undefined ? undefined : without(at.attribute, items, given);
    const added = given === null || given === undefined ? [] : (readItems(at.attribute, given) ?? []);
    return onlyPrimary(op === 'replace' ? added : [...items, ...added.filter((item) => !has(items, item))], added);
  }
  const chosen = items.filter((item) => filter === undefined || matches(filter, item));
  if (chosen.length === 0) {
    if (op !== 'add' || given === undefined || given === null)
      throw new ScimFailure(400, 'noTarget', `No value of ${at.attribute.name} fits the path.`);
    const made = changed(at, new Map(filter === undefined ? [] : wordsOf(filter)), given);
    return made === undefined ? items : onlyPrimary([...items, made], [made]);
  }
  const isGone = op === 'remove' || given === null || given === undefined;
  const after = items.flatMap((item) => {
    if (!chosen.includes(item)) return [item];
    if (isGone && at.sub === undefined) return [];
    const next = changed(at, item, isGone ? null : given);
    return next === undefined ? [] : [next];
  });
  return onlyPrimary(
    after,
    after.filter((item) => !items.includes(item)),
  );
}

/** One value with the part of the path, or the parts of an object, set. Undefined when nothing is left of it. */
function changed({ attribute, sub }: Reference, item: Item, given: JsonValue): Item | undefined {
  const one = isList(given) && given.length === 1 ? (given[0] ?? null) : given;
  if (sub === undefined) {
    if (!isObject(one)) throw invalidValue(`A value of ${attribute.name} is no object.`);
    return merged(attribute, item, one);
  }
  const next = new Map(item);
  if (one === null) next.delete(sub.name);
  else next.set(sub.name, readSimple(sub, one));
  return next.size === 0 ? undefined : next;
}

/** What a value has that is made for a filter which none fits: `type eq "mobile"` makes one of type mobile. */
function wordsOf(filter: Filter): readonly (readonly [string, string | number | boolean])[] {
  if (filter.kind === 'and') return filter.filters.flatMap(wordsOf);
  if (filter.kind === 'compare' && filter.operator === 'eq' && filter.at.sub !== undefined && filter.value !== null)
    return [[filter.at.sub.name, filter.value]];
  throw new ScimFailure(400, 'noTarget', 'No value fits the path, and it does not say how one would be made.');
}

/** Exactly those that are named. A list that names nothing removes nothing. */
function without(attribute: Attribute, items: readonly Item[], given: JsonValue): readonly Item[] | undefined {
  if (given === null) throw invalidValue(`What is to be removed of ${attribute.name} is null.`);
  const gone = readItems(attribute, given) ?? [];
  const left = items.filter((item) => !gone.some((each) => [...each].every(([name, part]) => item.get(name) === part)));
  return left.length === 0 ? undefined : left;
}

function has(items: readonly Item[], wanted: Item): boolean {
  return items.some(
    (item) => item.size === wanted.size && [...wanted].every(([name, part]) => item.get(name) === part),
  );
}

/** A value that is made primary takes it from the others (RFC 7644 section 3.5.2). */
function onlyPrimary(items: readonly Item[], fresh: readonly Item[]): readonly Item[] | undefined {
  if (items.length === 0) return undefined;
  const primary = fresh.findLast(isPrimary);
  if (primary === undefined) return items;
  return items.map((item) => (item !== primary && isPrimary(item) ? new Map([...item, ['primary', false]]) : item));
}
