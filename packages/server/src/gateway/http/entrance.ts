/** The entrance for REST APIs: `/http/<namespace>/…` on plain `node:http`, with the agent's token. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Failure } from '../../errors.ts';
import { readPath } from '../../http-apis/index.ts';
import type { Held, Principal } from '../../path/index.ts';
import { goneSignal, patienceOf, recordedName, settleHeld } from '../actions/index.ts';
import { presentationOf, readAuthorization } from '../credentials.ts';
import { HostGuard } from '../host-guard.ts';
import { Presences } from '../presences.ts';
import { readBody } from '../read-body.ts';
import {
  answerHeld,
  answerOver,
  answerProblem,
  answerRefused,
  answerUnauthenticated,
  answerUnavailable,
} from './answers.ts';
import { carryOut, type Gateway, replay } from './carry-out.ts';
import { declaredHeaders, headerProblem, passedHeaders, traceparentOf } from './headers.ts';
import { listingFor } from './listing.ts';
import { type HttpRequest, readKept } from './request.ts';
import { type Caller, type Resolved, resolve } from './resolve.ts';
import { type Ambiguous, readTarget, type Target } from './target.ts';

export interface HttpEntranceOptions extends Gateway {
  /** Origin of the server, for links to approvals. */
  readonly url: string;
  readonly config: {
    /** Host names that may stand in Host and Origin, beside localhost, 127.0.0.1 and [::1]. */
    readonly allowedHosts: readonly string[];
    readonly requestsPerMinute: number;
  };
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

export interface HttpEntrance {
  /** Serves `/http/<namespace>/…`. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** Refuses new requests. Calls in flight are the path's to drain. */
  close(): void;
}

const MAX_CONCURRENT_PER_AGENT = 256;
const SWEEP_MS = 60_000;

export function createHttpEntrance(options: HttpEntranceOptions): HttpEntrance {
  return new Entrance(options);
}

class Entrance implements HttpEntrance {
  readonly #options: HttpEntranceOptions;
  readonly #guard: HostGuard;
  readonly #presences: Presences;
  readonly #sweep: NodeJS.Timeout;
  #isClosing = false;

  constructor(options: HttpEntranceOptions) {
    const { config, clock } = options;
    this.#options = options;
    this.#guard = new HostGuard(config.allowedHosts);
    this.#presences = new Presences({
      maxConcurrentPerAgent: MAX_CONCURRENT_PER_AGENT,
      maxStreamsPerAgent: 0,
      requestsPerMinute: config.requestsPerMinute,
    });
    this.#sweep = setInterval(() => this.#presences.sweep(clock()), SWEEP_MS).unref();
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    this.#serve(req, res).catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'a request to an API failed');
      answerUnavailable(res, 'policy_unavailable');
    });
  }

  close(): void {
    this.#isClosing = true;
    clearInterval(this.#sweep);
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { path, clock } = this.#options;
    if (this.#isClosing) return answerUnavailable(res, 'shutting_down');
    if (!this.#guard.allows(req)) return refuse(res, 403, 'host_refused', 'this Host or Origin is not served');
    const { url } = this.#options;
    const authorization = readAuthorization(req.headers.authorization);
    if (authorization === undefined) {
      const code = req.headers.authorization === undefined ? 'token_missing' : 'token_invalid';
      return answerUnauthenticated(res, { kind: 'unauthenticated', code }, url);
    }
    const { token } = authorization;
    const target = readTarget(req.url ?? '');
    const attempted = `${req.method} ${target.raw}`;
    const source = req.socket.remoteAddress;
    const principal = await path.authenticate(token, {
      tool: recordedName(attempted),
      entrance: 'http',
      willRecord: true,
      presented: presentationOf(authorization, req, req.headers.dpop, '/http'),
      ...(source === undefined ? {} : { sourceAddress: source }),
    });
    if ('kind' in principal)
      return principal.kind === 'unavailable'
        ? answerUnavailable(res, principal.code)
        : answerUnauthenticated(res, principal, url);
    const leave = this.#presences.enterRequest(principal.workspaceId, principal.agentId, clock());
    if (leave === undefined) {
      const failure = new Failure(429, 'too_many_requests', 'This agent asks too much at once.', 'Try again shortly.');
      return answerProblem(res, failure, {}, ['retry-after', '1', 'connection', 'close']);
    }
    // Who has gone meanwhile closes nothing any more.
    if (res.destroyed) return leave();
    res.on('close', leave);
    const caller: Caller = {
      path,
      httpApis: this.#options.httpApis,
      attempted,
      sourceAddress: source,
      traceparent: traceparentOf(req.headers),
      receivedAtMs: clock(),
    };
    await this.#admit(req, res, token, principal, caller, target);
  }

  /** What can be read in one way is looked up; the body of anything else is not read. */
  async #admit(
    req: IncomingMessage,
    res: ServerResponse,
    token: string,
    principal: Principal,
    caller: Caller,
    target: Target | Ambiguous,
  ): Promise<void> {
    const { path, httpApis } = this.#options;
    const headers = declaredHeaders(req.rawHeaders);
    const base = {
      method: req.method ?? '',
      headers,
      passed: passedHeaders(headers),
      contentType: req.headers['content-type'],
    };
    const problem = headerProblem(req.headers) ?? ('problem' in target ? target.problem : undefined);
    if (problem !== undefined || 'problem' in target) {
      // An attempt that the log should have; what it is answered does not depend on what exists.
      const request = { ...base, namespace: '', path: undefined, query: undefined, body: undefined };
      const answer = (): void => refuse(res, 400, 'request_ambiguous', problem ?? 'it cannot be read');
      return this.#decide(req, res, token, principal, caller, request, answer);
    }
    const { namespace, path: segments, query } = target;
    const catalogue = await httpApis.catalogue(principal.workspaceId);
    const granted = await path.granted(principal);
    const api = catalogue.apis.get(namespace);
    if (segments === undefined && query === undefined && req.method === 'GET') {
      // Nothing is recorded that would look at the agent again.
      const current = await path.authenticate(token, {
        tool: recordedName(caller.attempted),
        entrance: 'http',
        presented: 'again',
      });
      if ('kind' in current)
        return current.kind === 'unavailable'
          ? answerUnavailable(res, current.code)
          : answerUnauthenticated(res, current, this.#options.url);
      const body = Buffer.from(JSON.stringify(listingFor(api, namespace, await path.granted(current))));
      res.writeHead(200, [
        'content-type',
        'application/json',
        'content-length',
        String(body.length),
        'cache-control',
        'no-store',
      ]);
      res.end(body);
      return;
    }
    const operation = segments === undefined ? undefined : api?.match(base.method, segments)?.operation;
    const request = { ...base, namespace, path: segments, query, body: undefined };
    if (api === undefined || operation === undefined || !granted.has(operation.capability))
      return this.#decide(req, res, token, principal, caller, request);
    const body = await readWhole(req, api.stored.settings.maxRequestBytes);
    if (body === 'gone') return;
    if (Buffer.isBuffer(body)) return this.#decide(req, res, token, principal, caller, { ...request, body });
    const { status, code, why } = body;
    const answer = (): void => refuse(res, status, code, why);
    await this.#decide(req, res, token, principal, caller, { ...request, unread: why }, answer);
  }

  async #decide(
    req: IncomingMessage,
    res: ServerResponse,
    token: string,
    principal: Principal,
    caller: Caller,
    request: HttpRequest,
    answerInstead?: () => void,
  ): Promise<void> {
    const { path } = this.#options;
    let resolved: Resolved | undefined;
    const authorization = await path.authorize(token, principal, async (current) => {
      resolved = await resolve(caller, current, request);
      return resolved.action;
    });
    switch (authorization.kind) {
      case 'unauthenticated':
        return answerUnauthenticated(res, authorization, this.#options.url);
      case 'unavailable':
        return answerUnavailable(res, authorization.code);
      case 'refused':
        return answerInstead === undefined ? answerRefused(res, authorization, closing(req)) : answerInstead();
      case 'held':
        return this.#held(req, res, token, principal, caller, authorization);
      case 'permit':
        return carryOut(this.#options, res, request, authorization, resolved);
    }
  }

  /** Waits for people as long as the caller likes; then the API's answer, or what is known. */
  async #held(
    req: IncomingMessage,
    res: ServerResponse,
    token: string,
    principal: Principal,
    caller: Caller,
    { approval: ticket, eventId, decision }: Held,
  ): Promise<void> {
    const { path, approvals } = this.#options;
    // Only what was read whole is held, and that can wait.
    if (ticket === undefined) throw new Error('a held request has no approval');
    let resolved: Resolved | undefined;
    let request: HttpRequest | undefined;
    const settled = await settleHeld({ approvals }, principal, ticket, patienceOf(req), goneSignal(res), (approval) => {
      const stored = storedRequest(approval.request());
      request = stored;
      return path.resume(approval.id, token, principal, async (current) => {
        resolved = await resolve(caller, current, stored);
        return resolved.action;
      });
    });
    switch (settled.kind) {
      case 'gone':
        return;
      case 'undecided':
        return answerHeld(res, settled.approval, eventId, decision, this.#options.url);
      case 'collected':
        if (!replay(res, settled.answer)) throw new Error(`what was kept of ${ticket.id} cannot be read`);
        return;
      case 'over':
        return answerOver(res, settled.approval, eventId, this.#options.url);
      case 'permit':
        if (request === undefined) throw new Error(`${ticket.id} was released without its request`);
        return carryOut(this.#options, res, request, settled.permit, resolved, settled.approval.id);
      case 'answered': {
        const { authorization } = settled;
        switch (authorization.kind) {
          case 'unauthenticated':
            return answerUnauthenticated(res, authorization, this.#options.url);
          case 'unavailable':
            return answerUnavailable(res, authorization.code);
          case 'refused':
            return answerRefused(res, authorization, []);
          case 'held':
            throw new Error(`the approved request ${ticket.id} was held again`);
        }
      }
    }
  }
}

/** Read by the same rules as the one that came: the spelling that is kept is read as what it was written from. */
function storedRequest(kept: Parameters<typeof readKept>[0]): HttpRequest {
  const { method, namespace, target, headers, passed, contentType, body } = readKept(kept);
  const at = target.indexOf('?');
  const path = readPath(at === -1 ? target : target.slice(0, at));
  if (typeof path === 'string') throw new Error(`a held request cannot be read: ${path}`);
  const query = at === -1 ? undefined : target.slice(at + 1);
  return {
    method,
    namespace,
    path,
    query,
    headers: new Map(headers.map(([name, value]) => [name, [value]])),
    passed,
    contentType,
    body,
  };
}

interface Unread {
  readonly status: number;
  readonly code: string;
  readonly why: string;
}

async function readWhole(req: IncomingMessage, limit: number): Promise<Buffer | 'gone' | Unread> {
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    return { status: 415, code: 'content_encoding_refused', why: 'its body is encoded' };
  const body = await readBody(req, limit);
  if (body !== 'too_large') return body;
  return { status: 413, code: 'request_too_large', why: `its body has more than ${limit} bytes` };
}

/** A body that was not read would be taken for the next request. */
function closing(req: IncomingMessage): readonly string[] {
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  return hasBody && !req.complete ? ['connection', 'close'] : [];
}

function refuse(res: ServerResponse, status: number, code: string, why: string): void {
  const failure = new Failure(
    status,
    code,
    `The request cannot be served: ${why}.`,
    'Write it as the OpenAPI document of the API says; GET /http/<namespace> gives it out.',
  );
  answerProblem(res, failure, {}, ['connection', 'close']);
}
