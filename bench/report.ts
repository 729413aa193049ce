/** Rows as a table for the terminal and as the committed report. */
import { type Row, rounded } from './rows.ts';

export interface Part {
  readonly title: string;
  /** What is measured, against what, and how to read it. */
  readonly explanation: string;
  readonly rows: readonly Row[];
  readonly seconds: number;
}

/** Measured by scripts of their own, which say their command at their top. */
const ELSEWHERE = [
  ['siem-formats', 'mapping of events to each format of a SIEM, and reading them back'],
  ['siem-outage', 'an hour of traffic while a receiver is away'],
  ['detections', 'events a second through all rules of detection'],
  ['queries', 'questions to the log, by its size'],
  ['blast-radius', 'bounds of the blast radius, by their tightness'],
] as const;

const HEADINGS = ['Measure', 'Value', 'p99', 'Baseline', 'Ratio', 'Target'] as const;

export function textTable(rows: readonly Row[]): string {
  const cells = rows.map(cellsOf);
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdownReport(facts: readonly string[], parts: readonly Part[]): string {
  const sections = parts.map(({ title, explanation, rows, seconds }) =>
    [`## ${title}`, '', explanation, '', ...markdownTable(rows), '', `Measured in ${Math.round(seconds)} s.`].join(
      '\n',
    ),
  );
  return [
    '# Benchmark report',
    '',
    'Written by `npm run bench`; nothing in it is entered by hand. Every baseline was measured in the same run, in windows that took turns with those of the subject. Values are medians of the runs.',
    '',
    ...facts.map((fact) => `- ${fact}`),
    '',
    `Reports of their own: ${ELSEWHERE.map(([name, what]) => `[${name}.md](${name}.md), ${what}`).join('; ')}.`,
    '',
    '## Targets',
    '',
    ...markdownTable(parts.flatMap(({ rows }) => rows.filter(({ target }) => target !== undefined))),
    '',
    ...sections.flatMap((section) => [section, '']),
  ].join('\n');
}

function markdownTable(rows: readonly Row[]): string[] {
  const used = HEADINGS.flatMap((_, i) => (i === 0 || rows.some((row) => cellsOf(row)[i] !== '') ? [i] : []));
  const line = (cells: readonly string[]): string => `| ${used.map((i) => cells[i] ?? '').join(' | ')} |`;
  return [line(HEADINGS), `|${used.map((i) => (i === 0 || i === 3 || i === 5 ? '---|' : '--:|')).join('')}`].concat(
    rows.map((row) => line(cellsOf(row))),
  );
}

function cellsOf({ measure, value, unit, p99, baseline, ratio, target }: Row): readonly string[] {
  return [
    measure,
    `${rounded(value)} ${unit}`,
    p99 === undefined ? '' : `${rounded(p99)} ${unit}`,
    baseline ?? '',
    ratio === undefined ? '' : String(rounded(ratio)),
    target === undefined ? '' : `${target.text}: ${target.met ? 'met' : '**not met**'}`,
  ];
}
