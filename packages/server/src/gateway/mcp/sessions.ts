/**
 * Sessions of clients of the era up to 2025-11-25. A session id is 256 random bits bound to agent, token
 * and route; presented by anyone else it is as good as unknown.
 */
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@hivekey/policy';
import { type AgentId, newId, type WorkspaceId } from '../../ids.ts';
import type { Principal, SessionMark } from '../../path/index.ts';
import type { UpstreamServer } from '../../upstreams/index.ts';
import type { ChangeStream } from './change-streams.ts';
import type { Answerer, Exchange } from './exchange.ts';
import type { ResponseMessage } from './message.ts';
import { isObject, notificationMessage, type RequestId } from './wire.ts';

/** An answer of the client that is an error, or that never came. Carries the JSON-RPC error for the upstream. */
export class ClientRefusal extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.name = 'ClientRefusal';
    this.code = code;
    this.data = data;
  }
}

interface Asked {
  readonly server: UpstreamServer;
  /** Token under which the client may report progress on the answer. */
  readonly progressToken: unknown;
  settle(answer: ResponseMessage['answer'] | ClientRefusal): void;
}

export interface SessionOrigin {
  readonly principal: Principal;
  readonly namespace: string | undefined;
  readonly protocolVersion: string;
  readonly clientCapabilities: JsonObject;
  readonly nowMs: number;
}

export class LegacySession {
  readonly id = randomBytes(32).toString('base64url');
  /** Names the session in records and towards upstream connections; the id itself stays between client and gateway. */
  readonly reference = newId<string>('ses');
  /** Whether content that is not trusted was let into it. */
  readonly mark: SessionMark = { isUntrusted: false };
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly tokenId: Principal['tokenId'];
  readonly namespace: string | undefined;
  readonly protocolVersion: string;
  readonly clientCapabilities: JsonObject;
  /** URIs whose updates the client wants. */
  readonly subscriptions = new Set<string>();
  readonly #inFlight = new Map<RequestId, Exchange>();
  readonly #asked = new Map<string, Asked>();
  readonly #endings: (() => void)[] = [];
  #nextAsk = 1;
  /** The open GET stream. */
  stream: ChangeStream | undefined;
  /** Mildest level the client has asked for. */
  logLevel: string | undefined;
  lastUsedMs: number;

  constructor(origin: SessionOrigin) {
    this.workspaceId = origin.principal.workspaceId;
    this.agentId = origin.principal.agentId;
    this.tokenId = origin.principal.tokenId;
    this.namespace = origin.namespace;
    this.protocolVersion = origin.protocolVersion;
    this.clientCapabilities = origin.clientCapabilities;
    this.lastUsedMs = origin.nowMs;
  }

  belongsTo(principal: Principal, namespace: string | undefined): boolean {
    return (
      this.agentId === principal.agentId &&
      this.tokenId === principal.tokenId &&
      this.workspaceId === principal.workspaceId &&
      this.namespace === namespace
    );
  }

  get busy(): boolean {
    return this.#inFlight.size > 0 || this.stream?.open === true;
  }

  /** False when a request with this id is still being answered. */
  begin(exchange: Exchange): boolean {
    if (this.#inFlight.has(exchange.id)) return false;
    this.#inFlight.set(exchange.id, exchange);
    return true;
  }

  finished(exchange: Exchange): void {
    if (this.#inFlight.get(exchange.id) === exchange) this.#inFlight.delete(exchange.id);
  }

  cancel(requestId: RequestId): void {
    this.#inFlight.get(requestId)?.cancel();
  }

  onEnd(action: () => void): void {
    this.#endings.push(action);
  }

  /** Sends an upstream's request on the stream of the request it belongs to. Rejects with `ClientRefusal`. */
  ask(
    exchange: Pick<Answerer, 'send'>,
    server: UpstreamServer,
    method: string,
    params: JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const id = `hk-${this.#nextAsk}`;
    this.#nextAsk += 1;
    const request = params === undefined ? { jsonrpc: '2.0', id, method } : { jsonrpc: '2.0', id, method, params };
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        exchange.send(notificationMessage('notifications/cancelled', { requestId: id }));
        asked.settle(new ClientRefusal(-32603, 'The client did not answer.'));
      };
      const asked: Asked = {
        server,
        progressToken: isObject(params?._meta) ? params._meta.progressToken : undefined,
        settle: (answer) => {
          signal.removeEventListener('abort', giveUp);
          this.#asked.delete(id);
          if (answer instanceof ClientRefusal) reject(answer);
          else if ('result' in answer) resolve(answer.result);
          else reject(new ClientRefusal(answer.error.code, answer.error.message, answer.error.data));
        },
      };
      if (signal.aborted || !exchange.send(JSON.stringify(request))) {
        reject(new ClientRefusal(-32603, 'The client cannot be asked: it takes no stream or is gone.'));
        return;
      }
      this.#asked.set(id, asked);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** The client's answer to a request of ours; an unknown id is ignored. */
  answered(message: ResponseMessage): void {
    this.#asked.get(String(message.id))?.settle(message.answer);
  }

  /** Which upstream waits for progress under this token. */
  askedUnder(progressToken: unknown): UpstreamServer | undefined {
    for (const asked of this.#asked.values())
      if (asked.progressToken !== undefined && asked.progressToken === progressToken) return asked.server;
    return undefined;
  }

  /** Ends everything that hangs on the session. Idempotent. */
  end(): void {
    for (const asked of [...this.#asked.values()]) asked.settle(new ClientRefusal(-32603, 'The session has ended.'));
    for (const exchange of [...this.#inFlight.values()]) exchange.destroy();
    this.stream?.destroy();
    for (const action of this.#endings.splice(0)) action();
  }
}

function agentKey(workspaceId: WorkspaceId, agentId: AgentId): string {
  return `${workspaceId} ${agentId}`;
}

export class Sessions {
  readonly #byId = new Map<string, LegacySession>();
  readonly #byAgent = new Map<string, Set<LegacySession>>();
  readonly #maxPerAgent: number;
  readonly #ended: (session: LegacySession) => void;

  /** `ended` runs once for each session, after everything on it has ended. */
  constructor(maxPerAgent: number, ended: (session: LegacySession) => void) {
    this.#maxPerAgent = maxPerAgent;
    this.#ended = ended;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Opens a session. Clients often leave without a DELETE, so the agent's longest unused one makes room. */
  open(origin: SessionOrigin): LegacySession {
    const { workspaceId, agentId } = origin.principal;
    const own = this.of(workspaceId, agentId);
    if (own.length >= this.#maxPerAgent) this.end(own.reduce((a, b) => (b.lastUsedMs < a.lastUsedMs ? b : a)));
    const session = new LegacySession(origin);
    this.#byId.set(session.id, session);
    const key = agentKey(workspaceId, agentId);
    this.#byAgent.set(key, (this.#byAgent.get(key) ?? new Set()).add(session));
    return session;
  }

  find(id: string): LegacySession | undefined {
    return this.#byId.get(id);
  }

  of(workspaceId: WorkspaceId, agentId: AgentId): readonly LegacySession[] {
    return [...(this.#byAgent.get(agentKey(workspaceId, agentId)) ?? [])];
  }

  end(session: LegacySession): void {
    if (!this.#byId.delete(session.id)) return;
    const key = agentKey(session.workspaceId, session.agentId);
    const own = this.#byAgent.get(key);
    own?.delete(session);
    if (own?.size === 0) this.#byAgent.delete(key);
    session.end();
    this.#ended(session);
  }

  endIdle(beforeMs: number): void {
    for (const session of this.#byId.values()) if (!session.busy && session.lastUsedMs < beforeMs) this.end(session);
  }

  endAll(): void {
    for (const session of this.#byId.values()) this.end(session);
  }
}
