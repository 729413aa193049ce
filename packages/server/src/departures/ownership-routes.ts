import { z } from 'zod';
import { type Api, type ApiContext, listOf, openNameCursor, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { emailSchema, groupSchema } from '../people/index.ts';
import { acceptOffer, declineOffer, offerAgent, withdrawOffer } from './offer.ts';
import { listOrphans, orphanSchema, ownershipSchema, readOwnership, setDeputies } from './ownership.ts';
import { changeOwnershipSettings, ownershipSettingsSchema, readOwnershipSettings } from './settings.ts';
import { listTransfers, readTransfer, TRANSFER_STATUSES, transferSchema } from './transfer.ts';

const tags = ['ownership'];
const agentParams = z.object({ agent: z.string().max(128) });
const params = z.object({ id: z.string().max(64) });
const reasonBody = z.strictObject({ reason: z.string().trim().max(500).default('') }).prefault({});

const MAX_NAMED = 20;
const named = z
  .array(z.union([emailSchema, groupSchema]))
  .max(MAX_NAMED)
  .transform((names) => [...new Set(names)].sort());
const deputiesBody = z.strictObject({
  deputies: named.meta({ description: 'E-mails of people, and groups; all of them, as they replace those before.' }),
});
const hours = z
  .int()
  .min(1)
  .max(90 * 24);
const settingsBody = z.strictObject({
  acceptance_required: z.boolean().optional(),
  transfer_hours: hours.optional(),
  remind_after_hours: hours.optional(),
  escalate_after_hours: hours.optional(),
  escalate_to: named.optional(),
});

/** Who is accountable for agents, and how that changes hands. */
export function ownershipRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/agents/:agent/ownership',
    {
      schema: {
        tags,
        summary: 'Owner, deputies and history of an agent',
        params: agentParams,
        response: { 200: ownershipSchema },
      },
    },
    ({ administrator: { workspaceId }, params: { agent } }) => readOwnership(pool, workspaceId, agent),
  );

  api.put(
    '/v1/agents/:agent/deputies',
    {
      schema: {
        tags,
        summary: 'Who stands in for the owner',
        description: 'They may suspend the agent and are asked to take it over. They are not accountable for it.',
        params: agentParams,
        body: deputiesBody,
        response: { 200: ownershipSchema },
      },
    },
    ({ administrator, params: { agent }, body }) => setDeputies(log, administrator, agent, body.deputies),
  );

  api.post(
    '/v1/agents/:agent/ownership-transfers',
    {
      schema: {
        tags,
        summary: 'Offer the agent to another owner',
        description: 'It changes hands when that person accepts. By the owner, or whoever manages agents.',
        params: agentParams,
        body: z.strictObject({ to: emailSchema, reason: z.string().trim().max(500).default('') }),
        response: { 201: transferSchema },
      },
    },
    async ({ administrator, params: { agent }, body }, reply) =>
      reply.code(201).send(await offerAgent(log, administrator, agent, body)),
  );

  api.get(
    '/v1/ownership-transfers',
    {
      schema: {
        tags,
        summary: 'Offers of agents to other owners, newest first',
        querystring: z.strictObject({
          status: z.enum(TRANSFER_STATUSES).optional(),
          agent: z.string().max(128).optional(),
          to: z.string().max(254).optional().meta({ description: 'Id or e-mail of who is asked.' }),
          ...pageQuery,
        }),
        response: { 200: listOf(transferSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'ownership-transfers', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listTransfers(pool, workspaceId, filter, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (transfer) => transfer,
        (transfer) => [transfer.proposed_us, transfer.id],
      );
    },
  );

  api.get(
    '/v1/ownership-transfers/:id',
    { schema: { tags, summary: 'An offer', params, response: { 200: transferSchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readTransfer(pool, workspaceId, id),
  );

  for (const [verb, summary, act] of [
    ['accept', 'Accept it, as the person who is asked; the agent is yours with this', acceptOffer],
    ['decline', 'Decline it, as the person who is asked', declineOffer],
    ['withdraw', 'Withdraw it', withdrawOffer],
  ] as const)
    api.post(
      `/v1/ownership-transfers/:id/${verb}`,
      { schema: { tags, summary, params, body: reasonBody, response: { 200: transferSchema } } },
      ({ administrator, params: { id }, body: { reason } }) => act(log, administrator, id, reason),
    );

  api.get(
    '/v1/orphans',
    {
      schema: {
        tags,
        summary: 'Agents without an active owner, or of whose deputies nobody is left, by name',
        description: 'Active agents always have an active owner. Revoked ones are left out.',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(orphanSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'orphans', workspaceId };
      const after = openNameCursor(keys.state, scope, cursor);
      const rows = await listOrphans(pool, workspaceId, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (orphan) => orphan,
        ({ agent }) => [agent.toLowerCase()],
      );
    },
  );

  api.get(
    '/v1/ownership-settings',
    { schema: { tags, summary: 'How ownership changes hands', response: { 200: ownershipSettingsSchema } } },
    ({ administrator: { workspaceId } }) => readOwnershipSettings(pool, workspaceId),
  );

  api.put(
    '/v1/ownership-settings',
    {
      schema: {
        tags,
        summary: 'Change how ownership changes hands; what is absent stays',
        body: settingsBody,
        response: { 200: ownershipSettingsSchema },
      },
    },
    ({ administrator, body }) => changeOwnershipSettings(log, administrator, body),
  );
}
