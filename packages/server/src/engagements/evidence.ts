/** What was done in engagements as evidence: requests and answers, what was shown live, and what the firm looked at. */
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
import { WHAT } from './access.ts';

const REQUESTS: TableShape = {
  name: 'engagement-requests',
  title: 'Requests of auditors, act by act',
  columns: [
    column('engagement_id', 'id', 'The engagement.'),
    column('firm', 'text', 'The audit firm.'),
    column('request_id', 'id', 'The request.'),
    column('request_number', 'integer', 'Its number in the engagement.'),
    column('title', 'text', 'What is asked for.'),
    column('about', 'text', 'Criterion, control or report, as the auditor named it.'),
    column('act_number', 'integer', 'Its place in the request, without gaps.'),
    column('act', 'text', '`opened`, `commented`, `provided`, `accepted`, `returned` or `closed`.'),
    column('side', 'text', '`firm` or `customer`.'),
    column('actor', 'text', 'Who.'),
    column('at', 'time', 'When.'),
    column('text', 'text', 'What was said.'),
    column('attachments', 'json', 'What was referred to: reports, bundles, samples, entries.'),
    column('event_id', 'id', 'Record of the act.'),
  ],
};

const WALKTHROUGH: TableShape = {
  name: 'walkthrough',
  title: 'What was shown live, and decided again',
  columns: [
    column('engagement_id', 'id', 'The engagement.'),
    column('run_id', 'id', 'The press of a button, or the re-performance.'),
    column('kind', 'text', '`walkthrough` or `reperformance`.'),
    column('step', 'text', 'Of the walkthrough.'),
    column('actor', 'text', 'Who pressed it.'),
    column('at', 'time', 'When.'),
    column('input', 'json', 'With what.'),
    column('shown', 'boolean', 'Whether it came out as the step says; of a re-performance, whether all entries match.'),
    column('result', 'json', 'What came of it, as it was shown.'),
    column('event_id', 'id', 'Record of it.'),
  ],
};

const ACCESS: TableShape = {
  name: 'engagement-access',
  title: 'What people of audit firms looked at and did',
  columns: [
    column('seq', 'integer', 'Global number in the log.'),
    column('event_id', 'id', 'The record.'),
    column('engagement_id', 'id', 'The engagement.'),
    column('at', 'time', 'When.'),
    column('actor', 'text', 'Who.'),
    column('kind', 'text', 'Kind of the record.'),
    column('what', 'text', 'Method and address of a look; of what was done, which and what.'),
  ],
};

const REQUESTS_QUERY = `SELECT r.engagement_id, e.firm, r.id AS request_id, r.number AS request_number, r.title, r.about, a.number AS act_number,
       a.act, a.side, a.actor, a.at, a.text, a.attachments, a.event_id
  FROM engagement_request_acts a
  JOIN engagement_requests r ON r.workspace_id = a.workspace_id AND r.id = a.request_id
  JOIN engagements e ON e.workspace_id = r.workspace_id AND e.id = r.engagement_id
 WHERE a.workspace_id = $1 AND a.at >= $2 AND a.at < $3 ORDER BY a.at, a.request_id COLLATE "C", a.number`;

const WALKTHROUGH_QUERY = `SELECT engagement_id, id AS run_id, kind, step, actor, at, input, shown, result, event_id
  FROM engagement_runs WHERE workspace_id = $1 AND at >= $2 AND at < $3 ORDER BY at, id COLLATE "C"`;

const ACCESS_QUERY = `SELECT a.seq, a.event_id, a.record ->> 'engagement_id' AS engagement_id, a.ts AS at, a.record ->> 'actor' AS actor, a.kind,
       ${WHAT} AS what
  FROM actions a WHERE a.workspace_id = $1 AND a.kind LIKE 'engagement.%' AND a.ts >= $2 AND a.ts < $3 ORDER BY a.seq`;

/** The log counts what the tables have: an act, a run, has one record. */
const COUNTS = `SELECT count(*) FILTER (WHERE kind = 'engagement.request')::int AS requests,
       count(*) FILTER (WHERE kind IN ('engagement.walked', 'engagement.reperformed'))::int AS runs, count(*)::int AS access
  FROM actions WHERE workspace_id = $1 AND kind LIKE 'engagement.%' AND ts >= $2 AND ts < $3`;

interface Counts {
  readonly requests: number;
  readonly runs: number;
  readonly access: number;
}

function reportOf(
  shape: TableShape,
  query: string,
  counted: keyof Counts,
  count: readonly string[],
  { title, about, controls, seq }: Pick<Report, 'title' | 'about' | 'controls'> & { readonly seq?: string },
): Report {
  return {
    id: shape.name,
    folder: '14_engagements',
    item: 0,
    title,
    about,
    controls,
    tables: [shape],
    query,
    read: async ({ client, workspaceId, period, asOf }: ReportScope): Promise<ReportContent> => {
      const values = [workspaceId, period.from, endOf(period, asOf)];
      const rows = population(shape, streamRows(client, query, values), {
        count: [...count],
        ...(seq === undefined ? {} : { seq }),
      });
      return {
        rows: { [shape.name]: rows.rows },
        facts: async () => {
          const { rows: counts } = await client.query<Counts>(COUNTS, values);
          return { [shape.name]: rows.facts({ log: counts[0]?.[counted] ?? 0 }) };
        },
      };
    },
  };
}

export const engagementReports: readonly Report[] = [
  reportOf(REQUESTS, REQUESTS_QUERY, 'requests', ['act', 'side'], {
    title: 'Requests of auditors',
    about:
      'Everything that an auditor asked for and that was said and provided, act by act, with who and when. No act is ever changed or removed, so that what was returned, and why, shows too.',
    controls: [],
  }),
  reportOf(WALKTHROUGH, WALKTHROUGH_QUERY, 'runs', ['kind', 'step', 'shown'], {
    title: 'Walkthrough',
    about:
      'What an auditor had shown live, with what came of it as it was shown then: denied calls, decisions made again, rehearsed stops, counted populations, refused changes of the log, the comparison with the copy outside.',
    controls: ['AG-06', 'AG-13', 'AG-14'],
  }),
  reportOf(ACCESS, ACCESS_QUERY, 'access', ['kind'], {
    title: 'Access of auditors',
    about:
      'What people of audit firms looked at and did. A look is recorded before anything is shown. Their own session and the notes of the firm are not among it.',
    controls: ['AG-01'],
    seq: 'seq',
  }),
];
