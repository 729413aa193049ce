/** The HTTP API: what holds for every route, and the routes in three groups by who may call them. */
import { fastifySwagger } from '@fastify/swagger';
import { type FastifyBaseLogger, fastify, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { authorizeRoutes } from '../agent-auth/browser/authorize-routes.ts';
import { browserSignInRoutes } from '../agent-auth/browser/routes.ts';
import { agentCredentialRoutes } from '../agent-auth/credential-routes.ts';
import { oauthMetadataRoutes, oauthRoutes } from '../agent-auth/routes.ts';
import { agentRequestRoutes } from '../agent-requests/routes.ts';
import { agentRoutes } from '../agents/routes.ts';
import { tokenRoutes } from '../agents/token-routes.ts';
import { alertRoutes } from '../alerts/routes.ts';
import { answerRoutes } from '../answers/routes.ts';
import { approvalRoutes } from '../approvals/routes.ts';
import { blastRadiusRoutes } from '../blast-radius/routes.ts';
import { breakerRoutes } from '../breakers/routes.ts';
import { budgetRoutes } from '../budgets/routes.ts';
import { capabilityRoutes } from '../capabilities/routes.ts';
import { changeRoutes } from '../changes/routes.ts';
import { changeSettingsRoutes } from '../changes/settings-routes.ts';
import { channelRoutes, slackRoutes } from '../channels/routes.ts';
import { quarantineRoutes } from '../containment/quarantine-routes.ts';
import { containmentRoutes } from '../containment/routes.ts';
import { containmentSettingsRoutes } from '../containment/settings-routes.ts';
import { delegationRoutes } from '../delegations/routes.ts';
import { ownershipRoutes } from '../departures/ownership-routes.ts';
import { transferTaskRoutes } from '../departures/routes.ts';
import { detectionRoutes } from '../detections/routes.ts';
import { detectionTestRoutes } from '../detections/test-routes.ts';
import { driftRoutes } from '../drift/routes.ts';
import { drillRoutes } from '../drills/routes.ts';
import { installBoundary } from '../engagements/index.ts';
import { engagementRoutes } from '../engagements/routes.ts';
import { engagementWorkRoutes } from '../engagements/work-routes.ts';
import { Failure } from '../errors.ts';
import { evidenceRoutes } from '../evidence/routes.ts';
import { evidenceBundleRoutes, evidenceKeyRoutes } from '../evidence-bundles/routes.ts';
import { freezeRoutes } from '../freezes/routes.ts';
import { actionRoutes } from '../gateway/actions/routes.ts';
import { authzenDiscoveryRoutes, authzenRoutes } from '../gateway/authzen/routes.ts';
import { HostGuard } from '../gateway/host-guard.ts';
import { groupRoutes } from '../groups/routes.ts';
import { httpApiRoutes } from '../http-apis/routes.ts';
import { isHttps } from '../identity/index.ts';
import { keyRoutes, sessionListRoutes, sessionRoutes, signInRoutes } from '../identity/routes.ts';
import { incidentRoutes } from '../incidents/routes.ts';
import { leastPrivilegeRoutes } from '../least-privilege/routes.ts';
import { matrixRoutes } from '../matrix/routes.ts';
import { breakGlassRoutes, openPasskeyRoutes } from '../passkeys/break-glass-routes.ts';
import { passkeyRoutes } from '../passkeys/routes.ts';
import { groupRoleRoutes } from '../people/role-routes.ts';
import { peopleRoutes } from '../people/routes.ts';
import { policyRoutes } from '../policies/routes.ts';
import { policyCodeRoutes } from '../policy-code/routes.ts';
import { policyTestRoutes, previewRoutes } from '../previews/routes.ts';
import { queryRoutes } from '../queries/routes.ts';
import { readinessRoutes } from '../readiness/routes.ts';
import { segregationRoutes } from '../readiness/segregation-routes.ts';
import { disposalRoutes } from '../retention/disposal-routes.ts';
import { holdRoutes } from '../retention/hold-routes.ts';
import { retentionRoutes } from '../retention/routes.ts';
import { reviewItemRoutes } from '../reviews/item-routes.ts';
import { reviewRoutes } from '../reviews/routes.ts';
import { riskRoutes, securityEventRoutes } from '../risks/routes.ts';
import { workspaceGuardRoutes } from '../roles/guard-routes.ts';
import { roleRoutes } from '../roles/routes.ts';
import { samlProviderRoutes } from '../saml/provider-routes.ts';
import { openSamlRoutes } from '../saml/routes.ts';
import { sampleRoutes } from '../samples/routes.ts';
import { scimConnectionRoutes } from '../scim/connection-routes.ts';
import { scimRoutes } from '../scim/routes.ts';
import { sinkRoutes } from '../siem/routes.ts';
import { invitationRoutes } from '../sign-in/invitation-routes.ts';
import { openSignInRoutes } from '../sign-in/open-routes.ts';
import { identityProviderRoutes, signInSettingsRoutes } from '../sign-in/routes.ts';
import { providerSessionRoutes } from '../sign-in/session-routes.ts';
import { sourceRoutes } from '../sources/routes.ts';
import { tieOutRoutes } from '../tie-outs/routes.ts';
import { unregisteredRoutes } from '../unregistered/routes.ts';
import { secretRoutes } from '../upstreams/secret-routes.ts';
import { versionRoutes } from '../versions/routes.ts';
import { workspaceRoutes } from '../workspace/routes.ts';
import { decorateAdministrator, requireAdministrator } from './administrator.ts';
import { auditRoutes } from './audit.ts';
import { installBodyParser } from './bodies.ts';
import { installConsole } from './console.ts';
import type { Api, ApiContext, Routes } from './context.ts';
import { docsRoutes } from './docs-page.ts';
import { answerFailure } from './failures.ts';
import { forgetIdempotencyKeys, installIdempotency } from './idempotency.ts';
import { createLimits } from './limits.ts';
import { mcpServerRoutes } from './mcp-servers.ts';
import { documentRoutes, documentSecurity, openApiOptions } from './openapi.ts';
import { permissionRoutes } from './permission-routes.ts';
import { installPermissions } from './permissions.ts';
import { installProtocol, requestIdOf } from './protocol.ts';
import { healthRoutes, type SystemState, systemRoutes } from './system.ts';
import { webhookRoutes } from './webhooks.ts';

/** Behind an admin key or a console session. */
const MANAGEMENT: readonly Routes[] = [
  sessionRoutes,
  sessionListRoutes,
  permissionRoutes,
  keyRoutes,
  workspaceRoutes,
  identityProviderRoutes,
  invitationRoutes,
  samlProviderRoutes,
  signInSettingsRoutes,
  providerSessionRoutes,
  passkeyRoutes,
  breakGlassRoutes,
  peopleRoutes,
  groupRoleRoutes,
  groupRoutes,
  scimConnectionRoutes,
  transferTaskRoutes,
  ownershipRoutes,
  agentRoutes,
  agentRequestRoutes,
  unregisteredRoutes,
  tokenRoutes,
  agentCredentialRoutes,
  browserSignInRoutes,
  roleRoutes,
  matrixRoutes,
  workspaceGuardRoutes,
  capabilityRoutes,
  policyTestRoutes,
  previewRoutes,
  policyRoutes,
  versionRoutes,
  driftRoutes,
  policyCodeRoutes,
  budgetRoutes,
  blastRadiusRoutes,
  leastPrivilegeRoutes,
  freezeRoutes,
  sourceRoutes,
  riskRoutes,
  containmentRoutes,
  containmentSettingsRoutes,
  drillRoutes,
  quarantineRoutes,
  breakerRoutes,
  approvalRoutes,
  changeRoutes,
  changeSettingsRoutes,
  delegationRoutes,
  mcpServerRoutes,
  httpApiRoutes,
  secretRoutes,
  auditRoutes,
  queryRoutes,
  readinessRoutes,
  segregationRoutes,
  retentionRoutes,
  holdRoutes,
  disposalRoutes,
  alertRoutes,
  detectionRoutes,
  detectionTestRoutes,
  incidentRoutes,
  reviewRoutes,
  reviewItemRoutes,
  engagementRoutes,
  engagementWorkRoutes,
  sampleRoutes,
  tieOutRoutes,
  evidenceRoutes,
  answerRoutes,
  evidenceBundleRoutes,
  webhookRoutes,
  channelRoutes,
  sinkRoutes,
];
/** Behind an agent token, which each of them checks through the path. */
const AGENTS: readonly Routes[] = [actionRoutes, authzenRoutes];
/** For everybody. */
const OPEN: readonly Routes[] = [
  documentRoutes,
  docsRoutes,
  authzenDiscoveryRoutes,
  oauthMetadataRoutes,
  evidenceKeyRoutes,
];

const UPKEEP_EVERY_MS = 3_600_000;

/** Host names served beside localhost, as the MCP entrance knows them too. */
export function servedHosts({ config, url }: Pick<ApiContext, 'config' | 'url'>): readonly string[] {
  return [new URL(url).host, config.host, ...config.allowed_hosts].map((host) => host.toLowerCase());
}

/** The API, ready to serve requests with `api.routing`. */
export async function createApi(context: ApiContext, state: SystemState): Promise<Api> {
  const logger: FastifyBaseLogger = context.logger;
  const api: Api = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: context.config.body_limit_bytes,
    routerOptions: { maxParamLength: 512 },
    exposeHeadRoutes: false,
    requestIdHeader: false,
    // A target that cannot be read never reaches a route, nor the error handler.
    frameworkErrors: answerFailure,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
  });
  api.setValidatorCompiler<z.ZodType>((route) => {
    const validate = validatorCompiler(route);
    // Fastify gives null for a body that is absent; a schema that has a default takes undefined.
    return route.httpPart === 'body' ? (body: unknown) => validate(body === null ? undefined : body) : validate;
  });
  api.setSerializerCompiler(serializerCompiler);
  api.setErrorHandler(answerFailure);
  installProtocol(api, {
    guard: new HostGuard(servedHosts(context)),
    allowedOrigins: new Set(servedHosts(context)),
    isHttps: isHttps(context),
  });
  installBodyParser(api);
  decorateAdministrator(api);
  api.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    context.metrics.http(route, reply.statusCode, reply.elapsedTime / 1000);
    request.log.debug({ method: request.method, route, status: reply.statusCode, ms: reply.elapsedTime }, 'answered');
  });
  const limits = await createLimits(api, context.config.requests_per_minute, isHttps(context));
  await api.register(fastifySwagger, openApiOptions(context));

  await api.register(async (group: Api) => {
    documentSecurity(group, 'admin_key');
    requireAdministrator(group, context, limits);
    const permissions = installPermissions(group);
    installBoundary(group, context);
    installIdempotency(group, {
      pool: context.pool,
      key: context.keys.state,
      callerOf: ({ administrator: { workspaceId, credentialId } }) => ({ workspaceId, actor: credentialId }),
    });
    for (const routes of [...MANAGEMENT, systemRoutes(state)]) routes(group, context);
    permissions.check();
  });
  await api.register(async (group: Api) => {
    documentSecurity(group, 'agent_token');
    group.addHook('onRequest', limits.request);
    for (const routes of AGENTS) routes(group, context);
  });
  await api.register(async (group: Api) => {
    oauthRoutes(limits)(group, context);
  });
  await api.register(async (group: Api) => {
    documentSecurity(group, 'scim_token');
    scimRoutes(limits)(group, context);
  });
  await api.register(async (group: Api) => {
    group.addHook('onRequest', limits.request);
    securityEventRoutes(group, context);
    slackRoutes(group, context);
  });
  await api.register(async (group: Api) => {
    for (const routes of [
      ...OPEN,
      healthRoutes(state),
      signInRoutes(limits),
      openSignInRoutes(limits),
      openPasskeyRoutes(limits),
      openSamlRoutes(limits),
      authorizeRoutes(limits),
    ])
      routes(group, context);
  });
  const upkeep = setInterval(
    () =>
      forgetIdempotencyKeys(context.pool).catch((error: unknown) =>
        context.logger.debug({ err: error }, 'upkeep failed'),
      ),
    UPKEEP_EVERY_MS,
  ).unref();
  api.addHook('onClose', async () => clearInterval(upkeep));
  const servePage = await installConsole(api);
  api.setNotFoundHandler((request, reply) => {
    if (!servePage(request, reply)) answerFailure(notFound(request.method, request.url), request, reply);
  });
  await api.ready();
  return api;
}

function notFound(method: string, url: string): Failure {
  return new Failure(
    404,
    'route_not_found',
    `There is no ${method} ${url.split('?', 1)[0]}.`,
    'See /docs for the routes.',
  );
}
