/** `npm run bench [-- --json FILE] [--only NAME] [--quick] [--out FILE]`: runs each measure in turn and writes bench/report.md, or what is asked for to FILE. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openGround } from './company.ts';
import { readMachine } from './machine.ts';
import { MEASURES } from './measures.ts';
import { markdownReport, type Part, textTable } from './report.ts';
import { FULL, QUICK } from './run.ts';

const REPORT = new URL('./report.md', import.meta.url);

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean' },
    out: { type: 'string' },
  },
});
const chosen = MEASURES.filter(({ name }) => values.only?.includes(name) ?? true);
if (chosen.length === 0 || (values.only?.length ?? 0) > chosen.length) {
  process.stderr.write(`bench: the measures are ${MEASURES.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}
const effort = values.quick === true ? QUICK : FULL;
const machine = readMachine();
process.stdout.write(`${[...machine.facts, machine.warning].filter(Boolean).join('\n')}\n`);

const ground = await openGround();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void ground.close().finally(() => process.exit(1)));
const parts: Part[] = [];
try {
  for (const { title, explanation, measure } of chosen) {
    process.stdout.write(`\n${title}\n`);
    const startedAt = performance.now();
    const rows = await measure(ground, effort);
    parts.push({ title, explanation, rows, seconds: (performance.now() - startedAt) / 1000 });
    process.stdout.write(`${textTable(rows)}\n`);
  }
} finally {
  await ground.close();
}

if (values.json !== undefined) {
  const rows = parts.flatMap(({ rows }) => rows);
  const plain = rows.map(({ baseline = null, ratio = null, ...row }) => ({ ...row, baseline, ratio }));
  writeFileSync(values.json, `${JSON.stringify(plain, null, 2)}\n`);
}
if (values.only === undefined || values.out !== undefined) {
  const facts = [
    ...machine.facts,
    `PostgreSQL ${ground.postgresVersion}, embedded, fsync on`,
    `${effort.runs} runs of each measure, windows of ${effort.windowSeconds} s${effort === QUICK ? ' (--quick)' : ''}`,
    ...(machine.warning === undefined ? [] : [`**${machine.warning}**`]),
  ];
  writeFileSync(values.out ?? REPORT, markdownReport(facts, parts));
}
