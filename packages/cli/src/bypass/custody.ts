/** Doors that are credentials: what lies around where the agent runs. Names are told, values never. */
import { constants } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { closed, type Door, open } from './door.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What an agent needs of HiveKey itself. */
const OWN = new Set(['HIVEKEY_TOKEN', 'HIVEKEY_TOKEN_FILE', 'HIVEKEY_URL', 'HIVEKEY_CONFIG']);
/** What opens HiveKey as a whole. */
const KEYS = new Set(['HIVEKEY_KEY', 'HIVEKEY_SECRET_KEY', 'HIVEKEY_DATABASE_URL']);
const LOOKS_SECRET =
  /(?:^|_)(?:API_?KEY|ACCESS_?KEY|SECRET|SECRET_?KEY|SECRET_ACCESS_KEY|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|PRIVATE_KEY|DSN|CONNECTION_STRING|WEBHOOK_URL)$/i;
const WITH_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i;
/** A shorter value is a switch, not a credential. */
const SHORTEST = 8;

export function examineVariables(environment: Environment): readonly Door[] {
  const doors: Door[] = [];
  for (const [name, value = ''] of Object.entries(environment)) {
    if (OWN.has(name) || value === '') continue;
    if (KEYS.has(name))
      doors.push(
        open(
          'key',
          name,
          'it opens the control plane to the agent',
          'Take it out of the agent’s environment, and rotate it.',
        ),
      );
    else if (name === 'SSH_AUTH_SOCK')
      doors.push(open('variable', name, 'an SSH agent signs for whoever asks', 'Do not forward it to the agent.'));
    else if ((LOOKS_SECRET.test(name) && value.length >= SHORTEST) || WITH_PASSWORD.test(value))
      doors.push(
        open(
          'variable',
          name,
          'it looks like a credential that the agent holds itself',
          `Store it in HiveKey (hivekey secret set), rotate it at its issuer, and take ${name} away.`,
        ),
      );
  }
  return doors.length > 0 ? doors : [closed('variable', 'environment', 'no variable looks like a credential')];
}

/** Below the home folder, and what in them makes them a credential; without that, that they are there. */
const HOME_FILES: readonly (readonly [path: string, sign?: RegExp])[] = [
  ['.aws/credentials'],
  ['.config/gcloud/application_default_credentials.json'],
  ['.config/gcloud/credentials.db'],
  ['.azure/msal_token_cache.json'],
  ['.kube/config'],
  ['.docker/config.json', /"auths?"\s*:\s*[{"]\s*"?[^}\s"]/],
  ['.netrc'],
  ['.git-credentials'],
  ['.npmrc', /_authToken|_password|_auth\s*=/],
  ['.pypirc'],
  ['.pgpass'],
  ['.vault-token'],
  ['.config/gh/hosts.yml'],
  ['.config/hivekey/login.json'],
  ['.ssh/id_rsa'],
  ['.ssh/id_ed25519'],
  ['.ssh/id_ecdsa'],
];
const ABSOLUTE_FILES = ['/var/run/secrets/kubernetes.io/serviceaccount/token', '/run/secrets'];
const WORKING_FILES = ['.env', '.env.local', '.env.production'];
const DATA_FILES = ['admin.key', 'secret.key', 'log.key'];
const MAX_READ = 256 * 1024;

export interface Places {
  readonly home: string;
  readonly folder: string;
  /** Of a HiveKey on this machine. */
  readonly data: string;
  readonly absolute?: readonly string[];
}

export async function examineFiles({
  home,
  folder,
  data,
  absolute = ABSOLUTE_FILES,
}: Places): Promise<readonly Door[]> {
  const ofHiveKey = (path: string): boolean => path.startsWith(join(data, '/')) || path.endsWith('hivekey/login.json');
  const candidates: readonly (readonly [path: string, sign?: RegExp | undefined])[] = [
    ...HOME_FILES.map(([path, sign]) => [join(home, path), sign] as const),
    ...WORKING_FILES.map((path) => [join(folder, path)] as const),
    ...DATA_FILES.map((path) => [join(data, path)] as const),
    ...absolute.map((path) => [path] as const),
  ];
  const found = await Promise.all(
    candidates.map(async ([path, sign]) => ((await holds(path, sign)) ? path : undefined)),
  );
  const doors = found
    .filter((path) => path !== undefined)
    .map((path) =>
      ofHiveKey(path)
        ? open('key', path, 'it opens the control plane to the agent', 'Run the agent as another user, and rotate it.')
        : open('file', path, 'the agent can read it', 'Take it away, or run the agent as a user that cannot read it.'),
    );
  return doors.length > 0 ? doors : [closed('file', home, 'no well-known credential file can be read')];
}

async function holds(path: string, sign: RegExp | undefined): Promise<boolean> {
  try {
    await access(path, constants.R_OK);
    const { size } = await stat(path).then(async (found) =>
      found.isDirectory() ? { size: (await readdir(path)).length } : found,
    );
    if (size === 0) return false;
    return sign === undefined || (size <= MAX_READ && sign.test(await readFile(path, 'utf8')));
  } catch {
    return false;
  }
}

const IS_SERVER = /hivekey|packages\/server\/src\/main\.ts/;

/** Whether the environment, and with that the memory, of a control plane on this machine can be read. Linux alone. */
export async function examineProcesses(proc = '/proc', self = process.pid): Promise<readonly Door[]> {
  const pids = (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name) && name !== String(self));
  const doors: Door[] = [];
  for (const pid of pids) {
    const command = await readFile(join(proc, pid, 'cmdline'), 'utf8').catch(() => '');
    if (!IS_SERVER.test(command) || /\bdoctor\b/.test(command)) continue;
    const environment = await readFile(join(proc, pid, 'environ'), 'utf8').catch(() => '');
    if (environment !== '')
      doors.push(
        open(
          'process',
          `process ${pid}`,
          'a HiveKey process runs here as the same user: its environment and memory can be read',
          'Run the control plane on another machine, or as another user.',
        ),
      );
  }
  return doors.length > 0 ? doors : [closed('process', 'processes', 'no HiveKey process can be looked into')];
}
