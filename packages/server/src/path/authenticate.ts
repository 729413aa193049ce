/** Step 1, who: a token becomes a principal, against current state. */
import { hash, type KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import { type AccessHolder, findAccessHolder, noteCredentialUse } from '../agent-auth/index.ts';
import { findTokenHolder, noteTokenUse, type TokenHolder } from '../agents/index.ts';
import { credentialKind, lookupHmac } from '../identity/index.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';

const MAX_CACHED = 20_000;
const USE_NOTED_EVERY_MS = 60_000;

/** How long a held principal may serve calls that are recorded (the record's transaction checks it again). */
const MAX_AGE_MS = 60_000;

interface Held {
  readonly holder: TokenHolder | AccessHolder;
  readonly atMs: number;
}

export class Authenticator {
  readonly #pool: Pool;
  readonly #pepper: KeyObject;
  readonly #clock: () => number;
  /** By hash of the token. */
  readonly #held = new Map<string, Held>();
  readonly #used = new Map<TokenHolder['principal']['tokenId'], number>();

  constructor(pool: Pool, pepper: KeyObject, clock: () => number) {
    this.#pool = pool;
    this.#pepper = pepper;
    this.#clock = clock;
  }

  /**
   * Holder of the token, or undefined when it was never made. With `cached`, an earlier answer may be
   * given; use that only where the record's transaction checks the agent's revision again. Rejects when
   * the database does not answer.
   */
  async find(token: string, cached: boolean): Promise<TokenHolder | AccessHolder | undefined> {
    // A token has 256 random bits, so that its plain hash says nothing of it. The keyed one, which the database knows, takes 7 times as long.
    const key = hash('sha256', token, 'binary');
    const now = this.#clock();
    const held = cached ? this.#held.get(key) : undefined;
    if (held !== undefined && held.holder.principal.tokenExpiresAtMs > now && now - held.atMs < MAX_AGE_MS)
      return held.holder;
    const kind = credentialKind(token);
    if (kind !== 'agt' && kind !== 'access') return undefined;
    const find = kind === 'agt' ? findTokenHolder : findAccessHolder;
    const holder = await find(this.#pool, lookupHmac(token, this.#pepper));
    if (holder?.state === 'live') {
      if (this.#held.size >= MAX_CACHED) this.#held.clear();
      this.#held.set(key, { holder, atMs: now });
      this.#noteUse(holder, now);
    } else {
      this.#held.delete(key);
    }
    return holder;
  }

  forget(workspaceId: WorkspaceId, agentId?: AgentId): void {
    for (const [key, { holder }] of this.#held) {
      if (
        holder.principal.workspaceId === workspaceId &&
        (agentId === undefined || holder.principal.agentId === agentId)
      )
        this.#held.delete(key);
    }
  }

  #noteUse(holder: TokenHolder | AccessHolder, now: number): void {
    const { workspaceId, tokenId } = holder.principal;
    const last = this.#used.get(tokenId);
    if (last !== undefined && now - last < USE_NOTED_EVERY_MS) return;
    if (this.#used.size >= MAX_CACHED) this.#used.clear();
    this.#used.set(tokenId, now);
    // Last use is a convenience of the inventory; the log has every action.
    const note = 'hasCredential' in holder && holder.hasCredential ? noteCredentialUse : noteTokenUse;
    note(this.#pool, workspaceId, tokenId).catch(() => this.#used.delete(tokenId));
  }
}
