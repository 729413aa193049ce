/** Tests of detection rules over HTTP: live ones, reports of samples, and what a reviewer asks of both. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { catalogueEntrySchema, readCatalogue } from './catalogue.ts';
import { detectionNameSchema } from './document.ts';
import { confirmLiveTest, fireLiveTest, newLiveTestSchema, siemAlertSchema } from './live-test.ts';
import { type LiveTestRow, listLiveTests, liveTestSchema, readLiveTest } from './live-test-store.ts';
import { quarterAt, quarterNamed } from './quarter.ts';
import {
  fullReportSchema,
  listReports,
  readReport,
  storedReportSchema,
  submitReport,
  testReportSchema,
} from './reports.ts';
import { loadDetections } from './rule-set.ts';
import { dutiesOf, liveTestViews, ruleTestSchema, ruleTests, ruleTestTable, testDutySchema } from './rule-tests.ts';
import { readSettings } from './store.ts';

const tags = ['detections'];
const params = z.object({ rule: detectionNameSchema });
const idParams = z.object({ id: z.string().max(64) });
const quarter = z
  .string()
  .regex(/^\d{4}-Q[1-4]$/, 'is no quarter such as 2026-Q4')
  .optional()
  .meta({ description: '`2026-Q4`; the one that runs where nothing is said.' });

export function detectionTestRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, clock } = context;
  const wanted = (name: string | undefined) => {
    const found = name === undefined ? quarterAt(clock()) : quarterNamed(name);
    if (found !== undefined) return found;
    throw new Failure(400, 'quarter_invalid', `${name} is no quarter.`, 'Write 2026-Q4.');
  };
  const viewOf = async (workspaceId: Parameters<typeof liveTestViews>[1], row: LiveTestRow) => {
    const [view] = await liveTestViews(pool, workspaceId, [row]);
    if (view === undefined) throw new Error('a test has one view');
    return view;
  };

  api.post(
    '/v1/detections/:rule/live-tests',
    {
      schema: {
        tags,
        summary: 'Test a rule live: marked events through the real path, followed to the sinks and the alert',
        description:
          'They are of agents that exist for the test alone, nothing is sent to any upstream, and no count knows of them. The answer comes when they are on the log; read the test again for what became of them.',
        params,
        body: newLiveTestSchema,
        response: { 201: liveTestSchema },
      },
    },
    async ({ administrator, params: { rule }, body }, reply) => {
      const row = await fireLiveTest(context, administrator, rule, body);
      return reply.code(201).send(await viewOf(administrator.workspaceId, row));
    },
  );

  api.get(
    '/v1/detections/live-tests',
    {
      schema: {
        tags,
        summary: 'Live tests, newest first',
        querystring: z.strictObject({ ...pageQuery, detection: detectionNameSchema.optional() }),
        response: { 200: listOf(liveTestSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, detection } }) => {
      const scope = { list: 'live_tests', workspaceId, filter: { detection } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listLiveTests(pool, workspaceId, detection, after, limit + 1);
      const views = await liveTestViews(pool, workspaceId, rows);
      const both = rows.flatMap((row, i) => {
        const view = views[i];
        return view === undefined ? [] : [{ row, view }];
      });
      return pageOf(
        keys.state,
        scope,
        limit,
        both,
        ({ view }) => view,
        ({ row }) => [row.started_us, row.id],
      );
    },
  );

  api.get(
    '/v1/detections/live-tests/:id',
    { schema: { tags, summary: 'A live test', params: idParams, response: { 200: liveTestSchema } } },
    async ({ administrator: { workspaceId }, params: { id } }) =>
      viewOf(workspaceId, await readLiveTest(pool, workspaceId, id)),
  );

  api.post(
    '/v1/detections/live-tests/:id/siem-alert',
    {
      schema: {
        tags,
        summary: 'Say that the SIEM has made an alert of the test',
        description:
          'By a webhook of the SIEM, with an admin key, or by hand. The events carry the id of the test as `run_id`.',
        params: idParams,
        body: siemAlertSchema,
        response: { 200: liveTestSchema },
      },
    },
    async ({ administrator, params: { id }, body }) =>
      viewOf(administrator.workspaceId, await confirmLiveTest(context, administrator, id, body)),
  );

  api.post(
    '/v1/detections/test-reports',
    {
      schema: {
        tags,
        summary: 'Submit a report of hivekey detections test',
        description: 'It is kept as it came, and signed with the key of the log.',
        body: testReportSchema,
        response: { 201: storedReportSchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const detections = loadDetections(await readSettings(pool, administrator.workspaceId));
      const { created_us: _, ...stored } = await submitReport(log, administrator, body, detections);
      return reply.code(201).send(stored);
    },
  );

  api.get(
    '/v1/detections/test-reports',
    {
      schema: {
        tags,
        summary: 'Reports of samples, newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(storedReportSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'rule_test_reports', workspaceId };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listReports(pool, workspaceId, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ created_us: _, ...report }) => report,
        (report) => [report.created_us, report.id],
      );
    },
  );

  api.get(
    '/v1/detections/test-reports/:id',
    { schema: { tags, summary: 'A report, as it came', params: idParams, response: { 200: fullReportSchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readReport(pool, workspaceId, id),
  );

  api.get(
    '/v1/detections/tests',
    {
      schema: {
        tags,
        summary: 'All tests of rules in a quarter, live ones and samples',
        querystring: z.strictObject({ quarter }),
        response: { 200: listOf(ruleTestSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query }) =>
      wholeList(await ruleTests(context, workspaceId, wanted(query.quarter))),
  );

  api.get(
    '/v1/detections/tests.csv',
    {
      schema: {
        tags,
        summary: 'The tests of a quarter as a table',
        querystring: z.strictObject({ quarter }),
        response: { 200: { description: 'The table.', content: { 'text/csv': { schema: z.unknown() } } } },
      },
    },
    async ({ administrator: { workspaceId }, query }, reply) => {
      const of = wanted(query.quarter);
      const table = ruleTestTable(await ruleTests(context, workspaceId, of));
      return reply
        .header('content-type', 'text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="rule-tests-${of.name}.csv"`)
        .send(table);
    },
  );

  api.get(
    '/v1/detections/test-duties',
    {
      schema: {
        tags,
        summary: 'Which rules a quarter still wants tested',
        description: 'Each rule that is switched on: once where it fires, once where it does not, as it is now.',
        querystring: z.strictObject({ quarter }),
        response: {
          200: z.object({
            object: z.literal('rule_test_duties'),
            quarter: z.string(),
            due_at: z.string(),
            open: z.int(),
            rules: z.array(testDutySchema),
          }),
        },
      },
    },
    async ({ administrator: { workspaceId }, query }) => {
      const of = wanted(query.quarter);
      const detections = loadDetections(await readSettings(pool, workspaceId));
      const rules = [...dutiesOf(detections, await ruleTests(context, workspaceId, of))];
      return {
        object: 'rule_test_duties' as const,
        quarter: of.name,
        due_at: of.to.toISOString(),
        open: rules.filter(({ is_done: isDone }) => !isDone).length,
        rules,
      };
    },
  );

  api.get(
    '/v1/detections/catalogue',
    {
      schema: {
        tags,
        summary: 'The catalogue of rules: logic, data, owner, since when, and who approved',
        response: { 200: listOf(catalogueEntrySchema) },
      },
    },
    async ({ administrator: { workspaceId } }) => wholeList([...(await readCatalogue(pool, workspaceId))]),
  );
}
