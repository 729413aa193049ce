/**
 * The boundary parser of every entrance: bytes → one unambiguous JSON value, or a named refusal.
 *
 * One scan over the bytes proves what `JSON.parse` does not (depth, sizes, numbers that survive as
 * doubles, paired surrogates) and counts the members; `JSON.parse` proves the grammar. A member count
 * that differs from the number of keys in the value means a repeated key, however it was escaped.
 */

import { isUtf8 } from 'node:buffer';
import { parseJson } from '@hivekey/action-log';
import type { JsonValue } from '@hivekey/policy';

export interface StrictJsonLimits {
  /** Whole document, bytes. */
  readonly maxBytes: number;
  /** Nesting of arrays and objects. */
  readonly maxDepth: number;
  /** Members of all objects together. */
  readonly maxKeys: number;
  /** One string or key between its quotes, bytes as sent. */
  readonly maxStringBytes: number;
}

export const DEFAULT_JSON_LIMITS: StrictJsonLimits = {
  maxBytes: 1024 * 1024,
  maxDepth: 64,
  maxKeys: 10_000,
  maxStringBytes: 256 * 1024,
};

export type StrictJsonCode =
  | 'json_too_large'
  | 'json_byte_order_mark'
  | 'json_invalid_utf8'
  | 'json_syntax'
  | 'json_too_deep'
  | 'json_too_many_keys'
  | 'json_string_too_long'
  | 'json_duplicate_key'
  | 'json_number_unsafe'
  | 'json_lone_surrogate';

export interface StrictJsonRefusal {
  readonly ok: false;
  readonly code: StrictJsonCode;
  readonly cause: string;
  readonly remedy: string;
  /** Byte at which it was found; absent where the finding has no single place. */
  readonly offset?: number;
}

export type StrictJsonResult = { readonly ok: true; readonly value: JsonValue } | StrictJsonRefusal;

const WORDS: Record<StrictJsonCode, readonly [cause: string, remedy: string]> = {
  json_too_large: ['The JSON document is larger than allowed.', 'Send a smaller document.'],
  json_byte_order_mark: ['The JSON document starts with a byte order mark.', 'Send UTF-8 without a byte order mark.'],
  json_invalid_utf8: ['The JSON document is not valid UTF-8.', 'Encode the document as UTF-8.'],
  json_syntax: ['The body is not one valid JSON document.', 'Send exactly one JSON value and nothing after it.'],
  json_too_deep: ['The JSON document is nested too deeply.', 'Flatten the document.'],
  json_too_many_keys: ['The JSON document has too many keys.', 'Send fewer members.'],
  json_string_too_long: ['A string of the JSON document is too long.', 'Shorten the string.'],
  json_duplicate_key: ['An object of the JSON document repeats a key.', 'Send each key of an object once.'],
  json_number_unsafe: [
    'A number of the JSON document does not fit a double without loss.',
    'Keep numbers within ±9007199254740991 and 17 significant digits, or send a string.',
  ],
  json_lone_surrogate: [
    'A string of the JSON document has an unpaired surrogate.',
    'Send complete Unicode characters.',
  ],
};

function refuse(code: StrictJsonCode, offset?: number): StrictJsonRefusal {
  const [cause, remedy] = WORDS[code];
  return offset === undefined ? { ok: false, code, cause, remedy } : { ok: false, code, cause, remedy, offset };
}

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;

/**
 * Parses a document from outside. Never throws; objects are plain, and a `__proto__` member is an
 * ordinary own property as in `JSON.parse`.
 */
export function parseStrictJson(bytes: Buffer, limits: StrictJsonLimits = DEFAULT_JSON_LIMITS): StrictJsonResult {
  if (bytes.length > limits.maxBytes) return refuse('json_too_large', limits.maxBytes);
  if (bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    return refuse('json_byte_order_mark', 0);
  if (!isUtf8(bytes)) return refuse('json_invalid_utf8');
  const members = scan(bytes, limits);
  if (typeof members !== 'number') return members;
  let value: JsonValue;
  try {
    value = parseJson(bytes.toString('utf8'));
  } catch {
    return refuse('json_syntax');
  }
  if (countKeys(value) !== members) return refuse('json_duplicate_key', firstRepeatedKey(bytes));
  return { ok: true, value };
}

/**
 * Number of members (colons outside strings), or the first refusal. Tokens are found as in valid JSON;
 * for an invalid document the result does not matter, since `JSON.parse` refuses it.
 */
function scan(bytes: Buffer, limits: StrictJsonLimits): number | StrictJsonRefusal {
  const length = bytes.length;
  let depth = 0;
  let members = 0;
  let at = 0;
  while (at < length) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      const start = at + 1;
      at = start;
      let escaped = false;
      for (;;) {
        if (at >= length) return refuse('json_syntax', start - 1);
        const inner = bytes[at] ?? 0;
        if (inner === QUOTE) break;
        if (inner === BACKSLASH) {
          escaped = true;
          at += 1;
        }
        at += 1;
      }
      if (at - start > limits.maxStringBytes) return refuse('json_string_too_long', start - 1);
      if (escaped) {
        const lone = loneSurrogate(bytes, start, at);
        if (lone !== -1) return refuse('json_lone_surrogate', lone);
      }
    } else if (byte === COLON) {
      members += 1;
      if (members > limits.maxKeys) return refuse('json_too_many_keys', at);
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > limits.maxDepth) return refuse('json_too_deep', at);
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    } else if ((byte >= ZERO && byte <= NINE) || byte === MINUS) {
      const end = numberEnd(bytes, at + 1);
      // Up to 15 digits are exact by themselves; only longer or fractional tokens need the comparison.
      if (end < 0) {
        if (!survivesAsDouble(bytes.toString('latin1', at, -end))) return refuse('json_number_unsafe', at);
        at = -end - 1;
      } else if (end - at > 15) {
        if (!survivesAsDouble(bytes.toString('latin1', at, end))) return refuse('json_number_unsafe', at);
        at = end - 1;
      } else {
        at = end - 1;
      }
    }
    at += 1;
  }
  return members;
}

/** End of a number token; negative when it has a fraction or an exponent. */
function numberEnd(bytes: Buffer, from: number): number {
  let at = from;
  let plain = true;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= ZERO && byte <= NINE) continue;
    // . e E + -
    if (byte === 0x2e || byte === 0x65 || byte === 0x45 || byte === 0x2b || byte === MINUS) plain = false;
    else break;
  }
  return plain ? at : -at;
}

/** True when the double prints back as the same decimal value and lies within the safe integers. */
function survivesAsDouble(token: string): boolean {
  const value = Number(token);
  if (Number.isNaN(value)) return true; // not a number token: the grammar check refuses it
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  return decimal(token) === decimal(String(value));
}

/** A decimal literal as `digits e exponent` without sign and superfluous zeros. */
function decimal(literal: string): string {
  const lower = literal.toLowerCase();
  const eAt = lower.indexOf('e');
  const mantissa = (eAt === -1 ? lower : lower.slice(0, eAt)).replace('-', '');
  let exponent = eAt === -1 ? 0 : Number(lower.slice(eAt + 1));
  const point = mantissa.indexOf('.');
  let digits = mantissa;
  if (point !== -1) {
    digits = mantissa.slice(0, point) + mantissa.slice(point + 1);
    exponent -= mantissa.length - point - 1;
  }
  let first = 0;
  while (first < digits.length && digits.charCodeAt(first) === ZERO) first += 1;
  let last = digits.length;
  while (last > first && digits.charCodeAt(last - 1) === ZERO) {
    last -= 1;
    exponent += 1;
  }
  return first === last ? '0' : `${digits.slice(first, last)}e${exponent}`;
}

/** Offset of an escaped surrogate without its other half, or -1. UTF-8 itself cannot carry one. */
function loneSurrogate(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end) {
    if (bytes[at] !== BACKSLASH) {
      at += 1;
      continue;
    }
    const unit = escapedUnit(bytes, at);
    if (unit === -1) {
      at += 2;
      continue;
    }
    if (unit >= 0xdc00 && unit <= 0xdfff) return at;
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const next = at + 6 < end ? escapedUnit(bytes, at + 6) : -1;
      if (next < 0xdc00 || next > 0xdfff) return at;
      at += 6;
    }
    at += 6;
  }
  return -1;
}

/** The UTF-16 unit of a `\uXXXX` at `at`, or -1 for anything else. */
function escapedUnit(bytes: Buffer, at: number): number {
  if (bytes[at] !== BACKSLASH || bytes[at + 1] !== LOWER_U) return -1;
  const unit = Number.parseInt(bytes.toString('latin1', at + 2, at + 6), 16);
  return Number.isNaN(unit) ? -1 : unit;
}

function countKeys(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) count += countKeys(item);
    return count;
  }
  for (const key of Object.keys(value)) {
    count += 1;
    const member = (value as { readonly [key: string]: JsonValue })[key];
    if (typeof member === 'object' && member !== null) count += countKeys(member);
  }
  return count;
}

/** Slow search, run only for a document already known to repeat a key. */
function firstRepeatedKey(bytes: Buffer): number | undefined {
  const open: Set<string>[] = [];
  let text: { readonly from: number; readonly to: number } | undefined;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const from = at;
      for (at += 1; bytes[at] !== QUOTE; at += 1) if (bytes[at] === BACKSLASH) at += 1;
      text = { from, to: at + 1 };
    } else if (byte === COLON && text !== undefined) {
      const key = JSON.parse(bytes.toString('utf8', text.from, text.to));
      const keys = open.at(-1);
      if (keys?.has(key)) return text.from;
      keys?.add(key);
    } else if (byte === 0x7b || byte === 0x5b) {
      open.push(new Set());
    } else if (byte === 0x7d || byte === 0x5d) {
      open.pop();
    }
  }
  return undefined;
}
