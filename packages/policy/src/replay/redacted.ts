/**
 * Arguments as the log holds them: what is sensitive is masked, what is long is shortened. Both leave marks; a value
 * without a mark is the one that was sent. Here every marked value becomes one that tells when it is looked at, so
 * that a decision which looked at none of them is known to be the decision on the full arguments.
 */
import type { JsonObject, JsonValue } from '../model.ts';
import { isList, isObject } from '../values/json.ts';

const MASK = '***';
const SHORTENED_TEXT = /… \([0-9]+ characters\)$/;
const SHORTENED_LIST = /^… \([0-9]+ items\)$/;
const DEEPER = '… (deeper values left out)';
const MORE_MEMBERS = '…';

export interface WatchedArguments {
  readonly arguments: JsonObject;
  /** Paths of the masked values that were looked at. */
  readonly lookedAt: Set<string>;
}

/** Undefined where nothing is left: the arguments were too large for the record. */
export function watchArguments(args: JsonObject): WatchedArguments | undefined {
  if (isShortened(args)) return undefined;
  const lookedAt = new Set<string>();
  if (!hasMark(args)) return { arguments: args, lookedAt };
  return { arguments: watchMembers(args, '', lookedAt), lookedAt };
}

function hasMark(value: JsonValue): boolean {
  if (isList(value)) return value.some(hasMark);
  if (isObject(value)) return isShortened(value) || Object.values(value).some(hasMark);
  return isMark(value);
}

function isMark(value: JsonValue): boolean {
  if (typeof value !== 'string') return false;
  return value === MASK || value === DEEPER || SHORTENED_TEXT.test(value) || SHORTENED_LIST.test(value);
}

/** Members are missing, or their names are masked: which, nobody can tell. */
function isShortened(value: JsonObject): boolean {
  return Object.keys(value).some((name) => name === MORE_MEMBERS || name.includes(MASK));
}

function watchMembers(object: JsonObject, path: string, lookedAt: Set<string>): JsonObject {
  const watched = {};
  for (const [name, value] of Object.entries(object)) {
    const at = path === '' ? name : `${path}.${name}`;
    if (isLost(value)) {
      const get = () => {
        lookedAt.add(at);
        return value;
      };
      Object.defineProperty(watched, name, { enumerable: true, get });
    } else Object.defineProperty(watched, name, { enumerable: true, value: watchValue(value, at, lookedAt) });
  }
  return watched;
}

/** A list with a mark in it is lost as a whole: how many there were, or what one of them was, has a say in any answer. */
function isLost(value: JsonValue): boolean {
  return isMark(value) || (isList(value) && hasMark(value)) || (isObject(value) && isShortened(value));
}

function watchValue(value: JsonValue, path: string, lookedAt: Set<string>): JsonValue {
  return isObject(value) ? watchMembers(value, path, lookedAt) : value;
}
