/** HiveKey as an operator starts it: the process, its output, its signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface ServerProcess {
  readonly url: string;
  /** As printed on a first start. */
  readonly adminKey: string | undefined;
  readonly output: () => string;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

function run(
  folder: string,
  settings: Readonly<Record<string, string>>,
): { child: ChildProcess; output: () => string } {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HIVEKEY_'));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN], {
    env: {
      ...Object.fromEntries(inherited),
      HIVEKEY_CONFIG: '/dev/null',
      HIVEKEY_DATA: folder,
      HIVEKEY_PORT: '0',
      HIVEKEY_LOG_LEVEL: 'warn',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (more) => (text += more));
  return { child, output: () => text };
}

/** Starts and waits until it says that it runs. Rejects with its output when it ends before. */
export async function startProcess(folder: string, settings: Record<string, string> = {}): Promise<ServerProcess> {
  const { child, output } = run(folder, settings);
  const ended = once(child, 'exit');
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', () => {
      if (output().includes('Data folder')) resolve();
    });
    child.on('exit', (code) => reject(new Error(`ended with ${code}: ${output()}`)));
  });
  return {
    url: /Console +(http\S+)\//.exec(output())?.[1] ?? '',
    adminKey: /Admin key +(hk_live_\w+)/.exec(output())?.[1],
    output,
    end: async (signal) => {
      child.kill(signal);
      const [code, by] = await ended;
      return { code, signal: by };
    },
  };
}

/** Starts what is expected not to. */
export async function failToStart(
  folder: string,
  settings: Record<string, string> = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const { child, output } = run(folder, settings);
  const [code] = await once(child, 'close');
  return { code, output: output() };
}
