import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import { Refused, takeToken } from './events.ts';
import { clearRisk, raiseRisk } from './raise.ts';
import { listRisks, newRiskSchema, readRisk, riskSchema } from './risk.ts';
import {
  listTransmitters,
  newTransmitterSchema,
  putTransmitter,
  removeTransmitter,
  transmitterSchema,
} from './transmitters.ts';

const params = z.object({ id: z.string().max(64) });
const named = z.object({ name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/) });
const tags = ['risks'];

export function riskRoutes(api: Api, { pool, log, path, keys }: ApiContext): void {
  api.post(
    '/v1/risks',
    {
      schema: {
        tags,
        summary: 'Raise a risk signal about an agent, an owner or a tool',
        description: 'It ends by itself, after an hour where nothing is said. The highest level that stands counts.',
        body: newRiskSchema,
        response: { 201: riskSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, body }, reply) => {
      const risk = await raiseRisk(log, { workspaceId, actor }, body);
      if (risk === undefined) throw new Error('only a token can have been taken before');
      path.invalidate(workspaceId);
      return reply.code(201).send(risk);
    },
  );

  api.get(
    '/v1/risks',
    {
      schema: {
        tags,
        summary: 'List risk signals, newest first',
        querystring: z.strictObject({ active: z.stringbool().optional(), ...pageQuery }),
        response: { 200: listOf(riskSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, active } }) => {
      const scope = { list: 'risks', workspaceId, filter: { active } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listRisks(pool, workspaceId, active, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (risk) => risk,
        (risk) => [risk.raised_us, risk.id],
      );
    },
  );

  api.get(
    '/v1/risks/:id',
    { schema: { tags, summary: 'A risk signal', params, response: { 200: riskSchema } } },
    ({ administrator, params: { id } }) => readRisk(pool, administrator.workspaceId, id),
  );

  api.post(
    '/v1/risks/:id/clear',
    {
      schema: {
        tags,
        summary: 'End a risk signal before its time',
        params,
        body: z.strictObject({ reason: z.string().trim().max(500).default('') }).prefault({}),
        response: { 200: riskSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params: { id }, body: { reason } }) => {
      const risk = await clearRisk(log, { workspaceId, actor }, id, reason);
      path.invalidate(workspaceId);
      return risk;
    },
  );

  api.get(
    '/v1/risk-transmitters',
    { schema: { tags, summary: 'Who may push security events', response: { 200: listOf(transmitterSchema) } } },
    async ({ administrator }) => wholeList(await listTransmitters(pool, administrator.workspaceId)),
  );

  api.put(
    '/v1/risk-transmitters/:name',
    {
      schema: {
        tags,
        summary: 'Let somebody push security events',
        params: named,
        body: newTransmitterSchema,
        response: { 200: transmitterSchema },
      },
    },
    ({ administrator, params: { name }, body }) => putTransmitter(log, administrator, name, body),
  );

  api.delete(
    '/v1/risk-transmitters/:name',
    {
      schema: {
        tags,
        summary: 'Let it push no more; what it has said stands',
        params: named,
        response: { 200: transmitterSchema },
      },
    },
    ({ administrator, params: { name } }) => removeTransmitter(log, administrator, name),
  );
}

/** Behind the signature of the token itself. */
export function securityEventRoutes(api: Api, { pool, log, path, clock }: ApiContext): void {
  api.post(
    '/v1/security-events',
    {
      config: { token: true },
      schema: {
        tags,
        summary: 'Push a security event token (RFC 8935)',
        description:
          'The body is the token, `application/secevent+jwt`, signed with a key of a configured transmitter. Events: CAEP risk-level-change, session-revoked, credential-change, device-compliance-change; RISC credential-compromise, account-disabled. Others are taken without effect.',
        body: z.string().max(65_536),
        response: { 202: z.void(), 400: z.object({ err: z.string(), description: z.string() }) },
      },
    },
    async ({ body }, reply) => {
      try {
        const workspaceId = await takeToken(pool, log, body.trim(), clock());
        if (workspaceId !== undefined) path.invalidate(workspaceId);
      } catch (error) {
        if (error instanceof Refused) return reply.code(400).send({ err: error.err, description: error.message });
        throw error;
      }
      return reply.code(202).send();
    },
  );
}
