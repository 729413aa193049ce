/**
 * What people of an audit firm may call, and of which period. Their role is that of an auditor, but not all that an
 * auditor of one's own may read: a route that is not in this table is refused, so that one that comes later is closed to
 * them until somebody has thought of it. Where a route has a period, it is kept within that of the engagement.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Api, ApiContext, EngagementScope, FastifyRequest } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { AccessNotes } from './access.ts';
import { engagementNotFound } from './engagement.ts';
import { maskRecord } from './masks.ts';

interface Rule {
  /** Not in the list of accesses: about their own session or notes, or a record says it better. */
  readonly untold?: true;
  /** In query or body, ISO 8601: filled in where absent, and refused where it reaches beyond. */
  readonly period?: { readonly from: string; readonly to: string; readonly in: 'query' | 'body' };
  /** An instant in the query; absent, it is now, or the last of the period. */
  readonly at?: { readonly name: string; readonly as: 'iso' | 'seconds' };
  /** Members of the query that would tell of what is hidden. */
  readonly without?: readonly string[];
  /** Parameter with the id of an event of the log, which is one of the period. */
  readonly event?: string;
  /** Parameter with the id of a sample, which is one of the engagement. */
  readonly sample?: string;
  /** Parameter with the id of a bundle, which is one of the period, or was provided. */
  readonly bundle?: string;
  /** The answer has records: what is hidden by default is. Of a list of bundles, those that are theirs to see. */
  readonly shows?: 'event' | 'events' | 'bundles';
}

/** About themselves, or the notes of their firm. */
const OWN: Rule = { untold: true };
/** It writes a record of its own. */
const SAID: Rule = { untold: true };
const READ: Rule = {};
const FROM_TO: Rule = { period: { from: 'from', to: 'to', in: 'query' } };
const OF_SAMPLE: Rule = { sample: 'id' };
const OF_BUNDLE: Rule = { bundle: 'id' };

export const ROUTES_OF_FIRMS: Readonly<Record<string, Rule>> = {
  'GET /v1/session': OWN,
  'GET /v1/permissions': OWN,
  'DELETE /v1/session': OWN,
  'GET /v1/sessions': OWN,
  'DELETE /v1/sessions/:id': OWN,
  'POST /v1/session/end': OWN,
  'GET /v1/passkeys': { ...OWN, without: ['person'] },
  'POST /v1/passkeys/options': OWN,
  'POST /v1/passkeys': OWN,
  'PATCH /v1/passkeys/:id': OWN,
  'POST /v1/passkeys/:id/revoke': OWN,
  'POST /v1/session/step-up/options': OWN,
  'POST /v1/session/step-up': OWN,
  'GET /v1/workspace': OWN,

  'GET /v1/engagements': OWN,
  'GET /v1/engagements/:id': OWN,
  'GET /v1/engagements/:id/requests': READ,
  'POST /v1/engagements/:id/requests': SAID,
  'POST /v1/engagements/:id/requests/:request/acts': SAID,
  'GET /v1/engagements/:id/states': READ,
  'POST /v1/engagements/:id/states': SAID,
  'GET /v1/engagements/:id/notes': OWN,
  'POST /v1/engagements/:id/notes': OWN,
  'GET /v1/engagements/:id/walkthrough': READ,
  'POST /v1/engagements/:id/walkthrough/:step': SAID,
  'POST /v1/engagements/:id/reperformances': SAID,
  'GET /v1/engagements/:id/runs': READ,
  'POST /v1/engagements/:id/unmaskings': SAID,
  'GET /v1/engagements/:id/access': READ,
  'GET /v1/engagements/:id/working-set': SAID,

  'GET /v1/audit/events': { ...FROM_TO, without: ['args'], shows: 'events' },
  'GET /v1/audit/events/:id': { event: 'id', shows: 'event' },
  'GET /v1/audit/key': READ,
  'GET /v1/audit/checkpoint': READ,

  'GET /v1/evidence/reports': READ,
  'GET /v1/evidence/reports/:report': FROM_TO,
  'GET /v1/evidence/reports/:report/rows': FROM_TO,
  'GET /v1/evidence/reports/:report/file': FROM_TO,
  'GET /v1/evidence/bundles': { shows: 'bundles' },
  'GET /v1/evidence/bundles/:id': OF_BUNDLE,
  'GET /v1/evidence/bundles/:id/download': OF_BUNDLE,
  'GET /v1/evidence/key': READ,
  'GET /v1/readiness': FROM_TO,
  'GET /v1/readiness/controls/:id': FROM_TO,
  'GET /v1/readiness/crosswalk': READ,
  'GET /v1/agents/:agent/answers/:question': { ...FROM_TO, at: { name: 'at', as: 'iso' } },
  'GET /v1/agents/:agent/answers/:question/pdf': { ...FROM_TO, at: { name: 'at', as: 'iso' } },

  'GET /v1/samples': READ,
  'POST /v1/samples': { period: { from: 'from', to: 'to', in: 'body' } },
  'GET /v1/samples/:id': OF_SAMPLE,
  'GET /v1/samples/:id/items': OF_SAMPLE,
  'GET /v1/samples/:id/items/:n/pack': OF_SAMPLE,
  'GET /v1/samples/:id/population': OF_SAMPLE,

  'GET /v1/agents': READ,
  'GET /v1/agents/:agent': READ,
  'GET /v1/agents/:agent/authority': { at: { name: 'at', as: 'iso' } },
  'GET /v1/agents/:agent/versions': READ,
  'GET /v1/agents/:agent/versions/:version': READ,
  'GET /v1/roles': READ,
  'GET /v1/roles/:name': READ,
  'GET /v1/roles/:name/revisions': READ,
  'GET /v1/capabilities': READ,
  'GET /v1/capabilities/:name': READ,
  'GET /v1/policies': READ,
  'GET /v1/policies/:revision': READ,
  'GET /v1/blast-radius': READ,
  'GET /v1/containments/rehearsals': READ,
  'GET /v1/containments/rehearsals/:id': READ,
};

/** Has every route registered on `api` after this keep people of a firm within their engagement. After `requireAdministrator`. */
export function installBoundary(api: Api, context: Pick<ApiContext, 'pool' | 'log' | 'clock'>): void {
  const notes = new AccessNotes(context.log, context.clock);

  /** That somebody tried is for the customer to know. */
  async function refuse(request: FastifyRequest, engagement: EngagementScope, failure: Failure): Promise<never> {
    await notes.note(request.administrator, engagement, request.method, request.url, failure.code);
    throw failure;
  }

  api.addHook('onRequest', async (request) => {
    const { engagement } = request.administrator;
    if (engagement === undefined) return;
    if (ruleOf(request) === undefined)
      await refuse(request, engagement, outside('This is none of what people of an audit firm are let in to see.'));
    const { url = '' } = request.routeOptions;
    const { id } = paramsSchema.parse(request.params);
    if (url.startsWith('/v1/engagements/:id') && id !== engagement.id) throw engagementNotFound(id ?? '');
  });

  // Before the schema: what is filled in is checked as if it had been sent.
  api.addHook('preValidation', async (request) => {
    const { engagement } = request.administrator;
    const rule = engagement && ruleOf(request);
    if (engagement === undefined || rule === undefined) return;
    const { without = [], period, at } = rule;
    const told = without.find((name) => membersOf(request.query)[name] !== undefined);
    if (told !== undefined)
      await refuse(
        request,
        engagement,
        outside(`The query member ${told} would tell of what is hidden from people of an audit firm.`),
      );
    const bounded = async (members: Record<string, unknown> | Failure) =>
      members instanceof Failure ? refuse(request, engagement, members) : members;
    if (period?.in === 'body') request.body = await bounded(within(membersOf(request.body), period, engagement));
    if (period?.in === 'query') request.query = await bounded(within(membersOf(request.query), period, engagement));
    if (at !== undefined)
      request.query = await bounded(instantOf(membersOf(request.query), at, engagement, context.clock()));
  });

  api.addHook('preHandler', async (request) => {
    const { administrator } = request;
    const { engagement, workspaceId } = administrator;
    const rule = engagement && ruleOf(request);
    if (engagement === undefined || rule === undefined) return;
    if (rule.event !== undefined)
      await checkEvent(context.pool, workspaceId, String(membersOf(request.params)[rule.event]), engagement);
    if (rule.sample !== undefined)
      await checkSample(context.pool, workspaceId, String(membersOf(request.params)[rule.sample]), engagement);
    if (rule.bundle !== undefined) {
      const bundle = String(membersOf(request.params)[rule.bundle]);
      if (!(await bundlesOf(context.pool, workspaceId, engagement)).has(bundle)) throw bundleNotFound(bundle);
    }
    if (rule.untold === undefined) await notes.note(administrator, engagement, request.method, request.url);
  });

  api.addHook('preSerialization', async (request, reply, payload) => {
    const rule = ruleOf(request);
    // A refusal may be of somebody of whom nothing is known.
    if (rule?.shows === undefined || reply.statusCode !== 200) return payload;
    const { engagement, workspaceId } = request.administrator;
    if (engagement === undefined) return payload;
    if (rule.shows === 'event') return maskOne(payload);
    if (rule.shows === 'events') return maskList(payload);
    const theirs = await bundlesOf(context.pool, workspaceId, engagement);
    const list = listSchema.parse(payload);
    return { ...list, data: list.data.filter(({ id }) => theirs.has(String(id))) };
  });
}

const paramsSchema = z.object({ id: z.string().optional() });
const recordSchema = z.record(z.string(), z.unknown());
const listSchema = z.looseObject({ data: z.array(recordSchema) });
const oneSchema = z.looseObject({ event: recordSchema, result: recordSchema.nullable() });

function maskList(payload: unknown): unknown {
  const list = listSchema.parse(payload);
  return { ...list, data: list.data.map(maskRecord) };
}

function maskOne(payload: unknown): unknown {
  const { event, result, ...rest } = oneSchema.parse(payload);
  return { ...rest, event: maskRecord(event), result: result === null ? null : maskRecord(result) };
}

function ruleOf({ method, routeOptions: { url } }: FastifyRequest): Rule | undefined {
  return ROUTES_OF_FIRMS[`${method} ${url ?? ''}`];
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  const read = recordSchema.safeParse(value);
  return read.success ? read.data : {};
}

/** What is no time is left to the schema of the route to refuse. */
function within(
  members: Readonly<Record<string, unknown>>,
  { from, to }: { readonly from: string; readonly to: string },
  { fromMs, toMs }: EngagementScope,
): Record<string, unknown> | Failure {
  const given = {
    ...members,
    [from]: members[from] ?? new Date(fromMs).toISOString(),
    [to]: members[to] ?? new Date(toMs).toISOString(),
  };
  for (const name of [from, to]) {
    const atMs = Date.parse(String(given[name]));
    if (atMs < fromMs || atMs > toMs) return outsidePeriod({ fromMs, toMs });
  }
  return given;
}

function instantOf(
  members: Readonly<Record<string, unknown>>,
  { name, as }: { readonly name: string; readonly as: 'iso' | 'seconds' },
  { fromMs, toMs }: EngagementScope,
  nowMs: number,
): Record<string, unknown> | Failure {
  const write = (atMs: number) => (as === 'iso' ? new Date(atMs).toISOString() : String(Math.floor(atMs / 1000)));
  const given = members[name] ?? write(Math.min(nowMs, toMs - 1));
  const atMs = as === 'iso' ? Date.parse(String(given)) : Number(given) * 1000;
  if (atMs < fromMs || atMs >= toMs) return outsidePeriod({ fromMs, toMs });
  return { ...members, [name]: given };
}

/** Another engagement's, and the customer's own, answer as ones that are not there. */
async function checkSample(
  pool: Pool,
  workspaceId: WorkspaceId,
  sampleId: string,
  { id }: Pick<EngagementScope, 'id'>,
): Promise<void> {
  const { rowCount } = await pool.query(
    'SELECT FROM samples WHERE workspace_id = $1 AND id = $2 AND engagement_id = $3',
    [workspaceId, sampleId, id],
  );
  if (rowCount === 1) return;
  throw new Failure(
    404,
    'sample_not_found',
    `There is no sample "${sampleId}" in this engagement.`,
    'List them with GET /v1/samples.',
  );
}

const BUNDLES = `
SELECT b.id FROM evidence_bundles b WHERE b.workspace_id = $1 AND (
  (b.period_from >= to_timestamp($3::float8 / 1000) AND b.period_to <= to_timestamp($4::float8 / 1000))
  OR EXISTS (SELECT FROM engagement_requests r
               JOIN engagement_request_acts a ON a.workspace_id = r.workspace_id AND a.request_id = r.id
              WHERE r.workspace_id = $1 AND r.engagement_id = $2 AND a.side = 'customer'
                AND a.attachments @> jsonb_build_array(jsonb_build_object('kind', 'bundle', 'ref', b.id))))`;

/** Of a period within that of the engagement, or provided in it. */
async function bundlesOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  { id, fromMs, toMs }: EngagementScope,
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ id: string }>(BUNDLES, [workspaceId, id, fromMs, toMs]);
  return new Set(rows.map((row) => row.id));
}

function bundleNotFound(id: string): Failure {
  return new Failure(
    404,
    'bundle_not_found',
    `There is no bundle "${id}" of the period, and none was provided.`,
    'List them with GET /v1/evidence/bundles, or ask for one: POST /v1/engagements/:id/requests.',
  );
}

/** An event of another time answers as one that is not there. */
export async function checkEvent(
  pool: Pool,
  workspaceId: WorkspaceId,
  eventId: string,
  { fromMs, toMs }: Pick<EngagementScope, 'fromMs' | 'toMs'>,
): Promise<void> {
  const { rows } = await pool.query<{ ts: Date }>('SELECT ts FROM actions WHERE workspace_id = $1 AND event_id = $2', [
    workspaceId,
    eventId,
  ]);
  const atMs = rows[0]?.ts.getTime();
  if (atMs !== undefined && atMs >= fromMs && atMs < toMs) return;
  throw new Failure(
    404,
    'event_not_found',
    `The log has no event ${JSON.stringify(eventId)} in the period of the engagement.`,
    'List events with GET /v1/audit/events.',
  );
}

function outside(cause: string): Failure {
  return new Failure(
    403,
    'outside_engagement',
    cause,
    'Ask for it: POST /v1/engagements/:id/requests. The customer provides what is beyond.',
  );
}

function outsidePeriod({ fromMs, toMs }: Pick<EngagementScope, 'fromMs' | 'toMs'>): Failure {
  return outside(`The engagement is about ${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}.`);
}
