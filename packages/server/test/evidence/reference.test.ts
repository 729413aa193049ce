/** docs/reference/evidence.md is what the definitions say. `npx vitest run -u` on this file writes it anew. */
import { expect, it } from 'vitest';
import { allReports } from '../../src/evidence/index.ts';
import { formatsOf } from '../../src/evidence/views.ts';

const CONTROLS = /^AG-(0[1-9]|1\d|20)$/;
const FORBIDDEN = /compliant|certified|passed SOC 2|auditor concluded/i;

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function reference(): string {
  const reports = allReports().toSorted((a, b) => (a.folder < b.folder ? -1 : a.folder > b.folder ? 1 : 0));
  return [
    '# Reports',
    '',
    'Every report of [evidence](../guides/evidence.md), with its tables and columns. This page is made of their definitions.',
    '',
    'A cell is written as [evidence-files.md](evidence-files.md) says. Each report takes a period, `from` (inclusive) and `to` (exclusive).',
    '',
    ...reports.flatMap((report) => [
      `## ${report.title}`,
      '',
      `\`${report.id}\`, folder \`${report.folder}\`${report.item === 0 ? '' : `, item ${report.item}`}${
        report.controls.length === 0 ? '' : `, controls ${report.controls.join(', ')}`
      }. Formats: ${formatsOf(report).join(', ')}.`,
      '',
      report.about,
      '',
      ...Object.entries(report.parameters ?? {}).map(([name, about]) => `- \`${name}\`: ${about}`),
      ...(report.parameters === undefined ? [] : ['']),
      ...report.tables.flatMap(({ name, title, columns }) => [
        `### \`${name}\`: ${title}`,
        '',
        '| Column | Kind | What it says |',
        '|---|---|---|',
        ...columns.map((column) => `| \`${column.name}\` | ${column.kind} | ${cell(column.about)} |`),
        '',
      ]),
    ]),
  ].join('\n');
}

it('is what docs/reference/evidence.md says', async () => {
  await expect(reference()).toMatchFileSnapshot('../../../../docs/reference/evidence.md');
});

it('names controls that there are, tables once, and draws no auditor’s conclusion', () => {
  const reports = allReports();
  expect(new Set(reports.map(({ id }) => id)).size).toBe(reports.length);
  const tables = reports.flatMap(({ folder, tables: of }) => of.map(({ name }) => `${folder}/${name}`));
  expect(new Set(tables).size).toBe(tables.length);
  for (const report of reports) {
    for (const control of report.controls) expect(control).toMatch(CONTROLS);
    expect(JSON.stringify([report.title, report.about, report.query, report.tables])).not.toMatch(FORBIDDEN);
    for (const { columns } of report.tables) expect(new Set(columns.map(({ name }) => name)).size).toBe(columns.length);
  }
});
