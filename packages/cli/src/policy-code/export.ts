/** Live objects into a folder, whose files keep what they say rightly. */
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { PolicyObject, PolicyPlan } from '@hivekey/sdk';
import { UsageError } from '../exit.ts';
import { type FileObject, KINDS, keyOf, kindOfType, wordsOf } from './kinds.ts';
import { FolderError } from './problems.ts';
import { documentsOf, type PolicyFolder, readFolder } from './read-folder.ts';
import { SETTINGS_FILE } from './settings.ts';
import { type FileChange, filesOf, settingsText } from './write-folder.ts';

export interface LiveServer {
  /** Origin, for the settings of a folder that has none. */
  readonly url: string;
  objects(types: readonly string[]): Promise<readonly PolicyObject[]>;
  plan(folder: PolicyFolder): Promise<PolicyPlan>;
}

/**
 * What to write so that the folder says what is live. `types`: none means those that the folder owns or has something of, and all
 * where there is no folder yet. Throws where something live cannot be written so that it is read as it is.
 */
export async function exportTo(
  path: string,
  types: readonly string[],
  server: LiveServer,
): Promise<readonly FileChange[]> {
  const folder = existingFolder(path);
  const wanted = typesOf(types, folder);
  const live = (await server.objects(wanted)).map(({ type, name, document }): FileObject => ({ type, name, document }));
  refuseUnreadable(live);
  if (folder === undefined) return [[SETTINGS_FILE, settingsText(wanted, server.url)], ...filesOf(live)];
  const known = only(folder, wanted);
  // Owning nothing, so that what is live alone is no question of removal.
  const { operations } = await server.plan({ ...known, settings: { owns: [] } });
  const placed = new Set(known.documents.flatMap(({ objects }) => objects.map(keyOf)));
  const added = live.filter((object) => !placed.has(keyOf(object)));
  return filesOf(live, known, new Set([...operations, ...added].map(keyOf)));
}

/** Undefined: there is nothing yet. */
function existingFolder(path: string): PolicyFolder | undefined {
  if (!existsSync(path)) return undefined;
  const reading = readFolder(path);
  if (!reading.ok) throw new FolderError(path, reading.problems);
  return reading.folder.files.length === 0 ? undefined : reading.folder;
}

function typesOf(given: readonly string[], folder: PolicyFolder | undefined): readonly string[] {
  if (given.length > 0) return given;
  if (folder === undefined) return KINDS.map(({ type }) => type);
  const types = [...new Set([...folder.settings.owns, ...folder.documents.map(({ kind }) => kind.type)])];
  if (types.length > 0) return types;
  throw new UsageError(`${folder.path} owns nothing.`, 'Name what to export with --kind, or list it under owns.');
}

function only(folder: PolicyFolder, types: readonly string[]): PolicyFolder {
  return { ...folder, documents: folder.documents.filter(({ kind }) => types.includes(kind.type)) };
}

/** What is written is read again: a file that would say something else is worse than none. */
function refuseUnreadable(live: readonly FileObject[]): void {
  for (const object of live) {
    const kind = kindOfType(object.type);
    if (kind === undefined)
      throw new UsageError(`This server has objects of the type ${object.type}.`, 'Use a newer hivekey command.');
    const [[, text] = ['', null]] = filesOf([object]);
    const problems: string[] = [];
    const read = documentsOf('', text ?? '', ({ message }) => problems.push(message));
    const [found] = read.flatMap(({ objects }) => objects);
    if (
      problems.length === 0 &&
      found !== undefined &&
      keyOf(found) === keyOf(object) &&
      isDeepStrictEqual(found.document, object.document)
    )
      continue;
    throw new UsageError(
      `${wordsOf(object)} cannot be written as a file: ${problems[0] ?? 'it would be read as something else'}.`,
      'Change it so that people can read it, or export other kinds with --kind.',
    );
  }
}
