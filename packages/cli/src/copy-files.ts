/** What a receiver exported, on disk: a file, or all files of a folder; as it is, or compressed with gzip. */

import { createReadStream, type ReadStream, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parseJson } from '@hivekey/action-log';
import type { CopyText } from '@hivekey/siem';
import { UsageError } from './exit.ts';

/** The longest line, and the largest file that is one document: an answer of a search may be either. */
const MAX_TEXT = 256 * 1024 * 1024;

/** Files in the order of their names. */
export function copyFiles(path: string): readonly string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new UsageError(`${path} does not exist.`, 'Name a file, or a folder of files.');
  if (found.isFile()) return [path];
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (files.length > 0) return files;
  throw new UsageError(`${path} holds no file.`, 'Export what the receiver has as JSON, one event a line.');
}

/** Lines, or whole documents. Files whose content is no text are told by what reads them. */
export async function* copyTexts(path: string, files: readonly string[]): AsyncGenerator<CopyText, void, undefined> {
  for (const file of files) {
    const name = file === path ? file : relative(path, file);
    if (await isDocument(file)) yield { place: name, text: await wholeText(file) };
    else yield* linesOf(file, name);
  }
}

/** Whether its first line is the beginning of a document that goes on. */
async function isDocument(file: string): Promise<boolean> {
  for await (const line of textLines(file)) {
    const text = line.trim();
    if (text === '') continue;
    if (!/^[{[]/.test(text)) return false;
    try {
      parseJson(text);
      return false;
    } catch {
      return !text.endsWith('}') || text.length < 3;
    }
  }
  return false;
}

async function* linesOf(file: string, name: string): AsyncGenerator<CopyText, void, undefined> {
  let number = 0;
  for await (const text of textLines(file)) {
    number += 1;
    yield { place: `${name}:${number}`, text };
  }
}

async function* textLines(file: string): AsyncGenerator<string, void, undefined> {
  const { source, text } = opened(file);
  const reader = createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    yield* reader;
  } finally {
    reader.close();
    source.destroy();
  }
}

async function wholeText(file: string): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of opened(file).text) {
    parts.push(part);
    length += part.length;
    if (length > MAX_TEXT)
      throw new UsageError(`${file} is one document of more than 256 MiB.`, 'Export it as one event a line.');
  }
  return Buffer.concat(parts).toString();
}

function opened(file: string): { readonly source: ReadStream; readonly text: Readable } {
  const source = createReadStream(file);
  if (!file.endsWith('.gz')) return { source, text: source };
  const text = createGunzip();
  source.on('error', (error) => text.destroy(error));
  source.pipe(text);
  return { source, text };
}
