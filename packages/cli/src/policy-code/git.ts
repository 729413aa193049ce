/** What Git says of a folder: the commit it is at, who wrote it, how it is signed, and what differs from it. */
import { execFile } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { promisify } from 'node:util';
import { isPolicyFile } from './read-folder.ts';

const execute = promisify(execFile);

type SignatureStatus = 'good' | 'bad' | 'none' | 'unknown';

/** As the API takes it. */
export interface Source {
  readonly repository: string;
  readonly commit: string;
  /** `Dana <dana@acme.example>` */
  readonly author: string;
  readonly signature: { readonly status: SignatureStatus; readonly key: string | null };
}

export type GitState =
  /** Not in a repository, or in one without a commit. */
  | { readonly kind: 'none'; readonly reason: string }
  | {
      readonly kind: 'commit';
      readonly source: Source;
      /** Files that are not in the folder as the commit has them, relative to the folder; none: the folder is the commit's. */
      readonly differing: readonly string[];
    };

const MAX_OUTPUT = 64 * 1024 * 1024;

/** Untranslated, never asking for anything, and reading nothing that was put beside the commits (replace refs). */
const ENVIRONMENT = { LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_NO_REPLACE_OBJECTS: '1', GIT_OPTIONAL_LOCKS: '0' };

async function git(folder: string, args: readonly string[], input?: string): Promise<string> {
  const running = execute('git', ['-C', folder, '-c', 'log.showSignature=false', ...args], {
    maxBuffer: MAX_OUTPUT,
    env: { ...process.env, ...ENVIRONMENT },
  });
  // Most commands read nothing and may be over before this is written.
  running.child.stdin?.on('error', () => undefined).end(input ?? '');
  return (await running).stdout;
}

/** `files` are those that were read as the policy, relative to the folder. */
export async function gitStateOf(folder: string, files: readonly string[]): Promise<GitState> {
  let head: string;
  try {
    head = (await git(folder, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'])).trim();
  } catch (error) {
    return { kind: 'none', reason: reasonOf(error) };
  }
  const [author, signature, repository, differing] = await Promise.all([
    git(folder, ['show', '--no-patch', '--no-mailmap', '--format=%an <%ae>', head]),
    signatureOf(folder, head),
    repositoryOf(folder),
    differingFiles(folder, head, files),
  ]);
  return { kind: 'commit', source: { repository, commit: head, author: author.trim(), signature }, differing };
}

/** Of a first command that failed, as Git tells it: that there is no repository, or one that it does not trust. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Git says nothing';
  if ('code' in error && error.code === 'ENOENT') return 'git is not installed';
  const said = 'stderr' in error ? String(error.stderr).trim().split('\n')[0] : undefined;
  return said === undefined || said === '' ? 'the repository has no commit' : said.replace(/^fatal: /, '');
}

/**
 * The first address of `origin`, without what signs in to it: people keep tokens there. A repository without one is called
 * by its folder.
 */
async function repositoryOf(folder: string): Promise<string> {
  try {
    return withoutCredentials((await git(folder, ['config', '--get', 'remote.origin.url'])).trim());
  } catch {
    return basename(resolve((await git(folder, ['rev-parse', '--show-toplevel'])).trim()));
  }
}

/** `https://user:token@host/x?key=…` → `https://host/x`; other notations hold a user at most. */
export function withoutCredentials(address: string): string {
  if (!URL.canParse(address) || !address.includes('://')) return address.replace(/^[^@/]*:[^@/]*@/, '');
  const url = new URL(address);
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return url.href;
}

/** `%G?` of git-log(1). What is good and not from somebody known proves nothing of who; an expired or revoked key neither. */
const STATUS: Readonly<Record<string, SignatureStatus>> = { G: 'good', B: 'bad', R: 'bad', N: 'none' };

async function signatureOf(folder: string, commit: string): Promise<Source['signature']> {
  const shown = await git(folder, ['show', '--no-patch', '--format=%G?%n%GF%n%GK', commit]);
  const [letter = '', fingerprint = '', key = ''] = shown.split('\n');
  const status = STATUS[letter] ?? 'unknown';
  const named = [fingerprint, key].find((text) => text !== '') ?? null;
  // Git says "none" of a signature by SSH where it was not told whose keys count.
  if (status === 'none' && (await isSigned(folder, commit))) return { status: 'unknown', key: named };
  return { status, key: named };
}

async function isSigned(folder: string, commit: string): Promise<boolean> {
  const [header = ''] = (await git(folder, ['cat-file', 'commit', commit])).split('\n\n', 1);
  return /^gpgsig(-sha256)? /m.test(header);
}

/**
 * Compares contents, not what the index says has changed: an index can be told to look away (`assume-unchanged`), and
 * files that are ignored are read all the same.
 */
async function differingFiles(folder: string, commit: string, files: readonly string[]): Promise<readonly string[]> {
  const listed = await git(folder, ['ls-tree', '-r', '-z', commit, '--', '.']);
  const blobs = new Map(
    listed
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => {
        const [head = '', file = ''] = line.split('\t');
        return [file, head.split(' ')[2] ?? ''] as const;
      }),
  );
  // Paths on standard input are seen from the top of the repository, wherever Git was told to be.
  const paths = files.map((file) => `${resolve(folder, file)}\n`).join('');
  const hashes = (await git(folder, ['hash-object', '--stdin-paths'], paths)).trim().split('\n');
  const changed = files.filter((file, i) => blobs.get(file) !== hashes[i]);
  const known = new Set(files);
  const missing = [...blobs.keys()].filter((file) => isPolicyFile(file) && !known.has(file));
  return [...changed, ...missing].sort();
}
