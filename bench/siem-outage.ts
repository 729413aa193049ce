/**
 * `node scripts/run.mjs bench/siem-outage.ts [--records N]`: an hour of simulated traffic at 1,000 events a second while
 * the receiver is away, with two kills of the node and a fifth of requests that fail; writes bench/siem-outage.md. The
 * suite runs the same code with 12,000 records (test/faults/sinks.test.ts).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runOutage } from '../test/faults/outage.ts';
import { killAll } from '../test/faults/process.ts';
import { startCluster } from '../test/setup/cluster.ts';
import { newDatabase } from '../test/setup/database.ts';
import { readMachine } from './machine.ts';

const PER_SECOND = 1_000;
const { values } = parseArgs({ options: { records: { type: 'string', default: String(3_600 * PER_SECOND) } } });
const records = Number(values.records);

const { facts, warning } = readMachine();
const stopCluster = await startCluster();
const database = newDatabase();
const folder = mkdtempSync(join(tmpdir(), 'hivekey-outage-'));
try {
  const note = (text: string): void => console.log(text);
  const report = await runOutage({
    databaseUrl: database.url,
    folder,
    records,
    perSecond: PER_SECOND,
    faultRate: 0.2,
    note,
  });
  const { days, ...result } = report;
  const shown = [
    'day',
    'produced',
    'accepted',
    'rejected',
    'retried',
    'max_lag_s',
    'gap_minutes',
    'first_seq',
    'last_seq',
  ];
  const lines = [...facts.map((fact) => `- ${fact}`), ...(warning === undefined ? [] : ['', warning])];
  writeFileSync(
    new URL('siem-outage.md', import.meta.url),
    `# An outage of a receiver

Written by \`node scripts/run.mjs bench/siem-outage.ts${records === 3_600 * PER_SECOND ? '' : ` --records ${records}`}\`; nothing in it is entered by hand.

${lines.join('\n')}

${records.toLocaleString('en-GB')} records, ${PER_SECOND.toLocaleString('en-GB')} a second of simulated time (${(records / PER_SECOND / 60).toFixed(0)} minutes), while a webhook receiver is away. The node that sends is killed with SIGKILL after a third of them, and once more while it catches up. The receiver comes back and fails at a fifth of requests: 502 and 503, connections cut before and after it has stored, half a batch stored. PostgreSQL, both nodes and the receiver share the machine.

| | |
|---|--:|
${Object.entries(result)
  .map(
    ([name, value]) =>
      `| ${name} | ${typeof value === 'number' ? Number(value.toFixed(1)).toLocaleString('en-GB') : value} |`,
  )
  .join('\n')}

\`inLog\` counts from where the sink begins; \`lost\` = in the log, and never at the receiver; \`changed\` = the same id with other bytes; \`outOfOrder\` = first arrivals behind a later one.

The ledger:

| ${shown.join(' | ')} |
|${shown.map(() => '---').join('|')}|
${days.map((day) => `| ${shown.map((name) => String(day[name])).join(' | ')} |`).join('\n')}
`,
  );
} finally {
  killAll();
  await database.drop();
  await stopCluster();
  rmSync(folder, { recursive: true, force: true });
}
