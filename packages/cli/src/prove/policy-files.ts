/** The documents of a policy below paths: files, or whole folders of policy as code. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { PolicyText } from '@hivekey/policy';
import { filesOf, readDocuments } from '../documents.ts';
import { FolderError } from '../policy-code/problems.ts';
import { readFolder } from '../policy-code/read-folder.ts';
import { readText } from '../values.ts';

/** What decides a call. Other documents of a folder, such as servers and assignments, do not. */
const DECIDES: ReadonlySet<unknown> = new Set([
  'Role',
  'WorkspaceGuards',
  'Capability',
  'Freeze',
  'Sources',
  undefined,
]);

/** Throws a UsageError for a folder with a document that is not understood: it might have decided. */
export function policyTexts(paths: readonly string[]): readonly PolicyText[] {
  return paths.flatMap((path) => {
    if (path === '-' || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
      return filesOf(path).map((name) => ({ name, text: readText(name) }));
    const reading = readFolder(path);
    if (!reading.ok) throw new FolderError(path, reading.problems);
    const files = new Set(reading.folder.documents.map(({ file }) => join(path, file)));
    return readDocuments([...files]).flatMap(({ place, text, value }) =>
      DECIDES.has(value.kind) ? [{ name: place, text }] : [],
    );
  });
}
