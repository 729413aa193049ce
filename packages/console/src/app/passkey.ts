/** Asking an authenticator, with what the server wants asked. */
import {
  type AuthenticationResponseJSON,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  startAuthentication,
  startRegistration,
} from '@simplewebauthn/browser';
import { at, send, setCsrfToken } from '../api/client.ts';
import type { Passkey } from '../api/identity-types.ts';
import { ApiError } from '../api/problem.ts';
import type { Session } from '../api/types.ts';

interface Creation {
  readonly options: PublicKeyCredentialCreationOptionsJSON;
}
interface Request {
  readonly options: PublicKeyCredentialRequestOptionsJSON;
}

/** Registers one more passkey of whoever is signed in. */
export async function registerPasskey(name: string): Promise<Passkey> {
  const { options } = await send<Creation>('POST', '/v1/passkeys/options', {});
  const response = await asked(() => startRegistration({ optionsJSON: options }));
  return send<Passkey>('POST', '/v1/passkeys', { name, response });
}

/** Registers the passkey of an account for emergencies, with the link it was given. */
export async function enrolPasskey(invitation: string, name: string): Promise<Passkey> {
  const { options } = await send<Creation>('POST', '/v1/sign-in/enrolment/options', { invitation });
  const response = await asked(() => startRegistration({ optionsJSON: options }));
  return send<Passkey>('POST', '/v1/sign-in/enrolment', { invitation, name, response });
}

/** Signs in to an account for emergencies. */
export async function signInWithPasskey(): Promise<Session> {
  const { options } = await send<Request>('POST', '/v1/sign-in/passkey/options', {});
  const response = await asked(() => startAuthentication({ optionsJSON: options }));
  return send<Session>('POST', '/v1/sign-in/passkey', { response });
}

/** The session goes on under another CSRF token. */
export async function stepUp(): Promise<Session> {
  const { options } = await send<Request>('POST', '/v1/session/step-up/options', {});
  const response = await asked(() => startAuthentication({ optionsJSON: options }));
  const session = await send<Session>('POST', '/v1/session/step-up', { response });
  setCsrfToken(session.csrf_token);
  return session;
}

/** What a decision about a held call says, word for word; and how it is signed. */
export interface Challenge {
  /** The text that is hashed. */
  readonly decision: string;
  sign(): Promise<AuthenticationResponseJSON>;
}

/** For 5 minutes and for one use. */
export async function challengeFor(approval: string, decision: object): Promise<Challenge> {
  const { options, decision: text } = await send<Request & { readonly decision: string }>(
    'POST',
    at`/v1/approvals/${approval}/challenge`,
    decision,
  );
  return { decision: text, sign: () => asked(() => startAuthentication({ optionsJSON: options })) };
}

/** As `challengeFor`, of the approval of a change. */
export async function challengeForChange(change: string, decision: object): Promise<Challenge> {
  const to = at`/v1/changes/${change}/challenge`;
  const { options, decision: text } = await send<Request & { readonly decision: string }>('POST', to, decision);
  return { decision: text, sign: () => asked(() => startAuthentication({ optionsJSON: options })) };
}

/** As `challengeFor`, of a signature under an access review. */
export async function challengeForReview(review: string, capacity: string): Promise<Challenge> {
  const to = at`/v1/reviews/${review}/signatures/options`;
  const { options, decision: text } = await send<Request & { readonly decision: string }>('POST', to, { capacity });
  return { decision: text, sign: () => asked(() => startAuthentication({ optionsJSON: options })) };
}

/** Browsers do not tell why an authenticator gave nothing, so that pages cannot ask it what it has. */
async function asked<T>(ceremony: () => Promise<T>): Promise<T> {
  try {
    return await ceremony();
  } catch (error) {
    throw new ApiError({
      status: 0,
      code: 'passkey_not_given',
      cause: `The passkey was not given: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'Try again, and confirm on the device that has it. Passkeys take HTTPS, or localhost.',
    });
  }
}
