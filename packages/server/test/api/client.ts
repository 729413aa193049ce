/** HTTP as a test says it: one call, one answer with status, headers and body. */
import type { TestServer } from '../../../../test/setup/server.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or the text. */
  // biome-ignore lint/suspicious/noExplicitAny: tests compare it with what they expect
  readonly body: any;
}

export interface Call {
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The admin key of the server when absent; null for none. */
  readonly key?: string | null;
}

export type Client = (method: string, path: string, call?: Call) => Promise<Answer>;

/** Calls with the first admin key, unless told otherwise. */
export function clientOf(server: Pick<TestServer, 'url' | 'adminKey'>): Client {
  return async (method, path, { body, headers = {}, key = server.adminKey } = {}) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
}
