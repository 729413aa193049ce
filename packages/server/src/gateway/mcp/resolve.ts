/** Step 2 of the path for MCP: what a request names, read against the catalogue as it is now. */

import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject } from '@hivekey/policy';
import type { Action, Principal, Resumption } from '../../path/index.ts';
import type { Catalogue, CatalogueEntry, UpstreamServer } from '../../upstreams/index.ts';
import { type Caller, type Gateway, sessionIdOf, sessionMarkOf, traceparentOf } from './caller.ts';
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
  const argumentsJson = canonicalJson(target.arguments);
  if (entry === undefined) {
    const tool = recordedName(target.name);
    const action: Action = {
      entrance: 'mcp',
      capability: tool,
      tool,
      known: false,
      arguments: target.arguments,
      argumentsJson,
      sessionId: sessionIdOf(caller),
      sessionMark: sessionMarkOf(caller),
      traceparent: traceparentOf(caller),
      sourceAddress: caller.sourceAddress,
      receivedAtMs: caller.receivedAtMs,
      catalogueVersion: catalogue.version,
      resumption: { request: () => heldRequest(caller, target, params, kept) },
    };
    return { action, entry, server: undefined, state: undefined, waiting: undefined };
  }
  const call = { capability: entry.capability, argumentsJson };
  const read: StateRead =
    kept !== undefined
      ? { ok: true, state: kept }
      : caller.era === 'modern'
        ? openRequestState(gateway, principal, call, params.requestState)
        : NO_STATE;
  const state = read.ok ? read.state : undefined;
  const server = serverOf(catalogue, entry);
  const resumption = {
    request: () => heldRequest(caller, target, params, state),
    ...(server?.target === undefined ? {} : { target: server.target }),
  };
  return {
    action: new KnownAction(caller, target, entry, argumentsJson, catalogue.version, read.ok, resumption),
    entry,
    server,
    state,
    waiting: read.ok ? read.waiting : undefined,
  };
}

/** A class for the sake of its getter, which an object of its own would have to be given anew for every call. */
class KnownAction implements Action {
  readonly entrance = 'mcp';
  readonly capability: string;
  readonly tool: string;
  readonly known = true;
  readonly namespace: string;
  readonly upstreamTool: string;
  readonly access: 'read' | 'write';
  readonly arguments: JsonObject;
  readonly argumentsJson: string;
  readonly definitionPin: string;
  readonly catalogueVersion: string;
  readonly sensitivePaths: readonly string[];
  readonly sessionId: string | undefined;
  readonly sessionMark: Action['sessionMark'];
  readonly resumption: Resumption;
  readonly traceparent: string | undefined;
  readonly sourceAddress: string | undefined;
  readonly receivedAtMs: number;
  readonly #caller: Caller;
  readonly #target: Target;
  readonly #entry: CatalogueEntry;
  readonly #stateOk: boolean;

  constructor(
    caller: Caller,
    target: Target,
    entry: CatalogueEntry,
    argumentsJson: string,
    catalogueVersion: string,
    stateOk: boolean,
    resumption: Resumption,
  ) {
    this.capability = entry.capability;
    this.tool = recordedName(target.name);
    this.namespace = entry.namespace;
    this.upstreamTool = entry.upstreamName;
    this.access = entry.access;
    this.arguments = target.arguments;
    this.argumentsJson = argumentsJson;
    this.definitionPin = entry.pin;
    this.catalogueVersion = catalogueVersion;
    this.sensitivePaths = entry.sensitivePaths;
    this.sessionId = sessionIdOf(caller);
    this.sessionMark = sessionMarkOf(caller);
    this.resumption = resumption;
    this.traceparent = traceparentOf(caller);
    this.sourceAddress = caller.sourceAddress;
    this.receivedAtMs = caller.receivedAtMs;
    this.#caller = caller;
    this.#target = target;
    this.#entry = entry;
    this.#stateOk = stateOk;
  }

  get refuse(): Action['refuse'] {
    return problemOf(this.#caller, this.#target, this.#entry, this.#stateOk);
  }
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
