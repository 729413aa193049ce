/** The server process: `npm start`. */
import { loadConfig } from './config.ts';
import { Failure } from './errors.ts';
import { startServer } from './server.ts';

async function main(): Promise<void> {
  const config = loadConfig();
  const server = await startServer(config);
  process.stdout.write(
    [
      `HiveKey is running.`,
      `  Console       ${server.url}/`,
      `  MCP gateway   ${server.url}/mcp`,
      `  API           ${server.url}/v1  (reference: ${server.url}/docs)`,
      `  Data folder   ${config.data}`,
      ...(server.firstAdminKey === undefined
        ? []
        : [
            `  Admin key     ${server.firstAdminKey.reveal()}`,
            `                shown this once, and kept in admin.key of the data folder`,
          ]),
      '',
    ].join('\n'),
  );

  let stopping = false;
  async function stop(signal: NodeJS.Signals): Promise<void> {
    // A second signal means: now.
    if (stopping) process.exit(1);
    stopping = true;
    await server.close();
    process.exit(signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1);
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(signal));
}

main().catch((error: unknown) => {
  process.stderr.write(
    error instanceof Failure
      ? `hivekey: ${error.code}: ${error.message} ${error.remedy}\n`
      : `hivekey: ${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(1);
});
