import { radiusChanges } from '@hivekey/policy';
import { z } from 'zod';
import {
  type Api,
  type ApiContext,
  listOf,
  openCursor,
  openTimeCursor,
  pageOf,
  pageQuery,
  wholeList,
} from '../api/route.ts';
import {
  accept,
  acceptanceBody,
  acceptanceSchema,
  acceptanceView,
  acceptedSchema,
  endAcceptance,
  listAcceptances,
  listAccepted,
  readAcceptance,
} from './acceptances.ts';
import { certificateSchema, certificateView, certify, listCertificates } from './certificates.ts';
import { compute } from './compute.ts';
import { fleetRows } from './fleet.ts';
import { readRadius } from './radius.ts';
import { putSettings, readSettings, settingsSchema, settingsView } from './settings.ts';
import { askedShape, isOneSubject, nameSubject, ONE_SUBJECT } from './subjects.ts';
import {
  limitName,
  listToolLimits,
  putToolLimit,
  removeToolLimit,
  toolLimitInput,
  toolLimitSchema,
} from './tool-limits.ts';
import { amountSchema, amountView, LINES, movedSchema, movedView, radiusSchema, radiusView } from './view.ts';
import { editedWorld, editSchema } from './what-if.ts';

const tags = ['blast radius'];
const reason = z.string().trim().min(1).max(2000);
const MAX_EDITS = 100;

const whatIfSchema = z
  .object({
    object: z.literal('blast_radius_what_if'),
    before: radiusSchema,
    after: radiusSchema,
    moved: z.array(movedSchema).meta({ description: 'Numbers that would be others.' }),
  })
  .meta({ id: 'BlastRadiusWhatIf' });

const fleetSchema = z
  .object({
    object: z.literal('agent_blast_radius'),
    agent: z.string(),
    agent_id: z.string(),
    owner: z.string(),
    roles: z.array(z.string()),
    amounts: z.record(z.string(), amountSchema).meta({ description: 'unit → amount.' }),
    acceptance: radiusSchema.shape.acceptance,
  })
  .meta({ id: 'AgentBlastRadius' });

export function blastRadiusRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, worlds, clock } = context;

  api.get(
    '/v1/blast-radius',
    {
      schema: {
        tags,
        summary: 'The most that an agent, a role, an owner or the whole workspace can do before somebody stops it',
        description:
          'Computed from what is enforced now. alone: no person allows anything. fooled: one person approves whatever is asked. bypassed: nothing of the gateway holds. A number is a bound; UNBOUNDED and UNKNOWN are never 0. docs/reference/blast-radius.md has the method.',
        querystring: z.strictObject(askedShape).refine(isOneSubject, ONE_SUBJECT),
        response: { 200: radiusSchema },
      },
    },
    ({ administrator: { workspaceId }, query }) => readRadius({ pool, worlds, clock }, workspaceId, query),
  );

  api.post(
    '/v1/blast-radius/what-if',
    {
      schema: {
        tags,
        summary: 'What the numbers would be with other documents',
        description: 'Nothing is stored. Documents are those of POST /v1/changes.',
        body: z
          .strictObject({ ...askedShape, operations: z.array(editSchema).min(1).max(MAX_EDITS) })
          .refine(isOneSubject, ONE_SUBJECT),
        response: { 200: whatIfSchema },
      },
    },
    async ({ administrator: { workspaceId }, body: { operations, ...asked } }) => {
      const read = await worlds.read(workspaceId);
      const named = await nameSubject(pool, workspaceId, read, asked);
      const { subject } = named;
      const before = await worlds.radius(workspaceId, read, named);
      const after = await compute({ kind: 'one', world: editedWorld(named.world, operations), subject });
      const more = { subject: named.view, containment: read.containment, acceptance: null };
      return {
        object: 'blast_radius_what_if' as const,
        before: radiusView(before, more),
        after: radiusView(after, more),
        moved: radiusChanges(before, after).map(movedView),
      };
    },
  );

  api.get(
    '/v1/blast-radius/agents',
    {
      schema: {
        tags,
        summary: 'The numbers of every agent that may act',
        description:
          'What is UNBOUNDED first, then what is UNKNOWN, then the largest. They do not add up: GET /v1/blast-radius has what all of them can do together.',
        querystring: z.strictObject({
          unit: z
            .string()
            .min(1)
            .max(63)
            .optional()
            .meta({ description: 'Sort by it. Left out: by what has no bound in any unit, then by the first.' }),
          horizon: z.enum(['contained', '1h', '24h', '7d']).default('24h'),
          line: z.enum(LINES).default('alone'),
          ...pageQuery,
        }),
        response: { 200: listOf(fleetSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...asked } }) => {
      const read = await worlds.read(workspaceId);
      const alike = await worlds.fleet(workspaceId, read);
      const scope = { list: 'blast-radius-agents', workspaceId, filter: asked };
      const after = openCursor(keys.state, scope, cursor);
      const rows = fleetRows(read, alike, asked);
      const accepted = new Map(
        (await listAccepted(pool, workspaceId)).flatMap((each) =>
          each.subject_kind === 'agent' ? [[each.subject_id, each] as const] : [],
        ),
      );
      const rest =
        after === undefined
          ? rows
          : rows.slice(1 + rows.findLastIndex(({ rank, value, agent }) => isUpTo([rank, value, agent], after)));
      return pageOf(
        keys.state,
        scope,
        limit,
        rest.slice(0, limit + 1),
        ({ agentId, agent, owner, roles, amounts }) => {
          const acceptance = accepted.get(agentId);
          return {
            object: 'agent_blast_radius' as const,
            agent,
            agent_id: agentId,
            owner,
            roles: [...roles],
            amounts: Object.fromEntries([...amounts].map(([unit, amount]) => [unit, amountView(amount, unit)])),
            // As it was seen last, a few seconds ago.
            acceptance: acceptance === undefined ? null : acceptanceView(acceptance, acceptance.exceeded_at !== null),
          };
        },
        ({ rank, value, agent }) => [rank, value, agent],
      );
    },
  );

  api.get(
    '/v1/blast-radius/acceptances',
    {
      schema: {
        tags,
        summary: 'Who has accepted which blast radius',
        description: 'Newest first: the history of accepted numbers, of one subject if named.',
        querystring: z
          .strictObject({ ...askedShape, workspace: z.stringbool().optional(), ...pageQuery })
          .refine(isOneSubject, ONE_SUBJECT),
        response: { 200: listOf(acceptanceSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, workspace, ...asked } }) => {
      const isNamed = workspace === true || Object.values(asked).some((each) => each !== undefined);
      const subject = isNamed
        ? (await nameSubject(pool, workspaceId, await worlds.read(workspaceId), asked)).view
        : undefined;
      const scope = { list: 'blast-radius-acceptances', workspaceId, filter: { ...asked, workspace } };
      const rows = await listAcceptances(
        pool,
        workspaceId,
        subject,
        openTimeCursor(keys.state, scope, cursor),
        limit + 1,
      );
      return pageOf(keys.state, scope, limit, rows, acceptanceBody, ({ accepted_us, id }) => [accepted_us, id]);
    },
  );

  api.post(
    '/v1/blast-radius/acceptances',
    {
      schema: {
        tags,
        summary: 'Accept what could happen, for a while',
        description:
          'By a person, who is not the owner of the agent. digest is that of what they have seen: another number is refused. When a number passes what was accepted, or the time is over, there is a record and an alert.',
        body: z
          .strictObject({
            ...askedShape,
            digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is no digest'),
            until: z
              .int()
              .min(0)
              .max(253_402_300_799)
              .meta({ description: 'Epoch seconds, at most 366 days from now.' }),
            reason,
          })
          .refine(isOneSubject, ONE_SUBJECT),
        response: { 201: acceptanceSchema },
      },
    },
    async ({ administrator, body: { digest, until, reason: why, ...asked } }, reply) => {
      const { workspaceId } = administrator;
      const read = await worlds.read(workspaceId);
      const named = await nameSubject(pool, workspaceId, read, asked);
      const result = await worlds.radius(workspaceId, read, named);
      const acceptance = await accept(log, administrator, named, result, { digest, until, reason: why });
      return reply.code(201).send(acceptanceBody(acceptance));
    },
  );

  api.get(
    '/v1/blast-radius/acceptances/:id',
    {
      schema: {
        tags,
        summary: 'An acceptance, with all that was accepted',
        description: 'digest is SHA-256 over the RFC 8785 form of result without its member digest.',
        params: z.object({ id: z.string().max(64) }),
        response: { 200: acceptedSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { id } }) => {
      const acceptance = await readAcceptance(pool, workspaceId, id);
      return { ...acceptanceBody(acceptance), result: { ...acceptance.result } };
    },
  );

  api.post(
    '/v1/blast-radius/acceptances/:id/end',
    {
      schema: {
        tags,
        summary: 'Take an acceptance back',
        params: z.object({ id: z.string().max(64) }),
        body: z.strictObject({ reason }),
        response: { 200: acceptanceSchema },
      },
    },
    async ({ administrator, params: { id }, body }) =>
      acceptanceBody(await endAcceptance(log, administrator, id, body.reason)),
  );

  api.get(
    '/v1/blast-radius/certificates',
    {
      schema: {
        tags,
        summary: 'Certificates: the decision function agrees with what the numbers are made of',
        description: 'Newest first. One is made when policy or roles have changed and been quiet for half a minute.',
        querystring: z.strictObject({
          policy: z.string().max(80).optional().meta({ description: 'Hash of a policy.' }),
          ...pageQuery,
        }),
        response: { 200: listOf(certificateSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, policy } }) => {
      const scope = { list: 'blast-radius-certificates', workspaceId, filter: { policy } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listCertificates(pool, workspaceId, policy, after, limit + 1);
      return pageOf(keys.state, scope, limit, rows, certificateView, ({ made_us, id }) => [made_us, id]);
    },
  );

  api.post(
    '/v1/blast-radius/certificates',
    {
      schema: {
        tags,
        summary: 'Have a certificate made now',
        description: 'Answered when it is there.',
        body: z.strictObject({}).prefault({}),
        response: { 201: certificateSchema },
      },
    },
    async ({ administrator: { workspaceId, actor } }, reply) => {
      const read = await worlds.read(workspaceId);
      return reply.code(201).send(certificateView(await certify(context, workspaceId, actor, read)));
    },
  );

  api.get(
    '/v1/blast-radius/settings',
    { schema: { tags, summary: 'What the numbers rest on and nobody measures', response: { 200: settingsView } } },
    ({ administrator: { workspaceId } }) => readSettings(pool, workspaceId),
  );

  api.put(
    '/v1/blast-radius/settings',
    {
      schema: {
        tags,
        summary: 'State what nobody measures',
        description: 'What is left out is stated no more.',
        body: settingsSchema,
        response: { 200: settingsView },
      },
    },
    ({ administrator, body }) => putSettings(log, administrator, body),
  );

  api.get(
    '/v1/tool-limits',
    {
      schema: {
        tags,
        summary: 'Limits that providers keep by themselves, whatever the gateway lets through',
        response: { 200: listOf(toolLimitSchema) },
      },
    },
    async ({ administrator: { workspaceId } }) => wholeList(await listToolLimits(pool, workspaceId)),
  );

  api.put(
    '/v1/tool-limits/:name',
    {
      schema: {
        tags,
        summary: 'Write down a limit of a provider',
        params: z.object({ name: limitName }),
        body: toolLimitInput,
        response: { 200: toolLimitSchema },
      },
    },
    ({ administrator, params: { name }, body }) => putToolLimit(log, administrator, name, body),
  );

  api.delete(
    '/v1/tool-limits/:name',
    {
      schema: {
        tags,
        summary: 'Strike out a limit of a provider',
        params: z.object({ name: limitName }),
        response: { 200: toolLimitSchema },
      },
    },
    ({ administrator, params: { name } }) => removeToolLimit(log, administrator, name),
  );
}

/** Whether a row stands before the end of the page before, or is it. */
function isUpTo([rank, value, agent]: readonly [number, number, string], end: readonly (string | number)[]): boolean {
  const [endRank, endValue, endAgent] = [Number(end[0]), Number(end[1]), String(end[2])];
  if (rank !== endRank) return rank > endRank;
  if (value !== endValue) return value > endValue;
  return agent <= endAgent;
}
