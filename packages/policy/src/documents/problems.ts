/** Collects every problem of a document, with its place where the document came as text. */
import type { Checked, DocumentProblem, JsonObject, JsonValue } from '../model.ts';

/** Keys and indices from the root of the document. */
export type DocumentPath = readonly (string | number)[];

/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Place of the key or item at a path, or of the deepest part of the path that exists. */
export type Locate = (path: DocumentPath) => Place | undefined;

/** More than this helps nobody; a hostile document must not make a hostile answer. */
const MAX_PROBLEMS = 100;

export class Problems {
  readonly #list: DocumentProblem[] = [];
  readonly #locate: Locate;

  constructor(locate: Locate = () => undefined) {
    this.#locate = locate;
  }

  add(path: DocumentPath, code: string, message: string, remedy: string): void {
    if (this.#list.length >= MAX_PROBLEMS) return;
    this.#list.push({ code, message, remedy, path: pathText(path), ...this.#locate(path) });
  }

  get none(): boolean {
    return this.#list.length === 0;
  }

  get list(): readonly DocumentProblem[] {
    return this.#list;
  }

  /** The value when nothing was reported, else all that was. */
  checked<T>(value: T | undefined): Checked<T> {
    if (this.none && value !== undefined) return { ok: true, value };
    return { ok: false, problems: this.#list };
  }
}

/** `guards[0].when.in` */
function pathText(path: DocumentPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** An own member, or undefined: `constructor` and the like are not members. */
export function member(value: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The value as an object whose keys are all known; reports what it is not. */
export function objectOf(
  value: unknown,
  path: DocumentPath,
  what: string,
  known: readonly string[],
  problems: Problems,
): JsonObject | undefined {
  if (!isObject(value)) {
    problems.add(path, 'type', `${what} must be a map, not ${typeName(value)}`, `Write ${known.join(', ')} below it.`);
    return undefined;
  }
  for (const key of Object.keys(value))
    if (!known.includes(key)) {
      const remedy = `${guess(key, known)}Known here: ${known.join(', ')}.`;
      problems.add([...path, key], 'unknown_field', `${quote(key)} is not a field of ${what}`, remedy);
    }
  return value;
}

export function listOf(value: unknown, path: DocumentPath, what: string, max: number, problems: Problems) {
  if (!isList(value)) {
    problems.add(
      path,
      'type',
      `${what} must be a list, not ${typeName(value)}`,
      'Write one item a line, each after "- ".',
    );
    return undefined;
  }
  if (value.length > max) {
    problems.add(path, 'too_many', `${what} has ${value.length} items`, `Keep it to ${max}.`);
    return undefined;
  }
  return value;
}

/** A line of text for people: bounded, and without characters that make it read as something else. */
export function textOf(value: unknown, path: DocumentPath, what: string, max: number, problems: Problems) {
  if (typeof value !== 'string') {
    problems.add(path, 'type', `${what} must be text, not ${typeName(value)}`, 'Put it between quotes.');
    return undefined;
  }
  if (value.length > max)
    problems.add(path, 'too_long', `${what} is ${value.length} characters long`, `Keep it to ${max}.`);
  const hidden = HIDDEN_CHARACTER.exec(value);
  if (hidden !== null) problems.add(path, 'hidden_character', `${what} ${hiddenMessage(hidden[0])}`, HIDDEN_REMEDY);
  return value;
}

/**
 * Control and format characters (bidirectional overrides, zero-width spaces, tags) and halves of characters: a reader sees another text
 * than the machine. Tab, line ends and the two joiners that scripts need are allowed.
 */
export const HIDDEN_CHARACTER = /(?![\t\n\r\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
export const HIDDEN_REMEDY = 'Remove the character; what is read must be what is decided.';

export function hiddenMessage(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `contains the invisible character U+${code}`;
}

export function typeName(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}

/** As it may stand in a message: bounded, and with what is not printable ASCII written out. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  const cut = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return cut.replaceAll(/[^\x20-\x7e…]/gu, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);
}

function guess(key: string, known: readonly string[]): string {
  const close = known.find((each) => each.toLowerCase() === key.toLowerCase() || distanceIsOne(each, key));
  return close === undefined ? '' : `Did you mean ${close}? `;
}

/** One letter inserted, left out or exchanged. */
function distanceIsOne(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return [
    a.slice(at + 1) === b.slice(at + 1),
    a.slice(at + 1) === b.slice(at),
    a.slice(at) === b.slice(at + 1),
  ].includes(true);
}
