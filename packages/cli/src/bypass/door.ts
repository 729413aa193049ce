/** A way past the gateway, and whether it stands open where this runs. */
export interface Door {
  /** What was tried, such as `api.openai.com:443` or the name of a variable. Never a value. */
  readonly door: string;
  readonly kind:
    | 'upstream'
    | 'provider'
    | 'dns'
    | 'proxy'
    | 'metadata'
    | 'database'
    | 'entrance'
    | 'socket'
    | 'process'
    | 'key'
    | 'variable'
    | 'file';
  /** `unknown`: what was found does not tell. */
  readonly verdict: 'closed' | 'open' | 'unknown';
  readonly cause: string;
  readonly remedy?: string;
}

/** How long a door is pushed at, milliseconds. What drops packets says nothing until then. */
export const PATIENCE_MS = 2_000;

export function closed(kind: Door['kind'], door: string, cause: string): Door {
  return { door, kind, verdict: 'closed', cause };
}

export function open(kind: Door['kind'], door: string, cause: string, remedy: string): Door {
  return { door, kind, verdict: 'open', cause, remedy };
}
