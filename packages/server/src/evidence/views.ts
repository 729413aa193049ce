/** Reports as the API shows them. */
import { z } from 'zod';
import type { Report } from './report.ts';

/** Whatever JSON has. */
const cell = z.unknown();

const columnSchema = z.object({
  name: z.string(),
  kind: z.enum(['id', 'text', 'integer', 'number', 'boolean', 'time', 'list', 'json']),
  about: z.string(),
});

export const FORMATS = ['csv', 'xlsx', 'json', 'jsonl', 'ipe', 'pdf', 'zip'] as const;
export type Format = (typeof FORMATS)[number];

export const reportSchema = z
  .object({
    object: z.literal('evidence_report'),
    id: z.string(),
    item: z.int().min(0).max(9).meta({ description: 'Number of the evidence item; 0 goes along with the nine.' }),
    folder: z.string().meta({ description: 'Of the bundle.' }),
    title: z.string(),
    about: z.string(),
    controls: z.array(z.string()),
    tables: z.array(z.object({ name: z.string(), title: z.string(), columns: z.array(columnSchema) })),
    formats: z.array(z.enum(FORMATS)),
    query: z.string().meta({ description: 'How the population is selected.' }),
    parameters: z
      .record(z.string(), z.string())
      .meta({ description: 'Name → what it narrows; beside `from` and `to`.' }),
  })
  .meta({ id: 'EvidenceReport' });

export function reportView(report: Report): z.output<typeof reportSchema> {
  const { id, item, folder, title, about, controls, tables, query, parameters } = report;
  return {
    object: 'evidence_report',
    id,
    item,
    folder,
    title,
    about,
    controls: [...controls],
    tables: tables.map((table) => ({
      name: table.name,
      title: table.title,
      columns: table.columns.map((column) => ({ ...column })),
    })),
    formats: formatsOf(report),
    query,
    parameters: { ...parameters },
  };
}

/** PDF where somebody signs or reads it on paper. */
export function formatsOf({ pdf = false }: Report): Format[] {
  return FORMATS.filter((format) => format !== 'pdf' || pdf);
}

const difference = z.object({ difference: z.number(), reason: z.string() });

/** `*.ipe.json`, but for what only the written file tells. */
const headerSchema = z
  .object({
    report_id: z.string(),
    title: z.string(),
    control_ids: z.array(z.string()).readonly(),
    system: z.string(),
    environment: z.string(),
    tenant: z.string(),
    query_id: z.string(),
    query_text: z.string(),
    parameters: z.record(z.string(), cell),
    code_version: z.string(),
    policy_hash: z.string().nullable().meta({ description: 'In force at the end of the period.' }),
    period_from: z.string(),
    period_to: z.string(),
    as_of: z.string(),
    generated_by: z.object({ person: z.string(), session: z.string().nullable() }),
    generator: z.string(),
    first_seq: z.int().nullable(),
    last_seq: z.int().nullable(),
    gaps: z.array(z.object({ from: z.string(), to: z.string(), reason: z.string() })).readonly(),
    control_totals: z.record(z.string(), z.union([z.number(), z.string()])),
    source_counts: z.record(z.string(), z.number()),
    tie_out: z.union([z.literal('equal'), difference]),
    filters: z.array(z.string()).readonly(),
    exclusions: z.array(z.object({ what: z.string(), count: z.number(), reason: z.string() })).readonly(),
    redactions: z
      .array(z.object({ fields: z.array(z.string()).readonly(), rule: z.string(), count: z.number() }))
      .readonly(),
    chain_head: z.string().nullable(),
    checkpoint_id: z.string().nullable(),
    tsa_token: z.string().nullable(),
    sample_data: z.boolean(),
  })
  .meta({ id: 'EvidenceHeader' });

export const tableSchema = z.object({
  name: z.string(),
  title: z.string(),
  row_count: z.int(),
  header: headerSchema,
});

export const summarySchema = z
  .object({
    object: z.literal('evidence_summary'),
    report: z.string(),
    from: z.string(),
    to: z.string(),
    as_of: z.string(),
    tables: z.array(tableSchema),
  })
  .meta({ id: 'EvidenceSummary' });

export const rowsSchema = z
  .object({
    object: z.literal('evidence_rows'),
    report: z.string(),
    table: z.string(),
    as_of: z.string().meta({ description: 'Of all pages.' }),
    columns: z.array(z.string()),
    rows: z
      .array(z.array(cell).readonly())
      .readonly()
      .meta({ description: 'Cells in the order of the columns; null is an empty cell.' }),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'EvidenceRows' });
