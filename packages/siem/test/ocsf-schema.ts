/**
 * The whole check of an event against a published OCSF schema: required (by profile), unknown attributes, types with
 * patterns, lengths and ranges, enumerations, captions, constraints, profiles, deprecation.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

interface Attribute {
  readonly type: string;
  readonly object_type?: string;
  readonly is_array?: boolean;
  readonly requirement?: string;
  readonly enum?: Readonly<Record<string, { readonly caption: string; readonly '@deprecated'?: unknown }>>;
  readonly sibling?: string;
  readonly profiles?: readonly string[] | null;
  readonly '@deprecated'?: unknown;
}

interface Shape {
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly constraints?: { readonly at_least_one?: readonly string[]; readonly just_one?: readonly string[] };
  readonly profiles?: readonly string[];
  readonly uid?: number;
  readonly '@deprecated'?: unknown;
}

interface DataType {
  readonly type?: string;
  readonly regex?: string;
  readonly max_len?: number;
  readonly range?: readonly [number, number];
}

export interface OcsfSchema {
  readonly version: string;
  readonly classes: Readonly<Record<string, Shape>>;
  readonly objects: Readonly<Record<string, Shape>>;
  readonly dictionary: { readonly types: { readonly attributes: Readonly<Record<string, DataType>> } };
}

export function ocsfSchema(version: '1.8.0' | '1.9.0'): OcsfSchema {
  return JSON.parse(gunzipSync(readFileSync(new URL(`fixtures/ocsf-${version}.json.gz`, import.meta.url))).toString());
}

type Values = Readonly<Record<string, unknown>>;

/** What is wrong with the event, each with its path; empty when nothing is. */
export function checkOcsf(event: Values, schema: OcsfSchema): string[] {
  const shape = Object.values(schema.classes).find(({ uid }) => uid === event.class_uid);
  if (shape === undefined) return [`class ${event.class_uid} does not exist`];
  const metadata = isValues(event.metadata) ? event.metadata : {};
  const profiles = Array.isArray(metadata.profiles) ? metadata.profiles.map(String) : [];
  const problems = profiles
    .filter((profile) => shape.profiles?.includes(profile) !== true)
    .map((profile) => `profile ${profile} is not of class ${event.class_uid}`);
  if (shape['@deprecated'] !== undefined) problems.push(`class ${event.class_uid} is deprecated`);
  if (event.type_uid !== Number(event.class_uid) * 100 + Number(event.activity_id)) problems.push('type_uid is wrong');
  const said = String(metadata.version);
  if (!schema.version.startsWith(said)) problems.push(`metadata.version is ${said}`);
  return [...problems, ...checkShape(event, shape, schema, new Set(profiles), '')];
}

function checkShape(
  values: Values,
  shape: Shape,
  schema: OcsfSchema,
  profiles: ReadonlySet<string>,
  path: string,
): string[] {
  const isOpen = (attribute: Attribute) =>
    !Array.isArray(attribute.profiles) || attribute.profiles.some((profile) => profiles.has(profile));
  const problems: string[] = [];
  for (const [name, attribute] of Object.entries(shape.attributes))
    if (attribute.requirement === 'required' && isOpen(attribute) && values[name] === undefined)
      problems.push(`${path}${name} is required`);
  const has = (name: string) => values[name] !== undefined;
  const { at_least_one: any, just_one: one } = shape.constraints ?? {};
  if (any !== undefined && !any.some(has)) problems.push(`${path} has none of ${any.join(', ')}`);
  if (one !== undefined && one.filter(has).length !== 1) problems.push(`${path} has not just one of ${one.join(', ')}`);
  for (const [name, value] of Object.entries(values)) {
    const at = `${path}${name}`;
    const attribute = shape.attributes[name];
    if (attribute === undefined) problems.push(`${at} is unknown`);
    else if (!isOpen(attribute)) problems.push(`${at} needs one of the profiles ${attribute.profiles?.join(', ')}`);
    else {
      if (attribute['@deprecated'] !== undefined) problems.push(`${at} is deprecated`);
      problems.push(...checkCaption(value, attribute, values, at));
      problems.push(...checkAttribute(value, attribute, schema, profiles, at));
    }
  }
  return problems;
}

/** 99 has a caption of the event's own. */
function checkCaption(value: unknown, { sibling, enum: choices }: Attribute, values: Values, at: string): string[] {
  const caption = choices?.[String(value)]?.caption;
  const said = sibling === undefined ? undefined : values[sibling];
  return value === 99 || said === undefined || caption === undefined || said === caption
    ? []
    : [`${at} ${value} is called ${caption}, not ${String(said)}`];
}

function checkAttribute(
  value: unknown,
  attribute: Attribute,
  schema: OcsfSchema,
  profiles: ReadonlySet<string>,
  at: string,
): string[] {
  if (attribute.is_array !== true) return checkValue(value, attribute, schema, profiles, at);
  if (!Array.isArray(value)) return [`${at} is not a list`];
  return value.flatMap((each, i) => checkValue(each, attribute, schema, profiles, `${at}[${i}]`));
}

function checkValue(
  value: unknown,
  { type, object_type: objectType, enum: choices }: Attribute,
  schema: OcsfSchema,
  profiles: ReadonlySet<string>,
  at: string,
): string[] {
  if (objectType !== undefined) {
    if (!isValues(value)) return [`${at} is not an object`];
    const shape = schema.objects[objectType];
    // `object` is the one without attributes: what a producer has of its own.
    return shape === undefined || Object.keys(shape.attributes).length === 0
      ? []
      : checkShape(value, shape, schema, profiles, `${at}.`);
  }
  const choice = choices?.[String(value)];
  if (choices !== undefined && choice === undefined) return [`${at} ${String(value)} is none of its enumeration`];
  if (choice?.['@deprecated'] !== undefined) return [`${at} ${String(value)} is deprecated`];
  return checkType(value, type, schema, at);
}

function checkType(value: unknown, type: string, schema: OcsfSchema, at: string): string[] {
  const rule = schema.dictionary.types.attributes[type];
  switch (rule?.type ?? type) {
    case 'boolean_t':
      return typeof value === 'boolean' ? [] : [`${at} is not a boolean`];
    case 'integer_t':
    case 'long_t':
      if (!Number.isSafeInteger(value)) return [`${at} is not a whole number`];
      break;
    case 'float_t':
      return typeof value === 'number' ? [] : [`${at} is not a number`];
    case 'json_t':
      return [];
    default:
      if (typeof value !== 'string') return [`${at} is not a string`];
      if (rule?.regex !== undefined && !new RegExp(rule.regex).test(value)) return [`${at} is no ${type}: ${value}`];
      if (rule?.max_len !== undefined && value.length > rule.max_len) return [`${at} is longer than ${rule.max_len}`];
  }
  const [least, most] = rule?.range ?? [];
  if (typeof value === 'number' && least !== undefined && most !== undefined && (value < least || value > most))
    return [`${at} is not from ${least} to ${most}`];
  return [];
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
