/** What is asked of a list (RFC 7644 section 3.4.2), from a query string or a `.search` body. Pure. */
import type { JsonValue } from '@hivekey/policy';
import { invalidFilter, invalidValue, ScimFailure } from './failure.ts';
import { type Filter, parseFilter } from './filter.ts';
import { type Columns, conditionOf, type Parameters } from './filter-sql.ts';
import { Projection } from './projection.ts';
import { type Reference, type ResourceType, resolve, subAttributeOf } from './schema.ts';
import { isList, isObject, membersOf } from './values.ts';

export const MAX_RESULTS = 200;
const DEFAULT_COUNT = 100;
const SEARCH_URN = 'urn:ietf:params:scim:api:messages:2.0:searchrequest';
const WHOLE = /^-?\d{1,9}$/;

export interface Query {
  readonly filter: Filter | undefined;
  readonly sortBy: Reference | undefined;
  readonly isDescending: boolean;
  /** From 1. */
  readonly startIndex: number;
  readonly count: number;
  readonly projection: Projection;
}

type Given = ReadonlyMap<string, JsonValue>;

/** Names that the RFC does not have are passed over: Microsoft Entra sends a flag along. */
export function readQuery(type: ResourceType, given: Given): Query {
  const filter = textOf(given, 'filter');
  const sortBy = textOf(given, 'sortby');
  const order = (textOf(given, 'sortorder') ?? 'ascending').toLowerCase();
  if (order !== 'ascending' && order !== 'descending') throw invalidValue('sortOrder is ascending or descending.');
  return {
    filter: filter === undefined ? undefined : parseFilter(type, filter),
    sortBy: sortBy === undefined ? undefined : sortedBy(type, sortBy),
    isDescending: order === 'descending',
    startIndex: Math.max(1, numberOf(given, 'startindex') ?? 1),
    count: Math.min(MAX_RESULTS, Math.max(0, numberOf(given, 'count') ?? DEFAULT_COUNT)),
    projection: readProjection(type, given),
  };
}

export function readProjection(type: ResourceType, given: Given): Projection {
  return Projection.of(type, namesOf(given, 'attributes'), namesOf(given, 'excludedattributes'));
}

/** The body of `POST …/.search` (section 3.4.3). */
export function readSearch(body: JsonValue | undefined): Given {
  if (!isObject(body)) throw new ScimFailure(400, 'invalidSyntax', 'The body is no JSON object.');
  const members = membersOf(body);
  const schemas = members.get('schemas');
  if (!isList(schemas) || !schemas.some((urn) => typeof urn === 'string' && urn.toLowerCase() === SEARCH_URN))
    throw new ScimFailure(400, 'invalidSyntax', 'schemas does not name the SearchRequest message.');
  return members;
}

function textOf(given: Given, name: string): string | undefined {
  const value = given.get(name);
  if (value === undefined || value === null || value === '') {
    // An empty filter would be all there is.
    if (value === '' && name === 'filter') throw invalidFilter('The filter is empty.');
    return undefined;
  }
  if (typeof value === 'string') return value;
  throw invalidValue(`${name} is given twice, or is no string.`);
}

function numberOf(given: Given, name: string): number | undefined {
  const value = given.get(name);
  if (value === undefined || value === null) return undefined;
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && WHOLE.test(text)) return Number(text);
  throw invalidValue(`${name} is no whole number.`);
}

function namesOf(given: Given, name: string): readonly string[] | undefined {
  const value = given.get(name);
  if (value === undefined || value === null || value === '') return undefined;
  const names = isList(value) ? value : typeof value === 'string' ? value.split(',') : undefined;
  if (names?.every((each) => typeof each === 'string') === true) return names;
  throw invalidValue(`${name} is no list of names.`);
}

function sortedBy(type: ResourceType, name: string): Reference {
  const found = resolve(type, name);
  if (found === undefined || 'extension' in found)
    throw invalidValue(`${type.name} has no attribute ${name} to sort by.`);
  const { attribute, sub } = found;
  if (attribute.type !== 'complex' || sub !== undefined) return found;
  const value = subAttributeOf(attribute, 'value');
  if (value === undefined) throw invalidValue(`${name} cannot be sorted by.`);
  return { ...found, sub: value };
}

/** `AND …`, or nothing. */
export function whereOf({ filter }: Query, columns: Columns, parameters: Parameters): string {
  return filter === undefined ? '' : ` AND ${conditionOf(filter, columns, parameters)}`;
}

/**
 * What has no value comes last. The rest of the order is that of creation, so that nothing is passed over between two
 * pages when something is added meanwhile.
 */
export function orderOf(
  { sortBy, isDescending }: Query,
  columns: Columns,
  table: string,
  parameters: Parameters,
): string {
  const stable = `${table}.created_at, ${table}.id`;
  if (sortBy === undefined) return ` ORDER BY ${stable}`;
  const { attribute, sub } = sortBy;
  const direction = isDescending ? 'DESC NULLS LAST' : 'ASC NULLS LAST';
  const of = sub ?? attribute;
  const isText = of.type !== 'boolean' && of.type !== 'integer' && of.type !== 'dateTime';
  const fold = (expression: string): string => {
    if (!isText) return expression;
    return `${of.caseExact ? expression : `lower(${expression})`} COLLATE "C"`;
  };
  if (!attribute.multiValued) return ` ORDER BY ${fold(columns.single(sortBy, parameters))} ${direction}, ${stable}`;
  // RFC 7644 section 3.4.2.3: the primary value, else the first.
  const values = columns.several({ ...sortBy, sub: undefined }, parameters);
  const primary = subAttributeOf(attribute, 'primary');
  const first = primary === undefined ? '' : ` ORDER BY coalesce(${values.part(primary)}, false) DESC`;
  const value = sub === undefined ? 'NULL::text' : fold(values.part(sub));
  return ` ORDER BY (SELECT ${value} FROM ${values.from}${first} LIMIT 1) ${direction}, ${stable}`;
}
