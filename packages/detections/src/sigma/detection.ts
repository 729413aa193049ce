/** The detection of a Sigma rule or filter: search identifiers and their condition → a test of an event. */
import type { DocumentPath, Problems } from '../documents/problems.ts';
import { quote } from '../documents/problems.ts';
import { isYamlMap, type Yaml, type YamlMap } from '../documents/text.ts';
import type { FlatEvent, ParameterValue } from '../types.ts';
import { BadCondition, type Condition, parseCondition } from './condition.ts';
import {
  BadValue,
  checkModifiers,
  compareFields,
  compileValue,
  isModifier,
  MODIFIERS,
  type Modifier,
  type SigmaScalar,
  textOf,
  type ValueTest,
} from './values.ts';

export type EventTest = (event: FlatEvent) => boolean;

export interface Detection {
  readonly test: EventTest;
  /** That it reads. */
  readonly fields: ReadonlySet<string>;
  /** Kinds that it can match, where it names them; undefined: any. */
  readonly kinds: ReadonlySet<string> | undefined;
}

/** A part of it: the test, and the kinds as above. */
interface Part {
  readonly test: EventTest;
  readonly kinds: ReadonlySet<string> | undefined;
}

/**
 * `section` is the map under `detection` or `filter`; `reserved` are its keys that are no search identifiers.
 * Undefined after a problem.
 */
export function compileDetection(
  section: YamlMap,
  path: DocumentPath,
  reserved: readonly string[],
  parameters: Readonly<Record<string, ParameterValue>>,
  problems: Problems,
): Detection | undefined {
  const fields = new Set<string>();
  const before = problems.list.length;
  const parts = new Map<string, Part>();
  const names = Object.keys(section).filter((name) => name !== 'condition' && !reserved.includes(name));
  const compiler = new Compiler(fields, parameters, problems);
  for (const name of names) {
    const part = compiler.search(section[name] ?? null, [...path, name]);
    if (part !== undefined) parts.set(name, part);
  }
  const given = section.condition;
  const texts = Array.isArray(given) ? given : [given];
  const conditions: Condition[] = [];
  for (const text of texts)
    try {
      if (typeof text !== 'string') throw new BadCondition('the condition must be text');
      conditions.push(parseCondition(text, names));
    } catch (error) {
      if (!(error instanceof BadCondition)) throw error;
      const remedy = `Write for example "selection and not filter". Search identifiers here: ${names.join(', ')}.`;
      problems.add([...path, 'condition'], 'condition', error.message, remedy);
    }
  if (problems.list.length > before) return undefined;
  const all = anyOf(conditions.map((condition) => compose(condition, parts)));
  return { ...all, fields };
}

function compose(condition: Condition, parts: ReadonlyMap<string, Part>): Part {
  switch (condition.op) {
    case 'is':
      return parts.get(condition.name) ?? { test: () => false, kinds: new Set() };
    case 'not': {
      const { test } = compose(condition.of, parts);
      return { test: (event) => !test(event), kinds: undefined };
    }
    case 'and':
      return allOf(condition.of.map((each) => compose(each, parts)));
    case 'or':
      return anyOf(condition.of.map((each) => compose(each, parts)));
  }
}

function allOf(parts: readonly Part[]): Part {
  const [first, ...rest] = parts;
  const test: EventTest =
    first !== undefined && rest.length === 0 ? first.test : (event) => parts.every((part) => part.test(event));
  const known = parts.flatMap(({ kinds }) => (kinds === undefined ? [] : [kinds]));
  const [one, ...others] = known;
  if (one === undefined) return { test, kinds: undefined };
  return { test, kinds: new Set([...one].filter((kind) => others.every((each) => each.has(kind)))) };
}

function anyOf(parts: readonly Part[]): Part {
  const [first, ...rest] = parts;
  const test: EventTest =
    first !== undefined && rest.length === 0 ? first.test : (event) => parts.some((part) => part.test(event));
  const known = parts.flatMap(({ kinds }) => (kinds === undefined ? [] : [kinds]));
  return {
    test,
    kinds: known.length < parts.length ? undefined : new Set(known.flatMap((each) => [...each])),
  };
}

class Compiler {
  readonly #fields: Set<string>;
  readonly #parameters: Readonly<Record<string, ParameterValue>>;
  readonly #problems: Problems;

  constructor(fields: Set<string>, parameters: Readonly<Record<string, ParameterValue>>, problems: Problems) {
    this.#fields = fields;
    this.#parameters = parameters;
    this.#problems = problems;
  }

  /** A map: all of it. A list of maps: one of them. A list of words: one of them anywhere in the event. */
  search(value: Yaml, path: DocumentPath): Part | undefined {
    if (isYamlMap(value)) return this.#map(value, path);
    const items = Array.isArray(value) ? value : [value];
    if (items.length === 0 || items.some((item) => item === null)) {
      this.#problems.add(path, 'empty', 'a search identifier is empty', 'Write field: value below it.');
      return undefined;
    }
    const parts = items.map((item, i) =>
      isYamlMap(item) ? this.#map(item, [...path, i]) : this.#item('', item, [...path, i]),
    );
    return parts.some((part) => part === undefined) ? undefined : anyOf(parts.filter((part) => part !== undefined));
  }

  #map(map: YamlMap, path: DocumentPath): Part | undefined {
    const entries = Object.entries(map);
    if (entries.length === 0) {
      this.#problems.add(path, 'empty', 'a search identifier is empty', 'Write field: value below it.');
      return undefined;
    }
    const parts = entries.map(([key, value]) => this.#item(key, value, [...path, key]));
    return parts.some((part) => part === undefined) ? undefined : allOf(parts.filter((part) => part !== undefined));
  }

  #item(key: string, value: Yaml, path: DocumentPath): Part | undefined {
    try {
      return this.#compile(key, value, path);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      this.#problems.add(path, 'value', error.message, 'See the modifiers of Sigma 2.1.0.');
      return undefined;
    }
  }

  #compile(key: string, value: Yaml, path: DocumentPath): Part | undefined {
    const [field = '', ...names] = key.split('|');
    const modifiers: Modifier[] = [];
    for (const name of names)
      if (isModifier(name)) modifiers.push(name);
      else {
        this.#problems.add(path, 'modifier', `${quote(name)} is no modifier`, `Known: ${MODIFIERS.join(', ')}.`);
        return undefined;
      }
    checkModifiers(modifiers);
    const items: readonly Yaml[] = Array.isArray(value) ? value : [value];
    const scalars = items.filter((item) => item === null || typeof item !== 'object');
    if (scalars.length < items.length || items.length === 0)
      throw new BadValue('a value is text, a number, true, false or null');
    if (modifiers.includes('all') && scalars.length < 2) throw new BadValue('all takes a list of two or more');
    if (field !== '') this.#fields.add(field);
    const expanded = modifiers.includes('expand') ? scalars.flatMap((each) => this.#expand(each)) : scalars;
    const test = field === '' ? keywordTest(expanded, modifiers) : this.#fieldTest(field, expanded, modifiers);
    return { test, kinds: kindsOf(field, modifiers, expanded) };
  }

  /** `%name%` alone stands for each value of the parameter `name`; what stands in other text is put there. `\%` is a percent sign. */
  #expand(value: SigmaScalar): readonly SigmaScalar[] {
    if (typeof value !== 'string') return [value];
    const found = /(?<!\\)%([A-Za-z][A-Za-z0-9_]*)%/.exec(value);
    if (found === null) return [value.replaceAll('\\%', '%')];
    const [whole, name = ''] = found;
    const given = this.#parameters[name];
    if (given === undefined) throw new BadValue(`%${name}% is no parameter of this rule`);
    const choices = Array.isArray(given) ? given : [String(given)];
    return choices.flatMap((choice) => this.#expand(value.replace(whole, () => choice)));
  }

  #fieldTest(field: string, values: readonly SigmaScalar[], modifiers: readonly Modifier[]): EventTest {
    const neq = modifiers.includes('neq');
    const every = modifiers.includes('all');
    if (modifiers.includes('exists')) {
      const [wanted] = values;
      if (typeof wanted !== 'boolean' || values.length > 1) throw new BadValue('exists takes true or false');
      return (event) => (event[field] !== undefined) === wanted;
    }
    if (modifiers.includes('fieldref')) {
      const compare = compareFields(modifiers);
      const tests = values.map((other): EventTest => {
        if (typeof other !== 'string') throw new BadValue('fieldref takes the name of a field');
        this.#fields.add(other);
        return (event) => {
          if (absent(event[field]) || absent(event[other])) return false;
          const same = itemsOf(event[field]).some((a) => itemsOf(event[other]).some((b) => compare(a, b)));
          return same !== neq;
        };
      });
      return (event) => (every || neq ? tests.every((test) => test(event)) : tests.some((test) => test(event)));
    }
    const tests = values.map((value) => compileValue(value, modifiers));
    if (neq) return (event) => !absent(event[field]) && !tests.some((test) => matches(test, event[field]));
    const [only] = tests;
    if (only !== undefined && tests.length === 1) return (event) => matches(only, event[field]);
    if (every) return (event) => tests.every((test) => matches(test, event[field]));
    return (event) => tests.some((test) => matches(test, event[field]));
  }
}

/** One element of a list is enough. */
function matches(test: ValueTest, value: unknown): boolean {
  return Array.isArray(value) ? value.some((each) => test(each)) : test(value);
}

function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function absent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** Words are looked for in every field. */
function keywordTest(words: readonly SigmaScalar[], modifiers: readonly Modifier[]): EventTest {
  const anywhere: readonly Modifier[] = modifiers.includes('re')
    ? modifiers
    : [...modifiers.filter((each) => each !== 'all'), 'contains'];
  const tests = words.map((word) => compileValue(word, anywhere));
  const found = (test: ValueTest, event: FlatEvent) =>
    Object.values(event).some((value) => itemsOf(value).some((each) => textOf(each) !== undefined && test(each)));
  return modifiers.includes('all')
    ? (event) => tests.every((test) => found(test, event))
    : (event) => tests.some((test) => found(test, event));
}

/** Known where `kind` is compared with whole words: the engine then spares the rule other events. */
function kindsOf(field: string, modifiers: readonly Modifier[], values: readonly SigmaScalar[]) {
  if (field !== 'kind' || modifiers.some((each) => each !== 'expand' && each !== 'cased')) return undefined;
  const words = values.filter((value) => typeof value === 'string' && /^[a-z_.]+$/.test(value));
  return words.length < values.length ? undefined : new Set(words.map(String));
}
