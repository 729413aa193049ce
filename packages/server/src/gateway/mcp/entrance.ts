/** The MCP entrance: both protocol eras on one URL, on plain `node:http`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AgentId, WorkspaceId } from '../../ids.ts';
import type { ActionPath } from '../../path/index.ts';
import { Roster } from '../../roster.ts';
import type { Upstreams } from '../../upstreams/index.ts';
import { HostGuard } from '../host-guard.ts';
import { Presences } from '../presences.ts';
import { ModernAffinities } from './affinities.ts';
import {
  answerEmpty,
  answerError,
  answerHttpProblem,
  answerTooMany,
  answerUnauthenticated,
  answerUnavailable,
} from './answers.ts';
import { type Accepted, acceptedTypes } from './body.ts';
import { type EntranceLogger, type Gateway, type LegacyCaller, type ModernCaller, visibleTo } from './caller.ts';
import { type ChangeStream, ChangeStreams } from './change-streams.ts';
import { type McpEntranceConfig, settingsOf } from './config.ts';
import { type Admitted, admit, authenticate, type Credentials } from './door.ts';
import { type Envelope, eraOfRequest, headerValue, isModernNotification, legacyVersionProblem } from './era.ts';
import { Exchange } from './exchange.ts';
import { initializeResult, readInitialize, receiveNotification, serveLegacy } from './legacy.ts';
import { openListenStream, openSessionStream, readFilter } from './listen.ts';
import type { RequestMessage } from './message.ts';
import { serveModern } from './modern.ts';
import { Sealer } from './sealed.ts';
import { SessionTasks } from './session-tasks.ts';
import { type LegacySession, Sessions } from './sessions.ts';
import { VisibleCache } from './visible.ts';
import { CODE, type RequestId } from './wire.ts';

/** How often streams are kept alive and idle things looked at, milliseconds. */
const TICK_MS = 5000;
/** Methods that metrics name. */
const METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'server/discover',
  'subscriptions/listen',
  'tools/list',
  'tools/call',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
  'tasks/result',
  'tasks/list',
]);
const NAMESPACE = /^[A-Za-z0-9_-]{1,64}$/;

/** Hooks for metrics; labels are bounded. They must not throw. */
export interface McpObserver {
  /** A JSON-RPC request was answered, or its client went away. `method` is one of the protocol's, or `other`. */
  answered(method: string, era: 'modern' | 'legacy', seconds: number): void;
}

export interface McpEntranceOptions {
  readonly path: ActionPath;
  readonly upstreams: Upstreams;
  readonly approvals: Gateway['approvals'];
  readonly config: McpEntranceConfig;
  readonly logger: EntranceLogger;
  readonly observe?: McpObserver;
}

export interface McpEntranceStats {
  readonly sessions: number;
  readonly streams: number;
  readonly inFlight: number;
}

export interface McpEntrance {
  /** Serves `/mcp` (all upstreams) and `/mcp/<namespace>` (one, names without prefix). */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** Ends the agent's sessions and streams on this node; returns how many there were. */
  closeSessionsOf(workspaceId: WorkspaceId, agentId: AgentId): number;
  /** Refuses new requests, ends streams in an orderly way and sessions with them. Calls in flight are the path's to drain first. */
  close(): Promise<void>;
  stats(): McpEntranceStats;
}

export function createMcpEntrance(options: McpEntranceOptions): McpEntrance {
  return new Entrance(options);
}

interface Route {
  readonly namespace: string | undefined;
}

const ROOT: Route = { namespace: undefined };

function routeOf(url: string | undefined): Route | undefined {
  if (url === undefined) return undefined;
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  if (path === '/mcp') return ROOT;
  if (!path.startsWith('/mcp/')) return undefined;
  const namespace = path.slice('/mcp/'.length);
  return NAMESPACE.test(namespace) ? { namespace } : undefined;
}

class Entrance implements McpEntrance {
  readonly #gateway: Gateway;
  readonly #guard: HostGuard;
  readonly #sessions: Sessions;
  readonly #streams: ChangeStreams;
  readonly #presences: Presences;
  readonly #exchanges = new Roster<Exchange>();
  readonly #observe: McpObserver | undefined;
  readonly #unsubscribe: readonly (() => void)[];
  readonly #ticker: NodeJS.Timeout;
  #closing = false;

  constructor({ path, upstreams, approvals, config, logger, observe }: McpEntranceOptions) {
    const settings = settingsOf(config);
    this.#gateway = {
      path,
      upstreams,
      approvals,
      settings,
      logger,
      sealer: new Sealer(settings.stateKey, settings.clock),
      visible: new VisibleCache(),
      tasks: new SessionTasks(),
      affinities: new ModernAffinities(path, (affinity) => this.#endUpstreams(affinity)),
      serverInfo: { name: 'hivekey', title: 'HiveKey', version: settings.version },
    };
    this.#observe = observe;
    this.#guard = new HostGuard(settings.allowedHosts);
    this.#presences = new Presences(settings);
    this.#sessions = new Sessions(settings.maxSessionsPerAgent, (session) => this.#endUpstreams(session.reference));
    this.#streams = new ChangeStreams({
      path,
      visibleTo: async ({ options }, granted) =>
        this.#gateway.visible.of(
          options.workspaceId,
          await upstreams.catalogue(options.workspaceId),
          granted,
          options.namespace,
        ),
      onError: (error) => logger.warn({ err: error }, 'a change could not be announced'),
    });
    const changed = (workspaceId: WorkspaceId): void => this.#streams.changed(workspaceId);
    this.#unsubscribe = [path.onPolicyChange(changed), upstreams.onCatalogueChange(changed)];
    this.#ticker = setInterval(() => this.#tick(), Math.min(TICK_MS, settings.keepAliveMs)).unref();
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    this.#route(req, res).catch((error: unknown) => {
      this.#gateway.logger.error({ err: error }, 'a request failed');
      answerError(res, 500, { code: CODE.internalError, message: 'Internal error' });
    });
  }

  async #route(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const route = routeOf(req.url);
    if (route === undefined) return answerHttpProblem(res, 404, 'Not Found', ['connection', 'close']);
    if (this.#closing) return answerUnavailable(res, 'shutting_down');
    if (!this.#guard.allows(req)) {
      const error = { code: CODE.forbiddenOrigin, message: 'Forbidden: this Host or Origin is not served' };
      return answerError(res, 403, error, undefined, ['connection', 'close']);
    }
    switch (req.method) {
      case 'POST':
        return this.#post(req, res, route);
      case 'GET':
        return this.#get(req, res, route);
      case 'DELETE':
        return this.#delete(req, res, route);
      default:
        return answerHttpProblem(res, 405, 'Method Not Allowed', ['allow', 'POST, GET, DELETE', 'connection', 'close']);
    }
  }

  async #post(req: IncomingMessage, res: ServerResponse, route: Route): Promise<void> {
    const admitted = await admit(this.#gateway, req, res);
    if (admitted === undefined) return;
    const { message } = admitted;
    if (message.kind === 'request') return this.#request(req, res, route, admitted, message);
    const { workspaceId, agentId } = admitted.principal;
    if (!this.#presences.enterMessage(workspaceId, agentId, this.#gateway.settings.clock()))
      return answerTooMany(res, 'messages of this agent');
    if (message.kind === 'notification' && isModernNotification(message, req.headers)) return answerEmpty(res, 202);
    const session = this.#sessionOf(req, res, route, admitted);
    if (session === undefined) return;
    if (message.kind === 'response') session.answered(message);
    else await receiveNotification(this.#gateway, this.#legacyCaller(req, route, admitted, session), message);
    answerEmpty(res, 202);
  }

  async #request(
    req: IncomingMessage,
    res: ServerResponse,
    route: Route,
    credentials: Admitted,
    message: RequestMessage,
  ): Promise<void> {
    const era = eraOfRequest(message, req.headers);
    if (era.kind === 'refused') return answerError(res, 400, era.error, message.id);
    const accepted = acceptedTypes(req.headers.accept);
    const acceptable =
      era.kind === 'modern' ? accepted.json || accepted.eventStream : accepted.json && accepted.eventStream;
    if (!acceptable)
      return answerHttpProblem(
        res,
        406,
        'Not Acceptable: Client must accept both application/json and text/event-stream',
      );
    if (era.kind === 'modern') return this.#modern(req, res, route, credentials, message, era.envelope, accepted);
    if (era.kind === 'initialize') return this.#initialize(res, route, credentials, message, accepted);
    const session = this.#sessionOf(req, res, route, credentials);
    if (session === undefined) return;
    const exchange = this.#begin(res, credentials, message, accepted, 'legacy', session);
    if (exchange === undefined) return;
    await serveLegacy(this.#gateway, this.#legacyCaller(req, route, credentials, session), exchange, message);
  }

  async #modern(
    req: IncomingMessage,
    res: ServerResponse,
    route: Route,
    credentials: Credentials,
    message: RequestMessage,
    envelope: Envelope,
    accepted: Accepted,
  ): Promise<void> {
    const { clientCapabilities, logLevel } = envelope;
    const caller: ModernCaller = {
      era: 'modern',
      token: credentials.token,
      principal: credentials.principal,
      namespace: route.namespace,
      headers: req.headers,
      sourceAddress: req.socket.remoteAddress,
      receivedAtMs: this.#gateway.settings.clock(),
      clientCapabilities,
      logLevel,
    };
    const exchange = this.#begin(res, credentials, message, accepted, 'modern');
    if (exchange === undefined) return;
    await serveModern(this.#gateway, caller, exchange, message, async () => {
      const filter = readFilter(message.params);
      if ('code' in filter) return exchange.error(200, filter);
      exchange.handOver();
      await this.#openStream(res, credentials, message.id, () =>
        openListenStream(this.#gateway, caller, res, message.id, filter),
      );
    });
  }

  async #initialize(
    res: ServerResponse,
    route: Route,
    credentials: Credentials,
    message: RequestMessage,
    accepted: Accepted,
  ): Promise<void> {
    const exchange = this.#begin(res, credentials, message, accepted, 'legacy');
    if (exchange === undefined) return;
    const opening = readInitialize(message.params);
    if ('code' in opening) return exchange.error(200, opening);
    const { principal } = credentials;
    const visible = await visibleTo(this.#gateway, principal, route.namespace);
    const nowMs = this.#gateway.settings.clock();
    const session = this.#sessions.open({ principal, namespace: route.namespace, ...opening, nowMs });
    session.onEnd(() => this.#gateway.tasks.end(session));
    const end = (): void => this.#sessions.end(session);
    session.onEnd(this.#gateway.path.onStop(principal.workspaceId, principal.agentId, end, principal.chain));
    exchange.result(initializeResult(this.#gateway, session, visible), ['mcp-session-id', session.id]);
  }

  /** GET opens the stream of a live legacy session; there is nothing else to get. */
  async #get(req: IncomingMessage, res: ServerResponse, route: Route): Promise<void> {
    const credentials = await authenticate(this.#gateway, req, res, 'mcp', false);
    if (credentials === undefined) return;
    if (req.headers['mcp-session-id'] === undefined)
      return answerHttpProblem(res, 405, 'Method Not Allowed: GET needs a session', ['allow', 'POST']);
    if (!acceptedTypes(req.headers.accept).eventStream)
      return answerHttpProblem(res, 406, 'Not Acceptable: Client must accept text/event-stream');
    const session = this.#sessionOf(req, res, route, credentials);
    if (session === undefined) return;
    const caller = this.#legacyCaller(req, route, credentials, session);
    await this.#openStream(res, credentials, undefined, () => openSessionStream(this.#gateway, caller, res));
  }

  async #delete(req: IncomingMessage, res: ServerResponse, route: Route): Promise<void> {
    const credentials = await authenticate(this.#gateway, req, res, 'mcp', false);
    if (credentials === undefined) return;
    const session = this.#sessionOf(req, res, route, credentials);
    if (session === undefined) return;
    this.#sessions.end(session);
    answerEmpty(res, 200);
  }

  /** Counts the request in and ties it to everything that can end it. Undefined after a refusal. */
  #begin(
    res: ServerResponse,
    { principal: { workspaceId, agentId, chain } }: Credentials,
    message: RequestMessage,
    accepted: Accepted,
    era: 'modern' | 'legacy',
    session?: LegacySession,
  ): Exchange | undefined {
    const leave = this.#presences.enterRequest(workspaceId, agentId, this.#gateway.settings.clock());
    if (leave === undefined) {
      answerTooMany(res, 'requests of this agent', message.id);
      return undefined;
    }
    const startedAt = performance.now();
    const exchange: Exchange = new Exchange(message.id, res, accepted, startedAt, () => {
      leave();
      unregister();
      forget();
      session?.finished(exchange);
      this.#observe?.answered(
        METHODS.has(message.method) ? message.method : 'other',
        era,
        (performance.now() - startedAt) / 1000,
      );
    });
    const unregister = this.#gateway.path.onStop(workspaceId, agentId, () => exchange.destroy(), chain);
    const forget = this.#exchanges.enter(exchange);
    if (session === undefined || session.begin(exchange)) return exchange;
    exchange.error(400, {
      code: CODE.invalidRequest,
      message: 'Invalid Request: a request with this id is being answered',
    });
    return undefined;
  }

  async #openStream(
    res: ServerResponse,
    { token, principal: { workspaceId, agentId, chain } }: Credentials,
    id: RequestId | undefined,
    open: () => Promise<ChangeStream>,
  ): Promise<void> {
    const leave = this.#presences.enterStream(workspaceId, agentId, this.#gateway.settings.clock());
    if (leave === undefined) return answerTooMany(res, 'open streams of this agent', id);
    let stopped = false;
    const destroy = (): void => {
      stopped = true;
      res.destroy();
    };
    const stop = this.#gateway.path.onStop(workspaceId, agentId, destroy, chain);
    try {
      // A stop that was committed after the first look and before the registration is seen by the second look.
      const again = await this.#gateway.path.authenticate(token, { tool: 'mcp', presented: 'again' });
      if ('kind' in again) {
        leave();
        stop();
        if (again.kind === 'unauthenticated') answerUnauthenticated(res, again, this.#gateway.settings.url, id);
        else answerUnavailable(res, again.code, id);
        return;
      }
      const stream = await open();
      this.#streams.add(stream);
      stream.onClose(leave);
      stream.onClose(stop);
      // It may have ended while it was being opened.
      if (stopped || res.destroyed) stream.destroy();
    } catch (error) {
      leave();
      stop();
      throw error;
    }
  }

  /** The live session this request belongs to, or undefined after a refusal. Someone else's session does not exist. */
  #sessionOf(
    req: IncomingMessage,
    res: ServerResponse,
    route: Route,
    { principal }: Credentials,
  ): LegacySession | undefined {
    const problem = legacyVersionProblem(req.headers);
    if (problem !== undefined) {
      answerError(res, 400, problem);
      return undefined;
    }
    const id = headerValue(req.headers, 'mcp-session-id');
    if (id === undefined) {
      const message = 'Bad Request: Mcp-Session-Id header is required; open a session with initialize';
      answerError(res, 400, { code: CODE.invalidRequest, message });
      return undefined;
    }
    const session = this.#sessions.find(id);
    if (session?.belongsTo(principal, route.namespace) === true) {
      session.lastUsedMs = this.#gateway.settings.clock();
      return session;
    }
    if (session !== undefined)
      this.#gateway.logger.warn(
        { agent: principal.agent, session: session.reference },
        'a session was presented by someone it does not belong to',
      );
    answerError(res, 404, { code: CODE.sessionNotFound, message: 'Session not found' });
    return undefined;
  }

  #legacyCaller(req: IncomingMessage, route: Route, credentials: Credentials, session: LegacySession): LegacyCaller {
    return {
      era: 'legacy',
      session,
      token: credentials.token,
      principal: credentials.principal,
      namespace: route.namespace,
      headers: req.headers,
      sourceAddress: req.socket.remoteAddress,
      receivedAtMs: this.#gateway.settings.clock(),
      clientCapabilities: session.clientCapabilities,
      logLevel: session.logLevel,
    };
  }

  closeSessionsOf(workspaceId: WorkspaceId, agentId: AgentId): number {
    const streams = this.#streams.of(workspaceId, agentId);
    const sessions = this.#sessions.of(workspaceId, agentId);
    for (const session of sessions) this.#sessions.end(session);
    for (const stream of streams) stream.destroy();
    return sessions.length + streams.length;
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#ticker);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#streams.finishAll();
    for (const exchange of this.#exchanges.present()) exchange.destroy();
    this.#sessions.endAll();
    this.#gateway.affinities.endAll();
  }

  stats(): McpEntranceStats {
    const { inFlight, streams } = this.#presences.counts();
    return { sessions: this.#sessions.size, streams, inFlight };
  }

  #endUpstreams(affinity: string): void {
    this.#gateway.upstreams.endAffinity(affinity).catch((error: unknown) => {
      this.#gateway.logger.warn({ err: error }, 'upstream sessions could not be ended');
    });
  }

  #tick(): void {
    const { clock, keepAliveMs, sessionIdleMs } = this.#gateway.settings;
    const monotonic = performance.now();
    for (const exchange of this.#exchanges.present()) exchange.keepAlive(monotonic, keepAliveMs);
    const now = clock();
    this.#streams.tick(now, keepAliveMs);
    this.#presences.sweep(now);
    this.#sessions.endIdle(now - sessionIdleMs);
    this.#gateway.affinities.endIdle(now - sessionIdleMs);
  }
}
