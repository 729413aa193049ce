/** Who watches which resource of a stdio server whose process is shared. */
import type { JsonObject } from '@hivekey/policy';
import { isObject } from './json-rpc.ts';

interface Watched {
  readonly affinities: Set<string>;
  /** Ends the subscription upstream, where that is a stream of its own. */
  readonly close: (() => void) | undefined;
}

export class Subscriptions {
  readonly #byUri = new Map<string, Watched>();
  readonly #tell: (affinity: string, message: JsonObject) => void;

  constructor(tell: (affinity: string, message: JsonObject) => void) {
    this.#tell = tell;
  }

  has(uri: string): boolean {
    return this.#byUri.has(uri);
  }

  add(affinity: string, uri: string, close: (() => void) | undefined): void {
    const watched = this.#byUri.get(uri) ?? { affinities: new Set(), close };
    watched.affinities.add(affinity);
    this.#byUri.set(uri, watched);
  }

  /** True when that was the last one, and the server should hear of it. */
  remove(affinity: string, uri: string): boolean {
    const watched = this.#byUri.get(uri);
    if (watched === undefined) return false;
    watched.affinities.delete(affinity);
    if (watched.affinities.size > 0) return false;
    this.drop(uri);
    return true;
  }

  /** Nobody is told of it any more. */
  drop(uri: string): void {
    const watched = this.#byUri.get(uri);
    this.#byUri.delete(uri);
    watched?.close?.();
  }

  /** The resources that nobody watches any more. */
  endAffinity(affinity: string): readonly string[] {
    return [...this.#byUri.keys()].filter((uri) => this.remove(affinity, uri));
  }

  updated(message: JsonObject): void {
    const { params } = message;
    const uri = isObject(params) ? params.uri : undefined;
    if (typeof uri !== 'string') return;
    for (const affinity of this.#byUri.get(uri)?.affinities ?? []) this.#tell(affinity, message);
  }
}
