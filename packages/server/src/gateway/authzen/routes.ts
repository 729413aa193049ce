/** OpenID AuthZEN Authorization API 1.0: any enforcement point can ask HiveKey. Described in docs/reference/authzen.md. */
import { z } from 'zod';
import {
  type Api,
  type ApiContext,
  type FastifyRequest,
  type ListScope,
  openCursor,
  sealCursor,
} from '../../api/route.ts';
import { Failure } from '../../errors.ts';
import { administratorOf, credentialKind } from '../../identity/index.ts';
import type { WorkspaceId } from '../../ids.ts';
import type { DryRunSubject } from '../../path/index.ts';
import { authenticateAgent, bearerOf, OwnTools, unauthenticated } from '../actions/index.ts';
import { type Answer, type Asker, Evaluator, Undecided } from './evaluate.ts';
import {
  actionSearchSchema,
  type Evaluations,
  evaluationOf,
  evaluationSchema,
  evaluationsSchema,
  subjectSearchSchema,
} from './request.ts';
import { Searcher } from './search.ts';

const PATHS = {
  access_evaluation_endpoint: '/access/v1/evaluation',
  access_evaluations_endpoint: '/access/v1/evaluations',
  search_subject_endpoint: '/access/v1/search/subject',
  search_action_endpoint: '/access/v1/search/action',
} as const;

/** The specification lets a request id be any string; this much of them can stand in a header. */
const REQUEST_ID = /^[\x20-\x7e]{1,512}$/;
const DEFAULT_RESULTS = 50;
const MAX_RESULTS = 200;

const decisionSchema = z.object({ decision: z.boolean(), context: z.record(z.string(), z.unknown()).optional() });
const entitySchema = z.object({ type: z.string(), id: z.string() });

/** Metadata, section 9 of the specification. For everybody. */
export function authzenDiscoveryRoutes(api: Api, { url }: ApiContext): void {
  const endpoints = Object.fromEntries(Object.entries(PATHS).map(([name, path]) => [name, url + path]));
  api.get(
    '/.well-known/authzen-configuration',
    {
      schema: {
        summary: 'AuthZEN metadata',
        tags: ['authzen'],
        response: { 200: z.record(z.string(), z.string()) },
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'public, max-age=3600');
      return { policy_decision_point: url, ...endpoints };
    },
  );
}

export function authzenRoutes(api: Api, context: ApiContext): void {
  api.register(async (group: Api) => accessRoutes(group, context));
}

const askers = new WeakMap<FastifyRequest, Asker>();

function askerOf(request: FastifyRequest): Asker {
  const asker = askers.get(request);
  if (asker === undefined) throw new Error('nobody was authenticated for this request');
  return asker;
}

/** An agent token asks about its agent; an admin key about every agent of its workspace. */
function installAuthentication(api: Api, context: ApiContext): void {
  api.addHook('onRequest', async (request, reply) => {
    const id = request.headers['x-request-id'];
    if (typeof id === 'string' && REQUEST_ID.test(id)) reply.header('x-request-id', id);
    const token = bearerOf(request);
    if (token === undefined) throw unauthenticated('token_missing');
    if (credentialKind(token) === 'live') {
      askers.set(request, { kind: 'point', administrator: await administratorOf(context, request) });
    } else if (credentialKind(token) !== 'agt' && credentialKind(token) !== 'access') {
      throw unauthenticated('token_invalid');
    }
    if (!declaresJson(request))
      throw new Failure(
        400,
        'content_type_not_json',
        'The Content-Type is not application/json.',
        'AuthZEN requests declare Content-Type: application/json.',
      );
  });
  api.addHook('preValidation', async (request) => {
    if (askers.has(request)) return;
    const tool = triedBy(request.body) ?? request.routeOptions.url ?? '';
    askers.set(request, { kind: 'agent', ...(await authenticateAgent(context, request, 'authzen', tool, false)) });
  });
}

/** Read from what arrived: elsewhere a body is JSON whatever is declared. */
function declaresJson({ raw }: FastifyRequest): boolean {
  const at = raw.rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-type');
  return at !== -1 && /^application\/json\s*(;|$)/i.test(raw.rawHeaders[at + 1] ?? '');
}

/** What is tried, for the record of an attempt with a dead token. The body has not been checked yet. */
function triedBy(body: unknown): string | undefined {
  const parsed = z.looseObject({ action: z.looseObject({ name: z.string() }) }).safeParse(body);
  return parsed.success ? parsed.data.action.name : undefined;
}

function accessRoutes(api: Api, context: ApiContext): void {
  const tools = new OwnTools(context.pool);
  const evaluator = new Evaluator(context, tools);
  const searcher = new Searcher(context, tools);
  installAuthentication(api, context);

  api.post(
    PATHS.access_evaluation_endpoint,
    {
      schema: {
        summary: 'AuthZEN access evaluation',
        description: 'Recorded, and counted in windows: a true is good for one action.',
        tags: ['authzen'],
        body: evaluationSchema,
        response: { 200: decisionSchema },
      },
    },
    async (request) => {
      const answer = await evaluator.evaluate(askerOf(request), request, request.body);
      if (answer instanceof Undecided) throw answer.failure;
      return answer;
    },
  );

  api.post(
    PATHS.access_evaluations_endpoint,
    {
      schema: {
        summary: 'AuthZEN access evaluations',
        description: 'In the order given, one after the other; each is recorded and counted.',
        tags: ['authzen'],
        body: evaluationsSchema,
        response: { 200: z.union([z.object({ evaluations: z.array(decisionSchema) }), decisionSchema]) },
      },
    },
    async (request) => {
      const { evaluations = [] } = request.body;
      if (evaluations.length === 0) return evaluateAlone(evaluator, request, request.body);
      return { evaluations: await evaluateAll(evaluator, request, request.body, evaluations) };
    },
  );

  subjectSearch(api, context, searcher);

  api.post(
    PATHS.search_action_endpoint,
    {
      schema: {
        summary: 'AuthZEN action search',
        description:
          'Actions of the namespace of the resource type that the agent may take now. Nothing is recorded or counted.',
        tags: ['authzen'],
        body: actionSearchSchema,
        response: { 200: z.object({ results: z.array(z.object({ name: z.string() })) }) },
      },
    },
    async (request) => {
      const { subject, resource, context: environment } = request.body;
      const found = await subjectOf(searcher, askerOf(request), subject);
      if (found === undefined) return { results: [] };
      const names = await searcher.actions(found, { subject, resource, context: environment });
      return { results: names.map((name) => ({ name })) };
    },
  );
}

/** Without evaluations the request is a single one. */
async function evaluateAlone(evaluator: Evaluator, request: FastifyRequest, body: Evaluations): Promise<Answer> {
  const parsed = evaluationOf(body, {});
  if (!parsed.ok)
    throw new Failure(
      400,
      'request_invalid',
      `The request has no evaluations and is not a single one (${parsed.problem}).`,
      'Give evaluations, or subject, action and resource.',
    );
  const answer = await evaluator.evaluate(askerOf(request), request, parsed.evaluation);
  if (answer instanceof Undecided) throw answer.failure;
  return answer;
}

async function evaluateAll(
  evaluator: Evaluator,
  request: FastifyRequest,
  body: Evaluations,
  items: readonly unknown[],
): Promise<Answer[]> {
  const { evaluations_semantic: semantic } = body.options;
  const answers: Answer[] = [];
  // One after the other: where a window has room for some of them, it is the first ones.
  for (const item of items) {
    const parsed = evaluationOf(body, item);
    const answer = parsed.ok
      ? await evaluator.evaluate(askerOf(request), request, parsed.evaluation)
      : new Undecided(new Failure(400, 'request_invalid', `The evaluation is not complete (${parsed.problem}).`, ''));
    // A dead credential is dead for the whole request.
    if (answer instanceof Undecided && answer.failure.status === 401) throw answer.failure;
    const given = answer instanceof Undecided ? answer.answer : answer;
    answers.push(given);
    if (semantic === 'deny_on_first_deny' && !given.decision) break;
    if (semantic === 'permit_on_first_permit' && given.decision) break;
  }
  return answers;
}

/** An agent is told about itself only, with the roles of its token. */
async function subjectOf(
  searcher: Searcher,
  asker: Asker,
  { type, id }: { readonly type: string; readonly id: string },
): Promise<DryRunSubject | undefined> {
  if (type !== 'agent') return undefined;
  if (asker.kind === 'point') return searcher.agent(asker.administrator.workspaceId, id);
  const { principal } = asker;
  return id === principal.agentId || id.toLowerCase() === principal.agent.toLowerCase() ? principal : undefined;
}

function subjectSearch(api: Api, { keys }: ApiContext, searcher: Searcher): void {
  api.post(
    PATHS.search_subject_endpoint,
    {
      schema: {
        summary: 'AuthZEN subject search',
        description:
          'Agents that may take the action now; an agent token finds its own agent only. Nothing is recorded or counted.',
        tags: ['authzen'],
        body: subjectSearchSchema,
        response: {
          200: z.object({
            page: z.object({ next_token: z.string(), count: z.int() }),
            results: z.array(entitySchema),
          }),
        },
      },
    },
    async (request) => {
      const { subject, action, resource, context, page } = request.body;
      const asker = askerOf(request);
      const question = { subject, action, resource, context };
      const none = { page: { next_token: '', count: 0 }, results: [] };
      if (subject.type !== 'agent') return none;
      if (asker.kind === 'agent') {
        if (!(await searcher.permits(asker.principal, question))) return none;
        return { page: { next_token: '', count: 1 }, results: [{ type: 'agent', id: asker.principal.agent }] };
      }
      const { workspaceId } = asker.administrator;
      const scope = scopeOf(workspaceId, question);
      const limit = Math.min(Math.max(page.limit ?? DEFAULT_RESULTS, 1), MAX_RESULTS);
      const after = openCursor(keys.state, scope, page.token)?.[0] ?? '';
      const { candidates, last } = await searcher.agents(workspaceId, String(after));
      const results: { type: 'agent'; id: string }[] = [];
      let reached = last;
      for (const [i, candidate] of candidates.entries()) {
        if (await searcher.permits(candidate, question)) results.push({ type: 'agent', id: candidate.handle });
        if (results.length === limit && (i < candidates.length - 1 || last !== undefined)) {
          reached = candidate.agentId;
          break;
        }
      }
      const token = reached === undefined ? '' : sealCursor(keys.state, scope, [reached]);
      return { page: { next_token: token, count: results.length }, results };
    },
  );
}

/** A token is good for the same question only. */
function scopeOf(
  workspaceId: WorkspaceId,
  { subject, ...rest }: { readonly subject: { readonly type: string } },
): ListScope {
  return { list: 'authzen-subjects', workspaceId, filter: { question: JSON.stringify([subject.type, rest]) } };
}
