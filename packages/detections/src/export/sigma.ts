/** A rule file as a SIEM's own converter takes it: plain Sigma, with the field names that the events have there. */
import { Document, parseAllDocuments } from 'yaml';
import { isYamlMap, type Yaml, type YamlMap } from '../documents/text.ts';
import { likeField } from '../fields.ts';
import { nameIn, type Target } from './fields.ts';

/**
 * The documents of the file as one YAML text. `%name%` stands for the default of the parameter. Undefined for a native
 * rule, which Sigma cannot say. The text must have been loaded without problems.
 */
export function exportSigma(text: string, target: Target): string | undefined {
  const values: YamlMap[] = parseAllDocuments(text).flatMap((document) => {
    const value: Yaml = document.toJS();
    return isYamlMap(value) ? [value] : [];
  });
  if (values.some((value) => value.native !== undefined)) return undefined;
  const defaults = Object.assign({}, ...values.map(defaultsOf));
  return values
    .map((value) => new Document(exported(value, target, defaults)).toString({ lineWidth: 0 }))
    .join('---\n');
}

type Defaults = Readonly<Record<string, Yaml>>;

function defaultsOf({ hivekey }: YamlMap): Defaults {
  const parameters = isYamlMap(hivekey) && isYamlMap(hivekey.parameters) ? hivekey.parameters : {};
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, isYamlMap(value) ? (value.default ?? null) : null]),
  );
}

function exported({ hivekey: _, ...rest }: YamlMap, target: Target, defaults: Defaults): YamlMap {
  const value: Record<string, Yaml> = { ...rest };
  if (target !== 'sentinel') value.taxonomy = target === 'elastic' ? 'ecs' : 'ocsf';
  for (const section of ['detection', 'filter'] as const) {
    const map = value[section];
    if (!isYamlMap(map)) continue;
    value[section] = Object.fromEntries(
      Object.entries(map).map(([name, search]) => [
        name,
        name === 'condition' || name === 'rules' ? search : renamed(search, target, defaults),
      ]),
    );
  }
  const { correlation } = value;
  if (isYamlMap(correlation)) value.correlation = renamedCorrelation(correlation, target);
  return value;
}

function renamed(search: Yaml, target: Target, defaults: Defaults): Yaml {
  if (Array.isArray(search)) return search.map((each: Yaml) => renamed(each, target, defaults));
  if (!isYamlMap(search)) return search;
  return Object.fromEntries(
    Object.entries(search).map(([key, value]) => {
      const [field = '', ...modifiers] = key.split('|');
      const isReference = modifiers.includes('fieldref') && typeof value === 'string';
      const kept = modifiers.filter((each) => each !== 'expand');
      const name = [field === '' ? '' : nameIn(target, field), ...kept].join('|');
      if (isReference) return [name, nameIn(target, value)];
      return [name, modifiers.includes('expand') ? expanded(value, defaults) : value];
    }),
  );
}

/** A placeholder whose list is empty matches nothing: a value that no record has. */
function expanded(value: Yaml, defaults: Defaults): Yaml {
  const name = typeof value === 'string' ? /^%(\w+)%$/.exec(value)?.[1] : undefined;
  const given = name === undefined ? value : (defaults[name] ?? value);
  return Array.isArray(given) && given.length === 0 ? 'none' : given;
}

function renamedCorrelation(correlation: YamlMap, target: Target): YamlMap {
  const groupBy = correlation['group-by'];
  const { condition } = correlation;
  return {
    ...correlation,
    ...(Array.isArray(groupBy) ? { 'group-by': groupBy.map((field: Yaml) => named(field, target)) } : {}),
    ...(isYamlMap(condition) && condition.field !== undefined
      ? { condition: { ...condition, field: named(condition.field, target) } }
      : {}),
  };
}

/** An alias keeps its name. */
function named(field: Yaml, target: Target): Yaml {
  return typeof field === 'string' && likeField(field) === field ? nameIn(target, field) : field;
}
