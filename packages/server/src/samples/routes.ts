import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { populationLine } from '@hivekey/evidence';
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import { inSnapshot, reportOf, type Snapshot, scopeOf, tableOf } from '../evidence/index.ts';
import { drawSample, unitsIn } from './draw.ts';
import { packOf, packSchema } from './pack.ts';
import { packFolder } from './pack-files.ts';
import {
  listSamples,
  newSampleSchema,
  readSample,
  type SampleView,
  sampleItemSchema,
  sampleItems,
  sampleItemView,
  sampleSchema,
  sampleView,
} from './sample.ts';

const tags = ['samples'];
const params = z.object({ id: z.string().max(64) });
const itemParams = params.extend({ n: z.coerce.number().int().min(1).max(1_000) });
/** Lines that go out at once. */
const LINES = 1_000;

export function sampleRoutes(api: Api, context: ApiContext): void {
  const { pool, keys, reads } = context;

  api.get(
    '/v1/samples',
    {
      schema: {
        tags,
        summary: 'List samples, newest first',
        description: 'Somebody of an engagement sees those of that engagement.',
        querystring: z.strictObject({
          report: z.string().max(64).optional(),
          engagement: z.string().max(64).optional(),
          ...pageQuery,
        }),
        response: { 200: listOf(sampleSchema) },
      },
    },
    async ({ administrator: { workspaceId, engagement: within }, query: { limit, cursor, report, engagement } }) => {
      const filter = { report, engagement: within?.id ?? engagement };
      const scope = { list: 'samples', workspaceId, filter };
      const rows = await listSamples(pool, workspaceId, filter, openTimeCursor(keys.state, scope, cursor), limit + 1);
      return pageOf(keys.state, scope, limit, rows, sampleView, (row) => [row.requested_us, row.id]);
    },
  );

  api.post(
    '/v1/samples',
    {
      schema: {
        tags,
        summary: 'Draw a sample',
        description:
          'The population is counted and hashed, the request is on the log, and only then are rows chosen. A draw is never changed or taken back.',
        body: newSampleSchema,
        response: { 201: sampleSchema },
      },
    },
    async ({ administrator, body }, reply) => reply.code(201).send(await drawSample(context, administrator, body)),
  );

  api.get(
    '/v1/samples/:id',
    { schema: { tags, summary: 'A sample', params, response: { 200: sampleSchema } } },
    async ({ administrator: { workspaceId }, params: { id } }) => sampleView(await readSample(pool, workspaceId, id)),
  );

  api.get(
    '/v1/samples/:id/items',
    { schema: { tags, summary: 'What was drawn, in its order', params, response: { 200: listOf(sampleItemSchema) } } },
    async ({ administrator, params: { id } }) => {
      const { workspaceId } = administrator;
      const { report, table } = await readSample(pool, workspaceId, id);
      const items = await sampleItems(pool, workspaceId, id);
      await reads.note(administrator, 'evidence', { sample: id, report, table }, items.length);
      const columns = tableOf(reportOf(report), table).columns.map(({ name }) => name);
      return wholeList(items.map((item) => sampleItemView(columns, item)));
    },
  );

  api.get(
    '/v1/samples/:id/items/:n/pack',
    {
      schema: {
        tags,
        summary: 'The evidence of one row',
        description:
          'The action with its result, approval and what was shown, policy, owner, the tool’s own reference, and proofs. `format=folder`: as a ZIP archive with each record exactly as it was hashed.',
        params: itemParams,
        querystring: z.strictObject({ format: z.enum(['json', 'folder']).default('json') }),
        response: {
          200: {
            description: 'The pack.',
            content: { 'application/json': { schema: packSchema }, 'application/zip': { schema: z.unknown() } },
          },
        },
      },
    },
    async ({ administrator, params: { id, n }, query: { format } }, reply) => {
      const { workspaceId } = administrator;
      await reads.note(administrator, 'evidence', { sample: id, item: String(n) }, 1);
      const pack = await packOf(context, workspaceId, id, n);
      if (format === 'json') return pack;
      reply.type('application/zip').header('content-disposition', `attachment; filename="${id}-${n}.zip"`);
      return reply.send(packFolder(pack, n));
    },
  );

  api.get(
    '/v1/samples/:id/population',
    {
      schema: {
        tags,
        summary: 'The population as it was sampled: a line for each row',
        description:
          '`unit id TAB stratum TAB amount LF`, in the order of the table. Its SHA-256 is population.sha256 of the sample, unless something has left the log since.',
        params,
        response: {
          200: { description: 'The lines.', content: { 'text/tab-separated-values': { schema: z.unknown() } } },
        },
      },
    },
    async ({ administrator, params: { id } }, reply) => {
      const { workspaceId } = administrator;
      const sample = await readSample(pool, workspaceId, id);
      await reads.note(administrator, 'evidence', { population: id, report: sample.report }, sample.population.count);
      reply.header('content-disposition', `attachment; filename="${id}-population.tsv"`);
      const out = new PassThrough();
      // As fast as it is read; who goes away ends it, and who hangs is cut off by the database.
      inSnapshot(context, workspaceId, (snapshot) => pipeline(Readable.from(linesOf(snapshot, sample)), out)).catch(
        (error: unknown) => out.destroy(error instanceof Error ? error : undefined),
      );
      return reply.type('text/tab-separated-values; charset=utf-8').send(out);
    },
  );

  async function* linesOf(snapshot: Snapshot, sample: SampleView): AsyncGenerator<string, void, undefined> {
    const { report, table, from, to, parameters, as_of: asOf, method, stratify_by, amount, currency } = sample;
    const scope = scopeOf(context, snapshot, { report: reportOf(report), period: { from, to }, parameters, asOf });
    const selection = {
      method,
      stratifyBy: stratify_by ?? undefined,
      amount: amount ?? undefined,
      currency: currency ?? undefined,
    };
    let buffered = '';
    let count = 0;
    for await (const { unit } of unitsIn(scope, { report, table }, selection)) {
      buffered += populationLine(unit);
      count += 1;
      if (count % LINES !== 0) continue;
      yield buffered;
      buffered = '';
    }
    if (buffered !== '') yield buffered;
  }
}
