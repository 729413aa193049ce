/** A filter as a condition in SQL. What the client sent becomes parameters; names come from the resource type alone. */
import type { Filter, Operator } from './filter.ts';
import type { Attribute, Reference } from './schema.ts';

/** Values of the placeholders `$1`, `$2`, … */
export class Parameters {
  readonly values: unknown[];

  constructor(values: readonly unknown[]) {
    this.values = [...values];
  }

  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** How a resource type stands in the database. */
export interface Columns {
  /** Of an attribute with one value, or of a part of it: an expression of the attribute's type, null without a value. */
  single(at: Reference, parameters: Parameters): string;
  /** Of an attribute with several: where its values come from, and an expression for a part of one. */
  several(
    at: Reference,
    parameters: Parameters,
  ): {
    readonly from: string;
    readonly part: (sub: Attribute) => string;
  };
}

export function conditionOf(filter: Filter, columns: Columns, parameters: Parameters): string {
  const build = (each: Filter, part?: (sub: Attribute) => string): string => {
    switch (each.kind) {
      case 'and':
      case 'or':
        return `(${each.filters.map((one) => build(one, part)).join(each.kind === 'and' ? ' AND ' : ' OR ')})`;
      case 'not':
        // Unknown is not true, as in memory.
        return `((${build(each.filter, part)}) IS NOT TRUE)`;
      case 'some': {
        const values = columns.several(each.at, parameters);
        return `EXISTS (SELECT FROM ${values.from} AND ${build(each.filter, values.part)})`;
      }
      case 'present':
        return leaf(each.at, part, (expression) => `${expression} IS NOT NULL`);
      case 'compare': {
        const of = each.at.sub ?? each.at.attribute;
        return leaf(each.at, part, (expression) => comparison(of, each.operator, expression, each.value));
      }
    }
  };

  function leaf(
    at: Reference,
    part: ((sub: Attribute) => string) | undefined,
    test: (expression: string) => string,
  ): string {
    if (part !== undefined) return at.sub === undefined ? 'false' : test(part(at.sub));
    if (!at.attribute.multiValued) return test(columns.single(at, parameters));
    const values = columns.several(at, parameters);
    return at.sub === undefined
      ? `EXISTS (SELECT FROM ${values.from})`
      : `EXISTS (SELECT FROM ${values.from} AND ${test(values.part(at.sub))})`;
  }

  function comparison(of: Attribute, operator: Operator, expression: string, value: string | number | boolean | null) {
    if (value === null) return `${expression} IS ${operator === 'eq' ? '' : 'NOT '}NULL`;
    if (typeof value !== 'string') return ordered(operator, expression, parameters.add(value));
    if (of.type === 'dateTime') return ordered(operator, expression, `${parameters.add(value)}::timestamptz`);
    const fold = (text: string): string => (of.caseExact ? text : `lower(${text})`);
    const [left, right] = [fold(expression), fold(`${parameters.add(value)}::text`)];
    switch (operator) {
      case 'co':
        return `strpos(${left}, ${right}) > 0`;
      case 'sw':
        return `starts_with(${left}, ${right})`;
      case 'ew':
        return `starts_with(reverse(${left}), reverse(${right}))`;
      case 'eq':
      case 'ne':
        return ordered(operator, left, right);
      default:
        return ordered(operator, `${left} COLLATE "C"`, right);
    }
  }

  return build(filter);
}

const SIGNS = { eq: '=', ne: 'IS DISTINCT FROM', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

function ordered(operator: Operator, left: string, right: string): string {
  if (operator === 'co' || operator === 'sw' || operator === 'ew') throw new Error(`${operator} is for texts`);
  return `${left} ${SIGNS[operator]} ${right}`;
}

/** A table whose column `attributes` holds what has no column of its own, with `created_at`, `modified_at` and `version`. */
export function jsonColumns(table: string, resourceType: string): Columns {
  return {
    single: ({ key, attribute, sub }, parameters) => {
      if (key === 'meta') {
        if (sub?.name === 'created') return `${table}.created_at`;
        if (sub?.name === 'lastModified') return `${table}.modified_at`;
        if (sub?.name === 'version') return `'W/"' || ${table}.version || '"'`;
        return sub?.name === 'resourceType' ? `${parameters.add(resourceType)}::text` : 'NULL::text';
      }
      const value = `${table}.attributes -> ${parameters.add(key)}::text`;
      if (sub !== undefined) return typed(sub, `${value} ->> ${parameters.add(sub.name)}::text`);
      return attribute.type === 'complex' ? `(${value})` : typed(attribute, `${value} #>> '{}'`);
    },
    several: ({ key }, parameters) => ({
      from: `jsonb_array_elements(coalesce(${table}.attributes -> ${parameters.add(key)}::text, '[]')) AS e(item) WHERE true`,
      part: (sub) => typed(sub, `e.item ->> ${parameters.add(sub.name)}::text`),
    }),
  };
}

function typed({ type }: Attribute, text: string): string {
  const cast =
    type === 'boolean' ? '::boolean' : type === 'integer' ? '::bigint' : type === 'dateTime' ? '::timestamptz' : '';
  return `(${text})${cast}`;
}
