/** Engagements as the customer has them: opened, changed, ended, and whom they let in. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { withDepartures } from '../departures/index.ts';
import { accessSchema, listAccesses } from './access.ts';
import { engagementSchema, listEngagements, readEngagement, sideOf } from './engagement.ts';
import {
  addPerson,
  changeEngagement,
  endEngagement,
  endSchema,
  engagementChangeSchema,
  inviteAgain,
  newEngagementSchema,
  newPersonSchema,
  openEngagement,
  removePerson,
} from './life.ts';
import { checkProven } from './proof.ts';

const tags = ['engagements'];
const params = z.object({ id: z.string().max(64) });
const personParams = params.extend({ person: z.string().max(254) });

const letInSchema = z
  .object({
    object: z.literal('engagement_person'),
    person: z.string(),
    email: z.string(),
    url: z.string().meta({ description: 'Give it to the person alone: whoever opens it registers the passkey.' }),
    engagement: engagementSchema,
  })
  .meta({ id: 'EngagementPerson', description: 'The only answer that shows the link.' });

export function engagementRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, url } = context;
  const linkOf = (token: { reveal(): string }) => `${url}/sign-in#enrolment=${token.reveal()}`;

  api.get(
    '/v1/engagements',
    {
      schema: {
        tags,
        summary: 'List engagements, newest first; to somebody of a firm, the one that lets them in',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(engagementSchema) },
      },
    },
    async ({ administrator, query: { limit, cursor } }) => {
      const scope = { list: 'engagements', workspaceId: administrator.workspaceId };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listEngagements(pool, administrator, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ engagement }) => engagement,
        ({ position }) => [position.atUs, position.id],
      );
    },
  );

  api.post(
    '/v1/engagements',
    {
      schema: {
        tags,
        summary: 'Open an engagement of an audit firm',
        description: 'Takes a session that was proven within 15 minutes, or a key.',
        body: newEngagementSchema,
        response: { 201: engagementSchema },
      },
    },
    async ({ administrator, body }, reply) => {
      await checkProven(context, administrator);
      const opened = await log.transact(administrator.workspaceId, (transaction) =>
        openEngagement(transaction, administrator, body),
      );
      return reply.code(201).send(opened);
    },
  );

  api.get(
    '/v1/engagements/:id',
    { schema: { tags, summary: 'An engagement', params, response: { 200: engagementSchema } } },
    ({ administrator, params: { id } }) => {
      sideOf(administrator, id);
      return readEngagement(pool, administrator.workspaceId, id);
    },
  );

  api.patch(
    '/v1/engagements/:id',
    {
      schema: {
        tags,
        summary: 'Say its scope in other words, or move its end',
        description: 'Firm, period and criteria stay: another engagement is for others.',
        params,
        body: engagementChangeSchema,
        response: { 200: engagementSchema },
      },
    },
    async ({ administrator, params: { id }, body }) => {
      await checkProven(context, administrator);
      return log.transact(administrator.workspaceId, (transaction) =>
        changeEngagement(transaction, administrator, id, body),
      );
    },
  );

  api.post(
    '/v1/engagements/:id/end',
    {
      schema: {
        tags,
        summary: 'End it now: everybody of the firm is out',
        params,
        body: endSchema,
        response: { 200: engagementSchema },
      },
    },
    async ({ administrator, params: { id }, body: { reason } }) => {
      const { workspaceId } = administrator;
      await readEngagement(pool, workspaceId, id);
      await withDepartures(context, workspaceId, (transaction, leave) =>
        endEngagement(transaction, leave, administrator, id, reason),
      );
      return readEngagement(pool, workspaceId, id);
    },
  );

  api.post(
    '/v1/engagements/:id/people',
    {
      config: { answersSecret: true },
      schema: {
        tags,
        summary: 'Let a person of the firm in',
        description:
          'Answers a link with which they register the passkey that they sign in with. It asks for their finger, face or PIN, so that no second factor is left out.',
        params,
        body: newPersonSchema,
        response: { 201: letInSchema },
      },
    },
    async ({ administrator, params: { id }, body }, reply) => {
      await checkProven(context, administrator);
      const { workspaceId } = administrator;
      const person = await log.transact(workspaceId, (transaction) =>
        addPerson(transaction, keys.pepper, administrator, id, body),
      );
      return reply.code(201).send({
        object: 'engagement_person' as const,
        person: person.id,
        email: person.email,
        url: linkOf(person.token),
        engagement: await readEngagement(pool, workspaceId, id),
      });
    },
  );

  api.post(
    '/v1/engagements/:id/people/:person/invitations',
    {
      config: { answersSecret: true },
      schema: {
        tags,
        summary: 'Make another link that registers a passkey',
        params: personParams,
        body: z.strictObject({}).prefault({}),
        response: { 201: letInSchema },
      },
    },
    async ({ administrator, params: { id, person: name } }, reply) => {
      await checkProven(context, administrator);
      const { workspaceId } = administrator;
      const person = await log.transact(workspaceId, (transaction) =>
        inviteAgain(transaction, keys.pepper, administrator, id, name),
      );
      return reply.code(201).send({
        object: 'engagement_person' as const,
        person: person.id,
        email: person.email,
        url: linkOf(person.token),
        engagement: await readEngagement(pool, workspaceId, id),
      });
    },
  );

  api.delete(
    '/v1/engagements/:id/people/:person',
    {
      schema: {
        tags,
        summary: 'Take a person out now',
        params: personParams,
        response: { 200: engagementSchema },
      },
    },
    async ({ administrator, params: { id, person } }) => {
      const { workspaceId } = administrator;
      await withDepartures(context, workspaceId, (transaction, leave) =>
        removePerson(transaction, leave, administrator, id, person),
      );
      return readEngagement(pool, workspaceId, id);
    },
  );

  api.get(
    '/v1/engagements/:id/access',
    {
      schema: {
        tags,
        summary: 'What people of the firm looked at and did, newest first',
        description: 'Without their own session and the notes of the firm.',
        params,
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(accessSchema) },
      },
    },
    async ({ administrator, params: { id }, query: { limit, cursor } }) => {
      const { workspaceId } = administrator;
      sideOf(administrator, id);
      await readEngagement(pool, workspaceId, id);
      const scope = { list: 'engagement-access', workspaceId, filter: { id } };
      const after = openTimeCursor(keys.state, scope, cursor);
      if (after === undefined) await log.catchUp(workspaceId);
      const rows = await listAccesses(pool, workspaceId, id, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (access) => access,
        ({ seq, event_id }) => [seq, event_id],
      );
    },
  );
}
