/** RFC 8785 (JSON Canonicalization Scheme): one byte sequence for one JSON value, so that it can be hashed. */

/** Deeper values are refused: an acyclic record never comes near it, and a cycle ends here instead of in a stack overflow. */
const MAX_DEPTH = 128;

// Characters that cannot stand as they are between quotes: JSON's escapes, and every surrogate,
// because a lone one has no UTF-8 form (RFC 8785 section 3.2.2.2).
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON escapes
const NEEDS_CARE = /["\\\u0000-\u001f\ud800-\udfff]/;

/** The value has no canonical JSON form: not finite, not JSON, a lone surrogate, a cycle. */
export class NotCanonical extends Error {
  readonly code = 'not_canonical';
}

/**
 * The RFC 8785 text of a JSON value: keys in UTF-16 order, numbers in ECMAScript form, no white space.
 * Throws {@link NotCanonical} for anything JSON does not have: `undefined` (also as a property value),
 * non-finite numbers, bigints, functions, lone surrogates, objects that are not plain.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      return writeNumber(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= MAX_DEPTH) throw new NotCanonical(`nested deeper than ${MAX_DEPTH} levels`);
      return Array.isArray(value) ? writeArray(value, depth + 1) : writeObject(value, depth + 1);
    default:
      throw new NotCanonical(`a ${typeof value} has no JSON form`);
  }
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new NotCanonical(`the number ${value} has no JSON form`);
  // String() is the ECMAScript form RFC 8785 asks for; it also turns -0 into 0.
  return String(value);
}

function writeString(value: string): string {
  if (!NEEDS_CARE.test(value)) return `"${value}"`;
  if (!value.isWellFormed()) throw new NotCanonical('a string holds a lone surrogate');
  return JSON.stringify(value);
}

function writeArray(items: readonly unknown[], depth: number): string {
  let text = '[';
  for (let i = 0; i < items.length; i += 1) {
    if (i > 0) text += ',';
    text += write(items[i], depth);
  }
  return `${text}]`;
}

function writeObject(value: object, depth: number): string {
  if (!isPlain(value)) throw new NotCanonical('an object is not plain');
  const keys = Object.keys(value);
  // The default order of sort() is by UTF-16 code units, which is what the RFC demands. Most objects have it already.
  if (!isSorted(keys)) keys.sort();
  let text = '{';
  for (const key of keys) {
    if (text.length > 1) text += ',';
    text += `${writeString(key)}:${write(value[key], depth)}`;
  }
  return `${text}}`;
}

function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i += 1) if ((keys[i - 1] ?? '') > (keys[i] ?? '')) return false;
  return true;
}
