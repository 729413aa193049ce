/** The queries that are written by hand for a rule, as `queries.yaml` beside it has them. */
import { parse } from 'yaml';
import { isYamlMap, type Yaml } from '../documents/text.ts';
import { TARGETS, type Target } from './fields.ts';

export interface Query {
  readonly target: Target;
  /** Where it finds less, or something else, than the rule. */
  readonly weaker: string;
  /** Fields of the events that it needs. */
  readonly fields: readonly string[];
  readonly query: string;
  /** What it must give on the attack sample: some columns of each row. */
  readonly rows: readonly Readonly<Record<string, Yaml>>[];
}

/** What is not one is left out. */
export function readQueries(text: string): readonly Query[] {
  const value: Yaml = parse(text);
  if (!isYamlMap(value)) return [];
  return TARGETS.flatMap((target): Query[] => {
    const found = value[target];
    if (!isYamlMap(found) || typeof found.query !== 'string' || typeof found.weaker !== 'string') return [];
    const fields = Array.isArray(found.fields) ? found.fields.filter((each) => typeof each === 'string') : [];
    const rows = Array.isArray(found.rows) ? found.rows.filter((each) => isYamlMap(each)) : [];
    return [{ target, weaker: found.weaker, fields, query: found.query, rows }];
  });
}
