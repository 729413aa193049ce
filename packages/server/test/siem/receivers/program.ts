/** A receiver of Debian's packages as `npm test` unpacked them, run in the foreground in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const UNPACKED = fileURLToPath(new URL('../../../../../node_modules/.cache/receivers', import.meta.url));

/** Folders of libraries, named after the machine: `usr/lib/x86_64-linux-gnu`. */
const LIBRARIES = ['usr/lib', 'lib'].flatMap((folder) => {
  const path = join(UNPACKED, folder);
  const names = existsSync(path) ? readdirSync(path).filter((name) => name.includes('-linux-gnu')) : [];
  return names.map((name) => join(path, name));
});

/** `path`: below the folder of unpacked packages. */
export function unpacked(path: string): string {
  const found = [join(UNPACKED, path), ...LIBRARIES.map((folder) => join(folder, path))].find((each) =>
    existsSync(each),
  );
  if (found === undefined) throw new Error(`${path} is not unpacked: run npm test once, which does that`);
  return found;
}

export interface Program {
  /** What it said so far, on both outputs. */
  readonly said: () => string;
  /** It does nothing more, and is there. */
  pause(): void;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

export interface ProgramOptions {
  readonly args: readonly string[];
  /** As `environment` takes them. */
  readonly libraries?: readonly string[];
}

/** `libraries`: more places of them, below the folder of unpacked packages. */
export function environment(libraries: readonly string[] = []): NodeJS.ProcessEnv {
  return { ...process.env, LD_LIBRARY_PATH: [...LIBRARIES, ...libraries.map(unpacked)].join(':') };
}

export function run(path: string, { args, libraries = [] }: ProgramOptions): Program {
  const child: ChildProcess = spawn(unpacked(path), args, {
    // kcat runs for as long as its input is open.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: environment(libraries),
  });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = once(child, 'exit');
  return {
    said: () => Buffer.concat(chunks).toString(),
    pause: () => void child.kill('SIGSTOP'),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'hivekey-receiver-'));
}

export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Until something listens there; throws what the program said where nothing does within ten seconds. */
export async function listening(port: number, program: Program): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const socket = dial(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on ${port}: ${program.said()}`);
}
