/** The flat view: what the detection rules read, and what a table with one column for each field holds. */
import { canonicalJson, type LogRecord } from '@hivekey/action-log';
import { fits, typeOf } from './fields.ts';
import type { StreamEntry } from './types.ts';

export type FlatValue = string | number | boolean | readonly string[];
/** A field that does not apply is absent. */
export type FlatRecord = Readonly<Record<string, FlatValue>>;

/** A flat record as formats use it. Writable: formats move what they have a place of their own for. */
export interface FlatParts {
  /** By the names of {@link RECORD_FIELDS}, each of its type. */
  readonly fields: Record<string, FlatValue>;
  /** The rest of the record: one level, and under `other` what has a name that receivers would not take. Undefined: there is none. */
  readonly more: Record<string, FlatValue> | undefined;
}

/** Names of fields that are not to go out. */
export interface LeftOut {
  has(field: string): boolean;
}
export const NOTHING: LeftOut = new Set<string>();

/** What a receiver takes as the name of a field. */
const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const OTHER = 'other';
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/**
 * Every field of the record by its name: scalars and lists of strings as they are, anything else as its RFC 8785
 * text, `null` as absent; and the fields that are derived from others:
 *
 * | `tool_digest` | `definition_pin` |
 * | `amount_minor`, `currency` | `impact`, where it holds money of exactly one currency |
 * | `actor_type`, `actor_name` | the two halves of `actor` |
 * | `approver` | who decided an approval; the one who granted it, where it was one |
 *
 * A record that has such a field itself keeps its own.
 */
export function flatRecord(record: LogRecord): FlatRecord {
  const { fields, more } = flatParts(record);
  for (const name in more) {
    const value = more[name];
    if (value !== undefined && record[name] !== null) fields[name] ??= value;
  }
  return fields;
}

/** {@link flatRecord} with `seq`, `entry_hash`, `prev_hash` and `hash`. */
export function flatEntry({ seq, entryHash, prevHash, hash, record }: StreamEntry): FlatRecord {
  return { ...flatRecord(record), seq, entry_hash: entryHash, prev_hash: prevHash, hash };
}

/** `leftOut` names fields that are not to be in it, nor what is derived from them. */
export function flatParts(record: LogRecord, leftOut: LeftOut = NOTHING): FlatParts {
  const fields: Record<string, FlatValue> = {};
  let more: Record<string, FlatValue> | undefined;
  let odd: Record<string, unknown> | undefined;
  for (const name in record) {
    const value = record[name];
    if (value === undefined || leftOut.has(name)) continue;
    const type = typeOf(name);
    if (type !== undefined && fits(type, value)) fields[name] = flatValue(value);
    else if (name !== OTHER && NAME.test(name)) {
      more ??= {};
      more[name] = flatValue(value);
    } else {
      odd ??= withoutPrototype();
      odd[name] = value;
    }
  }
  if (odd !== undefined) more = { ...more, [OTHER]: canonicalJson(odd) };
  derive(fields, record, leftOut);
  return { fields, more };
}

function flatValue(value: unknown): FlatValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    default:
      return isTexts(value) ? value : canonicalJson(value);
  }
}

/** So that `__proto__` is a name like any other. */
function withoutPrototype(): Record<string, unknown> {
  return Object.create(null);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function derive(fields: Record<string, FlatValue>, record: LogRecord, leftOut: LeftOut): void {
  const give = (name: string, value: FlatValue) => {
    if (!leftOut.has(name)) fields[name] ??= value;
  };
  const source = (name: string) => (leftOut.has(name) ? undefined : record[name]);
  const pin = source('definition_pin');
  if (typeof pin === 'string') give('tool_digest', pin);
  const money = moneyOf(source('impact'));
  if (money !== undefined && fields.amount_minor === undefined) {
    give('amount_minor', money.minor);
    give('currency', money.currency);
  }
  const actor = source('actor');
  if (typeof actor === 'string') {
    const colon = actor.indexOf(':');
    // `person:dana@acme.example`; `system` stands for itself.
    give('actor_type', colon < 0 ? actor : actor.slice(0, colon));
    give('actor_name', actor.slice(colon + 1));
  }
  if (!record.kind.startsWith('approval.')) return;
  const approvers = source('approvers');
  const approver = source('person') ?? (Array.isArray(approvers) && approvers.length === 1 ? approvers[0] : undefined);
  if (typeof approver === 'string') give('approver', approver);
}

/** Undefined unless the units hold exactly one currency. */
function moneyOf(impact: unknown): { readonly currency: string; readonly minor: number } | undefined {
  if (typeof impact !== 'object' || impact === null) return undefined;
  let money: { readonly currency: string; readonly minor: number } | undefined;
  for (const [unit, minor] of Object.entries(impact)) {
    const currency = unit.toUpperCase();
    if (!CURRENCIES.has(currency) || !Number.isSafeInteger(minor)) continue;
    if (money !== undefined) return undefined;
    money = { currency, minor };
  }
  return money;
}
