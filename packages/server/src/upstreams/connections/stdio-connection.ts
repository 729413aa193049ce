/**
 * One stdio upstream. Its process is shared by all agents; an agent session that the server may call back
 * gets a process of its own, because on a shared one nobody could tell whom a request is for.
 */
import type { JsonObject } from '@hivekey/policy';
import type { Era, UpstreamAnswer } from '../types.ts';
import { Backoff } from './backoff.ts';
import {
  type Connection,
  type ConnectionRequest,
  type Description,
  GATEWAY_AFFINITY,
  GATEWAY_CAPABILITIES,
  Undescribed,
} from './connection.ts';
import type { PeerCall, StdioPeer } from './stdio-peer.ts';
import {
  describeAgain,
  modernParams,
  NotStarted,
  type Started,
  type StartTerms,
  type StdioOptions,
  startStdio,
} from './stdio-start.ts';
import { Subscriptions } from './subscriptions.ts';

const SHARED = ' shared';
const UNKNOWN_ERA: StartTerms = {
  era: undefined,
  protocolVersion: undefined,
  clientCapabilities: GATEWAY_CAPABILITIES,
};
const NO_BOUNDS = { idleMs: 0, totalMs: 0 };
const DONE: UpstreamAnswer = { kind: 'result', result: {}, bytesIn: 0 };

export class StdioConnection implements Connection {
  readonly #options: StdioOptions;
  /** By affinity; the shared one under a name of its own. */
  readonly #peers = new Map<string, Promise<Started>>();
  readonly #lastUsed = new Map<string, number>();
  readonly #inFlight = new Map<string, number>();
  readonly #stopping = new Set<Promise<void>>();
  readonly #backoff: Backoff;
  readonly #subscriptions: Subscriptions;
  #notBefore = 0;
  #watched: StdioPeer | undefined;
  readonly #closing = new AbortController();

  constructor(options: Omit<StdioOptions, 'closing'>) {
    this.#options = { ...options, closing: this.#closing.signal };
    this.#backoff = new Backoff(options.limits.backoffMs);
    this.#subscriptions = new Subscriptions((affinity, message) => options.events.unsolicited(affinity, message));
  }

  /** In a process of the gateway's own, which `endAffinity` ends: what is declared there is declared to nobody else. */
  async describe(signal: AbortSignal): Promise<Description> {
    try {
      const running = await this.#running(GATEWAY_AFFINITY);
      if (running === undefined) return (await this.#start(GATEWAY_AFFINITY, UNKNOWN_ERA)).description;
      if (running.description.era === 'legacy') return running.description;
      return await describeAgain(this.#options, running.peer, signal);
    } catch (error) {
      if (error instanceof Undescribed) throw error;
      throw new Undescribed(error instanceof NotStarted ? error.message : 'it cannot be started');
    }
  }

  async request(request: ConnectionRequest): Promise<UpstreamAnswer> {
    const calledBack = request.era === 'legacy' && Object.keys(request.clientCapabilities).length > 0;
    const own = calledBack || request.affinity === GATEWAY_AFFINITY;
    const key = own ? request.affinity : SHARED;
    let started: Started;
    try {
      const { era, protocolVersion, clientCapabilities } = request;
      // Nobody's client decides what all of them get from a shared process.
      const terms = own
        ? { era, protocolVersion, clientCapabilities }
        : { era, protocolVersion: undefined, clientCapabilities: {} };
      started = (await this.#running(key)) ?? (await this.#start(key, terms));
    } catch (error) {
      const code = error instanceof NotStarted ? error.failure : 'upstream_unreachable';
      return { kind: 'failed', code, began: false };
    }
    this.#lastUsed.set(key, performance.now());
    const { peer, description } = started;
    this.#inFlight.set(key, (this.#inFlight.get(key) ?? 0) + 1);
    try {
      return await this.#ask(peer, description.era, request, own);
    } finally {
      const left = (this.#inFlight.get(key) ?? 1) - 1;
      if (left > 0) this.#inFlight.set(key, left);
      else this.#inFlight.delete(key);
    }
  }

  async #ask(peer: StdioPeer, era: Era, request: ConnectionRequest, own: boolean): Promise<UpstreamAnswer> {
    if (!own && request.method === 'resources/subscribe') return this.#subscribe(peer, era, request);
    if (!own && request.method === 'resources/unsubscribe') return this.#unsubscribe(peer, era, request);
    const answer = await peer.call(this.#callOf(request, era));
    if (answer.kind !== 'failed') this.#backoff.succeeded();
    return answer;
  }

  #callOf(request: ConnectionRequest, era: Era): PeerCall {
    const { idleMs, totalMs } = this.#options.limits;
    const { method, params, signal } = request;
    return {
      method,
      params: era === 'modern' ? modernParams(this.#options, params, request) : params,
      signal,
      bounds: request.bounds ?? { idleMs, totalMs },
      onBegin: () => request.onBegin?.(),
      onNotification: (message) => request.onNotification?.(message),
      ...(request.onRequest === undefined || era === 'modern' ? {} : { onRequest: request.onRequest.bind(request) }),
    };
  }

  async #running(key: string): Promise<Started | undefined> {
    const started = await this.#peers.get(key)?.catch(() => undefined);
    return started?.peer.ended === undefined ? started : undefined;
  }

  /** Starts the process, once for all who wait for it. Rejects with NotStarted. */
  #start(key: string, terms: StartTerms): Promise<Started> {
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    // A server that keeps dying is left alone for a while; calls are refused meanwhile without delay.
    if (this.#closing.signal.aborted || performance.now() < this.#notBefore)
      return Promise.reject(new NotStarted('upstream_unreachable', 'it ended, and is not started again yet'));
    if (this.#peers.size >= this.#options.limits.processes && !this.#evict())
      return Promise.reject(new NotStarted('upstream_unreachable', 'it has too many processes'));
    const starting = startStdio(this.#options, terms, {
      onNotification: (method, message) => this.#notified(key, method, message),
      onEnd: (peer) => this.#gone(key, peer),
    });
    this.#peers.set(key, starting);
    starting.catch(() => this.#forget(key, starting));
    return starting;
  }

  #gone(key: string, peer: StdioPeer): void {
    const started = this.#peers.get(key);
    started?.then((held) => {
      if (held.peer === peer) this.#forget(key, started);
    }, ignore);
  }

  #forget(key: string, started: Promise<Started>): void {
    if (this.#peers.get(key) !== started) return;
    this.#peers.delete(key);
    this.#lastUsed.delete(key);
    this.#inFlight.delete(key);
    this.#notBefore = performance.now() + this.#backoff.failed();
  }

  /** Makes room by ending the process of the session that has not called for longest. */
  #evict(): boolean {
    const idle = [...this.#lastUsed].filter(([key]) => key !== SHARED && !this.#inFlight.has(key));
    const [oldest] = idle.sort((a, b) => a[1] - b[1]);
    if (oldest === undefined) return false;
    void this.#stop(oldest[0]);
    return true;
  }

  #notified(key: string, method: string, message: JsonObject): void {
    if (method.endsWith('/list_changed')) {
      // The gateway's own process lives for one reading: what it says on the way is in what is read.
      if (key !== GATEWAY_AFFINITY) this.#options.events.outdated();
    } else if (key !== SHARED) this.#options.events.unsolicited(key, message);
    // On a shared process a log line belongs to nobody in particular, so nobody gets it.
    else if (method === 'notifications/resources/updated') this.#subscriptions.updated(message);
  }

  /** Several agents may watch one resource of the shared process; the server hears of the first and the last. */
  async #subscribe(peer: StdioPeer, era: Era, request: ConnectionRequest): Promise<UpstreamAnswer> {
    const { uri } = request.params;
    if (typeof uri !== 'string') return peer.call(this.#callOf(request, era));
    if (this.#subscriptions.has(uri)) {
      request.onBegin?.();
      this.#subscriptions.add(request.affinity, uri, undefined);
      return DONE;
    }
    if (era === 'modern') return this.#listen(peer, request, uri);
    const answer = await peer.call(this.#callOf(request, era));
    if (answer.kind === 'result') this.#subscriptions.add(request.affinity, uri, undefined);
    return answer;
  }

  async #unsubscribe(peer: StdioPeer, era: Era, request: ConnectionRequest): Promise<UpstreamAnswer> {
    const { uri } = request.params;
    const last = typeof uri === 'string' && this.#subscriptions.remove(request.affinity, uri);
    if (last && era === 'legacy') return peer.call(this.#callOf(request, era));
    request.onBegin?.();
    return DONE;
  }

  /** A modern server reports updates on a request that stays open. Answers when it has agreed to, or not. */
  #listen(peer: StdioPeer, request: ConnectionRequest, uri: string): Promise<UpstreamAnswer> {
    const ending = new AbortController();
    const giveUp = (): void => ending.abort();
    request.signal.addEventListener('abort', giveUp, { once: true });
    return new Promise((resolve) => {
      const params = { notifications: { resourceSubscriptions: [uri] } };
      const answered = peer.call({
        method: 'subscriptions/listen',
        params: modernParams(this.#options, params, { clientCapabilities: {} }),
        signal: ending.signal,
        bounds: NO_BOUNDS,
        onBegin: () => request.onBegin?.(),
        onNotification: (message) => {
          if (message.method === 'notifications/resources/updated') this.#subscriptions.updated(message);
          else if (message.method === 'notifications/subscriptions/acknowledged') {
            request.signal.removeEventListener('abort', giveUp);
            this.#subscriptions.add(request.affinity, uri, giveUp);
            resolve(DONE);
          }
        },
      });
      answered.then((answer) => {
        this.#subscriptions.drop(uri);
        resolve(answer);
      }, ignore);
    });
  }

  async notify(affinity: string, method: string, params: JsonObject): Promise<void> {
    (await this.#running(affinity))?.peer.notify(method, params);
  }

  /** Whatever the process says is heard anyway. */
  attend(): void {}

  async endAffinity(affinity: string): Promise<void> {
    const orphaned = this.#subscriptions.endAffinity(affinity);
    const shared = orphaned.length === 0 ? undefined : await this.#running(SHARED);
    if (shared?.description.era === 'legacy')
      for (const uri of orphaned)
        void shared.peer.call({ method: 'resources/unsubscribe', params: { uri }, bounds: NO_BOUNDS });
    await this.#stop(affinity);
  }

  #stop(key: string): Promise<void> {
    const starting = this.#peers.get(key);
    this.#peers.delete(key);
    this.#lastUsed.delete(key);
    this.#inFlight.delete(key);
    if (starting === undefined) return Promise.resolve();
    const stopping = starting.then(({ peer }) => peer.stop(), ignore);
    this.#stopping.add(stopping);
    return stopping.finally(() => this.#stopping.delete(stopping));
  }

  watch({ era }: Description): void {
    if (era === 'modern') void this.#watchModern();
  }

  /** Sessions announce changes by themselves; a modern server is asked to. */
  async #watchModern(): Promise<void> {
    const peer = (await this.#running(SHARED))?.peer;
    if (peer === undefined || peer === this.#watched) return;
    this.#watched = peer;
    const notifications = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
    await peer.call({
      method: 'subscriptions/listen',
      params: modernParams(this.#options, { notifications }, { clientCapabilities: {} }),
      bounds: NO_BOUNDS,
      onNotification: ({ method }) => {
        if (typeof method === 'string' && method.endsWith('/list_changed')) this.#options.events.outdated();
      },
    });
  }

  /** It has none: its credential stands in its environment. */
  forgetTokens(): void {}

  async close(): Promise<void> {
    this.#closing.abort();
    for (const key of [...this.#peers.keys()]) void this.#stop(key);
    await Promise.all([...this.#stopping]);
  }
}

const ignore = (): void => undefined;
