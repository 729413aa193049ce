/** Step 2 of the path for REST APIs: a request is matched to an operation and becomes an action. */
import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject } from '@hivekey/policy';
import type { Api, HttpApis, Operation, ReadRequest } from '../../http-apis/index.ts';
import type { Action, ActionPath, Principal } from '../../path/index.ts';
import { recordedName } from '../actions/index.ts';
import { type HttpRequest, keptRequest } from './request.ts';

/** As at the other entrances. */
export const SCHEMA_RULE = 'input schema';
const MAX_PROBLEMS = 8;
const NOTHING: JsonObject = Object.freeze({});

export interface Caller {
  readonly path: Pick<ActionPath, 'granted'>;
  readonly httpApis: Pick<HttpApis, 'catalogue'>;
  /** As it is recorded when nothing of that name is granted. */
  readonly attempted: string;
  readonly sourceAddress: string | undefined;
  readonly traceparent: string | undefined;
  readonly receivedAtMs: number;
}

export interface Resolved {
  readonly action: Action;
  /** Set where it can be forwarded. */
  readonly call: { readonly api: Api; readonly operation: Operation; readonly read: ReadRequest } | undefined;
}

/** Called again when policy or agent changed meanwhile, so it takes the principal of that moment. */
export async function resolve(caller: Caller, principal: Principal, request: HttpRequest): Promise<Resolved> {
  const [catalogue, granted] = await Promise.all([
    caller.httpApis.catalogue(principal.workspaceId),
    caller.path.granted(principal),
  ]);
  const api = catalogue.apis.get(request.namespace);
  const matched = request.path === undefined ? undefined : api?.match(request.method, request.path);
  const tool = recordedName(caller.attempted);
  const said = {
    entrance: 'http',
    traceparent: caller.traceparent,
    sourceAddress: caller.sourceAddress,
    receivedAtMs: caller.receivedAtMs,
    catalogueVersion: catalogue.version,
  } as const;
  const unread = { arguments: NOTHING, argumentsJson: '{}' } as const;
  if (api === undefined || matched === undefined)
    return { action: { ...said, ...unread, capability: tool, tool, known: false }, call: undefined };
  const { operation, pathValues } = matched;
  const { capability, access, destructive, pin, method, path } = operation;
  const known = {
    ...said,
    capability,
    known: true,
    namespace: api.namespace,
    upstreamTool: operation.name,
    access,
    destructive,
    definitionPin: pin,
  } as const;
  // Not looked at any further, so that a hidden operation takes no longer than an absent one.
  if (!granted.has(capability) || request.body === undefined) {
    const reason = request.unread ?? 'the operation was granted while it was being asked for';
    return { action: { ...known, ...unread, tool, refuse: misfit([reason]) }, call: undefined };
  }
  const prepared = operation.prepared();
  const read = prepared.plan.read({
    pathValues,
    query: request.query,
    header: (name) => request.headers.get(name) ?? [],
    contentType: request.contentType,
    body: request.body,
  });
  const named = { ...known, tool: `${method} ${path}`, sensitivePaths: prepared.sensitivePaths } as const;
  if (!read.ok) return { action: { ...named, ...unread, refuse: misfit([read.problem]) }, call: undefined };
  const problems = prepared.validate(read.arguments);
  return {
    action: {
      ...named,
      arguments: read.arguments,
      argumentsJson: canonicalJson(read.arguments),
      resumption: { request: () => keptRequest(request, read.target, read.headers), target: api.target },
      refuse: problems.length === 0 ? undefined : misfit(problems),
    },
    call: { api, operation, read },
  };
}

function misfit(problems: readonly string[]): Action['refuse'] {
  const reason = `The request does not fit the operation: ${problems.slice(0, MAX_PROBLEMS).join('; ')}`;
  return { reasonClass: 'guard', rule: SCHEMA_RULE, reason };
}
