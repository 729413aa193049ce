import { z } from 'zod';
import {
  type Administrator,
  type Api,
  type ApiContext,
  listOf,
  openCursor,
  pageQuery,
  sealCursor,
  wholeList,
} from '../api/route.ts';
import { Failure } from '../errors.ts';
import { MEDIA_TYPES, makeFile } from './export.ts';
import { authorOf, headerOf } from './header.ts';
import { periodOf } from './period.ts';
import { previewOf } from './preview.ts';
import { type Asked, factsOf, readReport, rowsOf, scopeOf, tableOf } from './read.ts';
import { allReports, reportOf } from './reports.ts';
import { inSnapshot } from './snapshot.ts';
import { Turns } from './turns.ts';
import {
  FORMATS,
  type Format,
  formatsOf,
  reportSchema,
  reportView,
  rowsSchema,
  summarySchema,
  type tableSchema,
} from './views.ts';

const tags = ['evidence'];
const moment = z.iso.datetime({ offset: true });
const params = z.object({ report: z.string().max(64) });
const period = {
  from: moment.meta({ description: 'Inclusive.' }),
  to: moment.meta({ description: 'Exclusive.' }),
};
const OF_ALL_TABLES: ReadonlySet<Format> = new Set(['xlsx', 'pdf', 'zip']);
/** Reports that are read at once. */
const AT_ONCE = 4;
/** Parameters of the report stand beside those of the route. */
const asked = z.looseObject(period);

export function evidenceRoutes(api: Api, context: ApiContext): void {
  const { keys, log, reads, clock } = context;
  const turns = new Turns(AT_ONCE);

  function askedOf(report: string, { from, to, ...parameters }: z.output<typeof asked>, asOf?: string): Asked {
    const given = Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]);
    return {
      report: reportOf(report),
      period: periodOf(from, to, clock()),
      parameters: Object.fromEntries(given),
      asOf,
    };
  }

  /** Whoever looks is on the log before they see anything. */
  function note(reader: Administrator, { report, period: of, parameters }: Asked, table?: string): Promise<void> {
    const selection = { report: report.id, ...of, ...parameters, ...(table === undefined ? {} : { table }) };
    return reads.note(reader, 'evidence', selection);
  }

  api.get(
    '/v1/evidence/reports',
    {
      schema: {
        tags,
        summary: 'What evidence there is',
        description: 'Each report with its tables, columns and how it is selected.',
        response: { 200: listOf(reportSchema) },
      },
    },
    () => wholeList(allReports().map(reportView)),
  );

  api.get(
    '/v1/evidence/reports/:report',
    {
      schema: {
        tags,
        summary: 'A report of a period in numbers, with its header',
        description: 'Read to its end in one snapshot: rows, control totals, counts of the sources, gaps, exclusions.',
        params,
        querystring: asked,
        response: { 200: summarySchema },
      },
    },
    async ({ administrator, params: { report: id }, query }) => {
      const question = askedOf(id, query);
      const { report } = question;
      await note(administrator, question);
      return turns.take(() =>
        inSnapshot(context, administrator.workspaceId, async (snapshot) => {
          const scope = scopeOf(context, snapshot, question);
          const content = await readReport(report, scope);
          const counts = new Map<string, number>();
          for (const table of report.tables) {
            let count = 0;
            for await (const _ of rowsOf(content, table)) count += 1;
            counts.set(table.name, count);
          }
          const facts = await content.facts();
          const tables: z.input<typeof tableSchema>[] = [];
          for (const table of report.tables) {
            const header = await headerOf(
              report,
              table,
              scope,
              snapshot,
              factsOf(facts, table),
              authorOf(administrator),
            );
            tables.push({ name: table.name, title: table.title, row_count: counts.get(table.name) ?? 0, header });
          }
          return {
            object: 'evidence_summary' as const,
            report: report.id,
            ...question.period,
            as_of: scope.asOf,
            tables,
          };
        }),
      );
    },
  );

  api.get(
    '/v1/evidence/reports/:report/rows',
    {
      schema: {
        tags,
        summary: 'Rows of a table, in pages',
        description:
          'All pages are told as of the instant of the first: what has happened since is in none of them. At most the first 10,000 rows; the rest is in the file.',
        params,
        querystring: asked.extend({ table: z.string().max(64).optional(), ...pageQuery }),
        response: { 200: rowsSchema },
      },
    },
    async ({ administrator, params: { report: id }, query: { table: name, limit, cursor, ...query } }) => {
      const { workspaceId } = administrator;
      const report = reportOf(id);
      const table = tableOf(report, name);
      const filter = { report: id, table: table.name, ...Object.fromEntries(Object.entries(query).map(textOf)) };
      const scope = { list: 'evidence', workspaceId, filter };
      const [asOf, skip] = openCursor(keys.state, scope, cursor) ?? [];
      const question = askedOf(id, query, asOf === undefined ? undefined : String(asOf));
      await note(administrator, question, table.name);
      return turns.take(() =>
        inSnapshot(context, workspaceId, async (snapshot) => {
          const of = scopeOf(context, snapshot, question);
          const content = await readReport(report, of);
          const page = await previewOf(rowsOf(content, table), Number(skip ?? 0), limit);
          return {
            object: 'evidence_rows' as const,
            report: id,
            table: table.name,
            as_of: of.asOf,
            columns: table.columns.map((column) => column.name),
            rows: page.rows,
            has_more: page.hasMore,
            next_cursor: page.next === undefined ? null : sealCursor(keys.state, scope, [of.asOf, page.next]),
          };
        }),
      );
    },
  );

  api.get(
    '/v1/evidence/reports/:report/file',
    {
      schema: {
        tags,
        summary: 'A file of a report',
        description:
          'CSV is the record; XLSX is a working copy with all tables; `ipe` is the header of a table; `zip` has each table as CSV with its header, and what is no table: differences, views, drawings. Each file is on the log with its hash before it is sent.',
        params,
        querystring: asked.extend({ table: z.string().max(64).optional(), format: z.enum(FORMATS).default('csv') }),
        response: {
          200: {
            description: 'The file.',
            content: Object.fromEntries(
              Object.values(MEDIA_TYPES).map((type) => [type.split(';')[0] ?? type, { schema: z.unknown() }]),
            ),
          },
        },
      },
    },
    async ({ administrator, params: { report: id }, query: { table, format, ...query } }, reply) => {
      const { workspaceId, actor, credentialId, via } = administrator;
      const question = askedOf(id, query);
      if (!formatsOf(question.report).includes(format))
        throw new Failure(
          422,
          'format_unavailable',
          `The report ${id} has no ${format}.`,
          `Ask for one of ${formatsOf(question.report).join(', ')}.`,
        );
      const file = await turns.take(() => makeFile(context, administrator, question, table, format));
      await log.record(workspaceId, {
        kind: 'evidence.exported',
        actor,
        key_id: credentialId,
        via,
        report: id,
        table: OF_ALL_TABLES.has(format) ? undefined : tableOf(question.report, table).name,
        format,
        ...question.period,
        parameters: question.parameters,
        count: file.rows,
        sha256: file.sha256,
      });
      reply.headers({
        'content-type': MEDIA_TYPES[format],
        'content-length': file.bytes,
        'content-disposition': `attachment; filename="${file.name}"`,
        'repr-digest': `sha-256=:${Buffer.from(file.sha256, 'hex').toString('base64')}:`,
      });
      return reply.send(file.content);
    },
  );
}

function textOf([name, value]: [string, unknown]): [string, string] {
  return [name, String(value)];
}
