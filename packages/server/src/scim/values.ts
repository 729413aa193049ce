/**
 * Values of attributes, as they are kept: known names only, in the schema's spelling, and no object that a client's names
 * could reach. What comes in is brought into its type here and nowhere else. Pure.
 */
import type { JsonValue } from '@hivekey/policy';
import { invalidValue, ScimFailure } from './failure.ts';
import { type Attribute, attributeOf, extensionOf, keyOf, type ResourceType, subAttributeOf } from './schema.ts';

export type Simple = string | number | boolean;
/** Sub-attributes by name. */
export type Item = ReadonlyMap<string, Simple>;
export type Value = Simple | Item | readonly Item[];
/** By {@link Reference.key}. An attribute without a value is not there. */
export type Attributes = ReadonlyMap<string, Value>;

const MAX_CHARACTERS = 4096;
const MAX_BINARY_CHARACTERS = 32_768;
const MAX_VALUES = 100;
const MAX_BYTES = 65_536;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

export type JsonObject = { readonly [key: string]: JsonValue };

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isItem(value: Value | undefined): value is Item {
  return value instanceof Map;
}

export function isItems(value: Value | undefined): value is readonly Item[] {
  return Array.isArray(value);
}

/** Members of an object by their names in lower case. Throws `invalidSyntax` where two names differ by case alone. */
export function membersOf(object: JsonObject): ReadonlyMap<string, JsonValue> {
  const members = new Map<string, JsonValue>();
  for (const [name, value] of Object.entries(object)) {
    const lower = name.toLowerCase();
    if (members.has(lower)) throw new ScimFailure(400, 'invalidSyntax', `${name} is given twice.`);
    members.set(lower, value);
  }
  return members;
}

/** A whole resource, as in POST and PUT. What cannot be written, what the type does not have, and `members` are left out. */
export function readResource(type: ResourceType, body: JsonValue | undefined): Map<string, Value> {
  if (!isObject(body)) throw new ScimFailure(400, 'invalidSyntax', 'The body is no JSON object.');
  const members = membersOf(body);
  const schemas = members.get('schemas');
  const urn = type.schema.id.toLowerCase();
  if (!isList(schemas) || !schemas.some((schema) => typeof schema === 'string' && schema.toLowerCase() === urn))
    throw new ScimFailure(400, 'invalidSyntax', `schemas does not name ${type.schema.id}.`);
  const attributes = new Map<string, Value>();
  for (const [name, given] of members) {
    const extension = extensionOf(type, name);
    if (extension === undefined) put(attributes, attributeOf(type, undefined, name), given);
    else if (isObject(given))
      for (const [part, value] of membersOf(given)) put(attributes, attributeOf(type, extension, part), value);
    else if (given !== null) throw invalidValue(`${extension.id} is no object.`);
  }
  checkComplete(type, attributes);
  return attributes;
}

function put(attributes: Map<string, Value>, found: ReturnType<typeof attributeOf>, given: JsonValue): void {
  if (found === undefined || found.attribute.mutability === 'readOnly' || found.key === 'members') return;
  const value = readValue(found.attribute, given);
  const before = attributes.get(found.key);
  // Two names of one attribute never hold different values.
  if (before !== undefined && value !== before) throw invalidValue(`${found.key} is given two values.`);
  if (value !== undefined) attributes.set(found.key, value);
}

/** Required, and filled in where it is not given. */
const FILLED_IN: ReadonlySet<string> = new Set(['emails', 'active']);

/** Throws `invalidValue` when a required attribute is missing or it is too much. */
export function checkComplete(type: ResourceType, attributes: Attributes): void {
  for (const { name, required } of type.schema.attributes) {
    if (!required || FILLED_IN.has(name)) continue;
    const value = attributes.get(name);
    if (value === undefined || value === '') throw invalidValue(`${name} is missing.`);
  }
  if (Buffer.byteLength(JSON.stringify(storedOf(attributes))) > MAX_BYTES)
    throw invalidValue(`The resource is larger than ${MAX_BYTES} bytes.`);
}

/** Undefined: it is to have no value. Throws `invalidValue`. */
export function readValue(attribute: Attribute, given: JsonValue): Value | undefined {
  if (given === null) return undefined;
  if (attribute.multiValued) return readItems(attribute, given);
  if (attribute.type !== 'complex') return readSimple(attribute, given);
  const one = isList(given) && given.length <= 1 ? (given[0] ?? null) : given;
  return one === null || one === '' ? undefined : readItem(attribute, one);
}

export function readItems(attribute: Attribute, given: JsonValue): readonly Item[] | undefined {
  const list = isList(given) ? given : [given];
  if (list.length > MAX_VALUES) throw invalidValue(`${attribute.name} has more than ${MAX_VALUES} values.`);
  const items = list.map((each) => readItem(attribute, each)).filter((item) => item !== undefined);
  if (items.filter(isPrimary).length > 1) throw invalidValue(`${attribute.name} has more than one primary value.`);
  return items.length === 0 ? undefined : items;
}

export function isPrimary(item: Item): boolean {
  return item.get('primary') === true;
}

/** A bare string is its `value`, as Microsoft Entra sends managers and roles. */
function readItem(attribute: Attribute, given: JsonValue): Item | undefined {
  const valued = subAttributeOf(attribute, 'value');
  if (typeof given === 'string' && valued !== undefined) return new Map([['value', readSimple(valued, given)]]);
  if (!isObject(given)) throw invalidValue(`A value of ${attribute.name} is no object.`);
  const item = new Map<string, Simple>();
  for (const [name, part] of membersOf(given)) {
    const sub = subAttributeOf(attribute, name);
    if (sub !== undefined && sub.mutability !== 'readOnly' && part !== null) item.set(sub.name, readSimple(sub, part));
  }
  return item.size === 0 ? undefined : item;
}

export function readSimple({ name, type }: Attribute, given: JsonValue): Simple {
  switch (type) {
    case 'boolean': {
      if (typeof given === 'boolean') return given;
      // Microsoft Entra sends "False".
      const text = typeof given === 'string' ? given.toLowerCase() : '';
      if (text === 'true' || text === 'false') return text === 'true';
      throw invalidValue(`${name} is neither true nor false.`);
    }
    case 'integer':
      if (typeof given === 'number' && Number.isInteger(given)) return given;
      throw invalidValue(`${name} is no whole number.`);
    case 'complex':
      throw invalidValue(`${name} has parts.`);
    default: {
      if (typeof given !== 'string') throw invalidValue(`${name} is no string.`);
      const isBinary = type === 'binary';
      if (given.length > (isBinary ? MAX_BINARY_CHARACTERS : MAX_CHARACTERS))
        throw invalidValue(`${name} is too long.`);
      if (given.includes('\0')) throw invalidValue(`${name} contains U+0000.`);
      if (isBinary && !BASE64.test(given)) throw invalidValue(`${name} is not base64.`);
      if (type === 'dateTime' && Number.isNaN(Date.parse(given))) throw invalidValue(`${name} is no time.`);
      return given;
    }
  }
}

type StoredItem = { readonly [name: string]: Simple };
/** As JSON in the database and in answers. */
export type Stored = { readonly [key: string]: Simple | StoredItem | readonly StoredItem[] };

function storedItem(item: Item): StoredItem {
  return Object.fromEntries(item);
}

export function storedValue(value: Value): Simple | StoredItem | readonly StoredItem[] {
  if (isItems(value)) return value.map(storedItem);
  return isItem(value) ? storedItem(value) : value;
}

export function storedOf(attributes: Attributes): Stored {
  return Object.fromEntries([...attributes].map(([key, value]) => [key, storedValue(value)]));
}

/** Of what {@link storedOf} made. */
export function attributesOf(stored: Stored): Map<string, Value> {
  const attributes = new Map<string, Value>();
  for (const [key, value] of Object.entries(stored)) {
    if (Array.isArray(value)) attributes.set(key, value.map(itemOfStored));
    else if (typeof value === 'object') attributes.set(key, itemOfStored(value as StoredItem));
    else attributes.set(key, value);
  }
  return attributes;
}

function itemOfStored(item: StoredItem): Item {
  return new Map(Object.entries(item));
}

/** The keys that an extension has in a resource. */
export function keysOf(extension: ResourceType['extensions'][number]): readonly string[] {
  return extension.attributes.map((attribute) => keyOf(extension, attribute));
}
