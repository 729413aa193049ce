/** The server process: `npm start`. */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { type Config, loadConfig } from './config.ts';
import { Failure } from './errors.ts';
import { prepareDataFolder } from './node/index.ts';
import type { RunningServer } from './server.ts';

async function main(): Promise<void> {
  const config = loadConfig();
  prepareDataFolder(config.data);
  // Compiled code is kept between starts, where nobody else can put any; loading takes half the time.
  enableCompileCache(join(config.data, 'compile-cache'));
  const { startServer } = await import('./server.ts');
  const server = await startServer(config);
  let isStopping = false;
  const stop = async (): Promise<void> => {
    // A second signal means: now.
    if (isStopping) process.exit(1);
    isStopping = true;
    await server.close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
  // Whoever waits for this line may stop the server at once.
  process.stdout.write(greeting(config, server));
}

function greeting({ data }: Config, { url, newAdminKey }: RunningServer): string {
  const key =
    newAdminKey === undefined
      ? []
      : [
          `  Admin key     ${newAdminKey.reveal()}`,
          '                shown this once; kept in admin.key of the data folder',
        ];
  return [
    'HiveKey is running.',
    `  Console       ${url}/`,
    `  MCP gateway   ${url}/mcp`,
    `  API           ${url}/v1  (reference: ${url}/docs)`,
    `  Data folder   ${data}`,
    ...key,
    '',
  ].join('\n');
}

function describe(error: unknown): string {
  if (error instanceof Failure) return `${error.code}: ${error.message} ${error.remedy}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

main().catch((error: unknown) => {
  process.stderr.write(`hivekey: ${describe(error)}\n`);
  process.exit(1);
});
