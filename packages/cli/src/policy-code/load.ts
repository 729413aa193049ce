/** What plan and apply begin with: the folder, what Git says of it, and its tests; and how it is sent. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type PolicyTestReport, runPolicyTests } from '@hivekey/policy';
import { type HiveKey, HiveKeyError } from '@hivekey/sdk';
import { UsageError } from '../exit.ts';
import { type GitState, gitStateOf, type Source } from './git.ts';
import { FolderError, placed } from './problems.ts';
import { objectsOf, type PolicyFolder, readFolder } from './read-folder.ts';

export interface LoadedFolder {
  readonly folder: PolicyFolder;
  readonly git: GitState;
  /** Undefined: there are none. */
  readonly tests: PolicyTestReport | undefined;
}

/**
 * Throws FolderError with every problem, and UsageError where the folder is for another server, or a test of it does not hold.
 */
export async function loadFolder(path: string, url: string): Promise<LoadedFolder> {
  const reading = readFolder(path);
  if (!reading.ok) throw new FolderError(path, reading.problems);
  const { folder } = reading;
  if (folder.settings.url !== undefined && folder.settings.url !== url)
    throw new UsageError(
      `${path} is for ${folder.settings.url}, and this is ${url}.`,
      'Name that server with --url or HIVEKEY_URL, or correct url in hivekey.yaml.',
    );
  const tests = folder.tests.length === 0 ? undefined : runPolicyTests(folder.tests, readReference);
  if (tests?.ok === false) throw new UsageError(`Tests of ${path} do not hold.`, failuresOf(tests).join('\n'));
  return { folder, git: await gitStateOf(path, folder.files), tests };
}

function failuresOf({ files }: PolicyTestReport): readonly string[] {
  return files.flatMap(({ path, problems, cases }) => [
    ...problems.map(({ file, line, column, message, remedy }) => {
      const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
      return `  ${place} ${message}. ${remedy}`;
    }),
    ...cases.flatMap(({ name, line, ok, differences }) =>
      ok ? [] : [`  ${path}${line === undefined ? '' : `:${line}`} ${name}: ${differences.join('; ')}`],
    ),
  ]);
}

/** A file that a test refers to, relative to the test. */
function readReference(reference: string, from: string): string | undefined {
  try {
    return readFileSync(resolve(dirname(from), reference), 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * The commit that the folder is of. With `allowDirty` null where it is of none: then nobody finds out from Git later what was
 * asked for, and the change says so.
 */
export function sourceOf({ git, folder }: LoadedFolder, allowDirty: boolean): Source | null {
  if (git.kind === 'commit' && git.differing.length === 0) return git.source;
  if (allowDirty) return null;
  const why =
    git.kind === 'none'
      ? `${git.reason}: no commit says what this is`
      : `not as in the commit ${git.source.commit.slice(0, 12)}: ${listed(git.differing)}`;
  throw new UsageError(
    `${folder.path}: ${why}.`,
    'Commit first, so that the change names what reviewers can read in Git; or --allow-dirty, and it names no commit.',
  );
}

const MAX_LISTED = 5;

function listed(files: readonly string[]): string {
  const more = files.length - MAX_LISTED;
  return more > 0 ? `${files.slice(0, MAX_LISTED).join(', ')} and ${more} more` : files.join(', ');
}

/** Sends the folder; what the server finds wrong in it is told by file and line. */
export async function sendFolder<T>(
  hivekey: HiveKey,
  route: 'plan' | 'changes' | 'apply',
  folder: PolicyFolder,
  more: object = {},
): Promise<T> {
  const objects = objectsOf(folder);
  const body = { owns: folder.settings.owns, objects, ...more };
  try {
    return await hivekey.request<T>('POST', `/v1/policy-code/${route}`, { body });
  } catch (error) {
    if (error instanceof HiveKeyError && error.code === 'policy_code_invalid')
      throw new FolderError(folder.path, placed(error.problems, folder, objects));
    throw error;
  }
}
