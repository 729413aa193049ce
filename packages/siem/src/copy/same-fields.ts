/** Whether the fields beside an exact record are what it is mapped to: a search looks at them, not at the record. */

import { isObject, type JsonObject, readJson } from '../json.ts';
import { mapItem } from '../map.ts';
import { readOtlp } from '../otlp-read.ts';
import { parseRecord } from '../parse-record.ts';
import { PRODUCT } from '../product.ts';
import type { StreamEntry } from '../types.ts';
import type { CopyEntry, CopyFormat } from './events.ts';

/** What the attestation adds, and what receivers may take for their own. */
const PASSED_OVER = new Set(['attestation_list', 'profiles']);

/** The first field that differs, `metadata.event_code`; undefined where none does. What a receiver adds is its own. */
export function alteredField(entry: CopyEntry): string | undefined {
  const { canonical, document, format, seq, entryHash, prevHash, hash, replayed } = entry;
  const record = canonical === undefined ? undefined : parseRecord(canonical);
  // The record of the native form is all there is, and was hashed.
  if (canonical === undefined || record === undefined || format === 'native' || !isObject(document)) return undefined;
  const item: StreamEntry = { type: 'entry', seq, entryHash, prevHash, hash, canonical, record };
  const expected = comparable(
    readJson(mapItem(format, item, { raw: true, compact: false, replayed, omit: [] })),
    format,
  );
  const found = comparable(document, format);
  return isObject(expected) && isObject(found) ? firstDifference(expected, found, '') : undefined;
}

/** Whether the copy was written by a version that maps as this one does. */
export function isOfThisVersion({ document }: CopyEntry): boolean {
  const text = isObject(document) && isObject(document.metadata) ? document.metadata : undefined;
  const product = isObject(text?.product) ? text.product.version : text?.product_version;
  return product === undefined || product === PRODUCT.version;
}

/** Attributes of OTLP have no order, and SecOps gives its fields back in the other spelling of protobuf's JSON. */
function comparable(document: unknown, format: CopyFormat): unknown {
  if (format === 'udm') return inSnakeCase(document);
  const record = format === 'otlp' ? readOtlp(document) : undefined;
  return record === undefined ? document : { ...record };
}

function inSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inSnakeCase);
  if (!isObject(value)) return value;
  const spelled = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [spelled(name), inSnakeCase(each)]));
}

function firstDifference(expected: JsonObject, found: JsonObject, path: string): string | undefined {
  for (const [name, value] of Object.entries(expected)) {
    if (value === undefined || PASSED_OVER.has(name)) continue;
    const at = path === '' ? name : `${path}.${name}`;
    const difference = differs(value, Object.hasOwn(found, name) ? found[name] : undefined, at);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function differs(expected: unknown, found: unknown, at: string): string | undefined {
  // Receivers give structures, numbers and booleans back as text, too.
  const value = typeof found === 'string' && typeof expected === 'object' ? readJson(found) : found;
  if (Array.isArray(expected)) {
    const same = Array.isArray(value) && value.length === expected.length;
    return same
      ? expected.map((each, i) => differs(each, value[i], `${at}[${i}]`)).find((each) => each !== undefined)
      : at;
  }
  if (isObject(expected)) return isObject(value) ? firstDifference(expected, value, at) : at;
  if (value === undefined) return at;
  return String(value) === String(expected) || isSameInstant(value, expected) ? undefined : at;
}

/** Receivers give times back with more digits than they got. */
function isSameInstant(a: unknown, b: unknown): boolean {
  if (typeof a !== 'string' || typeof b !== 'string' || !INSTANT.test(a) || !INSTANT.test(b)) return false;
  return Date.parse(a) === Date.parse(b);
}

const INSTANT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
