/** The server of the sample company: the real process, first on a simulated clock and then, started anew, on the real one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { AHEAD_VARIABLE } from './process-clock.ts';

const MAIN = fileURLToPath(new URL('../../../../server/src/main.ts', import.meta.url));
const AHEAD: typeof AHEAD_VARIABLE = 'SIMULATED_CLOCK_AHEAD_MS';
const CLOCK = new URL('./process-clock.ts', import.meta.url).href;

/** Name of the environment of sample data: it stands on every record, and evidence says so. */
const SAMPLE_ENVIRONMENT = 'sample';

export interface ServerSettings {
  /** Its data folder. */
  readonly data: string;
  readonly port: number;
  /** Absent: the database in the data folder. */
  readonly databaseUrl?: string;
  /** Settings of packages/server/src/config.ts as environment variables. */
  readonly more?: Readonly<Record<string, string>>;
}

export interface SampleServer {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** `aheadMs`: of a clock that is to lead it; see `SimulatedClock.lead`. */
export async function startServer(settings: ServerSettings, aheadMs?: number): Promise<SampleServer> {
  const isSimulated = aheadMs !== undefined;
  const preload = isSimulated ? ['--import', CLOCK] : [];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...preload, MAIN], {
    stdio: ['ignore', 'pipe', 'inherit', ...(isSimulated ? (['ipc'] as const) : [])],
    env: {
      ...process.env,
      HIVEKEY_LOG_LEVEL: 'error',
      HIVEKEY_CONFIG: '/dev/null',
      ...settings.more,
      HIVEKEY_DATA: settings.data,
      HIVEKEY_PORT: String(settings.port),
      HIVEKEY_DATABASE_URL: settings.databaseUrl ?? '',
      HIVEKEY_ENVIRONMENT: SAMPLE_ENVIRONMENT,
      ...(isSimulated ? { [AHEAD]: String(aheadMs) } : {}),
    },
  });
  const url = await urlOf(child);
  return {
    url,
    process: child,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
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
