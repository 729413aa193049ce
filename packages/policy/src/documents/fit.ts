/**
 * Whether guards fit the capabilities they are for: the fields they read exist in the arguments, with a
 * type the operator can take, and the units they sum are declared. Asked where documents are applied; a
 * decision does not need it, since what does not fit takes its stricter branch.
 */
import type { Capability, Condition, DocumentProblem, Guard, JsonObject, JsonValue, Operator } from '../model.ts';
import { isList, isObject, member } from '../values/json.ts';
import { currencyOf, parseMoney } from '../values/money.ts';
import { type PathStep, readField } from './fields.ts';
import { covers } from './names.ts';
import { type DocumentPath, type Locate, Problems } from './problems.ts';

/** Problems of the guards; paths begin at their list, below `path`. A guard over several capabilities must fit one. */
export function checkFit(
  guards: readonly Guard[],
  capabilities: readonly Capability[],
  path: DocumentPath = ['guards'],
  locate?: Locate,
): readonly DocumentProblem[] {
  const problems = new Problems(locate);
  guards.forEach((guard, i) => {
    const covered = capabilities.filter(({ name }) => covers(guard.action, name));
    const exact = covered.find(({ name }) => name === guard.action);
    const at = [...path, i, 'when'];
    if ('kind' in guard.when) checkWindow(guard, capabilities, at, problems);
    else if (exact !== undefined) checkCondition(guard.when, [exact], at, problems);
    else if (covered.length > 0) checkCondition(guard.when, covered, at, problems);
  });
  return problems.list;
}

function checkWindow(
  { when, action }: Guard,
  capabilities: readonly Capability[],
  path: DocumentPath,
  problems: Problems,
): void {
  if (!('kind' in when)) return;
  checkPer(
    when.per,
    capabilities.filter(({ name }) => covers(action, name)),
    path,
    problems,
  );
  if (when.unit === undefined) return;
  const { unit, over } = when;
  const counted = capabilities.filter(({ name }) => over.some((pattern) => covers(pattern, name)));
  if (counted.length === 0) return;
  for (const capability of counted) {
    const money = Object.keys(capability.impact).find((each) => currencyOf(each) !== undefined);
    if (currencyOf(unit) !== undefined && money !== undefined && money !== unit)
      problems.add(
        [...path, 'field'],
        'other_currency',
        `${capability.name} spends ${money}, and the window counts ${unit}`,
        `Write the limit in ${money.toUpperCase()}, or name other capabilities in over.`,
      );
  }
  const known = counted.some(({ impact }) => Object.hasOwn(impact, unit));
  if (currencyOf(unit) === undefined && !known)
    problems.add(
      [...path, 'field'],
      'unknown_unit',
      `no capability under ${action} declares the unit ${unit}`,
      `Declare impact: { ${unit}: … } with the capability.`,
    );
}

/** What counters are kept apart by has to be an argument of at least one of the capabilities. */
function checkPer(
  per: string | undefined,
  capabilities: readonly Capability[],
  path: DocumentPath,
  problems: Problems,
): void {
  const field = per === undefined || per === 'session' ? undefined : readField(per)?.field;
  if (field?.kind !== 'argument' || capabilities.length === 0) return;
  const isArgument = capabilities.some(
    ({ inputSchema }) => inputSchema === undefined || typesAt(inputSchema, field.path) !== 'none',
  );
  if (!isArgument)
    problems.add(
      [...path, 'per'],
      'unknown_argument',
      `no capability that the guard is for has the argument ${per}`,
      `Arguments: ${argumentsOf(capabilities).join(', ') || 'none'}.`,
    );
}

function checkCondition(
  condition: Condition,
  capabilities: readonly Capability[],
  path: DocumentPath,
  problems: Problems,
): void {
  const joint = 'all' in condition ? 'all' : 'any';
  const parts = 'all' in condition ? condition.all : 'any' in condition ? condition.any : undefined;
  if (parts !== undefined)
    for (const [i, part] of parts.entries()) checkCondition(part, capabilities, [...path, joint, i], problems);
  else if ('not' in condition) checkCondition(condition.not, capabilities, [...path, 'not'], problems);
  else if ('field' in condition) checkTest(condition, capabilities, path, problems);
}

type TestCondition = Extract<Condition, { readonly field: string }>;

function checkTest(
  { field, operator, operand }: TestCondition,
  capabilities: readonly Capability[],
  path: DocumentPath,
  problems: Problems,
): void {
  const reading = readField(field)?.field;
  const [first] = capabilities;
  if (reading?.kind === 'amount') {
    const bound = isList(operand) ? operand[0] : operand;
    const money = typeof bound === 'string' ? parseMoney(bound) : undefined;
    const asked = typeof money === 'object' ? money.currency : undefined;
    const spent = capabilities.map(({ impact }) => Object.keys(impact).flatMap((unit) => currencyOf(unit) ?? [])[0]);
    if (asked !== undefined && spent.every((currency) => currency !== undefined && currency !== asked))
      problems.add(
        [...path, operator],
        'other_currency',
        `${first?.name} spends ${spent[0]}, not ${asked}`,
        `Write the amount in ${spent[0]}.`,
      );
    return;
  }
  const steps = reading === undefined ? undefined : stepsOf(reading);
  if (steps === undefined) return;
  const found = capabilities.map(({ inputSchema }) =>
    inputSchema === undefined ? 'open' : typesAt(inputSchema, steps),
  );
  if (found.every((types) => types === 'none')) {
    problems.add(
      [...path, 'field'],
      'unknown_argument',
      `${first?.name}${capabilities.length > 1 ? ' and the others' : ''} has no argument ${steps.map(({ name }) => name).join('.')}`,
      `Arguments: ${argumentsOf(capabilities).join(', ') || 'none'}.`,
    );
    return;
  }
  const wanted = wantedTypes(operator, operand);
  if (
    wanted !== undefined &&
    found.every((types) => types === 'none' || (isList(types) && !types.some((type) => wanted.includes(type))))
  )
    problems.add(
      [...path, operator],
      'argument_type',
      `${field} is ${found.filter(isList).flat().join(' or ')}, and ${operator} takes ${wanted.filter((type) => type !== 'array').join(' or ')}`,
      'Use an operator and a value of the type of the argument.',
    );
}

function stepsOf(field: NonNullable<ReturnType<typeof readField>>['field']): readonly PathStep[] | undefined {
  if (field.kind === 'argument') return field.path;
  if (field.kind === 'firstUse') {
    const inner = readField(field.of)?.field;
    return inner?.kind === 'argument' ? inner.path : undefined;
  }
  return field.kind === 'recipientDomains' ? [{ name: 'to', each: false }] : undefined;
}

/** Whether calls of the capability can have what the field reads; undefined where its schema does not tell. */
export function hasArgument({ inputSchema }: Capability, field: string): boolean | undefined {
  const reading = readField(field)?.field;
  if (inputSchema === undefined || reading === undefined) return undefined;
  const paths = pathsRead(reading);
  if (paths.length === 0) return undefined;
  const types = paths.map((path) => typesAt(inputSchema, path));
  if (types.every((each) => each === 'none')) return false;
  return types.some((each) => isList(each)) ? true : undefined;
}

function pathsRead(field: NonNullable<ReturnType<typeof readField>>['field']): readonly (readonly PathStep[])[] {
  const named = (...names: readonly string[]) => names.map((name) => [{ name, each: false }]);
  switch (field.kind) {
    case 'argument':
      return [field.path];
    case 'amount':
      return named('amount');
    case 'payee':
      return named('payee', 'recipient', 'to');
    case 'recipientDomains':
      return named('to', 'cc', 'bcc');
    case 'firstUse': {
      const inner = readField(field.of)?.field;
      return inner === undefined ? [] : pathsRead(inner);
    }
    default:
      return [];
  }
}

/** Types of the argument at the path: `none` when the schema has no such argument, `open` when it does not tell. */
function typesAt(schema: JsonObject, steps: readonly PathStep[]): readonly string[] | 'open' | 'none' {
  let node: JsonValue | undefined = schema;
  for (const { name, each } of steps) {
    if (!isObject(node) || isComposed(node)) return 'open';
    const properties: JsonValue | undefined = member(node, 'properties');
    if (!isObject(properties)) return node.type === undefined || node.type === 'object' ? 'open' : 'none';
    const next: JsonValue | undefined = member(properties, name);
    if (next === undefined)
      return node.additionalProperties === true || isObject(node.additionalProperties) ? 'open' : 'none';
    node = each && isObject(next) ? (member(next, 'items') ?? {}) : next;
  }
  if (!isObject(node) || isComposed(node)) return 'open';
  const type = member(node, 'type');
  if (typeof type === 'string') return [type];
  return isList(type) ? type.filter((each) => typeof each === 'string') : 'open';
}

/** Parts that may add arguments from elsewhere. */
function isComposed(schema: JsonObject): boolean {
  return ['$ref', '$dynamicRef', 'allOf', 'anyOf', 'oneOf', 'if', 'patternProperties'].some((key) =>
    Object.hasOwn(schema, key),
  );
}

function argumentsOf(capabilities: readonly Capability[]): string[] {
  const names = capabilities.flatMap(({ inputSchema }) => {
    const properties = inputSchema === undefined ? undefined : member(inputSchema, 'properties');
    return isObject(properties) ? Object.keys(properties) : [];
  });
  return [...new Set(names)].sort();
}

/** JSON Schema types that the operator can take; a list is tested element by element. */
function wantedTypes(operator: Operator, operand: JsonValue): readonly string[] | undefined {
  const example = isList(operand) ? operand[0] : operand;
  switch (operator) {
    case 'exists':
    case 'within':
      return undefined;
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
    case 'between':
      return typeof example === 'string' ? ['number', 'integer', 'string', 'array'] : ['number', 'integer', 'array'];
    case 'eq':
    case 'ne':
    case 'in':
    case 'notIn':
    case 'contains':
      if (typeof example === 'number') return ['number', 'integer', 'array'];
      return [typeof example === 'boolean' ? 'boolean' : 'string', 'array'];
    default:
      return ['string', 'array'];
  }
}
