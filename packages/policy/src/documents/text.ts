/**
 * YAML or JSON text → plain JSON values that remember their places.
 *
 * Strict: one meaning per document. Repeated keys, keys that are not text, anchors, aliases, tags, merge
 * keys, numbers that a double cannot hold and characters that hide from the reader are refused.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import type { Checked, JsonValue } from '../model.ts';
import {
  type DocumentPath,
  HIDDEN_CHARACTER,
  HIDDEN_REMEDY,
  hiddenMessage,
  type Locate,
  Problems,
  quote,
} from './problems.ts';

const MAX_CHARACTERS = 1024 * 1024;
const MAX_DOCUMENTS = 1_000;
const MAX_DEPTH = 40;

export interface ReadDocument {
  readonly value: JsonValue;
  readonly locate: Locate;
}

/** The documents of a YAML stream or of a JSON text; empty ones are left out. A list at the root is several documents. */
export function readDocuments(text: string): Checked<readonly ReadDocument[]> {
  const lines = new LineCounter();
  const placeAt = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  let at = 0;
  const problems = new Problems(() => placeAt(at));
  const report = (offset: number, code: string, message: string, remedy: string, path: DocumentPath = []) => {
    at = offset;
    problems.add(path, code, message, remedy);
  };

  if (text.length > MAX_CHARACTERS) {
    report(0, 'too_large', `the document is ${text.length} characters long`, `Keep it to ${MAX_CHARACTERS}.`);
    return problems.checked<never>(undefined);
  }
  const body = text.startsWith('\ufeff') ? ` ${text.slice(1)}` : text;
  const parsed = parse(body, lines);
  if (parsed === undefined) {
    report(0, 'too_deep', 'the document is nested too deeply', `Keep it to ${MAX_DEPTH} levels.`);
    return problems.checked<never>(undefined);
  }
  const hidden = HIDDEN_CHARACTER.exec(body);
  if (hidden !== null) report(hidden.index, 'hidden_character', `the text ${hiddenMessage(hidden[0])}`, HIDDEN_REMEDY);
  if (parsed.length > MAX_DOCUMENTS) {
    report(0, 'too_many', `the file has ${parsed.length} documents`, `Keep it to ${MAX_DOCUMENTS}.`);
    return problems.checked<never>(undefined);
  }

  const read: ReadDocument[] = [];
  for (const document of parsed) {
    for (const { pos, message } of [...document.errors, ...document.warnings])
      report(
        pos[0],
        'syntax',
        message.split('\n')[0]?.replace(/ at line.*$/, '') ?? 'not YAML',
        'Correct the text there.',
      );
    if (document.contents === null || document.errors.length > 0) continue;
    const values = new Values(report);
    const value = values.of(document.contents, []);
    const locateIn =
      (root: unknown): Locate =>
      (path) =>
        placeAt(offsetOf(root, path) ?? 0);
    if (isSeq(document.contents) && Array.isArray(value))
      value.forEach((item, i) => {
        read.push({ value: item, locate: locateIn((document.contents as { items?: unknown[] } | null)?.items?.[i]) });
      });
    else if (value !== null) read.push({ value, locate: locateIn(document.contents) });
  }
  return problems.checked(read);
}

type Parsed = readonly Document.Parsed[];

/** Undefined when the parser ran out of stack. */
function parse(text: string, lines: LineCounter): Parsed | undefined {
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

type Report = (offset: number, code: string, message: string, remedy: string, path: DocumentPath) => void;

class Values {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  of(node: unknown, path: DocumentPath): JsonValue {
    const offset = startOf(node);
    if (path.length > MAX_DEPTH) {
      this.#report(
        offset,
        'too_deep',
        'the document is nested too deeply',
        `Keep it to ${MAX_DEPTH} levels.`,
        path.slice(0, 8),
      );
      return null;
    }
    if (node === null || node === undefined) return null;
    if (isAlias(node)) {
      this.#report(offset, 'alias', 'aliases are not allowed', 'Write the value out.', path);
      return null;
    }
    this.#refuseDecoration(node, offset, path);
    if (isMap(node)) return this.#map(node.items, path);
    if (isSeq(node)) return node.items.map((item, i) => this.of(item, [...path, i]));
    if (isScalar(node)) return this.#scalar(node, offset, path);
    this.#report(offset, 'syntax', 'this is not a value', 'Write text, a number, a list or a map.', path);
    return null;
  }

  #refuseDecoration(node: unknown, offset: number, path: DocumentPath): void {
    const { anchor, tag } = node as { anchor?: string; tag?: string };
    if (anchor !== undefined) this.#report(offset, 'anchor', 'anchors are not allowed', 'Write the value out.', path);
    if (tag !== undefined && isScalar(node) === false && tag.startsWith('!'))
      this.#report(offset, 'tag', 'tags are not allowed', 'Remove the tag.', path);
  }

  #map(items: readonly { key: unknown; value: unknown }[], path: DocumentPath): JsonValue {
    const entries: [string, JsonValue][] = [];
    const seen = new Set<string>();
    for (const { key, value } of items) {
      const name = isScalar(key) ? key.value : undefined;
      if (typeof name !== 'string') {
        this.#report(startOf(key), 'key', `${quote(name)} is not a key`, 'Keys are text; put it between quotes.', path);
        continue;
      }
      if (seen.has(name))
        this.#report(startOf(key), 'duplicate_key', `${quote(name)} is written twice`, 'Keep one of the two.', [
          ...path,
          name,
        ]);
      seen.add(name);
      entries.push([name, this.of(value, [...path, name])]);
    }
    // fromEntries defines own members, `__proto__` included
    return Object.fromEntries(entries);
  }

  #scalar({ value, source }: { value: unknown; source?: string }, offset: number, path: DocumentPath): JsonValue {
    if (typeof value === 'number' && !survives(value, source)) {
      const message = `the number ${quote(source ?? String(value))} cannot be held exactly`;
      this.#report(
        offset,
        'number',
        message,
        'Keep numbers within ±9007199254740991 and 15 digits, or write text.',
        path,
      );
      return 0;
    }
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return value;
    this.#report(offset, 'type', 'this value is not JSON', 'Write text, a number, true, false or null.', path);
    return null;
  }
}

/** Whether the double says what was written. */
function survives(value: number, source: string | undefined): boolean {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const digits = (source ?? '')
    .replace(/[eE].*$/, '')
    .replaceAll(/[^0-9]/g, '')
    .replace(/^0+/, '');
  return digits.length <= 15 || String(value) === source;
}

function startOf(node: unknown): number {
  return (node as Partial<Node> | null | undefined)?.range?.[0] ?? 0;
}

/** Offset of the key or item at the path, or of the deepest part of the path that is there. */
function offsetOf(root: unknown, path: DocumentPath): number | undefined {
  let node = root;
  let offset = node === null || node === undefined ? undefined : startOf(node);
  for (const part of path) {
    if (isMap<unknown>(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (pair === undefined) break;
      offset = startOf(pair.key);
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      if (node === undefined) break;
      offset = startOf(node);
    } else break;
  }
  return offset;
}
