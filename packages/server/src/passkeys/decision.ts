/**
 * Decisions signed with a passkey: what is decided is hashed into the challenge, so that the signature is over nothing else,
 * and what was signed is kept with all that an outsider needs to check it.
 *
 *   challenge = base64url( SHA-256( nonce ‖ SHA-256( JCS(decision) ) ) )
 */
import { createHash, randomBytes } from 'node:crypto';
import { canonicalJson, parseJson } from '@hivekey/action-log';
import type { JsonObject } from '@hivekey/policy';
import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { newId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { keepChallenge } from './challenges.ts';
import { type RelyingParty, relyingParty } from './relying-party.ts';
import { ownCredentials, requestOptions } from './request.ts';
import type { Assertion } from './response.ts';
import { passkeyInvalid, useAssertion, type VerifiedAssertion, verifyAssertion } from './verify.ts';

const VALID_SECONDS = 300;

function sha256(...parts: readonly (Buffer | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** base64url. */
function challengeFor(nonce: Buffer, canonical: string): string {
  return sha256(nonce, sha256(canonical)).toString('base64url');
}

/** What is decided, by whom and about what. `exp` is added: whoever signs it decides now and not some day. */
export interface Subject {
  readonly kind: 'approval' | 'change' | 'review';
  readonly id: string;
  readonly members: JsonObject;
}

function canonicalOf({ kind, id, members }: Subject, exp: number): string {
  return canonicalJson({ v: 1, kind, id, ...members, exp });
}

/** What the browser hands to the authenticator, and what the person is to be shown: the very text that is hashed. */
export async function decisionOptions(
  pool: Pool,
  url: string,
  { workspaceId, credentialId, person }: Administrator,
  subject: Subject,
  nowMs: number,
): Promise<{ readonly options: PublicKeyCredentialRequestOptionsJSON; readonly decision: string }> {
  if (person === undefined)
    throw new Failure(403, 'person_required', 'A person signs, and this key belongs to none.', 'Sign in as yourself.');
  const allowed = await ownCredentials(pool, workspaceId, person, 'Register one in the console, under your account.');
  const nonce = randomBytes(16);
  const canonical = canonicalOf(subject, Math.floor(nowMs / 1000) + VALID_SECONDS);
  const challenge = challengeFor(nonce, canonical);
  await keepChallenge(pool, {
    challenge,
    workspaceId,
    purpose: 'decision',
    personId: person.id,
    credentialId,
    canonical,
    nonce,
  });
  const options = await requestOptions(relyingParty(url).id, challenge, allowed);
  return { options, decision: canonical };
}

export interface SignedDecision {
  readonly assertion: Assertion;
  readonly verified: VerifiedAssertion;
  readonly rp: RelyingParty;
}

/** Checks the signature; whether it is over the decision being made is asked when it is used. Throws `passkey_invalid`, `passkey_challenge_unknown`. */
export async function verifyDecision(
  pool: Pool,
  url: string,
  { credentialId, person }: Administrator,
  assertion: Assertion,
): Promise<SignedDecision> {
  const rp = relyingParty(url);
  const verified = await verifyAssertion(pool, rp, assertion, 'decision');
  const { challenge, passkey } = verified;
  if (challenge.credentialId !== credentialId || passkey.personId !== person?.id) throw passkeyInvalid();
  return { assertion, verified, rp };
}

export interface KeptDecision {
  readonly id: string;
  readonly passkeyId: string;
  /** `sha256:<hex>` of the canonical decision, for the log. */
  readonly digest: string;
}

/**
 * Takes the signature for this decision and keeps it, in the transaction of the decision. A failure, as a value, when it is
 * over another one.
 */
export async function keepSignedDecision(
  transaction: LoggedTransaction,
  { assertion, verified, rp }: SignedDecision,
  subject: Subject,
): Promise<KeptDecision | Failure> {
  const { client, now } = transaction;
  const { challenge, passkey } = verified;
  const { canonical, nonce } = challenge;
  const exp = expiryOf(canonical);
  if (canonical === null || nonce === null || exp === undefined || canonical !== canonicalOf(subject, exp))
    return otherDecision();
  if (exp * 1000 <= now.getTime()) return otherDecision();
  await useAssertion(transaction, verified);
  const id = newId<string>('sgn');
  const { clientDataJSON, authenticatorData, signature } = assertion.response;
  await client.query(
    `INSERT INTO signed_decisions (workspace_id, id, kind, subject_id, person_id, passkey_id, canonical, nonce, client_data,
                                   authenticator_data, signature, public_key, origin, rp_id, signed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      passkey.workspaceId,
      id,
      subject.kind,
      subject.id,
      passkey.personId,
      passkey.id,
      canonical,
      nonce,
      Buffer.from(clientDataJSON, 'base64url'),
      Buffer.from(authenticatorData, 'base64url'),
      Buffer.from(signature, 'base64url'),
      passkey.publicKey,
      rp.origin,
      rp.id,
      now,
    ],
  );
  return { id, passkeyId: passkey.id, digest: `sha256:${sha256(canonical).toString('hex')}` };
}

function expiryOf(canonical: string | null): number | undefined {
  const parsed: unknown = canonical === null ? null : parseJson(canonical);
  return typeof parsed === 'object' && parsed !== null && 'exp' in parsed && typeof parsed.exp === 'number'
    ? parsed.exp
    : undefined;
}

function otherDecision(): Failure {
  return new Failure(
    409,
    'signature_other_decision',
    'The passkey has signed another decision than this one, or too long ago.',
    'Ask for a new challenge with exactly what you decide.',
  );
}

export interface SignedDecisionRow {
  readonly id: string;
  readonly kind: string;
  readonly subject_id: string;
  readonly person: string;
  readonly passkey_id: string;
  readonly canonical: string;
  readonly nonce: Buffer;
  readonly client_data: Buffer;
  readonly authenticator_data: Buffer;
  readonly signature: Buffer;
  readonly public_key: Buffer;
  readonly origin: string;
  readonly rp_id: string;
  readonly signed_at: number;
}

/** In the order in which they were given. */
export async function listSignedDecisions(
  client: Pool | ClientBase,
  workspaceId: string,
  kind: Subject['kind'],
  subjectId: string,
): Promise<readonly SignedDecisionRow[]> {
  const { rows } = await client.query<SignedDecisionRow>(
    `SELECT d.id, d.kind, d.subject_id, p.email AS person, d.passkey_id, d.canonical, d.nonce, d.client_data, d.authenticator_data,
            d.signature, d.public_key, d.origin, d.rp_id, floor(extract(epoch FROM d.signed_at))::bigint AS signed_at
       FROM signed_decisions d JOIN people p ON p.workspace_id = d.workspace_id AND p.id = d.person_id
      WHERE d.workspace_id = $1 AND d.kind = $2 AND d.subject_id = $3 ORDER BY d.signed_at, d.id`,
    [workspaceId, kind, subjectId],
  );
  return rows;
}
