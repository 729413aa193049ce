/** The server as people run it: a process of its own, to be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url));

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly adminKey: string;
  /** Resolves when the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

const running = new Set<ChildProcess>();

export async function startProcess(
  data: string,
  port: number,
  settings: Record<string, string> = {},
): Promise<ServerProcess> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HIVEKEY_'));
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...Object.fromEntries(inherited),
      HIVEKEY_CONFIG: '/dev/null',
      HIVEKEY_DATA: data,
      HIVEKEY_PORT: String(port),
      HIVEKEY_LOG_LEVEL: 'silent',
      HIVEKEY_UPSTREAM_ALLOW: '127.0.0.0/8',
      HIVEKEY_REQUESTS_PER_MINUTE: '1000000',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const gone = once(child, 'exit').then(() => {
    running.delete(child);
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const ready = new Promise<void>((resolve) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('HiveKey is running.')) resolve();
    });
  });
  await Promise.race([
    ready,
    gone.then(() => {
      throw new Error(`the server did not start: ${errors}`);
    }),
  ]);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    adminKey: readFileSync(join(data, 'admin.key'), 'utf8').trim(),
    kill: async (signal) => {
      child.kill(signal);
      await gone;
    },
  };
}

/** For the end of a test that failed half-way. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
