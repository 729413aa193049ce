/** What the sheet `About` says: where the tables come from, and what their columns mean. */
import { headerFields, SELF_ASSESSMENT } from '../ipe.ts';
import type { IpeHeader, TableShape } from '../types.ts';

export interface AboutRow {
  readonly cells: readonly string[];
  readonly isTitle: boolean;
}

/** A field a row, a header a column; below it each column of each table. */
export function aboutRows(
  headers: readonly IpeHeader[],
  shapes: readonly TableShape[],
  cutCells: number,
): readonly AboutRow[] {
  const fields = headers.map(headerFields);
  const names = fields[0]?.map(({ name }) => name) ?? [];
  return [
    title(shapes.map((shape) => shape.title).join(', ')),
    title(SELF_ASSESSMENT),
    row(['table', ...shapes.map(({ name }) => name)]),
    ...names.map((name, i) => row([name, ...fields.map((of) => of[i]?.value ?? '')])),
    row([
      'cut_cells',
      `${cutCells} cells of this workbook are cut, as a spreadsheet holds no longer ones; the CSV has them.`,
    ]),
    ...shapes.flatMap((shape) => [
      row([]),
      title(`Columns of ${shape.name}`),
      ...shape.columns.map(({ name, kind, about }) => row([name, `${about} (${kind})`])),
    ]),
  ];
}

function row(cells: readonly string[]): AboutRow {
  return { cells, isTitle: false };
}

function title(text: string): AboutRow {
  return { cells: [text], isTitle: true };
}
