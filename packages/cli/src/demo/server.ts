/** A HiveKey of its own for the demo: a fresh data folder, a free port, and the real server process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../server/src/main.ts', import.meta.url));

export interface DemoServer {
  readonly url: string;
  readonly adminKey: string;
  /** Holds the data folder of the server, and what the demo writes. */
  readonly folder: string;
  stop(): Promise<void>;
}

export async function startDemoServer(): Promise<DemoServer> {
  const folder = mkdtempSync(join(tmpdir(), 'hivekey-demo-'));
  const data = join(folder, 'data');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      HIVEKEY_DATA: data,
      HIVEKEY_PORT: '0',
      HIVEKEY_LOG_LEVEL: 'error',
      HIVEKEY_DATABASE_URL: '',
      HIVEKEY_CONFIG: '/dev/null',
    },
  });
  const url = await urlOf(child);
  return {
    url,
    adminKey: readFileSync(join(data, 'admin.key'), 'utf8').trim(),
    folder,
    stop: async () => {
      if (child.exitCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function urlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    if (child.stdout === null) throw new Error('the server has no standard output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^\s+MCP gateway\s+(http\S+)\/mcp$/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
}
