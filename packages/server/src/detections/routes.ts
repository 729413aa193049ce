/** Detections over HTTP: rules, what is set about them, what they found, and how far their evaluation is. */
import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import {
  type Administrator,
  type Api,
  type ApiContext,
  listOf,
  openTimeCursor,
  pageOf,
  pageQuery,
  wholeList,
} from '../api/route.ts';
import { detectionDocument, detectionNameSchema } from './document.ts';
import { readEvaluator, restartEvaluator } from './evaluator-store.ts';
import { findingSchema, foundLately, listFindings, readFinding } from './findings.ts';
import { loadDetections } from './rule-set.ts';
import { detectionNotFound, putDetection, readSettings, removeDetection } from './store.ts';
import { detectionSchema, fullDetectionSchema, fullViewOf, viewOf } from './view.ts';

const tags = ['detections'];
const params = z.object({ rule: detectionNameSchema });

const evaluatorSchema = z
  .object({
    object: z.literal('detection_evaluator'),
    node: z.string().nullable().meta({ description: 'Null: no node evaluates the workspace now.' }),
    next_seq: z.int().meta({ description: 'The entry that is taken next, on top of the state that is saved.' }),
    written_seq: z.int().meta({ description: 'What was found up to this entry is written.' }),
    head_seq: z.int(),
    lag_seconds: z.number().meta({ description: 'As the asked node knows: 0 where another one evaluates.' }),
    state_bytes: z.int(),
    saved_at: z.int(),
    last_error: z.string().nullable(),
  })
  .meta({ id: 'DetectionEvaluator' });

export function detectionRoutes(api: Api, { pool, log, keys, detections }: ApiContext): void {
  const all = async (workspaceId: Administrator['workspaceId']) => {
    const stored = await readSettings(pool, workspaceId);
    const found = await foundLately(pool, workspaceId);
    return { loaded: loadDetections(stored), stored, found };
  };
  const full = async (workspaceId: Administrator['workspaceId'], name: string) => {
    const { loaded, stored, found } = await all(workspaceId);
    const detection = loaded.find((each) => each.name === name);
    if (detection === undefined) throw detectionNotFound(name);
    return fullViewOf(detection, stored.get(name), found.get(name));
  };

  api.get(
    '/v1/detections',
    {
      schema: {
        tags,
        summary: 'Detection rules: those that are shipped, and the workspace’s own',
        response: { 200: listOf(detectionSchema) },
      },
    },
    async ({ administrator: { workspaceId } }) => {
      const { loaded, stored, found } = await all(workspaceId);
      return wholeList(loaded.map((each) => viewOf(each, stored.get(each.name), found.get(each.name))));
    },
  );

  api.get(
    '/v1/detections/:rule',
    { schema: { tags, summary: 'A detection rule, as it is written', params, response: { 200: fullDetectionSchema } } },
    ({ administrator: { workspaceId }, params: { rule } }) => full(workspaceId, rule),
  );

  api.put(
    '/v1/detections/:rule',
    {
      schema: {
        tags,
        summary: 'Set what a rule finds and does, or add one of the workspace’s own',
        description:
          'All that is set, in place of what was. It is in force from its own entry of the log on. Where changes are reviewed, it takes one.',
        params,
        body: detectionDocument,
        response: { 200: fullDetectionSchema },
      },
    },
    async ({ administrator, params: { rule }, body }) => {
      await putDetection(log, administrator, rule, body);
      return full(administrator.workspaceId, rule);
    },
  );

  api.delete(
    '/v1/detections/:rule',
    {
      schema: {
        tags,
        summary: 'Remove a rule of the workspace’s own, or what is set about a shipped one',
        description: 'A shipped rule is then as it is shipped: switched on, and doing nothing but tell.',
        params,
        response: { 200: z.object({ object: z.literal('detection'), name: z.string(), deleted: z.literal(true) }) },
      },
    },
    async ({ administrator, params: { rule } }) => {
      await removeDetection(log, administrator, rule);
      return { object: 'detection' as const, name: rule, deleted: true as const };
    },
  );

  api.get(
    '/v1/detections/findings',
    {
      schema: {
        tags,
        summary: 'What rules have found, newest first',
        querystring: z.strictObject({
          ...pageQuery,
          detection: detectionNameSchema.optional(),
          agent: z.string().max(128).optional().meta({ description: 'Id or handle.' }),
          synthetic: z.stringbool().optional().meta({ description: 'With those of tests.' }),
        }),
        response: { 200: listOf(findingSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'detection_findings', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const agent = filter.agent === undefined ? undefined : (await readAgent(pool, workspaceId, filter.agent)).id;
      const rows = await listFindings(pool, workspaceId, { ...filter, agent }, after, limit + 1);
      return pageOf(keys.state, scope, limit, rows, shown, ({ found_us, id }) => [found_us, id]);
    },
  );

  api.get(
    '/v1/detections/findings/:id',
    {
      schema: {
        tags,
        summary: 'A finding',
        params: z.object({ id: z.string().max(64) }),
        response: { 200: findingSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { id } }) => shown(await readFinding(pool, workspaceId, id)),
  );

  const evaluator = async (workspaceId: Administrator['workspaceId']) => {
    const state = await readEvaluator(pool, workspaceId);
    return {
      object: 'detection_evaluator' as const,
      ...(state ?? { node: null, next_seq: 1, written_seq: 0, state_bytes: 0, saved_at: 0, last_error: null }),
      head_seq: await log.size(workspaceId),
      lag_seconds: detections.lagSeconds(workspaceId),
    };
  };

  api.get(
    '/v1/detections/evaluator',
    { schema: { tags, summary: 'How far the evaluation is', response: { 200: evaluatorSchema } } },
    ({ administrator: { workspaceId } }) => evaluator(workspaceId),
  );

  api.post(
    '/v1/detections/evaluator/rebuild',
    {
      schema: {
        tags,
        summary: 'Make the state of the rules again from an entry on',
        description: 'Nothing is told twice: of what was written, a replay finds the same.',
        body: z.strictObject({ from_seq: z.int().min(1).default(1), reason: z.string().trim().min(1).max(500) }),
        response: { 200: evaluatorSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, body: { from_seq: fromSeq, reason } }) => {
      await log.transact(workspaceId, async ({ client, log: record }) => {
        await restartEvaluator(client, workspaceId, fromSeq);
        record({ kind: 'evaluator.rebuilt', actor, from_seq: fromSeq, reason });
      });
      return evaluator(workspaceId);
    },
  );
}

function shown({ found_us: _, ...finding }: Awaited<ReturnType<typeof readFinding>>) {
  return finding;
}
