import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { reasonSchema } from './containment.ts';
import { listProposals, PROPOSAL_STATUSES, proposalSchema, readProposal } from './proposal.ts';
import { askForSettings, confirmProposal, withdrawProposal } from './propose.ts';
import { readSettings, settingsChangeSchema, settingsSchema } from './settings.ts';

const tags = ['containment'];
const params = z.object({ id: z.string().max(64) });

/** Who may stop and lift alone, and what waits for a second person. */
export function containmentSettingsRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys } = context;

  api.get(
    '/v1/containment-settings',
    { schema: { tags, summary: 'Which stops take two people', response: { 200: settingsSchema } } },
    ({ administrator: { workspaceId } }) => readSettings(pool, workspaceId),
  );

  api.put(
    '/v1/containment-settings',
    {
      schema: {
        tags,
        summary: 'Change which stops take two people; what is absent stays',
        description:
          'Once two people are asked for anything, a change is a proposal (202) that another person confirms.',
        body: settingsChangeSchema,
        response: { 200: settingsSchema, 202: proposalSchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const answer = await askForSettings(log, administrator, body);
      return answer.object === 'containment_settings' ? reply.send(answer) : reply.code(202).send(answer);
    },
  );

  api.get(
    '/v1/containment-proposals',
    {
      schema: {
        tags,
        summary: 'What waited or waits for a second person, newest first',
        querystring: z.strictObject({ status: z.enum(PROPOSAL_STATUSES).optional(), ...pageQuery }),
        response: { 200: listOf(proposalSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, status } }) => {
      const scope = { list: 'containment-proposals', workspaceId, filter: { status } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listProposals(pool, workspaceId, status, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (proposal) => proposal,
        (proposal) => [proposal.proposed_us, proposal.id],
      );
    },
  );

  api.get(
    '/v1/containment-proposals/:id',
    { schema: { tags, summary: 'A proposal', params, response: { 200: proposalSchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readProposal(pool, workspaceId, id),
  );

  api.post(
    '/v1/containment-proposals/:id/confirm',
    {
      schema: {
        tags,
        summary: 'Confirm it, as another person than proposed it; it happens with this',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: proposalSchema },
      },
    },
    ({ administrator, params: { id } }) => confirmProposal(context, administrator, id),
  );

  api.post(
    '/v1/containment-proposals/:id/withdraw',
    { schema: { tags, summary: 'Withdraw it', params, body: reasonSchema, response: { 200: proposalSchema } } },
    ({ administrator, params: { id }, body: { reason } }) => withdrawProposal(log, administrator, id, reason),
  );
}
