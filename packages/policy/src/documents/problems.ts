/** Collects every problem of a document, with its place where the document came as text. */
import type { Checked, DocumentProblem, JsonObject } from '../model.ts';
import { isList, isObject } from '../values/json.ts';

/** Keys and indices from the root of the document. */
export type DocumentPath = readonly (string | number)[];

/** Counted from 1. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** Place of the key or item at a path, or of the deepest part of the path that exists. */
export type Locate = (path: DocumentPath) => Place | undefined;

/** More than this helps nobody; a hostile document must not make a hostile answer. */
export const MAX_PROBLEMS = 100;

interface Reported extends Omit<DocumentProblem, 'path' | 'line' | 'column'> {
  readonly path: DocumentPath;
}

export class Problems {
  readonly #reported: Reported[] = [];
  readonly #locate: Locate;
  #count = 0;

  constructor(locate: Locate = () => undefined) {
    this.#locate = locate;
  }

  add(path: DocumentPath, code: string, message: string, remedy: string): void {
    this.#count += 1;
    if (this.#reported.length < MAX_PROBLEMS) this.#reported.push({ path, code, message, remedy });
  }

  /** Those of a document that was made from this one, at the places it was made from. */
  addFrom(other: Problems, originOf: (path: DocumentPath) => DocumentPath): void {
    for (const { path, code, message, remedy } of other.#reported) this.add(originOf(path), code, message, remedy);
  }

  get none(): boolean {
    return this.#count === 0;
  }

  /** How many were reported, also of those that are not listed any more. */
  get count(): number {
    return this.#count;
  }

  get list(): readonly DocumentProblem[] {
    return this.#reported.map(({ path, ...rest }) => ({ ...rest, path: pathText(path), ...this.#locate(path) }));
  }

  /** The value when nothing was reported, else all that was. */
  checked<T>(value: T | undefined): Checked<T> {
    if (this.none && value !== undefined) return { ok: true, value };
    return { ok: false, problems: this.list };
  }
}

/** `guards[0].when.in` */
export function pathText(path: DocumentPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
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
