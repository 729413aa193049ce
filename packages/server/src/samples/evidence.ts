/** The draws from populations of a period as evidence: every one, also those that were drawn again, with a pack for each row. */
import { canonicalJson } from '@hivekey/action-log';
import type { TableShape } from '@hivekey/evidence';
import {
  type Attachment,
  column,
  endOf,
  population,
  type Report,
  type ReportContent,
  type ReportScope,
  streamRows,
} from '../evidence/index.ts';
import { packOf } from './pack.ts';

const SAMPLES: TableShape = {
  name: 'samples',
  title: 'Samples that were drawn',
  columns: [
    column('sample_id', 'id', 'The draw.'),
    column('requested_at', 'time', 'When it was asked for: before any row was chosen.'),
    column('requested_by', 'text', 'Who asked.'),
    column('engagement_id', 'id', 'The engagement it was drawn in. Empty: none.'),
    column('report', 'text', 'Population: report.'),
    column('table', 'text', 'Population: table of the report.'),
    column('period_from', 'time', 'Of the population, inclusive.'),
    column('period_to', 'time', 'Of the population, exclusive.'),
    column('parameters', 'json', 'What else narrowed the population.'),
    column('population_count', 'integer', 'Rows of the population.'),
    column('population_sha256', 'id', 'Of its lines.'),
    column('method', 'text', '`random`, `stratified` or `monetary_unit`.'),
    column('stratify_by', 'text', 'Column of the strata.'),
    column('size', 'integer', 'Rows that were asked for.'),
    column('seed', 'text', 'The same one draws the same rows.'),
    column('draw', 'integer', 'The how manieth draw of this table and period.'),
    column('status', 'text', '`drawn`, or `requested`: it broke off, nothing was shown.'),
    column('drawn_at', 'time', 'When rows were chosen.'),
    column('drawn_count', 'integer', 'Rows that were chosen.'),
    column('list_sha256', 'id', 'Of the ids that were chosen, in their order.'),
    column('reason', 'text', 'Why, where somebody said.'),
    column('requested_event_id', 'id', 'Record of the request.'),
    column('drawn_event_id', 'id', 'Record of the draw.'),
  ],
};

const ITEMS: TableShape = {
  name: 'sample-items',
  title: 'What was drawn',
  columns: [
    column('sample_id', 'id', 'The draw.'),
    column('n', 'integer', 'Place in its list.'),
    column('unit_id', 'id', 'The row, by its id in the population.'),
    column('rank', 'id', 'SHA-256(seed ‖ unit_id).'),
    column('stratum', 'text', 'Its stratum, where there are any.'),
    column('hits', 'integer', 'How often it was drawn: above 1 only where money was.'),
  ],
};

const QUERY = `SELECT id AS sample_id, requested_at, requested_by, engagement_id, report, table_name AS "table", period_from, period_to, parameters,
       population_count, population_sha256, method, stratify_by, size, seed, draw,
       CASE WHEN drawn_at IS NULL THEN 'requested' ELSE 'drawn' END AS status, drawn_at, drawn_count, list_sha256, reason,
       event_id AS requested_event_id, drawn_event_id
  FROM samples WHERE workspace_id = $1 AND period_from < $3 AND period_to > $2 AND requested_at < $4 ORDER BY requested_at, id`;

const ITEMS_QUERY = `SELECT i.sample_id, i.n, i.unit_id, i.rank, i.stratum, i.hits
  FROM samples s JOIN sample_items i ON i.workspace_id = s.workspace_id AND i.sample_id = s.id
 WHERE s.workspace_id = $1 AND s.period_from < $3 AND s.period_to > $2 AND s.requested_at < $4 ORDER BY s.requested_at, s.id, i.n`;

const COUNTS = `SELECT count(*) AS samples, coalesce(sum(drawn_count), 0)::bigint AS items
  FROM samples WHERE workspace_id = $1 AND period_from < $3 AND period_to > $2 AND requested_at < $4`;

const REQUESTS = `SELECT count(*) AS count FROM actions
 WHERE workspace_id = $1 AND kind = 'sample.requested' AND ts < $4
   AND (record ->> 'from')::timestamptz < $3 AND (record ->> 'to')::timestamptz > $2`;

export const samplesReport: Report = {
  id: 'samples',
  folder: '07_action-log/samples',
  item: 7,
  title: 'Samples',
  about:
    'Every draw from a population of the period, whenever it was asked for, with its seed and what it gave, and the evidence of each row. The request is on the log before any row is chosen, and no draw can be taken back, so that whoever drew until they liked it shows.',
  controls: ['AG-13'],
  tables: [SAMPLES, ITEMS],
  query: QUERY,
  read,
};

/** Packs in one set of files; each has every record of its row with its proof. */
const MAX_PACKS = 1_000;

async function read(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period, asOf } = scope;
  const values = [workspaceId, period.from, endOf(period, asOf), asOf];
  const samples = population(SAMPLES, streamRows(client, QUERY, values), { count: ['report', 'method', 'status'] });
  const items = population(ITEMS, streamRows(client, ITEMS_QUERY, values));
  return {
    rows: { [SAMPLES.name]: samples.rows, [ITEMS.name]: items.rows },
    facts: async () => {
      const [counts, requests] = [
        await client.query<{ samples: number; items: number }>(COUNTS, values),
        await client.query<{ count: number }>(REQUESTS, values),
      ];
      const { samples: drawn = 0, items: chosen = 0 } = counts.rows[0] ?? {};
      return {
        [SAMPLES.name]: samples.facts({ database: drawn, log: requests.rows[0]?.count ?? 0 }),
        [ITEMS.name]: items.facts(
          { database: chosen },
          chosen <= MAX_PACKS
            ? {}
            : {
                exclusions: [
                  { what: 'packs of rows', count: chosen - MAX_PACKS, reason: `The first ${MAX_PACKS} are here.` },
                ],
              },
        ),
      };
    },
    attachments: () => packs(scope, values),
  };
}

async function* packs(
  { client, context, workspaceId }: ReportScope,
  values: readonly unknown[],
): AsyncGenerator<Attachment, void, undefined> {
  const { rows } = await client.query<{ sample_id: string; n: number }>(`${ITEMS_QUERY} LIMIT ${MAX_PACKS}`, [
    ...values,
  ]);
  for (const { sample_id: id, n } of rows) {
    const pack = await packOf(context, workspaceId, id, n);
    yield { path: `packs/${id}-${n}.json`, bytes: Buffer.from(`${canonicalJson(pack)}\n`) };
  }
}
