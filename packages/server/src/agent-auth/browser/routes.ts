/** What a person answers, which clients are registered, and what of it a workspace lets happen. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, wholeList } from '../../api/route.ts';
import { allow, allowSchema, refuse } from './answer.ts';
import { addClient, listClients, newClientSchema, oauthClientSchema, removeClient } from './clients.ts';
import {
  answerQuestion,
  checkLetIn,
  connectionRequestSchema,
  personOf,
  readQuestion,
  viewQuestion,
} from './question.ts';
import {
  browserSettingsChangeSchema,
  browserSettingsSchema,
  changeBrowserSettings,
  readBrowserSettings,
} from './settings.ts';

const tags = ['browser sign-in'];
const params = z.object({ id: z.string().max(64) });
const going = { 200: z.object({ url: z.string().meta({ description: 'Where the browser is to go.' }) }) };

export function browserSignInRoutes(api: Api, context: ApiContext): void {
  const { pool, log, path, url, keys, browserSignIn } = context;
  const ends = { log, pepper: keys.pepper };

  api.get(
    '/v1/connection-requests/:id',
    {
      schema: {
        tags,
        summary: 'Which client asks to be which of your agents',
        description: 'Of the browser that the client has sent here, by its cookie.',
        params,
        response: { 200: connectionRequestSchema },
      },
    },
    async (request) => {
      const question = await readQuestion(await browserSignIn.provider(), url, request, request.params.id);
      const who = personOf(request.administrator);
      await checkLetIn(pool, who.workspaceId, question.clientId);
      return viewQuestion(pool, who, question);
    },
  );

  api.post(
    '/v1/connection-requests/:id/allow',
    { schema: { tags, summary: 'Let the client be one of your agents', params, body: allowSchema, response: going } },
    async (request) => {
      const provider = await browserSignIn.provider();
      const question = await readQuestion(provider, url, request, request.params.id);
      const consentId = await allow(ends, personOf(request.administrator), question, request.body);
      const grant = new provider.Grant({ accountId: consentId, clientId: question.clientId });
      // One of each: whoever finds the grant of a code finds the consent.
      grant.jti = consentId;
      grant.addResourceScope(question.resource, question.scope);
      await grant.save();
      const result = { login: { accountId: consentId, remember: false }, consent: { grantId: consentId } };
      return { url: await answerQuestion(provider, url, request, result) };
    },
  );

  api.post(
    '/v1/connection-requests/:id/refuse',
    {
      schema: {
        tags,
        summary: 'Send the client away',
        params,
        body: z.strictObject({}).prefault({}),
        response: going,
      },
    },
    async (request) => {
      const provider = await browserSignIn.provider();
      const question = await readQuestion(provider, url, request, request.params.id);
      await refuse(ends, request.administrator, question);
      const result = { error: 'access_denied', error_description: 'the person has said no' };
      return { url: await answerQuestion(provider, url, request, result) };
    },
  );

  api.get(
    '/v1/browser-sign-in-settings',
    {
      schema: {
        tags,
        summary: 'Whether agents sign in through a browser, and with which clients',
        response: { 200: browserSettingsSchema },
      },
    },
    ({ administrator: { workspaceId } }) => readBrowserSettings(pool, workspaceId),
  );

  api.put(
    '/v1/browser-sign-in-settings',
    {
      schema: {
        tags,
        summary: 'Change that; what is absent stays',
        description: 'Connections of clients that are not let in any more end with it.',
        body: browserSettingsChangeSchema,
        response: { 200: browserSettingsSchema },
      },
    },
    async ({ administrator, body }) => {
      const changed = await changeBrowserSettings(log, administrator, body);
      path.invalidate(administrator.workspaceId);
      return changed;
    },
  );

  api.get(
    '/v1/oauth-clients',
    {
      schema: {
        tags,
        summary: 'Clients that an administrator has registered, newest first',
        response: { 200: listOf(oauthClientSchema) },
      },
    },
    async ({ administrator: { workspaceId } }) => wholeList(await listClients(pool, workspaceId)),
  );

  api.post(
    '/v1/oauth-clients',
    {
      schema: {
        tags,
        summary: 'Register a client that has no metadata document of its own',
        body: newClientSchema,
        response: { 201: oauthClientSchema },
      },
    },
    async ({ administrator, body }, reply) => reply.code(201).send(await addClient(log, administrator, body)),
  );

  api.delete(
    '/v1/oauth-clients/:id',
    {
      schema: {
        tags,
        summary: 'Let a registered client in no more; its connections end',
        params,
        response: { 200: oauthClientSchema },
      },
    },
    async ({ administrator, params: { id } }) => {
      const removed = await removeClient(log, administrator, id);
      path.invalidate(administrator.workspaceId);
      return removed;
    },
  );
}
