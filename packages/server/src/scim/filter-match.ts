/** A filter over the parts of one value of a multi-valued attribute, as PATCH chooses what it changes. Pure. */
import type { Filter, Operator } from './filter.ts';
import type { Attribute } from './schema.ts';
import type { Item, Simple } from './values.ts';

export function matches(filter: Filter, item: Item): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.filters.every((each) => matches(each, item));
    case 'or':
      return filter.filters.some((each) => matches(each, item));
    case 'not':
      return !matches(filter.filter, item);
    case 'present':
      return filter.at.sub !== undefined && item.has(filter.at.sub.name);
    case 'compare': {
      const { sub } = filter.at;
      return sub !== undefined && compare(sub, filter.operator, item.get(sub.name), filter.value);
    }
    case 'some':
      return false;
  }
}

function compare(attribute: Attribute, operator: Operator, given: Simple | undefined, wanted: Simple | null): boolean {
  if (wanted === null || given === undefined)
    return operator === 'eq'
      ? given === undefined && wanted === null
      : operator === 'ne' && given !== (wanted ?? undefined);
  const [a, b] = [foldOf(attribute, given), foldOf(attribute, wanted)];
  switch (operator) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'co':
      return String(a).includes(String(b));
    case 'sw':
      return String(a).startsWith(String(b));
    case 'ew':
      return String(a).endsWith(String(b));
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
  }
}

function foldOf({ type, caseExact }: Attribute, value: Simple): Simple {
  if (typeof value !== 'string') return value;
  if (type === 'dateTime') return Date.parse(value);
  return caseExact ? value : value.toLowerCase();
}
