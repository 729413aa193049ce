/** SAML providers among the identity providers of a workspace: adding, changing, checking. The rest is alike for both kinds. */
import { z } from 'zod';
import type { Api, ApiContext } from '../api/route.ts';
import { newId, type ProviderId } from '../ids.ts';
import {
  changedCommon,
  commonOf,
  type IdentityProvider,
  insertProvider,
  providerSchema,
  readProviderOfKind,
  updateProvider,
  viewOf,
} from '../sign-in/index.ts';
import { createRegistrar, newSamlProviderSchema, samlProviderChangeSchema } from './registration.ts';

const tags = ['sign-in'];
const params = z.strictObject({ id: z.string().max(64) });

const checkSchema = z
  .object({
    object: z.literal('saml_check'),
    ok: z.boolean(),
    findings: z.array(z.object({ code: z.string(), message: z.string() })),
  })
  .meta({ id: 'SamlCheck' });

export function samlProviderRoutes(api: Api, context: ApiContext): void {
  const { pool, log, url } = context;
  const registrar = createRegistrar(context);
  const view = (provider: IdentityProvider) => viewOf(url, provider);

  api.post(
    '/v1/identity-providers/saml',
    {
      schema: {
        tags,
        summary: 'Add a SAML identity provider by its metadata',
        description: 'Give the provider `saml.own` of the answer: its entity id is where our metadata stand.',
        body: newSamlProviderSchema,
        response: { 201: providerSchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const { issuer, settings } = await registrar.register(body);
      const provider = await log.transact(administrator.workspaceId, (transaction) =>
        insertProvider(transaction, administrator, {
          ...commonOf(body),
          id: newId<ProviderId>('idp'),
          kind: 'saml',
          issuer,
          settings,
        }),
      );
      return reply.code(201).send(view(provider));
    },
  );

  api.patch(
    '/v1/identity-providers/saml/:id',
    {
      schema: {
        tags,
        summary: 'Change a SAML identity provider; what is absent stays',
        params,
        body: samlProviderChangeSchema,
        response: { 200: providerSchema },
      },
    },
    async ({ administrator, params: { id }, body }) => {
      const before = await readProviderOfKind(pool, id, administrator.workspaceId, 'saml');
      const settings = await registrar.change(before, body);
      return view(
        await log.transact(administrator.workspaceId, (transaction) =>
          updateProvider(transaction, administrator, before, changedCommon(before, body), settings),
        ),
      );
    },
  );

  api.post(
    '/v1/identity-providers/saml/:id/refresh',
    {
      schema: {
        tags,
        summary: 'Read the metadata of a SAML identity provider again, from their address',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: providerSchema },
      },
    },
    async ({ administrator, params: { id } }) => {
      const before = await readProviderOfKind(pool, id, administrator.workspaceId, 'saml');
      const settings = await registrar.refresh(before);
      return view(
        await log.transact(administrator.workspaceId, (transaction) =>
          updateProvider(transaction, administrator, before, changedCommon(before, {}), settings),
        ),
      );
    },
  );

  api.post(
    '/v1/identity-providers/saml/:id/check',
    {
      schema: {
        tags,
        summary: 'Look for what keeps people from signing in by SAML, now or soon',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: checkSchema },
      },
    },
    async ({ administrator, params: { id } }) => {
      const provider = await readProviderOfKind(pool, id, administrator.workspaceId, 'saml');
      const findings = await registrar.check(provider);
      return { object: 'saml_check' as const, ok: findings.length === 0, findings: [...findings] };
    },
  );
}
