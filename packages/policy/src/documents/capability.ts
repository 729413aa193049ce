/** Capabilities: what exists to be granted, and what a call of it spends. */
import type { CallSubjects, Capability, Checked, ImpactRule, JsonObject, JsonValue, SettleRule } from '../model.ts';
import { isObject, member } from '../values/json.ts';
import { currencyOf, exponentOf, unitOf } from '../values/money.ts';
import { readField } from './fields.ts';
import { capabilityOf, isUnitName } from './names.ts';
import { type DocumentPath, objectOf, Problems, quote, textOf } from './problems.ts';
import { checkHead } from './role.ts';

const MAX_DESCRIPTION = 4_000;
const MAX_UNITS = 20;
const FIELDS = [
  'name',
  'description',
  'access',
  'destructive',
  'impact',
  'input_schema',
  'inputSchema',
  'external',
  'about',
  'reference',
];
const SUBJECTS = ['payee', 'dest', 'resource'] as const;

/** `{name, description, access, destructive, external, impact, about, reference, input_schema}`. */
export function checkCapability(value: unknown): Checked<Capability> {
  const problems = new Problems();
  return problems.checked(readCapability(value, [], problems));
}

/** A capability document: `kind: Capability`, name and description under `metadata`, the rest beside it. */
export function readCapabilityDocument(value: unknown, path: DocumentPath, problems: Problems): Capability | undefined {
  const known = [
    'apiVersion',
    'kind',
    'metadata',
    'access',
    'destructive',
    'external',
    'impact',
    'about',
    'reference',
    'input_schema',
  ];
  const raw = objectOf(value, path, 'a capability', known, problems);
  if (raw === undefined) return undefined;
  checkHead(raw, 'Capability', path, problems);
  const metadata = objectOf(
    member(raw, 'metadata'),
    [...path, 'metadata'],
    'metadata',
    ['name', 'description'],
    problems,
  );
  if (metadata === undefined) return undefined;
  const rest = Object.fromEntries(
    Object.entries(raw).filter(([key]) => !['apiVersion', 'kind', 'metadata'].includes(key) && known.includes(key)),
  );
  return read({ ...metadata, ...rest }, path, [...path, 'metadata'], problems);
}

function readCapability(value: unknown, path: DocumentPath, problems: Problems): Capability | undefined {
  const raw = objectOf(value, path, 'a capability', FIELDS, problems);
  return raw === undefined ? undefined : read(raw, path, path, problems);
}

function read(raw: JsonObject, path: DocumentPath, head: DocumentPath, problems: Problems): Capability | undefined {
  const before = problems.count;
  const name = capabilityOf(member(raw, 'name'), [...head, 'name'], problems);
  const description = textOf(
    member(raw, 'description') ?? '',
    [...head, 'description'],
    'description',
    MAX_DESCRIPTION,
    problems,
  );
  const access = member(raw, 'access');
  if (access !== 'read' && access !== 'write')
    problems.add(
      [...path, 'access'],
      'bad_access',
      `${quote(access)} is no access`,
      'Write read, or write for what changes something.',
    );
  const destructive = member(raw, 'destructive') ?? false;
  if (typeof destructive !== 'boolean')
    problems.add(
      [...path, 'destructive'],
      'type',
      'destructive must be true or false',
      'Write true for what cannot be undone.',
    );
  const external = member(raw, 'external');
  if (external !== undefined && typeof external !== 'boolean')
    problems.add(
      [...path, 'external'],
      'type',
      'external must be true or false',
      'Write true for what reaches beyond the company.',
    );
  const impact = readImpact(member(raw, 'impact') ?? {}, [...path, 'impact'], problems);
  const about = readAbout(member(raw, 'about'), [...path, 'about'], problems);
  const reference = Object.hasOwn(raw, 'reference')
    ? readPath(member(raw, 'reference'), [...path, 'reference'], problems)
    : undefined;
  const inputSchema = member(raw, 'input_schema') ?? member(raw, 'inputSchema');
  if (inputSchema !== undefined && !isObject(inputSchema))
    problems.add(
      [...path, 'input_schema'],
      'type',
      'input_schema must be a JSON Schema',
      'Write type: object and properties.',
    );
  if (problems.count > before || name === undefined || (access !== 'read' && access !== 'write')) return undefined;
  return {
    name,
    description: description ?? '',
    access,
    destructive: destructive === true,
    impact: impact ?? {},
    ...(isObject(inputSchema) ? { inputSchema } : {}),
    ...(typeof external === 'boolean' ? { external } : {}),
    ...(about === undefined ? {} : { about }),
    ...(reference === undefined ? {} : { reference }),
  };
}

/** `{payee, dest, resource}`: paths of arguments, each optional. */
function readAbout(value: JsonValue | undefined, path: DocumentPath, problems: Problems): CallSubjects | undefined {
  if (value === undefined) return undefined;
  const raw = objectOf(value, path, 'about', SUBJECTS, problems);
  if (raw === undefined) return undefined;
  const named = SUBJECTS.flatMap((subject) => {
    const field = Object.hasOwn(raw, subject)
      ? readPath(member(raw, subject), [...path, subject], problems)
      : undefined;
    return field === undefined ? [] : [[subject, field] as const];
  });
  return named.length === 0 ? undefined : Object.fromEntries(named);
}

function readImpact(value: JsonValue, path: DocumentPath, problems: Problems) {
  if (!isObject(value)) {
    problems.add(path, 'type', 'impact must be a map', 'Write usd: { field: amount, currency: USD }.');
    return undefined;
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_UNITS)
    problems.add(path, 'too_many', `impact has ${entries.length} units`, `Keep it to ${MAX_UNITS}.`);
  const impact: [string, ImpactRule][] = [];
  for (const [unit, rule] of entries) {
    const at = [...path, unit];
    if (!isUnitName(unit))
      problems.add(
        at,
        'bad_name',
        `${quote(unit)} cannot be a unit`,
        'Write lower-case letters, digits and _: records_read.',
      );
    const found = readImpactRule(unit, rule, at, problems);
    if (found !== undefined) impact.push([unit, found]);
  }
  const money = impact.filter(([unit]) => currencyOf(unit) !== undefined);
  const second = money[1];
  if (second !== undefined)
    problems.add(
      [...path, second[0]],
      'second_currency',
      'a capability spends one currency',
      'Declare a capability for each currency.',
    );
  return Object.fromEntries(impact);
}

/** `{field, currency}`, `{length}`, `{constant}` or a bare number; with `kind` as the model writes it, too. */
function readImpactRule(
  unit: string,
  value: JsonValue,
  path: DocumentPath,
  problems: Problems,
): ImpactRule | undefined {
  if (typeof value === 'number') return readConstant(value, path, problems);
  const raw = objectOf(
    value,
    path,
    'an impact',
    ['kind', 'field', 'currency', 'currencyField', 'currency_field', 'minor', 'length', 'constant', 'amount', 'settle'],
    problems,
  );
  if (raw === undefined) return undefined;
  const settle = readSettle(unit, member(raw, 'settle'), [...path, 'settle'], problems);
  const rule = readSpending(unit, raw, path, problems);
  return rule === undefined || settle === undefined ? rule : { ...rule, settle };
}

function readSpending(unit: string, raw: JsonObject, path: DocumentPath, problems: Problems): ImpactRule | undefined {
  const kind = member(raw, 'kind');
  if (kind === 'constant' || Object.hasOwn(raw, 'constant'))
    return readConstant(member(raw, 'constant') ?? member(raw, 'amount'), path, problems);
  if (kind === 'length' || Object.hasOwn(raw, 'length')) {
    if (currencyOf(unit) !== undefined)
      problems.add(path, 'bad_unit', `${unit} is money, and a length is not`, 'Choose another name for the unit.');
    const field = readPath(member(raw, 'length') ?? member(raw, 'field'), path, problems);
    return field === undefined ? undefined : { kind: 'length', field };
  }
  if (kind !== undefined && kind !== 'field')
    problems.add(
      [...path, 'kind'],
      'bad_kind',
      `${quote(kind)} is no kind of impact`,
      'Write field, length or constant.',
    );
  const field = readPath(member(raw, 'field'), [...path, 'field'], problems);
  const currency = member(raw, 'currency');
  const minor = member(raw, 'minor');
  const currencyField = member(raw, 'currencyField') ?? member(raw, 'currency_field');
  if (currency === undefined) {
    if (currencyOf(unit) !== undefined)
      problems.add(
        path,
        'no_currency',
        `${unit} is money, and the impact has no currency`,
        `Write currency: ${unit.toUpperCase()}.`,
      );
    for (const [key, found] of [
      ['minor', minor],
      ['currency_field', currencyField],
    ] as const)
      if (found !== undefined)
        problems.add([...path, key], 'not_money', `${key} is for money`, 'Give the currency, or remove it.');
    return field === undefined ? undefined : { kind: 'field', field };
  }
  if (typeof currency !== 'string' || exponentOf(currency) === undefined) {
    problems.add(
      [...path, 'currency'],
      'unknown_currency',
      `${quote(currency)} is an unknown currency`,
      'Write an ISO 4217 code, such as EUR.',
    );
    return undefined;
  }
  if (unit !== unitOf(currency))
    problems.add(
      path,
      'bad_unit',
      `${currency} is counted in the unit ${unitOf(currency)}`,
      `Write ${unitOf(currency)}: here.`,
    );
  if (minor !== undefined && typeof minor !== 'boolean')
    problems.add(
      [...path, 'minor'],
      'type',
      'minor must be true or false',
      'Write true when the argument counts cents.',
    );
  const named =
    currencyField === undefined ? undefined : readPath(currencyField, [...path, 'currency_field'], problems);
  if (field === undefined) return undefined;
  return {
    kind: 'field',
    field,
    currency,
    ...(minor === true ? { minor } : {}),
    ...(named === undefined ? {} : { currencyField: named }),
  };
}

/** How the structured content of a result tells what was spent. */
function readSettle(
  unit: string,
  value: JsonValue | undefined,
  path: DocumentPath,
  problems: Problems,
): SettleRule | undefined {
  if (value === undefined) return undefined;
  const known = ['field', 'length', 'minor', 'currencyField', 'currency_field', 'errors'];
  const raw = objectOf(value, path, 'settle', known, problems);
  if (raw === undefined) return undefined;
  const optional = (name: string): string | undefined =>
    Object.hasOwn(raw, name) ? readPath(member(raw, name), [...path, name], problems) : undefined;
  const field = optional('field');
  const length = optional('length');
  const currencyField = optional('currency_field') ?? optional('currencyField');
  const minor = member(raw, 'minor');
  const errors = member(raw, 'errors');
  const isMoney = currencyOf(unit) !== undefined;
  if (field !== undefined && length !== undefined)
    problems.add(path, 'two_amounts', 'settle names a field and a length', 'Keep one of the two.');
  if (field === undefined && length === undefined && errors === undefined)
    problems.add(path, 'empty', 'settle says nothing', 'Write field, length or errors: release.');
  if (length !== undefined && isMoney)
    problems.add([...path, 'length'], 'bad_unit', `${unit} is money, and a length is not`, 'Name the field instead.');
  if (errors !== undefined && errors !== 'release')
    problems.add([...path, 'errors'], 'bad_value', `${quote(errors)} is not known`, 'Write release, or leave it out.');
  if (minor !== undefined && (typeof minor !== 'boolean' || !isMoney))
    problems.add(
      [...path, 'minor'],
      'type',
      'minor is true or false, for money',
      'Write true for cents, or remove it.',
    );
  if (currencyField !== undefined && (!isMoney || field === undefined))
    problems.add([...path, 'currency_field'], 'not_money', 'currency_field is for a field of money', 'Remove it.');
  return {
    ...(field === undefined ? {} : { field }),
    ...(length === undefined ? {} : { length }),
    ...(minor === true ? { minor } : {}),
    ...(currencyField === undefined ? {} : { currencyField }),
    ...(errors === 'release' ? { errors } : {}),
  };
}

function readConstant(value: JsonValue | undefined, path: DocumentPath, problems: Problems): ImpactRule | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
    return { kind: 'constant', amount: value };
  problems.add(
    path,
    'bad_amount',
    `${quote(value)} is no amount`,
    'Write a whole number from 0; for money, in minor units.',
  );
  return undefined;
}

function readPath(value: JsonValue | undefined, path: DocumentPath, problems: Problems): string | undefined {
  const text = typeof value === 'string' ? value : '';
  const reading = readField(text.startsWith('args.') ? text : `args.${text}`);
  if (reading?.field.kind === 'argument') return text;
  problems.add(
    path,
    'bad_field',
    `${quote(value)} names no argument`,
    'Write the argument it is taken from, such as amount or order.total.',
  );
  return undefined;
}
