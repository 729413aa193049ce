/** Console sessions and admin keys over HTTP. */
import { z } from 'zod';
import {
  type Api,
  type ApiContext,
  type FastifyRequest,
  type Limits,
  listOf,
  openTimeCursor,
  pageOf,
  pageQuery,
  type Routes,
} from '../api/route.ts';
import { Failure } from '../errors.ts';
import {
  createKey,
  DEFAULT_OVERLAP_SECONDS,
  listKeys,
  MAX_KEY_SECONDS,
  type NewKey,
  revokeKey,
  rotateKey,
} from './admin-keys.ts';
import { holderOfKey } from './administrators.ts';
import { deviceOf } from './device.ts';
import { isHttps, sessionCookie, sessionIdOf } from './session-cookie.ts';
import { listSessions, openSessionSchema, revokeSession } from './session-list.ts';
import { sessionBody, sessionSchema } from './session-view.ts';
import { endSession, findSession, openSession, type Session } from './sessions.ts';
import { WORKSPACE_ROLES, workspaceRolesSchema } from './workspace-roles.ts';

const keyParams = z.strictObject({ id: z.string().max(64) });

/** The way in, before there is an administrator. */
export function signInRoutes(limits: Limits): Routes {
  return (api, context) => {
    api.post(
      '/v1/session',
      {
        schema: {
          summary: 'Sign the console in with an admin key',
          description: 'Sets the session cookie.',
          tags: ['session'],
          body: z.strictObject({ key: z.string().max(256) }),
          response: { 201: sessionSchema },
        },
      },
      async (request, reply) => {
        const holder = await holderOfKey(context, request.body.key.trim()).catch(async (error: unknown) => {
          if (error instanceof Failure && error.status === 401) throw await limits.failedLogin(request, reply, error);
          throw error;
        });
        const secure = isHttps(context);
        const { pepper } = context.keys;
        const had = sessionIdOf(request, secure);
        const previous = had === undefined ? undefined : { cookie: had };
        const { cookie, seconds } = await openSession(context.log, pepper, holder, previous, deviceOf(request));
        const session = await findSession(context.pool, pepper, cookie);
        if (session === undefined) throw new Error('a session that was opened just now is not there');
        reply.code(201).header('set-cookie', sessionCookie(cookie, seconds, secure));
        return sessionBody(context, session);
      },
    );
  };
}

export function sessionRoutes(api: Api, context: ApiContext): void {
  /** The session of the cookie. Whoever came with a key has none. */
  async function sessionOf(request: FastifyRequest): Promise<Session> {
    const id = request.administrator.via === 'session' ? sessionIdOf(request, isHttps(context)) : undefined;
    const session = id === undefined ? undefined : await findSession(context.pool, context.keys.pepper, id);
    if (session !== undefined) return session;
    throw new Failure(
      404,
      'session_not_found',
      'This request has no console session.',
      'Sign in with POST /v1/session.',
    );
  }

  api.get(
    '/v1/session',
    { schema: { summary: 'The console session', tags: ['session'], response: { 200: sessionSchema } } },
    async (request) => sessionBody(context, await sessionOf(request)),
  );

  api.delete(
    '/v1/session',
    { schema: { summary: 'Sign out', tags: ['session'], response: { 204: z.undefined() } } },
    async (request, reply) => {
      await endSession(context.log, await sessionOf(request));
      return reply
        .code(204)
        .header('set-cookie', sessionCookie('', 0, isHttps(context)))
        .send();
    },
  );
}

export function sessionListRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/sessions',
    {
      schema: {
        summary: 'Open console sessions, newest first: one’s own, and as an administrator all',
        tags: ['session'],
        querystring: z.strictObject({ person: z.string().max(254).optional(), ...pageQuery }),
        response: { 200: listOf(openSessionSchema) },
      },
    },
    async ({ administrator, query: { limit, cursor, person } }) => {
      const scope = { list: 'sessions', workspaceId: administrator.workspaceId, filter: { person } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listSessions(pool, administrator, person, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (session) => session,
        (session) => [session.created_us, session.id],
      );
    },
  );

  api.delete(
    '/v1/sessions/:id',
    { schema: { summary: 'End a session', tags: ['session'], params: keyParams, response: { 204: z.undefined() } } },
    async ({ administrator, params: { id } }, reply) => {
      await revokeSession(log, administrator, id);
      return reply.code(204).send();
    },
  );
}

const keySchema = z
  .object({
    id: z.string(),
    object: z.literal('key'),
    name: z.string(),
    person: z.string().nullable().meta({ description: 'Whose it is; only such a key decides about approvals.' }),
    roles: z.array(z.enum(WORKSPACE_ROLES)),
    last4: z.string(),
    status: z.enum(['live', 'expired', 'revoked']),
    created: z.int(),
    created_by: z.string(),
    expires_at: z.int().nullable(),
    last_used_at: z.int().nullable(),
    replaced_by: z.string().nullable(),
  })
  .meta({ id: 'Key' });
const newKeySchema = keySchema
  .extend({ key: z.string() })
  .meta({ id: 'NewKey', description: 'The only answer that shows the key.' });

const keyName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not 1 to 64 letters, digits, dots, hyphens and underscores');
const lifetime = z.int().min(60).max(MAX_KEY_SECONDS).optional();
const holder = z.string().min(1).max(254).optional().meta({ description: 'Id or e-mail of the person it belongs to.' });

function shown({ view, text }: NewKey): z.output<typeof newKeySchema> {
  return { ...view, key: text.reveal() };
}

export function keyRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/keys',
    {
      schema: {
        summary: 'List admin keys',
        tags: ['keys'],
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(keySchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'keys', workspaceId };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listKeys(pool, workspaceId, limit + 1, after);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ view }) => view,
        (row) => [row.createdUs, row.view.id],
      );
    },
  );

  api.post(
    '/v1/keys',
    {
      config: { answersSecret: true },
      schema: {
        summary: 'Make an admin key',
        tags: ['keys'],
        body: z.strictObject({
          name: keyName,
          person: holder,
          roles: workspaceRolesSchema.refine((roles) => roles.length > 0, 'a key has a role').optional(),
          expires_in_seconds: lifetime,
        }),
        response: { 201: newKeySchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const { name, person, roles, expires_in_seconds: expiresInSeconds } = body;
      const draft = { name, person, roles, expiresInSeconds };
      const key = await createKey(log, keys.pepper, administrator, draft);
      return reply.code(201).send(shown(key));
    },
  );

  api.post(
    '/v1/keys/:id/rotate',
    {
      config: { answersSecret: true },
      schema: {
        summary: 'Replace an admin key; the old one lives on for the overlap',
        tags: ['keys'],
        params: keyParams,
        body: z
          .strictObject({
            overlap_seconds: z
              .int()
              .min(0)
              .max(30 * 24 * 3600)
              .default(DEFAULT_OVERLAP_SECONDS),
            expires_in_seconds: lifetime,
            person: holder,
          })
          .prefault({}),
        response: { 201: newKeySchema },
      },
    },
    async ({ administrator, params, body }, reply) => {
      const terms = {
        overlapSeconds: body.overlap_seconds,
        expiresInSeconds: body.expires_in_seconds,
        person: body.person,
      };
      const key = await rotateKey(log, keys.pepper, administrator, params.id, terms);
      return reply.code(201).send(shown(key));
    },
  );

  api.post(
    '/v1/keys/:id/revoke',
    {
      schema: {
        summary: 'End an admin key and its console sessions now',
        tags: ['keys'],
        params: keyParams,
        body: z.strictObject({}).prefault({}),
        response: { 200: keySchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params }) => revokeKey(log, workspaceId, params.id, actor),
  );
}
