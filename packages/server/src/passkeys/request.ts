/** What a browser asks an authenticator to sign with. */
import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { credentialIdsOf } from './store.ts';

/** As `PublicKeyCredential.parseRequestOptionsFromJSON` takes it. `challenge`: base64url; `allowed`: credential ids, none for any. */
export async function requestOptions(
  rpID: string,
  challenge: string,
  allowed: readonly string[],
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const { generateAuthenticationOptions } = await import('@simplewebauthn/server');
  return generateAuthenticationOptions({
    rpID,
    challenge: new Uint8Array(Buffer.from(challenge, 'base64url')),
    allowCredentials: allowed.map((id) => ({ id })),
    userVerification: 'required',
  });
}

/** Credential ids of the live passkeys of a person; at least one. Throws `passkey_missing`, with this remedy. */
export async function ownCredentials(
  pool: Pool,
  workspaceId: WorkspaceId,
  { id, email }: { readonly id: PersonId; readonly email: string },
  remedy: string,
): Promise<readonly string[]> {
  const allowed = await credentialIdsOf(pool, workspaceId, id);
  if (allowed.length > 0) return allowed;
  throw new Failure(409, 'passkey_missing', `${email} has no passkey.`, remedy);
}
