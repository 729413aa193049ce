/** SCIM 2.0 over HTTP (RFC 7644): who asks, how often, and that every answer is SCIM's. */
import type { JsonValue } from '@hivekey/policy';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  type Api,
  type ApiContext,
  type FastifyRequest,
  failureOf,
  jsonObject,
  type Limits,
  type Routes,
} from '../api/route.ts';
import { Failure } from '../errors.ts';
import { credentialKind } from '../identity/index.ts';
import { agentEndpoint } from './agents.ts';
import { refused, serveBulk } from './bulk.ts';
import { groupEndpoint, userEndpoint } from './endpoint.ts';
import { errorBody, MethodRefused, ScimFailure, scimFailureOf } from './failure.ts';
import { Lane, Pace, TooMany } from './lane.ts';
import { type Provisioner, provisionerOf } from './provisioner.ts';
import { type Answer, type ScimRequest, type Service, serve } from './serve.ts';
import { noteTraffic, type Traffic } from './traffic.ts';

export const SCIM_PATH = '/scim/v2';
const MEDIA_TYPE = 'application/scim+json; charset=utf-8';
/** Operations of one connection in a minute. */
const OPERATIONS_PER_MINUTE = 1_200;
const BEARER = /^Bearer +(\S+)$/i;
const RESOURCES = new Map<string, Traffic['resource']>([
  ['Users', 'users'],
  ['Groups', 'groups'],
  ['Agents', 'agents'],
]);

const tags = ['scim'];
const error = z
  .object({ schemas: z.array(z.string()), status: z.string(), scimType: z.string().optional(), detail: z.string() })
  .meta({ id: 'ScimError', description: 'RFC 7644 section 3.12.' });
/** For the document; what is taken and answered is described by `/Schemas`. */
const DESCRIBED: readonly (readonly [
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  summary: string,
])[] = [
  ['GET', '/ServiceProviderConfig', 'What this SCIM server does'],
  ['GET', '/ResourceTypes', 'Its resource types'],
  ['GET', '/ResourceTypes/:id', 'A resource type'],
  ['GET', '/Schemas', 'Its schemas'],
  ['GET', '/Schemas/:id', 'A schema'],
  ['POST', '/Bulk', 'Several operations in one request'],
  ...['User', 'Group'].flatMap((name) => {
    const path = `/${name}s`;
    return [
      ['GET', path, `List or find ${name}s`],
      ['POST', path, `Create a ${name}`],
      ['POST', `${path}/.search`, `Find ${name}s`],
      ['GET', `${path}/:id`, `A ${name}`],
      ['PUT', `${path}/:id`, `Replace a ${name}`],
      ['PATCH', `${path}/:id`, `Change a ${name}`],
      ['DELETE', `${path}/:id`, `Delete a ${name}`],
    ] as const;
  }),
];

function answersOf(method: string, path: string): Readonly<Record<number, z.ZodType>> {
  if (method === 'DELETE') return { 204: z.undefined() };
  return method === 'POST' && !path.includes('.search') && path !== '/Bulk' ? { 201: jsonObject } : { 200: jsonObject };
}

/** Behind the token of a connection. */
export function scimRoutes(limits: Limits): Routes {
  return (api, context) => {
    const base = `${context.url}${SCIM_PATH}`;
    const service: Service = {
      base,
      documentation: `${context.url}/docs`,
      endpoints: [
        userEndpoint({ ...context, base }),
        groupEndpoint({ ...context, base }),
        ...(context.config.scim_agents ? [agentEndpoint({ ...context, base })] : []),
      ],
      lane: new Lane(),
    };
    const pace = new Pace(Math.min(context.config.requests_per_minute, OPERATIONS_PER_MINUTE), context.clock);
    const provisioners = authenticate(api, context, limits, pace);
    const failures = answerInScim(api);
    noteRequests(api, context, provisioners, failures);

    const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const who = provisioners.get(request);
      if (who === undefined) throw new Error('a SCIM request was not authenticated');
      const asked = requestOf(request);
      const answer =
        asked.path[0] === 'Bulk' && asked.path.length === 1 && asked.method === 'POST'
          ? await serveBulk(
              base,
              asked.body,
              (operations) => pace.count(who.directory, operations),
              (operation) => performed(context, service, who, operation),
            )
          : await serve(service, who, asked);
      return send(reply, answer);
    };
    for (const [method, path, summary] of DESCRIBED) {
      api.route({
        method,
        url: `${SCIM_PATH}${path}`,
        schema: {
          tags,
          summary,
          ...(path.includes(':id') ? { params: z.object({ id: z.string() }) } : {}),
          ...(method === 'GET' || method === 'DELETE' ? {} : { body: jsonObject }),
          response: { ...answersOf(method, path), default: error },
        },
        // Read and refused by ourselves, in SCIM's words.
        validatorCompiler: () => (value: unknown) => ({ value }),
        serializerCompiler: () => JSON.stringify,
        handler: async (request, reply) => {
          await handle(request, reply);
          return reply;
        },
      });
    }
    api.all(`${SCIM_PATH}/*`, { schema: { hide: true } }, handle);
    api.all(SCIM_PATH, { schema: { hide: true } }, handle);
  };
}

function requestOf(request: FastifyRequest): ScimRequest {
  const { headers, method } = request;
  const [path = ''] = request.url.split('?', 1);
  const query = new Map<string, JsonValue>();
  for (const [name, value] of Object.entries(request.query ?? {})) query.set(name.toLowerCase(), value);
  return {
    method,
    path: path
      .slice(SCIM_PATH.length + 1)
      .split('/')
      .filter((segment, at, all) => segment !== '' || at < all.length - 1)
      .map(decodeURIComponent),
    query,
    body: request.body as JsonValue | undefined,
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
  };
}

/** An operation of a bulk request: refused, it is an answer like the others. */
async function performed(
  { logger }: ApiContext,
  service: Service,
  who: Provisioner,
  operation: ScimRequest,
): Promise<Answer> {
  try {
    return await serve(service, who, operation);
  } catch (thrown) {
    const failure = scimFailure(thrown);
    if (failure.status === 500) logger.error({ err: thrown }, 'a SCIM bulk operation failed');
    return refused(failure);
  }
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  reply.code(status).headers(headers);
  if (body === undefined) return reply.send();
  return reply.type(MEDIA_TYPE).serializer(JSON.stringify).send(body);
}

/** Runs before a body is read. */
function authenticate(
  api: Api,
  { pool, keys }: ApiContext,
  limits: Limits,
  pace: Pace,
): WeakMap<FastifyRequest, Provisioner> {
  const provisioners = new WeakMap<FastifyRequest, Provisioner>();
  api.addHook('onRequest', async (request, reply) => {
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const who = credentialKind(token) === 'scim' ? await provisionerOf(pool, keys.pepper, token) : undefined;
    if (who === undefined)
      throw await limits.failedLogin(
        request,
        reply,
        new Failure(
          401,
          'scim_token_invalid',
          'The request has no live token of a SCIM connection.',
          'Send Authorization: Bearer hk_scim_…, from POST /v1/scim-connections or its rotation.',
        ),
      );
    provisioners.set(request, who);
    pace.count(who.directory, 1);
  });
  return provisioners;
}

function scimFailure(thrown: unknown): ScimFailure {
  if (thrown instanceof ScimFailure) return thrown;
  const failure = failureOf(thrown);
  if (failure !== undefined) return scimFailureOf(failure);
  return new ScimFailure(500, undefined, 'HiveKey failed at this request; its log has the details.');
}

/** Every failure in the form of RFC 7644 section 3.12. */
function answerInScim(api: Api): WeakMap<FastifyRequest, ScimFailure> {
  const failures = new WeakMap<FastifyRequest, ScimFailure>();
  api.setErrorHandler((thrown, request, reply) => {
    const failure = scimFailure(thrown);
    if (failure.status === 500) request.log.error({ err: thrown, request_id: request.id }, 'a SCIM request failed');
    failures.set(request, failure);
    if (failure instanceof TooMany) reply.header('retry-after', String(failure.retryAfterSeconds));
    else if (failure.status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', '1');
    if (failure instanceof MethodRefused) reply.header('allow', failure.allowed.join(', '));
    if (failure.status === 401) reply.header('www-authenticate', 'Bearer realm="hivekey"');
    return reply
      .code(failure.status)
      .type(MEDIA_TYPE)
      .serializer(JSON.stringify)
      .send(errorBody(failure.status, failure.message, failure.scimType));
  });
  return failures;
}

/** For the health of the connection. */
function noteRequests(
  api: Api,
  { pool, logger }: ApiContext,
  provisioners: WeakMap<FastifyRequest, Provisioner>,
  failures: WeakMap<FastifyRequest, ScimFailure>,
): void {
  api.addHook('onResponse', async (request) => {
    const who = provisioners.get(request);
    if (who === undefined) return;
    const [path = ''] = request.url.split('?', 1);
    const failure = failures.get(request);
    await noteTraffic(pool, who, {
      resource: RESOURCES.get(path.split('/')[3] ?? '') ?? 'other',
      isWrite: request.method !== 'GET' && !path.endsWith('/.search'),
      ...(failure === undefined
        ? {}
        : {
            error: {
              status: failure.status,
              scim_type: failure.scimType ?? null,
              detail: failure.message.slice(0, 500),
              request: `${request.method} ${path}`.slice(0, 200),
            },
          }),
    }).catch((error: unknown) => logger.debug({ err: error }, 'a SCIM request could not be counted'));
  });
}
