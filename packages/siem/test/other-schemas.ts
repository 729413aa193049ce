/** ECS against the field list of its package; UDM and CEF by the rules of their documentation. */
import { EcsFlat } from '@elastic/ecs';

interface EcsField {
  readonly type: string;
  readonly normalize?: readonly string[];
  readonly allowed_values?: readonly { readonly name: string; readonly expected_event_types?: readonly string[] }[];
}

const ECS: Readonly<Record<string, EcsField>> = EcsFlat;
const IP = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*)$/;

/** What is wrong with a document; empty when nothing is. `hivekey` is ours. */
export function checkEcs(document: Readonly<Record<string, unknown>>): string[] {
  const { hivekey: _, ...rest } = document;
  return [...checkFields(rest, ''), ...checkTypes(rest)];
}

function checkFields(values: object, path: string): string[] {
  return Object.entries(values).flatMap(([name, value]: [string, unknown]) => {
    const at = path + name;
    const field = ECS[at];
    if (field === undefined)
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? checkFields(value, `${at}.`)
        : [`${at} is unknown`];
    if (Array.isArray(value) !== (field.normalize?.includes('array') === true))
      return [`${at} is a list where it is none`];
    return (Array.isArray(value) ? value : [value]).flatMap((each) => checkEcsValue(each, field, at));
  });
}

function checkEcsValue(value: unknown, { type, allowed_values: allowed }: EcsField, at: string): string[] {
  if (allowed !== undefined && allowed.length > 0 && !allowed.some(({ name }) => name === value))
    return [`${at} ${String(value)} is not allowed`];
  switch (type) {
    case 'keyword':
    case 'match_only_text':
    case 'wildcard':
      return typeof value === 'string' ? [] : [`${at} is not a string`];
    case 'long':
      return Number.isSafeInteger(value) ? [] : [`${at} is not a whole number`];
    case 'date':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? [] : [`${at} is not a time`];
    case 'ip':
      return typeof value === 'string' && IP.test(value) ? [] : [`${at} is not an address`];
    default:
      return [`${at} is of type ${type}, which is not checked`];
  }
}

/** `event.type` has values that are expected of `event.category` alone. */
function checkTypes({ event }: Readonly<Record<string, unknown>>): string[] {
  if (typeof event !== 'object' || event === null || !('category' in event) || !('type' in event))
    return ['has no event'];
  const { category, type } = event;
  if (!Array.isArray(category) || !Array.isArray(type)) return ['event.category and event.type are no lists'];
  const expected = (ECS['event.category']?.allowed_values ?? [])
    .filter(({ name }) => category.includes(name))
    .flatMap(({ expected_event_types: types }) => types ?? []);
  return type
    .filter((each) => !expected.includes(each))
    .map((each) => `event.type ${each} is not of ${category.join()}`);
}

/** Values of `Metadata.EventType` that are used here. */
const UDM_TYPES = new Set([
  'USER_RESOURCE_ACCESS',
  'USER_RESOURCE_CREATION',
  'USER_RESOURCE_UPDATE_CONTENT',
  'USER_RESOURCE_DELETION',
  'USER_RESOURCE_UPDATE_PERMISSIONS',
  'USER_CHANGE_PERMISSIONS',
  'USER_CREATION',
  'RESOURCE_PERMISSIONS_CHANGE',
  'GENERIC_EVENT',
]);
const UDM_ACTIONS = new Set(['ALLOW', 'BLOCK', 'CHALLENGE', 'UNKNOWN_ACTION']);
const UDM_SEVERITIES = new Set(['INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL']);

interface Udm {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly principal?: { readonly user?: { readonly userid?: unknown } };
  readonly target?: { readonly user?: { readonly userid?: unknown }; readonly resource?: { readonly name?: unknown } };
  readonly security_result?: readonly { readonly action?: readonly unknown[]; readonly severity?: unknown }[];
  readonly additional?: Readonly<Record<string, unknown>>;
}

export function checkUdm(event: Udm): string[] {
  const { metadata = {}, principal, target, security_result: [result] = [], additional } = event;
  const type = String(metadata.event_type);
  const at = String(metadata.event_timestamp);
  const isUser = type.startsWith('USER_');
  return [
    ...(UDM_TYPES.has(type) ? [] : [`event_type ${type}`]),
    ...(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(at) ? [] : [`event_timestamp ${at}`]),
    ...['vendor_name', 'product_name', 'product_log_id', 'product_event_type'].filter(
      (name) => typeof metadata[name] !== 'string',
    ),
    ...(principal === undefined ? ['no principal'] : []),
    ...(isUser && typeof principal?.user?.userid !== 'string' ? [`${type} without a principal's user`] : []),
    ...(type.startsWith('USER_RESOURCE_') && typeof target?.resource?.name !== 'string'
      ? [`${type} without a resource`]
      : []),
    ...(/^USER_(?:CREATION|CHANGE)/.test(type) && typeof target?.user?.userid !== 'string'
      ? [`${type} without a target's user`]
      : []),
    ...(result?.action?.every((each) => UDM_ACTIONS.has(String(each))) === true ? [] : ['security_result.action']),
    ...(UDM_SEVERITIES.has(String(result?.severity)) ? [] : ['security_result.severity']),
    // A Struct holds no other types than those of JSON.
    ...(additional === undefined ? ['no additional'] : []),
  ];
}

export interface Cef {
  /** Seven parts, from `CEF:0` to the severity. */
  readonly header: readonly string[];
  readonly extension: Readonly<Record<string, string>>;
}

/** By the grammar of the format: a key begins after a space, and a value runs to the next key. */
export function parseCef(line: string): Cef {
  const parts: string[] = [];
  let at = 0;
  for (let part = ''; parts.length < 7; at += 1) {
    const character = line[at];
    if (character === undefined) throw new Error('the header ends early');
    if (character === '\\') {
      at += 1;
      part += line[at];
    } else if (character === '|') {
      parts.push(part);
      part = '';
    } else part += character;
  }
  const extension: Record<string, string> = {};
  const keys = [...line.slice(at).matchAll(/(?:^| )([A-Za-z0-9]+)=((?:\\.|[^\\=])*?)(?= [A-Za-z0-9]+=|$)/g)];
  for (const [, key = '', value = ''] of keys)
    extension[key] = value.replace(/\\(.)/g, (_, each) => (each === 'n' ? '\n' : each === 'r' ? '\r' : each));
  return { header: parts, extension };
}
