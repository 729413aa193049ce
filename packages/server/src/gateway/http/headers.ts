/** Which headers pass in either direction. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Headers } from '../../http-apis/index.ts';

/** Passed on without being declared: how the answer is to be written. Everything else is, or stays here. */
const PASSED = ['accept', 'accept-language'] as const;
const VALUE = /^[\x20-\x7e]{1,1024}$/;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** With these a server may take another method than the one that was decided about. */
const OVERRIDES = ['x-http-method', 'x-http-method-override', 'x-method-override'] as const;

/** W3C trace context; for tracing only, never identity. */
export function traceparentOf({ traceparent }: IncomingHttpHeaders): string | undefined {
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined;
}

/** Why the request is refused whatever it is for, in words. */
export function headerProblem(headers: IncomingHttpHeaders): string | undefined {
  if (headers.upgrade !== undefined) return 'it asks for another protocol';
  if (OVERRIDES.some((name) => headers[name] !== undefined)) return 'it asks for another method than its own';
  return undefined;
}

/** Every value of each header, by lower-case name; without those that Connection names, which end here. */
export function declaredHeaders(rawHeaders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const all = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const values = all.get(name) ?? [];
    values.push(rawHeaders[at + 1] ?? '');
    all.set(name, values);
  }
  for (const named of (all.get('connection') ?? []).flatMap((value) => value.split(',')))
    all.delete(named.trim().toLowerCase());
  return all;
}

export function passedHeaders(headers: ReadonlyMap<string, readonly string[]>): Headers {
  return PASSED.flatMap((name) => {
    const value = headers.get(name)?.join(', ');
    return value !== undefined && VALUE.test(value) ? [[name, value] as const] : [];
  });
}

/**
 * Of one connection; of the API's own origin, which is not the one that the agent sees; and cookies, which would
 * carry a session of the API's to the agent.
 */
const NOT_RELAYED =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|set-cookie2?|www-authenticate|alt-svc|strict-transport-security|public-key-pins.*|expect-ct|clear-site-data|access-control-.*|content-security-policy.*|x-frame-options|cross-origin-.*|origin-agent-cluster|permissions-policy|refresh|content-location|report-to|reporting-endpoints|nel|service-worker-allowed|sourcemap|cache-control|pragma|expires|age|hivekey.*)$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export interface AnswerOf {
  readonly namespace: string;
  /** Where the request went. */
  readonly url: URL;
  /** Base path at the API, without a slash at its end. */
  readonly base: string;
  /** The body can be changed on its way, so its length is not known. */
  readonly isScrubbed: boolean;
  readonly isHead: boolean;
  readonly eventId: string;
}

/** Name, value, name, value, as `writeHead` takes them. */
export function answerHeaders(headers: Headers, answer: AnswerOf): readonly string[] {
  const named = new Set(
    headers
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, value]) => value.split(',').map((each) => each.trim().toLowerCase())),
  );
  const relayed: string[] = [];
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    if (NOT_RELAYED.test(name) || named.has(name) || !HEADER_VALUE.test(value)) continue;
    if (name === 'content-length' && answer.isScrubbed && !answer.isHead) continue;
    const passed = name === 'location' ? locationOf(value, answer) : value;
    if (passed !== undefined) relayed.push(name, passed);
  }
  relayed.push(
    // Each call is decided about: no cache may answer in its place.
    ...['cache-control', 'no-store'],
    // The answer is the API's and not this origin's, should a browser ever show it.
    ...['x-content-type-options', 'nosniff', 'content-security-policy', "sandbox; default-src 'none'"],
    ...['hivekey-event-id', answer.eventId],
  );
  return relayed;
}

/** Below the API's base path it is a path here; anywhere else it is left out. */
function locationOf(value: string, { namespace, url, base }: AnswerOf): string | undefined {
  const target = URL.parse(value, url.href);
  if (target === null || target.origin !== url.origin || target.username !== '') return undefined;
  if (target.pathname !== base && !target.pathname.startsWith(`${base}/`)) return undefined;
  return `/http/${namespace}${target.pathname.slice(base.length)}${target.search}`;
}
