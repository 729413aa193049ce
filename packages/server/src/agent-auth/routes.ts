/** The OAuth endpoints and the documents about them, in the shapes of the RFCs. */
import type { FastifyError, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Administrator, Api, ApiContext, FastifyRequest, Limits } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { administratorOf } from '../identity/index.ts';
import { LogOverloaded, LogUnavailable } from '../log/index.ts';
import { authenticateClient } from './assertion.ts';
import { newNonce } from './dpop.ts';
import { parseForm, required } from './form.ts';
import { KeySets } from './key-sets.ts';
import { resourceMetadata, serverMetadata } from './metadata.ts';
import { OAuthRefusal } from './refusal.ts';
import { introspect, revokeAccessToken } from './revoke.ts';
import { answerTokenRequest, type TokenEndpoint } from './token-endpoint.ts';

const tags = ['oauth'];
const form = z.string().max(65_536).prefault('');
const oauthError = z.object({ error: z.string(), error_description: z.string() });
const anything = z.looseObject({});

/** Behind what each request proves itself. */
export function oauthRoutes(limits: Limits): (api: Api, context: ApiContext) => void {
  return (api, context) => {
    const { pool, log, keys, config, url, clock, unregistered, path, browserSignIn } = context;
    const ends = { pool, log, pepper: keys.pepper, url };
    const keySets = new KeySets(config.upstream_allow);
    api.addHook('onRequest', limits.request);
    api.addHook('onRequest', async (_request, reply) => {
      reply.header('pragma', 'no-cache');
    });
    api.addHook('preParsing', async (request) => {
      if (request.method === 'POST' && !declaresForm(request))
        throw new OAuthRefusal('invalid_request', 'Content-Type must be application/x-www-form-urlencoded');
    });
    api.setErrorHandler(async (error: Error, request, reply) => {
      const refusal = refusalOf(error);
      if (refusal === undefined) {
        if (!(error instanceof LogUnavailable || error instanceof LogOverloaded))
          request.log.error({ err: error, request_id: request.id }, 'an OAuth request failed');
        return answer(reply.header('retry-after', '1'), 503, 'temporarily_unavailable', 'try again shortly');
      }
      // Those who guess, or try what they have found; the rest is how clients find out.
      if (GUESSES.has(refusal.error) && (await limits.failedLogin(request, reply, TOO_MANY)).status === 429)
        return answer(reply, 429, 'temporarily_unavailable', 'too many refused requests');
      if (refusal.agent !== undefined) {
        const { workspaceId, agentId, agent, owner, credentialId } = refusal.agent;
        const { message: reason, error: code } = refusal;
        const whose = { agent, agent_id: agentId, owner, token_id: credentialId };
        await log
          .record(workspaceId, { kind: 'token.refused', actor: 'system', ...whose, code, reason, src_ip: request.ip })
          // It stays refused.
          .catch((failed: unknown) => request.log.warn({ err: failed }, 'a refusal was not recorded'));
      }
      if (refusal.error === 'use_dpop_nonce') reply.header('dpop-nonce', newNonce(keys.state, clock()));
      if (refusal.status === 401) reply.header('www-authenticate', 'Bearer realm="hivekey"');
      return answer(reply, refusal.status, refusal.error, refusal.message);
    });

    api.post(
      '/oauth/token',
      {
        config: { token: true },
        schema: {
          tags,
          summary: 'Get an access token (RFC 6749, 7523, 7636, 8693, 8707, 9449)',
          description: 'The body is a form. See docs/reference/agent-auth.md for the grants.',
          body: form,
          response: {
            200: z.object({
              access_token: z.string(),
              token_type: z.enum(['Bearer', 'DPoP']),
              expires_in: z.int(),
              scope: z.string(),
              issued_token_type: z.string().optional(),
              refresh_token: z.string().optional(),
            }),
            400: oauthError,
            401: oauthError,
          },
        },
      },
      ({ body, headers: { dpop }, ip }) => {
        const endpoint: TokenEndpoint = {
          ...ends,
          stateKey: keys.state,
          keySets,
          browser: browserSignIn,
          note: (workload) => unregistered.noteUnregistered({ ...workload, kind: 'workload', source: ip }),
        };
        if (Array.isArray(dpop)) throw new OAuthRefusal('invalid_dpop_proof', 'there is more than one proof');
        return answerTokenRequest(endpoint, { form: parseForm(body), proof: dpop, nowMs: clock() });
      },
    );

    api.post(
      '/oauth/revoke',
      {
        config: { token: true },
        schema: {
          tags,
          summary: 'End an access token, or a connection by its refresh token (RFC 7009)',
          description: 'By the client that it was given to, or without client authentication by whoever holds it.',
          body: form,
          response: { 200: z.object({}), 400: oauthError, 401: oauthError },
        },
      },
      async ({ body }) => {
        const fields = parseForm(body);
        const by = fields.has('client_assertion')
          ? (await authenticateClient(pool, fields, url, clock())).credential
          : undefined;
        const workspaceId = await revokeAccessToken(ends, required(fields, 'token'), by, fields.get('client_id'));
        if (workspaceId !== undefined) path.invalidate(workspaceId);
        return {};
      },
    );

    api.post(
      '/oauth/introspect',
      {
        config: { token: true },
        // Before a body is read.
        onRequest: async (request) => {
          askers.set(request, await resourceServer(context, request));
        },
        schema: {
          tags,
          summary: 'Whether a token is live, and whose it is (RFC 7662)',
          description: 'For resource servers, with an admin key. A dead token is {"active": false} and nothing else.',
          security: [{ admin_key: [] }],
          body: form,
          response: { 200: anything, 400: oauthError, 401: oauthError },
        },
      },
      async (request) => {
        const asker = askers.get(request);
        if (asker === undefined) throw new Error('nobody was asked who asks');
        return introspect(ends, asker.workspaceId, required(parseForm(request.body), 'token'));
      },
    );
  };
}

const GUESSES: ReadonlySet<string> = new Set(['invalid_client', 'invalid_grant', 'invalid_dpop_proof']);
const TOO_MANY = new Failure(401, 'refused', 'The request was refused.', 'See error_description.');

function answer(reply: FastifyReply, status: number, error: string, description: string): FastifyReply {
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ error, error_description: description });
}

/** What the caller may be told; undefined for what is our fault. */
function refusalOf(error: Error): OAuthRefusal | undefined {
  if (error instanceof OAuthRefusal) return error;
  const { statusCode = 500 }: Partial<FastifyError> = error;
  const status = error instanceof Failure ? error.status : statusCode;
  return status >= 400 && status < 500 ? new OAuthRefusal('invalid_request', 'the request is not valid') : undefined;
}

const askers = new WeakMap<FastifyRequest, Administrator>();

async function resourceServer(context: ApiContext, request: FastifyRequest): Promise<Administrator> {
  try {
    if (request.headers.authorization === undefined)
      throw new OAuthRefusal('invalid_client', 'an admin key is missing');
    const administrator = await administratorOf(context, request);
    if (administrator.roles.length === 0) throw new OAuthRefusal('unauthorized_client', 'the key has no role');
    return administrator;
  } catch (error) {
    if (error instanceof Failure && error.status === 401)
      throw new OAuthRefusal('invalid_client', 'the key is not live');
    throw error;
  }
}

/** Read from what arrived: elsewhere a body is JSON whatever is declared. */
function declaresForm({ raw }: FastifyRequest): boolean {
  const types = raw.rawHeaders.filter((_, i) => i % 2 === 1 && raw.rawHeaders[i - 1]?.toLowerCase() === 'content-type');
  const [type = ''] = types;
  return types.length === 1 && /^application\/x-www-form-urlencoded\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type);
}

/** For everybody. */
export function oauthMetadataRoutes(api: Api, { url }: ApiContext): void {
  const summary = 'Protected resource metadata (RFC 9728)';
  const serve = (route: string, pathOf: (params: unknown) => string): void => {
    api.get(route, { schema: { tags, summary, response: { 200: anything } } }, async ({ params }) => {
      const found = resourceMetadata(url, pathOf(params));
      if (found === undefined)
        throw new Failure(404, 'resource_not_found', 'There is no such resource.', 'Ask for /mcp, /http or /v1.');
      return found;
    });
  };
  serve('/.well-known/oauth-protected-resource', () => '');
  for (const path of ['/mcp', '/http', '/v1']) serve(`/.well-known/oauth-protected-resource${path}`, () => path);
  serve('/.well-known/oauth-protected-resource/mcp/:namespace', (params) => {
    const read = z.object({ namespace: z.string() }).safeParse(params);
    return `/mcp/${read.success ? read.data.namespace : ''}`;
  });
  api.get(
    '/.well-known/oauth-authorization-server',
    { schema: { tags, summary: 'Authorization server metadata (RFC 8414)', response: { 200: anything } } },
    async () => serverMetadata(url),
  );
}
