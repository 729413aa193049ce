/** The HTTP API, called. */
import { errorOf, HiveKeyError, noAnswer } from './errors.ts';
import type { HeldAction, JsonObject, List, Permit } from './objects.ts';

/** Date-pinned version of the API this client speaks. */
export const API_VERSION = '2026-04-01';
const USER_AGENT = 'hivekey-sdk';

export interface HiveKeyOptions {
  /** Origin of the server, e.g. `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Admin key (`hk_live_…`) for management, or agent token (`hk_agt_…`) for actions. */
  readonly key: string;
  readonly fetch?: typeof fetch;
  readonly userAgent?: string;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON; a string is sent as it is, see `contentType`. */
  readonly body?: unknown;
  readonly contentType?: string;
  /** Makes a repeated write safe: the same key with the same request is done once. */
  readonly idempotencyKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * ```ts
 * const hivekey = new HiveKey({ url: 'http://127.0.0.1:7420', key: process.env.HIVEKEY_KEY });
 * const agent = await hivekey.request<Agent>('POST', '/v1/agents', { body: { name: 'helpdesk-bot', role: 'support', owner: 'dana@acme.example' } });
 * for await (const role of hivekey.each<Role>('/v1/roles')) console.log(role.name);
 * ```
 * Every refusal is a {@link HiveKeyError} with a stable code, a cause and a remedy.
 */
export class HiveKey {
  readonly url: string;
  readonly #key: string;
  readonly #fetch: typeof fetch;
  readonly #userAgent: string;

  constructor({ url, key, fetch: given = fetch, userAgent = USER_AGENT }: HiveKeyOptions) {
    this.url = new URL(url).origin;
    this.#key = key;
    this.#fetch = given;
    this.#userAgent = userAgent;
  }

  /** The answer's JSON, or undefined for an empty answer. Throws HiveKeyError. */
  async request<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.stream(method, path, options);
    const body = await this.#read(response, () => response.text());
    return body === '' ? (undefined as T) : this.#parse(response, body);
  }

  /** As `request`, with the body of the answer still to be read: streams and archives. */
  async stream(method: Method, path: string, options: RequestOptions = {}): Promise<Response> {
    const url = new URL(path, this.url);
    for (const [name, value] of Object.entries(options.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const { body, contentType = 'application/json', idempotencyKey, headers, signal } = options;
    let response: Response;
    try {
      response = await this.#fetch(url, {
        method,
        redirect: 'error',
        headers: {
          authorization: `Bearer ${this.#key}`,
          'hivekey-version': API_VERSION,
          'user-agent': this.#userAgent,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': contentType }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (signal?.aborted === true) throw error;
      throw noAnswer(this.url, error);
    }
    if (response.ok) return response;
    const text = await this.#read(response, () => response.text());
    throw errorOf(response.status, jsonOrText(text));
  }

  /** Every object of a list, page after page. */
  async *each<T>(path: string, query: Query = {}): AsyncGenerator<T, void, undefined> {
    let cursor: string | undefined;
    do {
      const page: List<T> = await this.request<List<T>>('GET', path, { query: { limit: 200, ...query, cursor } });
      yield* page.data;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  async all<T>(path: string, query: Query = {}): Promise<T[]> {
    const found: T[] = [];
    for await (const each of this.each<T>(path, query)) found.push(each);
    return found;
  }

  /**
   * Runs `work` only if HiveKey permits the action, and reports how it ended: for agents that run their own
   * tools. Needs an agent token. Throws HiveKeyError `action_denied`, `action_unknown` or `action_held`; then
   * `work` has not run. What `work` throws is reported as an error and thrown on. A report that does not
   * arrive changes nothing for the caller: the permit expires and the outcome is recorded as unknown.
   */
  async act<T>(action: string, args: JsonObject, work: () => Promise<T>, run: ActOptions = {}): Promise<T> {
    const { sessionId, runId, idempotencyKey } = run;
    const answer = await this.request<Permit | HeldAction>('POST', '/v1/actions', {
      body: {
        action,
        arguments: args,
        ...(sessionId === undefined ? {} : { session_id: sessionId }),
        ...(runId === undefined ? {} : { run_id: runId }),
      },
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
    if (answer.verdict === 'review') throw held(answer);
    const startedAt = performance.now();
    try {
      const value = await work();
      await this.#report(answer.permit.id, startedAt, { result: 'success' });
      return value;
    } catch (error) {
      await this.#report(answer.permit.id, startedAt, {
        result: 'error',
        code: error instanceof Error ? error.name : 'error',
      });
      throw error;
    }
  }

  async #report(permit: string, startedAt: number, outcome: JsonObject): Promise<void> {
    const body = { ...outcome, duration_ms: Math.round(performance.now() - startedAt) };
    await this.request('POST', `/v1/actions/${encodeURIComponent(permit)}/outcome`, {
      body,
      idempotencyKey: permit,
    }).catch(() => undefined);
  }

  async #read<T>(response: Response, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw noAnswer(response.url === '' ? this.url : response.url, error);
    }
  }

  #parse<T>(response: Response, text: string): T {
    try {
      return JSON.parse(text);
    } catch {
      throw errorOf(response.status, undefined);
    }
  }
}

export interface ActOptions {
  readonly sessionId?: string;
  readonly runId?: string;
  readonly idempotencyKey?: string;
}

function held(answer: HeldAction): HiveKeyError {
  const remedy = 'A person must decide before this action runs.';
  return new HiveKeyError(202, { code: 'action_held', cause: answer.decision.reason, remedy }, answer);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
