/** Credentials of agents beside tokens, and who vouches for workloads. */
import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import { type Api, type ApiContext, listOf, wholeList } from '../api/route.ts';
import { credentialSchema, listCredentials, newCredentialSchema } from './credential.ts';
import { addCredential, revokeCredential } from './credentials.ts';
import { addIssuer, issuerSchema, listIssuers, newIssuerSchema, removeIssuer } from './issuers.ts';
import { KeySets } from './key-sets.ts';

const tags = ['credentials'];
const agentParams = z.object({ agent: z.string().max(128) });
const nothing = z.strictObject({}).prefault({});

export function agentCredentialRoutes(api: Api, { pool, log, path, config, url }: ApiContext): void {
  const keySets = new KeySets(config.upstream_allow);

  api.get(
    '/v1/agents/:agent/credentials',
    {
      schema: {
        tags,
        summary: 'How an agent proves itself: tokens, keys and federation rules, newest first',
        params: agentParams,
        response: { 200: listOf(credentialSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params }) =>
      wholeList(await listCredentials(pool, workspaceId, (await readAgent(pool, workspaceId, params.agent)).id)),
  );

  api.post(
    '/v1/agents/:agent/credentials',
    {
      schema: {
        tags,
        summary: 'Register a public key, or a rule by which a workload is the agent',
        params: agentParams,
        body: newCredentialSchema,
        response: { 201: credentialSchema },
      },
    },
    async ({ administrator, params, body }, reply) =>
      reply.code(201).send(await addCredential(log, administrator, params.agent, body)),
  );

  api.post(
    '/v1/agents/:agent/credentials/:id/revoke',
    {
      schema: {
        tags,
        summary: 'End a key or federation rule now, with its access tokens',
        params: agentParams.extend({ id: z.string().max(64) }),
        body: nothing,
        response: { 200: credentialSchema },
      },
    },
    async ({ administrator, params }) => {
      const ended = await revokeCredential(log, administrator, params.agent, params.id);
      path.invalidate(administrator.workspaceId);
      return ended;
    },
  );

  api.get(
    '/v1/workload-issuers',
    { schema: { tags, summary: 'Who vouches for workloads, newest first', response: { 200: listOf(issuerSchema) } } },
    async ({ administrator: { workspaceId } }) => wholeList(await listIssuers(pool, workspaceId, url)),
  );

  api.post(
    '/v1/workload-issuers',
    {
      schema: {
        tags,
        summary: 'Trust an issuer of workload tokens',
        body: newIssuerSchema,
        response: { 201: issuerSchema },
      },
    },
    async ({ administrator, body }, reply) =>
      reply.code(201).send(await addIssuer({ log, keySets, url }, administrator, body)),
  );

  api.delete(
    '/v1/workload-issuers/:issuer',
    {
      schema: {
        tags,
        summary: 'Trust an issuer no more; its rules and their access tokens end',
        params: z.object({ issuer: z.string().max(128) }),
        response: { 200: issuerSchema },
      },
    },
    async ({ administrator, params }) => {
      const removed = await removeIssuer({ log, url }, administrator, params.issuer);
      path.invalidate(administrator.workspaceId);
      return removed;
    },
  );
}
