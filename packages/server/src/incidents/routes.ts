import { z } from 'zod';
import { alertSchema, listAlerts } from '../alerts/index.ts';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { closeIncident, closeSchema, reopenIncident, reopenSchema } from './close.ts';
import { documentOf, markdownOf } from './document.ts';
import {
  addFollowUp,
  changeFollowUp,
  followUpChangeSchema,
  followUpSchema,
  followUpsOf,
  newFollowUpSchema,
} from './follow-ups.ts';
import {
  type IncidentRow,
  type IncidentView,
  incidentQuery,
  incidentSchema,
  linkSchema,
  linksOf,
  listIncidents,
  readIncident,
} from './incident.ts';
import { link, newLinkSchema, unlink } from './links.ts';
import { addNote, newNoteSchema } from './notes.ts';
import { changeIncident, incidentChangeSchema, newIncidentSchema, openIncident } from './open.ts';
import { timelineOf, timelineSchema } from './timeline.ts';

const tags = ['incidents'];
const params = z.object({ id: z.string().max(64) });
const followUpParams = params.extend({ follow_up: z.string().max(64) });
const MAX_ALERTS = 200;

const detailSchema = incidentSchema.extend({
  members: z.array(alertSchema).meta({ description: 'Its alerts, newest first, at most 200.' }),
  links: z.array(linkSchema),
  follow_ups: z.array(followUpSchema),
});

export function incidentRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, reads, clock } = context;

  async function detailOf({ workspaceId }: { readonly workspaceId: Parameters<typeof readIncident>[1] }, id: string) {
    const incident = await readIncident(pool, workspaceId, id);
    const [alerts, links, followUps] = await Promise.all([
      listAlerts(pool, workspaceId, { incident: id, synthetic: 'include' }, undefined, MAX_ALERTS),
      linksOf(pool, workspaceId, id),
      followUpsOf(pool, workspaceId, id),
    ]);
    const members = alerts.map(({ opened_us: _opened, assignee_id: _assignee, ...alert }) => alert);
    return { ...viewOf(incident), members, links: [...links], follow_ups: [...followUps] };
  }

  api.get(
    '/v1/incidents',
    {
      schema: {
        tags,
        summary: 'List incidents, newest first',
        querystring: z.strictObject({ ...incidentQuery, ...pageQuery }),
        response: { 200: listOf(incidentSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'incidents', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listIncidents(pool, workspaceId, filter, after, limit + 1);
      return pageOf(keys.state, scope, limit, rows, viewOf, (row) => [row.opened_us, row.id]);
    },
  );

  api.post(
    '/v1/incidents',
    {
      schema: {
        tags,
        summary: 'Open an incident, of alerts or of what nothing here has seen',
        body: newIncidentSchema,
        response: { 201: detailSchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const { id } = await log.transact(administrator.workspaceId, (transaction) =>
        openIncident(transaction, administrator, body),
      );
      return reply.code(201).send(await detailOf(administrator, id));
    },
  );

  api.get(
    '/v1/incidents/:id',
    {
      schema: {
        tags,
        summary: 'An incident with its alerts, links and follow-ups',
        params,
        response: { 200: detailSchema },
      },
    },
    ({ administrator, params: { id } }) => detailOf(administrator, id),
  );

  api.patch(
    '/v1/incidents/:id',
    {
      schema: {
        tags,
        summary: 'Say what is known of it: severity, lead, decision, root cause',
        params,
        body: incidentChangeSchema,
        response: { 200: detailSchema },
      },
    },
    async ({ administrator, params: { id }, body }) => {
      await log.transact(administrator.workspaceId, (transaction) =>
        changeIncident(transaction, administrator, id, body),
      );
      return detailOf(administrator, id);
    },
  );

  api.get(
    '/v1/incidents/:id/timeline',
    {
      schema: {
        tags,
        summary: 'What happened, in order',
        description:
          'From the log: its alerts with their evidence and every step, stops, quarantines, approvals, changes; and notes. Records of the last second may be missing.',
        params,
        response: { 200: timelineSchema },
      },
    },
    async ({ administrator, params: { id } }) => {
      const { workspaceId } = administrator;
      const incident = await readIncident(pool, workspaceId, id);
      await reads.note(administrator, 'timeline', { incident: id });
      return timelineOf(pool, workspaceId, incident, new Date(clock()));
    },
  );

  api.post(
    '/v1/incidents/:id/notes',
    {
      schema: {
        tags,
        summary: 'Write into the timeline',
        description: 'A note is never changed; another one corrects it.',
        params,
        body: newNoteSchema,
        response: { 200: incidentSchema },
      },
    },
    async ({ administrator, params: { id }, body }) => {
      await log.transact(administrator.workspaceId, (transaction) => addNote(transaction, administrator, id, body));
      return viewOf(await readIncident(pool, administrator.workspaceId, id));
    },
  );

  api.post(
    '/v1/incidents/:id/links',
    {
      schema: {
        tags,
        summary: 'Say that it concerns this too',
        params,
        body: newLinkSchema,
        response: { 200: detailSchema },
      },
    },
    async ({ administrator, params: { id }, body }) => {
      await log.transact(administrator.workspaceId, (transaction) => link(transaction, administrator, id, body));
      return detailOf(administrator, id);
    },
  );

  api.post(
    '/v1/incidents/:id/unlink',
    {
      schema: { tags, summary: 'Or that it does not', params, body: newLinkSchema, response: { 200: detailSchema } },
    },
    async ({ administrator, params: { id }, body }) => {
      await log.transact(administrator.workspaceId, (transaction) => unlink(transaction, administrator, id, body));
      return detailOf(administrator, id);
    },
  );

  api.post(
    '/v1/incidents/:id/follow-ups',
    {
      schema: {
        tags,
        summary: 'What is to be changed because of it',
        description: 'Linked to a change of what decides, it is done when that is in force.',
        params,
        body: newFollowUpSchema,
        response: { 201: followUpSchema },
      },
    },
    async ({ administrator, params: { id }, body }, reply) =>
      reply
        .code(201)
        .send(
          await log.transact(administrator.workspaceId, (transaction) =>
            addFollowUp(transaction, administrator, id, body),
          ),
        ),
  );

  api.patch(
    '/v1/incidents/:id/follow-ups/:follow_up',
    {
      schema: {
        tags,
        summary: 'Change a follow-up, or say that it is done or dropped',
        params: followUpParams,
        body: followUpChangeSchema,
        response: { 200: followUpSchema },
      },
    },
    ({ administrator, params: { id, follow_up: followUp }, body }) =>
      log.transact(administrator.workspaceId, (transaction) =>
        changeFollowUp(transaction, administrator, id, followUp, body),
      ),
  );

  api.post(
    '/v1/incidents/:id/close',
    {
      schema: {
        tags,
        summary: 'Close it',
        description:
          'With a decision and a root cause; every alert of it was judged, and follow-ups are settled or answered for.',
        params,
        body: closeSchema,
        response: { 200: detailSchema },
      },
    },
    async ({ administrator, params: { id }, body }) => {
      await log.transact(administrator.workspaceId, (transaction) =>
        closeIncident(transaction, administrator, id, body),
      );
      return detailOf(administrator, id);
    },
  );

  api.post(
    '/v1/incidents/:id/reopen',
    { schema: { tags, summary: 'Go on with it', params, body: reopenSchema, response: { 200: detailSchema } } },
    async ({ administrator, params: { id }, body: { reason } }) => {
      await log.transact(administrator.workspaceId, (transaction) =>
        reopenIncident(transaction, administrator, id, reason),
      );
      return detailOf(administrator, id);
    },
  );

  api.get(
    '/v1/incidents/:id/document',
    {
      schema: {
        tags,
        summary: 'All of it as one document',
        description: 'JSON or Markdown. The export is itself on the log.',
        params,
        querystring: z.strictObject({ format: z.enum(['json', 'markdown']).default('json') }),
        response: {
          200: {
            description: 'The document.',
            content: { 'application/json': { schema: z.unknown() }, 'text/markdown': { schema: z.unknown() } },
          },
        },
      },
    },
    async ({ administrator, params: { id }, query: { format } }, reply) => {
      const { workspaceId, actor, credentialId, via, person } = administrator;
      const incident = await readIncident(pool, workspaceId, id);
      await log.record(workspaceId, {
        kind: 'incident.exported',
        actor,
        key_id: credentialId,
        via,
        incident_id: id,
        format,
      });
      const made = await documentOf(pool, workspaceId, incident, new Date(clock()), person?.email ?? actor);
      const extension = format === 'json' ? 'json' : 'md';
      reply
        .type(format === 'json' ? 'application/json; charset=utf-8' : 'text/markdown; charset=utf-8')
        .header('content-disposition', `attachment; filename="${id}.${extension}"`);
      return reply.send(format === 'json' ? `${JSON.stringify(made, null, 2)}\n` : markdownOf(made));
    },
  );
}

/** Without what is only for us. */
function viewOf({ opened_us: _opened, lead_id: _lead, ...view }: IncidentRow): IncidentView {
  return view;
}
