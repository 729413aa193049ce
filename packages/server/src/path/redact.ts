/** Arguments as they stand in the log: sensitive values masked, long ones shortened. The digest covers the full form. */
import type { JsonObject, JsonValue } from '@hivekey/policy';

const MASK = '***';
const SENSITIVE_NAME =
  /(^|[_\-.])(pass(word|wd|phrase)?|secret|token|api[_-]?key|key|credential|authorization|cookie|private[_-]?key|ssn|cvv|pin)s?$/i;
const CAMEL_BOUNDARY = /([a-z0-9])([A-Z])/g;
/**
 * Every alternative runs in time linear in the text: an agent chooses the text, and all of it is looked at. A web
 * token therefore begins where a word does, not at each `eyJ` within one.
 */
const SENSITIVE_VALUE =
  /\b(?:hk_(?:live|agt)|hka)_[0-9A-Za-z]+|\b(?:Bearer|DPoP)\s+\S+|-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[0-9A-Za-z]{36,}|\bxox[abprs]-[0-9A-Za-z-]+|\bsk-[0-9A-Za-z_-]{20,}|(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]+|:\/\/[^\s/@:]*:[^\s/@]+@/;
const SENSITIVE_VALUES = new RegExp(SENSITIVE_VALUE, 'g');
const MAX_STRING = 512;
const MAX_ITEMS = 50;
const MAX_DEPTH = 8;

/** Names are mostly those of schemas, the same ones again and again; a flood of new ones must not grow it. */
const MAX_NAMES = 4_096;
const MAX_NAME = 64;
const names = new Map<string, boolean>();

/** True for `password`, `apiKey`, `x-auth-token` and the like. */
function isSensitiveName(name: string): boolean {
  const known = names.get(name);
  if (known !== undefined) return known;
  const isSensitive = SENSITIVE_NAME.test(name.replaceAll(CAMEL_BOUNDARY, '$1_$2'));
  if (name.length > MAX_NAME) return isSensitive;
  if (names.size >= MAX_NAMES) names.clear();
  names.set(name, isSensitive);
  return isSensitive;
}

/** A text of the caller's that stands in the log beside the arguments (a name, a reason), without known credentials. */
export function maskCredentials(text: string): string {
  return SENSITIVE_VALUE.test(text) ? text.replaceAll(SENSITIVE_VALUES, MASK) : text;
}

function redactValue(value: JsonValue, path: string, depth: number, sensitive: ReadonlySet<string>): JsonValue {
  if (typeof value === 'string') {
    if (SENSITIVE_VALUE.test(value)) return MASK;
    return value.length > MAX_STRING
      ? `${value.slice(0, MAX_STRING).toWellFormed()}… (${value.length} characters)`
      : value;
  }
  if (value === null || typeof value !== 'object') return value;
  if (depth >= MAX_DEPTH) return '… (deeper values left out)';
  if (isList(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => redactValue(item, `${path}[]`, depth + 1, sensitive));
    return value.length > MAX_ITEMS ? [...items, `… (${value.length} items)`] : items;
  }
  const entries = Object.entries(value);
  const kept = entries.slice(0, MAX_ITEMS).map(([name, item]): [string, JsonValue] => {
    const itemPath = path === '' ? name : `${path}.${name}`;
    const masked = sensitive.has(itemPath) || isSensitiveName(name);
    return [maskCredentials(name), masked ? MASK : redactValue(item, itemPath, depth + 1, sensitive)];
  });
  if (entries.length > MAX_ITEMS) kept.push(['…', `${entries.length} members`]);
  return Object.fromEntries(kept);
}

function isList(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/**
 * Masks by schema (`sensitivePaths`: dotted property paths, `[]` for array items), by name and by pattern
 * of known credentials. Bounded: a huge argument cannot make a huge record.
 */
export function redactArguments(args: JsonObject, sensitivePaths: readonly string[] = []): JsonObject {
  const redacted = redactValue(args, '', 0, new Set(sensitivePaths));
  return redacted !== null && typeof redacted === 'object' && !isList(redacted) ? redacted : {};
}

/**
 * The arguments as people are shown who decide about them: whole, but for what the schema calls sensitive. Neither
 * names nor patterns hide anything here: what an agent writes must not be able to hide itself from an approver.
 */
export function maskSensitive(args: JsonObject, sensitivePaths: readonly string[] = []): JsonObject {
  return maskMembers(args, '', new Set(sensitivePaths));
}

function maskMembers(object: JsonObject, path: string, sensitive: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, item]): [string, JsonValue] => {
      const itemPath = path === '' ? name : `${path}.${name}`;
      return [name, maskValue(item, itemPath, sensitive)];
    }),
  );
}

function maskValue(value: JsonValue, path: string, sensitive: ReadonlySet<string>): JsonValue {
  if (sensitive.has(path)) return MASK;
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map((item) => maskValue(item, `${path}[]`, sensitive));
  return maskMembers(value, path, sensitive);
}
