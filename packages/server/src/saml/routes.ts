/** What a SAML provider, and the browsers that it sends, come to. There is no session yet. */
import { z } from 'zod';
import type { ApiContext, FastifyRequest, Limits, Routes } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { deviceOf, isHttps } from '../identity/index.ts';
import type { SessionId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import {
  acceptOnce,
  answerRefused,
  answerSignedIn,
  type IdentityProvider,
  type PendingSignIn,
  readActiveProvider,
  recordRefusal,
  refusalRecord,
  signInWith,
  takePending,
} from '../sign-in/index.ts';
import { CLOCK_SKEW_MS } from './assertion.ts';
import { type LogoutRequest, logoutAnswer, readLogoutRequest } from './logout.ts';
import { ownAddresses, ownMetadata } from './metadata.ts';
import { malformed, replayed, unsolicited } from './refusals.ts';
import { createSaml } from './saml.ts';
import { storedSamlSettings } from './settings.ts';

const tags = ['sign-in'];
const params = z.strictObject({ provider: z.string().max(64) });
/** A form, percent-encoded, with the largest message in base64. */
const MAX_FORM_BYTES = 512 * 1024;

export function openSamlRoutes(limits: Limits): Routes {
  return (api, context) => {
    const { pool, keys, log, url, clock } = context;
    const secure = isHttps(context);
    const saml = createSaml(url);

    api.get(
      '/v1/sign-in/:provider/metadata',
      {
        schema: {
          tags,
          summary: 'What a SAML provider is told of HiveKey',
          security: [],
          params,
          response: { 200: z.string().meta({ description: 'XML.' }) },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const { id } = await readActiveProvider(pool, request.params.provider, 'saml');
        return reply.type('application/samlmetadata+xml').send(ownMetadata(ownAddresses(url, id)));
      },
    );

    api.post(
      '/v1/sign-in/:provider/acs',
      {
        config: { token: true, anyOrigin: true },
        bodyLimit: MAX_FORM_BYTES,
        schema: {
          tags,
          summary: 'Assertion consumer service: a SAML provider has a browser post its answer here',
          description: 'The body is `SAMLResponse=…&RelayState=…`, as a form.',
          security: [],
          params,
          body: z.string(),
          response: { 303: z.void() },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        try {
          const provider = await readActiveProvider(pool, request.params.provider, 'saml');
          const { response, relayState } = formOf(request.body);
          const pending = await pendingOf(context, request, provider, relayState, secure);
          const verified = await saml
            .finish(provider, response, pending ?? undefined, clock())
            .catch((error: unknown) =>
              // Of what nobody asked for anything may be posted by anybody: it leaves no record until it is verified.
              pending === null ? Promise.reject(error) : refuse(context, provider, pending, error),
            );
          const begun = pending ?? unasked(provider, new Date(clock()));
          const completed = await log.transact(provider.workspaceId, async (transaction) => {
            if (await isFirstUse(transaction, provider, verified.assertionId, verified.refusedFrom))
              return signInWith(transaction, keys.pepper, begun, verified, deviceOf(request));
            const failure = replayed();
            recordRefusal(transaction, begun, verified, failure);
            return { kind: 'refused' as const, failure };
          });
          if (completed.kind === 'refused') throw completed.failure;
          return answerSignedIn(reply, completed.session, begun.returnTo, secure);
        } catch (error) {
          return answerRefused(
            reply,
            error instanceof Failure ? await limits.failedLogin(request, reply, error) : error,
          );
        }
      },
    );

    api.get(
      '/v1/sign-in/:provider/logout',
      {
        schema: {
          tags,
          summary: 'Single logout: a SAML provider ends sessions here, by the redirect binding',
          security: [],
          params,
          querystring: z.looseObject({}),
          response: { 303: z.void() },
        },
      },
      async (request, reply) => {
        await limits.request(request, reply);
        const provider = await readActiveProvider(pool, request.params.provider, 'saml');
        const settings = storedSamlSettings.parse(provider.settings);
        const { entityId, logoutUrl } = ownAddresses(url, provider.id);
        const [, query = ''] = request.url.split('?', 2);
        const asked = readLogoutRequest(query, {
          issuer: provider.issuer,
          destination: logoutUrl,
          certificates: settings.certificates,
          nowMs: clock(),
        });
        await log.transact(provider.workspaceId, async (transaction) => {
          if (!(await isFirstUse(transaction, provider, asked.id, asked.refusedFrom))) throw replayed();
          await endSessions(transaction, provider, asked, settings.subject_attribute === null);
        });
        if (settings.logout_url === null) return reply.redirect('/sign-in', 303);
        const target = logoutAnswer(settings.logout_url, {
          id: `_${request.id.replace(/[^A-Za-z0-9]/g, '')}`,
          issuer: entityId,
          inResponseTo: asked.id,
          relayState: asked.relayState,
          now: new Date(clock()),
        });
        return reply.redirect(target, 303);
      },
    );
  };
}

function formOf(body: string): { readonly response: string; readonly relayState: string | undefined } {
  const form = new URLSearchParams(body);
  const [response, ...responses] = form.getAll('SAMLResponse');
  const [relayState, ...relayStates] = form.getAll('RelayState');
  if (response === undefined || responses.length + relayStates.length > 0)
    throw malformed('the form does not have one SAMLResponse and at most one RelayState');
  return { response, relayState };
}

/** What this browser began with that RelayState. Null: nothing, and the provider may begin by itself. */
async function pendingOf(
  { pool, keys }: Pick<ApiContext, 'pool' | 'keys'>,
  request: Pick<FastifyRequest, 'headers'>,
  provider: IdentityProvider,
  relayState: string | undefined,
  secure: boolean,
): Promise<PendingSignIn | null> {
  const { idp_initiated: mayBeUnasked } = storedSamlSettings.parse(provider.settings);
  if (relayState === undefined || relayState === '') {
    if (mayBeUnasked) return null;
    throw unsolicited();
  }
  return takePending(pool, keys.pepper, request, relayState, provider.id, secure).catch((error: unknown) => {
    // A provider that begins by itself sends a RelayState of its own; where we go is not its choice.
    if (mayBeUnasked && error instanceof Failure) return null;
    throw error;
  });
}

function unasked({ workspaceId, id }: IdentityProvider, createdAt: Date): PendingSignIn {
  return {
    workspaceId,
    providerId: id,
    purpose: 'sign_in',
    sessionId: null,
    invitationId: null,
    returnTo: '/',
    expected: {},
    createdAt,
  };
}

async function refuse(
  { log }: Pick<ApiContext, 'log'>,
  provider: IdentityProvider,
  pending: PendingSignIn,
  error: unknown,
): Promise<never> {
  // Anybody may begin and answer with anything: nothing else of the workspace waits for that.
  if (error instanceof Failure)
    await log.record(provider.workspaceId, refusalRecord(pending, { issuer: provider.issuer }, error));
  throw error;
}

/** Remembered for longer than it is accepted, by whichever of the clocks. */
function isFirstUse(
  transaction: LoggedTransaction,
  { workspaceId, id }: IdentityProvider,
  messageId: string,
  refusedFrom: Date,
): Promise<boolean> {
  const expiresAt = new Date(refusedFrom.getTime() + 2 * CLOCK_SKEW_MS);
  return acceptOnce(transaction, workspaceId, { kind: 'saml_message', issuer: id, id: messageId, expiresAt });
}

/** `isNamed`: people are known by their NameID, so that a request without a session index can find them. */
async function endSessions(
  { client, log }: LoggedTransaction,
  { workspaceId, id }: IdentityProvider,
  { subject, sessionIndexes }: LogoutRequest,
  isNamed: boolean,
): Promise<void> {
  const { rows } = await client.query<{ id: SessionId; person: string }>(
    `DELETE FROM console_sessions s USING people p, person_identities i
      WHERE s.workspace_id = $1 AND s.provider_id = $2 AND p.workspace_id = s.workspace_id AND p.id = s.person_id
        AND i.workspace_id = s.workspace_id AND i.id = s.identity_id
        AND CASE WHEN cardinality($3::text[]) > 0 THEN s.provider_session = ANY ($3) ELSE $5 END
        AND (NOT $5 OR i.subject = $4)
     RETURNING s.id, p.email AS person`,
    [workspaceId, id, sessionIndexes, subject, isNamed],
  );
  for (const { id: session, person } of rows)
    log({ kind: 'session.ended', actor: 'system', session, person, reason: 'provider_logout', provider_id: id });
}
