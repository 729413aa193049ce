/** The header and the rows of tables, for where somebody reads or signs on paper. */

import { headerFields } from '../ipe.ts';
import { textOf } from '../tables/cell.ts';
import type { CellKind, IpeHeader, Row, TableShape } from '../types.ts';
import { type Block, type DocumentColumn, type EvidenceDocument, type Frame, heading, paragraph } from './model.ts';
import { timeText } from './time.ts';

/** Rows of a table that a PDF has; the CSV has all. */
export const PDF_ROWS = 2_000;
/** Columns that stand side by side; of wider tables the first column is told again with each group. */
const COLUMNS = 9;

/** Shares of the width of a page. */
const WEIGHTS: Readonly<Record<CellKind, number>> = {
  id: 3,
  text: 4,
  integer: 2,
  number: 2,
  boolean: 1.5,
  time: 3,
  list: 4,
  json: 5,
};

export interface ReportTable {
  readonly header: IpeHeader;
  readonly shape: TableShape;
  /** The first of them: at least {@link PDF_ROWS}, or all. */
  readonly rows: readonly Row[];
}

export function frameOf(header: IpeHeader): Frame {
  return {
    tenant: header.tenant,
    environment: header.environment,
    period: { from: header.period_from, to: header.period_to },
    asOf: header.as_of,
    generatedAt: header.generated_at,
    csvSha256: header.sha256,
    isSample: header.sample_data,
  };
}

/** A header page for each table, and its rows after it; at least one table. */
export function tablesDocument(title: string, tables: readonly [ReportTable, ...ReportTable[]]): EvidenceDocument {
  const [{ header }] = tables;
  return {
    ...frameOf(header),
    // Several tables have several: each header page says its own.
    csvSha256: tables.length === 1 ? header.sha256 : null,
    title,
    paper: 'landscape',
    blocks: tables.flatMap((table, i): readonly Block[] => [
      ...(i === 0 ? [] : [{ kind: 'page' } as const]),
      heading(`${table.shape.title}: where it comes from`),
      { kind: 'facts', facts: headerFields(table.header) },
      { kind: 'page' },
      ...rowBlocks(table),
    ]),
  };
}

function rowBlocks({ header, shape, rows }: ReportTable): readonly Block[] {
  const shown = rows.slice(0, PDF_ROWS);
  const groups = groupsOf(shape.columns.length);
  const count =
    header.row_count > shown.length
      ? `The first ${shown.length} of ${header.row_count} rows. The CSV ${shape.name}.csv has all of them.`
      : `${header.row_count} rows.`;
  return groups.flatMap((places, i): readonly Block[] => [
    heading(groups.length === 1 ? shape.title : `${shape.title}, columns ${i + 1} of ${groups.length}`),
    ...(i === 0 ? [paragraph(count, 'muted')] : []),
    {
      kind: 'table',
      columns: places.map((at) => columnAt(shape, at)),
      rows: shown.map((row) =>
        places.map((at) => {
          const kind = shape.columns[at]?.kind;
          if (kind === undefined) return '';
          const text = textOf(kind, row[at] ?? null);
          return kind === 'time' ? timeText(text) : text;
        }),
      ),
      empty: 'No rows.',
    },
  ]);
}

function columnAt({ columns }: TableShape, at: number): DocumentColumn {
  const column = columns[at];
  if (column === undefined) return { title: '', weight: 1 };
  const isNumber = column.kind === 'integer' || column.kind === 'number';
  return { title: column.name, weight: WEIGHTS[column.kind], isNumber };
}

/** Places of the columns of each group. */
function groupsOf(count: number): readonly (readonly number[])[] {
  const places = Array.from({ length: count }, (_, at) => at);
  if (count <= COLUMNS) return [places];
  const groups: number[][] = [];
  for (let at = 1; at < count; at += COLUMNS - 1) groups.push([0, ...places.slice(at, at + COLUMNS - 1)]);
  return groups;
}
