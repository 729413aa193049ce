/** The columns of the log: the fields of the flat view, in their order, each of its type. */
import { ENVELOPE_FIELDS, type FieldType, RECORD_FIELDS } from '@hivekey/siem';
import type { SchemaElement } from 'hyparquet-writer';

export interface Column {
  readonly name: string;
  readonly type: FieldType;
}

/** The same in every file, so that many files are read as one table; a new field becomes a column at the end of its part. */
export const LOG_COLUMNS: readonly Column[] = Object.entries({ ...RECORD_FIELDS, ...ENVELOPE_FIELDS }).map(
  ([name, type]) => ({ name, type }),
);

/** How a column is declared. Every one may be null: a field that does not apply is absent. */
export function schemaOf(columns: readonly Column[]): SchemaElement[] {
  return [{ name: 'entry', num_children: columns.length }, ...columns.flatMap(elementsOf)];
}

function elementsOf({ name, type }: Column): SchemaElement[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const;
  switch (type) {
    case 'text':
    // Text as well: a writer of JSON columns would write the value anew, and not as it was hashed.
    case 'json':
      return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'UTF8' }];
    case 'whole':
      return [{ ...optional, type: 'INT64' }];
    case 'number':
      return [{ ...optional, type: 'DOUBLE' }];
    case 'flag':
      return [{ ...optional, type: 'BOOLEAN' }];
    case 'time':
      return [{ ...optional, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' }];
    case 'texts':
      return [
        { ...optional, converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
      ];
  }
}

/** A value of the flat view as its column holds it; null where it is absent or of another type. */
export function cellOf(type: FieldType, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'text':
      return typeof value === 'string' ? value : null;
    case 'json':
      return typeof value === 'string' ? value : JSON.stringify(value);
    case 'whole':
      return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'flag':
      return typeof value === 'boolean' ? value : null;
    case 'time':
      return instantOf(value);
    case 'texts':
      return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : null;
  }
}

function instantOf(value: unknown): Date | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : new Date(ms);
}
