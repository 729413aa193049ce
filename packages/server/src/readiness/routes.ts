import type { Period } from '@hivekey/evidence';
import { asOfNow, type RunDocument } from '@hivekey/evidence/controls';
import { CROSSWALK } from '@hivekey/evidence/crosswalk';
import { assessmentResults, componentDefinition, testResultLines } from '@hivekey/evidence/oscal';
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { periodOf } from '../evidence/index.ts';
import { controlPage } from './control-page.ts';
import {
  changeDeficiency,
  deficiencyChange,
  deficiencySchema,
  listDeficiencies,
  readDeficiency,
} from './deficiencies.ts';
import { answerExemption, exemptionSchema, knownControl, listExemptions, requestExemption } from './exemptions.ts';
import { RUN_FILE, warnedControls } from './files.ts';
import { readParameters } from './parameters.ts';
import { listRuns, makeRun, newestRun, readRun, runSchema, type StoredRun, testNow } from './run.ts';
import { controlPageSchema, readinessSchema, storedRunSchema } from './views.ts';

const tags = ['readiness'];
const params = z.object({ id: z.string().max(64) });
const nothing = z.strictObject({}).prefault({});
const time = z.string().min(1).max(40);
const DAY_MS = 86_400_000;
/** Of what is asked about where nobody names a period. */
const DAYS = 90;

const crosswalkSchema = z
  .object({
    framework: z.string(),
    version: z.string(),
    id: z.string(),
    our_feature: z.string(),
    relation: z.literal('supports'),
    source: z.string(),
    confirmed_on: z.string(),
  })
  .meta({ id: 'CrosswalkRow' });

export function readinessRoutes(api: Api, context: ApiContext): void {
  runRoutes(api, context);
  exemptionRoutes(api, context);
  deficiencyRoutes(api, context);
  const { pool, clock } = context;

  /** The newest run's where none is named, and the last 90 days where there is none. */
  async function periodAsked(
    workspaceId: Parameters<typeof newestRun>[1],
    from?: string,
    to?: string,
  ): Promise<Period> {
    if (from !== undefined && to !== undefined) return periodOf(from, to, clock());
    if (from !== undefined || to !== undefined) throw halfAPeriod();
    const newest = await newestRun(pool, workspaceId);
    if (newest !== undefined) return { from: newest.run.period_from, to: newest.run.period_to };
    return { from: new Date(clock() - DAYS * DAY_MS).toISOString(), to: new Date(clock()).toISOString() };
  }

  api.get(
    '/v1/readiness',
    {
      schema: {
        tags,
        summary: 'Where each control stands: the newest run, or the controls tested now for a period',
        description:
          "Management's self-assessment. Not an auditor's opinion. A pass of the newest run that is older than it stands for is not_enough_data here; the run itself stays as it was.",
        querystring: z.strictObject({ from: time.optional(), to: time.optional() }),
        response: { 200: readinessSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, query: { from, to } }) => {
      const newest = from === undefined && to === undefined ? await newestRun(pool, workspaceId) : undefined;
      if (newest !== undefined) return shown(asOfNow(newest.run, clock()));
      const period = await periodAsked(workspaceId, from, to);
      return { ...shown(await testNow(context, workspaceId, period, { id: '', actor })), id: null };
    },
  );

  api.get(
    '/v1/readiness/controls/:id',
    {
      schema: {
        tags,
        summary: 'A control: what it says, how it is tested, and what deviates, tested now',
        params,
        querystring: z.strictObject({ from: time.optional(), to: time.optional(), ...pageQuery }),
        response: { 200: controlPageSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { id }, query: { from, to, limit, cursor } }) =>
      controlPage(context, workspaceId, id, await periodAsked(workspaceId, from, to), { limit, cursor }),
  );

  api.get(
    '/v1/readiness/crosswalk',
    {
      schema: {
        tags,
        summary: 'What supports which control of which framework, with its version',
        description: 'Our judgement, and no official mapping: it says supports, never satisfies.',
        response: { 200: listOf(crosswalkSchema) },
      },
    },
    () => wholeList([...CROSSWALK]),
  );

  api.get(
    '/v1/readiness/component-definition',
    {
      schema: { tags, summary: 'What HiveKey implements, as OSCAL 1.2.2', response: { 200: z.looseObject({}) } },
    },
    async ({ administrator: { workspaceId } }) => {
      const { words } = await readParameters(pool, workspaceId);
      return objectOf(componentDefinition(context.version, new Date(clock()).toISOString(), words));
    },
  );
}

function runRoutes(api: Api, context: ApiContext): void {
  const { pool, keys, clock } = context;

  api.post(
    '/v1/readiness/runs',
    {
      schema: {
        tags,
        summary: 'Test all controls for a period; the run is signed, and never changes',
        description: 'A run of the last 90 days is made each day by itself.',
        body: z.strictObject({ from: time, to: time }),
        response: { 201: storedRunSchema },
      },
    },
    async ({ administrator, body: { from, to } }, reply) => {
      const stored = await makeRun(context, administrator, periodOf(from, to, clock()), 'asked');
      return reply.code(201).send(storedOf(stored));
    },
  );

  api.get(
    '/v1/readiness/runs',
    {
      schema: {
        tags,
        summary: 'Runs, newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(runSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'readiness-runs', workspaceId };
      const rows = await listRuns(pool, workspaceId, openTimeCursor(keys.state, scope, cursor), limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ stored: { view } }) => view,
        ({ position: { atUs, id } }) => [atUs, id],
      );
    },
  );

  api.get(
    '/v1/readiness/runs/:id',
    { schema: { tags, summary: 'A run as it was made', params, response: { 200: storedRunSchema } } },
    async ({ administrator: { workspaceId }, params: { id } }) => storedOf(await readRun(pool, workspaceId, id)),
  );

  api.get(
    '/v1/readiness/runs/:id/assessment-results',
    {
      schema: {
        tags,
        summary: 'A run as OSCAL 1.2.2 assessment results',
        params,
        response: { 200: z.looseObject({}) },
      },
    },
    async ({ administrator: { workspaceId }, params: { id } }) =>
      objectOf(assessmentResults((await readRun(pool, workspaceId, id)).run)),
  );

  api.get(
    '/v1/readiness/runs/:id/test-results',
    {
      schema: {
        tags,
        summary: 'A run as in-toto statements, one a line',
        params,
        response: { 200: { description: 'The lines.', content: { 'application/jsonl': { schema: z.unknown() } } } },
      },
    },
    async ({ administrator: { workspaceId }, params: { id } }, reply) => {
      const { run, text } = await readRun(pool, workspaceId, id);
      const lines = testResultLines(run, RUN_FILE, text, await warnedControls(pool, workspaceId, run));
      return reply.type('application/jsonl').send(`${lines.join('\n')}\n`);
    },
  );
}

function exemptionRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/readiness/not-applicable',
    {
      schema: {
        tags,
        summary: 'Controls that do not apply, and who has asked and agreed; newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(exemptionSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'control-exemptions', workspaceId };
      const rows = await listExemptions(pool, workspaceId, openTimeCursor(keys.state, scope, cursor), limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ exemption }) => exemption,
        ({ position: { atUs, id } }) => [atUs, id],
      );
    },
  );

  api.post(
    '/v1/readiness/not-applicable',
    {
      schema: {
        tags,
        summary: 'Ask, as a person, that a control does not apply until a date',
        description: 'Another person agrees. What fails stays failed all the same.',
        body: z.strictObject({
          control: z.string().max(16),
          reason: z.string().trim().min(1).max(1_000),
          expires_at: z.iso.datetime({ offset: true }),
        }),
        response: { 201: exemptionSchema },
      },
    },
    async ({ administrator, body: { control, reason, expires_at } }, reply) =>
      reply.code(201).send(
        await requestExemption(log, administrator, {
          control: knownControl(control),
          reason,
          expiresAt: new Date(expires_at),
        }),
      ),
  );

  for (const [answer, summary] of [
    ['approve', 'Agree, as another person than asked'],
    ['refuse', 'Refuse, as another person than asked'],
    ['withdraw', 'Withdraw what was asked'],
    ['end', 'It applies again'],
  ] as const)
    api.post(
      `/v1/readiness/not-applicable/:id/${answer}`,
      { schema: { tags, summary, params, body: nothing, response: { 200: exemptionSchema } } },
      ({ administrator, params: { id } }) => answerExemption(log, administrator, id, answer),
    );
}

function deficiencyRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/deficiencies',
    {
      schema: {
        tags,
        summary: 'What failed, newest first',
        querystring: z.strictObject({
          status: z.enum(['open', 'closed']).optional(),
          control: z.string().max(16).optional(),
          ...pageQuery,
        }),
        response: { 200: listOf(deficiencySchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { status, control, limit, cursor } }) => {
      const scope = { list: 'deficiencies', workspaceId, filter: { status, control } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listDeficiencies(pool, workspaceId, { status, control }, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ deficiency }) => deficiency,
        ({ position: { atUs, id } }) => [atUs, id],
      );
    },
  );

  api.get(
    '/v1/deficiencies/:id',
    { schema: { tags, summary: 'A deficiency', params, response: { 200: deficiencySchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readDeficiency(pool, workspaceId, id),
  );

  api.patch(
    '/v1/deficiencies/:id',
    {
      schema: {
        tags,
        summary: 'Say, as a person, who sees to it, until when, and by what; or close it with a reason',
        description: 'What is absent stays. No word of it changes the state of the control.',
        params,
        body: deficiencyChange,
        response: { 200: deficiencySchema },
      },
    },
    ({ administrator, params: { id }, body }) => changeDeficiency(log, administrator, id, body),
  );
}

function shown(run: RunDocument): z.input<typeof readinessSchema> {
  return { object: 'readiness', ...run };
}

function storedOf({ view, run, note }: StoredRun): z.input<typeof storedRunSchema> {
  return { ...view, run, note };
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new TypeError('is no object');
  return { ...value };
}

function halfAPeriod(): Failure {
  return new Failure(
    422,
    'period_invalid',
    'A period has a beginning and an end.',
    'Give both from and to, or neither.',
  );
}
