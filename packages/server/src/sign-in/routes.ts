/** Identity providers, invitations, identities of people, and what holds of sign-in: for administrators and those who are signed in. */
import { z } from 'zod';
import {
  type Administrator,
  type Api,
  type ApiContext,
  type FastifyRequest,
  listOf,
  openCursor,
  pageOf,
  pageQuery,
  wholeList,
} from '../api/route.ts';
import { Failure } from '../errors.ts';
import {
  checkFresh,
  checkVoucher,
  endSession,
  findSession,
  isHttps,
  type Session,
  sessionCookie,
  sessionIdOf,
} from '../identity/index.ts';
import { readPerson } from '../people/index.ts';
import { beginSignIn } from './begin.ts';
import { identitySchema, listIdentities, unlinkIdentity } from './identities.ts';
import {
  createInvitation,
  invitationSchema,
  listInvitations,
  newInvitationSchema,
  revokeInvitation,
  shownInvitationSchema,
} from './invitations.ts';
import { listProviders, readActiveProvider, readProvider } from './provider.ts';
import {
  changeProvider,
  checkOidc,
  createProvider,
  newProviderSchema,
  providerChangeSchema,
  providerSchema,
  switchProvider,
  viewOf,
} from './providers.ts';
import { changeSettings, readSettings, settingsChangeSchema, settingsSchema } from './settings.ts';

const tags = ['sign-in'];
const idParams = z.strictObject({ id: z.string().max(64) });
const personParams = z.strictObject({ person: z.string().max(254) });

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

export function invitationRoutes(api: Api, { pool, log, keys, url }: ApiContext): void {
  api.post(
    '/v1/people/:person/invitations',
    {
      config: { answersSecret: true },
      schema: {
        tags,
        summary: 'Make a link with which the person signs in for the first time',
        description: 'For one use. Links of the person that are still open end.',
        params: personParams,
        body: newInvitationSchema,
        response: { 201: shownInvitationSchema },
      },
    },
    async ({ administrator, params, body }, reply) => {
      const { workspaceId } = administrator;
      const { view, token } = await log.transact(workspaceId, async (transaction) => {
        const person = await readPerson(transaction.client, workspaceId, params.person);
        if (!person.active || person.break_glass) throw notInvited(person);
        if (body.any_email) await checkVoucher(transaction.client, administrator);
        return createInvitation(transaction, keys.pepper, administrator, person, 'identity', body);
      });
      // Behind the #: browsers send it to nobody, and no log of a proxy has it.
      return reply.code(201).send({ ...view, url: `${url}/sign-in#invitation=${token.reveal()}` });
    },
  );

  api.get(
    '/v1/invitations',
    {
      schema: {
        tags,
        summary: 'List invitations, newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(invitationSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'invitations', workspaceId };
      const [createdUs, id] = openCursor(keys.state, scope, cursor) ?? [];
      const after = createdUs === undefined ? undefined : { createdUs: Number(createdUs), id: String(id) };
      const rows = await listInvitations(pool, workspaceId, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (invitation) => invitation,
        (invitation) => [invitation.created_us, invitation.id],
      );
    },
  );

  api.post(
    '/v1/invitations/:id/revoke',
    {
      schema: {
        tags,
        summary: 'End an invitation',
        params: idParams,
        body: z.strictObject({}).prefault({}),
        response: { 200: invitationSchema },
      },
    },
    ({ administrator, params: { id } }) =>
      log.transact(administrator.workspaceId, (transaction) => revokeInvitation(transaction, administrator, id)),
  );

  api.get(
    '/v1/people/:person/identities',
    {
      schema: {
        tags,
        summary: 'Who a person is at the identity providers: oneself, or as an administrator or auditor somebody else',
        params: personParams,
        response: { 200: listOf(identitySchema) },
      },
    },
    async ({ administrator: { workspaceId, roles, person: own }, params: { person } }) => {
      const { id } = await readPerson(pool, workspaceId, person);
      if (id !== own?.id && !roles.some((role) => role === 'admin' || role === 'auditor'))
        throw new Failure(403, 'role_missing', 'These are the accounts of somebody else.', 'Ask an administrator.');
      return wholeList(await listIdentities(pool, workspaceId, id));
    },
  );

  api.delete(
    '/v1/people/:person/identities/:id',
    {
      schema: {
        tags,
        summary: 'Unlink an identity, and end the sessions that came by it',
        params: z.strictObject({ person: z.string().max(254), id: z.string().max(64) }),
        response: { 204: z.void() },
      },
    },
    async ({ administrator, params: { person, id } }, reply) => {
      await unlinkIdentity(log, administrator, person, id);
      return reply.code(204).send();
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

/** What somebody who is signed in does with their own session at the provider. */
export function providerSessionRoutes(api: Api, context: ApiContext): void {
  const { pool, log, url, clock, signIn } = context;
  const returnTo = z.string().max(1024).optional();
  const going = { 200: z.object({ url: z.string().meta({ description: 'Where the browser is to go.' }) }) };

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
      const { rows } = await pool.query<{ provider_id: string | null }>(
        'SELECT provider_id FROM console_sessions WHERE workspace_id = $1 AND id = $2',
        [session.workspaceId, session.id],
      );
      const id = rows[0]?.provider_id;
      if (id === null || id === undefined) throw noProvider();
      const { kind } = await readProvider(pool, id, session.workspaceId);
      const provider = await readActiveProvider(pool, id, kind);
      const begun = await beginSignIn(context, signIn.protocols, request, provider, {
        purpose: 'step_up',
        returnTo: request.body.return_to,
        sessionId: session.id,
        invitationId: null,
      });
      reply.header('set-cookie', begun.cookie);
      return { url: begun.url };
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
      const { kind } = await readProvider(pool, request.body.provider, session.workspaceId);
      const provider = await readActiveProvider(pool, request.body.provider, kind);
      const begun = await beginSignIn(context, signIn.protocols, request, provider, {
        purpose: 'link',
        returnTo: request.body.return_to,
        sessionId: session.id,
        invitationId: null,
      });
      reply.header('set-cookie', begun.cookie);
      return { url: begun.url };
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
      const { rows } = await pool.query<{ provider_id: string | null }>(
        'SELECT provider_id FROM console_sessions WHERE workspace_id = $1 AND id = $2',
        [session.workspaceId, session.id],
      );
      await endSession(log, session);
      reply.header('set-cookie', sessionCookie('', 0, isHttps(context)));
      const id = rows[0]?.provider_id ?? undefined;
      const provider = id === undefined ? undefined : await readProvider(pool, id, session.workspaceId);
      const target = provider?.kind === 'oidc' ? await signIn.oidc.logoutUrl(provider, `${url}/sign-in`) : undefined;
      return { provider_url: target ?? null };
    },
  );
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

function notInvited({ email, active }: { readonly email: string; readonly active: boolean }): Failure {
  return active
    ? new Failure(
        409,
        'break_glass_only',
        `${email} is an account for emergencies.`,
        'It signs in with its passkey alone: POST /v1/break-glass/:person/invitations.',
      )
    : new Failure(409, 'person_inactive', `${email} is not active.`, 'Activate the person first.');
}
