/** What a request to `/http/…` names, read in one way or not at all. Pure. */
import { readPath } from '../../http-apis/index.ts';

export interface Target {
  readonly namespace: string;
  /** Decoded segments below the namespace; undefined: the API itself. */
  readonly path: readonly string[] | undefined;
  /** Without `?`. */
  readonly query: string | undefined;
  /** As it is recorded: without the query. */
  readonly raw: string;
}

/** In words, why it can be read in more than one way. */
export interface Ambiguous {
  readonly problem: string;
  readonly raw: string;
}

const ROUTE = /^\/http\/([a-z][a-z0-9-]{0,30})(\/.*)?$/s;

export function readTarget(url: string): Target | Ambiguous {
  const at = url.indexOf('?');
  const raw = at === -1 ? url : url.slice(0, at);
  const query = at === -1 ? undefined : url.slice(at + 1);
  const [, namespace, below] = ROUTE.exec(raw) ?? [];
  if (namespace === undefined) return { problem: 'the path names no API', raw };
  if (below === undefined) return { namespace, path: undefined, query, raw };
  const path = readPath(below);
  return typeof path === 'string' ? { problem: path, raw } : { namespace, path, query, raw };
}
