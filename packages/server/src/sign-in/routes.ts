/** Identity providers, and what holds of sign-in, for administrators. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, wholeList } from '../api/route.ts';
import { Failure } from '../errors.ts';
import {
  changeProvider,
  checkOidc,
  createProvider,
  newProviderSchema,
  providerChangeSchema,
} from './oidc/registration.ts';
import { listProviders, readProvider } from './provider.ts';
import { providerSchema, switchProvider, viewOf } from './providers.ts';
import { changeSettings, readSettings, settingsChangeSchema, settingsSchema } from './settings.ts';

const tags = ['sign-in'];
const idParams = z.strictObject({ id: z.string().max(64) });

export function identityProviderRoutes(api: Api, context: ApiContext): void {
  const { pool, url, signIn } = context;

  api.get(
    '/v1/identity-providers',
    { schema: { tags, summary: 'List identity providers, by name', response: { 200: listOf(providerSchema) } } },
    async ({ administrator: { workspaceId } }) =>
      wholeList((await listProviders(pool, workspaceId)).map((provider) => viewOf(url, provider))),
  );

  api.post(
    '/v1/identity-providers',
    {
      schema: {
        tags,
        summary: 'Add an identity provider',
        description:
          'Its metadata are read before it is kept. Register `redirect_uri` of the answer there, and give nobody a role by this alone.',
        body: newProviderSchema,
        response: { 201: providerSchema },
      },
    },
    async ({ administrator, body }, reply) =>
      reply.code(201).send(viewOf(url, await createProvider(context, signIn.oidc, administrator, body))),
  );

  api.get(
    '/v1/identity-providers/:id',
    { schema: { tags, summary: 'An identity provider', params: idParams, response: { 200: providerSchema } } },
    async ({ administrator: { workspaceId }, params: { id } }) =>
      viewOf(url, await readProvider(pool, id, workspaceId)),
  );

  api.patch(
    '/v1/identity-providers/:id',
    {
      schema: {
        tags,
        summary: 'Change an identity provider; what is absent stays',
        params: idParams,
        body: providerChangeSchema,
        response: { 200: providerSchema },
      },
    },
    async ({ administrator, params: { id }, body }) =>
      viewOf(url, await changeProvider(context, administrator, id, body)),
  );

  for (const [verb, active, summary] of [
    ['enable', true, 'Let people sign in by it again'],
    ['disable', false, 'Let nobody sign in by it, and end the sessions that came by it'],
  ] as const)
    api.post(
      `/v1/identity-providers/:id/${verb}`,
      {
        schema: {
          tags,
          summary,
          params: idParams,
          body: z.strictObject({}).prefault({}),
          response: { 200: providerSchema },
        },
      },
      async ({ administrator, params: { id } }) =>
        viewOf(url, await switchProvider(context, administrator, id, active)),
    );

  api.post(
    '/v1/identity-providers/:id/test',
    {
      schema: {
        tags,
        summary: 'Read its metadata now',
        params: idParams,
        body: z.strictObject({}).prefault({}),
        response: { 200: z.object({ ok: z.boolean(), problem: z.string().nullable() }) },
      },
    },
    async ({ administrator: { workspaceId }, params: { id } }) => {
      const provider = await readProvider(pool, id, workspaceId);
      checkOidc(provider);
      try {
        await signIn.oidc.check(provider.issuer);
        return { ok: true, problem: null };
      } catch (error) {
        if (error instanceof Failure) return { ok: false, problem: error.message };
        throw error;
      }
    },
  );
}

export function signInSettingsRoutes(api: Api, { pool, log }: ApiContext): void {
  api.get(
    '/v1/sign-in-settings',
    {
      schema: {
        tags,
        summary: 'What holds of sessions and of decisions that take a person',
        response: { 200: settingsSchema },
      },
    },
    ({ administrator: { workspaceId } }) => readSettings(pool, workspaceId),
  );

  api.put(
    '/v1/sign-in-settings',
    {
      schema: {
        tags,
        summary: 'Change it; what is absent stays',
        body: settingsChangeSchema,
        response: { 200: settingsSchema },
      },
    },
    ({ administrator, body }) => changeSettings(log, administrator, body),
  );
}
