/** A request to an API as it is decided about, and as it is kept while people decide. */
import type { JsonObject } from '@hivekey/policy';
import type { Headers } from '../../http-apis/index.ts';

/** Everything about the call; what is about the connection is left out. */
export interface HttpRequest {
  readonly method: string;
  readonly namespace: string;
  /** Decoded segments below the namespace; undefined: the API itself, which is no operation. */
  readonly path: readonly string[] | undefined;
  readonly query: string | undefined;
  /** Every value of each header, by lower-case name. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly passed: Headers;
  readonly contentType: string | undefined;
  /** Undefined: it was not read, because nothing was granted that it could be for, or for the reason in `unread`. */
  readonly body: Buffer | undefined;
  readonly unread?: string;
}

/** The same for the same call, so that a repeat is known by it. */
export function keptRequest(request: HttpRequest, target: string, declared: Headers): JsonObject {
  const { method, namespace, passed, contentType, body } = request;
  return {
    method,
    namespace,
    target,
    headers: declared.map(([name, value]) => [name, value]),
    passed: passed.map(([name, value]) => [name, value]),
    content_type: contentType ?? null,
    body: body === undefined ? '' : body.toString('base64'),
  };
}

export interface KeptRequest {
  readonly method: string;
  readonly namespace: string;
  readonly target: string;
  readonly headers: Headers;
  readonly passed: Headers;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** Throws for what `keptRequest` does not make: it was authenticated, so that would be a bug. */
export function readKept(kept: JsonObject): KeptRequest {
  const { method, namespace, target, headers, passed, content_type: contentType, body } = kept;
  if (
    typeof method !== 'string' ||
    typeof namespace !== 'string' ||
    typeof target !== 'string' ||
    typeof body !== 'string'
  )
    throw new Error('a held request cannot be read');
  return {
    method,
    namespace,
    target,
    headers: headersOf(headers),
    passed: headersOf(passed),
    contentType: typeof contentType === 'string' ? contentType : undefined,
    body: Buffer.from(body, 'base64'),
  };
}

function headersOf(value: JsonObject[string] | undefined): Headers {
  if (!Array.isArray(value)) throw new Error('a held request cannot be read');
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair)) throw new Error('a held request cannot be read');
    const [name, text]: readonly unknown[] = pair;
    return [String(name), String(text)] as const;
  });
}
