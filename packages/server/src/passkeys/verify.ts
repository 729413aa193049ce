/**
 * Checking what an authenticator has signed. The library compares challenge, origin, relying party, type and flags, and checks
 * the signature; a bad signature does not throw but answers `verified: false`. Whose passkey it is, whether it still counts
 * and whether the challenge was used before is asked here and in the transaction of what it is for.
 */
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type Challenge, type ChallengePurpose, challengeUnknown, findChallenge, takeChallenge } from './challenges.ts';
import type { RelyingParty } from './relying-party.ts';
import { type Assertion, authenticationJson, challengeOf, type Registration, registrationJson } from './response.ts';
import { findPasskey, noteUse, type Passkey } from './store.ts';

/** ES256, EdDSA and RS256 (RFC 9053): what outsiders can check with common tools. */
export const PASSKEY_ALGORITHMS: readonly number[] = [-7, -8, -257];

export interface VerifiedAssertion {
  readonly challenge: Challenge;
  readonly passkey: Passkey;
  readonly counter: number;
  readonly deviceBound: boolean;
}

/** Throws `passkey_challenge_unknown`, `passkey_invalid`, `person_inactive`. Nothing is used up by this. */
export async function verifyAssertion(
  pool: Pool,
  { id, origin }: RelyingParty,
  response: Assertion,
  purpose: ChallengePurpose,
): Promise<VerifiedAssertion> {
  const challenge = await findChallenge(pool, challengeOf(response), purpose);
  const passkey = await findPasskey(pool, response.id);
  const isTheirs =
    passkey !== undefined &&
    passkey.workspaceId === challenge.workspaceId &&
    (challenge.personId === null || challenge.personId === passkey.personId);
  if (!isTheirs) throw passkeyInvalid();
  if (!passkey.person.active)
    throw new Failure(403, 'person_inactive', `${passkey.person.email} is not active.`, 'Ask an administrator.');
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
  const verified = await verifyAuthenticationResponse({
    response: authenticationJson(response),
    expectedChallenge: challenge.challenge,
    expectedOrigin: origin,
    expectedRPID: id,
    requireUserVerification: true,
    credential: {
      id: passkey.credentialId,
      publicKey: new Uint8Array(passkey.publicKey),
      counter: passkey.counter,
    },
  }).catch(() => undefined);
  if (verified?.verified !== true) throw passkeyInvalid();
  const { newCounter, credentialDeviceType } = verified.authenticationInfo;
  return { challenge, passkey, counter: newCounter, deviceBound: credentialDeviceType === 'singleDevice' };
}

/** Takes the challenge and notes the use, inside the transaction. Throws `passkey_challenge_unknown`, `passkey_invalid`. */
export async function useAssertion(
  { client, now }: LoggedTransaction,
  { challenge, passkey, counter }: VerifiedAssertion,
): Promise<void> {
  if (!(await takeChallenge(client, challenge))) throw challengeUnknown();
  if (!(await noteUse(client, passkey, counter, now))) throw passkeyInvalid();
}

export interface VerifiedRegistration {
  readonly challenge: Challenge;
  readonly credentialId: string;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly deviceType: 'singleDevice' | 'multiDevice';
  readonly aaguid: string;
  readonly transports: readonly string[];
}

/** Throws `passkey_challenge_unknown`, `passkey_invalid`. */
export async function verifyRegistration(
  pool: Pool,
  { id, origin }: RelyingParty,
  response: Registration,
  purpose: ChallengePurpose,
): Promise<VerifiedRegistration> {
  const challenge = await findChallenge(pool, challengeOf(response), purpose);
  const { verifyRegistrationResponse } = await import('@simplewebauthn/server');
  const verified = await verifyRegistrationResponse({
    response: registrationJson(response),
    expectedChallenge: challenge.challenge,
    expectedOrigin: origin,
    expectedRPID: id,
    requireUserVerification: true,
    supportedAlgorithmIDs: [...PASSKEY_ALGORITHMS],
  }).catch(() => undefined);
  if (verified?.verified !== true) throw passkeyInvalid();
  const { credential, credentialDeviceType, aaguid } = verified.registrationInfo;
  return {
    challenge,
    credentialId: credential.id,
    publicKey: Buffer.from(credential.publicKey),
    counter: credential.counter,
    deviceType: credentialDeviceType,
    aaguid,
    transports: response.response.transports ?? [],
  };
}

export function passkeyInvalid(): Failure {
  return new Failure(
    403,
    'passkey_invalid',
    'This is not the signature of a passkey that counts here.',
    'Use a passkey that you have registered, and confirm with it as its device asks.',
  );
}
