/** What is done in an engagement: requests, evidence states, notes, walkthrough, re-performance, unmasking. */
import { z } from 'zod';
import { type Administrator, type Api, type ApiContext, jsonObject, listOf, wholeList } from '../api/route.ts';
import { engagementSchema, readEngagement, refuseCustomer, sideOf } from './engagement.ts';
import { addNote, listNotes, newNoteSchema, noteSchema } from './notes.ts';
import { reperform, reperformedSchema, reperformSchema } from './reperform.ts';
import { act, actSchema, listRequests, newRequestSchema, openRequest, requestSchema } from './requests.ts';
import { listRuns, runSchema } from './runs.ts';
import { listStates, newStateSchema, sayState, stateSchema } from './states.ts';
import { unmask, unmaskedSchema, unmaskSchema } from './unmask.ts';
import { STEP_IDS } from './walkthrough/script.ts';
import { pressSchema, script, scriptSchema, walk } from './walkthrough/walk.ts';

const tags = ['engagements'];
const params = z.object({ id: z.string().max(64) });

const workingSetSchema = z
  .object({
    object: z.literal('working_set'),
    exported_at: z.string(),
    engagement: engagementSchema,
    requests: z.array(requestSchema),
    states: z.array(stateSchema),
    notes: z.array(noteSchema),
    runs: z.array(runSchema),
  })
  .meta({ id: 'WorkingSet' });

export function engagementWorkRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, clock } = context;

  /** Throws `engagement_not_found`, also where it is another firm's. */
  async function check(who: Administrator, id: string): Promise<void> {
    sideOf(who, id);
    await readEngagement(pool, who.workspaceId, id);
  }

  api.get(
    '/v1/engagements/:id/requests',
    {
      schema: {
        tags,
        summary: 'What the auditor has asked for, with all that was said',
        params,
        response: { 200: listOf(requestSchema) },
      },
    },
    async ({ administrator, params: { id } }) => {
      await check(administrator, id);
      return wholeList(await listRequests(pool, administrator.workspaceId, id, clock()));
    },
  );

  api.post(
    '/v1/engagements/:id/requests',
    {
      schema: { tags, summary: 'Ask for something', params, body: newRequestSchema, response: { 201: requestSchema } },
    },
    async ({ administrator, params: { id }, body }, reply) => {
      const request = await log.transact(administrator.workspaceId, (transaction) =>
        openRequest(transaction, administrator, id, body),
      );
      return reply.code(201).send(request);
    },
  );

  api.post(
    '/v1/engagements/:id/requests/:request/acts',
    {
      schema: {
        tags,
        summary: 'Comment on a request, provide what it asks for, accept, return or close it',
        description: 'The customer provides; the auditor accepts, returns with a reason, and closes. Both comment.',
        params: params.extend({ request: z.string().max(64) }),
        body: actSchema,
        response: { 200: requestSchema },
      },
    },
    ({ administrator, params: { id, request }, body }) =>
      log.transact(administrator.workspaceId, (transaction) => act(transaction, administrator, id, request, body)),
  );

  api.get(
    '/v1/engagements/:id/states',
    {
      schema: {
        tags,
        summary: 'What the auditor has said of reports',
        params,
        response: { 200: listOf(stateSchema) },
      },
    },
    async ({ administrator, params: { id } }) => {
      await check(administrator, id);
      return wholeList(await listStates(pool, administrator.workspaceId, id));
    },
  );

  api.post(
    '/v1/engagements/:id/states',
    {
      schema: {
        tags,
        summary: 'Accept a report, or return it with a reason',
        description: 'The auditor’s words. Readiness reads none of them.',
        params,
        body: newStateSchema,
        response: { 201: stateSchema },
      },
    },
    async ({ administrator, params: { id }, body }, reply) => {
      const said = await log.transact(administrator.workspaceId, (transaction) =>
        sayState(transaction, administrator, id, body),
      );
      return reply.code(201).send(said);
    },
  );

  api.get(
    '/v1/engagements/:id/notes',
    {
      schema: {
        tags,
        summary: 'Work notes of the firm',
        description: 'For its people alone, and on no record.',
        params,
        response: { 200: listOf(noteSchema) },
      },
    },
    async ({ administrator, params: { id } }) => wholeList(await listNotes(pool, keys.envelope, administrator, id)),
  );

  api.post(
    '/v1/engagements/:id/notes',
    { schema: { tags, summary: 'Note something', params, body: newNoteSchema, response: { 201: noteSchema } } },
    async ({ administrator, params: { id }, body }, reply) =>
      reply.code(201).send(await addNote(pool, keys.envelope, administrator, id, body)),
  );

  api.get(
    '/v1/engagements/:id/walkthrough',
    { schema: { tags, summary: 'The walkthrough, step by step', params, response: { 200: scriptSchema } } },
    async ({ administrator, params: { id } }) => {
      await check(administrator, id);
      return script();
    },
  );

  api.post(
    '/v1/engagements/:id/walkthrough/:step',
    {
      schema: {
        tags,
        summary: 'Press the button of a step; what it shows is kept',
        params: params.extend({ step: z.enum(STEP_IDS) }),
        body: pressSchema,
        response: {
          200: z.object({
            object: z.literal('walkthrough_step'),
            id: z.string(),
            at: z.int(),
            shown: z.boolean().meta({ description: 'Whether it came out as the step says it does.' }),
            said: z.string(),
            facts: jsonObject,
          }),
        },
      },
    },
    async ({ administrator, params: { id, step }, body }) => {
      const { facts, ...walked } = await walk(context, administrator, id, step, body);
      return { object: 'walkthrough_step' as const, ...walked, facts: factsSchema.parse(plain(facts)) };
    },
  );

  api.post(
    '/v1/engagements/:id/reperformances',
    {
      schema: {
        tags,
        summary: 'Decide entries again, under the policy that each names',
        description: 'Up to 100 calls of the period. What is compared is verdict and rule.',
        params,
        body: reperformSchema,
        response: {
          200: z.object({
            object: z.literal('reperformance'),
            id: z.string(),
            at: z.int(),
            results: z.array(reperformedSchema),
          }),
        },
      },
    },
    async ({ administrator, params: { id }, body: { entries } }) => ({
      object: 'reperformance' as const,
      ...(await reperform(context, administrator, id, entries)),
    }),
  );

  api.get(
    '/v1/engagements/:id/runs',
    {
      schema: {
        tags,
        summary: 'What was pressed and decided again, with what came of it',
        params,
        response: { 200: listOf(runSchema) },
      },
    },
    async ({ administrator, params: { id } }) => {
      await check(administrator, id);
      return wholeList(await listRuns(pool, administrator.workspaceId, id));
    },
  );

  api.post(
    '/v1/engagements/:id/unmaskings',
    {
      schema: {
        tags,
        summary: 'See one value that is hidden from auditors',
        params,
        body: unmaskSchema,
        response: { 200: unmaskedSchema },
      },
    },
    ({ administrator, params: { id }, body }) => unmask(context, administrator, id, body),
  );

  api.get(
    '/v1/engagements/:id/working-set',
    {
      schema: {
        tags,
        summary: 'The auditor’s own work as one document, with the notes of the firm',
        params,
        response: { 200: workingSetSchema },
      },
    },
    async ({ administrator, params: { id } }, reply) => {
      const { workspaceId, actor } = administrator;
      refuseCustomer(administrator, id);
      const [engagement, requests, states, notes, runs] = await Promise.all([
        readEngagement(pool, workspaceId, id),
        listRequests(pool, workspaceId, id, clock()),
        listStates(pool, workspaceId, id),
        listNotes(pool, keys.envelope, administrator, id),
        listRuns(pool, workspaceId, id),
      ]);
      // How many notes there are is nobody else's business.
      await log.record(workspaceId, {
        kind: 'engagement.exported',
        actor,
        engagement_id: id,
        requests: requests.length,
        states: states.length,
        runs: runs.length,
      });
      reply.header('content-disposition', `attachment; filename="working-set-${id}.json"`);
      return {
        object: 'working_set' as const,
        exported_at: new Date(clock()).toISOString(),
        engagement,
        requests,
        states,
        notes,
        runs,
      };
    },
  );
}

const factsSchema = jsonObject;

/** As JSON has it: times as texts, what is undefined left out. */
function plain(facts: Readonly<Record<string, unknown>>): unknown {
  return JSON.parse(JSON.stringify(facts));
}
