/**
 * The server as `npm start` runs it, with switches that the measures need. Prints its admin key and port. Messages:
 *   `commit off`       the log builds each block and takes it as written, without the database
 *   `profile on`       samples the CPU until
 *   `profile off FILE` which writes the profile
 *   `collect`          collects what is not used any more (needs --expose-gc)
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import pg from 'pg';
import { loadConfig } from '../../packages/server/src/config.ts';
import { prepareDataFolder } from '../../packages/server/src/node/data-folder.ts';
import { startServer } from '../../packages/server/src/server.ts';

const SAMPLE_MICROSECONDS = 200;

const config = loadConfig();
prepareDataFolder(config.data);
const server = await startServer(config);
const session = new Session();
session.connect();

function takeBlocksAsWritten(): void {
  const query: (...args: unknown[]) => unknown = pg.Client.prototype.query;
  Object.assign(pg.Client.prototype, {
    query(this: pg.Client, ...args: unknown[]): unknown {
      const [statement] = args;
      if (!isAppend(statement)) return query.apply(this, args);
      // No sooner than a reply over a socket could be read.
      return new Promise((resolve) => setImmediate(resolve, { rowCount: 1, rows: [] }));
    },
  });
}

function isAppend(statement: unknown): boolean {
  return typeof statement === 'object' && statement !== null && 'name' in statement && statement.name === 'log-append';
}

async function obey(message: string): Promise<string> {
  const [order, setting, file = ''] = message.split(' ');
  if (order === 'commit') takeBlocksAsWritten();
  else if (order === 'collect') await globalThis.gc?.({ type: 'major', execution: 'async' });
  else if (setting === 'on') {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
    await session.post('Profiler.start');
  } else {
    const { profile } = await session.post('Profiler.stop');
    writeFileSync(file, JSON.stringify(profile));
  }
  return 'done';
}

process.on('message', (message) => void obey(String(message)).then((answer) => process.send?.(answer)));
process.on('SIGTERM', () => void server.close().then(() => process.exit(0)));
const key = server.newAdminKey?.reveal();
if (key !== undefined) process.stdout.write(`key ${key}\n`);
process.stdout.write(`port ${new URL(server.localUrl).port}\n`);
