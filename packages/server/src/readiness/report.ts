/**
 * Readiness as evidence. Where a run of exactly the period was stored, the newest is told, as it was signed then; otherwise the
 * controls are tested at the instant of the snapshot.
 */
import { canonicalJson } from '@hivekey/action-log';
import { readinessDocument, type TableShape } from '@hivekey/evidence';
import { CONTROL_IDS, type RunDocument } from '@hivekey/evidence/controls';
import { assessmentResults, componentDefinition, testResultLines } from '@hivekey/evidence/oscal';
import {
  type Attachment,
  column,
  endOf,
  pdfOf,
  population,
  type Report,
  type ReportContent,
  type ReportScope,
  streamRows,
} from '../evidence/index.ts';
import { runDocument } from './document.ts';
import { RUN_FILE, warnedControls } from './files.ts';
import { readParameters } from './parameters.ts';
import { newestRun } from './run.ts';

const CONTROLS: TableShape = {
  name: 'controls',
  title: 'Where each control stands',
  columns: [
    column('control_id', 'id', 'AG-01 to AG-20.'),
    column('title', 'text', 'In a few words.'),
    column('statement', 'text', 'With the values that the engine enforces.'),
    column('criteria', 'list', 'Ids of the Trust Services Criteria that it supports.'),
    column(
      'state',
      'text',
      '`pass`, `fail`, `not_enough_data`, `did_not_occur` or `not_applicable`. What is not known is never `pass`.',
    ),
    column('reason', 'text', 'Why, in a sentence.'),
    column('population', 'integer', 'Members that were tested: all there are.'),
    column('deviations', 'integer', 'Of these, those that deviate.'),
    column('rate', 'number', 'Deviations ÷ population. Empty: nothing was tested.'),
    column('upper_90', 'number', 'Exact one-sided 90 % bound of the rate.'),
    column('parameters', 'json', 'What the settings said.'),
    column('sources', 'json', 'What the test rests on, with when it was last seen.'),
    column('exemption', 'json', 'Of not_applicable: reason, who asked, who agreed, until when.'),
    column('query_sha256', 'id', 'Of the text of the query.'),
  ],
};

const DEVIATIONS: TableShape = {
  name: 'deviations',
  title: 'What deviates',
  columns: [
    column('control_id', 'id', 'The control.'),
    column('record_id', 'id', 'The record that deviates.'),
    column('kind', 'text', 'What is wrong, in one word.'),
    column('sentence', 'text', 'What was found.'),
  ],
};

const DEFICIENCIES: TableShape = {
  name: 'deficiencies',
  title: 'The register of deficiencies',
  columns: [
    column('deficiency_id', 'id', 'The deficiency.'),
    column('control_id', 'id', 'The control that failed.'),
    column('status', 'text', '`open` or `closed`, at the end of the period.'),
    column('severity', 'text', '`low`, `medium` or `high`, as people judged it.'),
    column('record_ids', 'list', 'Records that deviated.'),
    column('owner', 'text', 'Who sees to it. Empty: nobody is named.'),
    column('due_at', 'time', 'By when.'),
    column('remediation', 'json', 'Changes and incidents that are to put it right.'),
    column('compensating', 'text', 'What lessens the risk meanwhile.'),
    column('remark', 'text', 'Of management. It changes no state.'),
    column('opened_at', 'time', 'When it was found.'),
    column('opened_by_run', 'id', 'The run that found it.'),
    column('closed_at', 'time', 'When it was closed, up to the end of the period.'),
    column('closed_by_run', 'id', 'A later run that passed.'),
    column('closed_by', 'text', 'Or the person who closed it.'),
    column('close_reason', 'text', 'And why.'),
  ],
};

// Opened before the end, and not closed before the beginning.
const OF_PERIOD = 'd.workspace_id = $1 AND d.opened_at < $3 AND (d.closed_at IS NULL OR d.closed_at >= $2)';
const QUERY = `
SELECT d.id AS deficiency_id, d.control AS control_id, CASE WHEN d.closed_at < $3 THEN 'closed' ELSE 'open' END AS status, d.severity,
       d.record_ids, p.email AS owner, d.due_at, d.remediation, d.compensating, d.remark, d.opened_at, d.opened_by_run,
       CASE WHEN d.closed_at < $3 THEN d.closed_at END AS closed_at, CASE WHEN d.closed_at < $3 THEN d.closed_by_run END AS closed_by_run,
       CASE WHEN d.closed_at < $3 THEN d.closed_by END AS closed_by, CASE WHEN d.closed_at < $3 THEN d.close_reason END AS close_reason
  FROM deficiencies d LEFT JOIN people p ON p.workspace_id = d.workspace_id AND p.id = d.owner_id
 WHERE ${OF_PERIOD} ORDER BY d.opened_at, d.id`;

export const readinessReport: Report = {
  id: 'readiness',
  folder: '11_readiness',
  item: 0,
  title: 'Readiness',
  about:
    "Where each of the twenty controls stands, tested over the whole population, with every record that deviates. Management's self-assessment. Not an auditor's opinion. What is not known is said to be so, and never counts as a pass.",
  controls: CONTROL_IDS,
  tables: [CONTROLS, DEVIATIONS, DEFICIENCIES],
  query: `The newest readiness run of exactly this period; where there is none, the controls tested at the instant of this file. The query of each control: GET /v1/readiness/controls/AG-01 and on. Deficiencies:${QUERY}`,
  pdf: true,
  read,
};

async function read(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period, asOf } = scope;
  const run = await runOf(scope);
  const controls = population(CONTROLS, controlRows(run), { count: ['state'], sum: [{ column: 'deviations' }] });
  const found = population(DEVIATIONS, deviationRows(run), { count: ['control_id'] });
  const values = [workspaceId, period.from, endOf(period, asOf)];
  const deficiencies = population(DEFICIENCIES, streamRows(client, QUERY, values), { count: ['status'] });
  const deviating = run.controls.reduce((sum, control) => sum + control.deviating, 0);
  const listed = run.controls.reduce((sum, control) => sum + control.deviations.length, 0);
  return {
    rows: {
      [CONTROLS.name]: controls.rows,
      [DEVIATIONS.name]: found.rows,
      [DEFICIENCIES.name]: deficiencies.rows,
    },
    facts: async () => {
      const { rows } = await client.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM deficiencies d WHERE ${OF_PERIOD}`,
        values,
      );
      return {
        [CONTROLS.name]: controls.facts({ run: CONTROL_IDS.length }),
        [DEVIATIONS.name]: found.facts(
          { run: listed },
          {
            exclusions:
              deviating === listed
                ? []
                : [
                    {
                      what: 'deviations',
                      count: deviating - listed,
                      reason: 'A run names the first thousand of each control.',
                    },
                  ],
          },
        ),
        [DEFICIENCIES.name]: deficiencies.facts({ database: rows[0]?.count ?? 0 }),
      };
    },
    attachments: () => attachments(scope, run),
  };
}

async function runOf({ client, workspaceId, period, asOf, context }: ReportScope): Promise<RunDocument> {
  const stored = await newestRun(client, workspaceId, period);
  if (stored !== undefined) return stored.run;
  const { rows } = await client.query<{
    name: string;
    environment: string;
    sample: boolean;
    size: number;
    checkpoint: string | null;
  }>(
    `SELECT w.name, w.environment, w.sample_data AS sample, coalesce((SELECT max(seq) FROM actions WHERE workspace_id = w.id), 0)::bigint AS size,
            (SELECT c.tree_size || ' sha256:' || encode(c.root, 'hex') FROM log_checkpoints c
              WHERE c.workspace_id = w.id ORDER BY c.id DESC LIMIT 1) AS checkpoint
       FROM workspaces w WHERE w.id = $1`,
    [workspaceId],
  );
  const [workspace] = rows;
  if (workspace === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  const { size, checkpoint, sample: isSampleData } = workspace;
  return runDocument({ client, workspaceId, asOf }, period, {
    id: `live/${period.from}/${period.to}`,
    actor: 'system',
    codeVersion: context.version,
    workspace,
    isSampleData,
    log: { size, checkpoint },
  });
}

function* controlRows({ controls }: RunDocument): Generator<object> {
  for (const { id, deviating, deviations: _, ...control } of controls)
    yield { control_id: id, ...control, deviations: deviating };
}

function* deviationRows({ controls }: RunDocument): Generator<object> {
  for (const { id, deviations } of controls) for (const deviation of deviations) yield { control_id: id, ...deviation };
}

async function* attachments(scope: ReportScope, run: RunDocument): AsyncGenerator<Attachment> {
  const { client, workspaceId, context } = scope;
  const text = canonicalJson(run);
  const { words } = await readParameters(client, workspaceId);
  const warned = await warnedControls(client, workspaceId, run);
  const file = (path: string, content: string): Attachment => ({ path, bytes: Buffer.from(content) });
  yield file(RUN_FILE, text);
  const stored = await newestRun(client, workspaceId, scope.period);
  if (stored !== undefined) yield file('readiness.note.txt', stored.note);
  yield file('oscal-assessment-results.json', `${JSON.stringify(assessmentResults(run), null, 2)}\n`);
  const component = componentDefinition(context.version, run.as_of, words);
  yield file('oscal-component-definition.json', `${JSON.stringify(component, null, 2)}\n`);
  yield file('test-results.intoto.jsonl', `${testResultLines(run, RUN_FILE, text, warned).join('\n')}\n`);
  yield { path: 'readiness.pdf', bytes: await pdfOf(readinessDocument(frameOf(run), run)) };
}

function frameOf(run: RunDocument): Parameters<typeof readinessDocument>[0] {
  return {
    tenant: run.workspace,
    environment: run.environment,
    period: { from: run.period_from, to: run.period_to },
    asOf: run.as_of,
    // Of the run, so that the same run gives the same bytes.
    generatedAt: run.as_of,
    csvSha256: null,
    isSample: run.sample_data,
  };
}
