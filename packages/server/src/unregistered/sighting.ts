/** Somebody who tried to act and is no agent here. Pure. */
import { createHmac, type KeyObject } from 'node:crypto';
import { credentialKind } from '../identity/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';

export const KINDS = ['token', 'retired_token', 'agent', 'workload'] as const;

export interface Sighting {
  readonly workspaceId: WorkspaceId;
  /**
   * `token`: a credential that nobody was given; `retired_token`: of an agent that is revoked; `agent`: a name that an
   * enforcement point asked about; `workload`: who an issuer vouches for and no rule lets in.
   */
  readonly kind: (typeof KINDS)[number];
  /** Never a credential. */
  readonly identity: string;
  /** The address it came from. */
  readonly source: string;
  /** Of a retired token. */
  readonly agentId?: AgentId | undefined;
}

/** Those for which no line of their own is kept. */
export const MANY = '*';
const MAX_IDENTITY = 256;
const MAX_SOURCE = 64;

const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
const FINGERPRINT_DIGITS = 12;

/**
 * What a credential looks like, and a keyed fingerprint that tells it from others. Without the key nobody finds out from it
 * what was sent, were it a password.
 */
export function maskedToken(token: string, pepper: KeyObject): string {
  const kind = credentialKind(token);
  const shape = kind === undefined ? (JWT.test(token) ? 'jwt' : 'text') : `hk_${kind}`;
  const fingerprint = createHmac('sha256', pepper).update('unregistered\0').update(token).digest('hex');
  return `${shape} ${fingerprint.slice(0, FINGERPRINT_DIGITS)}`;
}

interface Line extends Sighting {
  firstMs: number;
  lastMs: number;
  count: number;
}

export type Seen = Readonly<Line>;

/** Distinct lines kept until they are taken. */
const MAX_LINES = 512;
/** Of which so many from one address. */
const MAX_LINES_OF_SOURCE = 16;

/** Counts sightings between two times that they are written down. However many come, it stays small. */
export class Sightings {
  #lines = new Map<string, Line>();
  #ofSource = new Map<string, number>();

  /** Whether another identity from there gets a line of its own. */
  hasRoom(source: string): boolean {
    return this.#lines.size < MAX_LINES && (this.#ofSource.get(source) ?? 0) < MAX_LINES_OF_SOURCE;
  }

  add({ workspaceId, kind, agentId, ...seen }: Sighting, atMs: number, count = 1): void {
    const source = seen.source.slice(0, MAX_SOURCE);
    const identity = shortened(seen.identity);
    const own = { workspaceId, kind, identity, source, agentId };
    const isKnown = this.#lines.has(keyOf(own));
    const line = isKnown || this.hasRoom(source) ? own : { workspaceId, kind, identity: MANY, source: MANY };
    const key = keyOf(line);
    const before = this.#lines.get(key);
    if (before !== undefined) {
      before.count += count;
      before.firstMs = Math.min(before.firstMs, atMs);
      before.lastMs = Math.max(before.lastMs, atMs);
      return;
    }
    this.#lines.set(key, { ...line, firstMs: atMs, lastMs: atMs, count });
    this.#ofSource.set(line.source, (this.#ofSource.get(line.source) ?? 0) + 1);
  }

  /** What came since the last time. */
  take(): readonly Seen[] {
    const lines = [...this.#lines.values()];
    this.#lines = new Map();
    this.#ofSource = new Map();
    return lines;
  }
}

function keyOf({ workspaceId, kind, identity, source }: Sighting): string {
  return JSON.stringify([workspaceId, kind, identity, source]);
}

function shortened(identity: string): string {
  const shown = identity.replaceAll('\0', '\ufffd');
  return shown.length <= MAX_IDENTITY ? shown : `${shown.slice(0, MAX_IDENTITY).toWellFormed()}…`;
}
