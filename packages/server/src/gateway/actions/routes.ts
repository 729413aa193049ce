/** `/v1/actions`: agents whose tools are not MCP ask, act themselves, and say what became of it. */

import type { JsonObject } from '@hivekey/policy';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { findTokenHolder, type TokenHolder } from '../../agents/index.ts';
import {
  type Api,
  type ApiContext,
  errorSchema,
  type FastifyRequest,
  installIdempotency,
  jsonObject,
  listOf,
  wholeList,
} from '../../api/route.ts';
import { Failure } from '../../errors.ts';
import { credentialKind, lookupHmac } from '../../identity/index.ts';
import type { Held, Outcome, Permit } from '../../path/index.ts';
import type { Permits } from '../../permits/index.ts';
import {
  agentOf,
  authenticateAgent,
  bearerOf,
  refuseStrangers,
  requireAgent,
  unauthenticated,
  unavailable,
} from './agent.ts';
import { decisionSchema, decisionView, refusalBody, refusalSchema } from './answers.ts';
import {
  agentApprovalSchema,
  agentApprovalView,
  approvalNotFound,
  goneSignal,
  overFailure,
  patienceOf,
  settleHeld,
  ticketSchema,
  ticketView,
  undecided,
} from './approvals.ts';
import { type Asked, resolveOwn } from './resolve.ts';
import { OwnTools } from './tools.ts';

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

const runId = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'is not 1 to 128 printable ASCII characters without spaces');

const actionBody = z.strictObject({
  action: z.string().min(1).max(256).meta({ description: 'payments.pay; payments_pay means the same.' }),
  arguments: jsonObject.default({}),
  session_id: runId.optional(),
  run_id: runId.optional(),
});

const allowedSchema = z
  .object({
    object: z.literal('action'),
    id: z.string(),
    verdict: z.literal('allow'),
    permit: z.object({ id: z.string(), expires_at: z.int() }),
    decision: decisionSchema,
  })
  .meta({ id: 'AllowedAction' });
const heldSchema = z
  .object({
    object: z.literal('action'),
    id: z.string(),
    verdict: z.literal('review'),
    permit: z.null(),
    approval: ticketSchema,
    decision: decisionSchema,
  })
  .meta({ id: 'HeldAction' });

const outcomeBody = z.strictObject({
  result: z.enum(['success', 'error', 'unknown', 'not_attempted']),
  code: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'is not 1 to 64 letters, digits, dots, hyphens and underscores')
    .optional(),
  duration_ms: z.int().min(0).max(2_147_483_647).optional(),
  reference: z.string().min(1).max(256).optional().meta({ description: 'By which the tool itself knows the call.' }),
});
const outcomeSchema = z
  .object({ object: z.literal('action_outcome'), permit: z.string(), result: outcomeBody.shape.result })
  .meta({ id: 'ActionOutcome' });

const toolSchema = z
  .object({
    object: z.literal('action_capability'),
    name: z.string(),
    description: z.string(),
    access: z.enum(['read', 'write']),
    destructive: z.boolean(),
    input_schema: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: 'ActionCapability' });

export function actionRoutes(api: Api, context: ApiContext): void {
  const tools = new OwnTools(context.pool);
  api.register(async (group: Api) => askRoutes(group, context, tools));
  api.register(async (group: Api) => outcomeRoutes(group, context));
}

/** What is tried, for the record of an attempt with a dead token. The body has not been checked yet. */
function triedBy({ body, routeOptions }: FastifyRequest): string {
  const isNamed = typeof body === 'object' && body !== null && 'action' in body && typeof body.action === 'string';
  return isNamed && 'action' in body ? String(body.action) : (routeOptions.url ?? '');
}

function askRoutes(api: Api, context: ApiContext, tools: OwnTools): void {
  const { path, permits, clock } = context;
  requireAgent(api, context, triedBy);
  installIdempotency(api, {
    pool: context.pool,
    key: context.keys.state,
    callerOf: (request) => {
      const { workspaceId, agentId } = agentOf(request).principal;
      return { workspaceId, actor: agentId };
    },
  });

  api.post(
    '/v1/actions',
    {
      schema: {
        summary: 'Ask for an action that the agent runs itself',
        description:
          'Decides and records. An allowed action comes with a permit: act before it expires, then report the outcome. A held one waits for people, at most 25 s (`Prefer: wait=5`, `respond-async`); the same request again attaches to its approval.',
        tags: ['actions'],
        body: actionBody,
        response: { 200: allowedSchema, 202: heldSchema, 401: errorSchema, 403: refusalSchema, 503: errorSchema },
      },
    },
    async (request, reply) => {
      const { token, principal } = agentOf(request);
      const asked = askedBy(request, request.body, clock());
      const authorization = await path.authorize(token, principal, (current) =>
        resolveOwn(path, tools, current, asked),
      );
      switch (authorization.kind) {
        case 'unauthenticated':
          throw unauthenticated(authorization.code);
        case 'unavailable':
          throw unavailable(authorization.code);
        case 'held':
          return answerHeld(context, tools, request, reply, asked, authorization);
        case 'refused': {
          const { retryAfterSeconds } = authorization.decision;
          if (retryAfterSeconds !== undefined)
            reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfterSeconds))));
          return reply.code(403).send(refusalBody(authorization, request.id));
        }
        case 'permit':
          return reply.send(await issue(permits, authorization));
      }
    },
  );

  api.get(
    '/v1/actions/approvals/:id',
    {
      schema: {
        summary: 'What became of a held action',
        description: 'Once it is approved, send the same request to POST /v1/actions again to get the permit.',
        tags: ['actions'],
        params: z.strictObject({ id: z.string().max(64) }),
        response: { 200: agentApprovalSchema, 401: errorSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const { workspaceId, agentId } = agentOf(request).principal;
      const { id } = request.params;
      const approval = await context.approvals.look(workspaceId, agentId, id);
      if (approval === undefined) throw approvalNotFound(id);
      return agentApprovalView(approval, context.url);
    },
  );

  api.get(
    '/v1/actions/capabilities',
    {
      schema: {
        summary: 'What this agent may ask for',
        tags: ['actions'],
        response: { 200: listOf(toolSchema), 401: errorSchema },
      },
    },
    async (request) => {
      const { principal } = agentOf(request);
      const policy = await path.policy(principal.workspaceId);
      const granted = policy.granted(principal.roles);
      const known = await tools.of(principal.workspaceId, policy);
      return wholeList(
        [...known.values()]
          .filter(({ name, ofServer }) => granted.has(name) && !ofServer)
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ name, description, access, destructive, inputSchema }) => ({
            object: 'action_capability' as const,
            name,
            description,
            access,
            destructive,
            input_schema: inputSchema,
          })),
      );
    },
  );
}

/** Waits for people as long as the caller likes; then the permit, or what is known. */
async function answerHeld(
  context: ApiContext,
  tools: OwnTools,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: Asked,
  held: Held,
) {
  const { path, permits, approvals } = context;
  const { token, principal } = agentOf(request);
  const { approval: ticket, eventId, decision } = held;
  // Every action of an agent's own tool can wait.
  if (ticket === undefined) throw new Error('a held action has no approval');
  const settled = await settleHeld(context, principal, ticket, patienceOf(request), goneSignal(reply.raw), (approval) =>
    path.resume(approval.id, token, principal, (current) =>
      resolveOwn(path, tools, current, { ...asked, ...storedAction(approval.request()) }),
    ),
  );
  switch (settled.kind) {
    case 'gone':
    case 'undecided': {
      const approval = settled.kind === 'gone' ? ticket : settled.approval;
      undecided(reply, approval);
      return reply.send({
        object: 'action',
        id: eventId,
        verdict: 'review',
        permit: null,
        approval: ticketView(approval, context.url),
        decision: decisionView(decision),
      });
    }
    case 'permit': {
      const answer = await issue(permits, settled.permit);
      await approvals.keep(principal.workspaceId, settled.approval.id, answer);
      return reply.code(200).send(answer);
    }
    case 'collected':
      return reply.code(200).send(allowedSchema.parse(settled.answer));
    case 'over': {
      const { error } = overFailure(settled.approval).body(request.id);
      return reply.code(403).send({
        error: { code: error.code, cause: error.cause, remedy: error.remedy, request_id: request.id },
        id: eventId,
        decision: decisionView(decision),
        approval: ticketView(settled.approval, context.url),
      });
    }
    case 'answered': {
      const { authorization } = settled;
      switch (authorization.kind) {
        case 'unauthenticated':
          throw unauthenticated(authorization.code);
        case 'unavailable':
          throw unavailable(authorization.code);
        case 'held':
          throw new Error(`the approved action ${ticket.id} was held again`);
        case 'refused':
          return reply.code(403).send(refusalBody(authorization, request.id));
      }
    }
  }
}

function storedAction({ action, arguments: args }: JsonObject): Pick<Asked, 'action' | 'arguments'> {
  const parsed = actionBody.pick({ action: true, arguments: true }).parse({ action, arguments: args });
  return { action: parsed.action, arguments: parsed.arguments };
}

function askedBy({ headers, ip }: FastifyRequest, body: z.output<typeof actionBody>, receivedAtMs: number): Asked {
  const { traceparent } = headers;
  return {
    action: body.action,
    arguments: body.arguments,
    sessionId: body.session_id,
    runId: body.run_id,
    traceparent: typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined,
    sourceAddress: ip,
    receivedAtMs,
  };
}

async function issue(permits: Permits, permit: Permit): Promise<z.output<typeof allowedSchema>> {
  const issued = await permits.issue(permit);
  // A stop was ordered after the intent was recorded and before anything was handed out.
  if (issued.kind === 'stopped')
    throw new Failure(
      403,
      'action_stopped',
      'An operator stopped this before its permit was handed out; it is on the log as not attempted.',
      'Do not retry; ask the owner of the agent.',
    );
  return {
    object: 'action',
    id: permit.eventId,
    verdict: 'allow',
    permit: { id: issued.id, expires_at: Math.floor(issued.expiresAt.getTime() / 1000) },
    decision: decisionView(permit.decision),
  };
}

/**
 * Not behind `requireAgent`: an agent that was stopped while it was acting should still say what it did. A
 * report gives no power, and only the agent that holds the permit can make it, while the permit is good.
 */
function outcomeRoutes(api: Api, context: ApiContext): void {
  const { pool, permits, keys } = context;
  const holders = new WeakMap<FastifyRequest, TokenHolder>();
  const holderOf = (request: FastifyRequest): TokenHolder => {
    const holder = holders.get(request);
    if (holder === undefined) throw new Error('the holder of the token was not looked up');
    return holder;
  };
  refuseStrangers(api, context);
  api.addHook('preValidation', async (request) => {
    const token = bearerOf(request) ?? '';
    if (credentialKind(token) === 'access') {
      const { principal } = await authenticateAgent(context, request, 'actions', 'outcome', false);
      holders.set(request, { principal, state: 'live' });
      return;
    }
    const holder = await findTokenHolder(pool, lookupHmac(token, keys.pepper));
    if (holder === undefined) throw unauthenticated('token_invalid');
    holders.set(request, holder);
  });
  installIdempotency(api, {
    pool,
    key: keys.state,
    callerOf: (request) => {
      const { workspaceId, agentId } = holderOf(request).principal;
      return { workspaceId, actor: agentId };
    },
  });

  api.post(
    '/v1/actions/:permit/outcome',
    {
      schema: {
        summary: 'Say how a permitted action ended',
        description: 'Once, by the agent that holds the permit, before it expires.',
        tags: ['actions'],
        params: z.strictObject({ permit: z.string().max(64) }),
        body: outcomeBody,
        response: { 200: outcomeSchema, 401: errorSchema, 404: errorSchema, 409: errorSchema, 410: errorSchema },
      },
    },
    async (request) => {
      const { principal, state } = holderOf(request);
      const { permit } = request.params;
      const { result, code, duration_ms: durationMs, reference } = request.body;
      const outcome: Outcome = {
        result,
        ...(code === undefined ? {} : { errorCode: code }),
        ...(durationMs === undefined ? {} : { upstreamMs: durationMs }),
        ...(reference === undefined ? {} : { toolReference: reference.toWellFormed() }),
      };
      const report = await permits.report(principal.workspaceId, permit, principal.agentId, outcome);
      if (report.kind === 'taken') return { object: 'action_outcome' as const, permit, result };
      // A dead token learns of its own open permits, and nothing else.
      if (state !== 'live') throw unauthenticated(state);
      throw reportFailure(report.kind, permit);
    },
  );
}

function reportFailure(why: 'unknown' | 'expired' | 'reported', permit: string): Failure {
  switch (why) {
    case 'unknown':
      return new Failure(
        404,
        'permit_not_found',
        `This agent holds no permit ${permit}.`,
        'Use permit.id of the answer to POST /v1/actions.',
      );
    case 'expired':
      return new Failure(
        410,
        'permit_expired',
        'The permit expired before the outcome was reported; the log has the outcome as unknown.',
        'Report sooner; HIVEKEY_PERMIT_SECONDS sets how long a permit is good.',
      );
    case 'reported':
      return new Failure(
        409,
        'permit_settled',
        'The outcome of this permit was reported before.',
        'Report an outcome once; send an Idempotency-Key so that a repeated request gets the first answer.',
      );
  }
}
