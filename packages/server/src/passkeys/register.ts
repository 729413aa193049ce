/** Registering passkeys and taking them back. */
import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/server';
import type { Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { endSessionsOf, refuseBreakGlassLoss } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { type Challenge, challengeUnknown, keepChallenge, newChallenge, takeChallenge } from './challenges.ts';
import type { RelyingParty } from './relying-party.ts';
import { credentialIdsOf, findPasskeyView, type PasskeyView } from './store.ts';
import type { VerifiedRegistration } from './verify.ts';
import { PASSKEY_ALGORITHMS } from './verify.ts';

const MAX_PASSKEYS = 20;

export interface Registrant {
  readonly workspaceId: WorkspaceId;
  readonly personId: PersonId;
  readonly email: string;
  readonly displayName: string;
}

/** What the browser hands to the authenticator. */
export async function registrationOptions(
  pool: Pool,
  { id: rpID }: RelyingParty,
  { workspaceId, personId, email, displayName }: Registrant,
  bound: Pick<Challenge, 'purpose' | 'credentialId' | 'invitationId'>,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const challenge = newChallenge();
  const known = await credentialIdsOf(pool, workspaceId, personId);
  const { generateRegistrationOptions } = await import('@simplewebauthn/server');
  const options = await generateRegistrationOptions({
    rpName: 'HiveKey',
    rpID,
    userName: email,
    userDisplayName: displayName === '' ? email : displayName,
    userID: new TextEncoder().encode(personId),
    challenge: new Uint8Array(Buffer.from(challenge, 'base64url')),
    attestationType: 'none',
    supportedAlgorithmIDs: [...PASSKEY_ALGORITHMS],
    excludeCredentials: known.map((id) => ({ id })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  });
  await keepChallenge(pool, { challenge, workspaceId, personId, ...bound });
  return options;
}

/** Throws `passkey_challenge_unknown`, `person_inactive`, `passkey_exists`, `passkeys_too_many`. */
export async function addPasskey(
  { client, now, log }: LoggedTransaction,
  { workspaceId, personId, email }: Omit<Registrant, 'displayName'>,
  verified: VerifiedRegistration,
  {
    name,
    actor,
    registeredBy,
  }: { readonly name: string; readonly actor: string; readonly registeredBy: PasskeyView['registered_by'] },
): Promise<PasskeyView> {
  if (!(await takeChallenge(client, verified.challenge))) throw challengeUnknown();
  // Whoever has left meanwhile has no passkey any more, and gets none.
  const { rowCount: isActive } = await client.query(
    'SELECT FROM people WHERE workspace_id = $1 AND id = $2 AND active',
    [workspaceId, personId],
  );
  if (isActive === 0) throw new Failure(403, 'person_inactive', `${email} is not active.`, 'Ask an administrator.');
  if ((await credentialIdsOf(client, workspaceId, personId)).length >= MAX_PASSKEYS)
    throw new Failure(
      409,
      'passkeys_too_many',
      `${email} has ${MAX_PASSKEYS} passkeys.`,
      'Revoke one that is not used.',
    );
  const id = newId<string>('psk');
  const { rowCount } = await client.query(
    `INSERT INTO passkeys (workspace_id, id, person_id, name, credential_id, public_key, counter, device_type, aaguid, transports, registered_by, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (credential_id) DO NOTHING`,
    [
      workspaceId,
      id,
      personId,
      name,
      verified.credentialId,
      verified.publicKey,
      verified.counter,
      verified.deviceType,
      verified.aaguid,
      verified.transports,
      registeredBy,
      now,
    ],
  );
  if (rowCount === 0)
    throw new Failure(409, 'passkey_exists', 'This passkey is registered already.', 'Use it, or register another one.');
  log({
    kind: 'passkey.registered',
    actor,
    passkey_id: id,
    passkey: name,
    person: email,
    person_id: personId,
    device_bound: verified.deviceType === 'singleDevice',
    registered_by: registeredBy,
  });
  const view = await findPasskeyView(client, workspaceId, id);
  if (view === undefined) throw new Error(`the passkey ${id} was not inserted`);
  return view;
}

/** One's own, or anybody's as an administrator. Revoking twice answers the same. Throws `passkey_not_found`, `break_glass_minimum`. */
export function revokePasskey(log: ActionLog, who: Administrator, id: string): Promise<PasskeyView> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client, now, log: record } = transaction;
    const passkey = await readPasskey(client, who, id);
    if (passkey.revoked_at !== null) return passkey;
    const { length: live } = await credentialIdsOf(client, workspaceId, passkey.personId);
    if (live === 1) await refuseBreakGlassLoss(client, workspaceId, passkey.personId);
    await client.query('UPDATE passkeys SET revoked_at = $3, revoked_by = $4 WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      id,
      now,
      actor,
    ]);
    record({
      kind: 'passkey.revoked',
      actor,
      passkey_id: id,
      passkey: passkey.name,
      person: passkey.person,
      person_id: passkey.personId,
    });
    // Of an account for emergencies, and of somebody of an audit firm, it is the only way in: whoever came in by it is out.
    const { break_glass: isForEmergencies, external } = await readPerson(client, workspaceId, passkey.personId);
    if (isForEmergencies || external)
      await endSessionsOf(transaction, workspaceId, passkey.personId, { actor, reason: 'passkey_revoked' });
    return readPasskey(client, who, id);
  });
}

export function renamePasskey(log: ActionLog, who: Administrator, id: string, name: string): Promise<PasskeyView> {
  return log.transact(who.workspaceId, async ({ client }) => {
    await readPasskey(client, who, id);
    await client.query('UPDATE passkeys SET name = $3 WHERE workspace_id = $1 AND id = $2', [
      who.workspaceId,
      id,
      name,
    ]);
    return readPasskey(client, who, id);
  });
}

async function readPasskey(
  client: LoggedTransaction['client'],
  { workspaceId, person, roles }: Administrator,
  id: string,
): Promise<PasskeyView & { readonly personId: PersonId }> {
  const passkey = await findPasskeyView(client, workspaceId, id);
  if (passkey !== undefined && (roles.includes('admin') || passkey.personId === person?.id)) return passkey;
  throw new Failure(404, 'passkey_not_found', `You have no passkey "${id}".`, 'List them with GET /v1/passkeys.');
}
