/**
 * JSON-RPC with one stdio process: many requests at once on one pair of pipes. Ids and progress tokens are
 * our own on the wire, so that those of different agents cannot meet there.
 */
import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { StopSignal } from '../../stop-signal.ts';
import type { Scrubber } from '../scrub.ts';
import type { UpstreamAnswer } from '../types.ts';
import { errorFrom } from './client-error.ts';
import { META } from './connection.ts';
import { type Inbound, isObject, type RpcId, readMessage } from './json-rpc.ts';
import { type ProcessEnd, StdioProcess, type StdioProcessOptions } from './stdio-process.ts';

export interface PeerCall {
  readonly method: string;
  readonly params: JsonObject;
  readonly signal?: StopSignal;
  /** Milliseconds; 0 for none. */
  readonly bounds: { readonly idleMs: number; readonly totalMs: number };
  onBegin?(): void;
  onNotification?(message: JsonObject): void;
  onRequest?(message: JsonObject): Promise<JsonObject>;
}

export interface PeerOptions extends Omit<StdioProcessOptions, 'onLine' | 'onEnd' | 'clean'> {
  readonly scrubber: Scrubber | undefined;
  /** A notification that belongs to no call of ours. */
  onNotification(method: string, message: JsonObject): void;
  /** Once, when the process is gone. */
  onEnd(why: string): void;
}

interface Pending {
  readonly call: PeerCall;
  /** The client's own token, given back with each progress. */
  readonly token: JsonValue | undefined;
  readonly settle: (answer: UpstreamAnswer) => void;
  readonly alive: () => void;
}

/** Requests of the server that are being answered at once; further ones are ignored. */
const MAX_OPEN_REQUESTS = 64;

export class StdioPeer {
  readonly #options: PeerOptions;
  readonly #process: StdioProcess;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #openRequests = 0;
  #ended: string | undefined;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#process = new StdioProcess({
      ...options,
      onLine: (line) => this.#line(line),
      onEnd: (end) => this.#end(end),
      clean: (text) => options.scrubber?.text(text) ?? text,
    });
  }

  /** Why the process is gone, in words; undefined while it lives. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** Never rejects. */
  call(call: PeerCall): Promise<UpstreamAnswer> {
    const failed = (code: 'aborted' | 'upstream_unreachable' | 'upstream_protocol_error', began: boolean) =>
      ({ kind: 'failed', code, began }) as const;
    if (call.signal?.aborted === true) return Promise.resolve(failed('aborted', false));
    if (this.#ended !== undefined) return Promise.resolve(failed('upstream_unreachable', false));
    const id = this.#nextId++;
    const meta = call.params._meta;
    const token = isObject(meta) ? meta.progressToken : undefined;
    let line: string;
    try {
      const params =
        token === undefined
          ? call.params
          : { ...call.params, _meta: { ...(isObject(meta) ? meta : {}), progressToken: id } };
      line = canonicalJson({ jsonrpc: '2.0', id, method: call.method, params });
    } catch {
      return Promise.resolve(failed('upstream_protocol_error', false));
    }
    return new Promise((resolve) => {
      if (!this.#process.write(line)) return resolve(failed('upstream_unreachable', false));
      call.onBegin?.();
      const { idleMs, totalMs } = call.bounds;
      const expire = () => this.#giveUp(id, 'upstream_timeout');
      const idle = idleMs > 0 ? setTimeout(expire, idleMs) : undefined;
      const total = totalMs > 0 ? setTimeout(expire, totalMs) : undefined;
      const onAbort = () => this.#giveUp(id, 'aborted');
      call.signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, {
        call,
        token,
        alive: () => idle?.refresh(),
        settle: (answer) => {
          clearTimeout(idle);
          clearTimeout(total);
          call.signal?.removeEventListener('abort', onAbort);
          this.#pending.delete(id);
          resolve(answer);
        },
      });
    });
  }

  notify(method: string, params?: JsonObject): void {
    this.#process.write(
      canonicalJson(params === undefined ? { jsonrpc: '2.0', method } : { jsonrpc: '2.0', method, params }),
    );
  }

  /** The server is told to stop working on it; a late answer is ignored. */
  #giveUp(id: number, code: 'aborted' | 'upstream_timeout'): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (pending.call.method !== 'initialize') this.notify('notifications/cancelled', { requestId: id, reason: code });
    pending.settle({ kind: 'failed', code, began: true });
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  #line(line: string): void {
    if (line.trim() === '') return;
    const message = readMessage(line, this.#options.scrubber);
    if (message === undefined) {
      const why = 'it wrote something to standard output that is not MCP';
      this.#process.kill({ code: 'upstream_protocol_error', why });
      return;
    }
    const bytesIn = Buffer.byteLength(line) + 1;
    switch (message.kind) {
      case 'result':
        this.#answered(message.id)?.settle({ kind: 'result', result: message.result, bytesIn });
        return;
      case 'error':
        this.#answered(message.id)?.settle({ kind: 'error', error: message.error, bytesIn });
        return;
      case 'notification':
        this.#notified(message);
        return;
      case 'request':
        this.#asked(message.id, message.method, message.message);
    }
  }

  #answered(id: RpcId | undefined): Pending | undefined {
    return typeof id === 'number' ? this.#pending.get(id) : undefined;
  }

  #notified({ method, message }: Extract<Inbound, { kind: 'notification' }>): void {
    const { params } = message;
    if (method === 'notifications/progress') {
      const token = isObject(params) ? params.progressToken : undefined;
      const pending = typeof token === 'number' ? this.#pending.get(token) : undefined;
      if (pending === undefined || pending.token === undefined || !isObject(params)) return;
      pending.alive();
      pending.call.onNotification?.({ ...message, params: { ...params, progressToken: pending.token } });
      return;
    }
    const meta = isObject(params) ? params._meta : undefined;
    const subscription = isObject(meta) ? meta[META.subscriptionId] : undefined;
    if (typeof subscription === 'number') this.#pending.get(subscription)?.call.onNotification?.(message);
    else if (method === 'notifications/cancelled') this.#latest()?.call.onNotification?.(message);
    else this.#options.onNotification(method, message);
  }

  /** The newest call that can be asked something. */
  #latest(): Pending | undefined {
    return [...this.#pending.values()].findLast(({ call }) => call.onRequest !== undefined);
  }

  /** A request of the server: a ping is ours to answer, anything else goes to whoever is behind the call. */
  #asked(id: RpcId, method: string, message: JsonObject): void {
    if (this.#openRequests >= MAX_OPEN_REQUESTS) return;
    this.#openRequests += 1;
    const pending = this.#latest();
    pending?.alive();
    const answering =
      method === 'ping'
        ? Promise.resolve<JsonObject>({})
        : (pending?.call.onRequest?.(message) ?? Promise.reject(new Error('nobody to ask')));
    answering
      .then(
        (result): JsonObject => ({ jsonrpc: '2.0', id, result }),
        (error: unknown): JsonObject => ({ jsonrpc: '2.0', id, error: errorFrom(error) }),
      )
      .then((response) => this.#process.write(canonicalJson(response)))
      .catch(() => false)
      .finally(() => {
        this.#openRequests -= 1;
      });
  }

  #end({ code, why }: ProcessEnd): void {
    this.#ended = why;
    for (const pending of [...this.#pending.values()]) pending.settle({ kind: 'failed', code, began: true });
    this.#options.onEnd(why);
  }
}
