/** Files that `apply` reads: YAML or JSON, one or several documents, a folder of them, or standard input. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { UsageError } from './exit.ts';
import { readText } from './values.ts';

export interface TextDocument {
  /** `roles.yaml`, or `roles.yaml#2` for the second of several. */
  readonly place: string;
  /** The document alone, as YAML; lines count from its own start. */
  readonly text: string;
  readonly value: Readonly<Record<string, unknown>>;
}

const DOCUMENT_FILE = /\.(ya?ml|json)$/i;

export function filesOf(path: string): string[] {
  if (path === '-') return [path];
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch {
    throw new UsageError(`${path} does not exist.`, 'Name a file, a folder, or - for standard input.');
  }
  if (!isFolder) return [path];
  const files = readdirSync(path)
    .filter((name) => DOCUMENT_FILE.test(name))
    .sort()
    .map((name) => join(path, name));
  if (files.length === 0) throw new UsageError(`${path} holds no .yaml, .yml or .json file.`, 'Name the files.');
  return files;
}

/** Every document of the files, in order. All of them parse, or none is returned. */
export function readDocuments(paths: readonly string[]): TextDocument[] {
  return paths.flatMap(filesOf).flatMap((path) => {
    const text = readText(path);
    const parsed = parseAllDocuments(text, { uniqueKeys: true, merge: false });
    const documents = Array.isArray(parsed) ? parsed : [];
    return documents.map((document, i): TextDocument => {
      const place = documents.length === 1 ? path : `${path}#${i + 1}`;
      const [problem] = document.errors;
      if (problem !== undefined) throw new UsageError(`${place}: ${problem.message}`, 'Correct the file.');
      let value: unknown;
      try {
        value = document.toJS({ maxAliasCount: 0 });
      } catch {
        throw new UsageError(`${place} uses YAML aliases, which are not allowed.`, 'Write the values out.');
      }
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw new UsageError(`${place} is not a map.`, 'Write one document of `name: value` lines.');
      const [start, , end] = document.range;
      return { place, text: documents.length === 1 ? text : text.slice(start, end), value: { ...value } };
    });
  });
}

/** The text at `field`; throws a UsageError that names the place. */
export function textField({ place, value }: TextDocument, field: string): string {
  const found = value[field];
  if (typeof found === 'string' && found !== '') return found;
  throw new UsageError(`${place} has no ${field}.`, `Add the line \`${field}: …\`.`);
}
