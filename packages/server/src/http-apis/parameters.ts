/** Parameters between their spelling in a request and the values that are decided about. Pure. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { DEFAULT_JSON_LIMITS, parseStrictJson } from '../gateway/strict-json.ts';
import { isObject } from './json.ts';
import type { ParameterDefinition } from './operation.ts';
import { decode, encode } from './percent.ts';
import { jsonSchemaOf, referred } from './schema.ts';

export type Primitive = 'string' | 'number' | 'integer' | 'boolean';

/** `list`: a key for each item; with a separator in one value. `members`: `name[member]` for each. `json`: a JSON text. */
type Form =
  | { readonly kind: 'single'; readonly type: Primitive }
  | { readonly kind: 'list'; readonly type: Primitive; readonly separator?: undefined }
  | ({ readonly kind: 'list'; readonly type: Primitive } & Separated)
  | { readonly kind: 'members'; readonly types: ReadonlyMap<string, Primitive> }
  | { readonly kind: 'json' };

export interface Place {
  readonly in: 'path' | 'query' | 'header';
  /** As it stands in the request; of a header in lower case. */
  readonly name: string;
  readonly required: boolean;
  readonly form: Form;
  /** JSON Schema of its value. */
  readonly schema: JsonValue;
}

/** Undefined for one that is left out of requests; in words, why the operation cannot be governed. */
export function placeOf(
  parameter: ParameterDefinition,
  openapi: string,
  definitions: JsonObject,
): Place | undefined | string {
  const { name, in: where, required } = parameter;
  if (where === 'cookie') return required ? `it takes the cookie ${name}, and no cookie is passed on` : undefined;
  if (where === 'header' && !isFreeHeader(name)) {
    // OpenAPI has these three described elsewhere.
    return required && !/^(accept|content-type|authorization)$/i.test(name)
      ? `the header ${name} is not passed on`
      : undefined;
  }
  const form = formOf(parameter, openapi, definitions);
  if (form === undefined) {
    const why = `how the ${where} parameter ${name} is written is not supported`;
    return required ? why : undefined;
  }
  const schema = form.kind === 'json' ? contentSchema(parameter) : (parameter.schema ?? {});
  return {
    in: where,
    name: where === 'header' ? name.toLowerCase() : name,
    required: required || where === 'path',
    form,
    schema: jsonSchemaOf(schema, openapi),
  };
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
/** Of the connection, of proxies, of identity, or with a meaning of their own to servers: never the agent's to set. */
const RESERVED_HEADER =
  /^(accept.*|authorization|cookie2?|connection|content-.*|date|dpop|expect|forwarded|from|hivekey.*|host|keep-alive|max-forwards|origin|proxy-.*|referer|sec-.*|te|trailer|trailers|transfer-encoding|upgrade|user-agent|via|x-forwarded.*|x-real-ip|x-original-.*|x-rewrite-.*|x-http-method.*|x-method-override|traceparent|tracestate|true-client-ip|cf-.*|x-client-ip)$/i;

function isFreeHeader(name: string): boolean {
  return HEADER_NAME.test(name) && !RESERVED_HEADER.test(name);
}

function contentSchema({ content }: ParameterDefinition): JsonValue {
  const [media] = content === undefined ? [] : Object.values(content);
  return isObject(media) && isObject(media.schema) ? media.schema : {};
}

function formOf(
  { in: where, style, explode, schema, content }: ParameterDefinition,
  openapi: string,
  definitions: JsonObject,
): Form | undefined {
  if (content !== undefined) {
    const types = Object.keys(content);
    return where === 'query' && types.length === 1 && types[0]?.toLowerCase() === 'application/json'
      ? { kind: 'json' }
      : undefined;
  }
  const usual = where === 'query' ? 'form' : 'simple';
  const written = style ?? usual;
  const shape = referred(jsonSchemaOf(schema ?? {}, openapi), definitions);
  if (shape === undefined) return undefined;
  const type = primitiveOf(shape, definitions);
  if (type !== undefined) return written === usual || written === 'deepObject' ? { kind: 'single', type } : undefined;
  if (where !== 'query') return undefined;
  if (isOf(shape, 'array')) {
    const items = primitiveOf(referred(shape.items ?? {}, definitions) ?? {}, definitions);
    if (items === undefined) return undefined;
    if (written === 'form' && explode !== false) return { kind: 'list', type: items };
    const separated = Object.hasOwn(SEPARATORS, written) ? SEPARATORS[written] : undefined;
    return separated === undefined || explode === true ? undefined : { kind: 'list', type: items, ...separated };
  }
  if (isOf(shape, 'object') && written === 'deepObject') {
    const types = new Map<string, Primitive>();
    for (const [member, each] of Object.entries(isObject(shape.properties) ? shape.properties : {})) {
      const of = primitiveOf(referred(each, definitions) ?? {}, definitions);
      if (of === undefined) return undefined;
      types.set(member, of);
    }
    return { kind: 'members', types };
  }
  return undefined;
}

interface Separated {
  readonly separator: RegExp;
  readonly join: string;
  /** The separator as it would stand in an item. */
  readonly within: string;
}

const SEPARATORS: Readonly<Record<string, Separated>> = {
  form: { separator: /,/, join: ',', within: ',' },
  spaceDelimited: { separator: /%20|\+/, join: '%20', within: ' ' },
  pipeDelimited: { separator: /\||%7[cC]/, join: '%7C', within: '|' },
};

function isOf({ type }: JsonObject, name: string): boolean {
  return type === name || (Array.isArray(type) && type.includes(name));
}

/** The one type that a text is read as; a text where nothing is said. Undefined for lists and objects, and where it is not one. */
export function primitiveOf(schema: JsonObject, definitions: JsonObject): Primitive | undefined {
  const { type, enum: values, allOf, anyOf, oneOf } = schema;
  if (type === undefined) {
    const several = [allOf, anyOf, oneOf].find((each) => Array.isArray(each));
    if (Array.isArray(several)) {
      const types = new Set(
        (several as readonly JsonValue[]).map((each) =>
          primitiveOf(referred(each, definitions) ?? { type: 'object' }, {}),
        ),
      );
      types.delete(undefined);
      const [only] = types;
      return types.size === 1 && several.length > 0 ? only : undefined;
    }
    if (schema.properties !== undefined || schema.items !== undefined) return undefined;
    return Array.isArray(values) && values.some((value) => typeof value !== 'string') ? undefined : 'string';
  }
  const types = (Array.isArray(type) ? (type as readonly JsonValue[]) : [type]).filter((each) => each !== 'null');
  const [only] = types;
  return types.length === 1 && (only === 'string' || only === 'number' || only === 'integer' || only === 'boolean')
    ? only
    : undefined;
}

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** Undefined when the text is none of that type. */
export function readValue(text: string, type: Primitive): JsonValue | undefined {
  switch (type) {
    case 'string':
      return text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'integer':
    case 'number': {
      if (!NUMBER.test(text)) return undefined;
      const value = Number(text);
      const isExact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
      return isExact ? (Object.is(value, -0) ? 0 : value) : undefined;
    }
  }
}

/** A name and a value as they stand in a query or form, not decoded. */
export interface RawPair {
  readonly name: string;
  readonly value: string;
}

/** In words when it can be read in more than one way. */
export function rawPairs(text: string): readonly RawPair[] | string {
  if (text === '') return [];
  if (!/^[\x21-\x7e]*$/.test(text)) return 'it has characters that have to be encoded';
  const pairs: RawPair[] = [];
  for (const part of text.split('&')) {
    const at = part.indexOf('=');
    if (part === '') return 'it has an empty pair';
    // Some servers take a semicolon for an ampersand.
    if (part.includes(';') || part.includes('#')) return 'it has characters that have to be encoded';
    if (at <= 0) return 'it has a name without a value, or a value without a name';
    pairs.push({ name: part.slice(0, at), value: part.slice(at + 1) });
  }
  return pairs;
}

export type ReadValues =
  | { readonly ok: true; readonly values: ReadonlyMap<string, JsonValue> }
  | { readonly ok: false; readonly problem: string };

function refused(problem: string): ReadValues {
  return { ok: false, problem };
}

/** Values by the name of their place. Every pair must belong to one, and to no more than it can take. */
export function readPairs(pairs: readonly RawPair[], places: ReadonlyMap<string, Place>, what: string): ReadValues {
  const values = new Map<string, JsonValue>();
  for (const { name: rawName, value: raw } of pairs) {
    const name = decode(rawName, true);
    if (name === undefined) return refused(`a name in the ${what} is not percent-encoded UTF-8`);
    const [place, member] = placeNamed(places, name);
    if (place === undefined) return refused(`the ${what} must not have ${JSON.stringify(name.slice(0, 100))}`);
    const problem = addTo(values, place, member, raw);
    if (problem !== undefined) return refused(`${place.name} ${problem}`);
  }
  return { ok: true, values };
}

function placeNamed(
  places: ReadonlyMap<string, Place>,
  name: string,
): readonly [Place | undefined, string | undefined] {
  const exact = places.get(name);
  if (exact !== undefined) return exact.form.kind === 'members' ? [undefined, undefined] : [exact, undefined];
  const [, base = '', member] = /^([^[\]]+)\[([^[\]]+)\]$/.exec(name) ?? [];
  const place = places.get(base);
  return place?.form.kind === 'members' && member !== undefined && place.form.types.has(member)
    ? [place, member]
    : [undefined, undefined];
}

/** In words, why it does not fit there. */
function addTo(
  values: Map<string, JsonValue>,
  { name, form }: Place,
  member: string | undefined,
  raw: string,
): string | undefined {
  const known = values.get(name);
  const read = (text: string, type: Primitive): JsonValue | undefined => {
    const decoded = decode(text, true);
    return decoded === undefined ? undefined : readValue(decoded, type);
  };
  switch (form.kind) {
    case 'single': {
      if (known !== undefined) return 'is given more than once';
      const value = read(raw, form.type);
      if (value === undefined) return `is not a ${form.type}`;
      values.set(name, value);
      return undefined;
    }
    case 'list': {
      if (known !== undefined && form.separator !== undefined) return 'is given more than once';
      const texts = form.separator === undefined ? [raw] : raw === '' ? [] : raw.split(form.separator);
      const items = texts.map((text) => read(text, form.type));
      const found = items.filter((item) => item !== undefined);
      if (found.length < items.length) return `has an item that is not a ${form.type}`;
      // A server that decodes before it splits would see other items.
      if (form.separator !== undefined && found.some((item) => String(item).includes(form.within)))
        return 'has an item that contains the separator';
      values.set(name, [...(Array.isArray(known) ? known : []), ...found]);
      return undefined;
    }
    case 'members': {
      const members = isObject(known) ? known : {};
      if (member === undefined || Object.hasOwn(members, member)) return `is given more than once`;
      const value = read(raw, form.types.get(member) ?? 'string');
      if (value === undefined) return `has a member of another type`;
      values.set(name, Object.fromEntries([...Object.entries(members), [member, value]]));
      return undefined;
    }
    case 'json': {
      if (known !== undefined) return 'is given more than once';
      const text = decode(raw, true);
      const parsed = text === undefined ? undefined : parseStrictJson(Buffer.from(text), DEFAULT_JSON_LIMITS);
      if (parsed?.ok !== true) return 'is not one JSON document';
      values.set(name, parsed.value);
      return undefined;
    }
  }
}

/** The pairs that say this value, in their one spelling. */
export function writePairs({ name, form }: Place, value: JsonValue): readonly string[] {
  const key = encode(name);
  switch (form.kind) {
    case 'single':
      return [`${key}=${encode(String(value))}`];
    case 'json':
      return [`${key}=${encode(JSON.stringify(value))}`];
    case 'members':
      return isObject(value)
        ? Object.entries(value).map(([member, each]) => `${key}%5B${encode(member)}%5D=${encode(String(each))}`)
        : [];
    case 'list': {
      const items = (Array.isArray(value) ? (value as readonly JsonValue[]) : []).map((item) => encode(String(item)));
      if (form.separator === undefined) return items.map((item) => `${key}=${item}`);
      return [`${key}=${items.join(form.join)}`];
    }
  }
}
