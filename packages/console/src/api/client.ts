/** The one place that speaks HTTP. Same origin, session cookie, CSRF token on writes, pinned version. */
import { ApiError, readError } from './problem.ts';
import type { List } from './types.ts';

/** The date this console was written against; the server refuses one it does not know. */
const API_VERSION = '2026-04-01';
const TIMEOUT_MS = 30_000;
const PAGE = 200;
/** A list longer than this is not shown whole; rooms page or search instead. */
const MAX_PAGES = 50;

let csrfToken = '';
let onSignedOut: () => void = () => undefined;
let proveAnew: ((failure: ApiError) => Promise<boolean>) | undefined;

/** The token of the session in use. Kept in memory only. */
export function setCsrfToken(token: string): void {
  csrfToken = token;
}

/** Called when an answer says that the session is over. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

/**
 * Called when a write takes proof that it is still the same person; resolves with whether that was given, and the write is
 * then sent once more. Gives back what takes the listener away.
 */
export function whenStepUpRequired(listener: (failure: ApiError) => Promise<boolean>): () => void {
  proveAnew = listener;
  return () => {
    if (proveAnew === listener) proveAnew = undefined;
  };
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return (await request<T>('GET', withQuery(path, query), undefined, signal)).answer;
}

/** The bytes as they came: what is signed must not be written anew. */
export async function getText(path: string, signal?: AbortSignal): Promise<string> {
  return (await request<unknown>('GET', path, undefined, signal)).text;
}

export async function send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
  try {
    return (await request<T>(method, path, body)).answer;
  } catch (error) {
    const isProof = error instanceof ApiError && error.code === 'step_up_required' && proveAnew !== undefined;
    if (!isProof || proveAnew === undefined || !(await proveAnew(error))) throw error;
    return (await request<T>(method, path, body)).answer;
  }
}

/** All pages of a list that is known to be small (roles, capabilities, servers, keys). */
export async function getAll<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const list: List<T> = await get(path, { ...query, limit: PAGE, cursor }, signal);
    items.push(...list.data);
    if (!list.has_more || list.next_cursor === null) break;
    cursor = list.next_cursor;
  }
  return items;
}

export function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}

/** A path whose parts come from outside. */
export function at(strings: TemplateStringsArray, ...parts: readonly string[]): string {
  return strings.reduce((path, text, i) => `${path}${encodeURIComponent(parts[i - 1] ?? '')}${text}`);
}

interface Received<T> {
  readonly text: string;
  readonly answer: T;
}

async function request<T>(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Received<T>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      headers: {
        Accept: 'application/json',
        'HiveKey-Version': API_VERSION,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(method === 'GET' ? {} : { 'X-CSRF-Token': csrfToken }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(timeout.aborted);
  }
  const answer = jsonOf(text);
  if (response.ok) {
    // The one cast of the client: the server checks its answers against the schemas these types are written from.
    return { text, answer: answer as T };
  }
  const failure = readError(response.status, answer, response.headers.get('X-Request-ID') ?? undefined);
  // Signing in is refused with 401 as well; there the room itself tells why.
  if (response.status === 401 && !(method === 'POST' && path === '/v1/session')) onSignedOut();
  throw failure;
}

function jsonOf(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(timedOut: boolean): ApiError {
  return timedOut
    ? new ApiError({
        status: 0,
        code: 'server_timeout',
        cause: `The server did not answer within ${TIMEOUT_MS / 1000} seconds.`,
        remedy: 'Look at System, or run hivekey doctor. A write may have happened: reload before you repeat it.',
      })
    : new ApiError({
        status: 0,
        code: 'server_unreachable',
        cause: 'The server could not be reached.',
        remedy: 'Check that HiveKey runs and that this browser can reach it, then try again.',
      });
}
