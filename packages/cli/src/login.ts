/** Which server the command talks to, and with which credential. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { UsageError } from './exit.ts';

const DEFAULT_URL = 'http://127.0.0.1:7420';
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

export interface Login {
  readonly url: string;
  readonly key: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_CONFIG_HOME/hivekey/login.json`, mode 0600. */
function loginFile(environment: Environment): string {
  const base = environment.XDG_CONFIG_HOME ?? '';
  return join(base === '' ? join(homedir(), '.config') : base, 'hivekey', 'login.json');
}

function storedLogin(environment: Environment): Login | undefined {
  let text: string;
  try {
    text = readFileSync(loginFile(environment), 'utf8');
  } catch {
    return undefined;
  }
  try {
    const { url, key } = JSON.parse(text);
    if (typeof url === 'string' && typeof key === 'string') return { url, key };
  } catch {
    // told below
  }
  throw new UsageError(`${loginFile(environment)} cannot be read.`, 'Log in again: hivekey login --key …');
}

/** The first admin key that a server on this machine left in its data folder. */
function keyOfDataFolder(url: string, environment: Environment): string | undefined {
  if (!LOOPBACK.has(new URL(url).hostname)) return undefined;
  try {
    return readFileSync(join(environment.HIVEKEY_DATA ?? '.hivekey', 'admin.key'), 'utf8').trim();
  } catch {
    return undefined;
  }
}

export function checkedUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text).origin;
  throw new UsageError(`${text} is not an http or https URL.`, `Write it as ${DEFAULT_URL}.`);
}

/**
 * `--url` and `HIVEKEY_URL`, `HIVEKEY_KEY`, then the stored login, then the key in the data folder of a server on this
 * machine. A stored key is used only for the server it was stored for.
 */
export function resolveLogin(flagUrl: string | undefined, environment: Environment = process.env): Login {
  const stored = storedLogin(environment);
  const url = checkedUrl(flagUrl ?? environment.HIVEKEY_URL ?? stored?.url ?? DEFAULT_URL);
  const key =
    environment.HIVEKEY_KEY ?? (stored?.url === url ? stored.key : undefined) ?? keyOfDataFolder(url, environment);
  if (key !== undefined && key !== '') return { url, key: key.trim() };
  throw new UsageError(
    `There is no admin key for ${url}.`,
    'Log in (hivekey login --key hk_live_…), set HIVEKEY_KEY, or run this in the folder that npm start was run in.',
  );
}

/** Stored whole or not at all. */
export function storeLogin(login: Login, environment: Environment = process.env): string {
  const path = loginFile(environment);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(login)}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, path);
  return path;
}

/** True when there was one. */
export function forgetLogin(environment: Environment = process.env): boolean {
  const had = storedLogin(environment) !== undefined;
  rmSync(loginFile(environment), { force: true });
  return had;
}
