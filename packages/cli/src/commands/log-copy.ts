/** logs copy: closed days of the log as Parquet files, for DuckDB and its like. */
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AuditEvent, HiveKey, List } from '@hivekey/sdk';
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import { online } from '../run.ts';
import { moment } from '../values.ts';

const DAY_MS = 86_400_000;

export function addLogCopyCommand(logs: Command): void {
  logs
    .command('copy')
    .description('write each day that is over to a Parquet file; days that are there already are left as they are')
    .option('--from <time>', 'from that day on; the first of the log when absent', moment)
    .option('--to <time>', 'before that day; today when absent', moment)
    .requiredOption('-o, --output <folder>', 'where the days are kept')
    .addHelpText(
      'after',
      `
Example:
  hivekey logs copy -o copy
  duckdb -c "SELECT agent, count(*) FROM read_parquet('copy/*/*.parquet', hive_partitioning = true) WHERE verdict = 'deny' GROUP BY agent"`,
    )
    .action(
      online<[], { from?: string; to?: string; output: string }>(async ({ out, hivekey }, { from, to, output }) => {
        const first = dayOf(from ?? (await firstOf(hivekey)));
        const today = dayOf(new Date().toISOString());
        const end = Math.min(to === undefined ? today : dayOf(to), today);
        const written: string[] = [];
        for (let day = first; day < end; day += DAY_MS) {
          const name = new Date(day).toISOString().slice(0, 10);
          if (await copyDay(hivekey, join(output, `day=${name}`), day)) {
            written.push(name);
            out.note(name);
          }
        }
        out.result({ folder: output, days: written }, () => `${written.length} days were written to ${output}.`);
        return undefined;
      }),
    );
}

function dayOf(moment: string): number {
  return Math.floor(Date.parse(moment) / DAY_MS) * DAY_MS;
}

async function firstOf(hivekey: HiveKey): Promise<string> {
  const { data } = await hivekey.request<List<AuditEvent>>('GET', '/v1/audit/events', {
    query: { order: 'asc', limit: 1 },
  });
  const [event] = data;
  if (event === undefined) throw new UsageError('The log is empty.', 'There is nothing to copy yet.');
  return event.ts;
}

/** Beside its place first: a day that is there is whole. */
async function copyDay(hivekey: HiveKey, folder: string, day: number): Promise<boolean> {
  const file = join(folder, 'entries.parquet');
  if (existsSync(file)) return false;
  const { body } = await hivekey.stream('GET', '/v1/audit/events/export', {
    query: { format: 'parquet', from: new Date(day).toISOString(), to: new Date(day + DAY_MS).toISOString() },
  });
  if (body === null) throw new UsageError('The server sent nothing.', 'Try again.');
  mkdirSync(folder, { recursive: true });
  const part = `${file}.part`;
  try {
    await pipeline(Readable.fromWeb(body), createWriteStream(part));
    renameSync(part, file);
  } finally {
    rmSync(part, { force: true });
  }
  return true;
}
