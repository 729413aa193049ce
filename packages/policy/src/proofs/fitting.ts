/** Calls that fit the input schema of their capability are shown before others: what of the schema can be said plainly. */
import type { JsonObject, JsonValue } from '../model.ts';
import { isList, isObject, itemsOf, member } from '../values/json.ts';
import type { ValueNode } from './arguments.ts';
import { DECIMALS } from './decimals.ts';
import { exactly, isExpressible } from './languages.ts';
import type { Script } from './script.ts';
import { and, equal, not, or, type Term } from './smt.ts';

const MAX_LISTED = 50;

export function preferSchema(args: ValueNode, schema: JsonObject | undefined, script: Script): void {
  if (schema !== undefined) script.preferFitting(fits(args, schema, script));
}

function fits(node: ValueNode, schema: JsonObject, script: Script): Term {
  const types = itemsOf(member(schema, 'type') ?? []);
  const listed = member(schema, 'enum');
  return and([
    ...(types.length === 0 ? [] : [or(types.map((type) => isOfType(node, type)))]),
    ...(isList(listed) && listed.length <= MAX_LISTED
      ? [or(listed.flatMap((value) => isValue(node, value, script)))]
      : []),
    ...fitting(node, schema, script),
  ]);
}

function fitting(node: ValueNode, schema: JsonObject, script: Script): readonly Term[] {
  const properties = member(schema, 'properties');
  const required = itemsOf(member(schema, 'required') ?? []);
  const inside = [...node.children].map(([name, child]) => {
    const inner = isObject(properties) ? member(properties, name) : undefined;
    if (!isObject(inner)) return isObject(properties) ? child.isMissing : and([]);
    const fit = fits(child, inner, script);
    return required.includes(name) ? fit : or([child.isMissing, fit]);
  });
  const items = member(schema, 'items');
  const elements =
    isObject(items) && node.isList ? node.items.map((item) => or([item.isMissing, fits(item, items, script)])) : [];
  return [...inside, ...elements];
}

function isOfType(node: ValueNode, type: JsonValue): Term {
  switch (type) {
    case 'integer':
      return and([node.is('number'), not(node.finer), equal(`(mod ${node.steps} ${10n ** BigInt(DECIMALS)})`, '0')]);
    case 'string':
      return node.is('text');
    case 'array':
      return node.is('list');
    case 'object':
    case 'number':
    case 'boolean':
    case 'null':
      return node.is(type);
    default:
      return and([]);
  }
}

function isValue(node: ValueNode, value: JsonValue, script: Script): readonly Term[] {
  if (typeof value === 'string')
    return isExpressible(value)
      ? [and([node.is('text'), script.isOf(node.text, `is ${JSON.stringify(value)}`, () => exactly(value))])]
      : [];
  return typeof value === 'boolean' ? [and([node.is('boolean'), equal(node.boolean, String(value))])] : [];
}

/** An argument that the schema asks for, where nothing else says what it is. */
function sampleOf(schema: JsonValue | undefined): JsonValue {
  if (!isObject(schema)) return 'x';
  const [listed] = itemsOf(member(schema, 'enum') ?? []);
  if (listed !== undefined) return listed;
  const [type] = itemsOf(member(schema, 'type') ?? 'string');
  switch (type) {
    case 'number':
    case 'integer':
      return member(schema, 'minimum') ?? 1;
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      return withRequired({}, schema);
    case 'null':
      return null;
    default:
      return 'x';
  }
}

/** The arguments, and what the schema asks for beside them. */
export function withRequired(args: JsonObject, schema: JsonObject | undefined): JsonObject {
  const properties = schema === undefined ? undefined : member(schema, 'properties');
  const missing = itemsOf(schema === undefined ? [] : (member(schema, 'required') ?? [])).flatMap((name) =>
    typeof name === 'string' && !Object.hasOwn(args, name)
      ? [[name, sampleOf(isObject(properties) ? member(properties, name) : undefined)] as const]
      : [],
  );
  return { ...args, ...Object.fromEntries(missing) };
}
