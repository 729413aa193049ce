import { z } from 'zod';
import {
  type Api,
  type ApiContext,
  listOf,
  openCursor,
  openTimeCursor,
  pageOf,
  pageQuery,
  wholeList,
} from '../api/route.ts';
import { emailSchema, readPerson } from '../people/index.ts';
import { knownCredentialSchema, listKnownCredentials } from './known-credentials.ts';
import { offerTask } from './offer.ts';
import { fullTaskSchema, listTasks, readTask, TASK_STATUSES, taskSchema } from './task.ts';
import { transferSchema } from './transfer.ts';

const tags = ['ownership'];
const params = z.object({ id: z.string().max(64) });

/** What people who left have left behind. */
export function transferTaskRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/transfer-tasks',
    {
      schema: {
        tags,
        summary: 'What people who left have left behind, newest first',
        querystring: z.strictObject({
          status: z.enum(TASK_STATUSES).optional(),
          person: z.string().max(254).optional().meta({ description: 'Id or e-mail of who has left.' }),
          ...pageQuery,
        }),
        response: { 200: listOf(taskSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'transfer-tasks', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listTasks(pool, workspaceId, filter, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ view }) => view,
        ({ view, openedUs: at }) => [at, view.id],
      );
    },
  );

  api.get(
    '/v1/transfer-tasks/:id',
    { schema: { tags, summary: 'A task with its agents and its receipt', params, response: { 200: fullTaskSchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readTask(pool, workspaceId, id),
  );

  api.get(
    '/v1/people/:person/known-credentials',
    {
      schema: {
        tags,
        summary: 'Credentials that the person has made and that others work with, newest first',
        description:
          'Tokens, keys and federation rules of agents, admin keys that are not the person’s own, and tokens of directories, as far as they live. When the person leaves, rotate or revoke them.',
        params: z.object({ person: z.string().max(254) }),
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(knownCredentialSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { person }, query: { limit, cursor } }) => {
      const of = await readPerson(pool, workspaceId, person);
      const scope = { list: 'known-credentials', workspaceId, filter: { person: of.id } };
      const [created, id] = openCursor(keys.state, scope, cursor) ?? [];
      const after = created === undefined ? undefined : { created: Number(created), id: String(id) };
      const rows = await listKnownCredentials(pool, workspaceId, of, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (credential) => credential,
        (credential) => [credential.created, credential.id],
      );
    },
  );

  api.post(
    '/v1/transfer-tasks/:id/propose',
    {
      schema: {
        tags,
        summary: 'Offer the agents that wait to another owner',
        description: 'All of them, or those named. What was offered of them to somebody else is withdrawn.',
        params,
        body: z.strictObject({
          to: emailSchema,
          agents: z.array(z.string().min(1).max(128)).min(1).max(200).optional().meta({ description: 'Names or ids.' }),
          reason: z.string().trim().max(500).default(''),
        }),
        response: { 200: listOf(transferSchema) },
      },
    },
    async ({ administrator, params: { id }, body }) => wholeList(await offerTask(log, administrator, id, body)),
  );
}
