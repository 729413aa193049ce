import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import {
  alertQuarantineSchema,
  alertRiskSchema,
  alertStopSchema,
  quarantineFor,
  quarantineSchema,
  raiseRiskFor,
  riskSchema,
  stopAnswerSchema,
  stopFor,
} from './act.ts';
import { type AlertRow, type AlertView, alertSchema, caseSchema, readAlert } from './alert.ts';
import { historyOf } from './history.ts';
import { alertTable } from './population.ts';
import {
  alertQuery,
  type CaseRow,
  listAlerts,
  listCases,
  messagesAbout,
  readCase,
  summarize,
  summarySchema,
  toldSchema,
} from './read.ts';
import { alertSettingsSchema, putAlertSettings, readAlertSettings } from './settings.ts';
import {
  acknowledge,
  assign,
  assignSchema,
  close,
  grade,
  gradeSchema,
  noteSchema,
  reasonedSchema,
  reopen,
  triage,
  triageSchema,
} from './triage.ts';

const tags = ['alerts'];
const params = z.object({ id: z.string().max(64) });
const MAX_OF_A_CASE = 500;

const detailSchema = alertSchema.extend({
  told: z.array(toldSchema).meta({ description: 'Messages over channels, of the last 30 days.' }),
  history: z
    .array(z.looseObject({ event_id: z.string(), kind: z.string(), ts: z.string(), actor: z.string() }))
    .meta({ description: 'Its records on the log, oldest first; those of the last second may be missing.' }),
});

export function alertRoutes(api: Api, context: ApiContext): void {
  const { pool, log, path, keys, reads } = context;

  api.get(
    '/v1/alerts',
    {
      schema: {
        tags,
        summary: 'List alerts, newest first',
        querystring: z.strictObject({ ...alertQuery, ...pageQuery }),
        response: { 200: listOf(alertSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'alerts', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listAlerts(pool, workspaceId, filter, after, limit + 1);
      return pageOf(keys.state, scope, limit, rows, viewOf, (alert) => [alert.opened_us, alert.id]);
    },
  );

  api.get(
    '/v1/alerts/summary',
    { schema: { tags, summary: 'How many alerts there are, by what they wait for', response: { 200: summarySchema } } },
    ({ administrator }) => summarize(pool, administrator.workspaceId),
  );

  api.get(
    '/v1/alerts/population',
    {
      schema: {
        tags,
        summary: 'All alerts of a period as a table',
        description: 'CSV, newest first; those that tests made are marked. The export is itself on the log.',
        querystring: z.strictObject({ ...alertQuery, synthetic: alertQuery.synthetic.unwrap().default('include') }),
        response: { 200: { description: 'The table.', content: { 'text/csv': { schema: z.unknown() } } } },
      },
    },
    async ({ administrator, query }, reply) => {
      const { workspaceId, actor, credentialId, via } = administrator;
      await log.record(workspaceId, { kind: 'alert.exported', actor, key_id: credentialId, via, selection: query });
      reply.type('text/csv; charset=utf-8').header('content-disposition', 'attachment; filename="alerts.csv"');
      return reply.send(alertTable(pool, workspaceId, query));
    },
  );

  api.get(
    '/v1/alerts/:id',
    { schema: { tags, summary: 'An alert, who was told, and what was done', params, response: { 200: detailSchema } } },
    async ({ administrator, params: { id } }) => {
      const { workspaceId } = administrator;
      const alert = await readAlert(pool, workspaceId, id);
      // Its records are part of the log.
      await reads.note(administrator, 'alert', { alert: id });
      const history = await historyOf(pool, workspaceId, id);
      const events = new Set([alert.event_id, ...history.map(({ event_id: eventId }) => eventId), ...alert.evidence]);
      const told = await messagesAbout(pool, workspaceId, [...events]);
      return {
        ...viewOf(alert),
        told: [...told],
        history: history.map((record) => ({ ...record, actor: String(record.actor) })),
      };
    },
  );

  api.post(
    '/v1/alerts/:id/acknowledge',
    {
      schema: {
        tags,
        summary: 'Say that you are looking at it',
        description: 'Whoever acknowledges one that nobody has takes it.',
        params,
        body: noteSchema,
        response: { 200: alertSchema },
      },
    },
    async ({ administrator, params: { id }, body: { reason } }) =>
      viewOf(
        await log.transact(administrator.workspaceId, (transaction) =>
          acknowledge(transaction, administrator, id, reason),
        ),
      ),
  );

  api.post(
    '/v1/alerts/:id/assign',
    { schema: { tags, summary: 'Give it to somebody', params, body: assignSchema, response: { 200: alertSchema } } },
    async ({ administrator, params: { id }, body }) =>
      viewOf(
        await log.transact(administrator.workspaceId, (transaction) => assign(transaction, administrator, id, body)),
      ),
  );

  api.post(
    '/v1/alerts/:id/triage',
    {
      schema: {
        tags,
        summary: 'Say what it was',
        description:
          'Nobody judges a high or critical alert about themselves or their agents. What a test made is a test, or a duplicate.',
        params,
        body: triageSchema,
        response: { 200: alertSchema },
      },
    },
    async ({ administrator, params: { id }, body }) =>
      viewOf(
        await log.transact(administrator.workspaceId, (transaction) => triage(transaction, administrator, id, body)),
      ),
  );

  api.post(
    '/v1/alerts/:id/close',
    {
      schema: {
        tags,
        summary: 'Close one of which it was said what it was',
        params,
        body: reasonedSchema,
        response: { 200: alertSchema },
      },
    },
    async ({ administrator, params: { id }, body: { reason } }) =>
      viewOf(
        await log.transact(administrator.workspaceId, (transaction) => close(transaction, administrator, id, reason)),
      ),
  );

  api.post(
    '/v1/alerts/:id/reopen',
    {
      schema: {
        tags,
        summary: 'Look at it anew; what was said of it stays on the log',
        params,
        body: reasonedSchema,
        response: { 200: alertSchema },
      },
    },
    async ({ administrator, params: { id }, body: { reason } }) =>
      viewOf(
        await log.transact(administrator.workspaceId, (transaction) => reopen(transaction, administrator, id, reason)),
      ),
  );

  api.post(
    '/v1/alerts/:id/severity',
    {
      schema: {
        tags,
        summary: 'Grade it, not below its floor',
        params,
        body: gradeSchema,
        response: { 200: alertSchema },
      },
    },
    async ({ administrator, params: { id }, body: { severity, reason } }) =>
      viewOf(
        await log.transact(administrator.workspaceId, (transaction) =>
          grade(transaction, administrator, id, severity, reason),
        ),
      ),
  );

  api.post(
    '/v1/alerts/:id/quarantine',
    {
      schema: {
        tags,
        summary: 'Quarantine the agent that it is about',
        description: 'As `POST /v1/agents/:agent/quarantine`; alert and quarantine name each other.',
        params,
        body: alertQuarantineSchema,
        response: { 200: quarantineSchema },
      },
    },
    async ({ administrator, params: { id }, body }) => {
      const quarantine = await quarantineFor(log, administrator, id, body);
      path.invalidate(administrator.workspaceId, quarantine.agent_id);
      return quarantine;
    },
  );

  api.post(
    '/v1/alerts/:id/stop',
    {
      schema: {
        tags,
        summary: 'Stop what it is about: an agent, an owner’s agents, a role, a tool',
        description: 'As `POST /v1/containments`: a proposal where the workspace asks for two people.',
        params,
        body: alertStopSchema,
        response: { 200: stopAnswerSchema },
      },
    },
    ({ administrator, params: { id }, body: { reason } }) => stopFor(context, administrator, id, reason),
  );

  api.post(
    '/v1/alerts/:id/risk',
    {
      schema: {
        tags,
        summary: 'Raise a risk signal about what it is about',
        description: 'As `POST /v1/risks`: guards decide by it until it ends.',
        params,
        body: alertRiskSchema,
        response: { 201: riskSchema },
      },
    },
    async ({ administrator, params: { id }, body }, reply) => {
      const risk = await raiseRiskFor(log, administrator, id, body);
      path.invalidate(administrator.workspaceId);
      return reply.code(201).send(risk);
    },
  );

  api.get(
    '/v1/alert-cases',
    {
      schema: {
        tags,
        summary: 'List cases, those with the newest alerts first',
        description: 'Alerts of one agent or run that were found while an earlier one of them was not closed.',
        querystring: z.strictObject({
          unclosed: alertQuery.unclosed,
          synthetic: alertQuery.synthetic,
          ...pageQuery,
        }),
        response: { 200: listOf(caseSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, unclosed, synthetic } }) => {
      const scope = { list: 'alert-cases', workspaceId, filter: { unclosed, synthetic } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listCases(pool, workspaceId, { unclosed, synthetic }, after, limit + 1);
      return pageOf(keys.state, scope, limit, rows, caseOf, (row) => [row.last_us, row.id]);
    },
  );

  api.get(
    '/v1/alert-cases/:id',
    {
      schema: {
        tags,
        summary: 'A case with its newest alerts',
        params,
        response: { 200: caseSchema.extend({ members: z.array(alertSchema) }) },
      },
    },
    async ({ administrator: { workspaceId }, params: { id } }) => {
      const found = await readCase(pool, workspaceId, id);
      const filter = { case: id, synthetic: 'include' } as const;
      const members = await listAlerts(pool, workspaceId, filter, undefined, MAX_OF_A_CASE);
      return { ...caseOf(found), members: members.map(viewOf) };
    },
  );

  api.post(
    '/v1/alert-cases/:id/triage',
    {
      schema: {
        tags,
        summary: 'Say of all its alerts that are not closed what they were',
        description: 'In one transaction, with a record of each; at most 500 at a time, the newest first.',
        params,
        body: triageSchema,
        response: { 200: caseSchema },
      },
    },
    async ({ administrator, params: { id }, body }) => {
      const { workspaceId } = administrator;
      await log.transact(workspaceId, async (transaction) => {
        await readCase(transaction.client, workspaceId, id);
        const filter = { case: id, unclosed: true, synthetic: 'include' } as const;
        const members = await listAlerts(transaction.client, workspaceId, filter, undefined, MAX_OF_A_CASE);
        for (const alert of members)
          if (alert.id !== body.duplicate_of) await triage(transaction, administrator, alert.id, body);
      });
      return caseOf(await readCase(pool, workspaceId, id));
    },
  );

  api.get(
    '/v1/alert-settings',
    {
      schema: {
        tags,
        summary: 'How soon alerts are looked at, and who is told',
        response: { 200: alertSettingsSchema },
      },
    },
    ({ administrator }) => readAlertSettings(pool, administrator.workspaceId),
  );

  api.put(
    '/v1/alert-settings',
    {
      schema: {
        tags,
        summary: 'Set it; what is left out is as it comes',
        description: 'New times hold for alerts that open from now on.',
        body: alertSettingsSchema,
        response: { 200: alertSettingsSchema },
      },
    },
    async ({ administrator, body }) => {
      await log.transact(administrator.workspaceId, (transaction) =>
        putAlertSettings(transaction, administrator, body),
      );
      return readAlertSettings(pool, administrator.workspaceId);
    },
  );
}

/** Without what is only for us. */
function viewOf({ opened_us: _opened, assignee_id: _assignee, ...view }: AlertRow): AlertView {
  return view;
}

function caseOf({ last_us: _last, ...view }: CaseRow): z.output<typeof caseSchema> {
  return view;
}
