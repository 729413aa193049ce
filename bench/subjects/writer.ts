/**
 * One node's log writer on a database that others write to as well. Takes the database, the node's name and its first
 * caller; prints `port 0`. `run CALLS CALLERS` makes so many calls and their results durable and answers with the seconds.
 */

import { Writer } from '../../packages/server/src/log/writer.ts';
import { intent, record, WORKSPACE } from '../append.ts';

const [url = '', nodeId = '', first = '0'] = process.argv.slice(2);
const writer = new Writer({
  workspaceId: WORKSPACE,
  nodeId,
  connectionString: url,
  clock: Date.now,
  timeoutMs: 10_000,
  maxBatch: 512,
  maxQueue: 8_192,
  logger: undefined,
  observe: undefined,
  onCommitted: () => undefined,
});

async function run(calls: number, callers: number): Promise<number> {
  const startedAt = performance.now();
  const caller = async (own: number): Promise<void> => {
    for (let i = own; i < calls; i += callers) {
      const settle = await record(writer, intent(Number(first) + own, false));
      await settle();
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, own) => caller(own)));
  return (performance.now() - startedAt) / 1000;
}

process.on('message', (message) => {
  const [, calls = '0', callers = '1'] = String(message).split(' ');
  void run(Number(calls), Number(callers)).then((seconds) => process.send?.(String(seconds)));
});
process.on('SIGTERM', () => void writer.close().then(() => process.exit(0)));
process.stdout.write('port 0\n');
