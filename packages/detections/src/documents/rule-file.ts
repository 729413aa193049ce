/** One document of a rule file, checked: a Sigma rule, correlation or filter, or a native rule. */
import { COMPARISONS, CORRELATION_TYPES, type Comparisons, type CorrelationType } from '../sigma/correlation.ts';
import { LEVELS, type Level, type ParameterDocument, type ParameterValue } from '../types.ts';
import { parseDuration } from './duration.ts';
import { type DocumentPath, type Problems, quote } from './problems.ts';
import { isYamlMap, type Yaml, type YamlMap } from './text.ts';

/** Of a parameter: which value of which document of the file it takes the place of. */
export interface ParameterModel extends ParameterDocument {
  readonly sets: readonly { readonly in: string | undefined; readonly path: readonly string[] }[];
}

export interface HiveKeyBlock {
  readonly ref: string | undefined;
  readonly version: number;
  readonly suppressionMs: number;
  readonly groupBy: readonly string[] | undefined;
  readonly response: string;
  readonly criteria: { readonly soc2: readonly string[]; readonly owasp_agentic: readonly string[] };
  readonly learned: boolean;
  readonly offersAction: boolean;
  readonly parameters: Readonly<Record<string, ParameterModel>>;
}

interface CorrelationDocument {
  readonly type: CorrelationType;
  readonly rules: readonly string[];
  readonly groupBy: readonly string[];
  readonly timespanMs: number;
  readonly compare: Comparisons;
  readonly field: string | undefined;
  readonly percentile: number;
  readonly aliases: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly generate: boolean;
}

interface RuleHead {
  readonly title: string;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly description: string;
  readonly level: Level;
  readonly falsePositives: readonly string[];
  readonly hivekey: HiveKeyBlock | undefined;
}

export type RuleBody =
  | { readonly form: 'detection'; readonly section: YamlMap }
  | { readonly form: 'correlation'; readonly correlation: CorrelationDocument }
  | { readonly form: 'filter'; readonly section: YamlMap; readonly rules: readonly string[] | 'any' }
  | { readonly form: 'native'; readonly native: string };

export interface RuleFileDocument {
  readonly head: RuleHead;
  readonly body: RuleBody;
}

const STATUSES = ['stable', 'test', 'experimental', 'deprecated', 'unsupported'];
const TEXTS = ['author', 'date', 'modified', 'license', 'taxonomy', 'status'] as const;
const LISTS = ['references', 'fields', 'tags', 'scope'] as const;
const FORMS = ['detection', 'correlation', 'filter', 'native'] as const;
const KEYS = [
  'title',
  'id',
  'name',
  'description',
  'level',
  'falsepositives',
  'logsource',
  'related',
  'hivekey',
  ...TEXTS,
  ...LISTS,
  ...FORMS,
];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const DEFAULT_SUPPRESSION_MS = 30 * 60_000;

export const DEFAULT_BLOCK: HiveKeyBlock = {
  ref: undefined,
  version: 1,
  suppressionMs: DEFAULT_SUPPRESSION_MS,
  groupBy: undefined,
  response: '',
  criteria: { soc2: [], owasp_agentic: [] },
  learned: false,
  offersAction: false,
  parameters: {},
};

/** Undefined after a problem. */
export function readRuleDocument(raw: YamlMap, problems: Problems): RuleFileDocument | undefined {
  const before = problems.list.length;
  const read = new Reader(problems);
  read.known(raw, [], KEYS, 'a rule');
  for (const key of TEXTS) if (raw[key] !== undefined) read.text(raw, [], key);
  for (const key of LISTS) if (raw[key] !== undefined) read.texts(raw, [], key);
  if (raw.status !== undefined) read.word(raw, [], 'status', STATUSES);
  const id = raw.id === undefined ? undefined : read.text(raw, [], 'id');
  if (id !== undefined && !UUID.test(id))
    problems.add(
      ['id'],
      'id',
      `${quote(id)} is no UUID in lower case`,
      'Write for example 0f1c2a10-6b1e-4d1a-9a01-000000000001.',
    );
  const head: RuleHead = {
    title: read.text(raw, [], 'title', 256) ?? '',
    id,
    name: raw.name === undefined ? undefined : read.text(raw, [], 'name', 256),
    description: raw.description === undefined ? '' : (read.text(raw, [], 'description', 65_535) ?? ''),
    level: raw.level === undefined ? 'medium' : (read.word(raw, [], 'level', LEVELS) ?? 'medium'),
    falsePositives: raw.falsepositives === undefined ? [] : read.texts(raw, [], 'falsepositives'),
    hivekey: raw.hivekey === undefined ? undefined : readBlock(raw.hivekey, read),
  };
  const forms = FORMS.filter((form) => raw[form] !== undefined);
  const [form, second] = forms;
  if (form === undefined || second !== undefined) {
    problems.add(
      second === undefined ? [] : [second],
      'form',
      'a rule has one of detection, correlation, filter and native',
      'Write exactly one of them.',
    );
    return undefined;
  }
  const body = readBody(form, raw, read);
  if (form === 'detection' || form === 'filter') readLogsource(raw, read);
  return problems.list.length > before || body === undefined ? undefined : { head, body };
}

function readBody(form: (typeof FORMS)[number], raw: YamlMap, read: Reader): RuleBody | undefined {
  if (form === 'native') {
    const native = read.text(raw, [], 'native');
    return native === undefined ? undefined : { form, native };
  }
  const section = read.map(raw, [], form);
  if (section === undefined) return undefined;
  switch (form) {
    case 'detection':
      return { form, section };
    case 'filter': {
      const rules = section.rules === 'any' ? 'any' : read.texts(section, ['filter'], 'rules');
      return { form, section, rules };
    }
    case 'correlation': {
      const correlation = readCorrelation(section, read);
      return correlation === undefined ? undefined : { form, correlation };
    }
  }
}

/** A rule for another product would never match anything here. */
function readLogsource(raw: YamlMap, read: Reader): void {
  const source = read.map(raw, [], 'logsource');
  if (source === undefined) return;
  read.known(source, ['logsource'], ['product', 'service', 'category', 'definition'], 'logsource');
  for (const [key, wanted] of [
    ['product', 'hivekey'],
    ['service', 'action'],
    ['category', undefined],
  ] as const) {
    const found = source[key];
    if (found !== undefined && found !== wanted)
      read.problems.add(
        ['logsource', key],
        'logsource',
        `${quote(found)} is not what this log comes from`,
        'Write product: hivekey, service: action.',
      );
  }
}

const CORRELATION_KEYS = ['type', 'rules', 'group-by', 'timespan', 'condition', 'aliases', 'generate'];

function readCorrelation(raw: YamlMap, read: Reader): CorrelationDocument | undefined {
  const at = ['correlation'];
  const { problems } = read;
  read.known(raw, at, CORRELATION_KEYS, 'correlation');
  const type = read.word(raw, at, 'type', CORRELATION_TYPES);
  const rules = typeof raw.rules === 'string' ? [raw.rules] : read.texts(raw, at, 'rules');
  if (raw.rules !== undefined && rules.length === 0)
    problems.add([...at, 'rules'], 'empty', 'rules names none', 'Name a rule by name or id.');
  const groupBy =
    raw['group-by'] === undefined
      ? []
      : typeof raw['group-by'] === 'string'
        ? [raw['group-by']]
        : read.texts(raw, at, 'group-by');
  const timespanMs = parseDuration(raw.timespan);
  if (timespanMs === undefined)
    problems.add(
      [...at, 'timespan'],
      'timespan',
      `${quote(raw.timespan)} is no length of time`,
      'Write 90s, 15m, 24h or 7d.',
    );
  const aliases: Record<string, Readonly<Record<string, string>>> = {};
  if (raw.aliases !== undefined)
    for (const [alias, map] of Object.entries(read.map(raw, at, 'aliases') ?? {})) {
      const fields: Record<string, string> = {};
      if (isYamlMap(map))
        for (const rule of Object.keys(map)) {
          const field = read.text(map, [...at, 'aliases', alias], rule);
          if (field !== undefined) fields[rule] = field;
          if (!rules.includes(rule))
            problems.add(
              [...at, 'aliases', alias, rule],
              'alias',
              `${quote(rule)} is not among rules`,
              `Use one of ${rules.join(', ')}.`,
            );
        }
      else problems.add([...at, 'aliases', alias], 'type', 'an alias is a map', 'Write rule: field below it.');
      aliases[alias] = fields;
    }
  if (type === undefined || timespanMs === undefined) return undefined;
  const isTemporal = type === 'temporal' || type === 'temporal_ordered';
  const condition = raw.condition === undefined && isTemporal ? {} : read.map(raw, at, 'condition');
  if (condition === undefined) return undefined;
  const compare = readComparisons(condition, type, rules.length, read);
  const field = condition.field === undefined ? undefined : read.text(condition, [...at, 'condition'], 'field');
  if (type.startsWith('value_') !== (field !== undefined))
    problems.add(
      [...at, 'condition', 'field'],
      'field',
      type.startsWith('value_') ? `${type} needs a field` : `${type} has no field`,
      'Write field: tool below condition, or leave it out.',
    );
  const percentile =
    type === 'value_percentile' ? (read.number(condition, [...at, 'condition'], 'percentile', 0, 100) ?? 50) : 50;
  return {
    ...{ type, rules, groupBy, timespanMs, compare, field, percentile, aliases },
    generate: raw.generate === true,
  };
}

function readComparisons(condition: YamlMap, type: CorrelationType, rules: number, read: Reader): Comparisons {
  const at = ['correlation', 'condition'];
  read.known(
    condition,
    at,
    [...COMPARISONS, 'field', ...(type === 'value_percentile' ? ['percentile'] : [])],
    'condition',
  );
  const compare: Record<string, number> = {};
  for (const key of COMPARISONS) {
    const limit = condition[key] === undefined ? undefined : read.number(condition, at, key);
    if (limit !== undefined) compare[key] = limit;
  }
  const keys = Object.keys(compare);
  if (type === 'temporal' || type === 'temporal_ordered') {
    if (type === 'temporal_ordered' && keys.length > 0)
      read.problems.add(at, 'condition', 'temporal_ordered takes all of its rules', 'Leave condition out.');
    return keys.length === 0 ? { gte: rules } : compare;
  }
  if (keys.length === 0)
    read.problems.add(at, 'condition', 'the condition compares nothing', 'Write gte: 10 below it.');
  const counts = type === 'event_count' || type === 'value_count';
  if (counts && keys.length > 0 && compare.gt === undefined && compare.gte === undefined && compare.eq === undefined)
    read.problems.add(
      at,
      'condition',
      'a count that must stay low holds at the first event',
      'Give a lower bound. That something is missing takes a native rule.',
    );
  return compare;
}

const BLOCK_KEYS = [
  'ref',
  'version',
  'suppression',
  'group-by',
  'response',
  'criteria',
  'learned',
  'offers-action',
  'parameters',
];

function readBlock(value: Yaml, read: Reader): HiveKeyBlock {
  const at = ['hivekey'];
  if (!isYamlMap(value)) {
    read.problems.add(at, 'type', 'hivekey must be a map', `Write ${BLOCK_KEYS.join(', ')} below it.`);
    return DEFAULT_BLOCK;
  }
  read.known(value, at, BLOCK_KEYS, 'hivekey');
  const suppressionMs =
    value.suppression === 'none'
      ? 0
      : value.suppression === undefined
        ? DEFAULT_SUPPRESSION_MS
        : parseDuration(value.suppression);
  if (suppressionMs === undefined)
    read.problems.add(
      [...at, 'suppression'],
      'suppression',
      `${quote(value.suppression)} is no length of time`,
      'Write 30m, 6h or none.',
    );
  const criteria = value.criteria === undefined ? {} : (read.map(value, at, 'criteria') ?? {});
  const inCriteria = [...at, 'criteria'];
  read.known(criteria, inCriteria, ['soc2', 'owasp_agentic'], 'criteria');
  return {
    ref: value.ref === undefined ? undefined : read.text(value, at, 'ref', 40),
    version: value.version === undefined ? 1 : (read.whole(value, at, 'version', 1, 1_000_000) ?? 1),
    suppressionMs: suppressionMs ?? DEFAULT_SUPPRESSION_MS,
    groupBy: value['group-by'] === undefined ? undefined : read.texts(value, at, 'group-by'),
    response: value.response === undefined ? '' : (read.text(value, at, 'response', 4_000) ?? ''),
    criteria: {
      soc2: criteria.soc2 === undefined ? [] : read.texts(criteria, inCriteria, 'soc2'),
      owasp_agentic: criteria.owasp_agentic === undefined ? [] : read.texts(criteria, inCriteria, 'owasp_agentic'),
    },
    learned: value.learned === true,
    offersAction: value['offers-action'] === true,
    parameters: value.parameters === undefined ? {} : readParameters(read.map(value, at, 'parameters') ?? {}, read),
  };
}

function readParameters(map: YamlMap, read: Reader): Readonly<Record<string, ParameterModel>> {
  const parameters: Record<string, ParameterModel> = {};
  for (const [name, raw] of Object.entries(map)) {
    const at = ['hivekey', 'parameters', name];
    if (!isYamlMap(raw)) {
      read.problems.add(at, 'type', 'a parameter is a map', 'Write description and default below it.');
      continue;
    }
    read.known(raw, at, ['description', 'default', 'min', 'max', 'sets'], 'a parameter');
    const given = parameterValue(raw.default);
    if (given === undefined)
      read.problems.add(
        [...at, 'default'],
        'type',
        'a default is a number, text, true, false or a list of texts',
        'Write one.',
      );
    const sets = raw.sets === undefined ? [] : typeof raw.sets === 'string' ? [raw.sets] : read.texts(raw, at, 'sets');
    parameters[name] = {
      description: read.text(raw, at, 'description', 1_000) ?? '',
      default: given ?? 0,
      ...(raw.min === undefined ? {} : { min: read.number(raw, at, 'min') ?? 0 }),
      ...(raw.max === undefined ? {} : { max: read.number(raw, at, 'max') ?? 0 }),
      sets: sets.map((text) => {
        const [, rule, path = ''] = /^(?:([^:]*):)?(.*)$/.exec(text) ?? [];
        return { in: rule, path: path.split('.') };
      }),
    };
  }
  return parameters;
}

function parameterValue(value: unknown): ParameterValue | undefined {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined;
}

/** Reads values of a map and reports what they are not. */
class Reader {
  readonly problems: Problems;

  constructor(problems: Problems) {
    this.problems = problems;
  }

  known(map: YamlMap, path: DocumentPath, keys: readonly string[], what: string): void {
    for (const key of Object.keys(map))
      if (!keys.includes(key))
        this.problems.add(
          [...path, key],
          'unknown_field',
          `${quote(key)} is not a field of ${what}`,
          `Known here: ${keys.join(', ')}.`,
        );
  }

  text(map: YamlMap, path: DocumentPath, key: string, max = 1_000): string | undefined {
    const value = map[key];
    if (typeof value === 'string' && value !== '' && value.length <= max) return value;
    this.problems.add(
      value === undefined ? path : [...path, key],
      'text',
      `${key} must be text of 1 to ${max} characters`,
      `Write ${key}: and the text, between quotes if it reads as a number.`,
    );
    return undefined;
  }

  word<T extends string>(map: YamlMap, path: DocumentPath, key: string, words: readonly T[]): T | undefined {
    const found = words.find((each) => each === map[key]);
    if (found === undefined)
      this.problems.add([...path, key], 'word', `${quote(map[key])} is no ${key}`, `Write one of ${words.join(', ')}.`);
    return found;
  }

  number(
    map: YamlMap,
    path: DocumentPath,
    key: string,
    min = -Number.MAX_SAFE_INTEGER,
    max = Number.MAX_SAFE_INTEGER,
  ): number | undefined {
    const value = map[key];
    if (typeof value === 'number' && value >= min && value <= max) return value;
    this.problems.add(
      [...path, key],
      'number',
      `${key} must be a number from ${min} to ${max}`,
      'Write the number without quotes.',
    );
    return undefined;
  }

  whole(map: YamlMap, path: DocumentPath, key: string, min: number, max: number): number | undefined {
    const value = this.number(map, path, key, min, max);
    if (value === undefined || Number.isInteger(value)) return value;
    this.problems.add(
      [...path, key],
      'number',
      `${key} must be a whole number`,
      'Write the number without a fraction.',
    );
    return undefined;
  }

  texts(map: YamlMap, path: DocumentPath, key: string): readonly string[] {
    const value = map[key];
    if (Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '')) return value;
    this.problems.add(
      value === undefined ? path : [...path, key],
      'texts',
      `${key} must be a list of texts`,
      'Write one a line, each after "- ".',
    );
    return [];
  }

  map(map: YamlMap, path: DocumentPath, key: string): YamlMap | undefined {
    const value = map[key];
    if (isYamlMap(value)) return value;
    this.problems.add(
      value === undefined ? path : [...path, key],
      'type',
      `${key} must be a map`,
      `Write ${key}: and its fields below it.`,
    );
    return undefined;
  }
}
