/** Step 2 of the path for MCP: what a request names, read against the catalogue as it is now. */

import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject } from '@hivekey/policy';
import type { Action, Principal } from '../../path/index.ts';
import type { Catalogue, CatalogueEntry, UpstreamServer } from '../../upstreams/index.ts';
import { type Caller, type Gateway, sessionIdOf, traceparentOf } from './caller.ts';
import { heldRequest } from './held-request.ts';
import { openRequestState, type StateRead, type WaitingState } from './input-required.ts';
import { paramHeaderProblem, paramHeadersOf } from './param-headers.ts';
import { recordedName, type Target } from './target.ts';

/** Rules of refusals found here; each has an answer of its own. */
export const RULE = {
  schema: 'input schema',
  headers: 'mcp-param headers',
  state: 'request state',
} as const;

/** Problems named in one refusal. */
const MAX_PROBLEMS = 8;
const NO_STATE: StateRead = { ok: true };

export interface Resolved {
  readonly action: Action;
  readonly entry: CatalogueEntry | undefined;
  readonly server: UpstreamServer | undefined;
  /** The upstream's own state, out of a retry. */
  readonly state: string | undefined;
  /** The call waits for people, and this is another leg of it. */
  readonly waiting: WaitingState | undefined;
}

/** Called again when policy or agent changed meanwhile, so it takes the principal of that moment. `kept`: the upstream's own state, of a call that was held with it. */
export async function resolve(
  gateway: Gateway,
  caller: Caller,
  principal: Principal,
  target: Target,
  params: JsonObject,
  kept?: string,
): Promise<Resolved> {
  const catalogue = await gateway.upstreams.catalogue(principal.workspaceId);
  const entry = await choose(gateway, principal, target.find(catalogue, caller.namespace));
  const said = {
    entrance: 'mcp',
    tool: recordedName(target.name),
    arguments: target.arguments,
    argumentsJson: canonicalJson(target.arguments),
    ...sessionIdOf(caller),
    ...traceparentOf(caller),
    ...(caller.sourceAddress === undefined ? {} : { sourceAddress: caller.sourceAddress }),
    receivedAtMs: caller.receivedAtMs,
    catalogueVersion: catalogue.version,
  } as const;
  if (entry === undefined) {
    const resumption = { request: () => heldRequest(caller, target, params, kept) };
    const action = { ...said, capability: recordedName(target.name), known: false, resumption };
    return { action, entry, server: undefined, state: undefined, waiting: undefined };
  }
  const named = { capability: entry.capability, argumentsJson: said.argumentsJson };
  const read: StateRead =
    kept !== undefined
      ? { ok: true, state: kept }
      : caller.era === 'modern'
        ? openRequestState(gateway, principal, named, params.requestState)
        : NO_STATE;
  const state = read.ok ? read.state : undefined;
  const server = serverOf(catalogue, entry);
  const action = {
    ...said,
    capability: entry.capability,
    known: true,
    namespace: entry.namespace,
    upstreamTool: entry.upstreamName,
    access: entry.access,
    definitionPin: entry.pin,
    sensitivePaths: entry.sensitivePaths,
    resumption: {
      request: () => heldRequest(caller, target, params, state),
      ...(server?.target === undefined ? {} : { target: server.target }),
    },
  };
  const refuse = problemOf(caller, target, entry, read.ok);
  return {
    action: refuse === undefined ? action : { ...action, refuse },
    entry,
    server,
    state,
    waiting: read.ok ? read.waiting : undefined,
  };
}

async function choose(
  gateway: Gateway,
  principal: Principal,
  found: readonly CatalogueEntry[],
): Promise<CatalogueEntry | undefined> {
  if (found.length < 2) return found[0];
  const granted = await gateway.path.granted(principal);
  return found.find((entry) => granted.has(entry.capability)) ?? found[0];
}

const serversById = new WeakMap<Catalogue, ReadonlyMap<string, UpstreamServer>>();

function serverOf(catalogue: Catalogue, entry: CatalogueEntry): UpstreamServer | undefined {
  let servers = serversById.get(catalogue);
  if (servers === undefined) {
    servers = new Map(catalogue.servers.map((server) => [server.id, server]));
    serversById.set(catalogue, servers);
  }
  return servers.get(entry.serverId);
}

/** The path tells it only where the capability is granted, so that a hidden tool stays as good as absent. */
function problemOf(caller: Caller, target: Target, entry: CatalogueEntry, stateOk: boolean): Action['refuse'] {
  if (!stateOk) return { reasonClass: 'guard', rule: RULE.state, reason: 'the request state is not of this call' };
  if (caller.era === 'modern' && entry.kind === 'tool') {
    const problem = paramHeaderProblem(paramHeadersOf(entry.definition), target.arguments, caller.headers);
    if (problem !== undefined) return { reasonClass: 'guard', rule: RULE.headers, reason: problem };
  }
  if (!target.validated) return undefined;
  const problems = entry.validate(target.arguments);
  if (problems.length === 0) return undefined;
  const reason = `The arguments do not fit the schema: ${problems.slice(0, MAX_PROBLEMS).join('; ')}`;
  return { reasonClass: 'guard', rule: RULE.schema, reason };
}
