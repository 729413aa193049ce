/** `INDEX.csv` and `INDEX.xlsx`: engineers find a file by item, auditors by criterion. */
import { CONTROLS } from '../controls/index.ts';
import type { TableFacts } from '../tables/write.ts';
import type { Column, IpeHeader, Period, Row, Table, TableShape } from '../types.ts';
import type { BundleFacts } from './readme.ts';

/** A file of evidence, and what it is evidence of. */
export interface IndexedFile {
  readonly path: string;
  readonly report: string;
  readonly title: string;
  /** 1 to 9; 0 for what goes along. */
  readonly item: number;
  readonly controls: readonly string[];
  /** Rows of a table; null for what is no table. */
  readonly rows: number | null;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

const COMMON: readonly Column[] = [
  {
    name: 'evidence_id',
    kind: 'id',
    about: 'Report and, within it, the file: the same in each version of the bundle.',
  },
  { name: 'item', kind: 'integer', about: 'Evidence item, 1 to 9; 0 goes along.' },
  { name: 'title', kind: 'text', about: 'What it is.' },
  { name: 'controls', kind: 'list', about: 'Controls it is evidence of.' },
  { name: 'criteria', kind: 'list', about: 'Trust Services Criteria these controls support.' },
  { name: 'file', kind: 'id', about: 'Path in the bundle.' },
  { name: 'rows', kind: 'integer', about: 'Rows of a table without its header; empty for what is no table.' },
  { name: 'period_from', kind: 'time', about: 'Inclusive.' },
  { name: 'period_to', kind: 'time', about: 'Exclusive.' },
  { name: 'as_of', kind: 'time', about: 'Instant that everything was read as of.' },
  { name: 'sha256', kind: 'id', about: 'Of the file.' },
  { name: 'bytes', kind: 'integer', about: 'Length of the file.' },
];
const CRITERION: Column = {
  name: 'criterion',
  kind: 'id',
  about: 'Of the Trust Services Criteria; one row for each it supports.',
};

/** By item: the first is INDEX.csv; both are sheets of INDEX.xlsx. In the order of the paths. */
export function indexTables(
  files: readonly IndexedFile[],
  period: Period,
  asOf: string,
): { readonly byItem: Table; readonly byCriterion: Table } {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const rows = sorted.map((file) => rowOf(file, period, asOf));
  const criteria = [...new Set(sorted.flatMap(({ controls }) => criteriaOf(controls)))].sort(byNumber);
  const byCriterion = criteria.flatMap((criterion) =>
    sorted.flatMap((file, i) =>
      criteriaOf(file.controls).includes(criterion) ? [[criterion, ...(rows[i] ?? [])]] : [],
    ),
  );
  return {
    byItem: { name: 'INDEX', title: 'Files by evidence item', columns: COMMON, rows: each(rows) },
    byCriterion: {
      name: 'by-criterion',
      title: 'Files by criterion',
      columns: [CRITERION, ...COMMON],
      rows: each(byCriterion),
    },
  };
}

/** The first sheet of INDEX.xlsx says where the index comes from, as that of every workbook does. */
export function indexHeader(of: BundleFacts, shape: TableShape, { rows, sha256, neutralised }: TableFacts): IpeHeader {
  return {
    report_id: shape.name,
    title: shape.title,
    control_ids: [],
    system: 'HiveKey',
    environment: of.environment,
    tenant: of.tenant,
    query_id: shape.name,
    query_text: 'Every file of evidence of this bundle, with the reports that made them.',
    parameters: { bundle: of.name, version: of.version },
    code_version: of.generator,
    policy_hash: null,
    period_from: of.period.from,
    period_to: of.period.to,
    as_of: of.asOf,
    generated_at: of.generatedAt,
    generated_by: { person: of.generatedBy, session: null },
    generator: of.generator,
    row_count: rows,
    neutralised_cells: neutralised,
    sha256,
    source_counts: { bundle: rows },
    control_totals: { rows },
    first_seq: null,
    last_seq: null,
    gaps: [],
    filters: [],
    exclusions: of.absent.map(({ part, why }) => ({ what: part, count: 1, reason: why })),
    redactions: [],
    tie_out: 'equal',
    chain_head: of.log.head,
    checkpoint_id: of.log.checkpoint,
    tsa_token: null,
    sample_data: of.isSample,
  };
}

/** Criteria that the controls support, each once, in their order. */
function criteriaOf(controls: readonly string[]): readonly string[] {
  const found = CONTROLS.filter(({ id }) => controls.includes(id)).flatMap(({ criteria }) => criteria);
  return [...new Set<string>(found)].sort(byNumber);
}

function rowOf(file: IndexedFile, period: Period, asOf: string): Row {
  const { path, report, item, title, controls, rows, sha256, bytes } = file;
  const name = path.slice(path.indexOf('/') + 1);
  const criteria = criteriaOf(controls);
  return [
    `${report}/${name}`,
    item,
    title,
    controls,
    criteria,
    path,
    rows,
    period.from,
    period.to,
    asOf,
    sha256,
    bytes,
  ];
}

/** CC6.10 comes after CC6.9. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

async function* each(rows: readonly Row[]): AsyncGenerator<Row> {
  yield* rows;
}
