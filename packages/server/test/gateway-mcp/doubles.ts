/**
 * Stand-ins for the path and the upstreams, for tests of the wire alone: what they answer is set by the
 * test, and what they are asked is kept. The tests that show the whole system use the real ones.
 */
import type { Decision, JsonObject } from '@hivekey/policy';
import type { AgentId, EventId, PersonId, ServerId, TokenId, WorkspaceId } from '../../src/ids.ts';
import type {
  Action,
  ActionPath,
  Attempt,
  Authorization,
  Outcome,
  Permit,
  Principal,
  Unauthenticated,
} from '../../src/path/index.ts';
import type {
  Catalogue,
  CatalogueEntry,
  UpstreamAnswer,
  UpstreamRequest,
  UpstreamServer,
  Upstreams,
} from '../../src/upstreams/types.ts';

export const WORKSPACE = 'wsp_test' as WorkspaceId;

export function principalOf(agent: string, token: string): Principal {
  return {
    workspaceId: WORKSPACE,
    workspace: 'acme',
    environment: 'test',
    agentId: `agt_${agent}` as AgentId,
    agent,
    ownerId: 'per_dana' as PersonId,
    owner: 'dana@acme.example',
    roles: ['support'],
    tokenId: `tok_${token}` as TokenId,
    tokenExpiresAtMs: Number.MAX_SAFE_INTEGER,
    agentRevision: 1,
    authzEpoch: 1,
  };
}

export function decisionOf(verdict: Decision['verdict'], more: Partial<Decision> = {}): Decision {
  return {
    verdict,
    reasonClass: verdict === 'allow' ? 'granted' : 'guard',
    reason: verdict === 'allow' ? 'granted' : 'amount 540 is over 500',
    trace: [],
    impact: {},
    policyHash: 'sha256:test',
    policyRevision: 1,
    ...more,
  };
}

interface Stoppable {
  readonly agentId: AgentId;
  readonly close: () => void;
}

/** Grants, tokens and verdicts are plain fields; every record is kept in order. */
export class PathDouble implements ActionPath {
  granting = new Set<string>();
  readonly tokens = new Map<string, Principal>();
  readonly dead = new Map<string, Unauthenticated['code']>();
  readonly records: { action: Action; verdict: string; decision: Decision }[] = [];
  readonly outcomes: { action: Action; outcome: Outcome }[] = [];
  readonly attempts: Attempt[] = [];
  /** Decides granted calls; an allow without it. */
  judge: (action: Action) => Decision = () => decisionOf('allow');
  unavailable = false;
  readonly #stoppable = new Set<Stoppable>();
  readonly #controllers = new Map<Permit, AbortController>();
  readonly #listeners = new Set<(workspaceId: WorkspaceId) => void>();
  #events = 0;

  get registered(): number {
    return this.#stoppable.size;
  }

  get open(): number {
    return this.#controllers.size;
  }

  async authenticate(token: string | undefined, attempt: Attempt): ReturnType<ActionPath['authenticate']> {
    this.attempts.push(attempt);
    if (token === undefined) return { kind: 'unauthenticated', code: 'token_missing' };
    const code = this.dead.get(token);
    if (code !== undefined) return { kind: 'unauthenticated', code };
    return this.tokens.get(token) ?? { kind: 'unauthenticated', code: 'token_invalid' };
  }

  async principalOf(): Promise<undefined> {
    return undefined;
  }

  async dryRun(_subject: unknown, action: Action): Promise<Decision> {
    return this.#decide(action);
  }

  async authorize(
    token: string,
    principal: Principal,
    resolve: (principal: Principal) => Promise<Action>,
  ): Promise<Authorization> {
    const code = this.dead.get(token);
    if (code !== undefined) return { kind: 'unauthenticated', code };
    const action = await resolve(principal);
    if (this.unavailable) return { kind: 'unavailable', code: 'log_unavailable' };
    const decision = this.#decide(action);
    this.#events += 1;
    const eventId = `evt_${this.#events}` as EventId;
    this.records.push({ action, verdict: decision.verdict, decision });
    if (decision.verdict === 'deny') return { kind: 'refused', principal, action, decision, eventId };
    if (decision.verdict === 'review') return { kind: 'held', principal, action, decision, eventId };
    const controller = new AbortController();
    const permit: Permit = {
      kind: 'permit',
      principal,
      action,
      decision,
      eventId,
      signal: controller.signal,
      startedAtMs: Date.now(),
    };
    this.#controllers.set(permit, controller);
    return permit;
  }

  resume(
    _approvalId: string,
    token: string,
    principal: Principal,
    resolve: (principal: Principal) => Promise<Action>,
  ): Promise<Authorization> {
    return this.authorize(token, principal, resolve);
  }

  #decide(action: Action): Decision {
    if (!action.known || !this.granting.has(action.capability))
      return decisionOf('deny', { reasonClass: 'scope', reason: 'scope: capability not granted' });
    return action.refuse === undefined ? this.judge(action) : decisionOf('deny', action.refuse);
  }

  async settle(permit: Permit, outcome: Outcome): Promise<void> {
    if (!this.#controllers.delete(permit)) throw new Error('settled twice');
    this.outcomes.push({ action: permit.action, outcome });
  }

  release(permit: Permit): void {
    this.#controllers.delete(permit);
  }

  policy(): never {
    throw new Error('not asked by this entrance');
  }

  async stoppedTools(): Promise<ReadonlySet<string>> {
    return new Set();
  }

  async granted(): Promise<ReadonlySet<string>> {
    return this.granting;
  }

  async stop(): ReturnType<ActionPath['stop']> {
    for (const controller of this.#controllers.values()) controller.abort();
    const closing = [...this.#stoppable];
    for (const { close } of closing) close();
    return { calls: [], sessionsClosed: closing.length };
  }

  /** A stop of tools: calls in flight end, sessions stay. */
  abortCalls(): void {
    for (const controller of this.#controllers.values()) controller.abort();
  }

  invalidate(): void {
    for (const listener of this.#listeners) listener(WORKSPACE);
  }

  onStop(_workspaceId: WorkspaceId, agentId: AgentId, close: () => void): () => void {
    const item = { agentId, close };
    this.#stoppable.add(item);
    return () => this.#stoppable.delete(item);
  }

  onPolicyChange(listener: (workspaceId: WorkspaceId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onPolicyRead(): () => void {
    return () => undefined;
  }

  distrust(): void {}

  async close(): Promise<void> {}
}

export interface DefinitionDouble {
  readonly kind: CatalogueEntry['kind'];
  readonly namespace: string;
  readonly name: string;
  readonly capability?: string;
  readonly definition?: JsonObject;
  readonly validate?: (args: JsonObject) => readonly string[];
}

function entryOf({ kind, namespace, name, capability, definition, validate }: DefinitionDouble): CatalogueEntry {
  const named =
    kind === 'tool' || kind === 'prompt' ? { name } : kind === 'template' ? { uriTemplate: name } : { uri: name };
  const shape: JsonObject = kind === 'tool' ? { inputSchema: { type: 'object' } } : { name };
  return {
    serverId: `mcp_${namespace}` as ServerId,
    namespace,
    kind,
    upstreamName: name,
    capability: capability ?? `${namespace}.${name}`,
    wireName: `${namespace}__${name}`,
    access: 'read',
    definition: { ...shape, ...named, ...definition },
    pin: `sha256:${JSON.stringify({ name, ...definition })}`,
    validate: validate ?? (() => []),
    sensitivePaths: [],
  };
}

export function serverDouble(namespace: string, era: UpstreamServer['era'], capabilities?: JsonObject): UpstreamServer {
  return {
    id: `mcp_${namespace}` as ServerId,
    namespace,
    transport: 'http',
    era,
    capabilities: capabilities ?? {
      tools: {},
      resources: { subscribe: true },
      prompts: {},
      completions: {},
      logging: {},
    },
  };
}

type Handler = (request: UpstreamRequest) => Promise<UpstreamAnswer> | UpstreamAnswer;

/** Answers with `handler`; what it is sent is kept. */
export class UpstreamsDouble implements Upstreams {
  readonly requests: UpstreamRequest[] = [];
  readonly notifications: { affinity: string; method: string; params: JsonObject }[] = [];
  readonly ended: string[] = [];
  handler: Handler = () => resultOf({ content: [{ type: 'text', text: 'ok' }] });
  readonly #unsolicited = new Map<string, Set<(server: UpstreamServer, message: JsonObject) => void>>();
  readonly #listeners = new Set<(workspaceId: WorkspaceId) => void>();
  #catalogue: Catalogue;
  #version = 0;

  constructor(servers: readonly UpstreamServer[], definitions: readonly DefinitionDouble[]) {
    this.#catalogue = this.#build(servers, definitions);
  }

  set(servers: readonly UpstreamServer[], definitions: readonly DefinitionDouble[]): void {
    this.#catalogue = this.#build(servers, definitions);
    for (const listener of this.#listeners) listener(WORKSPACE);
  }

  #build(servers: readonly UpstreamServer[], definitions: readonly DefinitionDouble[]): Catalogue {
    this.#version += 1;
    const entries = definitions.map(entryOf);
    return {
      version: String(this.#version),
      entries,
      servers,
      byWireName: (kind, name) => entries.find((entry) => entry.kind === kind && entry.wireName === name),
      byNamespaceName: (namespace, kind, name) =>
        entries.find((entry) => entry.kind === kind && entry.namespace === namespace && entry.upstreamName === name),
      byUri: (uri, namespace) =>
        entries.find(
          (entry) =>
            (entry.kind === 'resource' || entry.kind === 'template') &&
            (namespace === undefined || entry.namespace === namespace) &&
            (entry.upstreamName === uri ||
              (entry.kind === 'template' && uri.startsWith(entry.upstreamName.split('{')[0] ?? ''))),
        ),
      byCapability: (capability) => entries.find((entry) => entry.capability === capability),
    };
  }

  async catalogue(): Promise<Catalogue> {
    return this.#catalogue;
  }

  async request(request: UpstreamRequest): Promise<UpstreamAnswer> {
    this.requests.push(request);
    return this.handler(request);
  }

  async notify(
    _workspaceId: WorkspaceId,
    _server: UpstreamServer,
    affinity: string,
    method: string,
    params: JsonObject,
  ) {
    this.notifications.push({ affinity, method, params });
  }

  async endAffinity(affinity: string): Promise<void> {
    this.ended.push(affinity);
  }

  onUnsolicited(affinity: string, listener: (server: UpstreamServer, message: JsonObject) => void): () => void {
    const listeners = this.#unsolicited.get(affinity) ?? new Set();
    listeners.add(listener);
    this.#unsolicited.set(affinity, listeners);
    return () => listeners.delete(listener);
  }

  /** An upstream says something without being asked. */
  say(server: UpstreamServer, message: JsonObject): void {
    for (const listeners of this.#unsolicited.values()) for (const listener of listeners) listener(server, message);
  }

  async refresh(): ReturnType<Upstreams['refresh']> {
    return { discovered: 0, added: [], changed: [], gone: [] };
  }

  onCatalogueChange(listener: (workspaceId: WorkspaceId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {}
}

export function resultOf(result: JsonObject): UpstreamAnswer {
  return { kind: 'result', result, httpStatus: 200, bytesIn: 10 };
}
