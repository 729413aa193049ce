/** The tools' own totals against the log, as evidence. */
import type { TableShape } from '@hivekey/evidence';
import {
  column,
  endOf,
  population,
  type Report,
  type ReportContent,
  type ReportScope,
  streamRows,
} from '../evidence/index.ts';
import { tieOutCoverage } from './coverage.ts';

const TIE_OUTS: TableShape = {
  name: 'tool-tie-out',
  title: 'Totals of the tools against those of the log',
  columns: [
    column('tie_out_id', 'id', 'The comparison.'),
    column('tool', 'text', 'Namespace of the tool.'),
    column('capabilities', 'list', 'That were compared; empty: all of the tool.'),
    column('period_from', 'time', 'Inclusive.'),
    column('period_to', 'time', 'Exclusive.'),
    column('source_kind', 'text', 'Form of the tool’s list.'),
    column('source_sha256', 'id', 'Of the bytes that were read.'),
    column('rows', 'integer', 'Rows of the tool’s list.'),
    column('rows_counted', 'integer', 'Of which this many count.'),
    column('left_out', 'json', 'Why the others do not → how many.'),
    column('compared_by', 'text', '`reference`, `count` or `day`.'),
    column('plane_count', 'integer', 'Allowed calls in the log.'),
    column('tool_count', 'integer', 'What the tool says was done.'),
    column('plane_sums', 'json', 'Currency → minor units, of the log.'),
    column('tool_sums', 'json', 'Currency → minor units, of the tool.'),
    column('matched', 'integer', 'Pairs.'),
    column('differences', 'integer', 'Listed one by one.'),
    column('explained', 'integer', 'Of which a person has said why.'),
    column('state', 'text', '`equal`, `explained` or `different`.'),
    column('imported_at', 'time', 'When it was compared.'),
    column('imported_by', 'text', 'Who compared it.'),
    column('through_seq', 'integer', 'The log as far as it was read.'),
    column('event_id', 'id', 'Record of it.'),
  ],
};

const DIFFERENCES: TableShape = {
  name: 'tie-out-differences',
  title: 'What differs, one by one',
  columns: [
    column('difference_id', 'id', 'The difference.'),
    column('tie_out_id', 'id', 'Of which comparison.'),
    column('tool', 'text', 'Of which tool.'),
    column(
      'kind',
      'text',
      '`only_here`, `only_there`, `amount_differs`, `count_differs`, `twice_here` or `twice_there`.',
    ),
    column('reference', 'id', 'By which the tool knows it.'),
    column('action_id', 'id', 'The call, where there is one.'),
    column('at', 'time', 'When it was.'),
    column('plane_amount_minor', 'integer', 'As the log has it.'),
    column('tool_amount_minor', 'integer', 'As the tool has it.'),
    column('currency', 'text', 'Of both.'),
    column('plane_count', 'integer', 'Of totals: calls in the log.'),
    column('tool_count', 'integer', 'Of totals: as the tool counts.'),
    column('words', 'text', 'What differs.'),
    column('explanation', 'text', 'Why, as a person said. Empty: nobody has.'),
    column('explained_by', 'text', 'Who said so.'),
    column('explained_at', 'time', 'When.'),
  ],
};

const COVERED: TableShape = {
  name: 'tie-out-coverage',
  title: 'Tools that moved money or data, and whether they were compared',
  columns: [
    column('tool', 'id', 'Namespace of the tool.'),
    column('moves', 'list', 'Units that its calls spent, and `external` where they reach beyond the company.'),
    column('calls', 'integer', 'Allowed calls in the period.'),
    column('tie_outs', 'integer', 'Comparisons that overlap the period.'),
    column('is_covered', 'boolean', 'From its beginning to its end.'),
    column('covered_through', 'time', 'Without a hole from its beginning. Empty: not from there.'),
    column('state', 'text', 'The worst of them; `none`: it was not compared.'),
  ],
};

// $1 workspace, $2 from, $3 end, $4 as of
const QUERY = `SELECT t.id AS tie_out_id, t.tool, t.capabilities, t.period_from, t.period_to, t.source ->> 'kind' AS source_kind, t.sha256 AS source_sha256,
       t.rows_count AS rows, t.rows_counted, t.left_out, t.compared_by, (t.totals -> 'ours' -> 'count')::bigint AS plane_count,
       (t.totals -> 'theirs' -> 'count')::bigint AS tool_count, t.totals -> 'ours' -> 'sums' AS plane_sums, t.totals -> 'theirs' -> 'sums' AS tool_sums,
       t.matched, t.differences, e.explained, t.imported_at, t.imported_by, t.through_seq, t.event_id,
       CASE WHEN t.differences = 0 THEN 'equal' WHEN e.explained = t.differences THEN 'explained' ELSE 'different' END AS state
  FROM tie_outs t
 CROSS JOIN LATERAL (SELECT count(*) AS explained FROM tie_out_differences d
                      WHERE d.workspace_id = t.workspace_id AND d.tie_out_id = t.id AND d.explained_at < $4) e
 WHERE t.workspace_id = $1 AND t.period_from < $3 AND t.period_to > $2 AND t.imported_at < $4 ORDER BY t.tool COLLATE "C", t.period_from, t.imported_at, t.id`;

const DIFFERENCES_QUERY = `SELECT d.id AS difference_id, d.tie_out_id, t.tool, d.kind, d.reference, d.call_event_id AS action_id, d.at,
       d.ours_minor AS plane_amount_minor, d.theirs_minor AS tool_amount_minor, d.currency, d.ours_count AS plane_count, d.theirs_count AS tool_count,
       d.words, e.explanation, e.explained_by, e.explained_at
  FROM tie_outs t JOIN tie_out_differences d ON d.workspace_id = t.workspace_id AND d.tie_out_id = t.id
  LEFT JOIN LATERAL (SELECT string_agg(x.explanation, E'\\n' ORDER BY x.n) AS explanation, max(x.explained_by) AS explained_by, min(x.explained_at) AS explained_at
                       FROM tie_out_explanations x WHERE x.workspace_id = d.workspace_id AND x.difference_id = d.id AND x.explained_at < $4) e ON true
 WHERE t.workspace_id = $1 AND t.period_from < $3 AND t.period_to > $2 AND t.imported_at < $4 ORDER BY t.tool COLLATE "C", t.period_from, t.imported_at, t.id, d.n`;

const COUNTS = `SELECT count(*) AS tie_outs, coalesce(sum(differences), 0)::bigint AS differences
  FROM tie_outs t WHERE t.workspace_id = $1 AND t.period_from < $3 AND t.period_to > $2 AND t.imported_at < $4`;

export const tieOutReport: Report = {
  id: 'tool-tie-out',
  folder: '07_action-log',
  item: 7,
  title: 'Tie-out with the tools’ own totals',
  about:
    'What the tools themselves say was done, held against the allowed calls of the log. It is the one check that does not rest on HiveKey: what was done past it shows as `only_there`.',
  controls: ['AG-13'],
  tables: [TIE_OUTS, DIFFERENCES, COVERED],
  query: QUERY,
  read,
};

async function read({ client, workspaceId, period, asOf }: ReportScope): Promise<ReportContent> {
  const end = endOf(period, asOf);
  const values = [workspaceId, period.from, end, asOf];
  const tieOuts = population(TIE_OUTS, streamRows(client, QUERY, values), { count: ['state', 'tool'] });
  const differences = population(DIFFERENCES, streamRows(client, DIFFERENCES_QUERY, values), { count: ['kind'] });
  const coverage = await tieOutCoverage(client, workspaceId, { from: period.from, to: end }, asOf);
  const covered = population(COVERED, coverage, { count: ['state'] });
  return {
    rows: { [TIE_OUTS.name]: tieOuts.rows, [DIFFERENCES.name]: differences.rows, [COVERED.name]: covered.rows },
    facts: async () => {
      const { rows } = await client.query<{ tie_outs: number; differences: number }>(COUNTS, values);
      const { tie_outs: imports = 0, differences: found = 0 } = rows[0] ?? {};
      const not = coverage.filter(({ state, is_covered: isCovered }) => state === 'none' || !isCovered);
      return {
        [TIE_OUTS.name]: tieOuts.facts({ database: imports }),
        [DIFFERENCES.name]: differences.facts({ database: found }),
        [COVERED.name]: covered.facts(
          { log: coverage.length },
          {
            gaps: not.map(({ tool, covered_through: through }) => ({
              from: through ?? period.from,
              to: end,
              reason: `${tool} was not compared with its own list for all of that time`,
            })),
          },
        ),
      };
    },
  };
}
