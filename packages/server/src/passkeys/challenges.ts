/** Challenges for authenticators: made for one purpose and one person, taken once. */
import { randomBytes } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';

const SECONDS = 300;

export type ChallengePurpose = 'register' | 'enrol' | 'step_up' | 'sign_in' | 'decision';

export interface Challenge {
  readonly challenge: string;
  readonly workspaceId: WorkspaceId;
  readonly purpose: ChallengePurpose;
  /** Null: whoever signs in. */
  readonly personId: PersonId | null;
  /** The session, or key, that asked for it. */
  readonly credentialId: string | null;
  readonly invitationId: string | null;
  readonly canonical: string | null;
  readonly nonce: Buffer | null;
}

const COLUMNS = `challenge, workspace_id AS "workspaceId", purpose, person_id AS "personId", credential_id AS "credentialId",
  invitation_id AS "invitationId", canonical, nonce`;

export function newChallenge(): string {
  return randomBytes(32).toString('base64url');
}

export async function keepChallenge(
  pool: Pool,
  challenge: Pick<Challenge, 'challenge' | 'workspaceId' | 'purpose'> & Partial<Challenge>,
): Promise<void> {
  await pool.query('DELETE FROM passkey_challenges WHERE expires_at < now()');
  await pool.query(
    `INSERT INTO passkey_challenges (challenge, workspace_id, purpose, person_id, credential_id, invitation_id, canonical, nonce, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9))`,
    [
      challenge.challenge,
      challenge.workspaceId,
      challenge.purpose,
      challenge.personId ?? null,
      challenge.credentialId ?? null,
      challenge.invitationId ?? null,
      challenge.canonical ?? null,
      challenge.nonce ?? null,
      SECONDS,
    ],
  );
}

/** While it is open; not taken by this. Throws `passkey_challenge_unknown`. */
export async function findChallenge(
  client: Pool | ClientBase,
  challenge: string | undefined,
  purpose: ChallengePurpose,
): Promise<Challenge> {
  const { rows } = await client.query<Challenge>(
    `SELECT ${COLUMNS} FROM passkey_challenges WHERE challenge = $1 AND purpose = $2 AND expires_at > clock_timestamp()`,
    [challenge ?? '', purpose],
  );
  if (rows[0] !== undefined) return rows[0];
  throw challengeUnknown();
}

/** Takes it, in the transaction of what it is for. False when somebody else has. */
export async function takeChallenge(client: ClientBase, { challenge }: Pick<Challenge, 'challenge'>): Promise<boolean> {
  const { rowCount } = await client.query(
    'DELETE FROM passkey_challenges WHERE challenge = $1 AND expires_at > clock_timestamp()',
    [challenge],
  );
  return rowCount === 1;
}

export function challengeUnknown(): Failure {
  return new Failure(
    403,
    'passkey_challenge_unknown',
    'What the passkey has signed was not asked for here, was used already, or is too old.',
    'Begin anew.',
  );
}
