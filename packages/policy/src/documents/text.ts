/**
 * YAML or JSON text → plain JSON values that remember their places.
 *
 * Strict: one meaning per document. Repeated keys, keys that are not text, anchors, aliases, tags, merge
 * keys, directives, numbers that a double cannot hold and characters that hide from the reader are refused.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import type { DocumentProblem, JsonValue } from '../model.ts';
import {
  type DocumentPath,
  HIDDEN_CHARACTER,
  HIDDEN_REMEDY,
  hiddenMessage,
  type Locate,
  MAX_PROBLEMS,
  pathText,
  quote,
} from './problems.ts';

const MAX_CHARACTERS = 512 * 1024;
const MAX_DOCUMENTS = 1_000;
const MAX_DEPTH = 40;

export interface ReadDocument {
  readonly value: JsonValue;
  readonly locate: Locate;
}

export interface ReadText {
  /** What could be read, also beside problems, so that all problems of a text can be told at once. */
  readonly documents: readonly ReadDocument[];
  readonly problems: readonly DocumentProblem[];
}

type Report = (offset: number, code: string, message: string, remedy: string, path?: DocumentPath) => void;

/** The documents of a YAML stream or of a JSON text; empty ones are left out. A list at the root is several documents. */
export function readDocuments(text: string): ReadText {
  const lines = new LineCounter();
  const placeAt = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems: DocumentProblem[] = [];
  const report: Report = (offset, code, message, remedy, path = []) => {
    if (problems.length < MAX_PROBLEMS)
      problems.push({ code, message, remedy, path: pathText(path), ...placeAt(offset) });
  };
  const body = text.startsWith('\ufeff') ? ` ${text.slice(1)}` : text;
  const parsed = body.length > MAX_CHARACTERS ? undefined : parse(body, lines);
  if (parsed === undefined || parsed.length > MAX_DOCUMENTS) {
    const remedy = `Keep it to ${MAX_CHARACTERS} characters, ${MAX_DOCUMENTS} documents and ${MAX_DEPTH} levels.`;
    report(0, 'too_large', 'the text is too large or nested too deeply', remedy);
    return { documents: [], problems };
  }
  const hidden = HIDDEN_CHARACTER.exec(body);
  if (hidden !== null) report(hidden.index, 'hidden_character', `the text ${hiddenMessage(hidden[0])}`, HIDDEN_REMEDY);
  const documents = parsed.flatMap((document) => readOne(document, body, report, placeAt));
  return { documents, problems };
}

/** Undefined when the parser ran out of stack. */
function parse(text: string, lines: LineCounter): readonly Document.Parsed[] | undefined {
  try {
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      // checked below in linear time; the library compares each key with each other
      uniqueKeys: false,
      merge: false,
      version: '1.2',
      schema: 'core',
      logLevel: 'silent',
      prettyErrors: false,
    });
    return Array.isArray(documents) ? documents : [];
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readOne(
  document: Document.Parsed,
  text: string,
  report: Report,
  placeAt: (offset: number) => { readonly line: number; readonly column: number },
): ReadDocument[] {
  const start = document.range[0];
  for (const { pos, message } of [...document.errors, ...document.warnings])
    report(pos[0], 'syntax', message.split('\n')[0] ?? 'this is not YAML', 'Correct the text there.');
  // a directive may turn the text into YAML 1.1, where `no` is false and 010 is 8
  if (document.directives.yaml.explicit === true || Object.keys(document.directives.tags).length > 1)
    report(
      text.lastIndexOf('\n%', start) + 1,
      'directive',
      'directives are not allowed',
      'Remove the line that begins with %.',
    );
  const { contents } = document;
  if (contents === null || document.errors.length > 0) return [];
  const value = new Values(report).of(contents, []);
  const located = (node: unknown, item: JsonValue): ReadDocument => ({
    value: item,
    locate: (path) => placeAt(offsetOf(node, path) ?? start),
  });
  if (isSeq<unknown>(contents) && Array.isArray(value)) {
    const items: readonly JsonValue[] = value;
    return items.map((item, i) => located(contents.items[i], item));
  }
  return value === null ? [] : [located(contents, value)];
}

class Values {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  of(node: unknown, path: DocumentPath): JsonValue {
    const offset = startOf(node);
    if (path.length > MAX_DEPTH) {
      this.#report(offset, 'too_deep', 'this is nested too deeply', `Keep it to ${MAX_DEPTH} levels.`);
      return null;
    }
    if (isAlias(node)) {
      this.#report(offset, 'alias', 'aliases are not allowed', 'Write the value out.', path);
      return null;
    }
    if (isMap<unknown, unknown>(node)) {
      this.#refuseDecoration(node, offset, path);
      return this.#map(node.items, path);
    }
    if (isSeq<unknown>(node)) {
      this.#refuseDecoration(node, offset, path);
      return node.items.map((item, i) => this.of(item, [...path, i]));
    }
    if (isScalar(node)) {
      this.#refuseDecoration(node, offset, path);
      return this.#scalar(node.value, node.source, offset, path);
    }
    return null;
  }

  #refuseDecoration({ anchor, tag }: { anchor?: string; tag?: string }, offset: number, path: DocumentPath): void {
    if (anchor !== undefined) this.#report(offset, 'anchor', 'anchors are not allowed', 'Write the value out.', path);
    if (tag !== undefined) this.#report(offset, 'tag', 'tags are not allowed', 'Remove the tag.', path);
  }

  #map(items: readonly { readonly key: unknown; readonly value: unknown }[], path: DocumentPath): JsonValue {
    const entries: [string, JsonValue][] = [];
    const seen = new Set<string>();
    for (const { key, value } of items) {
      const offset = startOf(key);
      const name = isScalar(key) ? key.value : undefined;
      if (typeof name !== 'string') {
        this.#report(offset, 'key', 'a key must be text', 'Put the key between quotes.', path);
        continue;
      }
      if (isScalar(key)) this.#refuseDecoration(key, offset, path);
      this.#text(name, offset, [...path, name]);
      if (seen.has(name))
        this.#report(offset, 'duplicate_key', `${quote(name)} is written twice`, 'Keep one of the two.', [
          ...path,
          name,
        ]);
      seen.add(name);
      entries.push([name, this.of(value, [...path, name])]);
    }
    // fromEntries defines own members, `__proto__` included
    return Object.fromEntries(entries);
  }

  #scalar(value: unknown, source: string | undefined, offset: number, path: DocumentPath): JsonValue {
    if (typeof value === 'string') return this.#text(value, offset, path);
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'number' && survives(value, source)) return value;
    const message = `${quote(source ?? String(value))} is not held exactly as a number`;
    this.#report(
      offset,
      'number',
      message,
      'Keep numbers within ±9007199254740991 and 15 digits, or write text.',
      path,
    );
    return 0;
  }

  /** Escapes can hide what the raw text does not show. */
  #text(value: string, offset: number, path: DocumentPath): string {
    const hidden = HIDDEN_CHARACTER.exec(value);
    if (hidden !== null)
      this.#report(offset, 'hidden_character', `the text ${hiddenMessage(hidden[0])}`, HIDDEN_REMEDY, path);
    return value;
  }
}

/** Whether the double says what was written. */
function survives(value: number, source = String(value)): boolean {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  if (String(value) === source) return true;
  const digits = source
    .replace(/[eE].*$/, '')
    .replaceAll(/[^0-9]/g, '')
    .replace(/^0+/, '');
  return digits.length <= 15;
}

function startOf(node: unknown): number {
  return isRanged(node) ? (node.range?.[0] ?? 0) : 0;
}

function isRanged(node: unknown): node is Pick<Node, 'range'> {
  return typeof node === 'object' && node !== null && 'range' in node;
}

/** Offset of the key or item at the path, or of the deepest part of the path that is there. */
function offsetOf(root: unknown, path: DocumentPath): number | undefined {
  let node = root;
  let offset = isRanged(node) ? startOf(node) : undefined;
  for (const part of path) {
    if (isMap<unknown, unknown>(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (pair === undefined) break;
      offset = startOf(pair.key);
      node = pair.value;
    } else if (isSeq<unknown>(node) && typeof part === 'number') {
      if (!(part in node.items)) break;
      node = node.items[part];
      offset = startOf(node);
    } else break;
  }
  return offset;
}
