/** A governed request as it is kept while people decide about it, and read back to be carried out. */
import type { JsonObject } from '@hivekey/policy';
import type { Caller } from './caller.ts';
import type { Target } from './target.ts';
import { isObject } from './wire.ts';

/** Members of `params` that are about one request, not about the call. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set(['_meta', 'requestState', 'task']);

/** The same for the same call, so that a repeat is known by it. `state`: the upstream's own, out of a retry. */
export function heldRequest(
  { namespace }: Pick<Caller, 'namespace'>,
  { method }: Target,
  params: JsonObject,
  state: string | undefined,
): JsonObject {
  const kept = Object.fromEntries(Object.entries(params).filter(([name]) => !OF_THE_REQUEST.has(name)));
  return { method, params: kept, route: namespace ?? null, state: state ?? null };
}

export interface HeldRequest {
  readonly method: string;
  readonly params: JsonObject;
  /** The route without prefixes that it came on. */
  readonly namespace: string | undefined;
  readonly state: string | undefined;
}

/** Throws for what `heldRequest` does not make: it was authenticated, so that would be a bug. */
export function readHeldRequest({ method, params, route, state }: JsonObject): HeldRequest {
  if (typeof method !== 'string' || !isObject(params)) throw new Error('a held request cannot be read');
  return {
    method,
    params,
    namespace: typeof route === 'string' ? route : undefined,
    state: typeof state === 'string' ? state : undefined,
  };
}
