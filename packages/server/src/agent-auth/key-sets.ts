/** Key sets of issuers that vouch for workloads: pasted, or from a pinned address, kept for a while. */
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { createGuardedFetch } from '../sign-in/index.ts';
import { KeyProblem, readPublicKey } from './keys.ts';

const FRESH_MS = 600_000;
/** A key id that is not known has the set fetched again, but not more often than this. */
const AGAIN_AFTER_MS = 30_000;
/** An issuer that cannot be reached is believed by its last keys so long. */
const STALE_MS = 3_600_000;
const MAX_KEYS = 100;

const setSchema = z.looseObject({
  keys: z.array(z.looseObject({ kid: z.string().max(512).optional() })).max(MAX_KEYS),
});

/** Signing keys of a set; others are left out. Throws KeyProblem when none is left. `use` of SPIFFE bundles is `jwt-svid`. */
export async function readKeySet(value: unknown): Promise<JSONWebKeySet> {
  const read = setSchema.safeParse(value);
  if (!read.success) throw new KeyProblem('it is no JWK set');
  const keys = await Promise.all(
    read.data.keys.map(async ({ kid, use, ...members }) => {
      try {
        if (use === 'x509-svid' || use === 'enc') return [];
        const { alg, ...known } = members;
        const { jwk } = await readPublicKey(alg === undefined ? known : { ...known, alg });
        // An algorithm that the issuer does not name is not made up: the token's one counts, within what is pinned.
        const { alg: _, ...key } = jwk;
        return [{ ...key, ...(alg === undefined ? {} : { alg: jwk.alg }), ...(kid === undefined ? {} : { kid }) }];
      } catch (error) {
        if (error instanceof KeyProblem) return [];
        throw error;
      }
    }),
  );
  const usable = keys.flat();
  if (usable.length === 0) throw new KeyProblem('it has no public key that signatures could be checked with');
  return { keys: usable };
}

interface Held {
  readonly set: JSONWebKeySet;
  readonly atMs: number;
}

export interface KeySource {
  readonly id: string;
  readonly jwks: JSONWebKeySet | null;
  readonly jwksUrl: string | null;
}

export class KeySets {
  readonly #fetch: ReturnType<typeof createGuardedFetch>;
  readonly #held = new Map<string, Held>();
  /** By issuer: many that ask at once are one request. */
  readonly #asked = new Map<string, Promise<Held>>();
  readonly #askedAt = new Map<string, number>();

  /** `allowed`: `upstream_allow` of the configuration. */
  constructor(allowed: readonly string[]) {
    this.#fetch = createGuardedFetch(allowed);
  }

  /** The keys, those of a rotation included. Rejects when there are none that may be believed. */
  async of(source: KeySource, kid: string | undefined, nowMs: number): Promise<JWTVerifyGetKey> {
    if (source.jwksUrl === null) return createLocalJWKSet(source.jwks ?? { keys: [] });
    const held = this.#held.get(source.id);
    const isKnown = held !== undefined && (kid === undefined || held.set.keys.some((key) => key.kid === kid));
    if (held !== undefined && isKnown && nowMs - held.atMs < FRESH_MS) return createLocalJWKSet(held.set);
    try {
      return createLocalJWKSet((await this.#refresh(source.id, source.jwksUrl, nowMs)).set);
    } catch (error) {
      if (held === undefined || nowMs - held.atMs >= STALE_MS) throw error;
      return createLocalJWKSet(held.set);
    }
  }

  /** Fetches the set, for whoever registers the address. */
  async fetch(url: string): Promise<JSONWebKeySet> {
    const answer = await this.#fetch(url, { headers: { accept: 'application/json, application/jwk-set+json' } });
    // A redirect is an answer like any other that is no key set.
    if (answer.status !== 200) throw new KeyProblem(`it answered with status ${answer.status}`);
    return readKeySet(await answer.json());
  }

  async #refresh(id: string, url: string, nowMs: number): Promise<Held> {
    const running = this.#asked.get(id);
    if (running !== undefined) return running;
    const held = this.#held.get(id);
    const since = nowMs - (this.#askedAt.get(id) ?? Number.NEGATIVE_INFINITY);
    if (since < AGAIN_AFTER_MS) {
      if (held !== undefined) return held;
      throw new KeyProblem('it was asked in vain a moment ago');
    }
    this.#askedAt.set(id, nowMs);
    const asked = this.fetch(url).then((set) => ({ set, atMs: nowMs }));
    this.#asked.set(id, asked);
    try {
      const fresh = await asked;
      this.#held.set(id, fresh);
      return fresh;
    } finally {
      this.#asked.delete(id);
    }
  }
}
