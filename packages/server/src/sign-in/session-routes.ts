/** What somebody who is signed in does with their own session, and at the provider: step up, link another account, sign out. */
import type { FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, Api, ApiContext, FastifyRequest } from '../api/route.ts';
import { Failure } from '../errors.ts';
import {
  checkFresh,
  endSession,
  findSession,
  isHttps,
  type Session,
  sessionCookie,
  sessionIdOf,
} from '../identity/index.ts';
import { beginSignIn } from './begin.ts';
import type { SignInPurpose } from './pending.ts';
import { readActiveProvider, readProvider } from './provider.ts';

const tags = ['sign-in'];

export function providerSessionRoutes(api: Api, context: ApiContext): void {
  const { pool, log, url, clock, signIn } = context;
  const returnTo = z.string().max(1024).optional();
  const going = { 200: z.object({ url: z.string().meta({ description: 'Where the browser is to go.' }) }) };

  /** The answer sends the browser to the provider; it comes back by the callback of the protocol. */
  async function leaveFor(
    request: FastifyRequest,
    reply: FastifyReply,
    { workspaceId, id: sessionId }: Session,
    {
      id,
      purpose,
      returnTo,
    }: { readonly id: string; readonly purpose: SignInPurpose; readonly returnTo: string | undefined },
  ): Promise<{ url: string }> {
    const { kind } = await readProvider(pool, id, workspaceId);
    const provider = await readActiveProvider(pool, id, kind);
    const begun = await beginSignIn(context, signIn.protocols, request, provider, {
      purpose,
      returnTo,
      sessionId,
      invitationId: null,
    });
    reply.header('set-cookie', begun.cookie);
    return { url: begun.url };
  }

  api.post(
    '/v1/session/step-up/provider',
    {
      schema: {
        tags,
        summary: 'Prove anew who you are, at the provider by which you signed in',
        body: z.strictObject({ return_to: returnTo }).prefault({}),
        response: going,
      },
    },
    async (request, reply) => {
      const session = await personSession(context, request);
      const id = await providerOf(pool, session);
      if (id === null) throw noProvider();
      return leaveFor(request, reply, session, { id, purpose: 'step_up', returnTo: request.body.return_to });
    },
  );

  api.post(
    '/v1/session/link',
    {
      schema: {
        tags,
        summary: 'Link an account at a further provider to yourself',
        body: z.strictObject({ provider: z.string().max(64), return_to: returnTo }),
        response: going,
      },
    },
    async (request, reply) => {
      const session = await personSession(context, request);
      const about = { workspaceId: session.workspaceId, personId: session.person.id, session };
      await checkFresh(pool, clock(), about, 'Linking another account');
      const { provider: id, return_to: returnTo } = request.body;
      return leaveFor(request, reply, session, { id, purpose: 'link', returnTo });
    },
  );

  api.post(
    '/v1/session/end',
    {
      schema: {
        tags,
        summary: 'Sign out here, and learn where to sign out at the provider',
        body: z.strictObject({}).prefault({}),
        response: { 200: z.object({ provider_url: z.string().nullable() }) },
      },
    },
    async (request, reply) => {
      const session = await sessionOf(context, request);
      const id = await providerOf(pool, session);
      await endSession(log, session);
      reply.header('set-cookie', sessionCookie('', 0, isHttps(context)));
      const provider = id === null ? undefined : await readProvider(pool, id, session.workspaceId);
      const target = provider?.kind === 'oidc' ? await signIn.oidc.logoutUrl(provider, `${url}/sign-in`) : undefined;
      return { provider_url: target ?? null };
    },
  );
}

/** Id of the provider by which the session came; null: by none. */
async function providerOf(pool: Pool, { workspaceId, id }: Session): Promise<string | null> {
  const { rows } = await pool.query<{ provider_id: string | null }>(
    'SELECT provider_id FROM console_sessions WHERE workspace_id = $1 AND id = $2',
    [workspaceId, id],
  );
  return rows[0]?.provider_id ?? null;
}

async function sessionOf(context: ApiContext, request: FastifyRequest): Promise<Session> {
  const { via }: Administrator = request.administrator;
  const cookie = via === 'session' ? sessionIdOf(request, isHttps(context)) : undefined;
  const session = cookie === undefined ? undefined : await findSession(context.pool, context.keys.pepper, cookie);
  if (session !== undefined) return session;
  throw new Failure(404, 'session_not_found', 'This request has no console session.', 'Sign in to the console.');
}

/** Of a person who has signed in, not of a key. */
async function personSession(
  context: ApiContext,
  request: FastifyRequest,
): Promise<Session & { readonly person: NonNullable<Session['person']> }> {
  const session = await sessionOf(context, request);
  const { person } = session;
  if (session.method !== 'key' && person !== undefined) return { ...session, person };
  throw new Failure(
    403,
    'sign_in_required',
    'This session is that of an admin key.',
    'Sign in by your identity provider.',
  );
}

function noProvider(): Failure {
  return new Failure(
    409,
    'session_without_provider',
    'This session did not come by an identity provider.',
    'Step up with a passkey: POST /v1/session/step-up.',
  );
}
