/** Who holds a token, of either kind. */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import { findTokenHolder, type TokenHolder } from '../agents/index.ts';
import { credentialKind, lookupHmac } from '../identity/index.ts';
import { type AccessHolder, findAccessHolder } from './access-token.ts';

export type Holder =
  | { readonly kind: 'token'; readonly holder: TokenHolder }
  | { readonly kind: 'access'; readonly holder: AccessHolder };

/** Undefined for what is no token that was ever given. */
export async function findHolder(pool: Pool, pepper: KeyObject, token: string): Promise<Holder | undefined> {
  const kind = credentialKind(token);
  if (kind === 'access') {
    const holder = await findAccessHolder(pool, lookupHmac(token, pepper));
    return holder && { kind, holder };
  }
  if (kind !== 'agt') return undefined;
  const holder = await findTokenHolder(pool, lookupHmac(token, pepper));
  return holder && { kind: 'token', holder };
}
