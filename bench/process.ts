/** Subjects run as processes of their own, so that their CPU time and memory can be told apart. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** sysconf(_SC_CLK_TCK) of Linux on every architecture that Node.js runs on. */
const CLOCK_TICKS_PER_SECOND = 100;
const START_PATIENCE_MS = 30_000;

export interface Subject {
  readonly port: number;
  /** What the subject printed before its port, e.g. an admin key. */
  readonly facts: Readonly<Record<string, string>>;
  /** User and system CPU seconds used so far. */
  cpuSeconds(): number;
  /** Resident memory in bytes. */
  residentBytes(): number;
  /** Sends a message over the process channel; resolves with the subject's answer. */
  ask(message: string): Promise<string>;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
// A measure that fails leaves nothing behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a source file and waits for its `port N` line; `name value` lines before it become facts. */
export async function startSubject(
  file: URL,
  args: readonly string[] = [],
  settings: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<Subject> {
  const child = start(['--disable-warning=ExperimentalWarning', ...flags, file.pathname, ...args], settings, [
    'ignore',
    'pipe',
    'inherit',
    'ipc',
  ]);
  const facts: Record<string, string> = {};
  const port = await new Promise<number>((found, failed) => {
    child.once('exit', (code) => failed(new Error(`${file.pathname} ended with ${code}`)));
    if (child.stdout === null) return failed(new Error('no output to read'));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [name = '', value = ''] = line.split(' ');
      if (name === 'port') found(Number(value));
      else facts[name] = value;
    });
  });
  return subjectOf(child, port, facts);
}

const MAIN = new URL('../packages/server/src/main.ts', import.meta.url);

/** Starts the server as `npm start` does, and waits until it says that it runs. */
export async function startServerProcess(settings: Readonly<Record<string, string>>): Promise<Subject> {
  const child = start(['--disable-warning=ExperimentalWarning', MAIN.pathname], settings, [
    'ignore',
    'pipe',
    'inherit',
  ]);
  const port = await new Promise<number>((found, failed) => {
    child.once('exit', (code) => failed(new Error(`the server ended with ${code}`)));
    let text = '';
    child.stdout?.on('data', (more) => {
      text += String(more);
      const [, address] = /MCP gateway +http:.*:(\d+)\/mcp/.exec(text) ?? [];
      if (address !== undefined) found(Number(address));
    });
  });
  return subjectOf(child, port, {});
}

/** Starts a command that listens on the port it is told, and waits until it does. */
export async function startCommand(args: (port: number) => readonly string[]): Promise<Subject> {
  const port = await freePort();
  const child = start(args(port), {}, 'ignore');
  const until = performance.now() + START_PATIENCE_MS;
  while (!(await isListening(port))) {
    if (child.exitCode !== null || performance.now() > until) throw new Error(`${args(port)[0]} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return subjectOf(child, port, {});
}

/** User and system CPU seconds of a process, from proc(5). */
function cpuSecondsOf(pid: number): number {
  // Fields 14 and 15; the command in parentheses is the second.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

function residentBytesOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

function start(args: readonly string[], settings: Readonly<Record<string, string>>, stdio: StdioOptions): ChildProcess {
  // Settings of a HiveKey on this machine must not reach a measured one.
  const foreign = Object.entries(process.env).filter(([name]) => !name.startsWith('HIVEKEY_'));
  const child = spawn(process.execPath, args, { stdio, env: { ...Object.fromEntries(foreign), ...settings } });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function subjectOf(child: ChildProcess, port: number, facts: Subject['facts']): Subject {
  const { pid } = child;
  if (pid === undefined) throw new Error('the process did not start');
  const gone = once(child, 'exit');
  return {
    port,
    facts,
    cpuSeconds: () => cpuSecondsOf(pid),
    residentBytes: () => residentBytesOf(pid),
    ask: async (message) => {
      const answer = once(child, 'message');
      child.send(message);
      const [text] = await answer;
      return String(text);
    },
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
