/**
 * YAML text → plain values that remember their places. One meaning for each document: no repeated keys, aliases, tags
 * or keys that are not text; of YAML 1.2, so that `no` is a word.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import { type DocumentPath, type Place, Problems, type RuleProblem } from './problems.ts';

const MAX_CHARACTERS = 256 * 1024;
const MAX_DOCUMENTS = 200;
const MAX_DEPTH = 20;

export type Yaml = null | boolean | number | string | readonly Yaml[] | YamlMap;
export interface YamlMap {
  readonly [key: string]: Yaml;
}

interface ReadDocument {
  readonly value: YamlMap;
  readonly problems: Problems;
}

export interface ReadText {
  readonly documents: readonly ReadDocument[];
  /** Of what is no document. */
  readonly problems: readonly RuleProblem[];
}

/** The documents of a rule file, as far as they can be read, each with its problems so far; and what is wrong with the rest. */
export function readText(file: string, text: string): ReadText {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const whole = new Problems(file, () => ({ line: 1, column: 1 }));
  if (text.length > MAX_CHARACTERS) {
    whole.add([], 'too_large', 'the file is too large', `Keep it to ${MAX_CHARACTERS} characters.`);
    return { documents: [], problems: whole.list };
  }
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    merge: false,
    version: '1.2',
    schema: 'core',
    logLevel: 'silent',
    prettyErrors: false,
  });
  if (!Array.isArray(parsed) || parsed.length > MAX_DOCUMENTS) {
    whole.add([], 'no_documents', 'the file has no rules, or too many', `Write 1 to ${MAX_DOCUMENTS} documents.`);
    return { documents: [], problems: whole.list };
  }
  const problems: RuleProblem[] = [];
  const documents: ReadDocument[] = [];
  for (const document of parsed) {
    const here = new Problems(file, (path) => placeAt(offsetOf(document.contents, path) ?? document.range[0]));
    for (const { pos, message } of document.errors) {
      const at = new Problems(file, () => placeAt(pos[0]));
      at.add([], 'syntax', message.split('\n')[0] ?? 'this is not YAML', 'Correct the text there.');
      problems.push(...at.list);
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    const value = plainOf(document.contents, [], here);
    if (isYamlMap(value)) documents.push({ value, problems: here });
    else {
      here.add([], 'type', 'a rule is a map', 'Write title, detection and the rest, one below the other.');
      problems.push(...here.list);
    }
  }
  return { documents, problems };
}

export function isYamlMap(value: Yaml | undefined): value is YamlMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function plainOf(node: unknown, path: DocumentPath, problems: Problems): Yaml {
  if (path.length > MAX_DEPTH) {
    problems.add(path, 'too_deep', 'this is nested too deeply', `Keep it to ${MAX_DEPTH} levels.`);
    return null;
  }
  if (isAlias(node)) {
    problems.add(path, 'alias', 'aliases are not allowed', 'Write the value out.');
    return null;
  }
  if (hasTag(node)) problems.add(path, 'tag', 'tags and anchors are not allowed', 'Remove it.');
  if (isSeq<unknown>(node)) return node.items.map((item, i) => plainOf(item, [...path, i], problems));
  if (isMap<unknown, unknown>(node)) {
    const entries: [string, Yaml][] = [];
    for (const { key, value } of node.items) {
      const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
      if (name === undefined) problems.add(path, 'key', 'a key must be text', 'Put the key between quotes.');
      else entries.push([name, plainOf(value, [...path, name], problems)]);
    }
    return Object.fromEntries(entries);
  }
  if (!isScalar(node)) return null;
  const { value } = node;
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  problems.add(path, 'number', 'this number cannot be held', 'Write a number within ±9007199254740991, or text.');
  return null;
}

function hasTag(node: unknown): boolean {
  return (isScalar(node) || isMap(node) || isSeq(node)) && (node.tag !== undefined || node.anchor !== undefined);
}

/** Offset of the key or item at the path, or of the deepest part of the path that is there. */
function offsetOf(root: Node | null, path: DocumentPath): number | undefined {
  let node: unknown = root;
  let offset = root?.range?.[0];
  for (const part of path) {
    if (isMap<unknown, unknown>(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq<unknown>(node) && typeof part === 'number' && part in node.items) {
      node = node.items[part];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}
