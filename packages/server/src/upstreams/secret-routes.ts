/** Stored credentials over HTTP: written, staged, promoted, tried, and never read. */
import type { Pool } from 'pg';
import { z } from 'zod';
import {
  type Administrator,
  type Api,
  type ApiContext,
  listOf,
  pageOfAll,
  pageQuery,
  type Routes,
} from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance } from '../identity/index.ts';
import { encryptionKeysSchema, secretDetailSchema, secretSchema } from './credentials/secret-views.ts';
import { credentialUsers } from './credentials/usage.ts';
import { trySchema, trySecret } from './try-secret.ts';

const tags = ['secrets'];
const page = z.strictObject(pageQuery);
const nameParams = z.strictObject({ name: z.string().max(128) });
const versionParams = nameParams.extend({ version: z.coerce.number().int().min(1).max(2_147_483_647) });
const overlap = z
  .int()
  .min(0)
  .max(31_536_000)
  .optional()
  .meta({ description: 'How long the version that it replaces can be taken back (a day); 0 erases it at once.' });
const nothing = z.strictObject({}).prefault({});

export const secretRoutes: Routes = (api, context) => {
  storedRoutes(api, context);
  versionRoutes(api, context);
  keyRoutes(api, context);
};

/**
 * Throws `role_missing`: with the signing secret of Slack whoever knows it says who has clicked there, so that storing it is
 * deciding for everybody.
 */
async function refuseSlackSecret(pool: Pool, { workspaceId, roles }: Administrator, name: string): Promise<void> {
  if (roles.includes('admin')) return;
  const users = (await credentialUsers(pool, workspaceId)).get(`vault://${name}`) ?? [];
  if (users.some(({ kind, name: channel }) => kind === 'channel' && channel === 'slack'))
    throw new Failure(
      403,
      'role_missing',
      `${name} is a credential of Slack, where people decide: this takes the role admin.`,
      'Ask an administrator of the workspace.',
    );
}

function storedRoutes(api: Api, { secrets, keys, pool, clock }: ApiContext): void {
  api.get(
    '/v1/secrets',
    {
      schema: {
        summary: 'List stored upstream credentials, never their values',
        tags,
        querystring: page,
        response: { 200: listOf(secretSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query }) => {
      const stored = await secrets.listSecrets(workspaceId);
      return pageOfAll(keys.state, { list: 'secrets', workspaceId }, query, stored, ({ name }) => name);
    },
  );

  api.get(
    '/v1/secrets/:name',
    {
      schema: {
        summary: 'Read about one: its versions, what uses it, and which agents can reach it',
        tags,
        params: nameParams,
        response: { 200: secretDetailSchema },
      },
    },
    async ({ administrator: { workspaceId }, params }) => secrets.getSecret(workspaceId, params.name),
  );

  api.put(
    '/v1/secrets/:name',
    {
      schema: {
        summary: 'Store a version of an upstream credential; used as vault://name',
        tags,
        params: nameParams,
        body: z.strictObject({
          value: z.string(),
          staged: z.boolean().optional().meta({ description: 'Store it, and use it once it is promoted.' }),
          overlap_seconds: overlap,
          expires_at: z.int().min(1).optional().meta({ description: 'When it ends at the upstream, epoch seconds.' }),
        }),
        response: { 200: secretSchema },
      },
    },
    async ({ administrator, params, body }) => {
      const { workspaceId, actor } = administrator;
      await refuseSlackSecret(pool, administrator, params.name);
      if (body.staged !== true) await checkAssurance(pool, administrator, 'secret', new Date(clock()));
      return secrets.putSecret(workspaceId, params.name, body.value, actor, {
        staged: body.staged,
        overlapSeconds: body.overlap_seconds,
        expiresAt: body.expires_at === undefined ? undefined : new Date(body.expires_at * 1000),
      });
    },
  );

  api.delete(
    '/v1/secrets/:name',
    {
      schema: {
        summary: 'Erase a credential that nothing names any more',
        tags,
        params: nameParams,
        response: { 200: z.object({ object: z.literal('secret'), name: z.string(), deleted: z.literal(true) }) },
      },
    },
    async ({ administrator: { workspaceId, actor }, params: { name } }) => {
      await secrets.remove(workspaceId, name, actor);
      return { object: 'secret' as const, name, deleted: true as const };
    },
  );
}

function versionRoutes(api: Api, context: ApiContext): void {
  const { secrets, pool, clock } = context;

  api.post(
    '/v1/secrets/:name/versions/:version/promote',
    {
      schema: {
        summary: 'Use a staged version, or take a previous one back',
        tags,
        params: versionParams,
        body: z.strictObject({ overlap_seconds: overlap }).prefault({}),
        response: { 200: secretSchema },
      },
    },
    async ({ administrator, params: { name, version }, body }) => {
      const { workspaceId, actor } = administrator;
      await refuseSlackSecret(pool, administrator, name);
      await checkAssurance(pool, administrator, 'secret', new Date(clock()));
      return secrets.promote(workspaceId, name, version, body.overlap_seconds, actor);
    },
  );

  api.post(
    '/v1/secrets/:name/versions/:version/retire',
    {
      schema: {
        summary: 'Erase a version that is not in use',
        tags,
        params: versionParams,
        body: nothing,
        response: { 200: secretSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params: { name, version } }) =>
      secrets.retire(workspaceId, name, version, actor),
  );

  api.post(
    '/v1/secrets/:name/test',
    {
      schema: {
        summary: 'Open a version, and shake hands with what uses it',
        tags,
        params: nameParams,
        body: z
          .strictObject({ version: z.int().min(1).optional().meta({ description: 'The current one when absent.' }) })
          .prefault({}),
        response: { 200: trySchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params: { name }, body }) =>
      trySecret(context, workspaceId, name, body.version, actor),
  );
}

function keyRoutes(api: Api, { secrets }: ApiContext): void {
  api.get(
    '/v1/secrets/keys',
    {
      schema: {
        summary: 'Key-encryption keys, what stands under each, and how far the newest rewrap is',
        tags,
        response: { 200: encryptionKeysSchema },
      },
    },
    async ({ administrator: { workspaceId } }) => secrets.encryptionKeys(workspaceId),
  );

  api.post(
    '/v1/secrets/rewrap',
    {
      schema: {
        summary: 'Put all stored credentials under another key-encryption key, or under the newest version of the same',
        tags,
        body: z
          .strictObject({
            key: z.string().min(1).max(1100).optional().meta({
              description:
                'derived, file://<path>, env://<VARIABLE>, transit://<mount>/<key>, aws-kms://<key>, azure-kv://<vault host>/<key> or gcp-kms://<name>; the current one when absent.',
            }),
          })
          .prefault({}),
        response: { 202: encryptionKeysSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, body }, reply) =>
      reply.status(202).send(await secrets.rewrap(workspaceId, body.key, actor)),
  );
}
