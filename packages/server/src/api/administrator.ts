/** Puts routes behind an administrator. */
import type { FastifyRequest } from 'fastify';
import { Failure } from '../errors.ts';
import { administratorOf } from '../identity/index.ts';
import type { Administrator, Api, ApiContext } from './context.ts';
import type { Limits } from './limits.ts';
import { checkPermission } from './permissions.ts';

/** Refusals that say something of who tried: they are recorded, where the refusing transaction keeps nothing. */
const RECORDED: ReadonlySet<string> = new Set([
  'role_missing',
  'own_roles',
  'last_admin',
  'own_session_required',
  'sign_in_required',
  'step_up_required',
  'agent_not_owned',
  'break_glass_minimum',
  'change_required',
  'policy_frozen',
]);

const administrators = new WeakMap<FastifyRequest, Administrator>();

/** `request.administrator`; reading it throws where no administrator was required. */
export function decorateAdministrator(api: Api): void {
  api.decorateRequest('administrator', {
    getter(this: FastifyRequest): Administrator {
      const administrator = administrators.get(this);
      if (administrator === undefined) throw new Error('this route does not require an administrator');
      return administrator;
    },
  });
}

/** Puts every route registered on `api` after this behind an administrator. Runs before a body is read. */
export function requireAdministrator(api: Api, context: ApiContext, limits: Limits): void {
  api.addHook('onError', async (request, _reply, error) => {
    const administrator = administrators.get(request);
    if (administrator === undefined || request.method === 'GET' || !(error instanceof Failure)) return;
    if (!RECORDED.has(error.code)) return;
    const { workspaceId, actor } = administrator;
    const route = `${request.method} ${request.routeOptions.url ?? ''}`;
    await context.log.record(workspaceId, { kind: 'management.refused', actor, route, code: error.code });
  });
  api.addHook('onRequest', async (request, reply) => {
    await limits.request(request, reply);
    try {
      const administrator = await administratorOf(context, request);
      administrators.set(request, administrator);
      checkPermission(administrator.roles, request.routeOptions.config.may ?? []);
    } catch (error) {
      // A session that is over is no attempt at a login: its console goes on asking for a while.
      const isAttempt = error instanceof Failure && error.status === 401 && request.headers.authorization !== undefined;
      throw isAttempt ? await limits.failedLogin(request, reply, error) : error;
    }
  });
}
