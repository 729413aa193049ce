/**
 * How a request of one operation becomes the arguments that are decided about, and how those become the request that
 * is forwarded. Parameters and the members of an object body are arguments by their own names; names that would meet
 * get the place in front (`path_id`, `body_id`). A body of another shape is the argument `body`. Pure.
 */
import { createHash } from 'node:crypto';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { DEFAULT_JSON_LIMITS, parseStrictJson } from '../gateway/strict-json.ts';
import { isObject } from './json.ts';
import type { OperationDefinition } from './operation.ts';
import { type Place, placeOf, primitiveOf, rawPairs, readPairs, readValue, writePairs } from './parameters.ts';
import { type PathTemplate, parseTemplate, writePath } from './path-template.ts';
import { jsonSchemaOf, referred } from './schema.ts';

/** A request as it came, matched to the operation by its path and method. */
export interface RequestParts {
  /** Of the path's parameters, in order, decoded. */
  readonly pathValues: readonly string[];
  /** Without `?`; undefined for none. */
  readonly query: string | undefined;
  /** Values of a header by its lower-case name; each time it was sent. */
  header(name: string): readonly string[];
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** What is decided, and what is forwarded. */
export interface ReadRequest {
  readonly arguments: JsonObject;
  /** Path and query below the base path, written from the arguments. */
  readonly target: string;
  /** Declared headers. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of the body; undefined without one. */
  readonly contentType: string | undefined;
}

type RequestRead = ({ readonly ok: true } & ReadRequest) | { readonly ok: false; readonly problem: string };

export interface Plan {
  readonly template: PathTemplate;
  readonly inputSchema: JsonObject;
  read(parts: RequestParts): RequestRead;
}

type Where = Place['in'] | 'body';

/** An argument's place in the request. */
type Slot = { readonly argument: string; readonly where: Where; readonly name: string };

type Body =
  | { readonly kind: 'none' }
  /** `members`: those of the object, when they are arguments of their own. */
  | {
      readonly kind: 'json' | 'form';
      readonly media: string;
      readonly required: boolean;
      readonly members: Members | undefined;
      readonly schema: JsonValue;
    }
  | { readonly kind: 'bytes'; readonly media: readonly string[]; readonly required: boolean };

interface Members {
  readonly properties: JsonObject;
  readonly required: readonly string[];
}

const JSON_MEDIA = /^application\/(?:[a-z0-9.+-]+\+)?json$/;
const FORM_MEDIA = 'application/x-www-form-urlencoded';
const MEDIA = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/;
/** The size has been limited while it was read. */
const JSON_LIMITS = { ...DEFAULT_JSON_LIMITS, maxBytes: Number.MAX_SAFE_INTEGER };
/** Header values that are read as they are. */
const HEADER_VALUE = /^[\x20-\x7e]{0,4096}$/;

/** In words, when the operation cannot be governed. */
export function planOf(definition: OperationDefinition): Plan | string {
  const { openapi, path } = definition;
  const template = parseTemplate(path);
  if (typeof template === 'string') return template;
  // Their names are the document's own: one may be called `example`.
  const definitions: JsonObject = Object.fromEntries(
    Object.entries(definition.components.schemas).map(([name, schema]) => [name, jsonSchemaOf(schema, openapi)]),
  );
  const places = placesOf(definition, definitions);
  if (typeof places === 'string') return places;
  const inPath = new Map(places.filter((place) => place.in === 'path').map((place) => [place.name, place]));
  const missing = template.names.find((name) => !inPath.has(name));
  if (missing !== undefined) return `the parameter ${missing} of its path is not described`;
  const body = bodyOf(definition, definitions);
  if (typeof body === 'string') return body;
  const slots = slotsOf(
    places.filter(({ in: where, name }) => where !== 'path' || template.names.includes(name)),
    body,
  );
  if (typeof slots === 'string') return slots;
  const inputSchema = schemaOf(places, body, slots, definitions);
  return { template, inputSchema, read: reader(template, places, body, slots, definitions) };
}

function placesOf({ parameters, openapi }: OperationDefinition, definitions: JsonObject): readonly Place[] | string {
  const places: Place[] = [];
  for (const parameter of parameters) {
    const place = placeOf(parameter, openapi, definitions);
    if (typeof place === 'string') return place;
    if (place !== undefined) places.push(place);
  }
  const heads = places.filter((place) => place.in === 'header').map(({ name }) => name);
  return new Set(heads).size === heads.length ? places : 'two of its headers differ in case only';
}

function bodyOf({ requestBody, openapi }: OperationDefinition, definitions: JsonObject): Body | string {
  if (requestBody === undefined) return { kind: 'none' };
  const content = isObject(requestBody.content) ? requestBody.content : {};
  const media = Object.keys(content);
  if (media.length === 0) return 'its body has no media type';
  const bare = (type: string): string => type.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const chosen = media.find((type) => JSON_MEDIA.test(bare(type))) ?? media.find((type) => bare(type) === FORM_MEDIA);
  const isRequired = requestBody.required === true;
  if (chosen === undefined) {
    const types = media.map(bare);
    const odd = types.find((type) => !MEDIA.test(type) && !/^(\*|[a-z]+)\/\*$/.test(type));
    return odd === undefined
      ? { kind: 'bytes', media: types, required: isRequired }
      : `its body has the media type ${odd}`;
  }
  const described = content[chosen];
  const schema = jsonSchemaOf(isObject(described) ? (described.schema ?? {}) : {}, openapi);
  const members = membersOf(referred(schema, definitions));
  const kind = JSON_MEDIA.test(bare(chosen)) ? 'json' : 'form';
  if (kind === 'form' && members === undefined) return 'its form body is not described member by member';
  return { kind, media: bare(chosen), required: isRequired || (members?.required.length ?? 0) > 0, members, schema };
}

/** Keywords with which an object is its members and nothing else. */
const PLAIN: ReadonlySet<string> = new Set([
  'type',
  'properties',
  'required',
  'additionalProperties',
  'title',
  'description',
  'default',
  'deprecated',
  '$comment',
]);

/** Undefined where members can come or go in another way. */
function membersOf(schema: JsonObject | undefined): Members | undefined {
  if (schema === undefined || !isObject(schema.properties)) return undefined;
  if (schema.type !== undefined && schema.type !== 'object') return undefined;
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) return undefined;
  if (Object.keys(schema).some((key) => !PLAIN.has(key) && !key.startsWith('x-'))) return undefined;
  const { properties, required } = schema;
  const names = Array.isArray(required)
    ? (required as readonly JsonValue[]).filter((name) => typeof name === 'string')
    : [];
  return { properties, required: names };
}

/** Every argument by where it stands and what it is called there. */
type Slots = ReadonlyMap<string, Slot>;

function keyOf(where: Where, name: string): string {
  return `${where} ${name}`;
}

function slotsOf(places: readonly Place[], body: Body): Slots | string {
  const wanted: { where: Where; name: string }[] = places.map(({ in: where, name }) => ({ where, name }));
  if (body.kind !== 'none') {
    const members =
      body.kind === 'bytes' || body.members === undefined ? undefined : Object.keys(body.members.properties);
    for (const name of members ?? ['body']) wanted.push({ where: 'body', name });
  }
  const count = (name: string): number => wanted.filter((each) => each.name === name).length;
  const slots = wanted.map(({ where, name }) => ({
    where,
    name,
    argument: count(name) > 1 ? `${where}_${name}` : name,
  }));
  const taken = new Set(slots.map(({ argument }) => argument));
  if (taken.size < slots.length) return 'two of its arguments have the same name';
  if (taken.has('__proto__')) return 'an argument has the name __proto__';
  return new Map(slots.map((slot) => [keyOf(slot.where, slot.name), slot]));
}

function argumentAt(slots: Slots, where: Where, name: string): string {
  const slot = slots.get(keyOf(where, name));
  if (slot === undefined) throw new Error(`the ${where} argument ${name} has no place`);
  return slot.argument;
}

const BYTES_SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    content_type: { type: 'string' },
    bytes: { type: 'integer' },
    sha256: { type: 'string' },
  },
  required: ['content_type', 'bytes', 'sha256'],
};

function schemaOf(places: readonly Place[], body: Body, slots: Slots, definitions: JsonObject): JsonObject {
  const properties: [string, JsonValue][] = [];
  const required: string[] = [];
  for (const { in: where, name, schema, required: isRequired } of places) {
    const argument = slots.get(keyOf(where, name))?.argument;
    if (argument === undefined) continue;
    properties.push([argument, schema]);
    if (isRequired) required.push(argument);
  }
  if (body.kind !== 'none') {
    const whole = body.kind === 'bytes' ? BYTES_SCHEMA : body.schema;
    const members = body.kind === 'bytes' ? undefined : body.members;
    if (members === undefined) {
      properties.push([argumentAt(slots, 'body', 'body'), whole]);
      if (body.required) required.push(argumentAt(slots, 'body', 'body'));
    } else {
      for (const [name, schema] of Object.entries(members.properties))
        properties.push([argumentAt(slots, 'body', name), schema]);
      for (const name of members.required) {
        const argument = slots.get(keyOf('body', name))?.argument;
        // Required and not described: nothing fits, as in the schema it comes from.
        required.push(argument ?? name);
      }
    }
  }
  const hasDefinitions = Object.keys(definitions).length > 0;
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required,
    ...(hasDefinitions ? { $defs: definitions } : {}),
  };
}

function refused(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

function reader(
  template: PathTemplate,
  places: readonly Place[],
  body: Body,
  slots: Slots,
  definitions: JsonObject,
): Plan['read'] {
  const inQuery = places.filter((place) => place.in === 'query');
  const queries = new Map(inQuery.map((place) => [place.name, place]));
  const paths = new Map(places.filter((place) => place.in === 'path').map((place) => [place.name, place]));
  const headers = places.filter((place) => place.in === 'header');
  const fields = body.kind === 'form' ? formPlaces(body.members, definitions) : undefined;

  return (parts) => {
    const args: [string, JsonValue][] = [];

    for (const [index, name] of template.names.entries()) {
      const place = paths.get(name);
      const text = parts.pathValues[index] ?? '';
      const value = place?.form.kind === 'single' ? readValue(text, place.form.type) : undefined;
      if (place === undefined || value === undefined) return refused(`${name} in the path is of another type`);
      args.push([argumentAt(slots, 'path', name), value]);
    }
    const pathTexts = args.map(([, value]) => String(value));

    const pairs = rawPairs(parts.query ?? '');
    if (typeof pairs === 'string') return refused(`the query: ${pairs}`);
    const read = readPairs(pairs, queries, 'query');
    if (!read.ok) return read;
    const written: string[] = [];
    for (const place of inQuery) {
      const value = read.values.get(place.name);
      if (value === undefined) continue;
      args.push([argumentAt(slots, 'query', place.name), value]);
      written.push(...writePairs(place, value));
    }

    const sent: (readonly [string, string])[] = [];
    for (const { name, form } of headers) {
      const values = parts.header(name);
      if (values.length === 0) continue;
      const [text = ''] = values;
      if (values.length > 1) return refused(`the header ${name} is given more than once`);
      const value = form.kind === 'single' && HEADER_VALUE.test(text) ? readValue(text, form.type) : undefined;
      if (value === undefined) return refused(`the header ${name} is of another type`);
      args.push([argumentAt(slots, 'header', name), value]);
      sent.push([name, String(value)]);
    }

    const content = readBody(body, fields, slots, parts);
    if (!content.ok) return content;
    const target = writePath(template, pathTexts);
    return {
      ok: true,
      arguments: Object.fromEntries([...args, ...content.arguments]),
      target: written.length === 0 ? target : `${target}?${written.join('&')}`,
      headers: sent,
      contentType: content.contentType,
    };
  };
}

type BodyRead =
  | {
      readonly ok: true;
      readonly arguments: readonly (readonly [string, JsonValue])[];
      readonly contentType: string | undefined;
    }
  | { readonly ok: false; readonly problem: string };

function readBody(
  body: Body,
  fields: ReadonlyMap<string, Place> | undefined,
  slots: Slots,
  parts: RequestParts,
): BodyRead {
  if (parts.body.length === 0) {
    const isMissing = body.kind !== 'none' && body.required;
    return isMissing ? refused('the body is missing') : { ok: true, arguments: [], contentType: undefined };
  }
  if (body.kind === 'none') return refused('the operation takes no body');
  const type = mediaOf(parts.contentType);
  if (type === undefined)
    return refused('the Content-Type of the body cannot be read, or names a charset other than UTF-8');
  if (body.kind === 'bytes') {
    const fits = body.media.some(
      (media) =>
        media === type.media || media === '*/*' || (media.endsWith('/*') && type.media.startsWith(media.slice(0, -1))),
    );
    if (!fits) return refused(`the body must be ${body.media.join(' or ')}`);
    const sha256 = createHash('sha256').update(parts.body).digest('hex');
    const value = { content_type: type.media, bytes: parts.body.length, sha256 };
    return { ok: true, arguments: [[argumentAt(slots, 'body', 'body'), value]], contentType: type.text };
  }
  if (type.media !== body.media) return refused(`the body must be ${body.media}`);
  if (fields !== undefined) {
    if (!/^[\x21-\x7e]*$/.test(parts.body.toString('latin1')))
      return refused('the form has characters that have to be encoded');
    const pairs = rawPairs(parts.body.toString('latin1'));
    if (typeof pairs === 'string') return refused(`the form: ${pairs}`);
    const read = readPairs(pairs, fields, 'form');
    if (!read.ok) return read;
    const args = [...read.values].map(([name, value]) => [argumentAt(slots, 'body', name), value] as const);
    return { ok: true, arguments: args, contentType: body.media };
  }
  const parsed = parseStrictJson(parts.body, JSON_LIMITS);
  if (!parsed.ok) return refused(`the body: ${parsed.cause.replace(/\.$/, '')}`);
  if (body.members === undefined)
    return { ok: true, arguments: [[argumentAt(slots, 'body', 'body'), parsed.value]], contentType: body.media };
  if (!isObject(parsed.value)) return refused('the body must be a JSON object');
  const args: (readonly [string, JsonValue])[] = [];
  for (const [name, value] of Object.entries(parsed.value)) {
    const slot = slots.get(keyOf('body', name));
    if (slot === undefined) return refused(`the body must not have ${JSON.stringify(name.slice(0, 100))}`);
    args.push([slot.argument, value]);
  }
  return { ok: true, arguments: args, contentType: body.media };
}

/** `text` is what is sent on. A boundary belongs to the bytes, so that a type with one is kept as it is. */
function mediaOf(header: string | undefined): { readonly media: string; readonly text: string } | undefined {
  if (header === undefined || !/^[\x20-\x7e]{1,256}$/.test(header)) return undefined;
  const [first = '', ...parameters] = header.split(';').map((part) => part.trim());
  const media = first.toLowerCase();
  if (!MEDIA.test(media)) return undefined;
  if (parameters.some((parameter) => /^charset\s*=/i.test(parameter) && !/^charset="?utf-8"?$/i.test(parameter)))
    return undefined;
  return { media, text: [media, ...parameters].join('; ') };
}

function formPlaces(members: Members | undefined, definitions: JsonObject): ReadonlyMap<string, Place> {
  const places = Object.entries(members?.properties ?? {}).map(([name, schema]): [string, Place] => {
    const shape = referred(schema, definitions) ?? {};
    const items =
      shape.type === 'array' ? primitiveOf(referred(shape.items ?? {}, definitions) ?? {}, definitions) : undefined;
    const form: Place['form'] =
      items === undefined
        ? { kind: 'single', type: primitiveOf(shape, definitions) ?? 'string' }
        : { kind: 'list', type: items };
    return [name, { in: 'query', name, required: false, form, schema }];
  });
  return new Map(places);
}
