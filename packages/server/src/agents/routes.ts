import { compilePolicy } from '@hivekey/policy';
import { z } from 'zod';
import {
  type Administrator,
  type Api,
  type ApiContext,
  listOf,
  openCursor,
  openNameCursor,
  pageOf,
  pageQuery,
  wholeList,
} from '../api/route.ts';
import { declaredCapabilities } from '../capabilities/index.ts';
import { reasonSchema } from '../containment/index.ts';
import { answersFor } from '../departures/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceRole } from '../identity/index.ts';
import { loadPolicySet } from '../roles/index.ts';
import { ATTENTION, agentChangeOf, agentChangeSchema, agentSchema, newAgentOf, newAgentSchema } from './agent.ts';
import { authoritySchema, readAuthority } from './authority.ts';
import { changeAgent, createAgent, suspendAgent } from './change.ts';
import { manifestOf, visibleToolSchema } from './manifest.ts';
import { rolesUnder } from './principal.ts';
import { listAgents, readAgent } from './read.ts';
import { agentVersionSchema, listVersions, readVersion } from './versions.ts';

const params = z.object({ agent: z.string().max(128) });
const tags = ['agents'];
/** PostgreSQL's integer. */
const MAX_VERSION = 2_147_483_647;

const filters = {
  status: z.enum(['active', 'suspended', 'revoked']).optional(),
  owner: z.string().max(254).optional(),
  deputy: z.string().max(254).optional().meta({ description: 'In person, or by a group of theirs.' }),
  role: z.string().max(128).optional(),
  q: z.string().max(200).optional(),
  attention: z.enum(ATTENTION).optional(),
};

/** Others only what they answer for. */
const MAY_STOP: readonly WorkspaceRole[] = ['admin', 'approver', 'author', 'operator', 'reviewer'];

export function agentRoutes(api: Api, { pool, log, path, keys, upstreams }: ApiContext): void {
  api.get(
    '/v1/agents',
    {
      schema: {
        tags,
        summary: 'List agents, by name',
        querystring: z.strictObject({ ...filters, ...pageQuery }),
        response: { 200: listOf(agentSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'agents', workspaceId, filter };
      const after = openNameCursor(keys.state, scope, cursor);
      const rows = await listAgents(pool, workspaceId, filter, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (agent) => agent,
        ({ name }) => [name.toLowerCase()],
      );
    },
  );

  api.post(
    '/v1/agents',
    {
      schema: {
        tags,
        summary: 'Create an agent',
        description: 'It can do nothing but what its roles grant. An owner not known yet is added as a person.',
        body: newAgentSchema,
        response: { 201: agentSchema },
      },
    },
    async ({ administrator, body }, reply) =>
      reply.code(201).send(await createAgent(log, administrator, newAgentOf(body))),
  );

  api.get(
    '/v1/agents/:agent',
    { schema: { tags, summary: 'An agent, by id or name', params, response: { 200: agentSchema } } },
    ({ administrator, params: { agent } }) => readAgent(pool, administrator.workspaceId, agent),
  );

  api.patch(
    '/v1/agents/:agent',
    {
      schema: {
        tags,
        summary: 'Change owner, roles, what it is made of, its end and the like; what is absent is unchanged',
        params,
        body: agentChangeSchema,
        response: { 200: agentSchema },
      },
    },
    ({ administrator, params: { agent }, body }) => changeAgent(log, administrator, agent, agentChangeOf(body)),
  );

  api.get(
    '/v1/agents/:agent/authority',
    {
      schema: {
        tags,
        summary: 'Who gave the agent what, when and on whose word, as at an instant',
        params,
        querystring: z.strictObject({
          at: z.iso.datetime({ offset: true }).optional().meta({ description: 'ISO 8601. Absent: now.' }),
        }),
        response: { 200: authoritySchema },
      },
    },
    ({ administrator: { workspaceId }, params: { agent }, query: { at } }) =>
      readAuthority(pool, workspaceId, agent, at === undefined ? undefined : new Date(at)),
  );

  api.get(
    '/v1/agents/:agent/versions',
    {
      schema: {
        tags,
        summary: 'What the agent is and was made of, newest first',
        params,
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(agentVersionSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { agent }, query: { limit, cursor } }) => {
      const { id } = await readAgent(pool, workspaceId, agent);
      const scope = { list: 'agent-versions', workspaceId, filter: { agent: id } };
      const [before] = openCursor(keys.state, scope, cursor) ?? [];
      const from = before === undefined ? undefined : Number(before);
      const rows = await listVersions(pool, workspaceId, id, from, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (version) => version,
        ({ version }) => [version],
      );
    },
  );

  api.get(
    '/v1/agents/:agent/versions/:version',
    {
      schema: {
        tags,
        summary: 'One version of what the agent is made of, with its changes against another',
        params: params.extend({ version: z.coerce.number().int().min(1).max(MAX_VERSION) }),
        querystring: z.strictObject({ against: z.coerce.number().int().min(1).max(MAX_VERSION).optional() }),
        response: { 200: agentVersionSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { agent, version }, query: { against } }) => {
      const { id } = await readAgent(pool, workspaceId, agent);
      return readVersion(pool, workspaceId, id, version, against);
    },
  );

  api.get(
    '/v1/agents/:agent/tools',
    {
      schema: {
        tags,
        summary: 'What the agent sees now',
        description: 'What the gateway lists for it. An agent that is not active sees nothing.',
        params,
        response: { 200: listOf(visibleToolSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params }) => {
      const agent = await readAgent(pool, workspaceId, params.agent);
      if (agent.status !== 'active') return wholeList([]);
      const [catalogue, { set }, declared] = await Promise.all([
        upstreams.catalogue(workspaceId),
        loadPolicySet(pool, workspaceId),
        declaredCapabilities(pool, workspaceId),
      ]);
      const granted = compilePolicy(set).granted(rolesUnder(agent.quarantine, agent.roles));
      return wholeList(manifestOf(catalogue, set, declared, granted, agent.roles));
    },
  );

  api.post(
    '/v1/agents/:agent/suspend',
    {
      schema: {
        tags,
        summary: 'Stop an agent and keep its tokens',
        description: 'By everybody who takes part in the workspace, and by the owner and the deputies of the agent.',
        params,
        body: reasonSchema,
        response: { 200: agentSchema },
      },
    },
    async ({ administrator, params, body }) => {
      if (!administrator.roles.some((role) => MAY_STOP.includes(role)))
        await refuseStrangers(administrator, params.agent);
      const agent = await suspendAgent(log, administrator, params.agent, body.reason);
      await path.stop(administrator.workspaceId, { kind: 'agents', agentIds: new Set([agent.id]) });
      return agent;
    },
  );

  async function refuseStrangers({ workspaceId, person }: Administrator, agentOrId: string): Promise<void> {
    const agent = await readAgent(pool, workspaceId, agentOrId);
    if (person !== undefined && (await answersFor(pool, workspaceId, agent, person.id))) return;
    throw new Failure(
      403,
      'role_missing',
      `This takes the role ${MAY_STOP.join(' or ')}, or the owner of "${agent.name}" or one of its deputies.`,
      'Ask one of them.',
    );
  }
}
