/** Rule files → rules that can run, and all that is wrong with those that cannot. */
import { canonicalJson, formatHash, sha256 } from '@hivekey/action-log';
import { Params } from './documents/params.ts';
import type { DocumentPath, Problems, RuleProblem } from './documents/problems.ts';
import { quote } from './documents/problems.ts';
import {
  DEFAULT_BLOCK,
  type ParameterModel,
  type RuleBody,
  type RuleFileDocument,
  readRuleDocument,
} from './documents/rule-file.ts';
import { isYamlMap, readText, type Yaml, type YamlMap } from './documents/text.ts';
import type { Evaluator, Match } from './evaluator.ts';
import { KNOWN_FIELDS, likeField } from './fields.ts';
import { NATIVE } from './native/index.ts';
import { BaseNode, type CorrelationModel, CorrelationNode, type SigmaNode } from './sigma/correlation.ts';
import { compileDetection, type Detection } from './sigma/detection.ts';
import { BadValue } from './sigma/values.ts';
import type { Outside, ParameterValue, Rule, RuleDocument } from './types.ts';

export interface RuleFile {
  /** As problems name it. */
  readonly name: string;
  readonly text: string;
}

export interface LoadOptions {
  /** Rule id → parameter → value. What is not set has its default. */
  readonly parameters?: Readonly<Record<string, Readonly<Record<string, ParameterValue>>>>;
}

export interface LoadedRules {
  readonly rules: readonly Rule[];
  /** A file with a problem is left out, and every rule that refers to what cannot run. */
  readonly problems: readonly RuleProblem[];
}

/** A document of a file, with its parameters put in. */
interface Entry {
  readonly file: RuleFile;
  readonly digest: string;
  readonly problems: Problems;
  readonly document: RuleFileDocument;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

/** Documents may refer to those of any of the files. */
export function loadRules(files: readonly RuleFile[], { parameters = {} }: LoadOptions = {}): LoadedRules {
  const entries: Entry[] = [];
  const problems: RuleProblem[] = [];
  for (const file of files) {
    const { documents, problems: unreadable } = readText(file.name, file.text);
    problems.push(...unreadable);
    const digest = formatHash(sha256(Buffer.from(file.text)));
    const checked = documents.map(({ value, problems: here }) => ({
      here,
      value,
      first: readRuleDocument(value, here),
    }));
    const set = settingsOf(
      checked.flatMap(({ first, here }) => (first === undefined ? [] : [{ first, here }])),
      parameters,
    );
    for (const { here, value, first } of checked) {
      const name = first?.head.name ?? first?.head.id;
      const document =
        first === undefined || set.changes.length === 0
          ? first
          : readRuleDocument(withParameters(value, name, first, set.changes, here), here);
      if (document !== undefined && here.list.length === 0)
        entries.push({ file, digest, problems: here, document, parameters: set.values });
      else problems.push(...here.list);
    }
  }
  return new Linker(entries, problems).link();
}

interface Change {
  readonly in: string | undefined;
  readonly owner: RuleFileDocument;
  readonly path: readonly string[];
  readonly value: ParameterValue;
}

/** Parameters of all documents of one file: the values in force, and where they go. */
function settingsOf(
  documents: readonly { readonly first: RuleFileDocument; readonly here: Problems }[],
  given: LoadOptions['parameters'] = {},
) {
  const values: Record<string, ParameterValue> = {};
  const changes: Change[] = [];
  for (const { first, here } of documents) {
    const own = given[first.head.id ?? ''] ?? {};
    const declared = first.head.hivekey?.parameters ?? {};
    for (const name of Object.keys(own))
      if (!Object.hasOwn(declared, name))
        here.add(
          ['hivekey', 'parameters'],
          'unknown_parameter',
          `${quote(name)} is no parameter of this rule`,
          `Known: ${Object.keys(declared).join(', ') || 'none'}.`,
        );
    for (const [name, model] of Object.entries(declared)) {
      const value = own[name] ?? model.default;
      checkParameter(name, value, model, here);
      values[name] = value;
      if (own[name] !== undefined)
        for (const { in: rule, path } of model.sets) changes.push({ in: rule, owner: first, path, value });
    }
  }
  return { values, changes };
}

function checkParameter(name: string, value: ParameterValue, model: ParameterModel, problems: Problems): void {
  const at = ['hivekey', 'parameters', name];
  const isSame = Array.isArray(value) === Array.isArray(model.default) && typeof value === typeof model.default;
  if (!isSame)
    problems.add(
      at,
      'parameter_type',
      `${name} takes ${Array.isArray(model.default) ? 'a list of texts' : `a ${typeof model.default}`}`,
      'Give a value like its default.',
    );
  else if (typeof value === 'number' && !(value >= (model.min ?? -Infinity) && value <= (model.max ?? Infinity)))
    problems.add(
      at,
      'parameter_range',
      `${name} lies outside ${model.min ?? '…'} to ${model.max ?? '…'}`,
      'Choose a value within.',
    );
}

function withParameters(
  value: YamlMap,
  name: string | undefined,
  document: RuleFileDocument,
  changes: readonly Change[],
  problems: Problems,
): YamlMap {
  let changed: YamlMap = value;
  for (const change of changes) {
    if (change.in === undefined ? change.owner !== document : change.in !== name) continue;
    const next = replaced(changed, change.path, change.value);
    if (isYamlMap(next)) changed = next;
    else
      problems.add(
        ['hivekey', 'parameters'],
        'parameter_place',
        `${change.path.join('.')} is not in this document`,
        'Write the path of a value that is there.',
      );
  }
  return changed;
}

/** Undefined where the path leads nowhere. */
function replaced(value: Yaml, path: readonly string[], to: ParameterValue): Yaml | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return to;
  if (!isYamlMap(value) || !Object.hasOwn(value, key)) return undefined;
  const inner = replaced(value[key] ?? null, rest, to);
  return inner === undefined ? undefined : { ...value, [key]: inner };
}

/** A node as it can be built any number of times, with what it depends on. */
interface Plan {
  readonly build: () => SigmaNode;
  readonly fields: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string> | undefined;
  readonly digests: ReadonlySet<string>;
}

class Linker {
  readonly #entries: readonly Entry[];
  readonly #problems: RuleProblem[];
  readonly #plans = new Map<Entry, Plan | undefined>();
  readonly #underway = new Set<Entry>();

  constructor(entries: readonly Entry[], problems: RuleProblem[]) {
    this.#entries = entries;
    this.#problems = problems;
  }

  link(): LoadedRules {
    this.#refuseTwins();
    this.#refuseLostFilters();
    const silent = this.#referredTo();
    const rules: Rule[] = [];
    for (const entry of this.#entries) {
      if (entry.document.body.form === 'filter' || silent.has(entry)) continue;
      const rule =
        entry.document.body.form === 'native' ? this.#native(entry, entry.document.body.native) : this.#sigma(entry);
      if (rule !== undefined) rules.push(rule);
    }
    for (const { problems } of this.#entries) this.#problems.push(...problems.list);
    // A file is taken as a whole: without the correlation, rules that are parts of it would fire by themselves.
    const bad = new Set(this.#problems.map(({ file }) => file));
    return { rules: rules.filter(({ file }) => !bad.has(file)), problems: this.#problems };
  }

  #find(reference: string): Entry | undefined {
    return this.#entries.find(
      ({ document: { head, body } }) => body.form !== 'filter' && (head.name === reference || head.id === reference),
    );
  }

  #refuseTwins(): void {
    const names = new Set<string>();
    for (const { document, problems } of this.#entries)
      for (const key of ['id', 'name'] as const) {
        const value = document.head[key];
        if (value === undefined) continue;
        if (names.has(value))
          problems.add([key], 'twin', `another rule has the ${key} ${quote(value)}`, 'Give each rule its own.');
        names.add(value);
      }
  }

  #refuseLostFilters(): void {
    for (const { document, problems } of this.#entries) {
      if (document.body.form !== 'filter' || document.body.rules === 'any') continue;
      for (const [i, name] of document.body.rules.entries()) {
        const form = this.#find(name)?.document.body.form;
        if (form !== 'detection')
          problems.add(
            ['filter', 'rules', i],
            'reference',
            `${quote(name)} is no rule with a detection`,
            'Name one by name or id: a correlation is filtered by filtering its rules.',
          );
      }
    }
  }

  /** Rules that a correlation refers to do not fire by themselves, unless it says generate. */
  #referredTo(): ReadonlySet<Entry> {
    const found = new Set<Entry>();
    for (const { document } of this.#entries) {
      if (document.body.form !== 'correlation' || document.body.correlation.generate) continue;
      for (const name of document.body.correlation.rules) {
        const entry = this.#find(name);
        if (entry !== undefined) found.add(entry);
      }
    }
    return found;
  }

  #plan(entry: Entry): Plan | undefined {
    if (this.#plans.has(entry)) return this.#plans.get(entry);
    if (this.#underway.has(entry)) {
      entry.problems.add(['correlation', 'rules'], 'circle', 'the correlation refers to itself', 'Break the circle.');
      return undefined;
    }
    this.#underway.add(entry);
    const { body } = entry.document;
    const plan =
      body.form === 'correlation'
        ? this.#correlation(entry, body)
        : body.form === 'detection'
          ? this.#detection(entry, body)
          : undefined;
    this.#underway.delete(entry);
    this.#plans.set(entry, plan);
    return plan;
  }

  #detection(entry: Entry, body: RuleBody & { readonly form: 'detection' }): Plan | undefined {
    const { document, parameters, problems, digest } = entry;
    const own = compileDetection(body.section, ['detection'], [], parameters, problems);
    if (own === undefined) return undefined;
    this.#refuseUnknown(own.fields, ['detection'], problems);
    const digests = new Set([digest]);
    const filters: Detection[] = [];
    for (const other of this.#entries) {
      const { body: filter } = other.document;
      if (filter.form !== 'filter') continue;
      if (filter.rules !== 'any' && !filter.rules.some((name) => this.#find(name) === entry)) continue;
      const compiled = compileDetection(filter.section, ['filter'], ['rules'], other.parameters, other.problems);
      if (compiled === undefined) continue;
      this.#refuseUnknown(compiled.fields, ['filter'], other.problems);
      filters.push(compiled);
      digests.add(other.digest);
    }
    const fields = new Set([own, ...filters].flatMap((each) => [...each.fields]));
    const groupBy = document.head.hivekey?.groupBy ?? ['agent_id'];
    this.#refuseUnknown(new Set(groupBy), ['hivekey', 'group-by'], problems);
    const test =
      filters.length === 0
        ? own.test
        : (event: Parameters<typeof own.test>[0]) => own.test(event) && filters.every((each) => each.test(event));
    return { build: () => new BaseNode(test, groupBy, document.head.title), fields, kinds: own.kinds, digests };
  }

  #correlation(entry: Entry, { correlation }: RuleBody & { readonly form: 'correlation' }): Plan | undefined {
    const { problems } = entry;
    const inputs: Plan[] = [];
    for (const [i, name] of correlation.rules.entries()) {
      const referred = this.#find(name);
      const plan = referred === undefined ? undefined : this.#plan(referred);
      if (plan === undefined)
        problems.add(
          ['correlation', 'rules', i],
          'reference',
          `${quote(name)} is no rule that can run`,
          'Name a detection or correlation of these files by name or id.',
        );
      else inputs.push(plan);
    }
    const aliased = Object.values(correlation.aliases).flatMap((map) => Object.values(map));
    const plain = correlation.groupBy.filter((field) => !Object.hasOwn(correlation.aliases, field));
    const fields = new Set([...aliased, ...plain, ...(correlation.field === undefined ? [] : [correlation.field])]);
    this.#refuseUnknown(fields, ['correlation'], problems);
    if (inputs.length < correlation.rules.length) return undefined;
    const { type, groupBy, timespanMs, compare, field, percentile } = correlation;
    const aliases = correlation.rules.map((rule) =>
      Object.fromEntries(
        Object.entries(correlation.aliases).flatMap(([alias, map]) =>
          map[rule] === undefined ? [] : [[alias, map[rule]]],
        ),
      ),
    );
    const model: CorrelationModel = { type, groupBy, timespanMs, compare, field, percentile, aliases };
    const kinds = inputs.map((input) => input.kinds);
    const known = kinds.flatMap((each) => (each === undefined ? [] : [each]));
    return {
      build: () =>
        new CorrelationNode(
          model,
          inputs.map((input) => input.build()),
        ),
      fields: new Set([...fields, ...inputs.flatMap((input) => [...input.fields])]),
      kinds: known.length < kinds.length ? undefined : new Set(known.flatMap((each) => [...each])),
      digests: new Set([entry.digest, ...inputs.flatMap((input) => [...input.digests])]),
    };
  }

  #refuseUnknown(fields: ReadonlySet<string>, path: DocumentPath, problems: Problems): void {
    for (const field of fields) {
      if (KNOWN_FIELDS.has(field)) continue;
      const like = likeField(field);
      problems.add(
        path,
        'unknown_event_field',
        `no record has the field ${quote(field)}, so that the rule would never match`,
        like === undefined ? 'See docs/reference/records.md.' : `Did you mean ${like}?`,
      );
    }
  }

  #sigma(entry: Entry): Rule | undefined {
    const plan = this.#plan(entry);
    if (plan === undefined) return undefined;
    return rule(entry, plan.digests, plan.fields, 'sigma', () => new SigmaEvaluator(plan.build(), plan.kinds));
  }

  #native(entry: Entry, name: string): Rule | undefined {
    const { parameters, problems, digest } = entry;
    const kind = Object.hasOwn(NATIVE, name) ? NATIVE[name] : undefined;
    if (kind === undefined) {
      problems.add(
        ['native'],
        'native',
        `there is no native rule ${quote(name)}`,
        `Known: ${Object.keys(NATIVE).join(', ')}.`,
      );
      return undefined;
    }
    try {
      const params = new Params(parameters);
      kind.start(params, {});
      for (const unused of params.unused)
        problems.add(
          ['hivekey', 'parameters', unused],
          'unused_parameter',
          `${name} has no parameter ${quote(unused)}`,
          'Remove it.',
        );
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      problems.add(['hivekey', 'parameters'], 'parameter', error.message, 'Declare it with a default.');
      return undefined;
    }
    return rule(entry, new Set([digest]), new Set(kind.fields), 'native', (outside) =>
      kind.start(new Params(parameters), outside),
    );
  }
}

function rule(
  entry: Entry,
  digests: ReadonlySet<string>,
  fields: ReadonlySet<string>,
  form: 'sigma' | 'native',
  start: (outside: Outside) => Evaluator,
): Rule {
  const { head } = entry.document;
  const block = head.hivekey ?? DEFAULT_BLOCK;
  const ref = block.ref ?? head.name ?? head.id ?? head.title;
  const document: RuleDocument = {
    ...{
      id: head.id ?? ref,
      ref,
      version: block.version,
      title: head.title,
      description: head.description,
      level: head.level,
      form,
    },
    suppressionSeconds: block.suppressionMs / 1_000,
    ...{ criteria: block.criteria, falsePositives: head.falsePositives, response: block.response },
    ...{ learned: block.learned, offersAction: block.offersAction },
    parameters: Object.fromEntries(
      Object.entries(block.parameters).map(([name, { sets: _, ...rest }]) => [name, rest]),
    ),
    fields: [...fields].sort(),
  };
  const declared = Object.keys(block.parameters);
  const parameters = Object.fromEntries(Object.entries(entry.parameters).filter(([name]) => declared.includes(name)));
  const all = { rule: document.id, files: [...digests].sort(), parameters: entry.parameters };
  return {
    document,
    file: entry.file.name,
    fileDigest: entry.digest,
    digest: formatHash(sha256(Buffer.from(canonicalJson(all)))),
    parameters,
    start,
  };
}

class SigmaEvaluator implements Evaluator {
  readonly kinds: ReadonlySet<string> | undefined;
  readonly #node: SigmaNode;

  constructor(node: SigmaNode, kinds: ReadonlySet<string> | undefined) {
    this.#node = node;
    this.kinds = kinds;
  }

  take(...[event, at]: Parameters<Evaluator['take']>): readonly Match[] {
    const hit = this.#node.take(event, at);
    return hit === undefined ? [] : [{ ...hit, to: at }];
  }

  get keys(): number {
    return this.#node.keys;
  }

  get evicted(): number {
    return this.#node.evicted;
  }

  save(): unknown {
    return this.#node.save();
  }

  load(saved: unknown): void {
    this.#node.load(saved);
  }
}
