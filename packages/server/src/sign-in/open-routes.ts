/** The way in by an identity provider, before there is a session. Browsers come here by links and redirects. */
import { z } from 'zod';
import type { Limits, Routes } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { deviceOf, isHttps, sessionIdOf } from '../identity/index.ts';
import type { SessionId, WorkspaceId } from '../ids.ts';
import { answerRefused, answerSignedIn } from './answer.ts';
import { beginSignIn } from './begin.ts';
import { signInWith } from './complete.ts';
import { findInvitation } from './invitations.ts';
import { storedOidcSettings } from './oidc/settings.ts';
import { takePending } from './pending.ts';
import { listProviders, PROVIDER_KINDS, readActiveProvider, readProvider } from './provider.ts';
import { refusalRecord } from './refusals.ts';

const tags = ['sign-in'];
const params = z.strictObject({ provider: z.string().max(64) });
const answered = z.string().max(4096).optional();

const waysSchema = z
  .object({
    object: z.literal('sign_in'),
    providers: z.array(z.object({ id: z.string(), name: z.string(), kind: z.enum(PROVIDER_KINDS) })),
    break_glass: z.boolean().meta({ description: 'There are accounts for emergencies, which sign in with a passkey.' }),
    engagements: z.boolean().meta({ description: 'People of an audit firm are let in, who sign in with a passkey.' }),
  })
  .meta({ id: 'SignIn' });

export function openSignInRoutes(limits: Limits): Routes {
  return (api, context) => {
    const { pool, keys, log, url, signIn } = context;
    const secure = isHttps(context);

    /** Of the cookie; null when there is none, or none that lives. */
    async function sessionOf(request: Parameters<typeof sessionIdOf>[0]): Promise<SessionId | null> {
      const cookie = sessionIdOf(request, secure);
      return cookie === undefined ? null : ((await signIn.sessionIdOfCookie(cookie)) ?? null);
    }

    api.get(
      '/v1/sign-in',
      { schema: { tags, summary: 'How people sign in here', security: [], response: { 200: waysSchema } } },
      async (request, reply) => {
        await limits.request(request, reply);
        const { rows } = await pool.query<{ id: WorkspaceId; breakGlass: boolean; engagements: boolean }>(
          `SELECT w.id, EXISTS (SELECT FROM people p JOIN passkeys k ON k.workspace_id = p.workspace_id AND k.person_id = p.id
                                 WHERE p.workspace_id = w.id AND p.break_glass AND p.active AND k.revoked_at IS NULL) AS "breakGlass",
                  EXISTS (SELECT FROM engagements e WHERE e.workspace_id = w.id AND e.ended_at IS NULL
                             AND e.expires_at > clock_timestamp()) AS engagements
             FROM workspaces w ORDER BY w.created_at, w.id LIMIT 1`,
        );
        const [workspace] = rows;
        const providers = workspace === undefined ? [] : await listProviders(pool, workspace.id);
        return {
          object: 'sign_in' as const,
          providers: providers.filter(({ active }) => active).map(({ id, name, kind }) => ({ id, name, kind })),
          break_glass: workspace?.breakGlass === true,
          engagements: workspace?.engagements === true,
        };
      },
    );

    api.post(
      '/v1/sign-in/:provider/start',
      {
        schema: {
          tags,
          summary: 'Begin to sign in at an identity provider',
          description: 'Sets the cookie that the browser must bring back, and answers where it is to go.',
          security: [],
          params,
          body: z
            .strictObject({
              return_to: z.string().max(1024).optional(),
              invitation: z
                .string()
                .max(128)
                .optional()
                .meta({ description: 'Of the link that the person was given.' }),
            })
            .prefault({}),
          response: { 200: z.object({ url: z.string() }) },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const { provider: id } = request.params;
        const { return_to: returnTo, invitation } = request.body;
        const provider = await readActive(id);
        const invited =
          invitation === undefined
            ? undefined
            : await findInvitation(pool, keys.pepper, invitation, 'identity').catch(async (error: unknown) => {
                throw error instanceof Failure ? await limits.failedLogin(request, reply, error) : error;
              });
        const { cookie, url: target } = await beginSignIn(context, signIn.protocols, request, provider, {
          purpose: 'sign_in',
          returnTo,
          sessionId: await sessionOf(request),
          invitationId: invited?.id ?? null,
        });
        reply.header('set-cookie', cookie);
        return { url: target };
      },
    );

    api.get(
      '/v1/sign-in/:provider/initiate',
      {
        schema: {
          tags,
          summary: 'Sign-in that begins at the provider (OpenID Connect Core 4)',
          security: [],
          params,
          querystring: z.object({
            iss: answered,
            login_hint: z.string().max(256).optional(),
            target_link_uri: answered,
          }),
          response: { 303: z.void() },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const { iss, login_hint: loginHint, target_link_uri: target } = request.query;
        try {
          const provider = await readActiveProvider(pool, request.params.provider, 'oidc');
          if (iss !== provider.issuer) throw otherIssuer();
          const begun = await beginSignIn(context, signIn.protocols, request, provider, {
            purpose: 'sign_in',
            returnTo: pathOfOurs(url, target),
            sessionId: await sessionOf(request),
            invitationId: null,
            loginHint,
          });
          return reply.header('set-cookie', begun.cookie).redirect(begun.url, 303);
        } catch (error) {
          return answerRefused(reply, error);
        }
      },
    );

    api.get(
      '/v1/sign-in/:provider/callback',
      {
        schema: {
          tags,
          summary: 'Where an OpenID provider sends the browser back to',
          security: [],
          params,
          querystring: z.looseObject({ state: answered }),
          response: { 303: z.void() },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const { state = '' } = request.query;
        try {
          const provider = await readActiveProvider(pool, request.params.provider, 'oidc');
          const pending = await takePending(pool, keys.pepper, request, state, provider.id, secure);
          const query = request.url.slice(request.url.indexOf('?'));
          const verified = await signIn.oidc.finish(provider, state, query, pending).catch(async (error: unknown) => {
            if (error instanceof Failure)
              await log.record(provider.workspaceId, refusalRecord(pending, { issuer: provider.issuer }, error));
            throw error;
          });
          const completed = await log.transact(provider.workspaceId, (transaction) =>
            signInWith(transaction, keys.pepper, pending, verified, deviceOf(request)),
          );
          if (completed.kind === 'refused') throw completed.failure;
          return answerSignedIn(reply, completed.session, pending.returnTo, secure);
        } catch (error) {
          return answerRefused(reply, error);
        }
      },
    );

    api.post(
      '/v1/sign-in/:provider/backchannel-logout',
      {
        config: { token: true },
        schema: {
          tags,
          summary: 'Back-channel logout: the provider ends sessions here',
          description: 'The body is `logout_token=…`, as a form.',
          security: [],
          params,
          body: z.string().max(65_536),
          response: { 200: z.object({ sessions_ended: z.int() }) },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const token = new URLSearchParams(request.body).get('logout_token') ?? '';
        const provider = await readActiveProvider(pool, request.params.provider, 'oidc');
        return { sessions_ended: await signIn.logout.take(provider, token) };
      },
    );

    api.get(
      '/v1/sign-in/:provider/jwks',
      {
        schema: {
          tags,
          summary: 'The public key with which HiveKey authenticates itself to an OpenID provider',
          security: [],
          params,
          response: { 200: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }) },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const provider = await readActiveProvider(pool, request.params.provider, 'oidc');
        const { public_key: key } = storedOidcSettings.parse(provider.settings);
        return { keys: key === null ? [] : [key] };
      },
    );

    async function readActive(id: string) {
      const { kind } = await readProvider(pool, id);
      return readActiveProvider(pool, id, kind);
    }
  };
}

function otherIssuer(): Failure {
  return new Failure(
    400,
    'sign_in_other_issuer',
    'The sign-in was begun for another issuer than that of this provider.',
    'Have the provider send the browser to the initiate_login_uri of its own registration.',
  );
}

/** The path of an address of ours; of any other, nothing. */
function pathOfOurs(url: string, target: string | undefined): string | undefined {
  const parsed = target === undefined ? null : URL.parse(target);
  return parsed?.origin === url ? `${parsed.pathname}${parsed.search}` : undefined;
}
